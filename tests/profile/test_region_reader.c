#include "profile/region_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

/* Reads the first `bytes` of what was built. The caller frees the snapshot on success. */
static int
read_bytes(const struct region_builder *builder, size_t bytes, struct wp_snapshot **snapshot,
           struct wp_error *error)
{
    int fd = region_builder_memfd(builder, bytes);
    int result = wp_reader_read(fd, "test.wpr", snapshot, error);

    close(fd);
    return result;
}

/* The region must be refused with this code, and the message must hold this text. */
static void
assert_refused(struct region_builder *builder, int code, const char *text)
{
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    int result = read_bytes(builder, builder->size_bytes, &snapshot, &error);

    if (result == 0)
        wp_snapshot_free(snapshot);
    assert_int_equal(result, -code);
    if (strstr(error.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, text);
    region_builder_free(builder);
}

/* A region with a module, two functions and one stack of each profile, in one chain. */
static void
build_sample(struct region_builder *builder)
{
    const uint64_t frames[3] = {
        region_builder_frame(3, 0x1234),
        region_builder_frame(3, 0x2000) | WP_FRAME_EXACT,
        region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_TRUNCATED),
    };
    struct wp_region_module *module;
    uint16_t lock;
    uint16_t unlock;

    region_builder_init(builder, NULL);
    module =
        region_builder_module(builder, 3, "/opt/sample/bin/sample", 0x555500000000, 0x1000, 0x8000);
    module->is_executable = 1;
    region_builder_build_id(module, "\x01\x02\xab\xcd", 4);
    lock = region_builder_function(builder, "pthread_mutex_lock", "mutex", 3, 0x7000);
    unlock = region_builder_function(builder, "pthread_mutex_unlock", "mutex", 3, 0x7100);
    strcpy(region_builder_function_row(builder, lock)->family, "sync");
    region_builder_stack(builder, 5, WP_PROFILE_BLOCK, lock, frames, 3,
                         (struct region_builder_cost){ONE * 5 / 2, 700, 2, 12.5});
    region_builder_stack(builder, 5, WP_PROFILE_MUTEX, unlock, frames, 1,
                         (struct region_builder_cost){ONE, 900, 1, 0});
}

static void
a_sound_region_is_read_whole(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    build_sample(&builder);
    region_builder_header(&builder)->counters[2].value[WP_COUNTER_waits] = 40;
    region_builder_header(&builder)->counters[7].value[WP_COUNTER_waits] = 2;
    region_builder_process(&builder, 4243, 1);
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_string_equal(snapshot->command, "sample");
    assert_string_equal(snapshot->directory, "/opt/sample");
    assert_int_equal(snapshot->pid, 4242);
    assert_int_equal(snapshot->argument_count, 2);
    assert_string_equal(snapshot->arguments[1], "--fast");
    assert_null(snapshot->arguments[2]);
    assert_int_equal(snapshot->counters[WP_COUNTER_waits], 42);
    assert_int_equal(snapshot->process_count, 2);
    assert_int_equal(snapshot->processes[1].pid, 4243);
    assert_int_equal(snapshot->function_count, 3);
    assert_string_equal(snapshot->functions[2].name, "pthread_mutex_unlock");
    assert_true(snapshot->modules[3].known);
    assert_false(snapshot->modules[2].known);
    assert_int_equal(snapshot->modules[3].build_id_bytes, 4);
    assert_int_equal(snapshot->stack_count, 2);
    assert_int_equal(snapshot->stacks[0].delay_ns, 700);
    assert_int_equal(snapshot->stacks[0].contentions_fixed, ONE * 5 / 2);
    assert_int_equal(snapshot->stacks[0].depth, 3);
    assert_true(snapshot->stacks[0].variance == 12.5);
    assert_int_equal(snapshot->stacks[1].profile, WP_PROFILE_MUTEX);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
a_region_cut_anywhere_is_refused(void **state)
{
    struct region_builder builder;

    (void)state;
    build_sample(&builder);
    for (size_t bytes = 0; bytes < builder.size_bytes; bytes += bytes < 64 ? 1 : 61) {
        struct wp_snapshot *snapshot;
        struct wp_error error = {""};

        assert_int_equal(read_bytes(&builder, bytes, &snapshot, &error), -EPROTO);
        assert_string_not_equal(error.text, "");
    }
    region_builder_free(&builder);
}

static void
a_region_with_any_one_byte_changed_never_crashes_the_reader(void **state)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct region_builder builder;
    size_t refused = 0;
    size_t accepted = 0;

    (void)state;
    build_sample(&builder);
    for (size_t at = 0; at < builder.size_bytes; at++) {
        unsigned char before = builder.bytes[at];

        for (size_t i = 0; i < sizeof values; i++) {
            struct wp_snapshot *snapshot = NULL;
            struct wp_error error = {""};

            builder.bytes[at] = values[i];
            if (values[i] == before)
                continue;
            if (read_bytes(&builder, builder.size_bytes, &snapshot, &error) == 0) {
                wp_snapshot_free(snapshot);
                accepted++;
            } else {
                assert_string_not_equal(error.text, "");
                refused++;
            }
        }
        builder.bytes[at] = before;
    }
    assert_true(refused > 100);
    assert_true(accepted > 100);
    region_builder_free(&builder);
}

