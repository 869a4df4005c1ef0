#include "profile/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare/pprof_assert.h"
#include "compare/pprof_builder.h"
#include "compare/pprof_file.h"
#include "profile/pprof_encode.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

/* Our encoder's file of the block profile of a region. */
static struct pprof_bytes
encode_region(const struct region_builder *builder, uint32_t labels)
{
    const struct wp_symbolizer_options offline = {.offline = true};
    const struct wp_encode_options options = {.labels = labels};
    struct wp_profile *profile = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_snapshot *snapshot;
    struct wp_symbolizer *symbolizer;
    struct wp_symbols *symbols;
    struct wp_error error = {""};
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);
    int fd = region_builder_memfd(builder, builder->size_bytes);

    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    close(fd);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_profile_sort(profile);
    profile->duration_ns = 30000000000;
    assert_int_equal(wp_symbolizer_new(&offline, &symbolizer, &error), 0);
    assert_int_equal(wp_symbolize(symbolizer, profile, &symbols, &error), 0);
    assert_int_equal(wp_pprof_encode(profile, symbols, &options, stream, &error), 0);
    fclose(stream);
    wp_symbols_free(symbols);
    wp_symbolizer_free(symbolizer);
    wp_profile_free(profile);
    wp_snapshot_free(snapshot);
    return (struct pprof_bytes){(uint8_t *)bytes, length};
}

/* Two kinds of one stack, and another stack. */
static void
fill_region(struct region_builder *builder)
{
    uint64_t frame;
    uint16_t wait, again;

    region_builder_init(builder, NULL);
    region_builder_module(builder, 1, "/opt/sample", 0x555500000000, 0x1000, 0x8000);
    frame = region_builder_frame(1, 0x1234);
    wait = region_builder_function(builder, "pthread_cond_wait", "cond", 0, 0x100);
    again = region_builder_function(builder, "pthread_cond_wait", "cond.reacquire", 0, 0x100);
    region_builder_function_row(builder, again)->part_of = wait;
    region_builder_stack(builder, 0, WP_PROFILE_BLOCK, wait, &frame, 1,
                         (struct region_builder_cost){3 * ONE, 6000, 3, 2.5e6});
    region_builder_stack(builder, 0, WP_PROFILE_BLOCK, again, &frame, 1,
                         (struct region_builder_cost){ONE, 500, 1, 0.25e6});
    region_builder_stack(builder, 1, WP_PROFILE_BLOCK, wait, &frame, 0,
                         (struct region_builder_cost){ONE, 100, 1, 0});
}

static void
a_file_of_ours_comes_back_with_its_errors(void **state)
{
    struct region_builder region;
    struct pprof_bytes file;
    struct wp_error error = {""};
    struct wp_pprof *pprof;

    (void)state;
    fill_region(&region);
    file = encode_region(&region, 1u << WP_LABEL_kind);
    assert_int_equal(wp_pprof_decode(file.bytes, file.length, "f", &pprof, &error), 0);
    assert_true(pprof->is_ours && pprof->has_errors && pprof->has_kinds);
    assert_int_equal(pprof->type, WP_PROFILE_BLOCK);
    assert_int_equal(pprof->duration_ns, 30000000000);
    assert_true(pprof->time_ns > 0 && pprof->comment_count > 3);
    assert_int_equal(pprof->stack_count, 3);
    pprof_assert_number(pprof->delay_ns, 6600);
    pprof_assert_number(pprof->contentions, 5);
    assert_string_equal(pprof->stacks[0].kind, "cond");
    assert_int_equal(pprof->stacks[0].depth, 2);
    assert_string_equal(pprof->stacks[0].frames[0]->name, "pthread_cond_wait");
    assert_false(pprof->stacks[0].frames[0]->is_unnamed);
    assert_string_equal(pprof->stacks[0].frames[1]->mapping, "/opt/sample");
    assert_true(pprof->stacks[0].frames[1]->is_unnamed);
    assert_memory_equal(pprof->stacks[0].frames[1]->name, "[sample+0x", 10);
    assert_true(pprof->stacks[0].has_error);
    pprof_assert_number(pprof->stacks[0].samples, 3);
    pprof_assert_number(pprof->stacks[0].variance, 2.5e6);
    pprof_assert_number(pprof->stacks[0].squares, 2.5e6);
    /* Where nothing was left to chance, the error is known to be 0. */
    assert_true(pprof->stacks[2].has_error);
    pprof_assert_number(pprof->stacks[2].variance, 0);
    /* Both stacks share the frame. */
    assert_ptr_equal(pprof->stacks[0].frames[1], pprof->stacks[1].frames[1]);
    wp_pprof_free(pprof);
    free(file.bytes);
    region_builder_free(&region);
}

