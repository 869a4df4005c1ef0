/*
 * What this library wraps, as text in a section of the file that is not loaded, for `waitprof
 * functions` to read: the list that it was built with, whichever version of the command looks. One
 * line a row, fields separated by tabs:
 *
 *   function  SYMBOL  VERSION  FAMILY  KIND
 *   part      KIND  FAMILY                    of the function before it
 *   alias     SYMBOL  OF
 *   left_out  SYMBOL  REASON
 */

#define WP_LIST_LINE(text) "\t.ascii \"" text "\\n\"\n"

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    WP_LIST_LINE("function\\t" symbol "\\t" version "\\t" #family "\\t" kind)
#define WP_VARIADIC(id, symbol, of, family, kind)                                                  \
    WP_LIST_LINE("function\\t" symbol "\\t\\t" #family "\\t" kind)
#define WP_PART(id, of, family, kind) WP_LIST_LINE("part\\t" kind "\\t" #family)
#define WP_ALIAS(symbol, id) WP_LIST_LINE("alias\\t" #symbol "\\t" #id)
#define WP_LEFT_OUT_VERSION(symbol, version, reason)                                               \
    WP_LIST_LINE("left_out\\t" #symbol "@" version "\\t" reason)
#define WP_LEFT_OUT(symbol, reason) WP_LIST_LINE("left_out\\t" #symbol "\\t" reason)

__asm__(".pushsection .waitprof.functions, \"\", %progbits\n"
#include "functions.def"
        ".popsection\n");
