#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/option_table.h"

struct values {
    bool loud;
    const char *output;
    struct wp_option_number count;
    struct wp_option_number span_ns;
    unsigned shape;
    const char *unit; /* "second", "operation 5" */
    char unit_text[32];
};

/* Keeps the text, which need not outlive the parser. */
static int
parse_unit(const struct wp_option *option, const char *text, void *target)
{
    struct values *values = (struct values *)((char *)target - option->target);

    snprintf(values->unit_text, sizeof values->unit_text, "%s", text);
    values->unit = values->unit_text;
    return 0;
}

static const char *const shapes[] = {"round", "square", NULL};

static const struct wp_option table[] = {
    {.name = "loud",
     .letter = 'l',
     .help = "shout",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct values, loud)},
    {.name = "output",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "write to FILE,\nwhich may be long",
     .parse = wp_option_parse_text,
     .target = offsetof(struct values, output)},
    {.name = "count",
     .placeholder = "N",
     .help = "so many",
     .parse = wp_option_parse_number,
     .target = offsetof(struct values, count),
     .minimum = 2,
     .maximum = 10},
    {.name = "span",
     .placeholder = "TIME",
     .help = "so long",
     .parse = wp_option_parse_time,
     .target = offsetof(struct values, span_ns),
     .unit_ns = 1000000000},
    {.name = "shape",
     .help = "which one",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct values, shape),
     .choices = shapes},
    {.name = "per",
     .placeholder = "second|operation N",
     .help = "by what",
     .parse = parse_unit,
     .target = offsetof(struct values, unit),
     .pair_word = "operation"},
    {.name = NULL},
};

/* Parses a NULL-terminated list of words. */
static int
parse(struct values *values, bool stop_early, char **words)
{
    int count = 0;

    memset(values, 0, sizeof *values);
    while (words[count] != NULL)
        count++;
    return wp_option_table_parse(table, count, words, stop_early, values);
}

#define WORDS(...) ((char *[]){(char *)(uintptr_t) "command", __VA_ARGS__, NULL})
#define WORD(text) ((char *)(uintptr_t)(text))

static void
every_kind_of_option_reaches_its_target(void **state)
{
    struct values values;

    (void)state;
    assert_int_equal(parse(&values, false,
                           WORDS(WORD("--loud"), WORD("-o"), WORD("file"), WORD("--count=7"),
                                 WORD("--span"), WORD("2m"), WORD("--shape"), WORD("square"))),
                     9);
    assert_true(values.loud);
    assert_string_equal(values.output, "file");
    assert_true(values.count.given && values.count.value == 7);
    assert_true(values.span_ns.given && values.span_ns.value == UINT64_C(120000000000));
    assert_int_equal(values.shape, 1);
}

static void
options_may_follow_arguments(void **state)
{
    char **words = WORDS(WORD("first"), WORD("--loud"), WORD("second"));
    struct values values;
    int index;

    (void)state;
    index = parse(&values, false, words);
    assert_int_equal(index, 2);
    assert_string_equal(words[index], "first");
    assert_true(values.loud);
}

static void
options_behind_a_program_are_the_programs(void **state)
{
    char **words = WORDS(WORD("program"), WORD("--loud"));
    struct values values;

    (void)state;
    assert_int_equal(parse(&values, true, words), 1);
    assert_string_equal(words[2], "--loud");
    assert_false(values.loud);
}

static void
two_dashes_end_the_options(void **state)
{
    struct values values;

    (void)state;
    assert_int_equal(parse(&values, true, WORDS(WORD("--"), WORD("--loud"))), 2);
    assert_false(values.loud);
}

static void
a_divider_stays_between_its_arguments(void **state)
{
    char **words = WORDS(WORD("a"), WORD("--loud"), WORD("b"), WORD("--"), WORD("c"), WORD("-o"),
                         WORD("file"), WORD("--"), WORD("-d"));
    struct values values;
    int index;

    (void)state;
    wp_option_table_mark_divider(10, words);
    index = parse(&values, false, words);
    assert_int_equal(index, 5);
    assert_string_equal(words[index], "a");
    assert_string_equal(words[index + 1], "b");
    assert_ptr_equal(words[index + 2], wp_option_divider);
    assert_string_equal(words[index + 3], "c");
    assert_string_equal(words[index + 4], "-d");
    assert_null(words[index + 5]);
    assert_true(values.loud);
    assert_string_equal(values.output, "file");
}

static void
a_pair_takes_the_next_argument(void **state)
{
    char **words = WORDS(WORD("a"), WORD("--per"), WORD("operation"), WORD("5"), WORD("b"));
    struct values values;
    int index;

    (void)state;
    index = parse(&values, false, words);
    assert_string_equal(values.unit, "operation 5");
    assert_int_equal(index, 4);
    assert_string_equal(words[index], "a");
    assert_string_equal(words[index + 1], "b");
    words = WORDS(WORD("--per=second"), WORD("5"));
    assert_int_equal(parse(&values, false, words), 2);
    assert_string_equal(values.unit, "second");
    assert_int_equal(parse(&values, false, WORDS(WORD("--per"), WORD("operation"))), -EINVAL);
}

static void
wrong_options_are_refused(void **state)
{
    static const char *const wrong[] = {"--lowd",   "-x",        "--count=1", "--count=11",
                                        "--count=", "--count=x", "--span=1x", "--shape=oval",
                                        "--loud=1", "--output",  "--output=", "-o"};
    struct values values;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(parse(&values, false, WORDS(WORD(wrong[i]))), -EINVAL);
}

static void
help_shows_every_row(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    (void)state;
    wp_option_table_print(table, stream);
    fclose(stream);
    assert_string_equal(text, "  -l, --loud                  shout\n"
                              "  -o, --output FILE           write to FILE,\n"
                              "                              which may be long\n"
                              "      --count N               so many\n"
                              "      --span TIME             so long\n"
                              "      --shape round|square    which one\n"
                              "      --per second|operation N\n"
                              "                              by what\n");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_option_reaches_its_target),
        cmocka_unit_test(options_may_follow_arguments),
        cmocka_unit_test(options_behind_a_program_are_the_programs),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(a_divider_stays_between_its_arguments),
        cmocka_unit_test(a_pair_takes_the_next_argument),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(help_shows_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