static void
errors_of_kinds_that_become_one_sample_add_up(void **state)
{
    struct region_builder region;
    struct pprof_bytes file;
    struct wp_error error = {""};
    struct wp_pprof *pprof;

    (void)state;
    fill_region(&region);
    file = encode_region(&region, 0);
    assert_int_equal(wp_pprof_decode(file.bytes, file.length, "f", &pprof, &error), 0);
    assert_int_equal(pprof->stack_count, 2);
    assert_false(pprof->has_kinds);
    pprof_assert_number(pprof->stacks[0].delay_ns, 6500);
    pprof_assert_number(pprof->stacks[0].samples, 4);
    pprof_assert_number(pprof->stacks[0].variance, 2.75e6);
    pprof_assert_number(pprof->stacks[0].squares, 2.75e6);
    wp_pprof_free(pprof);
    free(file.bytes);
    region_builder_free(&region);
}

static void
an_empty_file_of_ours_says_that_nothing_was_seen(void **state)
{
    struct region_builder region;
    struct pprof_bytes file;
    struct wp_error error = {""};
    struct wp_pprof *pprof;

    (void)state;
    region_builder_init(&region, NULL);
    file = encode_region(&region, 0);
    assert_int_equal(wp_pprof_decode(file.bytes, file.length, "f", &pprof, &error), 0);
    assert_int_equal(pprof->stack_count, 0);
    assert_true(pprof->is_ours && pprof->has_errors);
    assert_int_equal(pprof->type, WP_PROFILE_BLOCK);
    wp_pprof_free(pprof);
    free(file.bytes);
    region_builder_free(&region);
}

static void
what_another_tool_wrote_has_no_errors(void **state)
{
    struct pprof_builder builder;
    struct wp_pprof *pprof;
    uint64_t frame;

    (void)state;
    pprof_builder_init(&builder);
    frame = pprof_builder_frame(&builder, "pthread_mutex_unlock");
    pprof_builder_sample(&builder, &frame, 1, 2, 700);
    pprof_builder_comment(&builder, "waitprof 9.9.9: mutex profile: merged by somebody");
    pprof = pprof_assert_decoded(&builder);
    assert_true(pprof->is_ours);
    assert_int_equal(pprof->type, WP_PROFILE_MUTEX);
    assert_false(pprof->has_errors || pprof->stacks[0].has_error);
    wp_pprof_free(pprof);
}

static void
fields_of_ours_in_a_foreign_file_are_no_errors(void **state)
{
    struct pprof_builder builder;
    struct wp_pprof *pprof;
    uint64_t frame;

    (void)state;
    pprof_builder_init(&builder);
    frame = pprof_builder_frame(&builder, "f");
    pprof_builder_sample(&builder, &frame, 1, 2, 700)->kept_samples = 5;
    pprof = pprof_assert_decoded(&builder);
    assert_false(pprof->is_ours || pprof->has_errors || pprof->stacks[0].has_error);
    wp_pprof_free(pprof);
}

static void
a_file_of_ours_without_duration_spans_the_run(void **state)
{
    static const struct {
        const char *comment;
        int64_t duration_ns;
        uint64_t run_ns, span_ns;
    } cases[] = {
        {"waitprof 0.1.0: block profile: x", 0, 7000, 7000},
        {"waitprof 0.1.0: block profile: x", 500, 7000, 500},
        {"waitprof 0.1.0: block profile: x", -500, UINT64_MAX, 0},
        {"by somebody else", 0, 7000, 0},
        {"by somebody else", 500, 0, 500},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pprof_builder builder;
        struct wp_pprof *pprof;

        pprof_builder_init(&builder);
        pprof_builder_comment(&builder, cases[i].comment);
        builder.profile->duration_nanos = cases[i].duration_ns;
        builder.profile->run_nanos = cases[i].run_ns;
        pprof = pprof_assert_decoded(&builder);
        assert_int_equal(pprof->duration_ns, cases[i].duration_ns > 0 ? cases[i].duration_ns : 0);
        assert_int_equal(pprof->span_ns, cases[i].span_ns);
        wp_pprof_free(pprof);
    }
}

