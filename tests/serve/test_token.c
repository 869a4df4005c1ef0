#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/serve/token.h"

static int
read_bytes(struct wp_token *token, const char *bytes, size_t length)
{
    char path[] = "/tmp/wp-token-XXXXXX";
    int fd = mkstemp(path), status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
    status = wp_token_read(token, path, NULL);
    unlink(path);
    return status;
}

static int
read_file(struct wp_token *token, const char *text)
{
    return read_bytes(token, text, strlen(text));
}

static void
a_file_holds_the_token_in_its_first_line(void **state)
{
    struct wp_token token;

    (void)state;
    assert_int_equal(read_file(&token, "abc\nother\n"), 0);
    assert_string_equal(token.text, "abc");
    assert_int_equal(read_file(&token, "abc"), 0);
    assert_int_equal(read_file(&token, "abc\r\n"), 0);
    assert_int_equal(token.length, 3);
}

static void
what_no_header_can_carry_is_no_token(void **state)
{
    struct wp_token token;
    char too_long[WP_TOKEN_MAX_BYTES + 2];

    (void)state;
    assert_int_equal(read_file(&token, ""), -EINVAL);
    assert_int_equal(read_file(&token, "\nabc"), -EINVAL);
    assert_int_equal(read_file(&token, "a b"), -EINVAL);
    assert_int_equal(read_file(&token, "a\tb"), -EINVAL);
    assert_int_equal(read_file(&token, "\xc3\xa4"), -EINVAL);
    assert_int_equal(read_bytes(&token, "abc\0def\n", 8), -EINVAL);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(read_file(&token, too_long), -EINVAL);
    too_long[WP_TOKEN_MAX_BYTES] = '\0';
    assert_int_equal(read_file(&token, too_long), 0);
}

static void
what_cannot_be_read_is_said_as_it_is(void **state)
{
    struct wp_error error = {""};
    struct wp_token token;

    (void)state;
    assert_int_equal(wp_token_read(&token, "/tmp", &error), -EINVAL);
    assert_non_null(strstr(error.text, "/tmp: cannot be read: Is a directory"));
    assert_int_equal(wp_token_read(&token, "/tmp/waitprof-no-such-token", &error), -EINVAL);
    assert_non_null(strstr(error.text, "No such file or directory"));
}

static void
only_the_whole_token_is_the_token(void **state)
{
    static const char *const wrong[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer secre",
        "Bearer secretx",
        "Bearer ecret",
        "Bearer secretsecret",
        "secret",
        "Basic secret",
        "Bearer  secret",
        "Bearer SECRET",
    };
    struct wp_token token;

    (void)state;
    assert_int_equal(read_file(&token, "secret"), 0);
    assert_true(wp_token_is_shown(&token, "Bearer secret"));
    assert_true(wp_token_is_shown(&token, "bearer secret"));
    assert_false(wp_token_is_shown(&token, NULL));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(wp_token_is_shown(&token, wrong[i]));
}

static void
without_a_token_nobody_is_asked(void **state)
{
    struct wp_token token;

    (void)state;
    unsetenv("WAITPROF_TOKEN");
    assert_int_equal(wp_token_read(&token, NULL, NULL), 0);
    assert_true(wp_token_is_shown(&token, NULL));
    assert_true(wp_token_is_shown(&token, "Bearer x"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_the_token_in_its_first_line),
        cmocka_unit_test(what_no_header_can_carry_is_no_token),
        cmocka_unit_test(what_cannot_be_read_is_said_as_it_is),
        cmocka_unit_test(only_the_whole_token_is_the_token),
        cmocka_unit_test(without_a_token_nobody_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
