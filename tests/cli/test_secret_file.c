/*
 * A secret is the first line of a file or a pipe; whatever has the name holds nobody up.
 */
#include <errno.h>
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

#include "cli/secret_file.h"

#define PATIENCE_S 20u

static char directory[] = "/tmp/waitprof-secret-XXXXXX";
static char path[64];

static int
make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/secret", directory);
    return 0;
}

static int
remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void
a_secret_is_the_first_line(void **state)
{
    static struct wp_secret secret;
    struct wp_error error = {""};
    FILE *stream = fopen(path, "w");

    (void)state;
    assert_non_null(stream);
    fputs("word\r\nmore\n", stream);
    fclose(stream);
    assert_int_equal(wp_secret_file_read(path, &secret, &error), 0);
    assert_string_equal(secret.text, "word");
    unlink(path);
}

static void
a_pipe_without_a_writer_is_refused_after_a_while(void **state)
{
    static struct wp_secret secret;
    struct wp_error error = {""};

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(PATIENCE_S);
    assert_int_equal(wp_secret_file_read(path, &secret, &error), -EIO);
    alarm(0);
    assert_non_null(strstr(error.text, "nobody writes"));
    unlink(path);
}

static void
a_directory_is_refused(void **state)
{
    static struct wp_secret secret;
    struct wp_error error = {""};

    (void)state;
    assert_int_equal(wp_secret_file_read(directory, &secret, &error), -EIO);
    assert_non_null(strstr(error.text, "Is a directory"));
}

static void
a_device_is_refused(void **state)
{
    static struct wp_secret secret;
    struct wp_error error = {""};

    (void)state;
    assert_int_equal(wp_secret_file_read("/dev/zero", &secret, &error), -EIO);
    assert_non_null(strstr(error.text, "no file and no pipe"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_the_first_line),
        cmocka_unit_test(a_pipe_without_a_writer_is_refused_after_a_while),
        cmocka_unit_test(a_directory_is_refused),
        cmocka_unit_test(a_device_is_refused),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