static void
leaves_tell_the_type_where_the_file_does_not(void **state)
{
    static const struct {
        const char *leaves[2];
        unsigned type;
    } cases[] = {
        {{"sync.(*Mutex).Unlock", "runtime.unlock"}, WP_PROFILE_MUTEX},
        {{"sync.(*Mutex).Lock", "runtime.chanrecv1"}, WP_PROFILE_BLOCK},
        {{"sync.(*RWMutex).RUnlock", "runtime._LostContendedRuntimeLock"}, WP_PROFILE_MUTEX},
        {{"sync.(*Mutex).Unlock", "runtime.selectgo"}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pprof_builder builder;
        struct wp_pprof *pprof;

        pprof_builder_init(&builder);
        for (size_t j = 0; j < 2; j++) {
            uint64_t frame = pprof_builder_frame(&builder, cases[i].leaves[j]);

            pprof_builder_sample(&builder, &frame, 1, 1, 1);
        }
        pprof = pprof_assert_decoded(&builder);
        assert_int_equal(pprof->type, cases[i].type);
        wp_pprof_free(pprof);
    }
}

static void
types_may_come_in_any_order_and_unit(void **state)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"nanoseconds", 1},    {"ns", 1},        {"microseconds", 1e3}, {"us", 1e3},
                 {"milliseconds", 1e6}, {"ms", 1e6},      {"second", 1e9},       {"s", 1e9},
                 {"minutes", 60e9},     {"hours", 3600e9}};

    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct pprof_builder builder;
        Wp__Pprof__ValueType *first;
        struct wp_pprof *pprof;
        uint64_t frame;

        pprof_builder_init(&builder);
        first = builder.profile->sample_type[0];
        builder.profile->sample_type[0] = builder.profile->sample_type[1];
        builder.profile->sample_type[1] = first;
        builder.profile->sample_type[0]->unit = pprof_builder_string(&builder, units[i].unit);
        frame = pprof_builder_frame(&builder, "f");
        pprof_builder_sample(&builder, &frame, 1, 17, 3);
        pprof = pprof_assert_decoded(&builder);
        pprof_assert_number(pprof->stacks[0].contentions, 3);
        pprof_assert_number(pprof->stacks[0].delay_ns, 17 * units[i].ns);
        wp_pprof_free(pprof);
    }
}

static void
inlined_functions_are_frames_of_their_own(void **state)
{
    struct pprof_builder builder;
    const struct wp_pprof_frame *const *frames;
    struct wp_pprof *pprof;
    uint64_t location;

    (void)state;
    pprof_builder_init(&builder);
    location = pprof_builder_location(
        &builder, pprof_builder_mapping(&builder, "/bin/x\x1b[31m", 0x4000, 0), 0x4321);
    pprof_builder_line(&builder, location, pprof_builder_function(&builder, "in", "a\xff.c"), 7);
    pprof_builder_line(&builder, location, pprof_builder_function(&builder, "out", "b.c"), -1);
    pprof_builder_sample(&builder, &location, 1, 1, 1);
    pprof = pprof_assert_decoded(&builder);
    assert_int_equal(pprof->stacks[0].depth, 2);
    frames = pprof->stacks[0].frames;
    assert_string_equal(frames[0]->name, "in");
    /* What a terminal would obey, and what is no UTF-8, does not come through. */
    assert_string_equal(frames[0]->file, "a\xef\xbf\xbd.c");
    assert_string_equal(frames[0]->mapping, "/bin/x?[31m");
    assert_int_equal(frames[0]->line, 7);
    assert_true(frames[0]->is_inlined);
    assert_string_equal(frames[1]->name, "out");
    assert_int_equal(frames[1]->line, 0);
    assert_int_equal(frames[1]->address, 0x4321);
    assert_false(frames[1]->is_inlined || frames[1]->is_unnamed);
    wp_pprof_free(pprof);
}

static void
an_address_without_symbols_is_named_by_its_place_in_the_object(void **state)
{
    static const uint64_t starts[] = {0x7f0000001000, 0x7fff12341000};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pprof_builder builder;
        struct wp_pprof *pprof;
        uint64_t frames[2];

        pprof_builder_init(&builder);
        frames[0] = pprof_builder_location(
            &builder, pprof_builder_mapping(&builder, "/lib/libfoo.so.1", starts[i], 0x1000),
            starts[i] + 0x234);
        frames[1] = pprof_builder_location(&builder, 0, 0x77);
        pprof_builder_sample(&builder, frames, 2, 1, 1);
        pprof = pprof_assert_decoded(&builder);
        assert_string_equal(pprof->stacks[0].frames[0]->name, "[libfoo.so.1+0x1234]");
        assert_string_equal(pprof->stacks[0].frames[1]->name, "[0x77]");
        assert_true(pprof->stacks[0].frames[1]->is_unnamed);
        wp_pprof_free(pprof);
    }
}

