#include "cli/option_table.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli/message.h"
#include "cli/nearest_name.h"
#include "cli/quantity.h"

#define HELP_COLUMN 30
#define PAIR_BYTES 128u

static int
refuse_argument(const struct wp_option *option, const char *text, const char *what)
{
    wp_message_error(text, "see --help", "not %s for --%s", what, option->name);
    return -EINVAL;
}

int
wp_option_parse_flag(const struct wp_option *option, const char *text, void *target)
{
    (void)option;
    (void)text;
    *(bool *)target = true;
    return 0;
}

int
wp_option_parse_text(const struct wp_option *option, const char *text, void *target)
{
    if (text[0] == '\0')
        return refuse_argument(option, text, "a value");
    *(const char **)target = text;
    return 0;
}

/* A bound of a row in words that its parser reads back. */
typedef char *format_bound(uint64_t value, char text[WP_QUANTITY_TEXT_BYTES]);

/* Where the number lies outside of the row's bounds, or could not be read, says so. */
static int
take_number(const struct wp_option *option, const char *text, const char *what, int status,
            uint64_t value, format_bound *format, struct wp_option_number *target)
{
    char bound[WP_QUANTITY_TEXT_BYTES], remedy[64] = "see --help";

    if (status == -EINVAL)
        return refuse_argument(option, text, what);
    if (status == -ERANGE || (option->maximum != 0 && value > option->maximum)) {
        if (option->maximum != 0)
            snprintf(remedy, sizeof remedy, "give %s or less", format(option->maximum, bound));
        wp_message_error(text, remedy, "too large for --%s", option->name);
        return -EINVAL;
    }
    if (value < option->minimum) {
        snprintf(remedy, sizeof remedy, "give %s or more", format(option->minimum, bound));
        wp_message_error(text, option->minimum == 1 ? "give more than 0" : remedy,
                         "too small for --%s", option->name);
        return -EINVAL;
    }
    target->given = true;
    target->value = value;
    return 0;
}

int
wp_option_parse_number(const struct wp_option *option, const char *text, void *target)
{
    uint64_t value = 0;
    int status = wp_quantity_parse_number(text, &value);

    return take_number(option, text, "a whole number", status, value, wp_quantity_format_number,
                       target);
}

int
wp_option_parse_time(const struct wp_option *option, const char *text, void *target)
{
    uint64_t value = 0;
    int status = wp_quantity_parse_time(text, option->unit_ns, &value);

    return take_number(option, text, "a time", status, value, wp_quantity_format_exact_time,
                       target);
}

int
wp_option_parse_bytes(const struct wp_option *option, const char *text, void *target)
{
    uint64_t value = 0;
    int status = wp_quantity_parse_bytes(text, &value);

    return take_number(option, text, "a size", status, value, wp_quantity_format_bytes, target);
}

int
wp_option_parse_budget(const struct wp_option *option, const char *text, void *target)
{
    struct wp_option_budget *budget = target;
    char remedy[128] = "give " WP_QUANTITY_BUDGET_WORDS;
    int status = wp_quantity_parse_budget(text, &budget->value);

    budget->given = true;
    if (status == 0)
        return 0;
    if (status == -ERANGE)
        snprintf(remedy, sizeof remedy, "give %d%% or less, and %d/s or less",
                 WP_QUANTITY_BUDGET_MAX_PERCENT, WP_QUANTITY_BUDGET_MAX_SAMPLES_PER_S);
    wp_message_error(text, remedy,
                     status == -ERANGE ? "too large for --%s" : "not a budget for --%s",
                     option->name);
    return -EINVAL;
}

int
wp_option_refuse_choice(const struct wp_option *option, const char *text,
                        const char *const *choices)
{
    struct wp_nearest_name search = {.typed = text};
    char remedy[128] = "choose one of:";

    for (; *choices != NULL; choices++) {
        size_t used = strlen(remedy);

        wp_nearest_name_offer(&search, *choices);
        snprintf(remedy + used, sizeof remedy - used, " %s", *choices);
    }
    if (search.best != NULL)
        snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", search.best);
    wp_message_error(text, remedy, "not a value for --%s", option->name);
    return -EINVAL;
}

int
wp_option_parse_choice(const struct wp_option *option, const char *text, void *target)
{
    for (unsigned i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *(unsigned *)target = i;
            return 0;
        }
    }
    return wp_option_refuse_choice(option, text, option->choices);
}

static bool
takes_argument(const struct wp_option *option)
{
    return option->parse != wp_option_parse_flag;
}

/* The argument that getopt refused: `--nmae=1` or one letter of `-xyz`. */
static void
report_unknown(const struct wp_option *table, const char *argument, int letter)
{
    struct wp_nearest_name search = {0};
    char name[64], hint[128];

    if (letter != 0) {
        snprintf(name, sizeof name, "-%c", letter);
        wp_message_error(name, "see --help", "unknown option");
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument, "="), argument);
    search.typed = name + strspn(name, "-");
    for (; table->name != NULL; table++)
        wp_nearest_name_offer(&search, table->name);
    if (search.best != NULL)
        snprintf(hint, sizeof hint, "did you mean \"--%s\"?", search.best);
    wp_message_error(name, search.best != NULL ? hint : "see --help", "unknown option");
}

