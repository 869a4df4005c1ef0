/*
 * Two threads that want one lock: hold_lock MILLISECONDS [FILE]. The one holds it for 2 ms at a
 * time, the other waits for it, until the time is over. FILE is created after the first 20 waits.
 * 0: for ever.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int is_over;

static void
pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};

    nanosleep(&pause, NULL);
}

static void *
hold_it(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over)) {
        pthread_mutex_lock(&lock);
        pause_us(2000);
        pthread_mutex_unlock(&lock);
        pause_us(200);
    }
    return NULL;
}

static void __attribute__((noinline)) want_it(void)
{
    pause_us(500);
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static long
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
main(int argc, char **argv)
{
    long span_ms = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    long end_ms = now_ms() + span_ms;
    pthread_t holder;

    if (pthread_create(&holder, NULL, hold_it, NULL) != 0)
        return 1;
    for (int i = 0; i < 20; i++)
        want_it();
    if (argc > 2)
        close(open(argv[2], O_CREAT | O_WRONLY, 0666));
    while (span_ms == 0 || now_ms() < end_ms)
        want_it();
    atomic_store(&is_over, 1);
    pthread_join(holder, NULL);
    return 0;
}
