#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "cli/gate/outputs.h"
#include "cli/gate/words.h"
#include "cli/html.h"
#include "profile/profile.h"

/* ` name="value"`. What wp_html_text writes for special characters is the same in XML. */
static void
write_attribute(const char *name, const char *value, FILE *stream)
{
    fprintf(stream, " %s=\"", name);
    wp_html_text(stream, value);
    fputc('"', stream);
}

static void
write_case(const struct wp_gate_cells *cells, const char *class_name, const char *element,
           const char *type, const char *message, FILE *stream)
{
    fputs("    <testcase", stream);
    write_attribute("classname", class_name, stream);
    write_attribute("name", cells->name, stream);
    /* The schema asks for a time, and judging takes none. */
    write_attribute("time", "0", stream);
    if (element == NULL) {
        fputs("/>\n", stream);
        return;
    }
    fprintf(stream, ">\n      <%s", element);
    if (type != NULL)
        write_attribute("type", type, stream);
    write_attribute("message", message, stream);
    fputs("/>\n    </testcase>\n", stream);
}

/* "delay rose from 1.60 ms to 1.77 ms: +10.6 % (+8.9 % to +12.4 %), limit +5 %" */
static void
describe_case(const struct wp_gate_cells *cells, double tolerance,
              char text[WP_GATE_SENTENCE_BYTES])
{
    snprintf(text, WP_GATE_SENTENCE_BYTES, "delay from %s to %s: %s (%s), limit +%g %%",
             cells->base, cells->new, cells->change, cells->interval, tolerance * 100);
}

static void
write_total(const struct wp_gate_decision *decision, const char *class_name, FILE *stream)
{
    char message[2 * WP_GATE_SENTENCE_BYTES], reason[WP_GATE_SENTENCE_BYTES];
    struct wp_gate_cells cells;

    wp_gate_cells_of_total(decision, &cells);
    if (decision->total.verdict == WP_VERDICT_REGRESSION) {
        describe_case(&cells, decision->tolerance, message);
        write_case(&cells, class_name, "failure", "regression", message, stream);
    } else if (decision->verdict == WP_VERDICT_TOO_LITTLE) {
        snprintf(message, sizeof message, "%s", wp_gate_describe_reason(decision, reason));
        write_case(&cells, class_name, "error", "too-little-data", message, stream);
    } else if (decision->total.verdict == WP_VERDICT_TOO_LITTLE) {
        describe_case(&cells, decision->tolerance, message);
        write_case(&cells, class_name, "skipped", NULL, message, stream);
    } else {
        write_case(&cells, class_name, NULL, NULL, NULL, stream);
    }
}

static void
write_function(const struct wp_gate_function *function, double tolerance, const char *class_name,
               FILE *stream)
{
    char message[WP_GATE_SENTENCE_BYTES];
    struct wp_gate_cells cells;

    wp_gate_cells_of(function->row, &function->judgement, &cells);
    describe_case(&cells, tolerance, message);
    switch (function->judgement.verdict) {
    case WP_VERDICT_REGRESSION:
        write_case(&cells, class_name, "failure", "regression", message, stream);
        break;
    case WP_VERDICT_TOO_LITTLE:
        write_case(&cells, class_name, "skipped", NULL, message, stream);
        break;
    case WP_VERDICT_PASS:
        write_case(&cells, class_name, NULL, NULL, NULL, stream);
        break;
    }
}

static void
write_suite_start(const struct wp_gate_decision *decision, FILE *stream)
{
    const size_t *count_of = decision->count_of;
    bool is_regression = decision->total.verdict == WP_VERDICT_REGRESSION;
    bool is_error = decision->verdict == WP_VERDICT_TOO_LITTLE;
    bool is_skipped = decision->total.verdict == WP_VERDICT_TOO_LITTLE && !is_error;
    char host[HOST_NAME_MAX + 1] = "localhost", when[32] = "";
    time_t now = time(NULL);
    struct tm parts;

    gethostname(host, sizeof host - 1);
    if (gmtime_r(&now, &parts) != NULL)
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(stream,
            "  <testsuite name=\"waitprof gate\" package=\"waitprof\" id=\"0\" tests=\"%zu\" "
            "failures=\"%zu\" errors=\"%d\" skipped=\"%zu\" time=\"0\"",
            decision->function_count + 1, count_of[WP_VERDICT_REGRESSION] + is_regression, is_error,
            count_of[WP_VERDICT_TOO_LITTLE] + is_skipped);
    write_attribute("timestamp", when, stream);
    write_attribute("hostname", host, stream);
    fputs(">\n", stream);
}

void
wp_gate_write_junit(const struct wp_gate_decision *decision, FILE *stream)
{
    char text[WP_GATE_SENTENCE_BYTES], class_name[WP_GATE_SENTENCE_BYTES + 32];

    snprintf(class_name, sizeof class_name, "waitprof %s", wp_gate_describe_value(decision, text));
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", stream);
    write_suite_start(decision, stream);
    fputs("    <properties>\n      <property name=\"subject\"", stream);
    write_attribute("value", wp_gate_describe_subject(decision, text), stream);
    fputs("/>\n      <property name=\"verdict\"", stream);
    write_attribute("value", wp_gate_verdict_name(decision->verdict), stream);
    fputs("/>\n    </properties>\n", stream);
    write_total(decision, class_name, stream);
    for (size_t i = 0; i < decision->function_count; i++)
        write_function(&decision->functions[i], decision->tolerance, class_name, stream);
    fputs("    <system-out>", stream);
    wp_html_text(stream, wp_gate_describe_reason(decision, text));
    fputs("</system-out>\n    <system-err/>\n  </testsuite>\n</testsuites>\n", stream);
}
