#include "cli/finding.h"

#include <stdarg.h>
#include <stdlib.h>

#include "cli/terminal.h"

static const struct {
    const char *name;
    const char *colour;
} grades[] = {
    [WP_FINDING_OK] = {"ok", "\033[32m"},
    [WP_FINDING_WARN] = {"warn", "\033[33m"},
    [WP_FINDING_FAIL] = {"fail", "\033[31m"},
};

void
wp_findings_add(struct wp_findings *findings, enum wp_finding_grade grade, const char *object,
                const char *remedy, const char *reason, ...)
{
    va_list arguments;
    char *why = NULL, *text = NULL;
    int status;

    if (findings->count == WP_FINDINGS_CAPACITY)
        return;
    va_start(arguments, reason);
    status = vasprintf(&why, reason, arguments);
    va_end(arguments);
    if (status < 0)
        return;
    status = asprintf(&text, "%s: %s%s%s", object, why, remedy != NULL ? "; " : "",
                      remedy != NULL ? remedy : "");
    free(why);
    if (status < 0)
        return;
    findings->rows[findings->count].grade = grade;
    findings->rows[findings->count++].text = text;
}

enum wp_finding_grade
wp_findings_worst(const struct wp_findings *findings)
{
    enum wp_finding_grade worst = WP_FINDING_OK;

    for (unsigned i = 0; i < findings->count; i++) {
        if (findings->rows[i].grade > worst)
            worst = findings->rows[i].grade;
    }
    return worst;
}

void
wp_findings_print(const struct wp_findings *findings, enum wp_finding_grade least, FILE *stream)
{
    bool colour = wp_terminal_has_colour(stream);

    for (unsigned i = 0; i < findings->count; i++) {
        const struct wp_finding *row = &findings->rows[i];

        if (row->grade < least)
            continue;
        fprintf(stream, "%s%-4s%s  %s\n", colour ? grades[row->grade].colour : "",
                grades[row->grade].name, colour ? "\033[0m" : "", row->text);
    }
}

void
wp_findings_free(struct wp_findings *findings)
{
    for (unsigned i = 0; i < findings->count; i++)
        free(findings->rows[i].text);
    findings->count = 0;
}
