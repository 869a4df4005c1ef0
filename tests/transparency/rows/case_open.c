/*
 * Opening and closing. A FIFO makes an open wait for its other side, a connection with data that
 * lingers makes a close wait. Errors that need a full process or system (EMFILE aside, ENFILE,
 * ENOMEM, EDQUOT, ETXTBSY of a running program) are left out.
 */
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../expect.h"
#include "row.h"

/* Opens `path` with `flags`, without a mode. */
typedef int (*open_opener)(const char *path, int flags);

/* A FIFO, and how the function opens its one side. */
struct open_fifo {
    char path[128];
    int flags;
    open_opener open_it;
};

static int open_current; /* a directory, for openat */

static mode_t
open_mode(int fd)
{
    struct stat status;

    EXPECT_EQ(fstat(fd, &status), 0);
    return status.st_mode & 07777;
}

static void
open_make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    EXPECT(fd >= 0);
    EXPECT_EQ(write(fd, "text", 4), 4);
    close(fd);
}

static void
open_expect_flags(int fd, int access, int descriptor)
{
    EXPECT(fd >= 0);
    EXPECT_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), access);
    EXPECT_EQ(fcntl(fd, F_GETFD), descriptor);
}

/* The same of a descriptor that is closed then. */
static void
open_expect_opened(int fd, int access, int descriptor)
{
    open_expect_flags(fd, access, descriptor);
    close(fd);
}

/* --- without a mode -------------------------------------------------------------------------- */

