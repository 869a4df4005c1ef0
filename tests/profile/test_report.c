#include "profile/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/region_builder.h"

#define ONE WP_REGION_COUNT_ONE

/* The report of a region, as a string that the caller frees. */
static char *
report_of(struct region_builder *builder, const struct wp_report_options *options)
{
    int fd = region_builder_memfd(builder, builder->size_bytes);
    struct wp_profile *profile = wp_profile_new(WP_PROFILE_BLOCK);
    struct wp_symbolizer_options offline = {.offline = true};
    struct wp_symbolizer *symbolizer;
    struct wp_symbols *symbols;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    assert_int_equal(wp_reader_read(fd, "test.wpr", &snapshot, &error), 0);
    close(fd);
    assert_int_equal(wp_profile_add(profile, snapshot, &error), 0);
    wp_snapshot_free(snapshot);
    assert_int_equal(wp_symbolizer_new(&offline, &symbolizer, &error), 0);
    assert_int_equal(wp_symbolize(symbolizer, profile, &symbols, &error), 0);
    assert_int_equal(wp_report_print(profile, symbols, options, stream, &error), 0);
    fclose(stream);
    wp_symbols_free(symbols);
    wp_symbolizer_free(symbolizer);
    wp_profile_free(profile);
    return text;
}

static void
build(struct region_builder *builder)
{
    uint16_t lock;
    uint16_t read;

    region_builder_init(builder, NULL);
    region_builder_module(builder, 1, "/opt/a_library_with_a_rather_long_name_for_a_file.so.1",
                          0x7f0000000000, 0x1000, 0x9000);
    lock = region_builder_function(builder, "pthread_mutex_lock", "mutex", 0, 0);
    read = region_builder_function(builder, "read", "read", 0, 0);
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t frames[3] = {region_builder_frame(1, 0x2000 + i), region_builder_frame(1, 0x3000),
                              region_builder_frame(1, 0x4000)};

        region_builder_stack(builder, i, WP_PROFILE_BLOCK, i == 0 ? read : lock, frames, 3,
                             (struct region_builder_cost){4 * ONE, 1000000 * (i + 1), 4, 0});
    }
}

static size_t
count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void
durations_are_short_and_have_units(void **state)
{
    static const struct {
        double ns;
        const char *text;
    } cases[] = {{0, "0 ns"},          {12, "12 ns"},       {999, "999 ns"},
                 {999.6, "1.00 us"},   {7890, "7.89 us"},   {45600000, "45.6 ms"},
                 {1.23e9, "1.23 s"},   {123.4e9, "123 s"},  {9.999e6, "10.0 ms"},
                 {86400e9, "86400 s"}, {1e15, "1.0e+06 s"}, {999.7e6, "1.00 s"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];

        assert_string_equal(wp_report_duration(cases[i].ns, text, sizeof text), cases[i].text);
        assert_true(strlen(text) <= 9);
    }
}

static void
the_longest_delay_comes_first_with_its_share_and_mean(void **state)
{
    struct region_builder builder;
    char *text;

    (void)state;
    build(&builder);
    text = report_of(&builder, NULL);
    assert_non_null(strstr(text, "Who waits (block): 15.0 ms (exact) in 20 waits"));
    assert_non_null(strstr(text,
                           "   1    5.00 ms   33.3 %            4    1.25 ms         4   exact\n"
                           "           pthread_mutex_lock\n"));
    assert_true(strstr(text, "   2    4.00 ms") > strstr(text, "   1    5.00 ms"));
    free(text);
    region_builder_free(&builder);
}

static void
a_row_without_waits_has_no_mean(void **state)
{
    struct region_builder builder;
    uint64_t frame;
    char *text;

    (void)state;
    build(&builder);
    frame = region_builder_frame(1, 0x6000);
    region_builder_stack(&builder, 6, WP_PROFILE_BLOCK, 1, &frame, 1,
                         (struct region_builder_cost){0, 15000000, 1, 0});
    text = report_of(&builder, NULL);
    assert_non_null(
        strstr(text, "   1    15.0 ms   50.0 %            0          -         1   -\n"));
    free(text);
    region_builder_free(&builder);
}

