#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int passed_on[] = {SIGINT,  SIGQUIT,  SIGTERM, SIGHUP, SIGUSR1,
                                SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};

/* What the program must find as we found it. */
struct inherited {
    sigset_t mask;
    struct sigaction child_action;
};

void
wp_launch_set(struct wp_launch *launch, const char *name, const char *format, ...)
{
    struct wp_launch_variable *variable;
    va_list arguments;

    if (launch->variable_count == WP_LAUNCH_VARIABLES)
        return;
    variable = &launch->variables[launch->variable_count++];
    variable->name = name;
    va_start(arguments, format);
    vsnprintf(variable->value, sizeof variable->value, format, arguments);
    va_end(arguments);
}

static int
set_preload(const char *library)
{
    const char *others = getenv("LD_PRELOAD");
    char *value = NULL;
    int status;

    if (others == NULL || others[0] == '\0')
        return setenv("LD_PRELOAD", library, 1);
    if (asprintf(&value, "%s:%s", library, others) < 0)
        return -1;
    status = setenv("LD_PRELOAD", value, 1);
    free(value);
    return status;
}

static int
set_environment(const struct wp_launch *launch)
{
    char pid[16];

    for (unsigned i = 0; i < launch->variable_count; i++) {
        if (setenv(launch->variables[i].name, launch->variables[i].value, 1) != 0)
            return -1;
    }
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (launch->tells_pid ? setenv("WAITPROF_PID", pid, 1) : unsetenv("WAITPROF_PID"))
        return -1;
    return set_preload(launch->library);
}

/* In the child. The error goes to the parent through a pipe that a successful exec closes. */
static void
become_program(const struct wp_launch *launch, const struct inherited *inherited, int report_fd)
{
    int failure;

    sigaction(SIGCHLD, &inherited->child_action, NULL);
    if (set_environment(launch) == 0) {
        sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
        execvp(launch->arguments[0], launch->arguments);
    }
    failure = errno;
    while (write(report_fd, &failure, sizeof failure) < 0 && errno == EINTR)
        continue;
    _exit(127);
}

/* errno of a failed exec, 0 once the program runs. */
static int
read_exec_errno(int fd)
{
    int failure = 0;
    ssize_t length;

    do {
        length = read(fd, &failure, sizeof failure);
    } while (length < 0 && errno == EINTR);
    return length == (ssize_t)sizeof failure ? failure : 0;
}

/* Takes notice of changes in the child's state; true when it has ended. *continued is set when it
 * went on after a stop. */
static bool
has_ended(pid_t child, bool *continued, int *wait_status)
{
    int status;

    while (waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
        *continued = *continued || WIFCONTINUED(status);
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            *wait_status = status;
            return true;
        }
        /* Only for job control: who stops the program alone may also continue it alone. */
        if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGSTOP)
            raise(SIGSTOP);
    }
    return false;
}

/* Signals of the terminal (SI_KERNEL) have reached the program already, and so has the SIGCONT of a
 * shell that continues the whole job. */
static void
pass_on(const siginfo_t *info, pid_t child, bool *continued)
{
    bool has_it = info->si_signo == SIGCONT && *continued;

    *continued = *continued && !has_it;
    if (!has_it && info->si_code <= 0 && info->si_pid != child)
        kill(child, info->si_signo);
}

static int
attend(pid_t child, const sigset_t *signals)
{
    bool continued = false;
    int wait_status = 0;

    while (!has_ended(child, &continued, &wait_status)) {
        siginfo_t info;

        if (sigwaitinfo(signals, &info) < 0 || info.si_signo == SIGCHLD)
            continue;
        if (has_ended(child, &continued, &wait_status))
            break;
        pass_on(&info, child, &continued);
    }
    return wait_status;
}

/* Signals that came for the program and were not passed on must not hit us now. */
static void
forget_pending(const sigset_t *signals)
{
    const struct timespec now = {0};

    while (sigtimedwait(signals, NULL, &now) > 0)
        continue;
}

static void
prepare(struct inherited *inherited, sigset_t *signals)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};

    sigemptyset(signals);
    sigaddset(signals, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
        sigaddset(signals, passed_on[i]);
    sigprocmask(SIG_BLOCK, signals, &inherited->mask);
    /* Were it ignored, as some supervisors leave it, the kernel would reap the child for us. */
    sigaction(SIGCHLD, &by_default, &inherited->child_action);
}

int
wp_launch_run(const struct wp_launch *launch, struct wp_launch_end *end)
{
    struct inherited inherited;
    sigset_t signals;
    int report[2], status = 0;
    pid_t child;

    if (pipe2(report, O_CLOEXEC) != 0)
        return -errno;
    prepare(&inherited, &signals);
    child = fork();
    if (child == 0)
        become_program(launch, &inherited, report[1]);
    close(report[1]);
    if (child < 0) {
        status = -errno;
    } else {
        end->exec_errno = read_exec_errno(report[0]);
        end->wait_status = attend(child, &signals);
    }
    close(report[0]);
    forget_pending(&signals);
    sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
    return status;
}

void
wp_launch_end_alike(int wait_status)
{
    const struct rlimit no_core = {0};
    sigset_t signals;

    fflush(NULL);
    if (!WIFSIGNALED(wait_status))
        _exit(WEXITSTATUS(wait_status));
    setrlimit(RLIMIT_CORE, &no_core);
    /* A core_pattern that is a pipe does not ask for the limit. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(WTERMSIG(wait_status), SIG_DFL);
    sigemptyset(&signals);
    sigaddset(&signals, WTERMSIG(wait_status));
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    raise(WTERMSIG(wait_status));
    _exit(128 + WTERMSIG(wait_status));
}
