#include "blame_fixture.h"

#include "core/atomic.h"
#include "core/blame.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(1) << 20)

int
blame_fixture_set_up(void **state)
{
    (void)state;
    return region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

uint32_t
blame_fixture_in_use(void)
{
    uint32_t sum = 0;

    for (uint32_t set = 0; set < WP_BLAME_SETS; set++)
        sum += wp_atomic_load_16(&wp_blame_active[set]);
    return sum;
}

int
blame_fixture_tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    if (blame_fixture_in_use() == 0)
        return 0;
    print_message("%u records are still in use\n", blame_fixture_in_use());
    return -1;
}

const void *
blame_fixture_lock(uint32_t index)
{
    const uintptr_t first = 0x7f0000001000;
    uintptr_t address = first;

    while (index > 0) {
        address += 8;
        index -= wp_blame_set((const void *)address) == wp_blame_set((const void *)first);
    }
    return (const void *)address;
}

static void
blame_fixture_run_one(void *test)
{
    const struct CMUnitTest tests[] = {*(const struct CMUnitTest *)test};
    int failed = _cmocka_run_group_tests("blame", tests, 1, NULL, NULL);

    fflush(NULL);
    CHILD_REQUIRE(failed == 0);
}

int
blame_fixture_run(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;

    wp_blame_init();
    for (size_t i = 0; i < count; i++)
        failed += child_run(blame_fixture_run_one, (void *)(uintptr_t)&tests[i]) != 0;
    return failed;
}
