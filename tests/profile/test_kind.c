#include "profile/kind.h"

#include <string.h>

#include "profile/cmocka_all.h"

static const struct wp_kind_name vocabulary[] = {
    {"", "sync"},    {"mutex", "sync"},  {"rwlock.read", "sync"},
    {"recv", "net"}, {"sleep", "sleep"}, {"cond.reacquire", "sync"},
};

#define VOCABULARY_COUNT (sizeof vocabulary / sizeof vocabulary[0])

static void
a_word_is_a_kind_or_a_family_or_a_pattern_of_kinds(void **state)
{
    (void)state;
    assert_true(wp_kind_matches("mutex", "mutex", "sync"));
    assert_true(wp_kind_matches("recv,mutex", "mutex", "sync"));
    assert_true(wp_kind_matches("recv,sync", "mutex", "sync"));
    assert_true(wp_kind_matches("rwlock*", "rwlock.write", "sync"));
    assert_true(wp_kind_matches("*.re*", "cond.reacquire", "sync"));
    assert_true(wp_kind_matches("[mr]*", "recv", "net"));
    assert_false(wp_kind_matches("mutex", "mut", "sync"));
    assert_false(wp_kind_matches("mut", "mutex", "sync"));
    assert_false(wp_kind_matches("cond", "cond.reacquire", "sync"));
    assert_false(wp_kind_matches("n*", "recv", "net")); /* patterns are of kinds */
    assert_false(wp_kind_matches("", "mutex", "sync"));
}

static void
what_has_no_kind_is_in_no_list(void **state)
{
    (void)state;
    assert_false(wp_kind_matches("*", "", "sync"));
    assert_false(wp_kind_matches("sync", "", "sync"));
    assert_false(wp_kind_matches("", "", ""));
}

static void
lock_is_what_the_mutex_profile_of_go_shows(void **state)
{
    static const char *const locks[] = {"mutex",  "rwlock.read",    "rwlock.write",
                                        "rwlock", "cond.reacquire", "spin"};
    static const char *const others[] = {"cond", "sem", "futex", "recv", "stdio"};

    (void)state;
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++)
        assert_true(wp_kind_matches("lock", locks[i], "sync"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(wp_kind_matches("lock", others[i], "sync"));
}

static void
assert_unknown(const char *list, const char *word)
{
    size_t length = 99;
    const char *found = wp_kind_find_unknown(list, vocabulary, VOCABULARY_COUNT, &length);

    if (word == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(length, strlen(word));
    assert_memory_equal(found, word, length);
}

static void
the_first_word_that_names_nothing_is_found(void **state)
{
    char word[201];

    (void)state;
    assert_unknown("mutex", NULL);
    assert_unknown("sleep,net,lock,rwlock.read", NULL);
    assert_unknown("nothing*,mutex", NULL); /* a pattern may match nothing */
    assert_unknown("mutex,rwlock,x", "rwlock");
    assert_unknown("Mutex", "Mutex");
    assert_unknown("", "");
    assert_unknown("mutex,", "");
    assert_unknown(",mutex", "");
    memset(word, 'm', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_unknown(word, word);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_a_kind_or_a_family_or_a_pattern_of_kinds),
        cmocka_unit_test(what_has_no_kind_is_in_no_list),
        cmocka_unit_test(lock_is_what_the_mutex_profile_of_go_shows),
        cmocka_unit_test(the_first_word_that_names_nothing_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
