/*
 * A parent and WORKERS forked children that wait: waiting_family WORKERS. In each process a thread
 * "holder" keeps a lock that a thread "wanter" wants. Runs until it is killed; the children die
 * with the parent.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};

    nanosleep(&pause, NULL);
}

static void __attribute__((noinline)) hold_the_lock(void)
{
    pthread_mutex_lock(&lock);
    pause_us(8000);
    pthread_mutex_unlock(&lock);
    pause_us(500);
}

static void __attribute__((noinline)) want_the_lock(void)
{
    pause_us(2000);
    pthread_mutex_lock(&lock);
    pause_us(100);
    pthread_mutex_unlock(&lock);
}

static void *
be_holder(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "holder");
    for (;;)
        hold_the_lock();
    return NULL;
}

static void *
be_wanter(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "wanter");
    for (;;)
        want_the_lock();
    return NULL;
}

int
main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 0;
    pid_t parent = getpid();
    pthread_t holder, wanter;

    for (int i = 0; i < workers; i++) {
        if (fork() != 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        break;
    }
    if (pthread_create(&holder, NULL, be_holder, NULL) != 0 ||
        pthread_create(&wanter, NULL, be_wanter, NULL) != 0)
        return 1;
    pthread_join(holder, NULL);
    return 0;
}
