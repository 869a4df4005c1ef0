/*
 * Prints what libwaitprof.so wraps, one function a line as `symbol` or `symbol@version`, expanded
 * from interpose/functions.def by the same preprocessor and for the same machine as the library.
 */
#include <stdio.h>

static const struct {
    const char *symbol;
    const char *version;
} functions[] = {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    {symbol, version},
#define WP_ALIAS(symbol, id) {#symbol, ""},
#include "functions.def"
};

int
main(void)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const char *separator = functions[i].version[0] != '\0' ? "@" : "";

        printf("%s%s%s\n", functions[i].symbol, separator, functions[i].version);
    }
    return 0;
}
