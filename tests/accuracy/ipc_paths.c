/*
 * Waits for messages and semaphores between processes, in every way (paths.h), and prints the truth
 * about it (truth.h).
 *
 *   ipc_paths ROUNDS HOLD_NS
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#include "paths.h"

#define MESSAGE_BYTES 64

/* --- System V messages ------------------------------------------------------------------------ */

static int messages;
static struct {
    long type;
    char text[MESSAGE_BYTES];
} message = {.type = 1};

static void
supply_message(void)
{
    PATH_NEED(msgsnd(messages, &message, sizeof message.text, IPC_NOWAIT) == 0, 0);
}

static void
drain_messages(void)
{
    while (msgrcv(messages, &message, sizeof message.text, 0, IPC_NOWAIT) >= 0) {
    }
    PATH_NEED(errno == ENOMSG, 0);
}

static void
fill_messages(void)
{
    while (msgsnd(messages, &message, sizeof message.text, IPC_NOWAIT) == 0) {
    }
    PATH_NEED(errno == EAGAIN, 0);
}

DEFINE_WAIT(wait_msgrcv, "ipc", msgrcv(messages, &message, sizeof message.text, 0, 0),
            sizeof message.text)
DEFINE_WAIT_AS(wait_msgsnd, "ipc", TRUTH_OTHER, NULL, (void)0,
               msgsnd(messages, &message, sizeof message.text, 0), 0, (void)0)

/* --- System V semaphores: one that is 0 ------------------------------------------------------- */

static int semaphores;
static struct sembuf take = {.sem_op = -1};

static void
give(void)
{
    PATH_NEED(semctl(semaphores, 0, SETVAL, 1) == 0, 0);
}

DEFINE_WAIT(wait_semop, "ipc", semop(semaphores, &take, 1), 0)
DEFINE_WAIT_AS(wait_semtimedop, "ipc", TRUTH_OTHER, NULL, struct timespec timeout = {.tv_sec = 10},
               semtimedop(semaphores, &take, 1, &timeout), 0, (void)0)
/* Short: a time-out looks like the refusal to wait at all. */
DEFINE_WAIT_AS(wait_semtimedop_in_vain, "ipc", TRUTH_OTHER, NULL,
               struct timespec timeout = {.tv_nsec = (long)path_hold_ns * 3 / 4},
               PATH_ERROR_OF(semtimedop(semaphores, &take, 1, &timeout)), EAGAIN, (void)0)

/* --- POSIX message queues: an empty one and a full one, of one message ------------------------ */

static mqd_t empty_queue;
static mqd_t full_queue;
static char text[MESSAGE_BYTES];

static void
supply_queue(void)
{
    PATH_NEED(mq_send(empty_queue, text, 1, 0) == 0, 0);
}

static void
drain_queue(void)
{
    PATH_NEED(mq_receive(full_queue, text, sizeof text, NULL) == 1, 0);
}

DEFINE_WAIT(wait_mq_receive, "ipc", mq_receive(empty_queue, text, sizeof text, NULL), 1)
DEFINE_WAIT(wait_mq_send, "ipc", mq_send(full_queue, text, 1, 0), 0)
DEFINE_WAIT_AS(wait_mq_timedreceive, "ipc", TRUTH_OTHER, NULL,
               struct timespec until = path_deadline(CLOCK_REALTIME, 10000000000u),
               mq_timedreceive(empty_queue, text, sizeof text, NULL, &until), 1, (void)0)
DEFINE_WAIT_AS(wait_mq_timedsend, "ipc", TRUTH_OTHER, NULL,
               struct timespec until = path_deadline(CLOCK_REALTIME, 10000000000u),
               mq_timedsend(full_queue, text, 1, 0, &until), 0, (void)0)
DEFINE_TIMEOUT(wait_mq_timedreceive_in_vain, "ipc", TRUTH_OTHER, NULL, CLOCK_REALTIME,
               PATH_ERROR_OF(mq_timedreceive(empty_queue, text, sizeof text, NULL, &until)),
               ETIMEDOUT)
DEFINE_TIMEOUT(wait_mq_timedsend_in_vain, "ipc", TRUTH_OTHER, NULL, CLOCK_REALTIME,
               PATH_ERROR_OF(mq_timedsend(full_queue, text, 1, 0, &until)), ETIMEDOUT)

static const struct path paths[] = {
    {wait_msgrcv, drain_messages, supply_message, PATH_RELEASED},
    {wait_msgsnd, fill_messages, drain_messages, PATH_RELEASED},
    {wait_semop, path_do_nothing, give, PATH_RELEASED},
    {wait_semtimedop, path_do_nothing, give, PATH_RELEASED},
    {wait_semtimedop_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_mq_receive, path_do_nothing, supply_queue, PATH_RELEASED},
    {wait_mq_send, path_do_nothing, drain_queue, PATH_RELEASED},
    {wait_mq_timedreceive, path_do_nothing, supply_queue, PATH_RELEASED},
    {wait_mq_timedsend, path_do_nothing, drain_queue, PATH_RELEASED},
    {wait_mq_timedreceive_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
    {wait_mq_timedsend_in_vain, path_do_nothing, path_do_nothing, PATH_ALONE},
};

/* Gone from the name space at once. */
static mqd_t
open_queue(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = MESSAGE_BYTES};
    char name[64];
    mqd_t queue;

    snprintf(name, sizeof name, "/waitprof-ipc_paths-%d", (int)getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    PATH_NEED(queue != (mqd_t)-1 && mq_unlink(name) == 0, 0);
    return queue;
}

/* What System V has made stays until it is removed, whoever ends. */
static void
remove_all(void)
{
    msgctl(messages, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
}

int
main(int argc, char **argv)
{
    messages = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    PATH_NEED(messages >= 0 && semaphores >= 0 && atexit(remove_all) == 0, 0);
    empty_queue = open_queue();
    full_queue = open_queue();
    PATH_NEED(mq_send(full_queue, text, 1, 0) == 0, 0);
    return paths_run(paths, sizeof paths / sizeof paths[0], argc, argv);
}
