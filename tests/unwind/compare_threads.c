/*
 * Walks under way while other things happen: threads that sort and print are interrupted by a fast
 * timer signal, on their own stack and on alternate ones, and compare walks with libunwind's in the
 * handler; two more threads load and unload libraries all the time, in whose functions others walk.
 *
 *   compare_threads SECONDS LIBRARY...
 *
 * Each LIBRARY exports `void call(void (*)(void))`, which calls its argument.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/region_format.h"
#include "core/unwind.h"
#include "unwind/oracle.h"
#include "unwind/workloads.h"

#define WORKERS 4
#define LOADERS 2

static volatile int stop;
static pthread_mutex_t oracle_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t walks_in_libraries, bad_walks, signal_walks, failed_signal_walks, loads;

/* In the handler ours alone: libunwind is not safe against dlclose in other threads. */
static void
on_signal(int number)
{
    uint64_t frames[129];
    struct wp_unwind_stack stack = {.frames = frames, .capacity = 128};
    struct wp_unwind_registers registers = WP_UNWIND_CALLER_REGISTERS();

    (void)number;
    wp_unwind_walk(&registers, &stack);
    __atomic_fetch_add(&signal_walks, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&failed_signal_walks, stack.failed, __ATOMIC_RELAXED);
}

static void
walk_in_library(void)
{
    uint64_t frames[65];
    struct wp_unwind_stack stack = {.frames = frames, .capacity = 64};
    struct wp_unwind_registers registers = WP_UNWIND_CALLER_REGISTERS();

    wp_unwind_walk(&registers, &stack);
    __atomic_fetch_add(&walks_in_libraries, 1, __ATOMIC_RELAXED);
    /* library, loader, start_thread, clone */
    if (stack.failed || stack.truncated || stack.depth != 4)
        __atomic_fetch_add(&bad_walks, 1, __ATOMIC_RELAXED);
}

static char **libraries;
static int library_count;

static void *
load_and_unload(void *seed)
{
    unsigned turn = (unsigned)(uintptr_t)seed;

    while (!stop) {
        void *library = dlopen(libraries[turn++ % (unsigned)library_count], RTLD_NOW);
        void (*call)(void (*)(void));

        if (library == NULL) {
            fprintf(stderr, "compare_threads: %s\n", dlerror());
            exit(1);
        }
        *(void **)&call = dlsym(library, "call");
        for (int i = 0; i < 3; i++)
            call(walk_in_library);
        wp_unwind_forget();
        dlclose(library);
        wp_unwind_forget();
        __atomic_fetch_add(&loads, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *
work(void *has_alternate)
{
    char *memory = malloc(65536);
    stack_t alternate = {.ss_sp = memory, .ss_size = 65536};

    if (has_alternate != NULL)
        sigaltstack(&alternate, NULL);
    while (!stop) {
        workload_sort();
        workload_print();
        workload_aligned();
        pthread_mutex_lock(&oracle_lock);
        oracle_compare_here();
        pthread_mutex_unlock(&oracle_lock);
    }
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(memory);
    return NULL;
}

static void
interrupt_for(unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    struct timespec rest = {.tv_sec = seconds};

    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    while (nanosleep(&rest, &rest) != 0)
        continue;
    setitimer(ITIMER_PROF, &never, NULL);
}

int
main(int argc, char **argv)
{
    pthread_t threads[WORKERS + LOADERS];

    if (argc < 3) {
        fprintf(stderr, "usage: compare_threads SECONDS LIBRARY...\n");
        return 2;
    }
    libraries = argv + 2;
    library_count = argc - 2;
    oracle_start();
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i % 2));
    for (int i = 0; i < LOADERS; i++)
        pthread_create(&threads[WORKERS + i], NULL, load_and_unload, (void *)(uintptr_t)(7 * i));
    interrupt_for((unsigned)strtoul(argv[1], NULL, 10));
    stop = 1;
    for (int i = 0; i < WORKERS + LOADERS; i++)
        pthread_join(threads[i], NULL);
    printf("%lu loads, %lu walks in loaded libraries, %lu of them wrong; "
           "%lu walks in signal handlers, %lu of them ended early\n",
           (unsigned long)loads, (unsigned long)walks_in_libraries, (unsigned long)bad_walks,
           (unsigned long)signal_walks, (unsigned long)failed_signal_walks);
    return oracle_report("threads") && bad_walks == 0 && loads > 0 && signal_walks > 0 ? 0 : 1;
}
