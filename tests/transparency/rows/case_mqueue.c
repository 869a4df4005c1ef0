/*
 * Message queues of POSIX.
 */
#include <mqueue.h>
#include <signal.h>

#include "../expect.h"
#include "row.h"

#define MQUEUE_BYTES 16

static mqd_t mqueue;

/* The queue has no name any more and ends with the process. */
static mqd_t
mqueue_open_one(int flags)
{
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = MQUEUE_BYTES};
    char name[64];
    mqd_t queue;

    snprintf(name, sizeof(name), "/waitprof-rows-%d", (int)getpid());
    queue = mq_open(name, O_CREAT | O_EXCL | flags, 0600, &attributes);
    if (queue == (mqd_t)-1)
        row_skip("rows: no message queues of POSIX here (%s)", strerror(errno));
    EXPECT_EQ(mq_unlink(name), 0);
    return queue;
}

/* By the system call: the wrapped functions are the ones under test. */
static bool
mqueue_put(const char *text, unsigned priority)
{
    static const struct timespec past = {1, 0};

    return syscall(SYS_mq_timedsend, mqueue, text, strlen(text) + 1, priority, &past) == 0;
}

static bool
mqueue_get(void)
{
    static const struct timespec past = {1, 0};
    char text[MQUEUE_BYTES];

    return syscall(SYS_mq_timedreceive, mqueue, text, sizeof(text), NULL, &past) >= 0;
}

static void
mqueue_refuse_to_block(bool refuse)
{
    struct mq_attr attributes = {.mq_flags = refuse ? O_NONBLOCK : 0};

    EXPECT_EQ(mq_setattr(mqueue, &attributes, NULL), 0);
}

static void
mqueue_fill(void *unused)
{
    (void)unused;
    while (mqueue_put("fill", 0))
        continue;
}

static void
mqueue_drain(void *unused)
{
    (void)unused;
    while (mqueue_get())
        continue;
}

/* `restore` makes the call wait again. */
static void
mqueue_check_waits(const struct row_call *call, long expected, void (*restore)(void *unused))
{
    struct row_outcome outcome;

    restore(NULL);
    outcome = row_release(call);
    EXPECT_EQ(outcome.result, expected);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    restore(NULL);
    outcome = row_interrupt(call, SA_RESTART);
    EXPECT_EQ(outcome.result, expected);
    EXPECT_EQ(outcome.handled, 1);
    restore(NULL);
    outcome = row_interrupt(call, 0);
    EXPECT_EQ(outcome.result, -1);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT(row_cancel(call).cancelled);
    EXPECT(row_cancel_before(call).cancelled);
}

/* --- sending --------------------------------------------------------------------------------- */

static row_type_mq_send mqueue_send;
static row_type_mq_timedsend mqueue_timedsend;

static long
mqueue_send_one(void *unused)
{
    (void)unused;
    return mqueue_send(mqueue, "one", 4, 1);
}

static void
mqueue_check_send(row_type_mq_send function)
{
    struct row_call call = {mqueue_send_one, NULL, mqueue_drain};
    char text[MQUEUE_BYTES + 1] = "";
    unsigned priority = 99;

    mqueue_send = function;
    mqueue = mqueue_open_one(O_RDWR);
    EXPECT_RETURNS(function(mqueue, "high", 5, 7), 0);
    EXPECT_EQ(syscall(SYS_mq_timedreceive, mqueue, text, MQUEUE_BYTES, &priority, NULL), 5);
    EXPECT(strcmp(text, "high") == 0);
    EXPECT_EQ(priority, 7);
    EXPECT_FAILS(function(mqueue, text, sizeof(text), 0), EMSGSIZE);
    EXPECT_FAILS(function(mqueue, text, 1, 32768), EINVAL);
    EXPECT_FAILS(function(mqueue, (char *)8, 1, 0), EFAULT);
    EXPECT_FAILS(function(-1, text, 1, 0), EBADF);
    EXPECT_FAILS(function(STDIN_FILENO, text, 1, 0), EBADF);
    mqueue_fill(NULL);
    mqueue_refuse_to_block(true);
    EXPECT_FAILS(function(mqueue, text, 1, 0), EAGAIN);
    mqueue_refuse_to_block(false);
    mqueue_check_waits(&call, 0, mqueue_fill);
}

ROW_CASE(mq_send)
{
    mqueue_check_send(function);
}

static int
mqueue_timedsend_forever(mqd_t queue, const char *message, size_t size, unsigned priority)
{
    return mqueue_timedsend(queue, message, size, priority, NULL);
}