static void
an_unfinished_region_asks_to_try_again(void **state)
{
    struct region_builder builder;

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->ready = 0;
    assert_refused(&builder, EAGAIN, "starting");
    region_builder_init(&builder, NULL);
    memset(builder.bytes, 0, builder.size_bytes);
    assert_refused(&builder, EAGAIN, "starting");
}

static void
other_files_and_versions_are_named_as_such(void **state)
{
    struct region_builder builder;

    (void)state;
    region_builder_init(&builder, NULL);
    memcpy(builder.bytes, "\177ELF", 4);
    assert_refused(&builder, EPROTO, "not a region");
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->version = WP_REGION_VERSION + 1;
    assert_refused(&builder, EPROTO, "format version 5");
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->version = WP_REGION_VERSION - 1;
    assert_refused(&builder, EPROTO, "format version 3 and this waitprof reads version 4");
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->version = __builtin_bswap32(WP_REGION_VERSION);
    assert_refused(&builder, EPROTO, "byte order");
}

static void
tables_outside_of_the_file_or_over_each_other_are_refused(void **state)
{
    struct region_builder builder;

    (void)state;
    for (unsigned id = 0; id < WP_TABLE_COUNT; id++) {
        region_builder_init(&builder, NULL);
        region_builder_header(&builder)->tables[id].offset = 0xffffffc0u;
        assert_refused(&builder, EPROTO, "damaged");
        region_builder_init(&builder, NULL);
        region_builder_header(&builder)->tables[id].offset = 0;
        assert_refused(&builder, EPROTO, "begins at byte 0");
        region_builder_init(&builder, NULL);
        region_builder_header(&builder)->tables[id].offset += 8;
        assert_refused(&builder, EPROTO, "begins at byte");
        region_builder_init(&builder, NULL);
        region_builder_header(&builder)->tables[id].stride = 0;
        assert_refused(&builder, EPROTO, "rows of 0 bytes");
        region_builder_init(&builder, NULL);
        region_builder_header(&builder)->tables[id].capacity = 0xffffffffu;
        assert_refused(&builder, EPROTO, "damaged");
    }
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->tables[WP_TABLE_STACKS].offset =
        region_builder_header(&builder)->tables[WP_TABLE_BUCKETS].offset;
    assert_refused(&builder, EPROTO, "overlap");
}

