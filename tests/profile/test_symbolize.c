#include "profile/symbolize.h"

#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/loaded_module.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

/* A return address in the test itself, with the line it was called from. */
struct captured {
    uintptr_t address;
    uint32_t line;
};

static void __attribute__((noinline)) capture(struct captured *captured)
{
    captured->address = (uintptr_t)__builtin_return_address(0);
    __asm__ volatile("" ::: "memory");
}

static void __attribute__((noinline)) capture_plain(struct captured *captured)
{
    captured->line = __LINE__ + 1;
    capture(captured);
    __asm__ volatile("" ::: "memory");
}

static inline void __attribute__((always_inline)) capture_inlined(struct captured *captured)
{
    captured->line = __LINE__ + 1;
    capture(captured);
    __asm__ volatile("" ::: "memory");
}

static uint32_t outer_line;

static void __attribute__((noinline)) capture_outer(struct captured *captured)
{
    outer_line = __LINE__ + 1;
    capture_inlined(captured);
    __asm__ volatile("" ::: "memory");
}

/* A profile of one sample with these frames, its symbols, and what they need. */
struct fixture {
    struct region_builder builder;
    struct wp_profile *profile;
    struct wp_symbolizer *symbolizer;
    struct wp_symbols *symbols;
    const uint32_t *stack;
    size_t depth;
};