/* A deadline that is far away: EINTR and restarts are as without one. */
static int
mqueue_timedsend_in_time(mqd_t queue, const char *message, size_t size, unsigned priority)
{
    struct timespec far = expect_deadline(CLOCK_REALTIME, 60000);

    return mqueue_timedsend(queue, message, size, priority, &far);
}

ROW_CASE(mq_timedsend)
{
    static const struct timespec bad = {1, 1000000000};
    struct timespec soon;

    mqueue_timedsend = function;
    mqueue_check_send(mqueue_timedsend_forever);
    mqueue_check_send(mqueue_timedsend_in_time);
    mqueue_fill(NULL);
    soon = expect_deadline(CLOCK_REALTIME, 5);
    EXPECT_FAILS(function(mqueue, "", 1, 0, &soon), ETIMEDOUT);
    EXPECT_FAILS(function(mqueue, "", 1, 0, &bad), EINVAL);
    EXPECT_FAILS(function(mqueue, "", 1, 0, (struct timespec *)8), EFAULT);
    mqueue_drain(NULL);
    soon = expect_deadline(CLOCK_REALTIME, -5);
    EXPECT_RETURNS(function(mqueue, "", 1, 0, &soon), 0);
}

/* --- receiving ------------------------------------------------------------------------------- */

static row_type_mq_receive mqueue_receive;
static row_type_mq_timedreceive mqueue_timedreceive;

static long
mqueue_receive_one(void *unused)
{
    char text[MQUEUE_BYTES];

    (void)unused;
    return mqueue_receive(mqueue, text, sizeof(text), NULL);
}

static void
mqueue_put_one(void *unused)
{
    (void)unused;
    EXPECT(mqueue_put("one", 0));
}

static void
mqueue_check_receive(row_type_mq_receive function)
{
    struct row_call call = {mqueue_receive_one, NULL, mqueue_put_one};
    char text[MQUEUE_BYTES] = "";
    unsigned priority = 99;

    mqueue_receive = function;
    mqueue = mqueue_open_one(O_RDWR);
    EXPECT(mqueue_put("low", 1) && mqueue_put("high", 7));
    EXPECT_RETURNS(function(mqueue, text, sizeof(text), &priority), 5);
    EXPECT(strcmp(text, "high") == 0);
    EXPECT_EQ(priority, 7);
    EXPECT_RETURNS(function(mqueue, text, sizeof(text), NULL), 4);
    EXPECT(strcmp(text, "low") == 0);
    EXPECT_FAILS(function(mqueue, text, sizeof(text) - 1, NULL), EMSGSIZE);
    EXPECT_FAILS(function(-1, text, sizeof(text), NULL), EBADF);
    EXPECT_FAILS(function(STDIN_FILENO, text, sizeof(text), NULL), EBADF);
    mqueue_put_one(NULL);
    EXPECT_FAILS(function(mqueue, (char *)8, sizeof(text), NULL), EFAULT);
    mqueue_drain(NULL);
    mqueue_refuse_to_block(true);
    EXPECT_FAILS(function(mqueue, text, sizeof(text), &priority), EAGAIN);
    EXPECT_EQ(priority, 7);
    mqueue_refuse_to_block(false);
    mqueue_check_waits(&call, 4, mqueue_drain);
}

ROW_CASE(mq_receive)
{
    mqueue_check_receive(function);
}

static ssize_t
mqueue_timedreceive_forever(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    return mqueue_timedreceive(queue, message, size, priority, NULL);
}

static ssize_t
mqueue_timedreceive_in_time(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    struct timespec far = expect_deadline(CLOCK_REALTIME, 60000);

    return mqueue_timedreceive(queue, message, size, priority, &far);
}

ROW_CASE(mq_timedreceive)
{
    static const struct timespec bad = {1, 1000000000};
    char text[MQUEUE_BYTES];
    struct timespec soon;

    mqueue_timedreceive = function;
    mqueue_check_receive(mqueue_timedreceive_forever);
    mqueue_check_receive(mqueue_timedreceive_in_time);
    soon = expect_deadline(CLOCK_REALTIME, 5);
    EXPECT_FAILS(function(mqueue, text, sizeof(text), NULL, &soon), ETIMEDOUT);
    EXPECT_FAILS(function(mqueue, text, sizeof(text), NULL, &bad), EINVAL);
    EXPECT_FAILS(function(mqueue, text, sizeof(text), NULL, (struct timespec *)8), EFAULT);
    mqueue_put_one(NULL);
    soon = expect_deadline(CLOCK_REALTIME, -5);
    EXPECT_RETURNS(function(mqueue, text, sizeof(text), NULL, &soon), 4);
}
