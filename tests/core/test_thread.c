/* Threads: their random streams and their shards of the counters. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process.h"
#include "core/thread.h"

#include "child.h"
#include "region_fixture.h"

#define THREADS 16
#define NUMBERS 64
#define REGION_BYTES (UINT64_C(2) << 20)

/* What a thread drew; shared with children. */
struct drawing {
    uint64_t numbers[NUMBERS];
    uint32_t shard;
};

static struct drawing *drawings; /* THREADS of them, shared with children */

static int
set_up(void **state)
{
    (void)state;
    drawings = mmap(NULL, THREADS * sizeof(*drawings), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return drawings == MAP_FAILED || region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return munmap(drawings, THREADS * sizeof(*drawings));
}

static void *
draw(void *argument)
{
    struct drawing *drawing = argument;

    drawing->shard = wp_thread_self()->shard;
    for (int i = 0; i < NUMBERS; i++)
        drawing->numbers[i] = wp_thread_random();
    return NULL;
}

static void
draw_in_child(void *drawing)
{
    (void)draw(drawing);
}

static int
compare_numbers(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* Equal numbers among all that were drawn: two streams are one, or one overtook the other. */
static unsigned
repeated_numbers(uint32_t count)
{
    uint64_t all[THREADS * NUMBERS];
    unsigned repeated = 0;

    for (uint32_t i = 0; i < count * NUMBERS; i++)
        all[i] = drawings[i / NUMBERS].numbers[i % NUMBERS];
    qsort(all, count * NUMBERS, sizeof(all[0]), compare_numbers);
    for (uint32_t i = 1; i < count * NUMBERS; i++)
        repeated += all[i] == all[i - 1];
    return repeated;
}

static void
draw_in_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw, &drawings[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
threads_have_streams_of_their_own(void **state)
{
    (void)state;
    draw_in_threads();
    assert_int_equal(repeated_numbers(THREADS), 0);
}

static void
forked_children_have_streams_of_their_own(void **state)
{
    (void)state;
    (void)wp_thread_random(); /* this thread is set up: the children inherit its stream */
    for (int i = 1; i < THREADS; i++)
        assert_int_equal(child_run(draw_in_child, &drawings[i]), 0);
    (void)draw(&drawings[0]);
    assert_int_equal(repeated_numbers(THREADS), 0);
}

static void
threads_spread_evenly_over_the_shards(void **state)
{
    uint32_t threads_of[WP_REGION_COUNTER_SHARDS] = {0};

    (void)state;
    draw_in_threads();
    for (int i = 0; i < THREADS; i++) {
        assert_in_range(drawings[i].shard, 0, WP_REGION_COUNTER_SHARDS - 1);
        threads_of[drawings[i].shard]++;
    }
    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++)
        assert_int_equal(threads_of[shard], THREADS / WP_REGION_COUNTER_SHARDS);
}

/* The seed goes in when a thread is set up, which a forked child's thread is anew. */
static void
draw_with_seed(uint64_t seed, struct drawing *drawing)
{
    wp_process_init(seed);
    wp_region()->tables[WP_TABLE_PROCESSES].count = 1; /* so that each child is number 2 */
    assert_int_equal(child_run(draw_in_child, drawing), 0);
}

static void
one_seed_gives_one_stream(void **state)
{
    (void)state;
    draw_with_seed(5, &drawings[0]);
    draw_with_seed(5, &drawings[1]);
    draw_with_seed(6, &drawings[2]);
    assert_memory_equal(drawings[0].numbers, drawings[1].numbers, sizeof(drawings[0].numbers));
    assert_memory_not_equal(drawings[0].numbers, drawings[2].numbers, sizeof(drawings[0].numbers));
}

static void *
own_state(void *unused)
{
    (void)unused;
    return wp_thread_self() == wp_thread_self() ? wp_thread_self() : NULL;
}

static void
each_thread_has_a_state_of_its_own(void **state)
{
    pthread_t thread;
    void *theirs;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, own_state, NULL), 0);
    assert_int_equal(pthread_join(thread, &theirs), 0);
    assert_non_null(theirs);
    assert_ptr_not_equal(theirs, own_state(NULL));
    assert_int_equal(wp_thread_self()->process, 1);
    assert_int_equal(wp_thread_self()->recording, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(threads_have_streams_of_their_own),
        TEST(forked_children_have_streams_of_their_own),
        TEST(threads_spread_evenly_over_the_shards),
        TEST(one_seed_gives_one_stream),
        TEST(each_thread_has_a_state_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
