#include "cli/diff/difference.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "profile/report.h"
#include "profile/symbol_name.h"

#define DURATION_BYTES 24u
#define NOTE_BYTES 128u

/* Less delay without a function hides no change that matters. */
#define NOTED_SHARE_SHOWN 0.03

static const struct {
    const char *word, *meaning;
} states[WP_DIFFERENCE_STATE_COUNT] = {
#define STATE(state, word, text) [WP_DIFFERENCE_##state] = {word, text},
    WP_DIFFERENCE_STATES(STATE)
#undef STATE
};

enum wp_difference_state
wp_difference_state_of(const struct wp_change *change)
{
    if (!change->is_change)
        return WP_DIFFERENCE_NOISE;
    if (change->base <= 0)
        return WP_DIFFERENCE_NEW;
    if (change->new <= 0)
        return WP_DIFFERENCE_GONE;
    return change->new > change->base ? WP_DIFFERENCE_MORE : WP_DIFFERENCE_LESS;
}

const char *
wp_difference_word(enum wp_difference_state state)
{
    return states[state].word;
}

const char *
wp_difference_meaning(enum wp_difference_state state)
{
    return states[state].meaning;
}

/* The rows that are changes, or those that are none, after the `used` ones that are there. */
static size_t
take_rows(const struct wp_comparison *comparison, bool are_changes,
          const struct wp_comparison_row **rows, size_t used)
{
    for (size_t i = 0; i < comparison->row_count; i++) {
        if (comparison->rows[i].change.is_change == are_changes)
            rows[used++] = &comparison->rows[i];
    }
    return used;
}

/* Captures whose totals are equal may yet differ by row. */
static enum wp_change_basis
best_basis(const struct wp_comparison *comparison)
{
    enum wp_change_basis best = comparison->total.change.basis;

    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct wp_change *change = &comparison->rows[i].change;

        if (change->basis < best && change->base + change->new > 0)
            best = change->basis;
    }
    return best;
}

