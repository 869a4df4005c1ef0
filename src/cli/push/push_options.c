#include "cli/push/push_options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S UINT64_C(1000000000)
#define MIB UINT64_C(1048576)
#define TARGET(member) offsetof(struct wp_push_values, member)

static const char *const unconfirmed_choices[] = {"send", "drop", NULL};

const struct wp_push_values wp_push_defaults = {
    .every_ns = {.value = 15 * NS_PER_S},
    .timeout_ns = {.value = 30 * NS_PER_S},
    .retry_min_ns = {.value = NS_PER_S},
    .retry_max_ns = {.value = 300 * NS_PER_S},
    .spool_bytes = {.value = 64 * MIB},
    .keep = WP_KEEP_DEFAULTS,
};

const struct wp_option wp_push_options[] = {
    {.name = "to",
     .placeholder = "URL|DIR",
     .help = "a Pyroscope server (http://HOST:4040), or a directory\n"
             "that keeps the latest profiles",
     .parse = wp_option_parse_text,
     .target = TARGET(to)},
    {.name = "every",
     .placeholder = "TIME",
     .help = "the span of one profile (default: 15s)",
     .parse = wp_option_parse_time,
     .target = TARGET(every_ns),
     .minimum = NS_PER_S / 10,
     .unit_ns = NS_PER_S},
    {.name = "all",
     .letter = 'a',
     .help = "all programs that this user may read",
     .parse = wp_option_parse_flag,
     .target = TARGET(all)},
    {.name = "once",
     .help = "one span, then exit: for cron",
     .parse = wp_option_parse_flag,
     .target = TARGET(once)},
    {.name = "since-start",
     .help = "count programs that run already from their start, not\n"
             "from now on",
     .parse = wp_option_parse_flag,
     .target = TARGET(since_start)},
    {.name = "service",
     .placeholder = "NAME",
     .help = "the service's name (default: the program's command)",
     .parse = wp_option_parse_text,
     .target = TARGET(service)},
    {.name = "label",
     .placeholder = "NAME=VALUE[,...]",
     .help = "labels of every profile; the words pid and command stand\n"
             "for the program's. host is added; host= leaves it out",
     .parse = wp_series_parse_labels,
     .target = TARGET(series_labels)},
    WP_KIND_OPTION(struct wp_push_values, view),
    WP_LABELS_OPTION(struct wp_push_values, view),
    {.name = "token-file",
     .placeholder = "FILE",
     .help = "send the bearer token in its first line",
     .parse = wp_option_parse_text,
     .target = TARGET(token_file)},
    {.name = "user-file",
     .placeholder = "FILE",
     .help = "send the NAME:PASSWORD in its first line",
     .parse = wp_option_parse_text,
     .target = TARGET(user_file)},
    {.name = "tenant",
     .placeholder = "NAME",
     .help = "the tenant (X-Scope-OrgID)",
     .parse = wp_option_parse_text,
     .target = TARGET(tenant)},
    {.name = "ca-file",
     .placeholder = "FILE",
     .help = "trust these certificates instead of the system's",
     .parse = wp_option_parse_text,
     .target = TARGET(ca_file)},
    {.name = "insecure-tls",
     .help = "accept any certificate: whoever is in between can read\nand change everything",
     .parse = wp_option_parse_flag,
     .target = TARGET(insecure_tls)},
    {.name = "timeout",
     .placeholder = "TIME",
     .help = "for one request (default: 30s)",
     .parse = wp_option_parse_time,
     .target = TARGET(timeout_ns),
     .minimum = NS_PER_S / 100,
     .maximum = 86400 * NS_PER_S,
     .unit_ns = NS_PER_S},
    {.name = "retry-min",
     .placeholder = "TIME",
     .help = "the first pause after a failure; each further one is\n"
             "twice as long (default: 1s)",
     .parse = wp_option_parse_time,
     .target = TARGET(retry_min_ns),
     .minimum = NS_PER_S / 1000,
     .maximum = 86400 * NS_PER_S,
     .unit_ns = NS_PER_S},
    {.name = "retry-max",
     .placeholder = "TIME",
     .help = "up to that pause (default: 5m)",
     .parse = wp_option_parse_time,
     .target = TARGET(retry_max_ns),
     .minimum = NS_PER_S / 1000,
     .maximum = 86400 * NS_PER_S,
     .unit_ns = NS_PER_S},
    {.name = "unconfirmed",
     .help = "a request that was sent and never answered (default: send)",
     .parse = wp_option_parse_choice,
     .target = TARGET(unconfirmed),
     .choices = unconfirmed_choices},
    {.name = "spool",
     .placeholder = "DIR",
     .help = "where profiles wait for the server (default:\n"
             "one of the server's own below\n"
             "$XDG_STATE_HOME/waitprof/spool or ~/.local/state)",
     .parse = wp_option_parse_text,
     .target = TARGET(spool)},
    {.name = "spool-bytes",
     .placeholder = "SIZE",
     .help = "how much may wait (default: 64MiB)",
     .parse = wp_option_parse_bytes,
     .target = TARGET(spool_bytes),
     .minimum = 16384},
    WP_KEEP_OPTIONS(struct wp_push_values, keep),
    {.name = NULL},
};

