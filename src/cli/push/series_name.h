/*
 * The name under which a server files profiles, as Pyroscope reads it: SERVICE{LABEL=VALUE,...}.
 * Nothing is quoted there, so a value must not have what ends it.
 */
#ifndef WP_CLI_PUSH_SERIES_NAME_H
#define WP_CLI_PUSH_SERIES_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/option_table.h"
#include "profile/error.h"

#define WP_SERIES_NAME_BYTES 4096u
#define WP_SERIES_LABELS_MAX 32u /* with our own */

/* What --label has collected: option texts, still unparsed. Target of the parser below. */
struct wp_series_labels {
    const char *texts[WP_SERIES_LABELS_MAX];
    unsigned count;
};

/* Target: struct wp_series_labels; every use of the option adds to it. */
wp_option_parser wp_series_parse_labels;

struct wp_series_naming;

/*
 * `service` NULL: the command of each program. Labels are "NAME=VALUE" and the words "pid" and
 * "command", which stand for those of each program; a label host with this machine's name is added
 * unless the labels have one ("host=": none at all). -EINVAL names what is wrong.
 */
int wp_series_naming_new(const char *service, const struct wp_series_labels *labels,
                         struct wp_series_naming **naming, struct wp_error *error);
void wp_series_naming_free(struct wp_series_naming *naming); /* NULL is fine */

/* The name for one program; returns `text`. What a service's name or a value cannot have becomes
 * '_'. */
char *wp_series_name(const struct wp_series_naming *naming, const char *command, uint32_t pid,
                     char text[WP_SERIES_NAME_BYTES]);

#endif
