#include "cli/html.h"

#include "profile/symbol_name.h"

#define TEXT_MAX_BYTES 16384u

static const char style_of_all[] =
    ":root{color-scheme:light dark;--ink:#1c2024;--paper:#fff;--quiet:#5d6670;--line:#d9dee3;"
    "--accent:#3f73b5;--worse:#b3361c;--better:#0b7261;--tint:#eef3f9;--worse-tint:#fbe9e4;"
    "--better-tint:#e0f3ee}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e7ea;--paper:#15181b;--quiet:#9aa4ae;"
    "--line:#353b41;--accent:#7eaee8;--worse:#ff9c80;--better:#62cdb4;--tint:#1d2732;"
    "--worse-tint:#3a221b;--better-tint:#15332c}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:15px/1.45 system-ui,sans-serif}\n"
    "main,footer{max-width:76rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}\n"
    "h2{font-size:1.15rem;margin:1.5rem 0 .5rem}\n"
    "p{margin:.4rem 0;max-width:60rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;"
    "border-bottom:1px solid var(--line)}\n"
    "thead th{color:var(--quiet);font-weight:600;border-bottom-width:2px}\n"
    ".number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    ".name,code{font-family:ui-monospace,monospace;font-size:.92em;overflow-wrap:anywhere}\n"
    ".quiet,footer{color:var(--quiet)}\n"
    ".worse{color:var(--worse)}\n"
    ".better{color:var(--better)}\n"
    ".bar{height:.6rem;min-width:1px;background:var(--accent);border-radius:1px}\n"
    "summary{cursor:pointer}\n"
    "summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\n"
    ".wide{overflow-x:auto}\n";

void
wp_html_begin(FILE *stream, const char *title, const char *style)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          /* Names in profiles come from anywhere: should one ever pass for markup, it can load and
           * run nothing. */
          "<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          stream);
    wp_html_text(stream, title);
    fprintf(stream, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n<main>\n<h1>", style_of_all,
            style);
    wp_html_text(stream, title);
    fputs("</h1>\n", stream);
}

void
wp_html_end(FILE *stream)
{
    fprintf(stream, "</main>\n<footer>waitprof %s</footer>\n</body>\n</html>\n", WAITPROF_VERSION);
}

static const char *
entity_of(char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void
wp_html_text(FILE *stream, const char *text)
{
    char clean[TEXT_MAX_BYTES];

    wp_symbol_clean(text, clean, sizeof clean);
    for (const char *at = clean; *at != '\0'; at++) {
        const char *entity = entity_of(*at);

        if (entity != NULL)
            fputs(entity, stream);
        else
            fputc(*at, stream);
    }
}
