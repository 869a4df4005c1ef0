#include "profile/symbol_name.h"

#include <string.h>

#include "profile/cmocka_all.h"

static void
assert_clean(const char *text, const char *expected)
{
    char out[256];

    wp_symbol_clean(text, out, sizeof out);
    assert_string_equal(out, expected);
}

static void
valid_utf8_stays_and_the_rest_becomes_replacement_characters(void **state)
{
    (void)state;
    assert_clean("plain", "plain");
    assert_clean("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_clean("a\xff"
                 "b",
                 "a\xef\xbf\xbd"
                 "b");
    assert_clean("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_clean("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_clean("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_clean("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
    assert_clean("tab\there\x7f", "tab?here?");
    /* U+0080 to U+009F, of which a terminal may make escape sequences; U+00A0 is none. */
    assert_clean("\xc2\x9b[2J\xc2\xa0", "?[2J\xc2\xa0");
}

static void
what_xml_forbids_becomes_replacement_characters(void **state)
{
    (void)state;
    /* U+FFFE, U+FFFF; U+FFFD and U+FFBE stay. */
    assert_clean("a\xef\xbf\xbe\xef\xbf\xbfz", "a\xef\xbf\xbd\xef\xbf\xbdz");
    assert_clean("\xef\xbf\xbd\xef\xbe\xbe", "\xef\xbf\xbd\xef\xbe\xbe");
}

static void
a_text_too_long_is_cut_between_characters(void **state)
{
    char out[6];

    (void)state;
    assert_int_equal(wp_symbol_clean("ab\xe2\x82\xac"
                                     "c",
                                     out, sizeof out),
                     5);
    assert_string_equal(out, "ab\xe2\x82\xac");
    assert_int_equal(wp_symbol_clean("abc\xe2\x82\xac", out, sizeof out), 3);
    assert_string_equal(out, "abc");
}

static void
equal_texts_are_one_pointer(void **state)
{
    struct wp_symbol_names names;
    char copy[] = "same";

    (void)state;
    assert_int_equal(wp_symbol_names_init(&names), 0);
    assert_ptr_equal(wp_symbol_names_text(&names, "same"), wp_symbol_names_text(&names, copy));
    wp_symbol_names_free(&names);
}

static void
cxx_and_rust_names_are_demangled_and_c_names_stay(void **state)
{
    static const struct {
        const char *linker_name;
        const char *name;
    } cases[] = {
        {"pthread_mutex_lock", "pthread_mutex_lock"},
        {"_ZN2ns1Q4pushEi", "ns::Q::push"},
        {"_ZNSt6thread4joinEv", "std::thread::join"},
        {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
        {"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
        {"_Znonsense", "_Znonsense"},
        {"", ""},
    };
    struct wp_symbol_names names;

    (void)state;
#ifndef WP_HAVE_IBERTY
    skip();
#endif
    assert_int_equal(wp_symbol_names_init(&names), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wp_symbol_pair pair = wp_symbol_names_function(&names, cases[i].linker_name);

        assert_string_equal(pair.linker_name, cases[i].linker_name);
        assert_string_equal(pair.name, cases[i].name);
    }
    wp_symbol_names_free(&names);
}

static void
the_functions_of_a_language_are_told_from_the_programs_own(void **state)
{
    static const struct {
        const char *name;
        const char *file;
        bool is_runtime;
    } rows[] = {
        {"std::mutex::lock", "", true},
        {"__gthread_mutex_lock", "/usr/include/x86_64-linux-gnu/c++/12/bits/gthr-default.h", true},
        {"__glibcxx_rwlock_rdlock", "/usr/include/c++/12/shared_mutex", true},
        {"__cxa_guard_acquire", "", true},
        {"wait<is_done>", "/usr/include/c++/12/condition_variable", true},
        {"wait", "/usr/lib/llvm-14/include/c++/v1/condition_variable", true},
        {"lock", "/rustc/0123abcd/library/std/src/sync/mutex.rs", true},
        {"standard::wait", "", false},
        {"wait", "/srv/shop/c++/wait.cpp", false},
        {"main", "/srv/shop/main.c", false},
        {"", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (wp_symbol_is_runtime(rows[i].name, rows[i].file) != rows[i].is_runtime)
            fail_msg("%s in \"%s\"", rows[i].name, rows[i].file);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_utf8_stays_and_the_rest_becomes_replacement_characters),
        cmocka_unit_test(what_xml_forbids_becomes_replacement_characters),
        cmocka_unit_test(a_text_too_long_is_cut_between_characters),
        cmocka_unit_test(equal_texts_are_one_pointer),
        cmocka_unit_test(cxx_and_rust_names_are_demangled_and_c_names_stay),
        cmocka_unit_test(the_functions_of_a_language_are_told_from_the_programs_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
