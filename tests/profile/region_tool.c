/*
 * Makes regions for tests of the encoders, and encodes regions without the rest of waitprof:
 *
 *   region_tool sample FILE              a small region of this very program, with inlined frames
 *   region_tool large FILE STACKS SITES  so many distinct stacks of 20 frames, through so many
 *                                        distinct call sites of libstdc++
 *   region_tool kinds FILE               a region with one stack of two kinds
 *   region_tool encode FORMAT TYPE FILE  writes the profile to stdout
 *   region_tool label FORMAT TYPE FILE   the same, labelled with the kind
 *   region_tool report TYPE FILE         prints the table of top waits
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/encode.h"
#include "profile/loaded_module.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"
#include "profile/report.h"

#define ONE WP_REGION_COUNT_ONE
#define LARGE_DEPTH 20u

static void __attribute__((noinline)) tool_capture(uintptr_t *address)
{
    *address = (uintptr_t)__builtin_return_address(0);
    __asm__ volatile("" ::: "memory");
}

static inline void __attribute__((always_inline)) tool_inlined(uintptr_t *address)
{
    tool_capture(address);
    __asm__ volatile("" ::: "memory");
}

static void __attribute__((noinline)) tool_worker(uintptr_t *address)
{
    tool_inlined(address);
    __asm__ volatile("" ::: "memory");
}

/* Adds the object that holds an address and returns the frame. */
static uint64_t
tool_frame(struct region_builder *builder, uint32_t row, uintptr_t address, bool is_executable)
{
    struct loaded_module module;

    if (!loaded_module_find((const void *)address, &module)) {
        fprintf(stderr, "region_tool: nothing is loaded at 0x%lx\n", (unsigned long)address);
        exit(1);
    }
    loaded_module_add(&module, builder, row)->is_executable = is_executable;
    return region_builder_frame(row, address - module.bias);
}

/* Where libc has the function itself, whatever a sanitizer put before it. */
static uintptr_t
tool_libc_lock(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    void *lock = libc == NULL ? NULL : dlsym(libc, "pthread_mutex_lock");

    if (lock == NULL) {
        fprintf(stderr, "region_tool: no pthread_mutex_lock in libc.so.6: %s\n", dlerror());
        exit(1);
    }
    return (uintptr_t)lock;
}

static int
tool_sample(const char *path)
{
    static const struct region_builder_sizes sizes = {.string_bytes = 16384};
    struct region_builder builder;
    uintptr_t address;
    uint64_t frames[2];
    uint64_t entry;
    uint16_t lock;
    uint16_t unlock;

    tool_worker(&address);
    region_builder_init(&builder, &sizes);
    entry = tool_frame(&builder, 3, tool_libc_lock(), false);
    frames[0] = tool_frame(&builder, 5, address, true);
    frames[1] = region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_TRUNCATED);
    lock = region_builder_function(&builder, "pthread_mutex_lock", "mutex", 3,
                                   entry & WP_FRAME_ADDRESS_MASK);
    unlock = region_builder_function(&builder, "pthread_mutex_unlock", "mutex", 3, 0x77777);
    region_builder_stack(&builder, 0, WP_PROFILE_BLOCK, lock, frames, 2,
                         (struct region_builder_cost){ONE * 16, 255000000, 16, 0});
    region_builder_stack(&builder, 1, WP_PROFILE_BLOCK, lock, frames, 1,
                         (struct region_builder_cost){ONE / 2, 1000000, 1, 1e10});
    region_builder_stack(&builder, 2, WP_PROFILE_MUTEX, unlock, frames, 1,
                         (struct region_builder_cost){ONE * 7, 70000000, 7, 0});
    region_builder_write(&builder, path);
    region_builder_free(&builder);
    return 0;
}

/* One stack that waits for a condition, then for its mutex; and another that waits for data. */
static int
tool_kinds(const char *path)
{
    static const struct region_builder_sizes sizes = {.string_bytes = 16384};
    struct region_builder builder;
    uintptr_t address;
    uint64_t frame;
    uint16_t wait;
    uint16_t again;
    uint16_t receive;

    tool_worker(&address);
    region_builder_init(&builder, &sizes);
    frame = tool_frame(&builder, 5, address, true);
    wait = region_builder_function(&builder, "pthread_cond_wait", "cond", 0, 0x100);
    again = region_builder_function(&builder, "pthread_cond_wait", "cond.reacquire", 0, 0x100);
    region_builder_function_row(&builder, again)->part_of = wait;
    receive = region_builder_function(&builder, "recv", "recv", 0, 0x200);
    region_builder_stack(&builder, 0, WP_PROFILE_BLOCK, wait, &frame, 1,
                         (struct region_builder_cost){ONE * 5 / 2, 50000000, 3, 0});
    region_builder_stack(&builder, 1, WP_PROFILE_BLOCK, again, &frame, 1,
                         (struct region_builder_cost){ONE / 2, 7000000, 1, 0});
    region_builder_stack(&builder, 2, WP_PROFILE_BLOCK, receive, &frame, 1,
                         (struct region_builder_cost){ONE, 300, 1, 0});
    region_builder_write(&builder, path);
    region_builder_free(&builder);
    return 0;
}

