/*
 * Messages and semaphores between processes.
 */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "timed.h"

int mq_send(mqd_t queue, const char *message, size_t size, unsigned priority);
int mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
                 const struct timespec *deadline);
ssize_t mq_receive(mqd_t queue, char *message, size_t size, unsigned *priority);
ssize_t mq_timedreceive(mqd_t queue, char *message, size_t size, unsigned *priority,
                        const struct timespec *deadline);

WP_EXPORT ssize_t
msgrcv(int queue, void *message, size_t size, long type, int flags)
{
    if ((flags & IPC_NOWAIT) != 0)
        return wp_real.msgrcv(queue, message, size, type, flags);
    WP_TIMED_INPUT(ipc, msgrcv, (queue, message, size, type, flags));
}

WP_EXPORT int
msgsnd(int queue, const void *message, size_t size, int flags)
{
    if ((flags & IPC_NOWAIT) != 0)
        return wp_real.msgsnd(queue, message, size, flags);
    WP_TIMED_INPUT(ipc, msgsnd, (queue, message, size, flags));
}

WP_EXPORT int
semop(int set, struct sembuf *operations, size_t count)
{
    WP_TIMED_INPUT(ipc, semop, (set, operations, count));
}

WP_EXPORT int
semtimedop(int set, struct sembuf *operations, size_t count, const struct timespec *timeout)
{
    if (!wp_wrapper_block_on(WP_FAMILY_ipc))
        return wp_real.semtimedop(set, operations, count, timeout);

    wp_clock_mark start = wp_clock_now();
    int result = wp_real.semtimedop(set, operations, count, timeout);

    if (!wp_clock_waited(start))
        return result;
    /* EAGAIN: the time is up, or an operation was told not to wait. How long it took says which. */
    if (result < 0 && errno == EAGAIN && timeout != NULL && timeout->tv_sec == 0 &&
        timeout->tv_nsec > 0)
        wp_timed_record(start, (uint64_t)timeout->tv_nsec, WP_FUNCTION_semtimedop,
                        WP_UNWIND_FRAME());
    else
        wp_timed_record_io(start, WP_TIMED_READY_NS, result, WP_FUNCTION_semtimedop,
                           WP_UNWIND_FRAME());
    return result;
}

WP_EXPORT int
mq_send(mqd_t queue, const char *message, size_t size, unsigned priority)
{
    WP_TIMED_INPUT(ipc, mq_send, (queue, message, size, priority));
}

WP_EXPORT int
mq_timedsend(mqd_t queue, const char *message, size_t size, unsigned priority,
             const struct timespec *deadline)
{
    WP_TIMED_INPUT(ipc, mq_timedsend, (queue, message, size, priority, deadline));
}

WP_EXPORT ssize_t
mq_receive(mqd_t queue, char *message, size_t size, unsigned *priority)
{
    WP_TIMED_INPUT(ipc, mq_receive, (queue, message, size, priority));
}

WP_EXPORT ssize_t
mq_timedreceive(mqd_t queue, char *message, size_t size, unsigned *priority,
                const struct timespec *deadline)
{
    WP_TIMED_INPUT(ipc, mq_timedreceive, (queue, message, size, priority, deadline));
}
