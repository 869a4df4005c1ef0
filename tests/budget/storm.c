/*
 * A calm program in which a storm breaks out: threads that make each other wait, as often as they
 * can. It keeps its own account of what they waited for, exact but for the clock.
 *
 *     storm KIND THREADS CALM_MS STORM_MS AFTER_MS HOLD_NS [PROCESSES]
 *
 * mutex, rwlock: all threads fight for one lock, hold it for HOLD_NS, and do without it as long:
 *     many waits.
 * hog: a mutex that is asked for again at once: waiters starve, while it is unlocked ever so often.
 * condition, pipe: threads in pairs hand a turn to and fro, and keep it for HOLD_NS.
 * Calm and after: a turn in some 20 ms, held for 200 us. With PROCESSES, so many children are
 * forked, each with THREADS threads and a lock of its own. Prints, for all of them together:
 *     storm_from_ns N storm_until_ns N     (CLOCK_MONOTONIC)
 *     waits N delay_ns N blame_ns N operations N storm_operations N
 *     slot N time_ns N waits N delay_ns N most_ns N squares X
 * blame_ns (mutex, hog alone): what was waited until the mutex was unlocked for the last time
 * before the waiter had it; what is left of delay_ns is the way to the processor. Slots: each 10 ms
 * in which waits were drawn for the profile.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define MAX_PROCESSES 8

#define SLOT_NS UINT64_C(10000000)
#define SLOTS 1000u

/* Reads that took less found something there: what the profile, too, sees as no wait. */
#define READ_READY_NS 8000

/* In the calm all is slower, and waits are few, but there are some. */
#define CALM_TURN_NS 20000000
#define CALM_HOLD_NS 200000

struct account {
    uint64_t waits, delay_ns, blame_ns, operations, storm_operations;
    uint64_t slot_waits[SLOTS],
        slot_delay_ns[SLOTS];     /* by time of the wait's start (pipes: its end) */
    uint64_t slot_most_ns[SLOTS]; /* the longest of them */
    double slot_squares[SLOTS];
} __attribute__((aligned(64)));

/* Two threads that hand a turn to and fro. */
struct pair {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned turn; /* 0, 1; 2: it is over */
    int to[2][2];  /* pipes: to the second, to the first */
} __attribute__((aligned(64)));