/* Stacks that differ, with addresses spread over the code of a real library. */
static int
tool_large(const char *path, uint32_t count, uint32_t sites)
{
    const uint32_t record_units = (64 + LARGE_DEPTH * 8) / 16;
    const struct region_builder_sizes sizes = {
        .string_bytes = 16384, .buckets = 65536, .stack_units = 16 + count * record_units};
    void *library = dlopen("libstdc++.so.6", RTLD_NOW);
    void *address = library == NULL ? NULL : dlsym(library, "_ZNSt6thread4joinEv");
    struct region_builder builder;
    struct loaded_module module;
    uint64_t state = 1;
    uint16_t lock;

    if (address == NULL || !loaded_module_find(address, &module)) {
        fprintf(stderr, "region_tool: libstdc++.so.6 cannot be loaded: %s\n", dlerror());
        return 1;
    }
    region_builder_init(&builder, &sizes);
    loaded_module_add(&module, &builder, 1);
    lock = region_builder_function(&builder, "pthread_mutex_lock", "mutex", 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t frames[LARGE_DEPTH];

        for (unsigned j = 0; j < LARGE_DEPTH; j++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            frames[j] = region_builder_frame(
                1, module.text_vaddr + 1 + (state >> 33) % sites * (module.text_bytes - 1) / sites);
        }
        region_builder_stack(&builder, i % 65536, WP_PROFILE_BLOCK, lock, frames, LARGE_DEPTH,
                             (struct region_builder_cost){ONE, 1000 + i, 1, 0});
    }
    region_builder_write(&builder, path);
    region_builder_free(&builder);
    return 0;
}

/* Reads, symbolizes, and hands the profile on: to an encoder, or to the report if that is NULL. */
static int
tool_output(const struct wp_encoder *encoder, uint32_t labels, const char *type, const char *path,
            struct wp_error *error)
{
    const struct wp_encode_options options = {.labels = labels};
    struct wp_profile *profile =
        wp_profile_new(strcmp(type, "mutex") == 0 ? WP_PROFILE_MUTEX : WP_PROFILE_BLOCK);
    struct wp_region_place place;
    struct wp_snapshot *snapshot = NULL;
    struct wp_symbolizer *symbolizer = NULL;
    struct wp_symbols *symbols = NULL;
    int result = wp_region_find(path, &place, error);

    if (result == 0)
        result = wp_reader_open(&place, &snapshot, error);
    if (result == 0)
        result = wp_profile_add(profile, snapshot, error);
    wp_snapshot_free(snapshot);
    if (result == 0)
        result = wp_symbolizer_new(NULL, &symbolizer, error);
    if (result == 0) {
        wp_profile_sort(profile);
        result = wp_symbolize(symbolizer, profile, &symbols, error);
    }
    if (result == 0 && encoder != NULL)
        result = encoder->encode(profile, symbols, &options, stdout, error);
    else if (result == 0)
        result = wp_report_print(profile, symbols, NULL, stdout, error);
    wp_symbols_free(symbols);
    wp_symbolizer_free(symbolizer);
    wp_profile_free(profile);
    return result;
}

int
main(int argument_count, char **arguments)
{
    struct wp_error error = {""};

    if (argument_count == 3 && strcmp(arguments[1], "sample") == 0)
        return tool_sample(arguments[2]);
    if (argument_count == 5 && strcmp(arguments[1], "large") == 0 && atoi(arguments[4]) > 0)
        return tool_large(arguments[2], (uint32_t)strtoul(arguments[3], NULL, 10),
                          (uint32_t)strtoul(arguments[4], NULL, 10));
    if (argument_count == 3 && strcmp(arguments[1], "kinds") == 0)
        return tool_kinds(arguments[2]);
    if (argument_count == 5 && wp_encoder_find(arguments[2]) != NULL &&
        (strcmp(arguments[1], "encode") == 0 || strcmp(arguments[1], "label") == 0)) {
        uint32_t labels = strcmp(arguments[1], "label") == 0 ? 1u << WP_LABEL_kind : 0;

        if (tool_output(wp_encoder_find(arguments[2]), labels, arguments[3], arguments[4],
                        &error) == 0)
            return 0;
    } else if (argument_count == 4 && strcmp(arguments[1], "report") == 0) {
        if (tool_output(NULL, 0, arguments[2], arguments[3], &error) == 0)
            return 0;
    } else {
        snprintf(error.text, sizeof error.text, "see the head of region_tool.c for its use");
    }
    fprintf(stderr, "region_tool: %s\n", error.text);
    return 1;
}