static void
intervals_are_a_share_where_they_are_narrow_and_two_ends_where_they_are_not(void **state)
{
    static const struct {
        double delay_ns, variance, samples;
        const char *text;
    } cases[] = {
        {1e9, 0, 1, "-"},
        {1e9, 5e15, 1, "-"},
        {0, 0, 5, "-"},
        {1e9, 0, 2, "exact"},
        {1e12, 1e18, 1e6, "±0.2 %"},
        {1e12, 1e15, 1e9, "±0.01 %"},
        {1e12, 1e12, 1e12, "±0.01 %"},
        {1e12, 4e16, 2.5e7, "±0.04 %"},
        /* Of Poisson counts 3 and 1000, each of 1 ms. */
        {3e6, 3e12, 3, "619 us .. 8.77 ms"},
        {1e9, 1e15, 1000, "±6.4 %"},
        {1e15, 1e29, 10, "4.8e+05 s .. 1.8e+06 s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char buffer[40];
        const char *text = wp_report_describe_interval(cases[i].delay_ns, cases[i].variance,
                                                       cases[i].samples, buffer, sizeof buffer);

        assert_string_equal(text, cases[i].text);
        assert_true(strlen(text) <= 22);
    }
}

/* 400 samples of 10 us on one row; on the other two stacks that read the same, a sample each: for
 * each alone nothing would be claimed. */
static void
rows_show_the_interval_of_all_their_stacks(void **state)
{
    const uint64_t rate_ns = 10000;
    struct region_builder builder;
    uint64_t frame;
    char *text;

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_function(&builder, "pthread_mutex_lock", "mutex", 0, 0);
    frame = region_builder_frame(WP_FRAME_SPECIAL, WP_SPECIAL_TRUNCATED);
    region_builder_stack(&builder, 0, WP_PROFILE_BLOCK, 1, NULL, 0,
                         (struct region_builder_cost){400 * ONE, 400 * rate_ns, 400, 4e10});
    for (uint32_t i = 1; i <= 2; i++)
        region_builder_stack(&builder, i, WP_PROFILE_BLOCK, 1, &frame, 1,
                             (struct region_builder_cost){ONE, rate_ns, 1, 1e8});
    text = report_of(&builder, NULL);
    assert_non_null(strstr(text, "Who waits (block): 4.02 ms (3.64 ms .. 4.43 ms) in 402 waits\n"));
    assert_non_null(strstr(text, "mean   samples   delay, 95 %\n"));
    assert_non_null(strstr(text, "10.0 us       400   3.62 ms .. 4.41 ms\n"));
    assert_non_null(strstr(text, "10.0 us         2   2.42 us .. 72.2 us\n"));
    free(text);
    region_builder_free(&builder);
}

static void
a_narrow_table_has_no_intervals(void **state)
{
    struct region_builder builder;
    struct wp_report_options options = {.width_columns = 72};
    char *text;

    (void)state;
    build(&builder);
    text = report_of(&builder, &options);
    assert_non_null(strstr(text, "mean\n"));
    assert_non_null(strstr(text, "1.25 ms\n"));
    free(text);
    options.width_columns = 82;
    text = report_of(&builder, &options);
    assert_non_null(strstr(text, "mean   delay, 95 %\n"));
    free(text);
    region_builder_free(&builder);
}

static void
rows_and_frames_are_limited_and_the_rest_is_counted(void **state)
{
    struct region_builder builder;
    struct wp_report_options options = {.rows = 2, .frames = 1};
    char *text;

    (void)state;
    build(&builder);
    text = report_of(&builder, &options);
    assert_non_null(strstr(text, "... and 3 more"));
    assert_non_null(strstr(text, "<- ... 2 more"));
    assert_null(strstr(text, "   3 "));
    free(text);
    region_builder_free(&builder);
}

static void
lines_are_cut_to_the_width(void **state)
{
    struct region_builder builder;
    struct wp_report_options options = {.width_columns = 60};
    char *text;

    (void)state;
    build(&builder);
    text = report_of(&builder, &options);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 60);
    free(text);
    region_builder_free(&builder);
}

