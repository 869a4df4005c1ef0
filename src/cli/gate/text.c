#include "cli/gate/outputs.h"
#include "cli/gate/words.h"

/* Columns as those of `waitprof diff`: names last, since they are of any length. */
#define HEADS "%9s %9s %9s  %-23s %-15s  %s\n"

static void
write_row(const struct wp_gate_cells *cells, FILE *stream)
{
    fprintf(stream, HEADS, cells->base, cells->new, cells->change, cells->interval, cells->verdict,
            cells->name);
}

static void
write_rows(const struct wp_gate_decision *decision, size_t rows, FILE *stream)
{
    size_t shown = decision->count_of[WP_VERDICT_REGRESSION] + rows;
    struct wp_gate_cells cells;

    if (shown > decision->function_count)
        shown = decision->function_count;
    wp_gate_cells_of_total(decision, &cells);
    write_row(&cells, stream);
    for (size_t i = 0; i < shown; i++) {
        wp_gate_cells_of(decision->functions[i].row, &decision->functions[i].judgement, &cells);
        write_row(&cells, stream);
    }
    if (shown < decision->function_count)
        fprintf(stream, "... and %zu more\n", decision->function_count - shown);
}

void
wp_gate_write_text(const struct wp_gate_decision *decision, size_t rows, FILE *stream)
{
    char text[WP_GATE_SENTENCE_BYTES];

    fprintf(stream, "%s: ", wp_gate_verdict_name(decision->verdict));
    fprintf(stream, "%s\n", wp_gate_describe_subject(decision, text));
    wp_gate_describe_reason(decision, text);
    if (text[0] != '\0')
        fprintf(stream, "%s\n", text);
    if (decision->lack == WP_GATE_LACK_WAITS)
        return;
    fputc('\n', stream);
    fprintf(stream, HEADS, "BASE", "NEW", "CHANGE", "INTERVAL", "VERDICT", "FUNCTION");
    write_rows(decision, rows, stream);
}
