/*
 * waitprof top: who waits, on the whole screen, or once as tables or JSON.
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
#include "cli/terminal.h"
#include "cli/top/top_json.h"
#include "cli/view_options.h"
#include "profile/own_cost.h"
#ifdef WP_HAVE_SCREEN
#include "cli/top/live.h"
#include "cli/top/screen.h"
#endif

#define SECOND_NS UINT64_C(1000000000)

struct top_values {
    struct wp_option_number rows;
    struct wp_option_number interval_ns;
    struct wp_option_number count;
    bool once;
    bool json;
    unsigned type;
    unsigned grouping;
    struct wp_view_values view;
};

static const char *const types[] = {WP_CAPTURE_TYPE_NAMES, "both", NULL};
static const char *const groupings[] = {
    [WP_REPORT_STACKS] = "stacks", [WP_REPORT_FUNCTIONS] = "functions", NULL};

static const struct top_values defaults = {
    .rows = {.value = 10},
    .interval_ns = {.value = SECOND_NS},
    .count = {.value = 1},
    .type = WP_CAPTURE_TYPES,
};

static const struct wp_option options[] = {
    {.name = "once",
     .help = "print tables, even on a terminal: of the time since the\n"
             "program's start, or with --interval of so long from now",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct top_values, once)},
    {.name = "json",
     .help = "print JSON: totals, and with --interval or --count also\n"
             "what came by the second",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct top_values, json)},
    {.name = "interval",
     .letter = 'i',
     .placeholder = "TIME",
     .help = "time between looks (seconds, or with unit; default: 1)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct top_values, interval_ns),
     .minimum = SECOND_NS,
     .maximum = 86400 * SECOND_NS,
     .unit_ns = SECOND_NS},
    {.name = "count",
     .letter = 'c',
     .placeholder = "N",
     .help = "with --json: print N documents, one a line, one an interval",
     .parse = wp_option_parse_number,
     .target = offsetof(struct top_values, count),
     .minimum = 1,
     .maximum = UINT32_MAX},
    {.name = "rows",
     .letter = 'n',
     .placeholder = "N",
     .help = "print at most N rows (default: 10, in JSON all)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct top_values, rows),
     .minimum = 1,
     .maximum = 100000},
    {.name = "profile",
     .help = "who waits, who makes them wait, or both (default)",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct top_values, type),
     .choices = types},
    WP_KIND_OPTION(struct top_values, view),
    {.name = "by",
     .help = "one row a stack (default) or a calling function",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct top_values, grouping),
     .choices = groupings},
    {.name = NULL},
};

static void
wait_interval(const struct top_values *values)
{
    struct timespec left = {
        .tv_sec = (time_t)(values->interval_ns.value / SECOND_NS),
        .tv_nsec = (long)(values->interval_ns.value % SECOND_NS),
    };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* --- Tables */

static int
capture_target(struct wp_capture *capture, const struct wp_target *target, const char *kinds,
               struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status = wp_target_read(target, &snapshot, error);

    if (status == 0)
        status = wp_view_check_kinds(kinds, snapshot, error);
    if (status == 0)
        status = wp_capture_start(capture, error);
    if (status == 0)
        status = wp_capture_add(capture, snapshot, error);
    wp_snapshot_free(snapshot);
    return status;
}

/* What recording cost, and the rates in force, below the tables. */
static void
print_cost(const struct wp_capture *capture)
{
    const struct wp_profile *profile = capture->profiles[0];

    for (size_t i = 0; i < profile->source_count; i++) {
        const struct wp_profile_source *source = &profile->sources[i];
        bool is_span = profile->duration_ns != 0;
        struct wp_own_cost cost =
            wp_own_cost_of(source->counters, is_span ? profile->duration_ns : source->run_ns);
        char text[WP_OWN_COST_TEXT_BYTES], rate[WP_QUANTITY_TEXT_BYTES];

        printf("\nOwn cost%s: %s\n", is_span ? "" : " since the start",
               wp_own_cost_describe(&cost, text, sizeof text));
        printf("Rates: block %s, mutex %" PRIu64 ", waits %" PRIu64 "; budget %s\n",
               wp_quantity_format_exact_time(source->block_rate_ns, rate), source->mutex_fraction,
               source->wait_fraction,
               wp_own_cost_format_budget(source->budget_cost_ns_per_s, source->budget_samples_per_s,
                                         text, sizeof text));
    }
}

static int
print_tables(const struct top_values *values, const struct wp_target *target,
             struct wp_error *error)
{
    struct wp_report_options report = {
        .rows = values->rows.value,
        .grouping = (enum wp_report_grouping)values->grouping,
    };
    unsigned chosen = values->type < WP_CAPTURE_TYPES ? 1u << values->type : WP_CAPTURE_ALL_TYPES;
    struct wp_capture earlier = {0}, capture = {0};
    int status = 0;

    if (values->interval_ns.given) {
        status = capture_target(&earlier, target, values->view.kinds, error);
        if (status == 0)
            wait_interval(values);
    }
    if (status == 0)
        status = capture_target(&capture, target, values->view.kinds, error);
    if (status == 0 && values->interval_ns.given)
        status = wp_capture_subtract(&capture, &earlier, error);
    if (status == 0)
        status = wp_capture_select_kinds(&capture, values->view.kinds, error);
    if (status == 0)
        status = wp_capture_print(&capture, chosen, &report, stdout, error);
    if (status == 0)
        print_cost(&capture);
    wp_capture_free(&earlier);
    wp_capture_free(&capture);
    return status;
}

