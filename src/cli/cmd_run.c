/*
 * waitprof run: runs a program under the profiler and writes its profiles when it ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/finding.h"
#include "cli/launch.h"
#include "cli/library_path.h"
#include "cli/message.h"
#include "cli/program_check.h"
#include "cli/rate_options.h"
#include "cli/region_file.h"
#include "cli/region_life.h"
#include "cli/setup_check.h"
#include "cli/view_options.h"
#include "profile/own_cost.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

struct run_values {
    struct wp_rate_values rates;
    struct wp_option_budget budget;
    struct wp_option_number depth;
    const char *prefix;
    const char *events;
    struct wp_view_values view;
    bool follow_exec;
    bool keep_region;
};

static const struct run_values defaults = {.prefix = "waitprof"};

static const struct wp_option options[] = {
    WP_RATE_OPTIONS(struct run_values, rates),
    WP_BUDGET_OPTION(struct run_values, budget),
    {.name = "output",
     .letter = 'o',
     .placeholder = "PREFIX",
     .help = "write PREFIX.block.pb.gz and PREFIX.mutex.pb.gz\n(default: waitprof)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct run_values, prefix)},
    {.name = "follow-exec",
     .help = "profile the programs that it starts, too",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct run_values, follow_exec)},
    {.name = "depth",
     .placeholder = "N",
     .help = "keep N frames of a stack (default: 128)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct run_values, depth),
     .minimum = 1,
     .maximum = WP_REGION_MAX_DEPTH},
    {.name = "events",
     .placeholder = "FAMILY[,FAMILY...]",
     .help = "record these families of waits (all: every one;\n"
             "default: all but sleep and spin)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct run_values, events)},
    WP_KIND_OPTION(struct run_values, view),
    WP_LABELS_OPTION(struct run_values, view),
    {.name = "keep-region",
     .help = "leave the region in its directory",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct run_values, keep_region)},
    {.name = NULL},
};

/* A run without its library would be a run without a profile: better none. */
static int
find_library(char library[PATH_MAX])
{
    struct wp_findings findings = {0};
    int code = WP_EXIT_OK;

    wp_setup_check_library(&findings);
    if (wp_findings_worst(&findings) == WP_FINDING_FAIL) {
        wp_message_error(NULL, NULL, "the program was not started:");
        wp_findings_print(&findings, WP_FINDING_FAIL, stderr);
        code = WP_EXIT_FAILURE;
    }
    wp_findings_free(&findings);
    if (code == WP_EXIT_OK)
        (void)wp_library_path_find(library, PATH_MAX);
    return code;
}

/* Hours of profiling must not end with a directory that was never there, or a mistyped name. */
static int
check_values(const struct run_values *values)
{
    struct wp_error error = {""};
    int status = wp_view_check_events(values->events, &error);

    if (status == 0)
        status = wp_view_check_kinds_of_library(values->view.kinds, &error);
    if (status != 0)
        return wp_command_fail(status, &error);
    if (wp_capture_check_prefix(values->prefix, &error) == 0)
        return WP_EXIT_OK;
    wp_message_error(NULL, NULL, "%s; the program was not started", error.text);
    return WP_EXIT_FAILURE;
}

static uint64_t
make_run_id(void)
{
    struct timespec now;
    uint64_t id = 0;

    if (getrandom(&id, sizeof id, 0) == (ssize_t)sizeof id && id != 0)
        return id;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec << 16 ^ (uint64_t)getpid();
}

/* Says why there is nothing to write, as far as the checks know. */
static void
explain_missing(const char *program)
{
    const struct wp_setup_subject self = {.uid = geteuid()};
    struct wp_findings findings = {0};

    wp_program_check_command(program, &findings);
    wp_setup_check_library(&findings);
    wp_setup_check_directories(&self, &findings);
    if (wp_findings_worst(&findings) == WP_FINDING_FAIL) {
        wp_message_warning(program, NULL, "was not profiled:");
        wp_findings_print(&findings, WP_FINDING_WARN, stderr);
    } else {
        wp_message_warning(program, "if it started other programs, see --follow-exec",
                           "no profiles: it left no region behind");
    }
    wp_findings_free(&findings);
}

/* Adds one region; those whose processes have all ended are marked and, later, removed. */
static int
add_region(struct wp_capture *capture, struct wp_region_place *place, bool *ended,
           struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int status = wp_reader_open(place, &snapshot, error);
    struct wp_region_life life;

    if (status != 0)
        return status;
    life = wp_region_life_look(snapshot);
    *ended = life.ended;
    if (!life.ended)
        wp_message_warning(snapshot->command, "see `waitprof ls`, `waitprof record`",
                           "process %d still runs; the profiles are of now, its region stays",
                           (int)life.pid);
    wp_message_detail("region %s", place->path);
    status = wp_capture_add(capture, snapshot, error);
    wp_snapshot_free(snapshot);
    return status;
}

static void
put_away_regions(const struct wp_region_list *list, const bool *ended, bool keep)
{
    struct wp_error error = {""};

    for (size_t i = 0; i < list->count; i++) {
        int status = 0;

        if (!ended[i])
            continue;
        if (keep)
            status = wp_region_file_mark_exported(&list->rows[i], &error);
        else
            status = wp_region_file_remove(&list->rows[i], &error);
        if (status != 0)
            wp_message_error(NULL, NULL, "%s", error.text);
    }
}

/* A region that cannot be read must not cost the others their data. */
static size_t
add_regions(struct wp_capture *capture, const struct wp_region_list *list, bool *ended)
{
    size_t added = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct wp_error error = {""};

        if (add_region(capture, &list->rows[i], &ended[i], &error) == 0) {
            added++;
        } else {
            wp_message_error(NULL, NULL, "%s", error.text);
            ended[i] = false;
        }
    }
    return added;
}

