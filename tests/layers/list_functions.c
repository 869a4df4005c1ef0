/*
 * Prints what libwaitprof.so wraps, expanded from interpose/functions.def by the same preprocessor
 * and for the same machine as the library:
 *
 *   list_functions           the exported functions, as `symbol` or `symbol@version`
 *   list_functions needed    those that wrappers call and that are not exported
 *   list_functions left_out  those that can wait and are deliberately not wrapped
 *   list_functions left_out_versions  versions of wrapped ones that are not wrapped
 */
#include <stdio.h>
#include <string.h>

struct row {
    const char *symbol;
    const char *version;
};

static const struct row exported[] = {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    {symbol, version},
#define WP_VARIADIC(id, symbol, of, family, kind) {symbol, ""},
#define WP_ALIAS(symbol, id) {#symbol, ""},
#define WP_VERSION(symbol, version, id) {symbol, version},
#include "functions.def"
    {NULL, NULL}};

static const struct row needed[] = {
#define WP_NEEDED(id, symbol, type, parameters, arguments) {symbol, ""},
#include "functions.def"
    {NULL, NULL}};

static const struct row left_out[] = {
#define WP_LEFT_OUT(symbol, reason) {#symbol, ""},
#include "functions.def"
    {NULL, NULL}};

static const struct row left_out_versions[] = {
#define WP_LEFT_OUT_VERSION(symbol, version, reason) {#symbol, version},
#include "functions.def"
    {NULL, NULL}};

int
main(int argument_count, char **arguments)
{
    const char *what = argument_count > 1 ? arguments[1] : "exported";
    const struct row *row = exported;

    if (strcmp(what, "needed") == 0)
        row = needed;
    else if (strcmp(what, "left_out") == 0)
        row = left_out;
    else if (strcmp(what, "left_out_versions") == 0)
        row = left_out_versions;
    for (; row->symbol != NULL; row++) {
        const char *separator = row->version[0] != '\0' ? "@" : "";

        printf("%s%s%s\n", row->symbol, separator, row->version);
    }
    return 0;
}
