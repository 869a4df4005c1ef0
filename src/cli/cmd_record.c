/*
 * waitprof record: profiles what a running program does in a span of time.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "agent/target.h"
#include "cli/capture.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/record/follow.h"
#include "cli/record/rate_lease.h"
#include "cli/stop_signals.h"
#include "cli/terminal.h"
#include "cli/view_options.h"
#include "profile/clock.h"

#define POLL_NS 100000000                   /* between looks at the target */
#define LEASE_GRACE_NS UINT64_C(5000000000) /* by which rates outlive the span at most */

struct record_values {
    struct wp_rate_values rates;
    struct wp_option_number span_ns;
    struct wp_option_number every_ns; /* not given: one profile of all */
    const char *prefix;
    struct wp_keep_values keep;
    struct wp_view_values view;
};

static const struct record_values defaults = {
    .span_ns = {.value = UINT64_C(30000000000)},
    .prefix = "waitprof",
    .keep = WP_KEEP_DEFAULTS,
};

static const struct wp_option options[] = {
    {.name = "seconds",
     .letter = 's',
     .placeholder = "N",
     .help = "for so long (seconds, or with unit: 500ms, 5m; default: 30,\n"
             "with --every: no end)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct record_values, span_ns),
     .minimum = 1,
     .unit_ns = UINT64_C(1000000000)},
    {.name = "every",
     .placeholder = "TIME",
     .help = "a profile of each slice of so long, into a directory:\n"
             "`waitprof timeline` shows them (seconds, or with unit;\n"
             "100ms or more)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct record_values, every_ns),
     .minimum = UINT64_C(100000000),
     .maximum = UINT64_C(86400000000000),
     .unit_ns = UINT64_C(1000000000)},
    {.name = "output",
     .letter = 'o',
     .placeholder = "PREFIX|DIR",
     .help = "write PREFIX.block.pb.gz and PREFIX.mutex.pb.gz, or with\n"
             "--every the files of slices below DIR (default: waitprof)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct record_values, prefix)},
    WP_RATE_OPTIONS(struct record_values, rates),
    WP_KIND_OPTION(struct record_values, view),
    WP_LABELS_OPTION(struct record_values, view),
    WP_KEEP_OPTIONS(struct record_values, keep),
    {.name = NULL},
};

/* A program under observation. */
struct recording {
    struct wp_target *target;
    struct wp_snapshot *first; /* at the begin of the span */
};

enum ending { ENDED_IN_TIME, ENDED_BY_SIGNAL, ENDED_BY_TARGET };

static void
show_progress(uint64_t passed_ns, uint64_t span_ns)
{
    fprintf(stderr, "\rrecording %" PRIu64 " of %" PRIu64 " s ", passed_ns / 1000000000,
            (span_ns + 999999999) / 1000000000);
}

/* Waits until the span is over, a signal asks to stop, or the target has ended. */
static enum ending
wait_for_end(const struct recording *recording, uint64_t span_ns, const sigset_t *stops)
{
    bool shows = wp_terminal_is(stderr) && !wp_message_is_quiet();
    uint64_t start_ns = wp_clock_ns(CLOCK_MONOTONIC), passed_ns = 0;
    enum ending ending = ENDED_IN_TIME;

    while (ending == ENDED_IN_TIME && passed_ns < span_ns) {
        uint64_t left_ns = span_ns - passed_ns;
        struct timespec pause = {.tv_nsec = (long)(left_ns < POLL_NS ? left_ns : POLL_NS)};

        if (shows)
            show_progress(passed_ns, span_ns);
        if (sigtimedwait(stops, NULL, &pause) > 0)
            ending = ENDED_BY_SIGNAL;
        else if (wp_target_state(recording->target, recording->first, NULL) == WP_STATE_GONE)
            ending = ENDED_BY_TARGET;
        passed_ns = wp_clock_ns(CLOCK_MONOTONIC) - start_ns;
    }
    if (shows)
        fputs("\r\033[K", stderr);
    return ending;
}

/* The difference between now and the first snapshot. */
static int
capture_difference(const struct recording *recording, struct wp_capture *capture, uint64_t *span_ns,
                   struct wp_error *error)
{
    struct wp_capture earlier = {0};
    struct wp_snapshot *last = NULL;
    int status = wp_target_read(recording->target, &last, error);

    if (status == 0)
        status = wp_capture_start(capture, error);
    if (status == 0)
        status = wp_capture_add(capture, last, error);
    if (status == 0)
        status = wp_capture_start(&earlier, error);
    if (status == 0)
        status = wp_capture_add(&earlier, recording->first, error);
    if (status == 0)
        status = wp_capture_subtract(capture, &earlier, error);
    if (status == 0)
        *span_ns = last->read_monotonic_ns - recording->first->read_monotonic_ns;
    wp_capture_free(&earlier);
    wp_snapshot_free(last);
    return status;
}

static void
report_ending(const char *what, enum ending ending, uint64_t span_ns)
{
    char text[WP_QUANTITY_TEXT_BYTES];

    wp_quantity_format_time(span_ns, text);
    if (ending == ENDED_BY_TARGET)
        wp_message_warning(what, NULL, "the program ended after %s; the profiles are of that time",
                           text);
    else if (ending == ENDED_BY_SIGNAL)
        wp_message_note("%s: stopped after %s; the profiles are of that time", what, text);
}

/* The span itself, with the rates set for it and set back however it ends. */
static int
record_span(const struct record_values *values, struct recording *recording, const char *what,
            struct wp_capture *capture, struct wp_error *error)
{
    enum ending ending = ENDED_IN_TIME;
    struct wp_rate_lease lease = {
        .rates = &values->rates,
        .place = &recording->target->place,
        .for_ns = values->span_ns.value + LEASE_GRACE_NS,
    };
    uint64_t span_ns = 0;
    sigset_t stops;
    int status;

    /* Signals only end the wait while the rates must still be set back. */
    wp_stop_signals_block(&stops, NULL);
    status = wp_rate_lease_take(&lease, error);
    if (status == 0)
        status = wp_target_read(recording->target, &recording->first, error);
    if (status == 0) {
        ending = wait_for_end(recording, values->span_ns.value, &stops);
        status = capture_difference(recording, capture, &span_ns, error);
    }
    if (ending != ENDED_BY_TARGET)
        wp_rate_lease_end(&lease);
    sigprocmask(SIG_UNBLOCK, &stops, NULL);
    if (status == 0)
        report_ending(what, ending, span_ns);
    return status;
}

/* Whether the program can be recorded, and has waits of the kinds that are asked for. */
static int
check_target(const struct record_values *values, struct recording *recording, const char *what,
             struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status = wp_target_read(recording->target, &snapshot, error);

    if (status == 0 && wp_target_state(recording->target, snapshot, NULL) == WP_STATE_GONE)
        status =
            wp_error_set(error, ESRCH, "%s: the program has ended; see `waitprof export`", what);
    if (status == 0)
        status = wp_view_check_kinds(values->view.kinds, snapshot, error);
    wp_snapshot_free(snapshot);
    return status;
}

static int
record_one(const struct record_values *values, struct recording *recording, const char *what,
           struct wp_error *error)
{
    struct wp_capture capture = {0};
    int status = record_span(values, recording, what, &capture, error);

    if (status == 0)
        status = wp_capture_select_kinds(&capture, values->view.kinds, error);
    if (status == 0)
        status = wp_capture_write(&capture, values->prefix, &values->view.encode, error);
    wp_snapshot_free(recording->first);
    wp_capture_free(&capture);
    return status;
}

static int
record_slices(const struct record_values *values, const struct recording *recording,
              const char *what, struct wp_error *error)
{
    const struct wp_follow_options follow = {
        .directory = values->prefix,
        .what = what,
        .every_ns = values->every_ns.value,
        .span_ns = values->span_ns.given ? values->span_ns.value : 0,
        .keep = values->keep,
        .rates = values->rates,
        .view = values->view,
    };
    sigset_t stops;
    int status;

    wp_stop_signals_block(&stops, NULL);
    status = wp_follow(&follow, recording->target, &stops, error);
    sigprocmask(SIG_UNBLOCK, &stops, NULL);
    return status;
}

static int
check_options(const struct record_values *values, struct wp_error *error)
{
    if (values->every_ns.given)
        return 0;
    if (values->keep.bytes.given || values->keep.age_ns.given)
        return wp_error_set(error, EINVAL, "%s: only with --every",
                            values->keep.bytes.given ? "--keep-bytes" : "--keep-age");
    return wp_capture_check_prefix(values->prefix, error);
}

static int
record(const void *given, char **arguments)
{
    const struct record_values *values = given;
    struct recording recording = {NULL, NULL};
    struct wp_error error = {""};
    int status = check_options(values, &error);

    if (status == 0)
        status = wp_target_open(arguments[0], &recording.target, &error);
    if (status == 0)
        status = check_target(values, &recording, arguments[0], &error);
    if (status == 0)
        status = values->every_ns.given ? record_slices(values, &recording, arguments[0], &error)
                                        : record_one(values, &recording, arguments[0], &error);
    wp_target_release(recording.target);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_record = {
    .name = "record",
    .arguments = "PID|REGION",
    .summary = "profile what a running program does from now on",
    .description =
        "Writes the profiles of a span of time: what the program waited for between two looks at\n"
        "its region. Rates given here hold for the span and are set back at its end. Ends early,\n"
        "with the profiles of the time until then, by ^C or when the program ends.\n"
        "With --every, goes on until then, and stores a profile of each slice of time in\n"
        "DIR/COMMAND.PID; a slice in which nothing waited has none. The oldest go when there is\n"
        "no more room.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = record,
};
