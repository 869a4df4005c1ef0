/* Thirty-two processes forked while sixteen threads contend, by each way to make a process. */
#include "exercise.h"
#include "expect.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>

#define THREADS 16
#define CHILDREN 32
#define CHILD_STATUS 19

extern char **environ;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_bool stopping;
static long sum;

static void *
contend(void *argument)
{
    long *own = argument;

    while (!stopping) {
        EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
        sum++;
        if (++*own % 8 == 0) {
            struct timespec soon = expect_deadline(CLOCK_REALTIME, 1);
            int result = pthread_cond_timedwait(&cond, &mutex, &soon);

            EXPECT(result == 0 || result == ETIMEDOUT);
        }
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        sched_yield();
    }
    return NULL;
}

/* What a child may do after a raw clone or _Fork: calls that are safe in a signal handler, and
 * locks of its own. */
__attribute__((noreturn)) static void
be_a_bare_child(void)
{
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    char byte = 'b';
    int fds[2];

    for (int i = 0; i < 100; i++) {
        EXPECT_RETURNS(pthread_mutex_lock(&own), 0);
        EXPECT_RETURNS(pthread_mutex_trylock(&own), EBUSY);
        EXPECT_RETURNS(pthread_mutex_unlock(&own), 0);
    }
    EXPECT_EQ(pipe(fds), 0);
    EXPECT_EQ(write(fds[1], &byte, 1), 1);
    EXPECT_RETURNS(read(fds[0], &byte, 1), 1);
    _exit(CHILD_STATUS);
}

static pid_t
by_fork(void)
{
    pid_t child = fork();

    if (child == 0) {
        exercise_waits(20);
        _exit(CHILD_STATUS);
    }
    return child;
}

static pid_t
by_underscore_fork(void)
{
    pid_t child = _Fork();

    if (child == 0)
        be_a_bare_child();
    return child;
}

static pid_t
by_raw_clone(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0)
        be_a_bare_child();
    return child;
}

static pid_t
by_double_fork(void)
{
    pid_t child = fork();

    if (child == 0) {
        exercise_waits(5);
        pid_t grandchild = by_fork();
        exercise_waits(5);
        _exit(WEXITSTATUS(expect_wait_status(grandchild)));
    }
    return child;
}

static char shell[] = "sh";
static char dash_c[] = "-c";
static char command[] = "exit 19";
static char *const exit_19[] = {shell, dash_c, command, NULL};

static pid_t
by_vfork(void)
{
    pid_t child = vfork();

    if (child == 0) {
        execv("/bin/sh", exit_19);
        _exit(127);
    }
    return child;
}

static pid_t
by_posix_spawn(void)
{
    pid_t child = -1;

    EXPECT_EQ(posix_spawn(&child, "/bin/sh", NULL, NULL, exit_19, environ), 0);
    return child;
}

static void
system_and_popen_work_as_ever(void)
{
    char text[32] = "";

    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(system("exit 19"), CHILD_STATUS << 8);
        FILE *stream = popen("echo hello; exit 19", "r");
        EXPECT(stream != NULL);
        EXPECT(fgets(text, sizeof(text), stream) != NULL);
        EXPECT(strcmp(text, "hello\n") == 0);
        EXPECT_EQ(pclose(stream), CHILD_STATUS << 8);
    }
}

int
main(void)
{
    pid_t (*const ways[])(void) = {by_fork,        by_underscore_fork, by_raw_clone,
                                   by_double_fork, by_vfork,           by_posix_spawn};
    pthread_t threads[THREADS];
    long own[THREADS] = {0};
    pid_t children[CHILDREN];
    long expected = 0;

    for (int i = 0; i < THREADS; i++)
        threads[i] = expect_thread(contend, &own[i]);
    for (int i = 0; i < CHILDREN; i++)
        EXPECT((children[i] = ways[i % 6]()) > 0);
    for (int i = 0; i < CHILDREN; i++) {
        int status = expect_wait_status(children[i]);

        if (status != CHILD_STATUS << 8)
            expect_fail(__FILE__, __LINE__, "child %d, way %d: status %#x", i, i % 6, status);
    }
    system_and_popen_work_as_ever();
    stopping = true;
    for (int i = 0; i < THREADS; i++) {
        expect_join(threads[i]);
        expected += own[i];
    }
    EXPECT_EQ(sum, expected);
    EXPECT(sum > 100);
    return 0;
}
