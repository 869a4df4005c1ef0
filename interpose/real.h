/*
 * The real functions: one pointer for each row of functions.def, and each wrapped function's
 * number.
 *
 * Wrappers are called before our constructor (by constructors of libraries, by allocators) and must
 * work then. So every pointer starts at a stub that binds the whole table and forwards; nobody ever
 * tests a pointer. The constructor binds too, so that no program's first call does it later, while
 * it holds a lock that the loader may wait for.
 */
#ifndef WP_INTERPOSE_REAL_H
#define WP_INTERPOSE_REAL_H

#include "core/start.h"
#include "core/visibility.h"
#include "function_types.h"

/* Numbers of the wrapped functions, as the region lists them; 0 is none. */
enum wp_function_number {
    WP_FUNCTION_none,
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    WP_FUNCTION_##id,
#define WP_PART(id, of, family, kind) WP_FUNCTION_##id,
#define WP_VARIADIC(id, symbol, of, family, kind) WP_FUNCTION_##id,
#include "functions.def"
    WP_FUNCTION_COUNT
};

struct wp_real {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    type(*id) parameters;
#define WP_NEEDED(id, symbol, type, parameters, arguments) type(*id) parameters;
#include "functions.def"
};

extern WP_HIDDEN struct wp_real wp_real;

/*
 * Looks every function up behind this library. May be called again, by several threads at once:
 * each writes the same values. Allocates nothing where all functions exist (glibc >= 2.34); takes
 * the loader's lock.
 */
void wp_real_bind(void);

/* Fills `functions` (WP_FUNCTION_COUNT - 1 rows) for wp_start, after wp_real_bind. Constructor
 * only: takes the loader's lock. */
void wp_real_list(struct wp_start_function *functions);

#endif
