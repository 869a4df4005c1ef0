/*
 * Messages and semaphores of System V. Errors that another user's objects or a full kernel give
 * (EACCES, ENOMEM) are left out: the cases may run as root.
 */
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "../expect.h"
#include "row.h"

struct ipc_message {
    long type;
    char text[64];
};

static int ipc_queue = -1;
static int ipc_set = -1;

static void
ipc_remove(void)
{
    if (ipc_queue >= 0)
        msgctl(ipc_queue, IPC_RMID, NULL);
    if (ipc_set >= 0)
        semctl(ipc_set, 0, IPC_RMID);
}

static void
ipc_open_queue(void)
{
    ipc_queue = msgget(IPC_PRIVATE, 0600);
    if (ipc_queue < 0)
        row_skip("rows: no message queues of System V here (%s)", strerror(errno));
    atexit(ipc_remove);
}

/* By the system call: the wrapped functions are the ones under test. */
static void
ipc_put(long type, const char *text)
{
    struct ipc_message message = {.type = type};

    snprintf(message.text, sizeof(message.text), "%s", text);
    EXPECT_EQ(syscall(SYS_msgsnd, ipc_queue, &message, strlen(text) + 1, IPC_NOWAIT), 0);
}

static bool
ipc_get(void)
{
    struct ipc_message message;

    return syscall(SYS_msgrcv, ipc_queue, &message, sizeof(message.text), 0,
                   IPC_NOWAIT | MSG_NOERROR) >= 0;
}

static void
ipc_remove_queue(void *unused)
{
    (void)unused;
    EXPECT_EQ(msgctl(ipc_queue, IPC_RMID, NULL), 0);
    ipc_queue = -1;
}

/*
 * The waits of a call: `call` waits and its release lets it succeed; System V calls are never
 * restarted; `remove` takes the object away meanwhile.
 */
static void
ipc_check_waits(const struct row_call *call, long expected, bool cancels, void (*restore)(void),
                void (*remove_object)(void *object))
{
    struct row_call removed = {call->call, call->object, remove_object};
    struct row_outcome outcome = row_release(call);

    EXPECT_EQ(outcome.result, expected);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    restore();
    for (int restart = 0; restart <= 1; restart++) {
        outcome = row_interrupt(call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, -1);
        EXPECT_EQ(outcome.error, EINTR);
        EXPECT_EQ(outcome.handled, 1);
    }
    outcome = row_cancel(call);
    EXPECT_EQ(outcome.cancelled, cancels);
    restore();
    outcome = row_release(&removed);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EIDRM);
}

/* --- msgrcv ---------------------------------------------------------------------------------- */

static row_type_msgrcv ipc_msgrcv;

static long
ipc_receive(void *unused)
{
    struct ipc_message message;

    (void)unused;
    return ipc_msgrcv(ipc_queue, &message, sizeof(message.text), 5, 0);
}

static void
ipc_put_five(void *unused)
{
    (void)unused;
    ipc_put(5, "five");
}

static void
ipc_nothing_to_restore(void)
{
}

static void
ipc_check_choice(row_type_msgrcv function)
{
    struct ipc_message message;

    ipc_put(3, "three");
    ipc_put(1, "one");
    ipc_put(2, "two");
    EXPECT_RETURNS(function(ipc_queue, &message, 64, 2, 0), 4);
    EXPECT_EQ(message.type, 2);
    EXPECT(strcmp(message.text, "two") == 0);
    EXPECT_RETURNS(function(ipc_queue, &message, 64, -2, 0), 4);
    EXPECT_EQ(message.type, 1);
    EXPECT_FAILS(function(ipc_queue, &message, 64, 3, MSG_EXCEPT | IPC_NOWAIT), ENOMSG);
    EXPECT_FAILS(function(ipc_queue, &message, 3, 0, 0), E2BIG);
    EXPECT_RETURNS(function(ipc_queue, &message, 3, 0, MSG_NOERROR), 3);
    EXPECT(memcmp(message.text, "thr", 3) == 0);
}

