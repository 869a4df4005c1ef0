/*
 * The system's log. Without a log daemon, libc's own copy on standard error shows what is logged.
 * To see a call wait, a /dev/log that is full is made in a mount namespace of the case's own.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "../expect.h"
#include "row.h"

/* Logs a number, a text and what errno says. */
typedef void (*log_function)(int number, const char *text);

static void (*log_as_syslog)(int priority, const char *format, ...);
static void (*log_as_syslog_chk)(int priority, int flag, const char *format, ...);
static row_type_vsyslog log_as_vsyslog;
static row_type___vsyslog_chk log_as_vsyslog_chk;
static const char *log_format = "number %d, text %s: %m";
static int log_priority = LOG_ERR;

/* Standard error goes to a pipe from open to close, which returns what was written. */
static int log_saved_stderr;
static int log_pipe[2];

static void
log_catch(void)
{
    EXPECT_EQ(pipe(log_pipe), 0);
    log_saved_stderr = dup(STDERR_FILENO);
    EXPECT_EQ(dup2(log_pipe[1], STDERR_FILENO), STDERR_FILENO);
    close(log_pipe[1]);
}

static const char *
log_caught(void)
{
    static char text[512];
    ssize_t length;

    EXPECT_EQ(dup2(log_saved_stderr, STDERR_FILENO), STDERR_FILENO);
    close(log_saved_stderr);
    length = read(log_pipe[0], text, sizeof(text) - 1);
    close(log_pipe[0]);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void
log_expect(log_function log_it, const char *expected)
{
    const char *text;

    log_catch();
    errno = ENOENT;
    log_it(-7, "arguments");
    text = log_caught();
    if (strcmp(text, expected) != 0)
        expect_fail(__FILE__, __LINE__, "the log got: %s", text);
}

static void
log_check_text(log_function log_it)
{
    openlog("rows", LOG_PERROR, LOG_USER);
    log_expect(log_it, "rows: number -7, text arguments: No such file or directory\n");
    /* Below the mask: not even formatted. */
    setlogmask(LOG_UPTO(LOG_CRIT));
    log_expect(log_it, "");
    setlogmask(LOG_UPTO(LOG_DEBUG));
    closelog();
    openlog("rows", 0, LOG_USER);
    log_expect(log_it, "");
    closelog();
}

/* --- a daemon that does not read ------------------------------------------------------------- */

static int log_daemon = -1;

/* Mounts a /dev of the case's own, with a log socket in it; false: not allowed. */
static bool
log_make_daemon(void)
{
    struct sockaddr_un address = {AF_UNIX, "/dev/log"};
    int sender;

    if (!row_unshare(CLONE_NEWNS) || mount("none", "/dev", "tmpfs", 0, NULL) != 0) {
        printf("rows: waits for the log are left out: a mount of /dev is refused (%s)\n",
               strerror(errno));
        return false;
    }
    log_daemon = socket(AF_UNIX, SOCK_DGRAM, 0);
    EXPECT_EQ(bind(log_daemon, (struct sockaddr *)&address, sizeof(address)), 0);
    sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(connect(sender, (struct sockaddr *)&address, sizeof(address)), 0);
    while (send(sender, "full", 4, 0) == 4)
        continue;
    EXPECT_EQ(errno, EAGAIN);
    close(sender);
    return true;
}

static long
log_blocked(void *log_it)
{
    log_function log_now;

    memcpy(&log_now, log_it, sizeof(log_now));
    log_now(1, "waits");
    return 0;
}

/* Reads one message, which makes room for one. */
static void
log_make_room(void *unused)
{
    char text[512];

    (void)unused;
    EXPECT(recv(log_daemon, text, sizeof(text) - 1, 0) > 0);
}

static void
log_check_waits(log_function log_it)
{
    struct row_call call = {log_blocked, &log_it, log_make_room};

    if (!log_make_daemon())
        return;
    openlog("rows", LOG_NDELAY, LOG_USER);
    EXPECT(!row_release(&call).cancelled);
    EXPECT_EQ(row_interrupt(&call, SA_RESTART).handled, 1);
    EXPECT_EQ(row_interrupt(&call, 0).handled, 1);
    EXPECT(row_cancel(&call).cancelled);
    /* The cancelled thread gave the lock of the log back. */
    log_make_room(NULL);
    log_make_room(NULL);
    log_it(2, "works on");
    closelog();
}

static void
log_check(log_function log_it)
{
    log_check_text(log_it);
    log_check_waits(log_it);
}

/* --- the functions --------------------------------------------------------------------------- */

static void
log_by_syslog(int number, const char *text)
{
    log_as_syslog(log_priority, log_format, number, text);
}

static void
log_by_syslog_chk(int number, const char *text)
{
    log_as_syslog_chk(log_priority, 1, log_format, number, text);
}

static void
log_by_list(int priority, ...)
{
    va_list arguments;

    va_start(arguments, priority);
    if (log_as_vsyslog != NULL)
        log_as_vsyslog(priority, log_format, arguments);
    else
        log_as_vsyslog_chk(priority, 1, log_format, arguments);
    va_end(arguments);
}

static void
log_by_vsyslog(int number, const char *text)
{
    log_by_list(log_priority, number, text);
}

/* More arguments than registers, of both kinds. */
static void
log_many_arguments(void (*log_now)(int priority, const char *format, ...))
{
    const char *text;

    openlog("rows", LOG_PERROR | LOG_NDELAY, LOG_USER);
    log_catch();
    log_now(LOG_ERR, "%d %d %d %d %d %d %d %g %g %g %g %g %g %g %g %g %s", 1, 2, 3, 4, 5, 6, 7, 1.5,
            2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, "end");
    text = log_caught();
    EXPECT(strcmp(text, "rows: 1 2 3 4 5 6 7 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5 end\n") == 0);
    closelog();
}

ROW_CASE(syslog)
{
    memcpy(&log_as_syslog, &function, sizeof(function));
    log_many_arguments(log_as_syslog);
    log_check(log_by_syslog);
}

ROW_CASE(vsyslog)
{
    log_as_vsyslog = function;
    log_check(log_by_vsyslog);
}

/* A format in memory that can be written must not contain %n; a constant may. */
static void
log_write_count(void *format)
{
    int count = 0;

    log_format = format;
    if (log_as_syslog_chk != NULL)
        log_as_syslog_chk(log_priority, 1, format, &count);
    else
        log_by_list(log_priority, &count);
    EXPECT_EQ(count, 3);
}

static void
log_check_fortified(void)
{
    const char *usual = log_format;
    char writable[] = "abc%n";

    row_expect_abort(log_write_count, writable, "%n in writable segment detected");
    log_write_count((void *)"abc%n");
    log_format = usual;
}

ROW_CASE(__syslog_chk)
{
    memcpy(&log_as_syslog_chk, &function, sizeof(function));
    log_check_fortified();
    log_check(log_by_syslog_chk);
}

ROW_CASE(__vsyslog_chk)
{
    log_as_vsyslog_chk = function;
    log_check_fortified();
    log_check(log_by_vsyslog);
}
