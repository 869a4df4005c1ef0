#include "cli/gate/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "profile/profile.h"
#include "profile/report.h"
#include "profile/symbol_name.h"

const char *
wp_gate_verdict_name(enum wp_verdict verdict)
{
    static const char *const names[] = {
        [WP_VERDICT_PASS] = "pass",
        [WP_VERDICT_REGRESSION] = "regression",
        [WP_VERDICT_TOO_LITTLE] = "too little data",
    };

    return names[verdict];
}

/* --- Figures -------------------------------------------------------------------------------- */

/* Of a ratio, what it is above 1. */
static void
format_percent(double ratio, char text[WP_GATE_FIGURE_BYTES])
{
    double percent = (ratio - 1) * 100;

    snprintf(text, WP_GATE_FIGURE_BYTES, fabs(percent) < 999.95 ? "%+.1f %%" : "%+.3g %%", percent);
}

static void
format_change(double base, double new, char text[WP_GATE_FIGURE_BYTES])
{
    if (base > 0)
        format_percent(new / base, text);
    else
        snprintf(text, WP_GATE_FIGURE_BYTES, "%s", new > 0 ? "new" : "none");
}

/* `high` is infinite where BASE may have none of it, `low` too where it has none. */
static void
format_interval(const struct wp_interval *ratio, char *text, size_t size)
{
    char low[WP_GATE_FIGURE_BYTES], high[WP_GATE_FIGURE_BYTES];

    if (isnan(ratio->low) || isnan(ratio->high) || (ratio->low <= 0 && isinf(ratio->high))) {
        snprintf(text, size, "unknown");
        return;
    }
    if (isinf(ratio->low)) {
        snprintf(text, size, "certainly new");
        return;
    }
    format_percent(ratio->low, low);
    format_percent(ratio->high, high);
    if (isinf(ratio->high))
        snprintf(text, size, "%s or more", low);
    else
        snprintf(text, size, "%s to %s", low, high);
}

void
wp_gate_cells_of(const struct wp_comparison_row *row, const struct wp_judgement *judgement,
                 struct wp_gate_cells *cells)
{
    char name[WP_GATE_NAME_BYTES];
    const char *file = strrchr(row->file, '/');

    file = file != NULL ? file + 1 : row->file;
    if (file[0] != '\0')
        snprintf(name, sizeof name, "%.*s (%.*s)", 400, row->name, 100, file);
    else
        snprintf(name, sizeof name, "%s", row->name);
    wp_symbol_clean(name, cells->name, sizeof cells->name);
    wp_report_duration(row->change.base, cells->base, sizeof cells->base);
    wp_report_duration(row->change.new, cells->new, sizeof cells->new);
    format_change(row->change.base, row->change.new, cells->change);
    format_interval(&judgement->ratio, cells->interval, sizeof cells->interval);
    cells->verdict = wp_gate_verdict_name(judgement->verdict);
}

void
wp_gate_cells_of_total(const struct wp_gate_decision *decision, struct wp_gate_cells *cells)
{
    struct wp_comparison_row total = decision->comparison->total;

    total.name = "total";
    total.file = "";
    wp_gate_cells_of(&total, &decision->total, cells);
}

/* --- Sentences ------------------------------------------------------------------------------ */

const char *
wp_gate_describe_value(const struct wp_gate_decision *decision, char text[WP_GATE_SENTENCE_BYTES])
{
    enum wp_region_profile type = decision->comparison->type;

    snprintf(text, WP_GATE_SENTENCE_BYTES, "%s%sdelay", type != 0 ? wp_profile_type_name(type) : "",
             type != 0 ? " " : "");
    return text;
}

const char *
wp_gate_describe_subject(const struct wp_gate_decision *decision, char text[WP_GATE_SENTENCE_BYTES])
{
    const struct wp_comparison *comparison = decision->comparison;
    char value[WP_GATE_SENTENCE_BYTES];

    snprintf(text, WP_GATE_SENTENCE_BYTES, "%.64s per %s, %zu capture%s against %zu, limit +%g %%",
             wp_gate_describe_value(decision, value),
             strcmp(comparison->unit, "s") == 0 ? "second" : comparison->unit,
             comparison->captures[WP_SIDE_BASE], comparison->captures[WP_SIDE_BASE] == 1 ? "" : "s",
             comparison->captures[WP_SIDE_NEW], decision->tolerance * 100);
    return text;
}

/* The row that grew most; NULL: none did. */
static const struct wp_comparison_row *
largest_increase(const struct wp_comparison *comparison)
{
    const struct wp_comparison_row *largest = NULL;
    double increase = 0;

    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct wp_change *change = &comparison->rows[i].change;

        if (change->new - change->base <= increase)
            continue;
        increase = change->new - change->base;
        largest = &comparison->rows[i];
    }
    return largest;
}

