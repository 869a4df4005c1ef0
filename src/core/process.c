#include "core/process.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/atomic.h"
#include "core/clock.h"
#include "core/region.h"

/* The page that is zero in a forked child. */
static union wp_process_page {
    uint32_t number; /* of this process, 0: not registered yet */
    char page[WP_PROCESS_PAGE_BYTES];
} wp_process_current __attribute__((aligned(WP_PROCESS_PAGE_BYTES)));

static uint32_t wp_process_parent; /* number of the process before the last fork */
static uint64_t wp_process_seed_value;
static bool wp_process_wiped; /* the kernel wipes on fork; else children go unnoticed */
static long wp_process_first_pid;

/* Forks between the first process and this one. */
static uint32_t wp_process_generation;

/* glibc's pthread_atfork, without the object of our own that the macro wants. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
                             void *object);
#pragma weak __register_atfork

/* Runs in the child of fork, also of one inside libc (daemon): notes in the region that it has
 * descendants whom its first process cannot wait for. */
static void
wp_process_after_fork(void)
{
    if (++wp_process_generation > 1)
        wp_region_set_flag(WP_REGION_FLAG_FORKED);
}

bool
wp_process_has_family(uint32_t flags)
{
    siginfo_t child;

    return (flags & WP_REGION_FLAG_FORKED) != 0 ||
           waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool
wp_process_wipe_on_fork(void *start, size_t bytes)
{
    return madvise(start, bytes, MADV_WIPEONFORK) == 0;
}

/* Takes the next row of the table. Beyond its end the process goes unlisted: it has a number all
 * the same, for its random stream. */
static uint32_t
wp_process_register(uint32_t parent)
{
    struct wp_region_header *region = wp_region();
    struct wp_region_table *table = &region->tables[WP_TABLE_PROCESSES];
    uint32_t row = wp_atomic_add_32(&table->count, 1);

    if (row < table->capacity) {
        struct wp_region_process *process =
            (struct wp_region_process *)wp_region_rows(region, WP_TABLE_PROCESSES) + row;

        process->parent = parent;
        process->start_monotonic_ns = wp_clock_ns();
        wp_atomic_store_32_release(&process->pid, (uint32_t)syscall(SYS_getpid));
    }
    return row + 1;
}

void
wp_process_init(uint64_t seed)
{
    wp_process_seed_value = seed;
    if (__register_atfork != NULL)
        (void)__register_atfork(NULL, NULL, wp_process_after_fork, NULL);
    wp_process_wiped = wp_process_wipe_on_fork(&wp_process_current, sizeof(wp_process_current));
    wp_process_first_pid = syscall(SYS_getpid);
    wp_process_parent = wp_process_register(0);
    wp_atomic_store_32(&wp_process_current.number, wp_process_parent);
}

uint32_t
wp_process_number(void)
{
    uint32_t number = wp_atomic_load_32(&wp_process_current.number);

    if (number != 0)
        return number;
    /* A new child has one thread, so only a signal handler can race with this: at worst the child
     * has two rows. */
    number = wp_process_register(wp_process_parent);
    wp_process_parent = number;
    wp_atomic_store_32(&wp_process_current.number, number);
    return number;
}

uint64_t
wp_process_seed(void)
{
    return wp_process_seed_value;
}

bool
wp_process_is_first(void)
{
    return wp_atomic_load_32(&wp_process_current.number) == 1 &&
           (wp_process_wiped || syscall(SYS_getpid) == wp_process_first_pid);
}
