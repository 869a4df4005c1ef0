/*
 * A service with phases: phases MILLISECONDS. Two threads want one lock through warm_cache, then
 * nobody wants it, then they want it through flush_log; each phase takes so long, and its begin is
 * printed as milliseconds of CLOCK_REALTIME: "warm_cache 1732100000000".
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum phase { PHASE_CACHE, PHASE_REST, PHASE_LOG, PHASE_END };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int phase;

static void
pause_us(long us)
{
    const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    nanosleep(&pause, NULL);
}

static void __attribute__((noinline)) warm_cache(void)
{
    pthread_mutex_lock(&lock);
    pause_us(4000);
    pthread_mutex_unlock(&lock);
    pause_us(100);
}

static void __attribute__((noinline)) flush_log(void)
{
    pthread_mutex_lock(&lock);
    pause_us(2000);
    pthread_mutex_unlock(&lock);
    pause_us(100);
}

static void *
serve(void *unused)
{
    int now;

    (void)unused;
    while ((now = atomic_load(&phase)) != PHASE_END) {
        if (now == PHASE_CACHE)
            warm_cache();
        else if (now == PHASE_LOG)
            flush_log();
        else
            pause_us(1000);
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    static const char *const names[] = {"warm_cache", "rest", "flush_log"};
    long span_ms = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
    pthread_t threads[2];

    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, serve, NULL) != 0)
            return 1;
    }
    for (int i = PHASE_CACHE; i < PHASE_END; i++) {
        struct timespec now;

        atomic_store(&phase, i);
        clock_gettime(CLOCK_REALTIME, &now);
        printf("%s %lld\n", names[i], now.tv_sec * 1000LL + now.tv_nsec / 1000000);
        fflush(stdout);
        pause_us(span_ms * 1000);
    }
    atomic_store(&phase, PHASE_END);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
