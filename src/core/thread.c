#include "core/thread.h"

#include "core/atomic.h"
#include "core/process.h"
#include "core/region_format.h"
#include "core/sampling.h"

_Thread_local struct wp_thread wp_thread_state;

/* Threads set up so far by this process and its ancestors: the number of a thread's random
 * stream. */
static uint32_t wp_thread_count;

/* Gives the thread a stream of its own. Streams are told apart by process and order of set-up, so a
 * run with WAITPROF_SEED and one order of threads can be repeated. */
static void
wp_thread_set_up(struct wp_thread *thread, uint32_t process)
{
    uint32_t ordinal = wp_atomic_add_32(&wp_thread_count, 1);
    uint64_t seed = wp_process_seed();
    /* Mixed first: seeds that differ little would share most of their streams, in another order. */
    uint64_t stream = wp_sampling_next(&seed) ^ ((uint64_t)process << 32 | ordinal);

    thread->random = wp_sampling_next(&stream);
    thread->shard = ordinal % WP_REGION_COUNTER_SHARDS;
    thread->process = process;
}

__attribute__((noinline)) struct wp_thread *
wp_thread_self(void)
{
    struct wp_thread *thread = &wp_thread_state;
    uint32_t process = wp_process_number();

    if (__builtin_expect(thread->process != process, 0))
        wp_thread_set_up(thread, process);
    return thread;
}

uint64_t
wp_thread_random(void)
{
    return wp_sampling_next(&wp_thread_self()->random);
}

__attribute__((noinline)) uint64_t
wp_thread_waited_ns(void)
{
    return wp_thread_state.waited_ns;
}

__attribute__((noinline)) void
wp_thread_add_waited_ns(uint64_t delay_ns)
{
    wp_thread_state.waited_ns += delay_ns;
}
