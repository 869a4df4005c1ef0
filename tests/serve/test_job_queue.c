#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/serve/job_queue.h"
#include "cli/serve/request.h"

#define PATIENCE_TRIES 4000
#define PAUSE_US 5000

/* What jobs did; the gate holds them until they may end. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static unsigned runs, running, most_running, requests_seen;

static struct wp_server server;
static struct wp_request requests[8];

static void
note_run(struct wp_server *given, struct wp_request *list)
{
    assert_ptr_equal(given, &server);
    pthread_mutex_lock(&lock);
    runs++;
    running++;
    if (running > most_running)
        most_running = running;
    for (; list != NULL; list = list->next)
        requests_seen++;
    pthread_cond_broadcast(&changed);
    while (!gate_is_open)
        pthread_cond_wait(&changed, &lock);
    running--;
    pthread_mutex_unlock(&lock);
}

static void
note_other_run(struct wp_server *given, struct wp_request *list)
{
    note_run(given, list);
}

static void
open_gate(void)
{
    pthread_mutex_lock(&lock);
    gate_is_open = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static unsigned
read_count(const unsigned *count)
{
    unsigned value;

    pthread_mutex_lock(&lock);
    value = *count;
    pthread_mutex_unlock(&lock);
    return value;
}

static void
wait_for(const unsigned *count, unsigned value)
{
    for (int i = 0; i < PATIENCE_TRIES && read_count(count) != value; i++)
        usleep(PAUSE_US);
    assert_int_equal(read_count(count), value);
}

static int
start_queue(void **state)
{
    struct wp_job_queue *queue = NULL;

    gate_is_open = false;
    runs = running = most_running = requests_seen = 0;
    assert_int_equal(wp_job_queue_start(&server, 2, &queue, NULL), 0);
    *state = queue;
    return 0;
}

static int
stop_queue(void **state)
{
    open_gate();
    wp_job_queue_stop(*state);
    wp_job_queue_free(*state);
    return 0;
}

static void
requests_that_wait_for_the_same_are_one_job(void **state)
{
    wp_job_queue_submit(*state, "a", note_run, &requests[0]);
    wait_for(&runs, 1);
    for (unsigned i = 1; i < 5; i++)
        wp_job_queue_submit(*state, "a", note_run, &requests[i]);
    open_gate();
    wait_for(&requests_seen, 5);
    assert_int_equal(read_count(&runs), 2);
}

static void
a_job_never_runs_beside_one_of_its_key(void **state)
{
    wp_job_queue_submit(*state, "a", note_run, &requests[0]);
    wait_for(&running, 1);
    wp_job_queue_submit(*state, "a", note_run, &requests[1]);
    wp_job_queue_submit(*state, "b", note_run, &requests[2]);
    wait_for(&running, 2); /* "b" went past the second "a" */
    assert_int_equal(read_count(&requests_seen), 2);
    open_gate();
    wait_for(&requests_seen, 3);
    assert_int_equal(read_count(&most_running), 2);
}

static void
jobs_of_different_work_are_not_shared(void **state)
{
    open_gate();
    wp_job_queue_submit(*state, "a", note_run, &requests[0]);
    wp_job_queue_submit(*state, "a", note_other_run, &requests[1]);
    wait_for(&runs, 2);
}

static void
requests_without_a_key_are_alone(void **state)
{
    wp_job_queue_submit(*state, NULL, note_run, &requests[0]);
    wp_job_queue_submit(*state, NULL, note_run, &requests[1]);
    wait_for(&running, 2);
    wp_job_queue_submit(*state, NULL, note_run, &requests[2]);
    wp_job_queue_submit(*state, NULL, note_run, &requests[3]);
    open_gate();
    wait_for(&runs, 4);
    assert_int_equal(read_count(&requests_seen), 4);
}

int
main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, start_queue, stop_queue)
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(requests_that_wait_for_the_same_are_one_job),
        QUEUE_TEST(a_job_never_runs_beside_one_of_its_key),
        QUEUE_TEST(jobs_of_different_work_are_not_shared),
        QUEUE_TEST(requests_without_a_key_are_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
