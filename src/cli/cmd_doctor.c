/*
 * waitprof doctor: says why a program cannot be profiled, or a process is not.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/finding.h"
#include "cli/message.h"
#include "cli/program_check.h"
#include "cli/quantity.h"
#include "cli/region_loss.h"
#include "cli/setup_check.h"
#include "profile/own_cost.h"
#include "profile/procfs.h"
#include "profile/region_find.h"
#include "profile/region_reader.h"

enum library_state { LIBRARY_ABSENT, LIBRARY_LOADED, LIBRARY_UNKNOWN };

/* Whether the process has the library mapped. Unknown: its maps may not be read. */
static enum library_state
find_library(pid_t pid)
{
    enum library_state state = LIBRARY_ABSENT;
    char path[64];
    char *line = NULL;
    size_t room = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return LIBRARY_UNKNOWN;
    while (state == LIBRARY_ABSENT && getline(&line, &room, maps) > 0) {
        if (strstr(line, "/libwaitprof.so") != NULL)
            state = LIBRARY_LOADED;
    }
    free(line);
    fclose(maps);
    return state;
}

/* The process has no region: is it the library or the region that is missing? */
static void
check_without_region(const struct wp_setup_subject *subject, const char *name,
                     struct wp_findings *findings)
{
    static const char restart[] = "start it under `waitprof run --`";
    char preload[PATH_MAX];

    switch (find_library(subject->pid)) {
    case LIBRARY_LOADED:
        wp_findings_add(findings, WP_FINDING_FAIL, name,
                        "see the lines on directories; WAITPROF_EXE may exclude it",
                        "the library is loaded, but there is no region");
        break;
    case LIBRARY_UNKNOWN:
        wp_findings_add(findings, WP_FINDING_FAIL, name, restart,
                        "it has no region, and its memory map may not be read");
        break;
    case LIBRARY_ABSENT:
        if (wp_procfs_environment(subject->pid, "LD_PRELOAD", preload, sizeof preload) != 0 &&
            strstr(preload, "libwaitprof.so") != NULL)
            wp_findings_add(findings, WP_FINDING_FAIL, name, "see the lines on the program",
                            "started with LD_PRELOAD=%s, but the loader did not take it", preload);
        else
            wp_findings_add(findings, WP_FINDING_FAIL, name, restart,
                            "started without the library");
        break;
    }
}

/* More than the default rates cost real services. */
#define OWN_COST_WARN 0.01

static void
check_own_cost(const char *what, const struct wp_snapshot *snapshot, struct wp_findings *findings)
{
    bool has_ended = wp_snapshot_state(snapshot, NULL) == WP_STATE_GONE;
    struct wp_own_cost cost =
        wp_own_cost_of(snapshot->counters, wp_own_cost_span_ns(snapshot, has_ended));
    bool is_much = cost.cpu_share > OWN_COST_WARN && !cost.is_rough;
    bool has_budget = (snapshot->budget_cost_ns_per_s | snapshot->budget_samples_per_s) != 0;
    char text[WP_OWN_COST_TEXT_BYTES];

    if (cost.waits > 0)
        wp_findings_add(findings, is_much && !has_budget ? WP_FINDING_WARN : WP_FINDING_OK, what,
                        is_much && !has_budget ? "a budget holds it (`waitprof rate --budget 0.5%`)"
                                               : NULL,
                        "recording has cost it %s", wp_own_cost_describe(&cost, text, sizeof text));
    if (has_budget)
        wp_findings_add(
            findings, WP_FINDING_OK, what, NULL, "its budget is %s (see `waitprof rate --history`)",
            wp_own_cost_format_budget(snapshot->budget_cost_ns_per_s,
                                      snapshot->budget_samples_per_s, text, sizeof text));
}