/* What getopt_long wants to know of the rows. */
struct getopt_view {
    struct option longs[WP_OPTION_TABLE_ROWS + 1];
    char letters[2 * WP_OPTION_TABLE_ROWS + 3];
};

/* Row i is known to getopt_long by this value, which no letter has. */
#define ROW_VALUE(i) (256 + (int)(i))

static void
build_getopt_view(const struct wp_option *table, bool stop_early, struct getopt_view *view)
{
    char *letter = view->letters;

    memset(view, 0, sizeof *view);
    if (stop_early)
        *letter++ = '+';
    *letter++ = ':';
    for (size_t i = 0; table[i].name != NULL && i < WP_OPTION_TABLE_ROWS; i++) {
        view->longs[i].name = table[i].name;
        view->longs[i].has_arg = takes_argument(&table[i]) ? required_argument : no_argument;
        view->longs[i].val = ROW_VALUE(i);
        if (table[i].letter == 0)
            continue;
        *letter++ = table[i].letter;
        if (takes_argument(&table[i]))
            *letter++ = ':';
    }
}

/* The row of a value that getopt_long returned. */
static const struct wp_option *
find_row(const struct wp_option *table, int value)
{
    if (value >= ROW_VALUE(0))
        return &table[value - ROW_VALUE(0)];
    while (table->name != NULL && table->letter != value)
        table++;
    return table->name != NULL ? table : NULL;
}

static int
report_refused(const struct wp_option *table, char **argv, int value)
{
    const struct wp_option *row = optopt != 0 ? find_row(table, optopt) : NULL;

    if (value == ':')
        wp_message_error(argv[optind - 1], "see --help", "needs an argument");
    else if (row != NULL)
        wp_message_error(argv[optind - 1], "see --help", "takes no argument");
    else
        report_unknown(table, argv[optind - 1], optopt);
    return -EINVAL;
}

/* What getopt takes for an argument like any other; a file of that name is another pointer. */
char wp_option_divider[] = "(divider)";

void
wp_option_table_mark_divider(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            argv[i] = wp_option_divider;
            return;
        }
    }
}

/* Hands the argument that getopt_long took to the row's parser, together with the next one if they
 * are a pair. */
static int
parse_row(const struct wp_option *row, char **argv, void *values)
{
    void *target = (char *)values + row->target;
    char pair[PAIR_BYTES];
    char option[64];

    if (optarg == wp_option_divider) {
        snprintf(option, sizeof option, "--%s", row->name);
        wp_message_error(option, "see --help", "needs an argument");
        return -EINVAL;
    }
    if (row->pair_word == NULL || strcmp(optarg, row->pair_word) != 0)
        return row->parse(row, optarg, target);
    if (argv[optind] == NULL || argv[optind] == wp_option_divider) {
        wp_message_error(optarg, "see --help", "needs a second argument for --%s", row->name);
        return -EINVAL;
    }
    if ((size_t)snprintf(pair, sizeof pair, "%s %s", optarg, argv[optind]) >= sizeof pair)
        return refuse_argument(row, argv[optind], "a value");
    optind++;
    return row->parse(row, pair, target);
}

int
wp_option_table_parse(const struct wp_option *table, int argc, char **argv, bool stop_early,
                      void *values)
{
    struct getopt_view view;

    build_getopt_view(table, stop_early, &view);
    opterr = 0;
    optind = 0;
    for (;;) {
        int value = getopt_long(argc, argv, view.letters, view.longs, NULL);
        const struct wp_option *row;

        if (value == -1)
            return optind;
        row = value != '?' && value != ':' ? find_row(table, value) : NULL;
        if (row == NULL)
            return report_refused(table, argv, value);
        if (parse_row(row, argv, values) != 0)
            return -EINVAL;
    }
}

/* "-o, --output PREFIX" and how wide that is. */
static int
print_names(const struct wp_option *option, FILE *stream)
{
    int width = 0;

    if (option->letter != 0)
        width += fprintf(stream, "  -%c, ", option->letter);
    else
        width += fprintf(stream, "      ");
    width += fprintf(stream, "--%s", option->name);
    if (option->placeholder != NULL)
        width += fprintf(stream, " %s", option->placeholder);
    for (size_t i = 0; option->choices != NULL && option->choices[i] != NULL; i++)
        width += fprintf(stream, "%c%s", i == 0 ? ' ' : '|', option->choices[i]);
    return width;
}

void
wp_option_table_print(const struct wp_option *table, FILE *stream)
{
    for (; table->name != NULL; table++) {
        int width = print_names(table, stream);
        const char *line = table->help;

        if (width >= HELP_COLUMN) {
            fputc('\n', stream);
            width = 0;
        }
        while (line != NULL) {
            const char *end = strchr(line, '\n');
            int length = end != NULL ? (int)(end - line) : (int)strlen(line);

            fprintf(stream, "%*s%.*s\n", HELP_COLUMN - width, "", length, line);
            width = 0;
            line = end != NULL ? end + 1 : NULL;
        }
    }
}