static void
functions_have_what_their_rows_say_and_the_waits_of_all_shards(void **state)
{
    struct region_builder builder;
    struct wp_region_function *row;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    build_sample(&builder);
    row = region_builder_function_row(&builder, 2);
    strcpy(row->family, "process");
    strcpy(row->version, "GLIBC_2.3.2");
    row->flags = WP_REGION_FUNCTION_HIDDEN;
    row->part_of = 1;
    *region_builder_waits(&builder, 0, 1) = 5;
    *region_builder_waits(&builder, 7, 1) = 7;
    *region_builder_waits(&builder, 3, 2) = UINT64_MAX;
    *region_builder_waits(&builder, 4, 2) = 2;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_string_equal(snapshot->functions[1].family, "sync");
    assert_string_equal(snapshot->functions[1].version, "");
    assert_int_equal(snapshot->functions[1].waits, 12);
    assert_int_equal(snapshot->functions[1].part_of, 0);
    assert_string_equal(snapshot->functions[2].family, "process");
    assert_string_equal(snapshot->functions[2].version, "GLIBC_2.3.2");
    assert_int_equal(snapshot->functions[2].flags, WP_REGION_FUNCTION_HIDDEN);
    assert_int_equal(snapshot->functions[2].part_of, 1);
    assert_true(snapshot->functions[2].waits == UINT64_MAX);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
waits_must_have_a_number_of_each_function(void **state)
{
    struct region_builder builder;
    struct wp_region_table *waits;

    (void)state;
    region_builder_init(&builder, NULL);
    waits = &region_builder_header(&builder)->tables[WP_TABLE_WAITS];
    waits->stride = 72; /* enough, but no whole cache lines */
    assert_refused(&builder, EPROTO, "its table of waits has rows of 72 bytes");
    region_builder_init(&builder, &(struct region_builder_sizes){.functions = 9});
    waits = &region_builder_header(&builder)->tables[WP_TABLE_WAITS];
    waits->stride = 64; /* eight of them */
    assert_refused(&builder, EPROTO, "its table of waits has rows of 64 bytes");
    region_builder_init(&builder, NULL);
    waits = &region_builder_header(&builder)->tables[WP_TABLE_WAITS];
    waits->capacity = WP_REGION_COUNTER_SHARDS + 1;
    assert_refused(&builder, EPROTO, "its table of waits has room for 9 rows");
}

static void
unsound_functions_are_refused(void **state)
{
    struct region_builder builder;

    (void)state;
    build_sample(&builder);
    memset(region_builder_function_row(&builder, 1)->name, 0, 40);
    assert_refused(&builder, EPROTO, "row 1 of its functions");
    build_sample(&builder);
    memset(region_builder_function_row(&builder, 1)->kind, 'x', 16);
    assert_refused(&builder, EPROTO, "row 1 of its functions");
    build_sample(&builder);
    memset(region_builder_function_row(&builder, 1)->family, 'x', 12);
    assert_refused(&builder, EPROTO, "row 1 of its functions");
    build_sample(&builder);
    memset(region_builder_function_row(&builder, 1)->version, 'x', 16);
    assert_refused(&builder, EPROTO, "row 1 of its functions");
    build_sample(&builder);
    strcpy(region_builder_function_row(&builder, 2)->kind, "\033[31mred");
    assert_refused(&builder, EPROTO, "row 2 of its functions");
    build_sample(&builder);
    region_builder_function_row(&builder, 1)->part_of = 2; /* not before it */
    assert_refused(&builder, EPROTO, "row 1 of its functions");
    build_sample(&builder);
    region_builder_function_row(&builder, 2)->part_of = 2; /* itself */
    assert_refused(&builder, EPROTO, "row 2 of its functions");
}

static void
counts_beyond_the_capacity_are_clamped(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    build_sample(&builder);
    region_builder_header(&builder)->tables[WP_TABLE_PROCESSES].count = 1000000;
    region_builder_header(&builder)->stack_units_used = UINT64_MAX;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_int_equal(snapshot->process_count, 4);
    assert_int_equal(snapshot->stack_count, 2);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
strings_that_lie_outside_or_do_not_end_are_refused(void **state)
{
    struct region_builder builder;
    struct wp_region_header *header;
    char *strings;

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->command = 1000000;
    assert_refused(&builder, EPROTO, "the command is no string");
    region_builder_init(&builder, NULL);
    header = region_builder_header(&builder);
    strings = region_builder_rows(&builder, WP_TABLE_STRINGS);
    header->tables[WP_TABLE_STRINGS].count = header->tables[WP_TABLE_STRINGS].capacity;
    header->directory = header->tables[WP_TABLE_STRINGS].capacity - 1;
    strings[header->directory] = 'x';
    assert_refused(&builder, EPROTO, "the directory is no string");
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->arguments_bytes = 0xfffffff0u;
    assert_refused(&builder, EPROTO, "arguments");
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->arguments_bytes -= 1;
    assert_refused(&builder, EPROTO, "arguments");
}

static void
a_chain_that_is_a_ring_is_refused(void **state)
{
    struct region_builder builder;
    uint64_t frame = region_builder_frame(3, 0x1500);
    struct wp_region_stack *first;

    (void)state;
    build_sample(&builder);
    first = region_builder_stack(&builder, 9, WP_PROFILE_BLOCK, 1, &frame, 1,
                                 (struct region_builder_cost){ONE, 1, 1, 0});
    region_builder_stack(&builder, 9, WP_PROFILE_BLOCK, 1, &frame, 1,
                         (struct region_builder_cost){ONE, 1, 1, 0});
    first->next = ((uint32_t *)region_builder_rows(&builder, WP_TABLE_BUCKETS))[9];
    assert_refused(&builder, EPROTO, "ring");
}

static void
unsound_stacks_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
        uint64_t value;
        size_t bytes;
    } cases[] = {
        {"too many frames", offsetof(struct wp_region_stack, depth), 0xffff, 2},
        {"ends behind the last", offsetof(struct wp_region_stack, depth), 900, 2},
        {"no profile", offsetof(struct wp_region_stack, profile), 0, 1},
        {"no profile", offsetof(struct wp_region_stack, profile), 3, 1},
        {"function is not in the table", offsetof(struct wp_region_stack, function), 99, 2},
        {"frame names no module", offsetof(struct wp_region_stack, frames), UINT64_C(9) << 48, 8},
        {"frame names no module", offsetof(struct wp_region_stack, frames),
         UINT64_C(0xffff) << 48 | 77, 8},
        {"lies behind the last", offsetof(struct wp_region_stack, next), 0xffffffff, 4},
        {"ends behind the last", offsetof(struct wp_region_stack, next), 2, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct region_builder builder;
        unsigned char *head;

        build_sample(&builder);
        head = region_builder_rows(&builder, WP_TABLE_STACKS);
        head += 16 * ((uint32_t *)region_builder_rows(&builder, WP_TABLE_BUCKETS))[5];
        memcpy(head + cases[i].offset, &cases[i].value, cases[i].bytes);
        assert_refused(&builder, EPROTO, cases[i].text);
    }
}

static void
a_record_in_two_chains_is_refused(void **state)
{
    struct region_builder builder;
    uint32_t *heads;

    (void)state;
    build_sample(&builder);
    heads = region_builder_rows(&builder, WP_TABLE_BUCKETS);
    heads[6] = heads[5];
    assert_refused(&builder, EPROTO, "overlaps another");
}

static void
a_record_that_reaches_into_another_is_refused(void **state)
{
    struct region_builder builder;
    struct wp_region_stack *later;
    struct wp_region_stack *earlier;
    char *units;

    (void)state;
    build_sample(&builder);
    units = region_builder_rows(&builder, WP_TABLE_STACKS);
    later = (void *)(units + 16 * ((uint32_t *)region_builder_rows(&builder, WP_TABLE_BUCKETS))[5]);
    earlier = (void *)(units + 16 * (size_t)later->next);
    /* The first words of the one are good frames of the other. */
    earlier->depth = 6;
    later->hash = 0;
    assert_refused(&builder, EPROTO, "overlaps another");
}

static void
a_stack_without_function_and_frames_is_refused(void **state)
{
    struct region_builder builder;
    uint64_t frame = 0;

    (void)state;
    build_sample(&builder);
    region_builder_stack(&builder, 0, WP_PROFILE_BLOCK, 0, &frame, 0,
                         (struct region_builder_cost){ONE, 1, 1, 0});
    assert_refused(&builder, EPROTO, "neither function nor frames");
}

static void
a_module_row_torn_by_a_kill_is_unknown_and_no_error(void **state)
{
    struct region_builder builder;
    struct wp_region_module *modules;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    build_sample(&builder);
    modules = region_builder_rows(&builder, WP_TABLE_MODULES);
    modules[3].ready = 0;
    modules[3].path = 0xffffff;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_false(snapshot->modules[3].known);
    assert_int_equal(snapshot->stack_count, 2);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
a_record_that_was_never_published_is_not_seen(void **state)
{
    struct region_builder builder;
    uint32_t *heads;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    build_sample(&builder);
    heads = region_builder_rows(&builder, WP_TABLE_BUCKETS);
    heads[5] = 0;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_int_equal(snapshot->stack_count, 0);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
a_variance_that_is_no_number_counts_as_none(void **state)
{
    static const uint64_t bits[] = {UINT64_C(0x7ff8000000000000), UINT64_C(0xfff0000000000000),
                                    UINT64_C(0x7ff0000000000000), UINT64_C(0xc000000000000000)};

    (void)state;
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        struct region_builder builder;
        struct wp_region_stack *stack;
        struct wp_snapshot *snapshot;
        struct wp_error error = {""};
        uint64_t frame = 0x7f0000001000;

        region_builder_init(&builder, NULL);
        stack = region_builder_stack(&builder, 0, WP_PROFILE_BLOCK, 0, &frame, 1,
                                     (struct region_builder_cost){ONE, 1, 1, 0});
        stack->variance_bits = bits[i];
        assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
        assert_true(snapshot->stacks[0].variance == 0);
        wp_snapshot_free(snapshot);
        region_builder_free(&builder);
    }
}

static void
rate_changes_come_oldest_first_when_the_ring_went_round(void **state)
{
    struct region_builder builder;
    struct wp_region_header *header;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    region_builder_init(&builder, NULL);
    header = region_builder_header(&builder);
    for (uint64_t i = 0; i < 40; i++)
        header->rate_changes[i % WP_REGION_RATE_CHANGES] =
            (struct wp_region_rate_change){.realtime_ns = 100 + i, .block_rate_ns = i};
    header->rate_change_count = 40;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_int_equal(snapshot->rate_changes_known, WP_REGION_RATE_CHANGES);
    assert_int_equal(snapshot->rate_changes[0].block_rate_ns, 8);
    assert_int_equal(snapshot->rate_changes[31].block_rate_ns, 39);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
a_count_of_rate_changes_near_its_limit_ends(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->rate_change_count = UINT64_MAX;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_true(snapshot->rate_changes_known <= WP_REGION_RATE_CHANGES);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
threads_are_read_with_what_they_wait_for(void **state)
{
    struct region_builder builder;
    struct wp_region_thread *rows;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    (void)state;
    region_builder_init(&builder, NULL);
    uint16_t function = region_builder_function(&builder, "pthread_mutex_lock", "mutex", 0, 0);

    rows = region_builder_rows(&builder, WP_TABLE_THREADS);
    rows[3] = (struct wp_region_thread){.key = UINT64_C(1) << 32 | 4242,
                                        .waits = 7,
                                        .waited_ns = 700,
                                        .last_monotonic_ns = 9000,
                                        .waiting_since_ns = 9000,
                                        .waiting_function = function};
    rows[5] = (struct wp_region_thread){.key = UINT64_C(9) << 32 | 4300, .waiting_function = 999};
    rows[6] = (struct wp_region_thread){.key = 17}; /* of no process: half a key is none */
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_int_equal(snapshot->thread_count, 2);
    assert_int_equal(snapshot->threads[0].tid, 4242);
    assert_int_equal(snapshot->threads[0].process, 0);
    assert_int_equal(snapshot->threads[0].waits, 7);
    assert_int_equal(snapshot->threads[0].waited_ns, 700);
    assert_int_equal(snapshot->threads[0].waiting_since_ns, 9000);
    assert_int_equal(snapshot->threads[0].waiting_function, function);
    assert_int_equal(snapshot->threads[1].process, 8);
    assert_int_equal(snapshot->threads[1].waiting_function, 0);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

static void
a_reused_pid_is_not_taken_for_the_program(void **state)
{
    struct region_builder builder;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    pid_t pid = -1;

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->pid = (uint32_t)getpid();
    region_builder_header(&builder)->start_ticks = 1;
    assert_int_equal(read_bytes(&builder, builder.size_bytes, &snapshot, &error), 0);
    assert_int_equal(wp_snapshot_state(snapshot, &pid), WP_STATE_GONE);
    assert_int_equal(pid, 0);
    wp_snapshot_free(snapshot);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_region_is_read_whole),
        cmocka_unit_test(a_region_cut_anywhere_is_refused),
        cmocka_unit_test(a_region_with_any_one_byte_changed_never_crashes_the_reader),
        cmocka_unit_test(an_unfinished_region_asks_to_try_again),
        cmocka_unit_test(other_files_and_versions_are_named_as_such),
        cmocka_unit_test(tables_outside_of_the_file_or_over_each_other_are_refused),
        cmocka_unit_test(functions_have_what_their_rows_say_and_the_waits_of_all_shards),
        cmocka_unit_test(waits_must_have_a_number_of_each_function),
        cmocka_unit_test(unsound_functions_are_refused),
        cmocka_unit_test(counts_beyond_the_capacity_are_clamped),
        cmocka_unit_test(strings_that_lie_outside_or_do_not_end_are_refused),
        cmocka_unit_test(a_chain_that_is_a_ring_is_refused),
        cmocka_unit_test(unsound_stacks_are_refused),
        cmocka_unit_test(a_record_in_two_chains_is_refused),
        cmocka_unit_test(a_record_that_reaches_into_another_is_refused),
        cmocka_unit_test(a_stack_without_function_and_frames_is_refused),
        cmocka_unit_test(a_module_row_torn_by_a_kill_is_unknown_and_no_error),
        cmocka_unit_test(a_record_that_was_never_published_is_not_seen),
        cmocka_unit_test(a_variance_that_is_no_number_counts_as_none),
        cmocka_unit_test(rate_changes_come_oldest_first_when_the_ring_went_round),
        cmocka_unit_test(a_count_of_rate_changes_near_its_limit_ends),
        cmocka_unit_test(threads_are_read_with_what_they_wait_for),
        cmocka_unit_test(a_reused_pid_is_not_taken_for_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
