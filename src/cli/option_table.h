/*
 * Options as rows of a table: the parser, `--help` and the hints for mistyped names read the same
 * rows.
 */
#ifndef WP_CLI_OPTION_TABLE_H
#define WP_CLI_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/quantity.h"

struct wp_option;

/*
 * Puts the argument `text` (NULL for a flag) into *target, whose type depends on the parser.
 * 0, or -EINVAL once the message is written.
 */
typedef int wp_option_parser(const struct wp_option *option, const char *text, void *target);

struct wp_option {
    const char *name;        /* without dashes; NULL ends the table */
    char letter;             /* short form, or 0 */
    const char *placeholder; /* what stands for the argument in help; NULL for flags and choices */
    const char *help;        /* one line or more, without a full stop at the end */
    wp_option_parser *parse;
    size_t target;              /* offset in the command's struct of option values */
    const char *const *choices; /* for wp_option_parse_choice: NULL ends them */
    uint64_t minimum, maximum;  /* for numbers (maximum 0: none), bytes, times in ns */
    uint64_t unit_ns;           /* for times: what a bare number counts */
    const char *pair_word; /* an argument that a second one follows: the parser gets both, with a
                            * blank between them */
};

/* A number that may not have been given. */
struct wp_option_number {
    bool given;
    uint64_t value;
};

/* A budget that may not have been given. */
struct wp_option_budget {
    bool given;
    struct wp_quantity_budget value;
};

/* Target types: bool; const char * (points into argv); struct wp_option_number (thrice); struct
 * wp_option_budget; unsigned (index of the choice). */
wp_option_parser wp_option_parse_flag;
wp_option_parser wp_option_parse_text;
wp_option_parser wp_option_parse_number;
wp_option_parser wp_option_parse_time;
wp_option_parser wp_option_parse_bytes;
wp_option_parser wp_option_parse_budget;
wp_option_parser wp_option_parse_choice;

/* For parsers of their own lists: says that `text` is none of `choices` (NULL ends them), with the
 * one it resembles or else all of them. Returns -EINVAL. */
int wp_option_refuse_choice(const struct wp_option *option, const char *text,
                            const char *const *choices);

/* At most this many rows in a table. */
#define WP_OPTION_TABLE_ROWS 32

/*
 * Reads options from argv[1] on into `values`, which holds the defaults. With `stop_early` the
 * first argument that is no option ends them (for commands that run a program), else they may stand
 * anywhere. Returns the index of the first argument that is no option (argv is permuted so that all
 * such stand at the end), or -EINVAL once a message with the nearest name is written.
 */
int wp_option_table_parse(const struct wp_option *table, int argc, char **argv, bool stop_early,
                          void *values);

/*
 * For commands that compare two lists of arguments, `A... -- B...`: puts wp_option_divider in the
 * place of the first "--" of argv. It stays where it is, and options may stand after it; a second
 * "--" ends the options, as ever.
 */
extern char wp_option_divider[];
void wp_option_table_mark_divider(int argc, char **argv);

/* Prints the rows for `--help`. */
void wp_option_table_print(const struct wp_option *table, FILE *stream);

#endif