int
wp_difference_make(const struct wp_comparison *comparison, const struct wp_comparison_sides *sides,
                   enum wp_comparison_grouping grouping, struct wp_difference *difference,
                   struct wp_error *error)
{
    *difference = (struct wp_difference){
        .comparison = comparison,
        .sides = sides,
        .grouping = grouping,
        .basis = best_basis(comparison),
        .rows = calloc(comparison->row_count + 1, sizeof(struct wp_comparison_row *)),
    };
    if (difference->rows == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    difference->change_count = take_rows(comparison, true, difference->rows, 0);
    difference->row_count =
        take_rows(comparison, false, difference->rows, difference->change_count);
    return 0;
}

void
wp_difference_free(struct wp_difference *difference)
{
    free(difference->rows);
    difference->rows = NULL;
}

/* --- Words
 * ------------------------------------------------------------------------------------ */

const char *
wp_difference_type(const struct wp_difference *difference)
{
    enum wp_region_profile type = difference->comparison->type;

    return type != 0 ? wp_profile_type_name(type) : "contention";
}

const char *
wp_difference_heading(const struct wp_difference *difference, char *text, size_t size)
{
    const char *unit = difference->comparison->unit;

    snprintf(text, size, "%s profile%s: delay per %s", wp_difference_type(difference),
             difference->comparison->type == WP_PROFILE_BLOCK   ? " (who waits)"
             : difference->comparison->type == WP_PROFILE_MUTEX ? " (who makes them wait)"
                                                                : "",
             strcmp(unit, "s") == 0 ? "second" : unit);
    return text;
}

const char *
wp_difference_side(const struct wp_difference *difference, enum wp_comparison_side side, char *text,
                   size_t size)
{
    size_t count = difference->comparison->captures[side];
    struct wp_pprof *const *captures = difference->sides->captures[side];
    char span[DURATION_BYTES], capture[64] = "", path[PATH_MAX];
    double duration_ns = 0;

    for (size_t i = 0; i < count; i++)
        duration_ns += (double)captures[i]->span_ns;
    wp_symbol_clean(captures[0]->path, path, sizeof path);
    wp_report_duration(duration_ns, span, sizeof span);
    if (count > 1)
        snprintf(capture, sizeof capture, " and %zu more", count - 1);
    snprintf(text, size, "%s%s%s%s%s", path, capture, duration_ns > 0 ? ", " : "",
             duration_ns > 0 ? span : "", duration_ns > 0 && count > 1 ? " in all" : "");
    return text;
}

const char *
wp_difference_basis_text(const struct wp_difference *difference)
{
    switch (difference->basis) {
    case WP_BASIS_CAPTURES:
        return "Noise is what captures of one side differ by.";
    case WP_BASIS_SAMPLES:
        return "Without several captures of each side, noise between runs is not in it: a change "
               "may be another run.";
    case WP_BASIS_NONE:
    default:
        if (difference->comparison->faults[WP_SIDE_BASE].copies > 0 ||
            difference->comparison->faults[WP_SIDE_NEW].copies > 0)
            return "Copies do not tell what runs differ by: nothing is called a change.";
        if (difference->comparison->total.change.has_few_samples)
            return "Neither side kept two samples: nothing is called a change.";
        return "The files do not tell their noise: without several captures of each side, nothing "
               "is called a change.";
    }
}

const char *
wp_difference_faults_text(const struct wp_difference *difference, enum wp_comparison_side side,
                          char *text, size_t size)
{
    const struct wp_faults *faults = &difference->comparison->faults[side];
    const char *name = side == WP_SIDE_BASE ? "BASE" : "NEW";
    bool is_budget = strcmp(faults->note, "[not attributed: budget]") == 0;
    char note[NOTE_BYTES];
    size_t used = 0;

    text[0] = '\0';
    wp_symbol_clean(faults->note, note, sizeof note);
    if (faults->copies > 0)
        used =
            (size_t)snprintf(text, size, "%zu of the captures of %s %s.", faults->copies, name,
                             faults->copies == 1 ? "is a copy of another" : "are copies of others");
    if (faults->noted_share >= NOTED_SHARE_SHOWN && used < size)
        snprintf(text + used, size - used, "%s%.0f %% of %s has no function: %s.",
                 used > 0 ? " " : "", 100 * faults->noted_share, name,
                 is_budget ? "a budget left it out" : note);
    return text;
}

/* Of the first `count` rows: delay without a function is a row, but neither function nor stack. */
static size_t
count_named(const struct wp_difference *difference, size_t count)
{
    size_t named = 0;

    for (size_t i = 0; i < count; i++)
        named += !wp_comparison_row_is_noted(difference->rows[i]);
    return named;
}

const char *
wp_difference_summary(const struct wp_difference *difference, char *text, size_t size)
{
    const char *what = difference->grouping == WP_COMPARE_STACKS ? "stack" : "function";
    size_t rows = count_named(difference, difference->row_count);
    size_t changes = count_named(difference, difference->change_count);

    if (rows == 0 && difference->row_count > 0)
        snprintf(text, size, "No %s can be compared: no delay has one.", what);
    else if (rows == 0)
        snprintf(text, size,
                 "Nothing to compare: the captures have no %s, or none that was asked for.", what);
    else if (changes == 0 && difference->comparison->total.change.is_change)
        snprintf(text, size, "The total changed by more than noise, no single one of %zu %s%s did.",
                 rows, what, rows != 1 ? "s" : "");
    else if (changes == 0 && difference->change_count > 0)
        snprintf(text, size,
                 "None of %zu %s%s changed by more than noise; delay without a function did.", rows,
                 what, rows != 1 ? "s" : "");
    else if (changes == 0)
        snprintf(text, size, "No change %s, in %zu %s%s.",
                 difference->basis == WP_BASIS_NONE ? "is claimed" : "exceeds noise", rows, what,
                 rows != 1 ? "s" : "");
    else
        snprintf(text, size, "%zu of %zu %s%s changed by more than noise.", changes, rows, what,
                 rows != 1 ? "s" : "");
    return text;
}

/* "+41 %", "-3.2 %"; a multiple where that reads better: "x 12.1". */
static const char *
format_ratio(double ratio, char *text, size_t size)
{
    double percent = 100 * (ratio - 1);

    if (ratio >= 10)
        snprintf(text, size, ratio < 1000 ? "x %.3g" : "x %.0f", ratio);
    else
        snprintf(text, size, "%+.*f %%", fabs(percent) < 99.95 ? 1 : 0, percent);
    return text;
}

static const char *
format_signed(double delay_ns, char *text, size_t size)
{
    text[0] = delay_ns < 0 ? '-' : '+';
    wp_report_duration(fabs(delay_ns), text + 1, size - 1);
    return text;
}

const char *
wp_difference_change_text(const struct wp_change *change, char *text, size_t size)
{
    enum wp_difference_state state = wp_difference_state_of(change);

    if (change->basis == WP_BASIS_NONE)
        snprintf(text, size, "?");
    else if (state == WP_DIFFERENCE_NOISE)
        snprintf(text, size, "~");
    else if (state == WP_DIFFERENCE_NEW || state == WP_DIFFERENCE_GONE)
        snprintf(text, size, "%s", wp_difference_word(state));
    else
        format_ratio(change->new / change->base, text, size);
    return text;
}

const char *
wp_difference_interval_text(const struct wp_change *change, char *text, size_t size)
{
    char low[DURATION_BYTES], high[DURATION_BYTES];

    text[0] = '\0';
    if (change->basis == WP_BASIS_NONE)
        return text;
    if (change->base > 0 && change->new > 0 && isfinite(change->ratio.high)) {
        format_ratio(change->ratio.low, low, sizeof low);
        format_ratio(change->ratio.high, high, sizeof high);
    } else if (isfinite(change->difference.low) && isfinite(change->difference.high)) {
        format_signed(change->difference.low, low, sizeof low);
        format_signed(change->difference.high, high, sizeof high);
    } else {
        return text;
    }
    snprintf(text, size, "%s to %s", low, high);
    return text;
}

const char *
wp_difference_delay_text(double delay_ns, char *text, size_t size)
{
    if (delay_ns > 0)
        return wp_report_duration(delay_ns, text, size);
    snprintf(text, size, "-");
    return text;
}

double
wp_difference_delay(const struct wp_change *change, enum wp_comparison_side side)
{
    return side == WP_SIDE_BASE ? change->base : change->new;
}

const struct wp_interval *
wp_difference_bounds(const struct wp_change *change, enum wp_comparison_side side)
{
    bool is_base = side == WP_SIDE_BASE;

    if (is_base ? !change->has_base_interval : !change->has_new_interval)
        return NULL;
    return is_base ? &change->base_interval : &change->new_interval;
}

const char *
wp_difference_bounds_text(const struct wp_change *change, enum wp_comparison_side side, char *text,
                          size_t size)
{
    const struct wp_interval *bounds = wp_difference_bounds(change, side);
    double delay_ns = wp_difference_delay(change, side);

    return bounds != NULL && delay_ns > 0 ? wp_report_describe_bounds(delay_ns, bounds, text, size)
                                          : "-";
}

const char *
wp_difference_samples_text(const struct wp_comparison_row *row, enum wp_comparison_side side,
                           char *text, size_t size)
{
    double samples = row->samples[side];

    snprintf(text, size, isnan(samples) ? "-" : "%.0f", samples);
    return text;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

const char *
wp_difference_frame_text(const struct wp_pprof_frame *frame, char *text, size_t size)
{
    const char *file = base_name(frame->file);
    char line[16] = "";

    if (frame->line != 0)
        snprintf(line, sizeof line, ":%" PRIu32, frame->line);
    snprintf(text, size, "%s%s%s%s%s", frame->name, file[0] != '\0' ? "  " : "", file,
             file[0] != '\0' ? line : "", frame->is_inlined ? " (inlined)" : "");
    return text;
}

const char *
wp_difference_function_text(const struct wp_comparison_row *row, char *text, size_t size)
{
    const char *file = base_name(row->file);
    bool has_leaf = strcmp(row->leaf, row->name) != 0;

    snprintf(text, size, "%s%s%s%s%s%s%s%s", row->name, file[0] != '\0' ? "  " : "", file,
             has_leaf ? "  (" : "", has_leaf ? row->leaf : "",
             has_leaf && row->kind[0] != '\0' ? ": " : "", has_leaf ? row->kind : "",
             has_leaf ? ")" : "");
    return text;
}
