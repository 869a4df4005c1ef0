/*
 * What the tests of blame share: locks that are made-up addresses (they are keys, never read), and
 * an empty table for each test.
 */
#ifndef WP_TESTS_CORE_BLAME_FIXTURE_H
#define WP_TESTS_CORE_BLAME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BLAME_FIXTURE_WAYS 8u           /* records in a set: as many keys can be in use at once */
#define BLAME_FIXTURE_MAX_WAITING 4094u /* waiters of one record */
#define BLAME_FIXTURE_DAY_NS UINT64_C(86400000000000)

/* cmocka's set-up and tear-down. The latter fails if the test left a record in use. */
int blame_fixture_set_up(void **state);
int blame_fixture_tear_down(void **state);

/* Records in use in the whole table. */
uint32_t blame_fixture_in_use(void);

/* The index-th address of those that share a set with the first. */
const void *blame_fixture_lock(uint32_t index);

/* Runs each test in a forked child, where the table is empty, so that none inherits what another
 * left. Returns how many failed. */
int blame_fixture_run(const struct CMUnitTest *tests, size_t count);

#define BLAME_FIXTURE_TEST(name)                                                                   \
    cmocka_unit_test_setup_teardown(name, blame_fixture_set_up, blame_fixture_tear_down)

#endif
