/* Each way to leave a process: the status is right, and no handler runs that would not have. The
 * program runs itself as a child for each way. */
#include "exercise.h"
#include "expect.h"

#include <signal.h>

static void
say(const char *what)
{
    EXPECT_EQ(write(STDOUT_FILENO, what, strlen(what)), (ssize_t)strlen(what));
}

static void
at_exit(void)
{
    say("atexit ");
}

static void
at_quick_exit_handler(void)
{
    say("at_quick_exit ");
}

__attribute__((destructor)) static void
destructor(void)
{
    if (getenv("EXITS_CHILD") != NULL)
        say("destructor ");
}

static pthread_t main_thread;

static void *
outlive_main(void *unused)
{
    expect_join(main_thread);
    exercise_waits(5);
    say("outlived ");
    return unused;
}

static void *
exit_from_thread(void *unused)
{
    exercise_waits(5);
    exit(6);
    return unused;
}

static void
leave_by_exit(void)
{
    exit(3);
}

static void
leave_by_underscore_exit(void)
{
    _exit(4);
}

static void
leave_by_quick_exit(void)
{
    quick_exit(5);
}

static void
leave_by_abort(void)
{
    abort();
}

static void
leave_by_kill(void)
{
    raise(SIGKILL);
}

static void
leave_by_pthread_exit(void)
{
    main_thread = pthread_self();
    expect_thread(outlive_main, NULL);
    pthread_exit(NULL);
}

static void
leave_by_exit_in_a_thread(void)
{
    expect_thread(exit_from_thread, NULL);
    for (;;)
        pause();
}

static void
leave_by_a_fault(void)
{
    volatile int *volatile nowhere = NULL;

    *nowhere = 1;
}

static void
leave_by_exec(void)
{
    execl("/bin/echo", "echo", "-n", "echoed ", (char *)NULL);
}

static const struct {
    const char *name;
    void (*leave)(void);
    int status;
    const char *output;
} ways[] = {
    {"exit", leave_by_exit, 3 << 8, "atexit destructor "},
    {"_exit", leave_by_underscore_exit, 4 << 8, ""},
    {"quick_exit", leave_by_quick_exit, 5 << 8, "at_quick_exit "},
    {"abort", leave_by_abort, SIGABRT, ""},
    {"kill", leave_by_kill, SIGKILL, ""},
    {"pthread_exit of main", leave_by_pthread_exit, 0, "outlived atexit destructor "},
    {"exit in a thread", leave_by_exit_in_a_thread, 6 << 8, "atexit destructor "},
    {"fault", leave_by_a_fault, SIGSEGV, ""},
    {"exec", leave_by_exec, 0, "echoed "},
};
#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

static void
be_the_child(size_t way)
{
    EXPECT_EQ(atexit(at_exit), 0);
    EXPECT_EQ(at_quick_exit(at_quick_exit_handler), 0);
    exercise_waits(10);
    ways[way].leave();
}

static void
this_way_out_is_as_it_was(size_t way)
{
    char number[8];
    char text[256];
    size_t length = 0;
    ssize_t got;
    int fds[2];

    snprintf(number, sizeof(number), "%zu", way);
    EXPECT_EQ(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        setenv("EXITS_CHILD", "1", 1);
        execl("/proc/self/exe", "exits", number, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    while ((got = read(fds[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(fds[0]);
    int status = expect_wait_status(child) & ~WCOREFLAG;
    if (status != ways[way].status || strcmp(text, ways[way].output) != 0)
        expect_fail(__FILE__, __LINE__, "%s: status %#x, output: %s", ways[way].name, status, text);
}

int
main(int argument_count, char **arguments)
{
    if (argument_count > 1)
        be_the_child(strtoul(arguments[1], NULL, 10));
    else
        for (size_t way = 0; way < WAY_COUNT; way++)
            this_way_out_is_as_it_was(way);
    return 0;
}
