/*
 * What this library wraps, as text in a section of the file, for `waitprof functions` to read: the
 * list that it was built with, whichever version of the command looks. One line a row, fields
 * separated by tabs:
 *
 *   function  SYMBOL  VERSION  FAMILY  KIND
 *   part      KIND                            of the function before it
 *   alias     SYMBOL  OF
 *   left_out  SYMBOL  REASON
 */
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    "function\t" symbol "\t" version "\t" #family "\t" kind "\n"
#define WP_VARIADIC(id, symbol, of, family, kind) "function\t" symbol "\t\t" #family "\t" kind "\n"
#define WP_PART(id, of, kind) "part\t" kind "\n"
#define WP_ALIAS(symbol, id) "alias\t" #symbol "\t" #id "\n"
#define WP_LEFT_OUT(symbol, reason) "left_out\t" #symbol "\t" reason "\n"

__attribute__((used, section(".waitprof.functions"), aligned(1))) static const char wp_list[] =
#include "functions.def"
    "";