struct thread {
    struct account *account;
    struct pair *pair;
    unsigned side; /* in its pair */
    unsigned number;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static uint64_t released_ns; /* when the mutex was unlocked; under the mutex */
static struct pair pairs[MAX_THREADS / 2];
static uint64_t hold_ns, start_ns, storm_from_ns, storm_until_ns, end_ns;

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static bool
is_storm(uint64_t time_ns)
{
    return time_ns >= storm_from_ns && time_ns < storm_until_ns;
}

static void
hold(void)
{
    uint64_t time_ns = now_ns();
    uint64_t until_ns = time_ns + (is_storm(time_ns) ? hold_ns : CALM_HOLD_NS);

    while (now_ns() < until_ns)
        ;
}

static void
add_wait(struct account *account, uint64_t since_ns, uint64_t until_ns, uint64_t drawn_ns)
{
    uint64_t slot = (drawn_ns - start_ns) / SLOT_NS;
    uint64_t delay_ns = until_ns - since_ns;

    if (slot >= SLOTS)
        slot = SLOTS - 1;
    account->waits++;
    account->delay_ns += delay_ns;
    account->slot_waits[slot]++;
    account->slot_delay_ns[slot] += delay_ns;
    if (account->slot_most_ns[slot] < delay_ns)
        account->slot_most_ns[slot] = delay_ns;
    account->slot_squares[slot] += (double)delay_ns * (double)delay_ns;
}

/* A wait that is over. */
static void
add_lock_wait(struct account *account, uint64_t since_ns)
{
    add_wait(account, since_ns, now_ns(), since_ns);
}

/* Before a turn. False: the end has come. */
static bool
goes_on(struct account *account)
{
    const struct timespec calm = {.tv_nsec = CALM_TURN_NS};
    uint64_t time_ns = now_ns();

    if (time_ns >= end_ns)
        return false;
    account->operations++;
    if (is_storm(time_ns))
        account->storm_operations++;
    else
        nanosleep(&calm, NULL);
    return true;
}

static void
take_mutex(struct account *account)
{
    if (pthread_mutex_trylock(&mutex) == EBUSY) {
        uint64_t since_ns = now_ns();

        pthread_mutex_lock(&mutex);
        add_lock_wait(account, since_ns);
        if (released_ns > since_ns)
            account->blame_ns += released_ns - since_ns;
    }
    hold();
    released_ns = now_ns();
    pthread_mutex_unlock(&mutex);
}

static void *
hog_mutex(void *argument)
{
    struct account *account = ((struct thread *)argument)->account;

    while (goes_on(account))
        take_mutex(account);
    return NULL;
}

static void *
fight_for_mutex(void *argument)
{
    struct account *account = ((struct thread *)argument)->account;

    while (goes_on(account)) {
        take_mutex(account);
        hold();
    }
    return NULL;
}

/* One turn in four writes. */
static void *
fight_for_rwlock(void *argument)
{
    const struct thread *self = argument;

    for (unsigned turn = self->number; goes_on(self->account); turn++) {
        bool writes = turn % 4 == 0;

        if ((writes ? pthread_rwlock_trywrlock(&rwlock) : pthread_rwlock_tryrdlock(&rwlock)) ==
            EBUSY) {
            uint64_t since_ns = now_ns();

            (void)(writes ? pthread_rwlock_wrlock(&rwlock) : pthread_rwlock_rdlock(&rwlock));
            add_lock_wait(self->account, since_ns);
        }
        hold();
        pthread_rwlock_unlock(&rwlock);
        hold();
    }
    return NULL;
}

static void
lock_of_pair(const struct thread *self)
{
    if (pthread_mutex_trylock(&self->pair->lock) == EBUSY) {
        uint64_t since_ns = now_ns();

        pthread_mutex_lock(&self->pair->lock);
        add_lock_wait(self->account, since_ns);
    }
}

static void
give_turn(const struct thread *self, unsigned turn)
{
    lock_of_pair(self);
    self->pair->turn = turn;
    pthread_mutex_unlock(&self->pair->lock);
    pthread_cond_signal(&self->pair->changed);
}

static void *
hand_over_by_condition(void *argument)
{
    const struct thread *self = argument;
    struct pair *pair = self->pair;
    bool is_over;

    do {
        lock_of_pair(self);
        while (pair->turn == !self->side) {
            uint64_t since_ns = now_ns();

            pthread_cond_wait(&pair->changed, &pair->lock);
            add_lock_wait(self->account, since_ns);
        }
        is_over = pair->turn == 2;
        pthread_mutex_unlock(&pair->lock);
        if (is_over)
            return NULL;
        hold();
        is_over = !goes_on(self->account);
        give_turn(self, is_over ? 2 : !self->side);
    } while (!is_over);
    return NULL;
}

/* An end of a pipe that is closed ends the other thread. */
static void *
hand_over_by_pipe(void *argument)
{
    const struct thread *self = argument;
    int in = self->pair->to[!self->side][0], out = self->pair->to[self->side][1];
    char byte = 0;

    if (self->side == 0 && write(out, &byte, 1) != 1)
        return NULL;
    for (;;) {
        uint64_t since_ns = now_ns();
        ssize_t got = read(in, &byte, 1);

        uint64_t until_ns = now_ns();

        if (until_ns - since_ns > READ_READY_NS)
            add_wait(self->account, since_ns, until_ns, until_ns);
        if (got != 1)
            break;
        hold();
        if (!goes_on(self->account) || write(out, &byte, 1) != 1)
            break;
    }
    close(out);
    return NULL;
}

struct kind {
    const char *name;
    void *(*run)(void *thread);
};

static const struct kind kinds[] = {
    {"mutex", fight_for_mutex},   {"hog", hog_mutex},
    {"rwlock", fight_for_rwlock}, {"condition", hand_over_by_condition},
    {"pipe", hand_over_by_pipe},
};

static int
make_pair(struct pair *pair)
{
    pthread_mutex_init(&pair->lock, NULL);
    pthread_cond_init(&pair->changed, NULL);
    return pipe(pair->to[0]) == 0 && pipe(pair->to[1]) == 0 ? 0 : -1;
}

/* The life of one process. */
static int
run(const struct kind *kind, unsigned count, struct account *accounts)
{
    pthread_t ids[MAX_THREADS];
    struct thread threads[MAX_THREADS];

    for (unsigned i = 0; i < (count + 1) / 2; i++)
        if (make_pair(&pairs[i]) != 0)
            return -1;
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct thread){&accounts[i], &pairs[i / 2], i % 2, i};
        if (pthread_create(&ids[i], NULL, kind->run, &threads[i]) != 0)
            return -1;
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
    return 0;
}

