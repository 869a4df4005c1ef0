/* cmocka wants these four before itself. */
#ifndef WP_TESTS_CMOCKA_ALL_H
#define WP_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
