/*
 * waitprof functions: what the library wraps, and what became of it in a program.
 */
#include "cli/command.h"
#include "cli/function_list.h"
#include "cli/function_table.h"
#include "cli/message.h"
#include "cli/view_options.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct functions_values {
    struct wp_view_values view;
    bool all;
    bool json;
    bool markdown;
};

static const struct wp_option options[] = {
    {.name = "all",
     .letter = 'a',
     .help = "list those that never had to wait, too",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct functions_values, all)},
    WP_KIND_OPTION(struct functions_values, view),
    {.name = "json",
     .help = "print JSON",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct functions_values, json)},
    {.name = "markdown",
     .help = "print the page of the documentation, with what is\nnot wrapped and why",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct functions_values, markdown)},
    {.name = NULL},
};

static enum wp_function_format
format_of(const struct functions_values *values)
{
    if (values->markdown)
        return WP_FUNCTIONS_MARKDOWN;
    return values->json ? WP_FUNCTIONS_JSON : WP_FUNCTIONS_TEXT;
}

static int
print_library(const struct functions_values *values, struct wp_error *error)
{
    struct wp_function_list list;
    int status = wp_function_list_read(&list, error);

    if (status != 0)
        return status;
    status = wp_view_check_kinds_of_list(values->view.kinds, &list, error);
    if (status == 0)
        wp_function_table_print_list(&list, values->view.kinds, format_of(values));
    wp_function_list_free(&list);
    return status;
}

static int
print_region(const struct functions_values *values, const char *what, struct wp_error *error)
{
    struct wp_region_place place;
    struct wp_snapshot *snapshot = NULL;
    int status = wp_region_find(what, &place, error);

    if (status == 0)
        status = wp_reader_open(&place, &snapshot, error);
    if (status == 0)
        status = wp_view_check_kinds(values->view.kinds, snapshot, error);
    if (status == 0)
        status = wp_function_table_print_region(snapshot, values->view.kinds, values->all,
                                                format_of(values), error);
    wp_snapshot_free(snapshot);
    return status;
}

static int
functions(const void *given, char **arguments)
{
    const struct functions_values *values = given;
    struct wp_error error = {""};
    int status;

    if (values->markdown &&
        (arguments[0] != NULL || values->json || values->all || values->view.kinds != NULL)) {
        wp_message_error("--markdown", "see --help", "goes with nothing else");
        return WP_EXIT_USAGE;
    }
    if (arguments[0] != NULL)
        status = print_region(values, arguments[0], &error);
    else
        status = print_library(values, &error);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_functions = {
    .name = "functions",
    .arguments = "[PID|REGION]",
    .summary = "list the wrapped functions, and what became of them",
    .description =
        "Without an argument, lists what the library wraps: function, version, family (a name for\n"
        "--events), kinds (names for --kind) and further names. Of a program, tells of each "
        "function\n"
        "how many calls had to wait (under a budget: estimated from some), how many samples the\n"
        "block and the mutex profile keep of them, and whether the program's own function hides\n"
        "it or its C library lacks it.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_maximum = 1,
    .values_bytes = sizeof(struct functions_values),
    .run = functions,
};
