/* Prints all that a program can see of itself: threads, descriptors, environment, signal handlers,
 * masks, timers, limits. compare_output.sh runs it bare and preloaded and wants no
 * difference, but for LD_PRELOAD's own value. */
#include "exercise.h"
#include "expect.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

extern char **environ;

static int
by_text(const void *first, const void *second)
{
    return strcmp(*(char *const *)first, *(char *const *)second);
}

/* Number of entries of a /proc directory, without the one that listing it opens. */
static int
entries_in(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;

    EXPECT(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* A thread that was joined stays listed for a moment. */
static int
lasting_threads(void)
{
    int threads = entries_in("/proc/self/task");

    for (int i = 0; i < 100 && threads > 1; i++) {
        expect_pause_ms(2);
        threads = entries_in("/proc/self/task");
    }
    return threads;
}

static void
print_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (flags >= 0)
            printf("descriptor %d flags %d\n", fd, flags);
    }
}

static void
print_environment(void)
{
    int count = 0;

    while (environ[count] != NULL)
        count++;
    qsort(environ, (size_t)count, sizeof(*environ), by_text);
    for (int i = 0; i < count; i++)
        printf("environment %s\n", environ[i]);
}

static void
print_signals(void)
{
    sigset_t mask;

    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;

        if (sigaction(number, NULL, &action) == 0)
            printf("signal %d handler %p flags %#x masked %d\n", number, (void *)action.sa_handler,
                   (unsigned)action.sa_flags, sigismember(&mask, number));
    }
    sigpending(&mask);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&mask, number) == 1)
            printf("pending %d\n", number);
}

static void
print_timers_and_limits(void)
{
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer;

        EXPECT_EQ(getitimer(which, &timer), 0);
        printf("timer %d %ld %ld\n", which, (long)timer.it_interval.tv_sec,
               (long)timer.it_value.tv_sec);
    }
    for (int which = 0; which < RLIMIT_NLIMITS; which++) {
        struct rlimit limit;

        EXPECT_EQ(getrlimit((__rlimit_resource_t)which, &limit), 0);
        printf("limit %d %llu %llu\n", which, (unsigned long long)limit.rlim_cur,
               (unsigned long long)limit.rlim_max);
    }
}

static void
print_all(const char *when)
{
    stack_t alternate;
    char directory[4096];
    mode_t mask = umask(0);

    umask(mask);
    EXPECT_EQ(sigaltstack(NULL, &alternate), 0);
    EXPECT(getcwd(directory, sizeof(directory)) != NULL);
    printf("--- %s ---\n", when);
    printf("threads %d\n", lasting_threads());
    print_descriptors();
    print_signals();
    print_timers_and_limits();
    printf("alternate stack %d, umask %o, directory %s\n", alternate.ss_flags, mask, directory);
    EXPECT_FAILS(waitpid(-1, NULL, WNOHANG), ECHILD);
}

int
main(int argument_count, char **arguments)
{
    printf("errno at start %d, arguments %d, last %s\n", errno, argument_count,
           arguments[argument_count - 1]);
    print_all("at start");
    exercise_waits(50);
    print_all("after waits");
    print_environment();
    return 0;
}
