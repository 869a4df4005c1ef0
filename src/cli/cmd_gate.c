/*
 * waitprof gate: whether a release waits more than the one before it, for CI.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/comparison_options.h"
#include "cli/gate/decision.h"
#include "cli/gate/outputs.h"
#include "cli/message.h"
#include "cli/output_file.h"

#define DEFAULT_TOLERANCE 0.05
#define PERCENT_MAX 10000.0
#define TEXT_ROWS 10u

struct gate_values {
    double tolerance;
    bool json;
    const char *junit_path, *markdown_path; /* NULL: not written */
    struct wp_comparison_values comparison;
};

static const struct gate_values defaults = {.tolerance = DEFAULT_TOLERANCE};

/* "5%", "2.5 %", "5". */
static int
parse_percent(const struct wp_option *option, const char *text, void *target)
{
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits + strspn(text + digits, " ");
    char *end;
    double percent = strtod(text, &end);

    if (digits == 0 || end != text + digits || (unit[0] != '\0' && strcmp(unit, "%") != 0)) {
        wp_message_error(text, "write it as 5%", "not a percentage for --%s", option->name);
        return -EINVAL;
    }
    if (percent > PERCENT_MAX) {
        wp_message_error(text, NULL, "too large for --%s; name at most %.0f%%", option->name,
                         PERCENT_MAX);
        return -EINVAL;
    }
    *(double *)target = percent / 100;
    return 0;
}

static const struct wp_option options[] = {
    {.name = "max-regression",
     .placeholder = "PERCENT",
     .help = "how much more delay NEW may have (default: 5%)",
     .parse = parse_percent,
     .target = offsetof(struct gate_values, tolerance)},
    WP_COMPARISON_OPTIONS(struct gate_values, comparison),
    {.name = "junit",
     .placeholder = "FILE",
     .help = "write a JUnit report (XML) to FILE",
     .parse = wp_option_parse_text,
     .target = offsetof(struct gate_values, junit_path)},
    {.name = "markdown",
     .placeholder = "FILE",
     .help = "append a summary in Markdown to FILE, as to\n$GITHUB_STEP_SUMMARY",
     .parse = wp_option_parse_text,
     .target = offsetof(struct gate_values, markdown_path)},
    {.name = "json",
     .help = "print JSON",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct gate_values, json)},
    {.name = NULL},
};

/* Not as of wp_command_fail: its codes have other meanings here. */
static int
fail(int status, const struct wp_error *error)
{
    wp_message_error(NULL, NULL, "%s", error->text);
    return status == -EINVAL ? WP_GATE_EXIT_USAGE : WP_GATE_EXIT_FILE;
}

static int
write_junit(const struct wp_gate_decision *decision, const char *path, struct wp_error *error)
{
    struct wp_output_file file;
    int status = wp_output_file_open(&file, path, error);

    if (status != 0)
        return status;
    wp_gate_write_junit(decision, file.stream);
    return wp_output_file_commit(&file, error);
}

/* Appends, as steps of a CI job add to one summary. */
static int
write_markdown(const struct wp_gate_decision *decision, const char *path, struct wp_error *error)
{
    FILE *stream = fopen(path, "ae");
    int cause = stream == NULL ? errno : 0;

    if (stream != NULL) {
        wp_gate_write_markdown(decision, stream);
        if (fflush(stream) != 0 || ferror(stream))
            cause = errno;
        if (fclose(stream) != 0 && cause == 0)
            cause = errno;
    }
    if (cause == 0)
        return 0;
    return wp_error_set(error, EIO, "%s: cannot be written: %s; choose another file", path,
                        strerror(cause));
}

static int
write_outputs(const struct wp_gate_decision *decision, const struct gate_values *values,
              struct wp_error *error)
{
    int status = 0;

    if (values->json)
        status = wp_gate_write_json(decision, stdout, error);
    else
        wp_gate_write_text(decision, TEXT_ROWS, stdout);
    if (status == 0 && values->junit_path != NULL)
        status = write_junit(decision, values->junit_path, error);
    if (status == 0 && values->markdown_path != NULL)
        status = write_markdown(decision, values->markdown_path, error);
    return status;
}

static int
exit_code_of(enum wp_verdict verdict)
{
    switch (verdict) {
    case WP_VERDICT_PASS:
        return WP_GATE_EXIT_PASS;
    case WP_VERDICT_REGRESSION:
        return WP_GATE_EXIT_REGRESSION;
    case WP_VERDICT_TOO_LITTLE:
        break;
    }
    return WP_GATE_EXIT_TOO_LITTLE;
}

static int
run(const void *given, char **arguments)
{
    const struct gate_values *values = given;
    struct wp_comparison_sides sides = {.counts = {0}};
    struct wp_comparison *comparison = NULL;
    struct wp_gate_decision decision = {.comparison = NULL};
    struct wp_error error = {""};
    int status = 0;

    if (values->junit_path != NULL)
        status = wp_output_file_check(values->junit_path, &error);
    if (status == 0 && values->markdown_path != NULL)
        status = wp_output_file_check_append(values->markdown_path, &error);
    if (status == 0)
        status = wp_comparison_of_arguments(arguments, &values->comparison, WP_COMPARE_FUNCTIONS,
                                            &sides, &comparison, &error);
    if (status == 0)
        status = wp_gate_decide(comparison, values->tolerance, &decision, &error);
    if (status == 0)
        status = write_outputs(&decision, values, &error);
    wp_gate_decision_free(&decision);
    wp_comparison_free(comparison);
    wp_comparison_sides_free(&sides);
    if (status != 0)
        return fail(status, &error);
    return wp_message_check_output() ? exit_code_of(decision.verdict) : WP_GATE_EXIT_FILE;
}

const struct wp_command wp_command_gate = {
    .name = "gate",
    .arguments = "BASE... -- NEW...",
    .summary = "tell whether a release waits more than the one before, for CI",
    .description =
        "Judges captures of a new release (NEW) by those of the one before (BASE): several runs\n"
        "of each, taken in turn. A regression is an increase of the delay that is larger than\n"
        "--max-regression beyond the noise between captures: of the total, or of a function that\n"
        "has 1 % of it. Captures are pprof files, or directories of them.\n",
    .exit_codes = 0,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = -1,
    .has_sides = true,
    .defaults = &defaults,
    .values_bytes = sizeof(struct gate_values),
    .run = run,
};
