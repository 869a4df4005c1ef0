#include "timetable.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ROLES 32u

static const timetable_role *roles;
static unsigned rounds;
static uint64_t tick_ns;
static uint64_t round_start_ns; /* written between two rounds */

static struct truth_gate begin[MAX_ROLES];
static struct truth_gate ended;

void
timetable_sleep_until(unsigned tick)
{
    uint64_t due_ns = round_start_ns + tick * tick_ns;
    uint64_t now_ns = truth_now_ns();

    if (due_ns > now_ns)
        truth_sleep_ns(due_ns - now_ns);
}

void
timetable_sleep(unsigned ticks)
{
    truth_sleep_ns(ticks * tick_ns);
}

static void *
play_role(void *argument)
{
    unsigned role = (unsigned)(uintptr_t)argument;

    for (unsigned turn = 0; turn < rounds; turn++) {
        truth_gate_pass(&begin[role]);
        roles[role]();
        truth_gate_open(&ended);
    }
    return NULL;
}

void
timetable_run(const timetable_role *table, unsigned role_count, void (*reset)(void), int argc,
              char **argv)
{
    pthread_t threads[MAX_ROLES];

    if (argc != 3) {
        fprintf(stderr, "usage: %s ROUNDS TICK_NS\n", argv[0]);
        exit(2);
    }
    if (role_count > MAX_ROLES)
        truth_fail("more roles than there is room for", ENOSPC);
    roles = table;
    rounds = (unsigned)strtoul(argv[1], NULL, 10);
    tick_ns = strtoull(argv[2], NULL, 10);
    for (uintptr_t role = 0; role < role_count; role++) {
        int error = pthread_create(&threads[role], NULL, play_role, (void *)role);

        if (error != 0)
            truth_fail("pthread_create", error);
    }
    for (unsigned turn = 0; turn < rounds; turn++) {
        round_start_ns = truth_now_ns();
        reset();
        for (unsigned role = 0; role < role_count; role++)
            truth_gate_open(&begin[role]);
        for (unsigned role = 0; role < role_count; role++)
            truth_gate_pass(&ended);
    }
    for (unsigned role = 0; role < role_count; role++)
        pthread_join(threads[role], NULL);
}