/* The table is a courtesy: a standard error that cannot be written to costs no more than that. */
static void
print_table(struct wp_capture *capture)
{
    struct wp_report_options report = {0};
    struct wp_error error = {""};

    if (wp_message_is_quiet())
        return;
    fputc('\n', stderr);
    if (wp_capture_print(capture, WP_CAPTURE_ALL_TYPES, &report, stderr, &error) != 0)
        wp_message_error(NULL, NULL, "%s", error.text);
}

/* Returns whether profiles were written. */
static bool
report_regions(const struct run_values *values, const struct wp_region_list *list)
{
    struct wp_capture capture = {0};
    struct wp_error error = {""};
    bool *ended = calloc(list->count, sizeof *ended);
    int status = ended != NULL ? wp_capture_start(&capture, &error)
                               : wp_error_set(&error, ENOMEM, "out of memory");
    bool written = false;

    if (status == 0 && add_regions(&capture, list, ended) > 0) {
        status = wp_capture_select_kinds(&capture, values->view.kinds, &error);
        if (status == 0)
            status = wp_capture_write(&capture, values->prefix, &values->view.encode, &error);
        written = status == 0;
        if (written) {
            put_away_regions(list, ended, values->keep_region);
            print_table(&capture);
        }
    }
    if (status != 0)
        wp_message_error(NULL, "the regions stay: see `waitprof ls`, `waitprof export`", "%s",
                         error.text);
    wp_capture_free(&capture);
    free(ended);
    return written;
}

/* Returns false if there were profiles to write, and they could not be written. */
static bool
report_run(const struct run_values *values, uint64_t run_id, const char *program)
{
    struct wp_region_list list = {0};
    struct wp_error error = {""};
    bool written = true;

    if (wp_region_find_run(run_id, &list, &error) != 0) {
        wp_message_error(NULL, NULL, "%s", error.text);
        return false;
    }
    if (list.count == 0)
        explain_missing(program);
    else
        written = report_regions(values, &list);
    wp_region_list_free(&list);
    return written;
}

static int
report_not_started(const char *program, int failure)
{
    bool missing = failure == ENOENT;

    wp_message_error(program, missing ? "check the path" : NULL, "cannot be started: %s",
                     strerror(failure));
    return missing ? WP_EXIT_NO_PROGRAM : WP_EXIT_CANNOT_EXECUTE;
}

/* What the options say, in the words of the library's environment. */
static void
set_variables(const struct run_values *values, struct wp_launch *launch)
{
    char budget[WP_OWN_COST_TEXT_BYTES];

    if (values->rates.block_rate_ns.given)
        wp_launch_set(launch, "WAITPROF_BLOCK_RATE", "%" PRIu64, values->rates.block_rate_ns.value);
    if (values->rates.mutex_fraction.given)
        wp_launch_set(launch, "WAITPROF_MUTEX_FRACTION", "%" PRIu64,
                      values->rates.mutex_fraction.value);
    if (values->budget.given)
        wp_launch_set(launch, "WAITPROF_BUDGET", "%s",
                      wp_own_cost_format_budget(values->budget.value.cost_ns_per_s,
                                                values->budget.value.samples_per_s, budget,
                                                sizeof budget));
    if (values->depth.given)
        wp_launch_set(launch, "WAITPROF_DEPTH", "%" PRIu64, values->depth.value);
    if (values->events != NULL)
        wp_launch_set(launch, "WAITPROF_EVENTS", "%s", values->events);
}

/* What stands in the environment already, and would be ignored without a word. */
static void
warn_of_variables(void)
{
    const struct wp_setup_subject self = {.uid = geteuid()};
    struct wp_findings findings = {0};

    wp_setup_check_variables(&self, &findings);
    for (unsigned i = 0; i < findings.count; i++)
        wp_message_warning(NULL, NULL, "%s", findings.rows[i].text);
    wp_findings_free(&findings);
}

static int
run(const void *given, char **arguments)
{
    const struct run_values *values = given;
    struct wp_launch launch = {.arguments = arguments, .tells_pid = !values->follow_exec};
    struct wp_launch_end end = {0};
    uint64_t run_id = make_run_id();
    char library[PATH_MAX];
    int status = find_library(library);

    if (status == WP_EXIT_OK)
        status = check_values(values);
    if (status != WP_EXIT_OK)
        return status;
    warn_of_variables();
    launch.library = library;
    wp_launch_set(&launch, "WAITPROF_RUN", "%016" PRIx64, run_id);
    set_variables(values, &launch);
    status = wp_launch_run(&launch, &end);
    if (status != 0) {
        wp_message_error(arguments[0], NULL, "cannot be started: %s", strerror(-status));
        return WP_EXIT_FAILURE;
    }
    if (end.exec_errno != 0)
        return report_not_started(arguments[0], end.exec_errno);
    if (!report_run(values, run_id, arguments[0]) && WIFEXITED(end.wait_status) &&
        WEXITSTATUS(end.wait_status) == 0)
        return WP_EXIT_FAILURE;
    wp_launch_end_alike(end.wait_status);
}

const struct wp_command wp_command_run = {
    .name = "run",
    .arguments = "[--] PROGRAM [ARGUMENT]...",
    .summary = "run a program and write its profiles when it ends",
    .description =
        "Runs PROGRAM with its forked children under the profiler. However it ends, its block and\n"
        "mutex profiles are written, and the top waits are printed on standard error. Standard\n"
        "input, signals and exit status pass through.\n",
    .exit_codes = WP_EXIT_BIT(WP_EXIT_FAILURE) | WP_EXIT_BIT(WP_EXIT_USAGE),
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = -1,
    .runs_program = true,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = run,
};