/* An option that means nothing for the destination is a misunderstanding, not to be passed over. */
static int
refuse_for(const char *option, const char *what, struct wp_error *error)
{
    return wp_error_set(error, EINVAL, "%s: only where --to is %s", option, what);
}

static int
check_for_server(const struct wp_push_values *values, const char *url, struct wp_error *error)
{
    bool is_https = strncasecmp(url, "https:", strlen("https:")) == 0;

    if (values->keep.bytes.given || values->keep.age_ns.given)
        return refuse_for(values->keep.bytes.given ? "--keep-bytes" : "--keep-age", "a directory",
                          error);
    if (values->token_file != NULL && values->user_file != NULL)
        return wp_error_set(error, EINVAL, "--token-file and --user-file: give one of them");
    if (values->retry_min_ns.value > values->retry_max_ns.value)
        return wp_error_set(error, EINVAL, "--retry-min is longer than --retry-max");
    if (values->insecure_tls && values->ca_file != NULL)
        return wp_error_set(error, EINVAL, "--insecure-tls and --ca-file: give one of them");
    if ((values->insecure_tls || values->ca_file != NULL) && !is_https)
        return refuse_for(values->insecure_tls ? "--insecure-tls" : "--ca-file",
                          "an https:// address", error);
    return 0;
}

static int
check_for_directory(const struct wp_push_values *values, struct wp_error *error)
{
    const struct {
        const char *option;
        bool given;
    } for_servers[] = {
        {"--token-file", values->token_file != NULL}, {"--user-file", values->user_file != NULL},
        {"--tenant", values->tenant != NULL},         {"--ca-file", values->ca_file != NULL},
        {"--insecure-tls", values->insecure_tls},     {"--service", values->service != NULL},
        {"--label", values->series_labels.count > 0}, {"--spool", values->spool != NULL},
        {"--spool-bytes", values->spool_bytes.given}, {"--timeout", values->timeout_ns.given},
        {"--retry-min", values->retry_min_ns.given},  {"--retry-max", values->retry_max_ns.given},
    };

    for (size_t i = 0; i < sizeof for_servers / sizeof for_servers[0]; i++) {
        if (for_servers[i].given)
            return refuse_for(for_servers[i].option, "a server", error);
    }
    return 0;
}

int
wp_push_check_options(const struct wp_push_values *values, char *const *words,
                      struct wp_destination *destination, struct wp_error *error)
{
    int status;

    if (values->to == NULL)
        return wp_error_set(error, EINVAL, "--to is missing; see --help");
    if (words[0] == NULL && !values->all)
        return wp_error_set(error, EINVAL, "PID|REGION|COMMAND is missing; or use --all");
    if (words[0] != NULL && values->all)
        return wp_error_set(error, EINVAL, "%s: nothing can be named beside --all", words[0]);
    status = wp_destination_parse(values->to, destination, error);
    if (status != 0)
        return status;
    return destination->url != NULL ? check_for_server(values, destination->url, error)
                                    : check_for_directory(values, error);
}
