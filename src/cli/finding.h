/*
 * What the checks of `waitprof doctor` found: one line each.
 */
#ifndef WP_CLI_FINDING_H
#define WP_CLI_FINDING_H

#include <stdbool.h>
#include <stdio.h>

enum wp_finding_grade { WP_FINDING_OK, WP_FINDING_WARN, WP_FINDING_FAIL };

#define WP_FINDINGS_CAPACITY 32u

struct wp_finding {
    enum wp_finding_grade grade;
    char *text; /* "OBJECT: REASON; REMEDY" */
};

/* Start with {0}; end with wp_findings_free. Findings that exceed the capacity are left out. */
struct wp_findings {
    struct wp_finding rows[WP_FINDINGS_CAPACITY];
    unsigned count;
};

/* Adds a line. `remedy` may be NULL; all texts are copied. */
void wp_findings_add(struct wp_findings *findings, enum wp_finding_grade grade, const char *object,
                     const char *remedy, const char *reason, ...)
    __attribute__((format(printf, 5, 6)));

/* The worst grade of all; OK when there is none. */
enum wp_finding_grade wp_findings_worst(const struct wp_findings *findings);

/* Prints the findings of `least` and worse, one a line, in colour where the stream has it. */
void wp_findings_print(const struct wp_findings *findings, enum wp_finding_grade least,
                       FILE *stream);

void wp_findings_free(struct wp_findings *findings);

#endif