static int
top_once(const struct top_values *values, const char *what)
{
    struct wp_target *target = NULL;
    struct wp_error error = {""};
    int status = wp_target_open(what, &target, &error);

    if (status == 0)
        status = print_tables(values, target, &error);
    wp_target_release(target);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

/* --- JSON */

static int
print_documents(const struct top_values *values, struct wp_top_session *session,
                struct wp_error *error)
{
    const struct wp_top_json_options json = {
        .rows = values->rows.given ? values->rows.value : 0,
        .profiles = {values->type != 1, values->type != 0},
        .kinds = values->view.kinds,
        .grouping = (enum wp_report_grouping)values->grouping,
        .one_line = values->count.given,
    };
    bool by_interval = values->interval_ns.given || values->count.given;
    int status = 0;

    for (uint64_t i = 0; i < values->count.value && status == 0; i++) {
        if (by_interval && !session->facts.has_ended) {
            wait_interval(values);
            status = wp_top_session_look(session, error);
        }
        if (status == 0)
            status = wp_top_json_print(session, &json, stdout, error);
        if (session->facts.has_ended)
            break;
    }
    return status;
}

/* Opens a session and checks what is to be shown of it. */
static int
open_session(struct wp_top_session *session, const struct top_values *values, const char *what,
             struct wp_error *error)
{
    int status = wp_top_session_open(session, what, error);

    if (status == 0)
        status = wp_view_check_kinds(values->view.kinds, session->model.snapshot, error);
    return status;
}

static int
top_json(const struct top_values *values, const char *what)
{
    struct wp_top_session session;
    struct wp_error error = {""};
    int status = open_session(&session, values, what, &error);

    if (status == 0)
        status = print_documents(values, &session, &error);
    wp_top_session_close(&session);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

/* --- The screen */

#ifdef WP_HAVE_SCREEN
static int
run_live(const struct top_values *values, struct wp_top_session *session, int *signal_number,
         struct wp_error *error)
{
    const struct wp_top_deeds deeds = wp_top_session_deeds(session);
    const char *kinds = values->view.kinds != NULL ? values->view.kinds : "";
    struct wp_top_view view;
    int status;

    if (strlen(kinds) >= sizeof view.kinds)
        return wp_error_set(error, EINVAL, "--kind: more than %zu bytes; use a pattern",
                            sizeof view.kinds - 1);
    wp_top_view_init(&view, &session->model, &session->facts, &deeds);
    view.pane = values->type == 1 ? WP_TOP_PANE_MUTEX : WP_TOP_PANE_BLOCK;
    view.grouping = (enum wp_report_grouping)values->grouping;
    view.interval_ns = values->interval_ns.value;
    memcpy(view.kinds, kinds, strlen(kinds) + 1);
    status = wp_top_live_run(session, &view, signal_number, error);
    wp_top_view_free(&view);
    return status;
}

/* Puts back the rates that were changed from the screen, unless their program has ended. */
static int
leave_rates(struct wp_top_session *session, struct wp_error *error)
{
    if (session->facts.has_ended)
        return 0;
    return wp_top_session_end_leases(session, NULL, error);
}

static int
top_live(const struct top_values *values, const char *what)
{
    struct wp_top_session session;
    struct wp_error error = {""};
    int signal_number = 0;
    int status = open_session(&session, values, what, &error);

    if (status == 0) {
        struct wp_error leave_error = {""};
        int leave_status;

        status = run_live(values, &session, &signal_number, &error);
        leave_status = leave_rates(&session, &leave_error);
        if (status == 0 && leave_status != 0) {
            status = leave_status;
            error = leave_error;
        }
    }
    wp_top_session_close(&session);
    if (status != 0)
        return wp_command_fail(status, &error);
    /* The shell shall see what ended it. */
    if (signal_number != 0)
        raise(signal_number);
    return WP_EXIT_OK;
}

static bool
can_be_live(void)
{
    return wp_screen_is_usable();
}
#else
static int
top_live(const struct top_values *values, const char *what)
{
    (void)values;
    (void)what;
    return WP_EXIT_FAILURE;
}

static bool
can_be_live(void)
{
    if (wp_terminal_is(stdin) && wp_terminal_is(stdout))
        wp_message_note("no full screen: this waitprof was built without ncurses; install "
                        "libncurses-dev and build it again");
    return false;
}
#endif

static int
top(const void *given, char **arguments)
{
    const struct top_values *values = given;

    if (values->count.given && !values->json) {
        wp_message_error("--count", "add --json", "it counts JSON documents");
        return WP_EXIT_USAGE;
    }
    if (values->json)
        return top_json(values, arguments[0]);
    if (values->once || values->rows.given || !can_be_live())
        return top_once(values, arguments[0]);
    return top_live(values, arguments[0]);
}

const struct wp_command wp_command_top = {
    .name = "top",
    .arguments = "PID|REGION",
    .summary = "show who waits, for what, because of whom",
    .description =
        "Shows the top waits of a program and of its forks: who waits (block profile), who makes\n"
        "them wait (mutex profile), for what, and which threads. On a terminal it does so live, "
        "on\n"
        "the full screen: h lists the keys, q quits. Rates that are changed there are put back at\n"
        "the end. Elsewhere, and with --once or --rows, it prints tables of the waits since the\n"
        "program's start. Delays come with the interval in which they lie with 95 % confidence.\n"
        "The program need not run any more.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = top,
};
