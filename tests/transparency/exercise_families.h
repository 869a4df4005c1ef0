/*
 * One round of calls of each family that exercise.h leaves out, with real waits in them:
 * semaphores, futexes by syscall, poll, write, open and close, streams. Include after expect.h.
 */
#ifndef WP_TESTS_TRANSPARENCY_EXERCISE_FAMILIES_H
#define WP_TESTS_TRANSPARENCY_EXERCISE_FAMILIES_H

#include <linux/futex.h>
#include <poll.h>

#include "exercise.h"

/* More than the pipe that it goes through holds. */
#define EXERCISE_BULK_BYTES 16384

struct exercise_families {
    sem_t sem;
    uint32_t rounds_done; /* the futex */
    int rounds;
    int ready[2];
    int bulk[2];
    int lines[2];
};

static char exercise_bulk[EXERCISE_BULK_BYTES];

/* Who waits for the partner is sure to sleep now and then. */
static inline void
exercise_keep_waiting(int round)
{
    if (round % 10 == 0)
        expect_pause_ms(2);
    else
        exercise_hold_briefly();
}

static inline void
exercise_read_bulk(int fd)
{
    char bytes[1024];

    for (size_t left = EXERCISE_BULK_BYTES; left > 0;) {
        ssize_t got = read(fd, bytes, sizeof(bytes));

        EXPECT(got > 0 && (size_t)got <= left);
        left -= (size_t)got;
    }
}

static inline void *
exercise_families_partner(void *argument)
{
    struct exercise_families *families = (struct exercise_families *)argument;

    for (int i = 0; i < families->rounds; i++) {
        exercise_keep_waiting(i);
        EXPECT_RETURNS(sem_post(&families->sem), 0);
        exercise_keep_waiting(i);
        __atomic_store_n(&families->rounds_done, (uint32_t)i + 1, __ATOMIC_RELEASE);
        EXPECT(syscall(SYS_futex, &families->rounds_done, FUTEX_WAKE_PRIVATE, 1) >= 0);
        exercise_keep_waiting(i);
        EXPECT_RETURNS(write(families->ready[1], "", 1), 1);
        exercise_keep_waiting(i);
        exercise_read_bulk(families->bulk[0]);
        exercise_keep_waiting(i);
        EXPECT_RETURNS(write(families->lines[1], "line\n", 5), 5);
    }
    return NULL;
}

static inline void
exercise_futex(struct exercise_families *families, int round)
{
    while (__atomic_load_n(&families->rounds_done, __ATOMIC_ACQUIRE) == (uint32_t)round)
        if (syscall(SYS_futex, &families->rounds_done, FUTEX_WAIT_PRIVATE, round, NULL, NULL, 0))
            EXPECT(errno == EAGAIN || errno == EINTR);
}

static inline void
exercise_families_round(struct exercise_families *families, FILE *stream, int round)
{
    struct pollfd ready = {families->ready[0], POLLIN, 0};
    char line[16];
    int fd;

    EXPECT_RETURNS(sem_wait(&families->sem), 0);
    exercise_futex(families, round);
    EXPECT_RETURNS(poll(&ready, 1, -1), 1);
    EXPECT_EQ(ready.revents, POLLIN);
    EXPECT_RETURNS(read(families->ready[0], line, 1), 1);
    EXPECT_RETURNS(write(families->bulk[1], exercise_bulk, EXERCISE_BULK_BYTES),
                   EXERCISE_BULK_BYTES);
    errno = EXPECT_ERRNO_MARK;
    EXPECT(fgets(line, sizeof(line), stream) == line);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    EXPECT(strcmp(line, "line\n") == 0);
    fd = open("/dev/null", O_RDONLY);
    EXPECT(fd >= 0);
    EXPECT_RETURNS(close(fd), 0);
    EXPECT_FAILS(close(fd), EBADF);
}

/* Ends the program if anything is amiss. Needs threads, descriptors and /dev/null. */
static inline void
exercise_families(int rounds)
{
    struct exercise_families families = {.rounds = rounds};
    FILE *stream;
    pthread_t partner;

    EXPECT_EQ(sem_init(&families.sem, 0, 0), 0);
    EXPECT(pipe(families.ready) == 0 && pipe(families.bulk) == 0 && pipe(families.lines) == 0);
    EXPECT(fcntl(families.bulk[1], F_SETPIPE_SZ, 4096) > 0);
    stream = fdopen(families.lines[0], "r");
    EXPECT(stream != NULL);
    partner = expect_thread(exercise_families_partner, &families);
    for (int i = 0; i < rounds; i++)
        exercise_families_round(&families, stream, i);
    expect_join(partner);
    EXPECT_EQ(fclose(stream), 0);
    close(families.lines[1]);
    for (int i = 0; i < 2; i++) {
        close(families.ready[i]);
        close(families.bulk[i]);
    }
    EXPECT_EQ(sem_destroy(&families.sem), 0);
}

/* The functions that exercise_families makes wait, for those who look for the samples. */
#define EXERCISE_FAMILIES_WAITING 5
__attribute__((
    unused)) static const char *const exercise_families_waiting[EXERCISE_FAMILIES_WAITING] = {
    "sem_wait", "syscall", "poll", "write", "fgets"};

#endif