static void
by_function_stacks_of_one_caller_are_one_row(void **state)
{
    struct region_builder builder;
    struct wp_report_options options = {.grouping = WP_REPORT_FUNCTIONS};
    uint64_t frames[2];
    char *text;

    (void)state;
    build(&builder);
    for (uint32_t i = 0; i < 3; i++) {
        frames[0] = region_builder_frame(1, 0x2001);
        frames[1] = region_builder_frame(1, 0x5000 + i);
        region_builder_stack(&builder, 10 + i, WP_PROFILE_BLOCK, 1, frames, 2,
                             (struct region_builder_cost){ONE, 10000000, 1, 0});
    }
    text = report_of(&builder, &options);
    assert_non_null(strstr(text, "   1    32.0 ms"));
    assert_int_equal(count_lines(text), 2 + 5 * 3);
    free(text);
    region_builder_free(&builder);
}

static void
an_empty_profile_is_explained(void **state)
{
    struct region_builder builder;
    char *text;

    (void)state;
    region_builder_init(&builder, NULL);
    region_builder_header(&builder)->base_block_rate_ns = 0;
    text = report_of(&builder, NULL);
    assert_non_null(strstr(text, "The block profile is empty: the rate is 0"));
    free(text);
    region_builder_free(&builder);
}

static void
the_reason_for_an_empty_profile_fits_what_was_counted(void **state)
{
    static const struct {
        uint64_t rate_ns, waits, samples;
        const char *reason;
    } cases[] = {
        {1, 0, 0, "empty: no wrapped call had to wait."},
        {1, 1, 0, "empty: 1 call had to wait, but no wait has ended "},
        {1, 2, 0, "empty: 2 calls had to wait, but no wait has ended "},
        {100000, 1, 0, "a smaller --block-rate keeps more."},
        {100000, 3, 3, "empty: the stacks of all 3 kept samples were lost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct region_builder builder;
        struct wp_region_header *header;
        char *text;

        region_builder_init(&builder, NULL);
        header = region_builder_header(&builder);
        header->base_block_rate_ns = cases[i].rate_ns;
        header->counters[0].value[WP_COUNTER_waits] = cases[i].waits;
        header->counters[0].value[WP_COUNTER_block_samples] = cases[i].samples;
        text = report_of(&builder, NULL);
        assert_non_null(strstr(text, cases[i].reason));
        free(text);
        region_builder_free(&builder);
    }
}

static void
colour_is_only_there_when_asked_for(void **state)
{
    struct region_builder builder;
    struct wp_report_options options = {.colour = true};
    char *text;

    (void)state;
    build(&builder);
    text = report_of(&builder, NULL);
    assert_null(strchr(text, '\033'));
    free(text);
    text = report_of(&builder, &options);
    assert_non_null(strchr(text, '\033'));
    free(text);
    region_builder_free(&builder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_short_and_have_units),
        cmocka_unit_test(the_longest_delay_comes_first_with_its_share_and_mean),
        cmocka_unit_test(a_row_without_waits_has_no_mean),
        cmocka_unit_test(
            intervals_are_a_share_where_they_are_narrow_and_two_ends_where_they_are_not),
        cmocka_unit_test(rows_show_the_interval_of_all_their_stacks),
        cmocka_unit_test(a_narrow_table_has_no_intervals),
        cmocka_unit_test(rows_and_frames_are_limited_and_the_rest_is_counted),
        cmocka_unit_test(lines_are_cut_to_the_width),
        cmocka_unit_test(by_function_stacks_of_one_caller_are_one_row),
        cmocka_unit_test(an_empty_profile_is_explained),
        cmocka_unit_test(the_reason_for_an_empty_profile_fits_what_was_counted),
        cmocka_unit_test(colour_is_only_there_when_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
