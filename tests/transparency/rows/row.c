#include "row.h"

#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../expect.h"
#include "../expect_region.h"

#define ROW_SIGNAL SIGUSR2

static bool row_has_waited;
static const char *row_leaf;

void
row_waited(void)
{
    row_has_waited = true;
}

bool row_was_made_to_wait(void);

bool
row_was_made_to_wait(void)
{
    return row_has_waited;
}

void row_start_case(const char *leaf);

void
row_start_case(const char *leaf)
{
    row_leaf = leaf;
}

uint64_t
row_samples(void)
{
    static struct wp_region_header *region;

    if (!expect_is_preloaded())
        return 0;
    if (region == NULL)
        region = expect_own_region();
    return expect_contentions(region, WP_PROFILE_BLOCK, row_leaf);
}

void
row_expect_no_sample(void)
{
    EXPECT_EQ(row_samples(), 0);
}

void
row_skip(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vdprintf(STDOUT_FILENO, format, arguments);
    va_end(arguments);
    dprintf(STDOUT_FILENO, "\n");
    exit(ROW_SKIPPED); /* not _exit: the directory goes away */
}

/* --- Surroundings ---------------------------------------------------------------------------- */

static char row_directory[64];

static int
row_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void
row_remove_directory(void)
{
    nftw(row_directory, row_remove, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
row_path(const char *name)
{
    static char paths[2][sizeof(row_directory) + 32];
    static int next;
    char *path = paths[next++ % 2];

    if (row_directory[0] == '\0') {
        snprintf(row_directory, sizeof(row_directory), "/tmp/waitprof-rows-XXXXXX");
        EXPECT(mkdtemp(row_directory) != NULL);
        EXPECT_EQ(atexit(row_remove_directory), 0);
    }
    snprintf(path, sizeof(paths[0]), "%s/%s", row_directory, name);
    return path;
}

void
row_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        expect_fail(__FILE__, __LINE__, "cannot write %s: %s", path, strerror(errno));
    close(fd);
}

/* The user is the root of the new namespace. */
static bool
row_unshare_as_root(int namespaces)
{
    char map[64];
    uid_t user = getuid();
    gid_t group = getgid();

    if (unshare(CLONE_NEWUSER | namespaces) != 0)
        return false;
    row_write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", user);
    row_write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", group);
    row_write_file("/proc/self/gid_map", map);
    return true;
}

bool
row_unshare(int namespaces)
{
    if (unshare(namespaces) != 0 && !row_unshare_as_root(namespaces))
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void
row_expect_abort(void (*call)(void *object), void *object, const char *message)
{
    static const struct rlimit no_core;
    char text[512] = "";
    size_t length = 0;
    ssize_t got;
    int status;
    int fds[2];
    pid_t child;

    EXPECT_EQ(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &no_core);
        call(object);
        _exit(0);
    }
    EXPECT(child > 0);
    close(fds[1]);
    while ((got = read(fds[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    close(fds[0]);
    status = expect_wait_status(child);
    EXPECT(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
    if (strstr(text, message) == NULL)
        expect_fail(__FILE__, __LINE__, "the call ended with: %s", text);
}

/* --- The thread that makes the call ---------------------------------------------------------- */

struct row_caller {
    const struct row_call *call;
    pthread_t thread;
    atomic_int tid; /* set just before the call */
    atomic_int handled;
    atomic_bool ended;
    bool cancel_first;
    struct row_outcome outcome;
};

/* Of the thread under way; there is one at a time. */
static struct row_caller *row_caller;

static void
row_handle(int number)
{
    (void)number;
    atomic_fetch_add(&row_caller->handled, 1);
}

static void
row_clean_up(void *argument)
{
    struct row_caller *caller = argument;

    caller->outcome.cancelled = true;
    atomic_store(&caller->ended, true);
}

static void *
row_thread(void *argument)
{
    struct row_caller *caller = argument;
    int64_t start_ns;

    if (caller->cancel_first)
        pthread_cancel(pthread_self());
    pthread_cleanup_push(row_clean_up, caller);
    atomic_store(&caller->tid, expect_tid());
    start_ns = expect_now_ns(CLOCK_MONOTONIC);
    errno = EXPECT_ERRNO_MARK;
    caller->outcome.result = caller->call->call(caller->call->object);
    caller->outcome.error = errno;
    caller->outcome.took_ns = expect_now_ns(CLOCK_MONOTONIC) - start_ns;
    pthread_cleanup_pop(0);
    atomic_store(&caller->ended, true);
    return NULL;
}

static void
row_start(struct row_caller *caller, const struct row_call *call, bool cancel_first)
{
    memset(caller, 0, sizeof(*caller));
    caller->call = call;
    caller->cancel_first = cancel_first;
    row_caller = caller;
    caller->thread = expect_thread(row_thread, caller);
}

/* libc's own, so that this file adds nothing to what is seen of pthread_join. */
static struct row_outcome
row_finish(struct row_caller *caller)
{
    int (*join)(pthread_t, void **);
    void *address = expect_libc_function("pthread_join");

    memcpy(&join, &address, sizeof(join));
    for (int i = 0; !atomic_load(&caller->ended); i++) {
        if (i == 10000)
            expect_fail(__FILE__, __LINE__, "the call did not return within 10 s");
        expect_pause_ms(1);
    }
    EXPECT_EQ(join(caller->thread, NULL), 0);
    caller->outcome.handled = atomic_load(&caller->handled);
    return caller->outcome;
}

/* Is what has its state in `path` asleep in the kernel? Reads without a wrapped call. */
static bool
row_state_is_sleep(const char *path)
{
    char text[512];
    const char *state;
    long length;
    long fd;

    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    length = syscall(SYS_read, fd, text, sizeof(text) - 1);
    syscall(SYS_close, fd);
    text[length > 0 ? length : 0] = '\0';
    state = strrchr(text, ')');
    return state != NULL && (state[2] == 'S' || state[2] == 'D');
}

static bool
row_sleeps(const struct row_caller *caller)
{
    char path[64];

    if (atomic_load(&caller->tid) == 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", atomic_load(&caller->tid));
    return row_state_is_sleep(path);
}

void
row_await_sleep_of(int child)
{
    char path[64];
    int asleep = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", child);
    for (int i = 0; asleep < 5; i++) {
        EXPECT(i < 10000);
        asleep = row_state_is_sleep(path) ? asleep + 1 : 0;
        expect_pause_ms(1);
    }
}

/* Waits until the thread sleeps, and still does a little later; false: it has ended instead. */
static bool
row_falls_asleep(const struct row_caller *caller)
{
    int asleep = 0;

    for (int i = 0; i < 10000; i++) {
        if (atomic_load(&caller->ended))
            return false;
        asleep = row_sleeps(caller) ? asleep + 1 : 0;
        if (asleep == 5)
            return true;
        expect_pause_ms(1);
    }
    expect_fail(__FILE__, __LINE__, "the call neither returned nor slept within 10 s");
}

static void
row_expect_asleep(const struct row_caller *caller)
{
    if (!row_falls_asleep(caller))
        expect_fail(__FILE__, __LINE__, "the call returned %ld (errno %d) and did not wait",
                    caller->outcome.result, caller->outcome.error);
}

struct row_outcome
row_release(const struct row_call *call)
{
    struct row_caller caller;

    row_start(&caller, call, false);
    row_expect_asleep(&caller);
    call->release(call->object);
    row_waited();
    return row_finish(&caller);
}

struct row_outcome
row_interrupt(const struct row_call *call, int flags)
{
    struct sigaction action = {.sa_handler = row_handle, .sa_flags = flags};
    struct row_caller caller;

    sigemptyset(&action.sa_mask);
    EXPECT_EQ(sigaction(ROW_SIGNAL, &action, NULL), 0);
    row_start(&caller, call, false);
    row_expect_asleep(&caller);
    EXPECT_EQ(pthread_kill(caller.thread, ROW_SIGNAL), 0);
    for (int i = 0; atomic_load(&caller.handled) == 0; i++) {
        EXPECT(i < 10000);
        expect_pause_ms(1);
    }
    if (row_falls_asleep(&caller))
        call->release(call->object);
    row_waited();
    return row_finish(&caller);
}

struct row_outcome
row_cancel(const struct row_call *call)
{
    struct row_caller caller;

    row_start(&caller, call, false);
    row_expect_asleep(&caller);
    EXPECT_EQ(pthread_cancel(caller.thread), 0);
    if (row_falls_asleep(&caller))
        call->release(call->object);
    return row_finish(&caller);
}

struct row_outcome
row_cancel_before(const struct row_call *call)
{
    struct row_caller caller;

    row_start(&caller, call, true);
    if (row_falls_asleep(&caller))
        call->release(call->object);
    return row_finish(&caller);
}