static void
ids_need_not_be_in_order(void **state)
{
    struct pprof_builder builder;
    struct wp_pprof *pprof;
    uint64_t frames[2];

    (void)state;
    pprof_builder_init(&builder);
    frames[0] = pprof_builder_frame(&builder, "a");
    frames[1] = pprof_builder_frame(&builder, "b");
    builder.profile->location[0]->id = UINT64_MAX;
    builder.profile->location[1]->id = 77;
    builder.profile->function[0]->id = 1 + (UINT64_C(1) << 40);
    builder.profile->location[0]->line[0]->function_id = 1 + (UINT64_C(1) << 40);
    frames[0] = UINT64_MAX;
    frames[1] = 77;
    pprof_builder_sample(&builder, frames, 2, 1, 1);
    pprof = pprof_assert_decoded(&builder);
    assert_string_equal(pprof->stacks[0].frames[0]->name, "a");
    assert_string_equal(pprof->stacks[0].frames[1]->name, "b");
    wp_pprof_free(pprof);
}

static void
a_file_is_read_plain_compressed_and_in_several_streams(void **state)
{
    char path[] = "pprof_file_XXXXXX";
    struct pprof_builder builder;
    struct pprof_bytes plain, whole, first, second;
    struct wp_error error = {""};
    struct wp_pprof *pprof;
    uint64_t frame;
    int fd = mkstemp(path);

    (void)state;
    pprof_builder_init(&builder);
    frame = pprof_builder_frame(&builder, "f");
    pprof_builder_sample(&builder, &frame, 1, 1, 123);
    plain = pprof_builder_pack(&builder);
    pprof_builder_free(&builder);
    whole = pprof_bytes_gzip(plain.bytes, plain.length);
    first = pprof_bytes_gzip(plain.bytes, plain.length / 2);
    second = pprof_bytes_gzip(plain.bytes + plain.length / 2, plain.length - plain.length / 2);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        if (round == 0)
            assert_int_equal(write(fd, plain.bytes, plain.length), plain.length);
        if (round == 1)
            assert_int_equal(write(fd, whole.bytes, whole.length), whole.length);
        if (round == 2) {
            assert_int_equal(write(fd, first.bytes, first.length), first.length);
            assert_int_equal(write(fd, second.bytes, second.length), second.length);
        }
        assert_int_equal(wp_pprof_read(path, &pprof, &error), 0);
        assert_string_equal(pprof->path, path);
        pprof_assert_number(pprof->delay_ns, 123);
        wp_pprof_free(pprof);
    }
    pprof_assert_refused_bytes(whole.bytes, whole.length - 3, "ends in the middle");
    whole.bytes[whole.length / 2] ^= 0x55;
    pprof_assert_refused_bytes(whole.bytes, whole.length, "damaged");
    close(fd);
    unlink(path);
    free(plain.bytes);
    free(whole.bytes);
    free(first.bytes);
    free(second.bytes);
}

static void
a_file_that_is_not_there_says_so(void **state)
{
    struct wp_error error = {""};
    struct wp_pprof *pprof;

    (void)state;
    assert_int_equal(wp_pprof_read("no-such-file.pb.gz", &pprof, &error), -ENOENT);
    assert_string_equal(
        error.text, "cannot open no-such-file.pb.gz: No such file or directory; name a profile, as "
                    "`waitprof record` writes them");
    assert_int_equal(wp_pprof_read("/", &pprof, &error), -EISDIR);
}

static void
a_delay_that_rounding_took_below_zero_is_zero(void **state)
{
    struct pprof_builder builder;
    struct wp_pprof *pprof;
    uint64_t frame;

    (void)state;
    pprof_builder_init(&builder);
    frame = pprof_builder_frame(&builder, "f");
    pprof_builder_sample(&builder, &frame, 1, 0, -5);
    pprof = pprof_assert_decoded(&builder);
    pprof_assert_number(pprof->delay_ns, 0);
    wp_pprof_free(pprof);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_ours_comes_back_with_its_errors),
        cmocka_unit_test(errors_of_kinds_that_become_one_sample_add_up),
        cmocka_unit_test(an_empty_file_of_ours_says_that_nothing_was_seen),
        cmocka_unit_test(what_another_tool_wrote_has_no_errors),
        cmocka_unit_test(fields_of_ours_in_a_foreign_file_are_no_errors),
        cmocka_unit_test(a_file_of_ours_without_duration_spans_the_run),
        cmocka_unit_test(leaves_tell_the_type_where_the_file_does_not),
        cmocka_unit_test(types_may_come_in_any_order_and_unit),
        cmocka_unit_test(inlined_functions_are_frames_of_their_own),
        cmocka_unit_test(an_address_without_symbols_is_named_by_its_place_in_the_object),
        cmocka_unit_test(ids_need_not_be_in_order),
        cmocka_unit_test(a_file_is_read_plain_compressed_and_in_several_streams),
        cmocka_unit_test(a_file_that_is_not_there_says_so),
        cmocka_unit_test(a_delay_that_rounding_took_below_zero_is_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