static void
describe_regression(const struct wp_gate_decision *decision, char *text)
{
    size_t count = decision->count_of[WP_VERDICT_REGRESSION];
    const struct wp_comparison_row *largest = largest_increase(decision->comparison);
    struct wp_gate_cells cells;
    int used;

    if (count > 0) {
        wp_gate_cells_of(decision->functions[0].row, &decision->functions[0].judgement, &cells);
        used = snprintf(text, WP_GATE_SENTENCE_BYTES, "%.300s rose from %s to %s (%s)", cells.name,
                        cells.base, cells.new, cells.interval);
        if (count > 1)
            used += snprintf(text + used, WP_GATE_SENTENCE_BYTES - (size_t)used,
                             ", and %zu more function%s", count - 1, count > 2 ? "s" : "");
        snprintf(text + used, WP_GATE_SENTENCE_BYTES - (size_t)used, "%s.",
                 decision->total.verdict == WP_VERDICT_REGRESSION
                     ? ""
                     : "; the total alone would not have told");
        return;
    }
    if (largest == NULL)
        return;
    wp_gate_cells_of(largest, &decision->total, &cells);
    snprintf(
        text, WP_GATE_SENTENCE_BYTES,
        "No function exceeds the limit for certain by itself; %.300s grew most, from %s to %s.",
        cells.name, cells.base, cells.new);
}

static void
describe_hidden(const struct wp_gate_decision *decision, char *text)
{
    static const char *const names[WP_SIDE_COUNT] = {"BASE", "NEW"};
    int used = 0;

    for (size_t i = 0; i < WP_SIDE_COUNT; i++) {
        const struct wp_faults *faults = &decision->comparison->faults[i];
        char note[WP_GATE_NAME_BYTES];

        if (!wp_gate_hides_functions(decision, (enum wp_comparison_side)i))
            continue;
        wp_symbol_clean(faults->note, note, sizeof note);
        used += snprintf(text + used, WP_GATE_SENTENCE_BYTES - (size_t)used,
                         "%s%.3g %% of %s has no function: %.200s", used > 0 ? "; " : "",
                         100 * faults->noted_share, names[i], note);
    }
    snprintf(text + used, WP_GATE_SENTENCE_BYTES - (size_t)used,
             ". A function that got worse might be hidden in it: take captures without a budget, "
             "and of fewer samples where some were lost.");
}

static void
describe_lack(const struct wp_gate_decision *decision, char *text)
{
    const size_t *captures = decision->comparison->captures;
    size_t more = decision->more_captures;

    switch (decision->lack) {
    case WP_GATE_LACK_CAPTURES:
        snprintf(text, WP_GATE_SENTENCE_BYTES,
                 "One capture does not tell how much captures differ: take %zu more of %s.", more,
                 captures[WP_SIDE_BASE] >= WP_GATE_CAPTURES_MIN  ? "NEW"
                 : captures[WP_SIDE_NEW] >= WP_GATE_CAPTURES_MIN ? "BASE"
                                                                 : "each side");
        break;
    case WP_GATE_LACK_WAITS:
        snprintf(text, WP_GATE_SENTENCE_BYTES,
                 "No capture has any delay in what was selected: check the rates of the captures, "
                 "and --function and --kind.");
        break;
    case WP_GATE_LACK_WAITS_OF_NEW:
        snprintf(text, WP_GATE_SENTENCE_BYTES,
                 "No capture of NEW has any delay in what was selected, while BASE has: check the "
                 "rates of the captures of NEW, and that what --function and --kind select has the "
                 "same name there.");
        break;
    case WP_GATE_LACK_COPIES:
        snprintf(text, WP_GATE_SENTENCE_BYTES,
                 "Captures of a side are copies of each other, which do not tell how much runs "
                 "differ.");
        break;
    case WP_GATE_LACK_FUNCTIONS:
        describe_hidden(decision, text);
        break;
    case WP_GATE_LACK_PRECISION:
        if (more >= WP_MORE_CAPTURES_MAX)
            snprintf(text, WP_GATE_SENTENCE_BYTES,
                     "The captures differ too much to tell, or the change is just the limit: %u "
                     "more of each side might not decide either; make runs longer or quieter.",
                     WP_MORE_CAPTURES_MAX);
        else
            snprintf(text, WP_GATE_SENTENCE_BYTES,
                     "The captures differ too much to tell: about %zu more of each side would "
                     "probably decide.",
                     more);
        break;
    case WP_GATE_LACK_NOTHING:
        break;
    }
}

const char *
wp_gate_describe_reason(const struct wp_gate_decision *decision, char text[WP_GATE_SENTENCE_BYTES])
{
    text[0] = '\0';
    if (decision->verdict == WP_VERDICT_REGRESSION)
        describe_regression(decision, text);
    else if (decision->verdict == WP_VERDICT_TOO_LITTLE)
        describe_lack(decision, text);
    return text;
}