ROW_CASE(msgrcv)
{
    struct row_call call = {ipc_receive, NULL, ipc_put_five};
    struct ipc_message message;

    ipc_msgrcv = function;
    ipc_open_queue();
    EXPECT_FAILS(function(ipc_queue, &message, 64, 0, IPC_NOWAIT), ENOMSG);
    ipc_put(1, "at once");
    EXPECT_RETURNS(function(ipc_queue, &message, 64, 0, IPC_NOWAIT), 8);
    row_expect_no_sample();
    ipc_check_choice(function);
    EXPECT_FAILS(function(ipc_queue, &message, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
    EXPECT_FAILS(function(-1, &message, 64, 0, 0), EINVAL);
    ipc_put(1, "fault");
    EXPECT_FAILS(function(ipc_queue, (void *)8, 64, 0, 0), EFAULT);
    ipc_put(5, "cancelled");
    EXPECT(row_cancel_before(&call).cancelled);
    EXPECT(ipc_get());
    ipc_check_waits(&call, 5, true, ipc_nothing_to_restore, ipc_remove_queue);
}

/* --- msgsnd ---------------------------------------------------------------------------------- */

static row_type_msgsnd ipc_msgsnd;

static long
ipc_send(void *unused)
{
    struct ipc_message message = {.type = 1};

    (void)unused;
    return ipc_msgsnd(ipc_queue, &message, sizeof(message.text), 0);
}

static void
ipc_drain(void *unused)
{
    (void)unused;
    while (ipc_get())
        continue;
}

static void
ipc_fill(void)
{
    struct ipc_message message = {.type = 1};

    while (syscall(SYS_msgsnd, ipc_queue, &message, sizeof(message.text), IPC_NOWAIT) == 0)
        continue;
    EXPECT_EQ(errno, EAGAIN);
}

ROW_CASE(msgsnd)
{
    struct row_call call = {ipc_send, NULL, ipc_drain};
    struct ipc_message message = {.type = 1};

    ipc_msgsnd = function;
    ipc_open_queue();
    EXPECT_RETURNS(function(ipc_queue, &message, 64, IPC_NOWAIT), 0);
    ipc_fill();
    EXPECT_FAILS(function(ipc_queue, &message, 64, IPC_NOWAIT), EAGAIN);
    row_expect_no_sample();
    ipc_drain(NULL);
    EXPECT_RETURNS(function(ipc_queue, &message, 0, 0), 0);
    EXPECT_FAILS(function(ipc_queue, &message, (size_t)-1, 0), EINVAL);
    EXPECT_FAILS(function(ipc_queue, &message, (size_t)1 << 30, 0), EINVAL);
    EXPECT_FAILS(function(-1, &message, 64, 0), EINVAL);
    EXPECT_FAILS(function(ipc_queue, (void *)8, 64, 0), EFAULT);
    message.type = 0;
    EXPECT_FAILS(function(ipc_queue, &message, 64, 0), EINVAL);
    EXPECT(row_cancel_before(&call).cancelled);
    ipc_fill();
    ipc_check_waits(&call, 0, true, ipc_fill, ipc_remove_queue);
}

/* --- semop and semtimedop -------------------------------------------------------------------- */

static row_type_semop ipc_semop;
static row_type_semtimedop ipc_semtimedop;

static void
ipc_open_set(void)
{
    ipc_set = semget(IPC_PRIVATE, 2, 0600);
    if (ipc_set < 0)
        row_skip("rows: no semaphores of System V here (%s)", strerror(errno));
    atexit(ipc_remove);
}

static void
ipc_post(void *unused)
{
    struct sembuf up = {0, 1, 0};

    (void)unused;
    EXPECT_EQ(syscall(SYS_semop, ipc_set, &up, 1), 0);
}

static void
ipc_remove_set(void *unused)
{
    (void)unused;
    EXPECT_EQ(semctl(ipc_set, 0, IPC_RMID), 0);
    ipc_set = -1;
}

static long
ipc_take(void *unused)
{
    struct sembuf down = {0, -1, 0};

    (void)unused;
    return ipc_semop(ipc_set, &down, 1);
}

static int
ipc_semtimedop_forever(int set, struct sembuf *operations, size_t count)
{
    return ipc_semtimedop(set, operations, count, NULL);
}

static void
ipc_check_semaphores(row_type_semop function)
{
    struct row_call call = {ipc_take, NULL, ipc_post};
    struct sembuf both[2] = {{0, 2, 0}, {1, 3, SEM_UNDO}};
    struct sembuf one = {0, -3, IPC_NOWAIT};
    struct sembuf many[2000];

    ipc_semop = function;
    EXPECT_RETURNS(function(ipc_set, both, 2), 0);
    EXPECT_EQ(semctl(ipc_set, 0, GETVAL), 2);
    EXPECT_EQ(semctl(ipc_set, 1, GETVAL), 3);
    EXPECT_EQ(semctl(ipc_set, 1, GETPID), getpid());
    EXPECT_FAILS(function(ipc_set, &one, 1), EAGAIN);
    one = (struct sembuf){0, 32767, 0};
    EXPECT_FAILS(function(ipc_set, &one, 1), ERANGE);
    one = (struct sembuf){2, 1, 0};
    EXPECT_FAILS(function(ipc_set, &one, 1), EFBIG);
    one = (struct sembuf){0, -2, 0};
    EXPECT_FAILS(function(ipc_set, &one, 0), EINVAL);
    EXPECT_FAILS(function(-1, &one, 1), EINVAL);
    EXPECT_FAILS(function(ipc_set, many, 2000), E2BIG);
    EXPECT_FAILS(function(ipc_set, (void *)8, 1), EFAULT);
    EXPECT_RETURNS(function(ipc_set, &one, 1), 0);
    ipc_post(NULL);
    /* No cancellation point. */
    EXPECT(!row_cancel_before(&call).cancelled);
    ipc_check_waits(&call, 0, false, ipc_nothing_to_restore, ipc_remove_set);
}

ROW_CASE(semop)
{
    ipc_open_set();
    ipc_check_semaphores(function);
}

ROW_CASE(semtimedop)
{
    static const struct timespec soon = {0, 3000000};
    static const struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}};
    struct sembuf down = {0, -1, 0};

    ipc_semtimedop = function;
    ipc_open_set();
    EXPECT_FAILS(function(ipc_set, &down, 1, &soon), EAGAIN);
    row_waited();
    for (int i = 0; i < 3; i++)
        EXPECT_FAILS(function(ipc_set, &down, 1, &bad[i]), EINVAL);
    EXPECT_FAILS(function(ipc_set, &down, 1, (struct timespec *)8), EFAULT);
    ipc_check_semaphores(ipc_semtimedop_forever);
}
