/*
 * What is read from a file of the spool is what was written, or nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/push/spool_file.h"

#define FILE_NAME "one"
#define BYTES_MAX 100000

struct scratch {
    char path[32];
    int directory;
};

static int
set_up(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);

    if (scratch == NULL)
        return -1;
    strcpy(scratch->path, "/tmp/wp-spool-XXXXXX");
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

    unlinkat(scratch->directory, FILE_NAME, 0);
    close(scratch->directory);
    rmdir(scratch->path);
    free(scratch);
    return 0;
}

/* With every kind of byte, newlines and NULs among them. */
static struct wp_push_profile
sample(uint8_t bytes[300])
{
    for (size_t i = 0; i < 300; i++)
        bytes[i] = (uint8_t)(i * 7);
    return (struct wp_push_profile){
        .type = WP_PROFILE_MUTEX,
        .series = "shop{host=a b,zone=x=y}",
        .command = "my program",
        .pid = 4242,
        .from_ns = UINT64_C(1700000000123456789),
        .until_ns = UINT64_C(1700000015123456789),
        .bytes = bytes,
        .length = 300,
    };
}

/* As a whole; returns its length. */
static size_t
read_file(const struct scratch *scratch, char *bytes, size_t size)
{
    int fd = openat(scratch->directory, FILE_NAME, O_RDONLY);
    ssize_t length = read(fd, bytes, size);

    close(fd);
    assert_true(length > 0);
    return (size_t)length;
}

static void
replace_file(const struct scratch *scratch, const char *bytes, size_t length)
{
    int fd = openat(scratch->directory, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static void
assert_is_refused(const struct scratch *scratch)
{
    struct wp_spool_file file;
    struct wp_error error = {""};

    assert_int_equal(wp_spool_file_read(scratch->directory, FILE_NAME, BYTES_MAX, &file, &error),
                     -EPROTO);
    assert_null(file.memory);
    assert_true(strlen(error.text) > 0);
}

static void
what_was_written_is_read(void **state)
{
    const struct scratch *scratch = *state;
    uint8_t bytes[300];
    const struct wp_push_profile written = sample(bytes);
    struct wp_spool_file file;

    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), 0);
    assert_int_equal(wp_spool_file_read(scratch->directory, FILE_NAME, BYTES_MAX, &file, NULL), 0);
    assert_int_equal(file.profile.type, written.type);
    assert_string_equal(file.profile.series, written.series);
    assert_string_equal(file.profile.command, written.command);
    assert_int_equal(file.profile.pid, written.pid);
    assert_true(file.profile.from_ns == written.from_ns);
    assert_true(file.profile.until_ns == written.until_ns);
    assert_int_equal(file.profile.length, written.length);
    assert_memory_equal(file.profile.bytes, written.bytes, written.length);
    wp_spool_file_free(&file);
}

static void
a_file_is_never_written_over(void **state)
{
    const struct scratch *scratch = *state;
    uint8_t bytes[300];
    const struct wp_push_profile written = sample(bytes);

    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), 0);
    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), -EEXIST);
}

static void
every_changed_bit_is_noticed(void **state)
{
    const struct scratch *scratch = *state;
    uint8_t bytes[300];
    const struct wp_push_profile written = sample(bytes);
    char whole[1000];
    size_t length;

    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), 0);
    length = read_file(scratch, whole, sizeof whole);
    for (size_t i = 0; i < 8 * length; i++) {
        whole[i / 8] = (char)(whole[i / 8] ^ 1 << i % 8);
        replace_file(scratch, whole, length);
        assert_is_refused(scratch);
        whole[i / 8] = (char)(whole[i / 8] ^ 1 << i % 8);
    }
}

static void
every_cut_is_noticed(void **state)
{
    const struct scratch *scratch = *state;
    uint8_t bytes[300];
    const struct wp_push_profile written = sample(bytes);
    char whole[1000];
    size_t length;

    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), 0);
    length = read_file(scratch, whole, sizeof whole - 1);
    for (size_t i = 0; i < length; i++) {
        replace_file(scratch, whole, i);
        assert_is_refused(scratch);
    }
    replace_file(scratch, whole, length + 1);
    assert_is_refused(scratch);
}

static void
large_files_are_not_read(void **state)
{
    const struct scratch *scratch = *state;
    uint8_t bytes[300];
    const struct wp_push_profile written = sample(bytes);
    struct wp_spool_file file;

    assert_int_equal(wp_spool_file_write(scratch->directory, FILE_NAME, &written, NULL), 0);
    assert_int_equal(wp_spool_file_read(scratch->directory, FILE_NAME, 300, &file, NULL), -EPROTO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_never_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_changed_bit_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_are_not_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
