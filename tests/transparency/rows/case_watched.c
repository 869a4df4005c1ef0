/*
 * What is no wait: functions/watched.def. restricted_children.c looks deeper at the filters.
 */
#include "row.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>

#include "../expect.h"

/* --- dlclose ---------------------------------------------------------------------------------- */

/* A small library of libc's own that nothing else here needs. */
#define WATCHED_LIBRARY "libBrokenLocale.so.1"

static void *
watched_loaded(void)
{
    return dlopen(WATCHED_LIBRARY, RTLD_LAZY | RTLD_NOLOAD);
}

ROW_CASE(dlclose)
{
    void *first = dlopen(WATCHED_LIBRARY, RTLD_NOW);
    void *second = dlopen(WATCHED_LIBRARY, RTLD_NOW);
    void *program = dlopen(NULL, RTLD_LAZY);

    EXPECT(first != NULL && first == second);
    EXPECT_RETURNS(function(first), 0);
    EXPECT_EQ(function(watched_loaded()), 0);
    EXPECT_RETURNS(function(second), 0);
    EXPECT(watched_loaded() == NULL);
    EXPECT(dlerror() == NULL);

    /* More often than it was opened, once for the start included. */
    EXPECT_RETURNS(function(program), 0);
    while (function(program) == 0)
        continue;
    EXPECT_EQ(function(program), -1);
    EXPECT(strstr(dlerror(), "shared object not open") != NULL);
    EXPECT(dlerror() == NULL);
}

/* --- prctl ------------------------------------------------------------------------------------ */

static int
watched_exit_strictly(row_type_prctl function)
{
    pid_t child = fork();

    if (child == 0) {
        if (function(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0)
            syscall(SYS_exit, 23);
        syscall(SYS_exit, 24);
    }
    return expect_wait_status(child);
}

/* The kernel allows no open in strict mode, and kills. */
static int
watched_open_strictly(row_type_prctl function)
{
    pid_t child = fork();

    if (child == 0) {
        EXPECT_EQ(function(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0), 0);
        syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
        syscall(SYS_exit, 24);
    }
    return expect_wait_status(child);
}

ROW_CASE(prctl)
{
    char name[16] = "";
    int signal = -1;

    EXPECT_RETURNS(function(PR_SET_NAME, (unsigned long)(uintptr_t) "watched", 0, 0, 0), 0);
    EXPECT_RETURNS(function(PR_GET_NAME, (unsigned long)(uintptr_t)name, 0, 0, 0), 0);
    EXPECT(strcmp(name, "watched") == 0);
    EXPECT_RETURNS(function(PR_SET_PDEATHSIG, SIGWINCH, 0, 0, 0), 0);
    EXPECT_RETURNS(function(PR_GET_PDEATHSIG, (unsigned long)(uintptr_t)&signal, 0, 0, 0), 0);
    EXPECT_EQ(signal, SIGWINCH);
    EXPECT_RETURNS(function(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);

    EXPECT_FAILS(function(-1, 0, 0, 0, 0), EINVAL);
    EXPECT_FAILS(function(PR_SET_PDEATHSIG, 4711, 0, 0, 0), EINVAL);
    EXPECT_FAILS(function(PR_GET_NAME, 1, 0, 0, 0), EFAULT);
    EXPECT_FAILS(function(PR_SET_SECCOMP, 4711, 0, 0, 0), EINVAL);
    EXPECT_FAILS(function(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0), EFAULT);

    /* All of the others must be 0: each arrives. */
    EXPECT_FAILS(function(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
    EXPECT_FAILS(function(PR_SET_NO_NEW_PRIVS, 1, 0, 1, 0), EINVAL);
    EXPECT_FAILS(function(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1), EINVAL);
    EXPECT_RETURNS(function(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    EXPECT_RETURNS(function(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    EXPECT_RETURNS(function(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);

    EXPECT_EQ(watched_exit_strictly(function), 23 << 8);
    EXPECT_EQ(watched_open_strictly(function) & 0x7f, SIGKILL);
}
