#include "core/thread.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/atomic.h"
#include "core/process.h"
#include "core/region.h"
#include "core/sampling.h"

/* glibc's descriptor of a thread is larger than this. */
#define WP_THREAD_DESCRIPTOR_BYTES 2048u

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
    thread->id = 0; /* a forked child's thread is another */
    /* Threads too short-lived for one measurement each are measured in turns. */
    thread->own_cost_event = ordinal;
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

/* --- the kernel's id of a thread ---------------------------------------------------------------
 * */

/* Where glibc keeps it in a thread's descriptor, in bytes; 0: not known. */
static uint32_t wp_thread_id_offset;

static uint32_t
wp_thread_id_at(uint32_t offset)
{
    return *(const uint32_t *)((const char *)pthread_self() + offset);
}

/*
 * glibc tells debuggers where its fields lie (nptl_db): size in bits, number of elements, offset.
 * Taken at its word only if the word fits the thread that asks.
 */
void
wp_thread_init(void)
{
    const uint32_t *field = dlsym(RTLD_DEFAULT, "_thread_db_pthread_tid");

    if (field != NULL && field[0] == 32 && field[1] == 1 && field[2] % 4 == 0 &&
        field[2] < WP_THREAD_DESCRIPTOR_BYTES &&
        wp_thread_id_at(field[2]) == (uint32_t)syscall(SYS_gettid))
        wp_thread_id_offset = field[2];
}

static uint32_t
wp_thread_id(void)
{
    if (wp_thread_id_offset != 0)
        return wp_thread_id_at(wp_thread_id_offset);
    /* A seccomp filter may kill for the system call. */
    return wp_region_is_frozen() ? 0 : (uint32_t)syscall(SYS_gettid);
}

/* --- the row of the region's threads ---------------------------------------------------------- */

static uint64_t
wp_thread_key(const struct wp_thread *thread)
{
    return (uint64_t)thread->process << 32 | thread->id;
}

/* The first row of the set that a key belongs to. */
static struct wp_region_thread *
wp_thread_set_of(struct wp_region_header *region, uint64_t key)
{
    uint32_t sets = region->tables[WP_TABLE_THREADS].capacity / WP_REGION_THREAD_SET;
    uint64_t hash = key;

    if (sets == 0)
        return NULL;
    return (struct wp_region_thread *)wp_region_rows(region, WP_TABLE_THREADS) +
           wp_sampling_next(&hash) % sets * WP_REGION_THREAD_SET;
}

/* Which of two rows is rather given to another thread: a free one; one that is in no wait, as a
 * thread that has ended; the one that was not seen for longer. */
static bool
wp_thread_is_staler(const struct wp_region_thread *row, const struct wp_region_thread *other)
{
    uint64_t key = wp_atomic_load_64(&row->key), other_key = wp_atomic_load_64(&other->key);
    bool waits = wp_atomic_load_64(&row->waiting_since_ns) != 0;
    bool other_waits = wp_atomic_load_64(&other->waiting_since_ns) != 0;

    if (key == 0 || other_key == 0)
        return other_key != 0;
    if (waits != other_waits)
        return other_waits;
    return wp_atomic_load_64(&row->last_monotonic_ns) <
           wp_atomic_load_64(&other->last_monotonic_ns);
}

/* The row that a thread takes: its own, which one of the same id has left, or the stalest. */
static struct wp_region_thread *
wp_thread_choose_row(struct wp_region_thread *set, uint64_t key)
{
    struct wp_region_thread *stalest = &set[0];

    for (uint32_t i = 0; i < WP_REGION_THREAD_SET; i++) {
        if (wp_atomic_load_64(&set[i].key) == key)
            return &set[i];
        if (wp_thread_is_staler(&set[i], stalest))
            stalest = &set[i];
    }
    return stalest;
}

/* Takes a row of the set over. Whoever had it finds another's key there and takes one anew. */
static struct wp_region_thread *
wp_thread_take_row(struct wp_region_thread *set, uint64_t key)
{
    struct wp_region_thread *row = wp_thread_choose_row(set, key);

    if (!wp_atomic_cas_64(&row->key, wp_atomic_load_64(&row->key), key))
        return NULL;
    wp_atomic_store_64(&row->waits, 0);
    wp_atomic_store_64(&row->waited_ns, 0);
    wp_atomic_store_64(&row->waiting_since_ns, 0);
    return row;
}

/* The calling thread's row; NULL where it has none: the region is not there, somebody else was
 * quicker (it tries again the next time), or a filter may kill for the system call. */
static struct wp_region_thread *
wp_thread_row(void)
{
    struct wp_thread *thread = wp_thread_self();
    struct wp_region_thread *row = thread->row;

    if (row != NULL && wp_atomic_load_64(&row->key) == wp_thread_key(thread))
        return row;
    if (thread->id == 0)
        thread->id = wp_thread_id();
    row = thread->id != 0 ? wp_thread_set_of(wp_region(), wp_thread_key(thread)) : NULL;
    thread->row = row != NULL ? wp_thread_take_row(row, wp_thread_key(thread)) : NULL;
    return thread->row;
}

void
wp_thread_begin_wait(uint64_t since_ns, uint16_t function)
{
    struct wp_region_thread *row = wp_thread_row();

    if (row == NULL)
        return;
    wp_atomic_store_32(&row->waiting_function, function);
    wp_atomic_store_64(&row->last_monotonic_ns, since_ns);
    wp_atomic_store_64_release(&row->waiting_since_ns, since_ns);
}

void
wp_thread_end_wait(void)
{
    struct wp_region_thread *row = wp_thread_row();

    if (row != NULL)
        wp_atomic_store_64(&row->waiting_since_ns, 0);
}

__attribute__((noinline)) void
wp_thread_see_wait(uint64_t delay_ns)
{
    wp_thread_state.waited_ns += delay_ns;
}

void
wp_thread_add_wait(uint64_t delay_ns, uint64_t stands_for, uint64_t now_ns)
{
    struct wp_region_thread *row = wp_thread_row();

    if (row == NULL)
        return;
    wp_atomic_store_64(&row->waits, wp_atomic_load_64(&row->waits) + stands_for);
    wp_atomic_store_64(&row->waited_ns,
                       wp_atomic_load_64(&row->waited_ns) + delay_ns * stands_for);
    wp_atomic_store_64(&row->last_monotonic_ns, now_ns);
    wp_atomic_store_64(&row->waiting_since_ns, 0);
}