static void
check_region(const char *what, struct wp_findings *findings, bool *has_region)
{
    struct wp_region_place place;
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};

    *has_region = wp_region_find(what, &place, &error) == 0;
    if (!*has_region) {
        wp_message_detail("%s", error.text);
        return;
    }
    wp_findings_add(findings, WP_FINDING_OK, what, NULL, "it is profiled; its region is %s",
                    place.path);
    if (wp_reader_open(&place, &snapshot, &error) == 0) {
        wp_region_loss_check(what, snapshot->flags, snapshot->counters, findings);
        wp_region_loss_check_functions(what, snapshot, findings);
        check_own_cost(what, snapshot, findings);
    } else {
        wp_findings_add(findings, WP_FINDING_WARN, what, NULL, "%s", error.text);
    }
    wp_snapshot_free(snapshot);
}

static int
check_process(const char *what, struct wp_findings *findings)
{
    struct wp_setup_subject subject = {0};
    char link[64], path[PATH_MAX], name[PATH_MAX + 32];
    struct stat status;
    ssize_t length;
    bool has_region;

    subject.pid = (pid_t)strtol(what, NULL, 10);
    snprintf(link, sizeof link, "/proc/%d", (int)subject.pid);
    if (!wp_procfs_exists(subject.pid) || stat(link, &status) != 0) {
        wp_message_error(what, NULL, "there is no such process");
        return WP_EXIT_NOT_FOUND;
    }
    /* Of the effective user, but root's when the process is not dumpable. */
    subject.uid = status.st_uid;
    check_region(what, findings, &has_region);
    wp_setup_check_variables(&subject, findings);
    if (has_region)
        return WP_EXIT_OK;

    snprintf(link, sizeof link, "/proc/%d/exe", (int)subject.pid);
    length = readlink(link, path, sizeof path - 1);
    snprintf(name, sizeof name, "%s (%.*s)", what, length > 0 ? (int)length : 1,
             length > 0 ? path : "?");
    check_without_region(&subject, name, findings);
    if (length > 0)
        wp_program_check_file(link, name, findings);
    wp_setup_check_library(findings);
    wp_setup_check_directories(&subject, findings);
    return WP_EXIT_OK;
}

static bool
is_number(const char *text)
{
    uint64_t number;

    return wp_quantity_parse_number(text, &number) == 0 && number > 0 && number <= INT_MAX;
}

static int
doctor(const void *values, char **arguments)
{
    struct wp_setup_subject self = {.uid = geteuid()};
    struct wp_findings findings = {0};
    int code = WP_EXIT_OK;

    (void)values;
    if (arguments[0] != NULL && arguments[1] == NULL && is_number(arguments[0])) {
        code = check_process(arguments[0], &findings);
    } else {
        if (arguments[0] != NULL)
            wp_program_check_command(arguments[0], &findings);
        wp_setup_check_library(&findings);
        wp_setup_check_directories(&self, &findings);
        wp_setup_check_variables(&self, &findings);
    }
    wp_findings_print(&findings, wp_message_is_quiet() ? WP_FINDING_FAIL : WP_FINDING_OK, stdout);
    if (code == WP_EXIT_OK && wp_findings_worst(&findings) == WP_FINDING_FAIL)
        code = WP_EXIT_FAILURE;
    wp_findings_free(&findings);
    return code;
}

static const struct wp_option options[] = {{.name = NULL}};

const struct wp_command wp_command_doctor = {
    .name = "doctor",
    .arguments = "[PID | [--] PROGRAM [ARGUMENT]...]",
    .summary = "say why a program cannot be profiled, or a process is not",
    .description =
        "Checks what stands between a program and its profile: how it is linked, privileges that\n"
        "make the loader ignore LD_PRELOAD, the library, the directories for regions. Prints one\n"
        "line a finding: ok, warn or fail, with what to do. PROGRAM is not run. Of a process that\n"
        "is profiled it tells what the profiles lack. Without an argument it checks the\n"
        "installation.\n",
    .exit_codes = WP_EXIT_BIT(WP_EXIT_USAGE) | WP_EXIT_BIT(WP_EXIT_NOT_FOUND),
    .options = options,
    .arguments_maximum = -1,
    .runs_program = true,
    .run = doctor,
};