static int
run_processes(const struct kind *kind, unsigned count, unsigned processes, struct account *accounts)
{
    int failed = 0, status;

    if (processes == 0)
        return run(kind, count, accounts);
    for (unsigned i = 0; i < processes; i++) {
        pid_t child = fork();

        if (child == 0)
            exit(run(kind, count, &accounts[i * MAX_THREADS]) == 0 ? 0 : 1);
        failed |= child < 0;
    }
    while (wait(&status) > 0)
        failed |= status;
    return failed ? -1 : 0;
}

static void
print_sum(const struct account *accounts)
{
    uint64_t waits = 0, delay_ns = 0, blame_ns = 0, operations = 0, storm_operations = 0;

    for (unsigned i = 0; i < MAX_THREADS * MAX_PROCESSES; i++) {
        waits += accounts[i].waits;
        delay_ns += accounts[i].delay_ns;
        blame_ns += accounts[i].blame_ns;
        operations += accounts[i].operations;
        storm_operations += accounts[i].storm_operations;
    }
    printf("waits %" PRIu64 " delay_ns %" PRIu64 " blame_ns %" PRIu64 " operations %" PRIu64
           " storm_operations %" PRIu64 "\n",
           waits, delay_ns, blame_ns, operations, storm_operations);
}

static void
print_slots(const struct account *accounts)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        uint64_t waits = 0, delay_ns = 0, most_ns = 0;
        double squares = 0;

        for (unsigned i = 0; i < MAX_THREADS * MAX_PROCESSES; i++) {
            waits += accounts[i].slot_waits[slot];
            delay_ns += accounts[i].slot_delay_ns[slot];
            squares += accounts[i].slot_squares[slot];
            if (most_ns < accounts[i].slot_most_ns[slot])
                most_ns = accounts[i].slot_most_ns[slot];
        }
        if (delay_ns != 0)
            printf("slot %u time_ns %" PRIu64 " waits %" PRIu64 " delay_ns %" PRIu64
                   " most_ns %" PRIu64 " squares %.9g\n",
                   slot, start_ns + slot * SLOT_NS, waits, delay_ns, most_ns, squares);
    }
}

static const struct kind *
kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int
main(int argc, char **argv)
{
    const struct kind *kind = argc == 7 || argc == 8 ? kind_named(argv[1]) : NULL;
    unsigned count = kind != NULL ? (unsigned)atoi(argv[2]) : 0;
    unsigned processes = argc == 8 ? (unsigned)atoi(argv[7]) : 0;
    struct account *accounts = mmap(NULL, sizeof(struct account) * MAX_THREADS * MAX_PROCESSES,
                                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (count == 0 || count > MAX_THREADS || processes > MAX_PROCESSES || accounts == MAP_FAILED) {
        fprintf(stderr, "usage: storm mutex|hog|rwlock|condition|pipe THREADS CALM_MS STORM_MS "
                        "AFTER_MS HOLD_NS [PROCESSES]\n");
        return 2;
    }
    hold_ns = (uint64_t)atoll(argv[6]);
    start_ns = now_ns();
    storm_from_ns = start_ns + (uint64_t)atoll(argv[3]) * 1000000;
    storm_until_ns = storm_from_ns + (uint64_t)atoll(argv[4]) * 1000000;
    end_ns = storm_until_ns + (uint64_t)atoll(argv[5]) * 1000000;
    printf("storm_from_ns %" PRIu64 " storm_until_ns %" PRIu64 "\n", storm_from_ns, storm_until_ns);
    fflush(stdout);
    if (run_processes(kind, count, processes, accounts) != 0) {
        perror("storm: a thread, pipe or process of it failed");
        return 1;
    }
    print_sum(accounts);
    print_slots(accounts);
    return 0;
}
