/*
 * What is known of when a program was recorded survives restarts, cut lines and full disks.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/recorded_spans.h"

#define S UINT64_C(1000000000)
#define BEGIN (UINT64_C(1795342530) * S)

struct scratch {
    char path[40];
    int directory;
};

static int
set_up(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);

    if (scratch == NULL)
        return -1;
    strcpy(scratch->path, "/tmp/wp-spans-XXXXXX");
    if (mkdtemp(scratch->path) == NULL)
        return -1;
    scratch->directory = open(scratch->path, O_RDONLY | O_DIRECTORY);
    *state = scratch;
    return scratch->directory < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
    struct scratch *scratch = *state;

    unlinkat(scratch->directory, WP_RECORDED_SPANS_NAME, 0);
    close(scratch->directory);
    rmdir(scratch->path);
    free(scratch);
    return 0;
}

static off_t
file_size(const struct scratch *scratch)
{
    struct stat facts;

    assert_int_equal(fstatat(scratch->directory, WP_RECORDED_SPANS_NAME, &facts, 0), 0);
    return facts.st_size;
}

static void
spans_that_follow_each_other_are_one_line(void **state)
{
    const struct scratch *scratch = *state;
    struct wp_recorded_span *spans;
    size_t count;
    off_t size;

    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN, BEGIN + S), 0);
    size = file_size(scratch);
    for (uint64_t i = 1; i < 100; i++)
        assert_int_equal(
            wp_recorded_spans_add(scratch->directory, BEGIN + i * S, BEGIN + (i + 1) * S), 0);
    assert_int_equal(file_size(scratch), size);
    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(spans[0].from_ns, BEGIN);
    assert_int_equal(spans[0].until_ns, BEGIN + 100 * S);
    free(spans);
}

static void
a_break_begins_another_line(void **state)
{
    const struct scratch *scratch = *state;
    struct wp_recorded_span *spans;
    size_t count;

    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN, BEGIN + S), 0);
    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN + 5 * S, BEGIN + 6 * S), 0);
    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN + 6 * S, BEGIN + 7 * S), 0);
    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(spans[0].until_ns, BEGIN + S);
    assert_int_equal(spans[1].from_ns, BEGIN + 5 * S);
    assert_int_equal(spans[1].until_ns, BEGIN + 7 * S);
    free(spans);
}

static void
a_line_that_was_cut_is_written_over(void **state)
{
    const struct scratch *scratch = *state;
    struct wp_recorded_span *spans;
    size_t count;
    off_t size;

    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN, BEGIN + S), 0);
    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN + 5 * S, BEGIN + 6 * S), 0);
    size = file_size(scratch);
    int fd = openat(scratch->directory, WP_RECORDED_SPANS_NAME, O_WRONLY);
    assert_int_equal(ftruncate(fd, size - 7), 0);
    close(fd);
    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 1);
    free(spans);
    assert_int_equal(wp_recorded_spans_add(scratch->directory, BEGIN + 8 * S, BEGIN + 9 * S), 0);
    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(spans[1].from_ns, BEGIN + 8 * S);
    assert_int_equal(file_size(scratch), size);
    free(spans);
}

static void
lines_that_say_nothing_are_left_out(void **state)
{
    const struct scratch *scratch = *state;
    struct wp_recorded_span *spans;
    size_t count;
    int fd = openat(scratch->directory, WP_RECORDED_SPANS_NAME, O_WRONLY | O_CREAT, 0600);

    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "anything but times\n", 19), 19);
    close(fd);
    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 0);
    free(spans);
}

static void
without_a_file_there_are_none(void **state)
{
    const struct scratch *scratch = *state;
    struct wp_recorded_span *spans;
    size_t count;

    assert_int_equal(wp_recorded_spans_read(scratch->directory, &spans, &count), 0);
    assert_int_equal(count, 0);
    free(spans);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spans_that_follow_each_other_are_one_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_break_begins_another_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_was_cut_is_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_that_say_nothing_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_file_there_are_none, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