static void
fixture_resolve(struct fixture *fixture)
{
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    int fd = region_builder_memfd(&fixture->builder, fixture->builder.size_bytes);

    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    close(fd);
    fixture->profile = wp_profile_new(WP_PROFILE_BLOCK);
    assert_int_equal(wp_profile_add(fixture->profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    assert_int_equal(wp_symbolizer_new(NULL, &fixture->symbolizer, &error), 0);
    assert_int_equal(wp_symbolize(fixture->symbolizer, fixture->profile, &fixture->symbols, &error),
                     0);
    fixture->depth =
        wp_symbols_stack(fixture->symbols, fixture->profile->samples[0], &fixture->stack);
}

static void
fixture_free(struct fixture *fixture)
{
    wp_symbols_free(fixture->symbols);
    wp_symbolizer_free(fixture->symbolizer);
    wp_profile_free(fixture->profile);
    region_builder_free(&fixture->builder);
}

static const struct wp_location *
fixture_location(const struct fixture *fixture, size_t depth)
{
    assert_true(depth < fixture->depth);
    return &fixture->symbols->locations[fixture->stack[depth]];
}

/* Adds the module of an address at a row and gives the frame. */
static uint64_t
fixture_frame(struct fixture *fixture, uint32_t row, uintptr_t address)
{
    struct loaded_module module;

    assert_true(loaded_module_find((const void *)address, &module));
    loaded_module_add(&module, &fixture->builder, row);
    return region_builder_frame(row, address - module.bias);
}

static void
fixture_stack(struct fixture *fixture, uint16_t function, const uint64_t *frames, uint16_t depth)
{
    region_builder_stack(&fixture->builder, 0, WP_PROFILE_BLOCK, function, frames, depth,
                         (struct region_builder_cost){ONE, 1000, 1, 0});
}

static bool
ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static const struct region_builder_sizes sizes = {.string_bytes = 16384};

static void
a_return_address_has_the_function_file_and_line_of_its_call(void **state)
{
    struct fixture fixture;
    struct captured captured;
    const struct wp_location *location;
    uint64_t frame;

    (void)state;
    capture_plain(&captured);
    region_builder_init(&fixture.builder, &sizes);
    frame = fixture_frame(&fixture, 1, captured.address);
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    location = fixture_location(&fixture, 0);
    assert_int_equal(location->line_count, 1);
    assert_string_equal(location->lines[0].function, "capture_plain");
    assert_int_equal(location->lines[0].line, captured.line);
    assert_true(location->lines[0].file[0] == '/');
    assert_true(ends_with(location->lines[0].file, "tests/profile/test_symbolize.c"));
    assert_true(location->address == captured.address - 1);
    assert_true(fixture.symbols->modules[location->module].has_functions);
    assert_true(fixture.symbols->modules[location->module].has_filenames);
    assert_true(fixture.symbols->modules[location->module].has_line_numbers);
    fixture_free(&fixture);
}

static void
inlined_functions_come_innermost_first(void **state)
{
    struct fixture fixture;
    struct captured captured;
    const struct wp_location *location;
    uint64_t frame;

    (void)state;
    capture_outer(&captured);
    region_builder_init(&fixture.builder, &sizes);
    frame = fixture_frame(&fixture, 1, captured.address);
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    location = fixture_location(&fixture, 0);
    assert_int_equal(location->line_count, 2);
    assert_string_equal(location->lines[0].function, "capture_inlined");
    assert_int_equal(location->lines[0].line, captured.line);
    assert_string_equal(location->lines[1].function, "capture_outer");
    assert_int_equal(location->lines[1].line, outer_line);
    assert_true(fixture.symbols->modules[location->module].has_inline_frames);
    fixture_free(&fixture);
}

static void
an_interrupted_frame_is_taken_as_it_is(void **state)
{
    struct fixture fixture;
    const struct wp_location *location;
    uintptr_t entry = (uintptr_t)capture_plain;
    uint64_t frame;

    (void)state;
    region_builder_init(&fixture.builder, &sizes);
    frame = fixture_frame(&fixture, 1, entry) | WP_FRAME_EXACT;
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    location = fixture_location(&fixture, 0);
    assert_true(location->address == entry);
    assert_string_equal(location->lines[0].function, "capture_plain");
    assert_int_equal(location->lines[0].offset_bytes, 0);
    fixture_free(&fixture);
}

static void
the_leaf_is_the_api_function_by_its_own_name(void **state)
{
    struct fixture fixture;
    const struct wp_location *location;
    struct captured captured;
    uintptr_t real = (uintptr_t)pthread_mutex_lock;
    uint64_t frames[2];
    uint16_t function;

    (void)state;
    capture_plain(&captured);
    region_builder_init(&fixture.builder, &sizes);
    frames[0] = fixture_frame(&fixture, 1, captured.address);
    frames[1] = fixture_frame(&fixture, 2, real);
    function = region_builder_function(&fixture.builder, "pthread_mutex_timedlock", "mutex", 2,
                                       frames[1] & WP_FRAME_ADDRESS_MASK);
    fixture_stack(&fixture, function, frames, 1);
    fixture_resolve(&fixture);
    assert_int_equal(fixture.depth, 2);
    location = fixture_location(&fixture, 0);
    assert_int_equal(location->line_count, 1);
    assert_string_equal(location->lines[0].function, "pthread_mutex_timedlock");
    assert_true(location->address == real);
    assert_string_equal(fixture_location(&fixture, 1)->lines[0].function, "capture_plain");
    fixture_free(&fixture);
}

static void
two_names_of_one_entry_have_two_addresses(void **state)
{
    struct fixture fixture;
    uint16_t first;
    uint16_t second;
    uint64_t frame = 0x7f1234567890;
    const uint32_t *other;

    (void)state;
    region_builder_init(&fixture.builder, &sizes);
    region_builder_module(&fixture.builder, 2, "/nowhere/libc.so.6", 0x7f0000000000, 0x1000,
                          0x100000);
    first = region_builder_function(&fixture.builder, "read", "read", 2, 0x5000);
    second = region_builder_function(&fixture.builder, "__read", "read", 2, 0x5000);
    fixture_stack(&fixture, first, &frame, 1);
    fixture_stack(&fixture, second, &frame, 1);
    fixture_resolve(&fixture);
    wp_symbols_stack(fixture.symbols, fixture.profile->samples[1], &other);
    assert_true(fixture.symbols->locations[fixture.stack[0]].address !=
                fixture.symbols->locations[other[0]].address);
    assert_string_not_equal(fixture.symbols->locations[fixture.stack[0]].lines[0].function,
                            fixture.symbols->locations[other[0]].lines[0].function);
    fixture_free(&fixture);
}

static void
modules_that_claim_the_same_addresses_are_moved_apart(void **state)
{
    struct fixture fixture;
    uint64_t frames[2] = {region_builder_frame(5, 0x1100), region_builder_frame(2, 0x1100)};
    const struct wp_module_symbols *modules;

    (void)state;
    region_builder_init(&fixture.builder, &sizes);
    /* Row 5 is the older one: its path came first. */
    region_builder_module(&fixture.builder, 5, "/nowhere/old.so", 0x7f0000000000, 0x1000, 0x2000);
    region_builder_module(&fixture.builder, 2, "/nowhere/new.so", 0x7f0000000000, 0x1000, 0x2000);
    fixture_stack(&fixture, 0, frames, 2);
    fixture_resolve(&fixture);
    modules = fixture.symbols->modules;
    assert_true(fixture_location(&fixture, 0)->address == 0x7f00000010ff);
    assert_true(fixture_location(&fixture, 1)->address != 0x7f00000010ff);
    assert_true(modules[1].limit <= modules[2].start || modules[2].limit <= modules[1].start);
    assert_true(fixture_location(&fixture, 1)->address >= modules[2].start &&
                fixture_location(&fixture, 1)->address < modules[2].limit);
    assert_false(modules[2].has_functions);
    assert_non_null(modules[2].trouble);
    fixture_free(&fixture);
}

static void
special_frames_have_names_and_addresses_of_their_own(void **state)
{
    struct fixture fixture;
    uint64_t frames[3] = {
        0x1000,
        region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_UNWIND_FAILED),
        region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_TRUNCATED),
    };

    (void)state;
    region_builder_init(&fixture.builder, &sizes);
    fixture_stack(&fixture, 0, frames, 3);
    fixture_resolve(&fixture);
    assert_string_equal(fixture_location(&fixture, 1)->lines[0].function, "[unwind failed]");
    assert_string_equal(fixture_location(&fixture, 2)->lines[0].function, "[truncated]");
    assert_true(fixture_location(&fixture, 1)->address != 0);
    assert_true(fixture_location(&fixture, 1)->address != fixture_location(&fixture, 2)->address);
    assert_int_equal(fixture_location(&fixture, 0)->address, 0xfff);
    assert_int_equal(fixture_location(&fixture, 0)->line_count, 0);
    fixture_free(&fixture);
}

