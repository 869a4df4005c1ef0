/*
 * The `waitprof` command: finds the subcommand, reads its options, runs it.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/nearest_name.h"
#include "cli/option_table.h"

#define COMMAND_NAME_WIDTH 10

static const struct wp_command *const commands[] = {
    &wp_command_run,    &wp_command_ls,    &wp_command_top,    &wp_command_record,
    &wp_command_report, &wp_command_diff,  &wp_command_gate,   &wp_command_timeline,
    &wp_command_tune,   &wp_command_rate,  &wp_command_export, &wp_command_serve,
    &wp_command_push,   &wp_command_prune, &wp_command_doctor, &wp_command_functions,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

/* Options that every command takes. The command's own values follow, hence the alignment. */
struct common_values {
    _Alignas(max_align_t) bool help;
    bool quiet;
    bool verbose;
    bool version;
};

static const struct wp_option common_options[] = {
    {.name = "help",
     .letter = 'h',
     .help = "print this help",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct common_values, help)},
    {.name = "quiet",
     .letter = 'q',
     .help = "say nothing but errors and what was asked for",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct common_values, quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "say what is done on the way",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct common_values, verbose)},
    {.name = NULL},
};

static const struct wp_option version_option[] = {
    {.name = "version",
     .letter = 'V',
     .help = "print the version",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct common_values, version)},
    {.name = NULL},
};

/* Appends the rows of `from`, whose targets lie `shift` bytes further than they say, to `table`. */
static size_t
append_rows(struct wp_option *table, size_t count, const struct wp_option *from, size_t shift)
{
    for (; from->name != NULL && count < WP_OPTION_TABLE_ROWS; from++, count++) {
        table[count] = *from;
        table[count].target += shift;
    }
    table[count].name = NULL;
    return count;
}

static void
print_exit_code(FILE *stream, int code, const char *text)
{
    fprintf(stream, "  %-5d %s\n", code, text);
}

/* Of one command, or with NULL of all. */
static void
print_exit_codes(const struct wp_command *command, FILE *stream)
{
    fprintf(stream, "\nExit status:\n");
#define PRINT_EXIT_CODE(code, name, text) print_exit_code(stream, code, text);
#define PRINT_GENERAL_EXIT_CODE(code, name, text)                                                  \
    if (command == NULL || (command->exit_codes & WP_EXIT_BIT(code)) != 0) {                       \
        print_exit_code(stream, code, text);                                                       \
    }
    if (command == &wp_command_doctor) {
        WP_DOCTOR_EXIT_CODES(PRINT_EXIT_CODE)
    }
    WP_EXIT_CODES(PRINT_GENERAL_EXIT_CODE)
    if (command == NULL) {
        WP_DOCTOR_EXIT_CODES(PRINT_EXIT_CODE)
    }
    if (command == NULL || command == &wp_command_diff) {
        WP_DIFF_EXIT_CODES(PRINT_EXIT_CODE)
    }
    if (command == NULL || command == &wp_command_gate) {
        WP_GATE_EXIT_CODES(PRINT_EXIT_CODE)
    }
    if (command == NULL || command == &wp_command_run) {
        WP_RUN_EXIT_CODES(PRINT_EXIT_CODE)
        fprintf(stream, "  other run: the exit status of the program that was run\n");
    }
#undef PRINT_GENERAL_EXIT_CODE
#undef PRINT_EXIT_CODE
}

static void
print_program_help(const struct wp_option *table)
{
    printf("Usage: waitprof COMMAND [OPTION]... [ARGUMENT]...\n\n"
           "Shows where a program waits and who makes it wait.\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-*s %s\n", COMMAND_NAME_WIDTH, commands[i]->name, commands[i]->summary);
    printf("\nOptions:\n");
    wp_option_table_print(table, stdout);
    print_exit_codes(NULL, stdout);
    printf("\n`waitprof COMMAND --help` says more about a command.\n");
}

static void
print_command_help(const struct wp_command *command, const struct wp_option *table)
{
    printf("Usage: waitprof %s [OPTION]...%s%s\n\n%s\nOptions:\n", command->name,
           command->arguments[0] != '\0' ? " " : "", command->arguments, command->description);
    wp_option_table_print(table, stdout);
    print_exit_codes(command, stdout);
}

static const struct wp_command *
find_command(const char *name)
{
    struct wp_nearest_name search = {.typed = name};
    char remedy[128];

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        wp_nearest_name_offer(&search, commands[i]->name);
    }
    if (search.best != NULL)
        snprintf(remedy, sizeof remedy, "did you mean \"%s\"?", search.best);
    wp_message_error(name, search.best != NULL ? remedy : "see `waitprof --help`",
                     "unknown command");
    return NULL;
}

static bool
has_right_argument_count(const struct wp_command *command, int count)
{
    if (count < command->arguments_minimum) {
        wp_message_error(NULL, "see --help", "%s is missing",
                         command->arguments_minimum == 1 ? command->arguments : "an argument");
        return false;
    }
    if (command->arguments_maximum >= 0 && count > command->arguments_maximum) {
        wp_message_error(NULL, "see --help", "too many arguments");
        return false;
    }
    return true;
}

/* Output that could not be written (a full disk) is a failure, not a success with less output. */
static int
flush_output(int code)
{
    if (wp_message_check_output())
        return code;
    return code == WP_EXIT_OK ? WP_EXIT_FAILURE : code;
}

static int
run_command(const struct wp_command *command, const struct common_values *given, int argc,
            char **argv)
{
    struct wp_option table[WP_OPTION_TABLE_ROWS + 1];
    struct common_values *values;
    size_t count;
    int first, code = WP_EXIT_USAGE;

    wp_message_set_command(command->name);
    count = append_rows(table, 0, command->options, sizeof *values);
    append_rows(table, count, common_options, 0);
    values = calloc(1, sizeof *values + command->values_bytes);
    if (values == NULL) {
        wp_message_error(NULL, NULL, "out of memory");
        return WP_EXIT_FAILURE;
    }
    *values = *given;
    if (command->defaults != NULL)
        memcpy(values + 1, command->defaults, command->values_bytes);

    if (command->has_sides)
        wp_option_table_mark_divider(argc, argv);
    first = wp_option_table_parse(table, argc, argv, command->runs_program, values);
    if (first >= 0 && values->help) {
        print_command_help(command, table);
        code = WP_EXIT_OK;
    } else if (first >= 0 && has_right_argument_count(command, argc - first)) {
        wp_message_set_quiet(values->quiet);
        wp_message_set_verbose(values->verbose);
        code = command->run(values + 1, argv + first);
    }
    free(values);
    return flush_output(code);
}

int
main(int argc, char **argv)
{
    struct wp_option table[WP_OPTION_TABLE_ROWS + 1];
    struct common_values values = {0};
    const struct wp_command *command;
    int first;

    append_rows(table, append_rows(table, 0, version_option, 0), common_options, 0);
    first = wp_option_table_parse(table, argc, argv, true, &values);
    if (first < 0)
        return WP_EXIT_USAGE;
    if (values.version) {
        printf("waitprof %s\n", WAITPROF_VERSION);
        return flush_output(WP_EXIT_OK);
    }
    if (values.help) {
        print_program_help(table);
        return flush_output(WP_EXIT_OK);
    }
    if (first == argc) {
        wp_message_error(NULL, "see `waitprof --help`", "COMMAND is missing");
        return WP_EXIT_USAGE;
    }
    command = find_command(argv[first]);
    if (command == NULL)
        return WP_EXIT_USAGE;
    return run_command(command, &values, argc - first, argv + first);
}
