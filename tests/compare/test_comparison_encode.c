#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/comparison_encode.h"
#include "profile/cmocka_all.h"

static const struct wp_pprof_frame leaf = {"pthread_mutex_lock", "",    0,    0,
                                           "/lib/libc.so.6",     false, false};
static const struct wp_pprof_frame inlined = {"get", "/src/map.h", 7, 0, "/usr/bin/p", true, false};
static const struct wp_pprof_frame around = {"serve",      "/src/p.c", 70,   0,
                                             "/usr/bin/p", false,      false};
static const struct wp_pprof_frame outermost = {"main", "/src/p.c", 90, 0, "", false, false};
static const struct wp_pprof_frame *const frames[] = {&leaf, &inlined, &around, &outermost};
static const struct wp_pprof_stack stack = {.frames = frames, .depth = 4, .kind = ""};

static const double none[] = {0, 0}, delays[] = {1e9, 3e9}, counts[] = {10, 20};

static const char *
label_of(const struct wp_change *change)
{
    return change->is_change ? "yes" : "no";
}

/* The profile of one row, which BASE has not, read back: files with negative values are refused.
 * The caller frees it. */
static struct wp_pprof *
encode_and_decode(double units)
{
    struct wp_comparison_row row = {
        .stack = &stack,
        .delay = {{.value = none, .count = 2}, {.value = delays, .count = 2}},
        .contentions = {{.value = none, .count = 2}, {.value = counts, .count = 2}},
    };
    const struct wp_comparison comparison = {.rows = &row, .row_count = 1};
    const struct wp_comparison_encoding encoding = {
        .units = units,
        .time_ns = 5,
        .duration_ns = 60000000000,
        .program = "/usr/bin/program",
        .comment = "a comment",
        .label_name = "kind",
        .label = label_of,
    };
    struct wp_pprof *pprof = NULL;
    struct wp_error error = {""};
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);

    assert_non_null(stream);
    assert_int_equal(wp_comparison_encode(&comparison, &encoding, stream, &error), 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(wp_pprof_decode(bytes, length, "encoded", &pprof, &error), 0);
    free(bytes);
    return pprof;
}

static void
values_are_means_for_the_span(void **state)
{
    struct wp_pprof *pprof = encode_and_decode(30);

    (void)state;
    assert_int_equal(pprof->stack_count, 1);
    assert_true(pprof->stacks[0].delay_ns == 60e9);
    assert_true(pprof->stacks[0].contentions == 450);
    assert_int_equal(pprof->time_ns, 5);
    assert_int_equal(pprof->duration_ns, 60000000000);
    wp_pprof_free(pprof);
}

static void
stacks_keep_their_functions_and_inlining(void **state)
{
    struct wp_pprof *pprof = encode_and_decode(1);
    const struct wp_pprof_stack *read = &pprof->stacks[0];

    (void)state;
    assert_int_equal(read->depth, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(read->frames[i]->name, frames[i]->name);
        assert_string_equal(read->frames[i]->file, frames[i]->file);
        assert_string_equal(read->frames[i]->mapping, frames[i]->mapping);
        assert_int_equal(read->frames[i]->line, frames[i]->line);
        assert_int_equal(read->frames[i]->is_inlined, frames[i]->is_inlined);
    }
    wp_pprof_free(pprof);
}

static void
the_profile_says_what_it_is(void **state)
{
    struct wp_pprof *pprof = encode_and_decode(1);

    (void)state;
    assert_string_equal(pprof->program, "/usr/bin/program");
    assert_int_equal(pprof->comment_count, 1);
    assert_string_equal(pprof->comments[0], "a comment");
    assert_string_equal(pprof->stacks[0].kind, "no");
    wp_pprof_free(pprof);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_means_for_the_span),
        cmocka_unit_test(stacks_keep_their_functions_and_inlining),
        cmocka_unit_test(the_profile_says_what_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
