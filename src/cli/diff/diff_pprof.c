#include <string.h>

#include "cli/diff/difference.h"
#include "compare/comparison_encode.h"

#define COMMENT_BYTES 8192u

static const char *
label_of(const struct wp_change *change)
{
    return wp_difference_word(wp_difference_state_of(change));
}

/* How many seconds or operations NEW has, all captures together. */
static double
units_of(const struct wp_difference *difference, uint64_t duration_ns)
{
    double operations = difference->operations_of_new;

    if (operations > 0)
        return operations * (double)difference->comparison->captures[WP_SIDE_NEW];
    return (double)duration_ns / 1e9;
}

int
wp_difference_write_pprof(const struct wp_difference *difference,
                          const struct wp_difference_view *view, FILE *stream,
                          struct wp_error *error)
{
    const struct wp_comparison_sides *sides = difference->sides;
    struct wp_comparison_encoding encoding = {.label_name = "change", .label = label_of};
    char heading[COMMENT_BYTES], comment[2 * COMMENT_BYTES];

    (void)view; /* a selection would be no profile of the difference */
    for (size_t i = 0; i < sides->counts[WP_SIDE_NEW]; i++) {
        const struct wp_pprof *capture = sides->captures[WP_SIDE_NEW][i];

        encoding.duration_ns += capture->span_ns;
        if (capture->time_ns > encoding.time_ns)
            encoding.time_ns = capture->time_ns;
    }
    encoding.units = units_of(difference, encoding.duration_ns);
    snprintf(comment, sizeof comment,
             "waitprof diff: %s, new minus base, for the span of new; label change: what exceeds "
             "noise. %s",
             wp_difference_heading(difference, heading, sizeof heading),
             wp_difference_basis_text(difference));
    encoding.program = sides->captures[WP_SIDE_NEW][0]->program;
    encoding.comment = comment;
    return wp_comparison_encode(difference->comparison, &encoding, stream, error);
}