static void
open_check_errors(open_opener open_it)
{
    char long_name[300];
    int error;

    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    EXPECT_FAILS(open_it("/no/such", O_RDONLY), ENOENT);
    EXPECT_FAILS(open_it("", O_RDONLY), ENOENT);
    EXPECT_FAILS(open_it("/", O_WRONLY), EISDIR);
    EXPECT_FAILS(open_it("/etc/passwd/x", O_RDONLY), ENOTDIR);
    EXPECT_FAILS(open_it("/etc/passwd", O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_FAILS(open_it("/proc/self/exe", O_RDONLY | O_NOFOLLOW), ELOOP);
    /* ETXTBSY, if the user might write to the file otherwise. */
    EXPECT_EQ(syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_WRONLY), -1);
    error = errno;
    EXPECT_FAILS(open_it("/proc/self/exe", O_WRONLY), error);
    EXPECT_FAILS(open_it(long_name, O_RDONLY), ENAMETOOLONG);
    EXPECT_FAILS(open_it((const char *)8, O_RDONLY), EFAULT);
}

static void
open_check_no_descriptors(open_opener open_it)
{
    struct rlimit limit, none = {0, 0};

    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_FAILS(open_it("/", O_RDONLY), EMFILE);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static long
open_own_side(void *object)
{
    const struct open_fifo *fifo = object;
    int fd = fifo->open_it(fifo->path, fifo->flags);
    int error = errno;

    if (fd < 0)
        return fd;
    syscall(SYS_close, fd);
    errno = error;
    return 0;
}

/* Not to be waited for itself: the first side is there already. */
static void
open_other_side(void *object)
{
    const struct open_fifo *fifo = object;
    int other = fifo->flags == O_RDONLY ? O_WRONLY : O_RDONLY;
    long fd = syscall(SYS_openat, AT_FDCWD, fifo->path, other | O_NONBLOCK);

    EXPECT(fd >= 0);
    syscall(SYS_close, fd);
}

static void
open_check_fifo(open_opener open_it, int flags)
{
    struct open_fifo fifo = {.flags = flags, .open_it = open_it};
    struct row_call call = {open_own_side, &fifo, open_other_side};
    struct row_outcome outcome;

    snprintf(fifo.path, sizeof(fifo.path), "%s", row_path("fifo"));
    EXPECT_EQ(mkfifo(fifo.path, 0600), 0);
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.handled, 1);
    outcome = row_interrupt(&call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
    EXPECT_EQ(unlink(fifo.path), 0);
}

static void
open_check(open_opener open_it)
{
    const char *path = row_path("file");
    int fd;

    open_make_file(path);
    errno = EXPECT_ERRNO_MARK;
    open_expect_opened(open_it(path, O_RDONLY), O_RDONLY, 0);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    open_expect_opened(open_it(path, O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC),
                       O_RDWR | O_APPEND | O_NONBLOCK, FD_CLOEXEC);
    fd = open_it(path, O_WRONLY | O_TRUNC);
    EXPECT(fd >= 0);
    EXPECT_EQ(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    fd = open_it("/", O_PATH);
    EXPECT_FAILS((int)read(fd, NULL, 0), EBADF);
    close(fd);
    open_check_errors(open_it);
    open_check_no_descriptors(open_it);
    open_check_fifo(open_it, O_RDONLY);
    open_check_fifo(open_it, O_WRONLY);
}

/* --- with a mode ----------------------------------------------------------------------------- */

/* O_TMPFILE is a mode's business too, where the file system has it. */
static void
open_check_modes(int (*open_it)(const char *path, int flags, mode_t mode))
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s", row_path("new"));
    umask(0);
    for (mode_t mode = 0400; mode <= 0751; mode += 0351) {
        fd = open_it(path, O_RDWR | O_CREAT | O_EXCL, mode);
        EXPECT(fd >= 0);
        EXPECT_EQ(open_mode(fd), mode);
        EXPECT_FAILS(open_it(path, O_RDWR | O_CREAT | O_EXCL, 0777), EEXIST);
        close(fd);
        EXPECT_EQ(unlink(path), 0);
    }
    umask(027);
    fd = open_it(path, O_RDWR | O_CREAT, 0777);
    EXPECT_EQ(open_mode(fd), 0750);
    close(fd);
    umask(0);
    fd = open_it(row_path("."), O_RDWR | O_TMPFILE, 0640);
    if (fd >= 0) {
        EXPECT_EQ(open_mode(fd), 0640);
        close(fd);
    } else {
        EXPECT_EQ(errno, EOPNOTSUPP);
        printf("rows: O_TMPFILE is left out: the file system has none\n");
    }
}

static row_type_open open_by_open;
static row_type_openat open_by_openat;

/* As C programs call it: variadic, and without a mode. */
static int
open_variadic(const char *path, int flags)
{
    int (*function)(const char *path_, int flags_, ...);

    memcpy(&function, &open_by_open, sizeof(function));
    return function(path, flags);
}

static int
open_variadic_with_mode(const char *path, int flags, mode_t mode)
{
    int (*function)(const char *path_, int flags_, ...);

    memcpy(&function, &open_by_open, sizeof(function));
    return function(path, flags, mode);
}

static int
openat_variadic(const char *path, int flags)
{
    int (*function)(int directory, const char *path_, int flags_, ...);

    memcpy(&function, &open_by_openat, sizeof(function));
    return function(open_current, path, flags);
}

static int
openat_variadic_with_mode(const char *path, int flags, mode_t mode)
{
    int (*function)(int directory, const char *path_, int flags_, ...);

    memcpy(&function, &open_by_openat, sizeof(function));
    return function(AT_FDCWD, path, flags, mode);
}

ROW_CASE(open)
{
    open_by_open = function;
    open_check(open_variadic);
    open_check_modes(open_variadic_with_mode);
}

ROW_CASE(openat)
{
    int fd;

    open_by_openat = function;
    open_current = open("/etc", O_RDONLY | O_DIRECTORY);
    fd = openat_variadic("passwd", O_RDONLY);
    EXPECT(fd >= 0);
    EXPECT_FAILS(function(fd, "passwd", O_RDONLY, 0), ENOTDIR);
    close(fd);
    EXPECT_FAILS(function(fd, "passwd", O_RDONLY, 0), EBADF);
    open_check(openat_variadic);
    open_check_modes(openat_variadic_with_mode);
}

static row_type_creat open_creat;

static int
open_by_creat(const char *path, int flags)
{
    (void)flags;
    return open_creat(path, 0600);
}

ROW_CASE(creat)
{
    const char *path = row_path("file");
    int fd;

    open_creat = function;
    umask(0);
    fd = function(path, 0640);
    EXPECT_EQ(open_mode(fd), 0640);
    close(fd);
    open_make_file(path);
    open_expect_opened(function(path, 0777), O_WRONLY, 0);
    fd = open(path, O_RDONLY);
    EXPECT_EQ(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    EXPECT_FAILS(function("/no/such", 0600), ENOENT);
    EXPECT_FAILS(function("/", 0600), EISDIR);
    EXPECT_FAILS(function((const char *)8, 0600), EFAULT);
    open_check_no_descriptors(open_by_creat);
    open_check_fifo(open_by_creat, O_WRONLY);
}

/* --- the fortified twins --------------------------------------------------------------------- */

static row_type___open_2 open_fortified;
static row_type___openat_2 openat_fortified;

static int
open_by_openat_2(const char *path, int flags)
{
    return openat_fortified(open_current, path, flags);
}

static void
open_create(void *open_it)
{
    open_opener create;

    memcpy(&create, open_it, sizeof(create));
    create("/no/such", O_WRONLY | O_CREAT);
}

static void
open_temporary(void *open_it)
{
    open_opener create;

    memcpy(&create, open_it, sizeof(create));
    create("/no/such", O_RDWR | O_TMPFILE);
}

static void
open_check_fortified(open_opener open_it)
{
    row_expect_abort(open_create, &open_it, "O_CREAT");
    row_expect_abort(open_temporary, &open_it, "O_TMPFILE");
    open_check(open_it);
}

static void
open_check_fortified_at(row_type___openat_2 function)
{
    openat_fortified = function;
    open_current = open("/etc", O_RDONLY | O_DIRECTORY);
    EXPECT_FAILS(function(-1, "passwd", O_RDONLY), EBADF);
    open_check_fortified(open_by_openat_2);
}

ROW_CASE(__open_2)
{
    open_fortified = function;
    open_check_fortified(open_fortified);
}

ROW_CASE(__open64_2)
{
    open_fortified = function;
    open_check_fortified(open_fortified);
}

ROW_CASE(__openat_2)
{
    open_check_fortified_at(function);
}

ROW_CASE(__openat64_2)
{
    open_check_fortified_at(function);
}

/* --- fopen ----------------------------------------------------------------------------------- */

static row_type_fopen open_fopen;

static int
open_by_fopen(const char *path, int flags)
{
    FILE *file = open_fopen(path, flags == O_RDONLY ? "r" : "w");
    int fd;

    if (file == NULL)
        return -1;
    fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static void
open_expect_stream(const char *path, const char *mode, int flags, int descriptor)
{
    FILE *file = open_fopen(path, mode);

    EXPECT(file != NULL);
    open_expect_flags(fileno(file), flags, descriptor);
    fclose(file);
}

static void
open_expect_no_stream(const char *path, const char *mode, int error)
{
    errno = EXPECT_ERRNO_MARK;
    EXPECT(open_fopen(path, mode) == NULL);
    EXPECT_EQ(errno, error);
}

ROW_CASE(fopen)
{
    const char *path = row_path("file");

    open_fopen = function;
    open_make_file(path);
    open_expect_stream(path, "r", O_RDONLY, 0);
    open_expect_stream(path, "re", O_RDONLY, FD_CLOEXEC);
    open_expect_stream(path, "r+", O_RDWR, 0);
    open_expect_stream(path, "a+", O_RDWR | O_APPEND, 0);
    open_expect_stream(path, "w", O_WRONLY, 0);
    open_expect_no_stream(path, "wx", EEXIST);
    open_expect_no_stream(path, "q", EINVAL);
    open_expect_no_stream("/no/such", "r", ENOENT);
    open_expect_no_stream("/", "w", EISDIR);
    open_expect_no_stream((const char *)8, "r", EFAULT);
    open_check_fifo(open_by_fopen, O_RDONLY);
    open_check_fifo(open_by_fopen, O_WRONLY);
}

/* --- close ----------------------------------------------------------------------------------- */

/* A TCP connection of this machine, whose near end lingers and has more than the far one takes. */
struct open_lingerer {
    int near;
    int far;
    row_type_close close_it;
};

static void
open_connect(struct open_lingerer *lingerer)
{
    static const struct linger wait_long = {1, 30};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char bytes[4096] = "";

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener, (struct sockaddr *)&address, size), 0);
    EXPECT_EQ(listen(listener, 1), 0);
    EXPECT_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    lingerer->near = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(connect(lingerer->near, (struct sockaddr *)&address, size), 0);
    lingerer->far = accept(listener, NULL, NULL);
    EXPECT(lingerer->far >= 0);
    syscall(SYS_close, listener);
    while (send(lingerer->near, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    EXPECT_EQ(setsockopt(lingerer->near, SOL_SOCKET, SO_LINGER, &wait_long, sizeof(wait_long)), 0);
}

static long
open_close_near(void *object)
{
    const struct open_lingerer *lingerer = object;

    return lingerer->close_it(lingerer->near);
}

/* With data unread, this resets the connection. */
static void
open_reset(void *object)
{
    const struct open_lingerer *lingerer = object;

    syscall(SYS_close, lingerer->far);
}

ROW_CASE(close)
{
    struct open_lingerer lingerer = {.close_it = function};
    struct row_call call = {open_close_near, &lingerer, open_reset};
    struct row_outcome outcome;
    int fd = open("/dev/null", O_RDONLY);

    EXPECT_RETURNS(function(fd), 0);
    EXPECT_FAILS(function(fd), EBADF);
    EXPECT_FAILS(function(-1), EBADF);
    open_connect(&lingerer);
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    /* A signal ends the lingering, and close has closed nevertheless. */
    for (int restart = 0; restart <= 1; restart++) {
        open_connect(&lingerer);
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.handled, 1);
        EXPECT_EQ(outcome.result, 0);
        EXPECT_EQ(fcntl(lingerer.near, F_GETFD), -1);
        open_reset(&lingerer);
    }
    open_connect(&lingerer);
    EXPECT(row_cancel(&call).cancelled);
    EXPECT(row_cancel_before(&call).cancelled);
}
