/*
 * Runs the workloads one instruction at a time (the processor's trap flag) and compares, at each
 * instruction or at every n-th, our walk with libunwind's; from the interrupted registers, and from
 * the handler through the signal frame.
 *
 *   compare_steps [EVERY]
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "unwind/oracle.h"
#include "unwind/workloads.h"

static const struct {
    const char *name;
    void (*run)(void);
} workloads[] = {
    {"qsort, bsearch with callbacks", workload_sort},
    {"regcomp, regexec", workload_regex},
    {"printf, stdio", workload_print},
    {"time", workload_time},
    {"aligned stacks", workload_aligned},
    {"strings", workload_strings},
#ifdef HAVE_CXX
    {"std::sort, std::map", workload_cxx_sort},
    {"iostreams", workload_cxx_streams},
    {"exceptions", workload_cxx_exceptions},
#endif
};

static uint64_t every = 1;
static volatile uint64_t steps;

static void
on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    if (steps % every == 0)
        oracle_compare(context);
    /* Once in a while also from here, through the signal frame. */
    if (steps % (16 * every) == 0)
        oracle_compare_here();
    steps++;
}

static void
set_trap_flag(int on)
{
    if (on)
        __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    else
        __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

int
main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    uint64_t walks = 0;

    every = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    oracle_start();
    sigaction(SIGTRAP, &action, NULL);
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        struct oracle_tally before = oracle_tally;

        set_trap_flag(1);
        workloads[i].run();
        set_trap_flag(0);
        walks = oracle_tally.walks - before.walks;
        printf("%-32s %8lu walks, %8lu frames\n", workloads[i].name, (unsigned long)walks,
               (unsigned long)(oracle_tally.frames - before.frames));
        if (walks == 0)
            return 1;
    }
    return oracle_report("all") ? 0 : 1;
}