static void
a_file_with_another_build_id_is_not_used(void **state)
{
    struct fixture fixture;
    struct captured captured;
    struct wp_region_module *modules;
    uint64_t frame;

    (void)state;
    capture_plain(&captured);
    region_builder_init(&fixture.builder, &sizes);
    frame = fixture_frame(&fixture, 1, captured.address);
    modules = region_builder_rows(&fixture.builder, WP_TABLE_MODULES);
    assert_true(modules[1].build_id_bytes > 0);
    modules[1].build_id[0] ^= 1;
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    assert_int_equal(fixture_location(&fixture, 0)->line_count, 0);
    assert_non_null(strstr(fixture.symbols->modules[1].trouble, "build-id"));
    assert_false(fixture.symbols->modules[1].has_functions);
    fixture_free(&fixture);
}

static void
a_stripped_library_is_named_by_its_exported_functions(void **state)
{
    struct fixture fixture;
    uintptr_t inside = (uintptr_t)pthread_mutex_lock + 2;
    uint64_t frame;

    (void)state;
    region_builder_init(&fixture.builder, &sizes);
    frame = fixture_frame(&fixture, 4, inside);
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    assert_int_equal(fixture_location(&fixture, 0)->line_count, 1);
    assert_non_null(strstr(fixture_location(&fixture, 0)->lines[0].function, "pthread_mutex_lock"));
    fixture_free(&fixture);
}

static void
the_vdso_is_named_from_our_own(void **state)
{
    struct fixture fixture;
    struct loaded_module vdso;
    uintptr_t image = getauxval(AT_SYSINFO_EHDR);
    uint64_t frame;

    (void)state;
    if (image == 0)
        skip();
    assert_true(loaded_module_find((const void *)(image + 64), &vdso));
    strcpy(vdso.path, "linux-vdso.so.1");
    region_builder_init(&fixture.builder, &sizes);
    loaded_module_add(&vdso, &fixture.builder, 1);
    frame = region_builder_frame(1, vdso.text_vaddr + vdso.text_bytes - 1);
    fixture_stack(&fixture, 0, &frame, 1);
    fixture_resolve(&fixture);
    assert_string_equal(fixture.profile->modules[1].path, "[vdso]");
    assert_null(fixture.symbols->modules[1].trouble);
    fixture_free(&fixture);
}

static void
addresses_stay_when_more_modules_come(void **state)
{
    struct fixture before;
    struct fixture after;
    uint64_t frames[2] = {region_builder_frame(5, 0x1100), region_builder_frame(2, 0x1100)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture *fixture = i == 0 ? &before : &after;

        region_builder_init(&fixture->builder, &sizes);
        region_builder_module(&fixture->builder, 5, "/nowhere/a.so", 0x7f0000000000, 0x1000,
                              0x2000);
        region_builder_module(&fixture->builder, 2, "/nowhere/b.so", 0x7f0000000000, 0x1000,
                              0x2000);
        if (i == 1)
            region_builder_module(&fixture->builder, 1, "/nowhere/c.so", 0x7f0000000000, 0x1000,
                                  0x2000);
        fixture_stack(fixture, 0, frames, 2);
        fixture_resolve(fixture);
    }
    for (size_t i = 0; i < 2; i++)
        assert_true(fixture_location(&before, i)->address == fixture_location(&after, i)->address);
    fixture_free(&before);
    fixture_free(&after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_return_address_has_the_function_file_and_line_of_its_call),
        cmocka_unit_test(inlined_functions_come_innermost_first),
        cmocka_unit_test(an_interrupted_frame_is_taken_as_it_is),
        cmocka_unit_test(the_leaf_is_the_api_function_by_its_own_name),
        cmocka_unit_test(two_names_of_one_entry_have_two_addresses),
        cmocka_unit_test(modules_that_claim_the_same_addresses_are_moved_apart),
        cmocka_unit_test(special_frames_have_names_and_addresses_of_their_own),
        cmocka_unit_test(a_file_with_another_build_id_is_not_used),
        cmocka_unit_test(a_stripped_library_is_named_by_its_exported_functions),
        cmocka_unit_test(the_vdso_is_named_from_our_own),
        cmocka_unit_test(addresses_stay_when_more_modules_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
