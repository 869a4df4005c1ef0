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

/* The row of a thread, looked for as a reader does. */
static const struct wp_region_thread *
row_of(uint32_t process, uint32_t id)
{
    const struct wp_region_thread *rows = wp_region_rows(wp_region(), WP_TABLE_THREADS);

    for (uint32_t i = 0; i < wp_region()->tables[WP_TABLE_THREADS].capacity; i++)
        if (rows[i].key == ((uint64_t)process << 32 | id))
            return &rows[i];
    fail_msg("thread %u of process %u has no row", id, process);
    return rows;
}

static void
a_thread_shows_what_it_waited_and_waits_for(void **state)
{
    const struct wp_region_thread *row;

    (void)state;
    wp_thread_begin_wait(1000, 3);
    row = row_of(1, (uint32_t)gettid());
    assert_int_equal(row->waiting_since_ns, 1000);
    assert_int_equal(row->waiting_function, 3);
    wp_thread_add_wait(500, 1, 1500);
    assert_int_equal(row->waiting_since_ns, 0);
    wp_thread_add_wait(70, 1, 2000);
    assert_int_equal(row->waits, 2);
    assert_int_equal(row->waited_ns, 570);
    assert_int_equal(row->last_monotonic_ns, 2000);
    wp_thread_begin_wait(3000, 3);
    wp_thread_end_wait(); /* refused, or not recorded */
    assert_int_equal(row->waiting_since_ns, 0);
    assert_int_equal(row->waits, 2);
}

static void
wait_in_child(void *id)
{
    wp_thread_begin_wait(1000, 4);
    *(uint32_t *)id = (uint32_t)gettid();
}

static void
a_forked_child_has_a_row_of_its_own(void **state)
{
    uint32_t *id = &drawings[0].shard;

    (void)state;
    wp_thread_begin_wait(900, 3);
    assert_int_equal(child_run(wait_in_child, id), 0);
    assert_int_equal(row_of(1, (uint32_t)gettid())->waiting_function, 3);
    assert_int_equal(row_of(2, *id)->waiting_function, 4);
}

/* The kernel gives the id of a thread that has ended to another. */
static void
a_thread_id_that_is_used_again_has_one_row(void **state)
{
    const struct wp_region_thread *row;

    (void)state;
    wp_thread_add_wait(500, 1, 1500);
    row = row_of(1, (uint32_t)gettid());
    wp_thread_state = (struct wp_thread){.row = NULL}; /* as a new thread finds it */
    wp_thread_add_wait(30, 1, 2500);
    assert_ptr_equal(wp_thread_state.row, row);
    assert_int_equal(row->waits, 1);
    assert_int_equal(row->waited_ns, 30);
}

static void *
wait_once(void *time_ns)
{
    wp_thread_add_wait(1, 1, *(const uint64_t *)time_ns);
    return NULL;
}

/* Threads that come and go for ever: the one that lives keeps its row or gets another. */
static void
rows_of_threads_that_are_gone_are_used_again(void **state)
{
    uint32_t capacity = wp_region()->tables[WP_TABLE_THREADS].capacity;
    const struct wp_region_thread *rows = wp_region_rows(wp_region(), WP_TABLE_THREADS);
    uint32_t used = 0;

    (void)state;
    for (uint64_t time_ns = 1; time_ns <= 4 * WP_REGION_THREADS; time_ns++) {
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, wait_once, &time_ns), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    for (uint32_t i = 0; i < capacity; i++)
        used += rows[i].key != 0;
    assert_in_range(used, capacity / 2, capacity);
    wp_thread_begin_wait(10000, 2);
    assert_int_equal(row_of(1, (uint32_t)gettid())->waiting_function, 2);
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
        TEST(a_thread_shows_what_it_waited_and_waits_for),
        TEST(a_forked_child_has_a_row_of_its_own),
        TEST(a_thread_id_that_is_used_again_has_one_row),
        TEST(rows_of_threads_that_are_gone_are_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
