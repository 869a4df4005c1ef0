#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "cli/gate/outputs.h"
#include "cli/gate/words.h"

/*
 * Whether GitHub's Markdown could make a link of what ends here and what follows: www.host,
 * user@host, scheme://host. It looks for some of them after numbers have become characters.
 */
static bool
may_link(const char *text, const char *at)
{
    switch (*at) {
    case '@':
        return true;
    case ':':
        return at[1] == '/';
    case '.':
        return at - text >= 3 && strncasecmp(at - 3, "www", 3) == 0;
    default:
        return false;
    }
}

/*
 * Text that stands for itself in a cell of a table: every character that Markdown, HTML or the
 * links of a code host could take for their own is written as its number, and an empty comment
 * divides what could be a link.
 */
static void
write_escaped(const char *text, FILE *stream)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool is_linking = may_link(text, at);

        if (!is_linking && (isalnum(byte) || byte >= 0x80 || strchr(" .,;+-%/()", byte) != NULL))
            fputc(byte, stream);
        else
            fprintf(stream, "&#%u;%s", byte, is_linking ? "<!-- -->" : "");
    }
}

static void
write_row(const struct wp_gate_cells *cells, bool is_function, FILE *stream)
{
    bool is_regression = strcmp(cells->verdict, wp_gate_verdict_name(WP_VERDICT_REGRESSION)) == 0;
    const char *strong = is_regression ? "**" : "";

    fputs(is_function ? "| <code>" : "| ", stream);
    write_escaped(cells->name, stream);
    fprintf(stream, "%s | %s | %s | %s | %s | %s%s%s |\n", is_function ? "</code>" : "",
            cells->base, cells->new, cells->change, cells->interval, strong, cells->verdict,
            strong);
}

void
wp_gate_write_markdown(const struct wp_gate_decision *decision, FILE *stream)
{
    char text[WP_GATE_SENTENCE_BYTES];
    struct wp_gate_cells cells;

    fprintf(stream, "### Contention: %s\n\n", wp_gate_verdict_name(decision->verdict));
    write_escaped(wp_gate_describe_subject(decision, text), stream);
    fputs(".\n\n", stream);
    wp_gate_describe_reason(decision, text);
    if (text[0] != '\0') {
        write_escaped(text, stream);
        fputs("\n\n", stream);
    }
    if (decision->lack == WP_GATE_LACK_WAITS)
        return;
    fputs("| delay of | base | new | change | interval | verdict |\n"
          "| --- | ---: | ---: | ---: | --- | --- |\n",
          stream);
    wp_gate_cells_of_total(decision, &cells);
    write_row(&cells, false, stream);
    for (size_t i = 0; i < decision->function_count; i++) {
        wp_gate_cells_of(decision->functions[i].row, &decision->functions[i].judgement, &cells);
        write_row(&cells, true, stream);
    }
    fputc('\n', stream);
}
