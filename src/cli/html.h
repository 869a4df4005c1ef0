/*
 * Pages for a browser: one file each, which needs nothing from elsewhere: no script, no font, no
 * picture. Light or dark as the reader's system is.
 *
 * The style has colours as CSS variables, for tables, bars and inline SVG alike: --ink and --paper,
 * --quiet (less important text), --line (rules), --accent (a neutral bar), --worse and --better;
 * --tint, --worse-tint and --better-tint are their pale forms, behind text. Classes: "number"
 * (a cell's figures, to the right), "quiet", "worse", "better", "name" (of functions: fixed width,
 * breaks anywhere), "bar" (a div whose width the page sets).
 */
#ifndef WP_CLI_HTML_H
#define WP_CLI_HTML_H

#include <stdio.h>

/* Writes all up to the content of <main>: with the title as heading, and `style`, CSS of this page
 * alone ("": none; the caller's own text, never that of a file). */
void wp_html_begin(FILE *stream, const char *title, const char *style);

/* Writes the rest: a line on who wrote the page. */
void wp_html_end(FILE *stream);

/* Writes a text so that it stands for itself, in content and in quoted attributes. What is no
 * valid UTF-8 becomes U+FFFD, a control character '?'; more than 16 KiB are cut. */
void wp_html_text(FILE *stream, const char *text);

#endif
