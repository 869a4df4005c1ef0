/*
 * The options that choose what of a profile is shown and how: --kind, --labels; and --events, which
 * chooses what is recorded at all.
 */
#ifndef WP_CLI_VIEW_OPTIONS_H
#define WP_CLI_VIEW_OPTIONS_H

#include <stddef.h>

#include "cli/function_list.h"
#include "cli/option_table.h"
#include "profile/encode.h"
#include "profile/error.h"
#include "profile/region_reader.h"

struct wp_view_values {
    const char *kinds; /* as of profile/kind.h; NULL: all */
    struct wp_encode_options encode;
};

/* Rows of an option table; `member` is the struct wp_view_values in the command's values. */
#define WP_KIND_OPTION(values, member)                                                             \
    {                                                                                              \
        .name = "kind", .letter = 'k', .placeholder = "KIND[,KIND...]",                            \
        .help = "only waits of these kinds: mutex, recv, a family\n"                               \
                "(net), a pattern ('rwlock*'), or lock for all locks",                             \
        .parse = wp_option_parse_text, .target = offsetof(values, member.kinds)                    \
    }
#define WP_LABELS_OPTION(values, member)                                                           \
    {                                                                                              \
        .name = "labels", .placeholder = "LABEL[,LABEL...]",                                       \
        .help = "label each sample; kind: what it waited for", .parse = wp_option_parse_labels,    \
        .target = offsetof(values, member.encode)                                                  \
    }

/* Target: struct wp_encode_options. */
wp_option_parser wp_option_parse_labels;

/* The same where no option was given: 0, or -EINVAL with the word that is no label in `word`, cut
 * to fit. */
#define WP_VIEW_WORD_BYTES 64u
int wp_view_parse_labels(const char *text, struct wp_encode_options *options,
                         char word[WP_VIEW_WORD_BYTES]);

/*
 * Whether every word of a list (NULL: none is given) is a kind or a family: of the functions that a
 * region lists, of a library's list, or, before there is a region, of the library that `waitprof
 * run` loads. 0; -EINVAL, with the word and one that it resembles; or why the library cannot be
 * read.
 */
int wp_view_check_kinds(const char *kinds, const struct wp_snapshot *snapshot,
                        struct wp_error *error);
int wp_view_check_kinds_of_list(const char *kinds, const struct wp_function_list *list,
                                struct wp_error *error);
int wp_view_check_kinds_of_library(const char *kinds, struct wp_error *error);

/* The same for a list of families, or "all", for WAITPROF_EVENTS: so long at most. */
#define WP_VIEW_EVENTS_MAX_BYTES 255u
int wp_view_check_events(const char *events, struct wp_error *error);

#endif
