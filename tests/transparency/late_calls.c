/* Waits after everything seems over: atexit handlers, thread-specific destructors in each of their
 * rounds, thread_local destructors, library destructors, threads that run past exit(). The program
 * runs itself as a child and reads what the child wrote: all of it, in this order. */
#include "exercise_families.h"
#include "expect.h"

#include <limits.h>

#define EXIT_STATUS 7

/* What the C++ compiler calls for a thread_local with a destructor. */
int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso);
extern void *__dso_handle;

int early_library_done(void);

static const char expected[] = "thread_local destructor\n"
                               "key round 1\nkey round 2\nkey round 3\nkey round 4\n"
                               "atexit\n"
                               "program destructor\n"
                               "library destructor\n";

static pthread_key_t key;
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;

static void
key_destructor(void *round)
{
    intptr_t number = (intptr_t)round;

    exercise_waits(5);
    exercise_families(5);
    dprintf(STDOUT_FILENO, "key round %d\n", (int)number);
    if (number < PTHREAD_DESTRUCTOR_ITERATIONS)
        pthread_setspecific(key, (void *)(number + 1));
}

static void
thread_local_destructor(void *unused)
{
    (void)unused;
    exercise_waits(5);
    exercise_families(5);
    dprintf(STDOUT_FILENO, "thread_local destructor\n");
}

static void *
thread_with_destructors(void *unused)
{
    EXPECT_EQ(pthread_setspecific(key, (void *)1), 0);
    EXPECT_EQ(__cxa_thread_atexit_impl(thread_local_destructor, NULL, &__dso_handle), 0);
    exercise_waits(5);
    exercise_families(5);
    return unused;
}

/* Never ends: it contends through exit() and all destructors. */
static void *
contend_past_exit(void *unused)
{
    for (;;) {
        EXPECT_RETURNS(pthread_mutex_lock(&busy), 0);
        exercise_hold_briefly();
        EXPECT_RETURNS(pthread_mutex_unlock(&busy), 0);
    }
    return unused;
}

static void
at_exit(void)
{
    exercise_waits(5);
    exercise_families(5);
    expect_pause_ms(5);
    dprintf(STDOUT_FILENO, "atexit\n");
}

__attribute__((destructor)) static void
program_destructor(void)
{
    if (getenv("EARLY_LIBRARY_REPORTS") == NULL)
        return;
    exercise_waits(5);
    exercise_families(5);
    expect_pause_ms(5);
    dprintf(STDOUT_FILENO, "program destructor\n");
}

static void
be_the_child(void)
{
    EXPECT_EQ(early_library_done(), 1);
    EXPECT_EQ(pthread_key_create(&key, key_destructor), 0);
    EXPECT_EQ(atexit(at_exit), 0);
    expect_join(expect_thread(thread_with_destructors, NULL));
    for (int i = 0; i < 3; i++)
        pthread_detach(expect_thread(contend_past_exit, NULL));
    expect_pause_ms(5);
    exit(EXIT_STATUS);
}

static pid_t
start_child(int *output)
{
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        setenv("EARLY_LIBRARY_REPORTS", "1", 1);
        execl("/proc/self/exe", "late_calls", "child", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *output = fds[0];
    return child;
}

int
main(int argument_count, char **arguments)
{
    char text[1024];
    size_t length = 0;
    ssize_t got;
    int output;

    if (argument_count > 1 && strcmp(arguments[1], "child") == 0)
        be_the_child();
    pid_t child = start_child(&output);
    while ((got = read(output, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    EXPECT_EQ(expect_wait_status(child), EXIT_STATUS << 8);
    if (strcmp(text, expected) != 0)
        expect_fail(__FILE__, __LINE__, "the child wrote:\n%s", text);
    return 0;
}
