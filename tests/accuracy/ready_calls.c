/*
 * Calls that could wait and need not: what they are for is there. Each way has a function of its
 * own, whose name is the path, and makes its call again and again.
 *
 *   ready_calls CALLS
 *
 * Calls that take long make a hundredth of that. Prints for each path, by the program's own clock,
 *
 *   passed PATH CALLS SLOW SLOW_NS      calls whose arguments or object say that they cannot wait
 *   refused PATH CALLS SLOW SLOW_NS     calls whose error says that they did not wait
 *   ready PATH CALLS SLOW SLOW_NS       calls of which only their time tells
 *
 * SLOW of them took so long that they may have waited, SLOW_NS in all: the thread lost the
 * processor, or the kernel had that much to do. None did wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "accuracy/truth.h"

/* A little less than what takes a call for one that did not wait. */
#define SLOW_NS 1900u

#define NEED(holds)                                                                                \
    do {                                                                                           \
        if (!(holds))                                                                              \
            truth_fail(#holds, 0);                                                                 \
    } while (0)

static unsigned calls;

/* How long the calls of a path took. */
struct tally {
    uint64_t slow;
    uint64_t slow_ns;
};

static void
count(struct tally *tally, uint64_t start_ns)
{
    uint64_t duration_ns = truth_now_ns() - start_ns;

    if (duration_ns >= SLOW_NS) {
        tally->slow++;
        tally->slow_ns += duration_ns;
    }
}

static void
print_tally(const char *class, const char *path, unsigned made, const struct tally *tally)
{
    printf("%s %s %u %" PRIu64 " %" PRIu64 "\n", class, path, made, tally->slow, tally->slow_ns);
}

/* static void NAME(void): makes `call`, which has to be true, `times` times, between `before` and
 * `after`, which go past libc. */
#define DEFINE_CALLS(class, name, times, before, call, after)                                      \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        struct tally tally = {0};                                                                  \
                                                                                                   \
        for (unsigned i = 0; i < (times); i++) {                                                   \
            uint64_t start_ns;                                                                     \
                                                                                                   \
            before;                                                                                \
            start_ns = truth_now_ns();                                                             \
            int holds = (call);                                                                    \
                                                                                                   \
            count(&tally, start_ns);                                                               \
            if (!holds)                                                                            \
                truth_fail(#name, 0);                                                              \
            after;                                                                                 \
        }                                                                                          \
        print_tally(class, #name, (times), &tally);                                                \
    }

/* `call` fails with `error`. */
#define REFUSED(call, error) ((call) == -1 && errno == (error))

#define DEFINE_PASSED(name, call, after) DEFINE_CALLS("passed", name, calls, (void)0, call, after)
#define DEFINE_REFUSED(name, call, error)                                                          \
    DEFINE_CALLS("refused", name, calls, (void)0, REFUSED(call, error), (void)0)
#define DEFINE_READY(name, call, after) DEFINE_CALLS("ready", name, calls, (void)0, call, after)
#define DEFINE_LONG_READY(name, before, call, after)                                               \
    DEFINE_CALLS("ready", name, calls / 100, before, call, after)

/* --- Objects, all of them ready --------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static mtx_t mtx;
static sem_t semaphore;
static uint32_t word;
static struct timespec later; /* on CLOCK_MONOTONIC */
static struct timespec now_or_never;
static int filled[2];  /* a pipe with something in it */
static int empty[2];   /* one with nothing in it, which does not block */
static int sockets[2]; /* unix sockets */
static int tcp[2];     /* sockets of loopback */
static int events;
static int idle_listener; /* which does not block */
static int epoll_of_filled;
static int epoll_of_empty;
static int file;
static int opened;
static int sink; /* /dev/null */
static int messages;
static int semaphores;
static mqd_t queue;
static FILE *source_stream; /* of endless lines */
static FILE *sink_stream;
static sigset_t usr1;
static char bytes[64];
static struct iovec vector = {.iov_base = bytes, .iov_len = 1};
static struct {
    long type;
    char text[8];
} message = {.type = 1};
static struct sembuf give_and_take[] = {{.sem_op = 1}, {.sem_op = -1}};
static struct epoll_event found;

static void
put(int fd)
{
    NEED(syscall(SYS_write, fd, "x", 1) == 1);
}

static void
take(int fd)
{
    NEED(syscall(SYS_read, fd, bytes, 1) == 1);
}

static void
drain_events(void)
{
    eventfd_t value;

    NEED(syscall(SYS_read, events, &value, sizeof value) == sizeof value);
}

static struct pollfd *
polled(int fd)
{
    static struct pollfd one;

    one = (struct pollfd){.fd = fd, .events = POLLIN};
    return &one;
}

static fd_set *
selected(int fd)
{
    static fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return &set;
}

static int
lock_file(int command, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(file, command, &lock);
}

static void
initialize(void)
{
}

/* --- What says by itself that it cannot wait -------------------------------------------------- */

DEFINE_PASSED(pass_mutex, pthread_mutex_lock(&mutex) == 0, pthread_mutex_unlock(&mutex))
DEFINE_PASSED(pass_mutex_clocklock, pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &later) == 0,
              pthread_mutex_unlock(&mutex))
DEFINE_PASSED(pass_rdlock, pthread_rwlock_rdlock(&rwlock) == 0, pthread_rwlock_unlock(&rwlock))
DEFINE_PASSED(pass_wrlock, pthread_rwlock_wrlock(&rwlock) == 0, pthread_rwlock_unlock(&rwlock))
DEFINE_PASSED(pass_spin, pthread_spin_lock(&spin) == 0, pthread_spin_unlock(&spin))
DEFINE_PASSED(pass_mtx, mtx_lock(&mtx) == thrd_success, mtx_unlock(&mtx))
DEFINE_PASSED(pass_cond_signal, pthread_cond_signal(&cond) == 0, pthread_cond_broadcast(&cond))
DEFINE_PASSED(pass_once, pthread_once(&once, initialize) == 0, (void)0)
DEFINE_PASSED(pass_sem_wait, sem_wait(&semaphore) == 0, sem_post(&semaphore))
DEFINE_PASSED(pass_sem_clockwait, sem_clockwait(&semaphore, CLOCK_MONOTONIC, &later) == 0,
              sem_post(&semaphore))
DEFINE_PASSED(pass_futex_wake, syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0,
              (void)0)
DEFINE_PASSED(pass_poll, poll(polled(filled[0]), 1, 0) == 1, (void)0)
DEFINE_PASSED(pass_poll_empty, poll(polled(empty[0]), 1, 0) == 0, (void)0)
DEFINE_PASSED(pass_ppoll, ppoll(polled(empty[0]), 1, &now_or_never, NULL) == 0, (void)0)
DEFINE_PASSED(pass_select,
              select(empty[0] + 1, selected(empty[0]), NULL, NULL, &(struct timeval){0}) == 0,
              (void)0)
DEFINE_PASSED(pass_epoll_wait, epoll_wait(epoll_of_filled, &found, 1, 0) == 1, (void)0)
DEFINE_PASSED(pass_epoll_wait_empty, epoll_wait(epoll_of_empty, &found, 1, 0) == 0, (void)0)
DEFINE_PASSED(pass_epoll_pwait2, epoll_pwait2(epoll_of_empty, &found, 1, &now_or_never, NULL) == 0,
              (void)0)
DEFINE_PASSED(pass_recv, recv(sockets[0], bytes, 1, MSG_DONTWAIT) == 1, put(sockets[1]))
DEFINE_PASSED(pass_send, send(sockets[1], bytes, 1, MSG_DONTWAIT) == 1, take(sockets[0]))
DEFINE_PASSED(pass_sigtimedwait, REFUSED(sigtimedwait(&usr1, NULL, &now_or_never), EAGAIN), (void)0)
DEFINE_PASSED(pass_waitpid, REFUSED(waitpid(getpid(), NULL, WNOHANG), ECHILD), (void)0)
DEFINE_PASSED(pass_flock, flock(file, LOCK_EX | LOCK_NB) == 0, flock(file, LOCK_UN))
DEFINE_PASSED(pass_setlk, lock_file(F_SETLK, F_WRLCK) == 0, lock_file(F_SETLK, F_UNLCK))
DEFINE_PASSED(pass_getfl, fcntl(file, F_GETFL) >= 0, (void)0)
DEFINE_PASSED(pass_msgrcv, REFUSED(msgrcv(messages, &message, 8, 0, IPC_NOWAIT), ENOMSG), (void)0)
DEFINE_PASSED(pass_fread, fread(bytes, 1, 8, source_stream) == 8, (void)0)
DEFINE_PASSED(pass_fwrite, fwrite(bytes, 1, 8, sink_stream) == 8, (void)0)

/* --- What says so by its result: it was refused ----------------------------------------------- */

DEFINE_REFUSED(refuse_read, read(empty[0], bytes, 1), EAGAIN)
DEFINE_REFUSED(refuse_accept, accept(idle_listener, NULL, NULL), EAGAIN)
DEFINE_REFUSED(refuse_futex_wait, syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN)

/* --- What only its time tells ----------------------------------------------------------------- */

DEFINE_READY(ready_read, read(filled[0], bytes, 1) == 1, put(filled[1]))
DEFINE_READY(ready_readv, readv(filled[0], &vector, 1) == 1, put(filled[1]))
DEFINE_READY(ready_pread, pread(file, bytes, 8, 0) == 8, (void)0)
DEFINE_READY(ready_write, write(filled[1], bytes, 1) == 1, take(filled[0]))
DEFINE_READY(ready_pwrite, pwrite(file, bytes, 8, 0) == 8, (void)0)
DEFINE_READY(ready_write_sink, write(sink, bytes, 8) == 8, (void)0)
DEFINE_READY(ready_eventfd, eventfd_write(events, 1) == 0, drain_events())
DEFINE_READY(ready_recv, recv(sockets[0], bytes, 1, 0) == 1, put(sockets[1]))
DEFINE_READY(ready_send, send(sockets[1], bytes, 1, 0) == 1, take(sockets[0]))
DEFINE_READY(ready_send_tcp, send(tcp[1], bytes, 1, 0) == 1, take(tcp[0]))
DEFINE_CALLS("ready", ready_recv_tcp, calls, put(tcp[1]), recv(tcp[0], bytes, 1, 0) == 1, (void)0)
DEFINE_READY(ready_poll, poll(polled(filled[0]), 1, -1) == 1, (void)0)
DEFINE_READY(ready_select, select(filled[0] + 1, selected(filled[0]), NULL, NULL, NULL) == 1,
             (void)0)
DEFINE_READY(ready_epoll_wait, epoll_wait(epoll_of_filled, &found, 1, -1) == 1, (void)0)
DEFINE_READY(ready_sendfile, sendfile(sink, file, &(off_t){0}, 8) == 8, (void)0)
DEFINE_READY(ready_flock, flock(file, LOCK_EX) == 0, flock(file, LOCK_UN))
DEFINE_READY(ready_setlkw, lock_file(F_SETLKW, F_WRLCK) == 0, lock_file(F_SETLK, F_UNLCK))
DEFINE_READY(ready_semop, semop(semaphores, give_and_take, 2) == 0, (void)0)
DEFINE_READY(ready_msgsnd, msgsnd(messages, &message, 8, 0) == 0,
             NEED(syscall(SYS_msgrcv, messages, &message, 8, 0, 0) == 8))
DEFINE_READY(ready_mq_send, mq_send(queue, bytes, 1, 0) == 0,
             NEED(syscall(SYS_mq_timedreceive, queue, bytes, sizeof bytes, NULL, NULL) == 1))
DEFINE_READY(ready_barrier, pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD,
             (void)0)
DEFINE_READY(ready_ioctl, ioctl(filled[0], FIONREAD, &(int){0}) == 0, (void)0)
DEFINE_READY(ready_fgets, fgets(bytes, sizeof bytes, source_stream) == bytes, (void)0)
DEFINE_READY(ready_fputs, fputs("line\n", sink_stream) >= 0, (void)0)
DEFINE_READY(ready_fflush, fflush(sink_stream) == 0, (void)0)
DEFINE_READY(ready_open, (opened = open("/dev/null", O_RDONLY)) >= 0,
             NEED(syscall(SYS_close, opened) == 0))

/* --- The same, of calls that have more to do -------------------------------------------------- */

static struct sockaddr_in listener_address;
static int listener;
static int connected = -1;
static int accepted;
static pthread_t ended;
static pid_t zombie;

static void
connect_past_libc(void)
{
    connected = socket(AF_INET, SOCK_STREAM, 0);
    NEED(syscall(SYS_connect, connected, &listener_address, sizeof listener_address) == 0);
}

static void
close_past_libc(int fd)
{
    NEED(syscall(SYS_close, fd) == 0);
}

static void
close_both(int fd)
{
    close_past_libc(fd);
    close_past_libc(connected);
}

/* Its socket does not block. */
static int
connect_without_blocking(void)
{
    return connect(connected, (struct sockaddr *)&listener_address, sizeof listener_address) == 0 ||
           errno == EINPROGRESS;
}

static void *
end_at_once(void *tid)
{
    __atomic_store_n((pid_t *)tid, truth_thread_id(), __ATOMIC_SEQ_CST);
    return NULL;
}

/* When the kernel no longer knows a thread, it need not be waited for. */
static void
start_ended(void)
{
    pid_t tid = 0;

    NEED(pthread_create(&ended, NULL, end_at_once, &tid) == 0);
    while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST) == 0 ||
           syscall(SYS_tgkill, getpid(), tid, 0) == 0)
        truth_sleep_ns(20000);
}

static void
fork_zombie(void)
{
    siginfo_t info;

    zombie = fork();
    NEED(zombie >= 0);
    if (zombie == 0)
        _exit(0);
    NEED(syscall(SYS_waitid, P_PID, zombie, &info, WEXITED | WNOWAIT, NULL) == 0);
}

DEFINE_LONG_READY(ready_accept, connect_past_libc(), (accepted = accept(listener, NULL, NULL)) >= 0,
                  close_both(accepted))
DEFINE_LONG_READY(ready_connect, connected = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
                  connect_without_blocking(),
                  close_both((int)syscall(SYS_accept, listener, NULL, NULL)))
DEFINE_LONG_READY(ready_join, start_ended(), pthread_join(ended, NULL) == 0, (void)0)
DEFINE_LONG_READY(ready_waitpid, fork_zombie(), waitpid(zombie, NULL, 0) == zombie, (void)0)

/* --- Main ------------------------------------------------------------------------------------- */

static void (*const paths[])(void) = {
    pass_mutex,
    pass_mutex_clocklock,
    pass_rdlock,
    pass_wrlock,
    pass_spin,
    pass_mtx,
    pass_cond_signal,
    pass_once,
    pass_sem_wait,
    pass_sem_clockwait,
    pass_futex_wake,
    pass_poll,
    pass_poll_empty,
    pass_ppoll,
    pass_select,
    pass_epoll_wait,
    pass_epoll_wait_empty,
    pass_epoll_pwait2,
    pass_recv,
    pass_send,
    pass_sigtimedwait,
    pass_waitpid,
    pass_flock,
    pass_setlk,
    pass_getfl,
    pass_msgrcv,
    pass_fread,
    pass_fwrite,
    refuse_read,
    refuse_accept,
    refuse_futex_wait,
    ready_read,
    ready_readv,
    ready_pread,
    ready_write,
    ready_pwrite,
    ready_write_sink,
    ready_eventfd,
    ready_recv,
    ready_send,
    ready_send_tcp,
    ready_recv_tcp,
    ready_poll,
    ready_select,
    ready_epoll_wait,
    ready_sendfile,
    ready_flock,
    ready_setlkw,
    ready_semop,
    ready_msgsnd,
    ready_mq_send,
    ready_barrier,
    ready_ioctl,
    ready_fgets,
    ready_fputs,
    ready_fflush,
    ready_open,
    ready_accept,
    ready_connect,
    ready_join,
    ready_waitpid,
};

static int
open_temporary(void)
{
    char name[] = "/tmp/ready_calls.XXXXXX";
    int fd = mkstemp(name);

    NEED(fd >= 0 && unlink(name) == 0);
    return fd;
}

static void
open_descriptors(void)
{
    file = open_temporary();
    sink = open("/dev/null", O_WRONLY);
    events = eventfd(0, 0);
    NEED(sink >= 0 && events >= 0 && write(file, bytes, sizeof bytes) == sizeof bytes);
    NEED(pipe(filled) == 0 && pipe2(empty, O_NONBLOCK) == 0);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    put(filled[1]);
    put(sockets[1]);
}

static int
make_epoll(int fd)
{
    int epoll = epoll_create1(0);

    NEED(epoll >= 0);
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN}) == 0);
    return epoll;
}

static void
make_tcp(void)
{
    socklen_t size = sizeof listener_address;

    listener_address.sin_family = AF_INET;
    listener_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    NEED(listener >= 0 && bind(listener, (struct sockaddr *)&listener_address, size) == 0);
    NEED(getsockname(listener, (struct sockaddr *)&listener_address, &size) == 0);
    NEED(listen(listener, 8) == 0);
    connect_past_libc();
    tcp[0] = connected;
    tcp[1] = accept(listener, NULL, NULL);
    NEED(tcp[1] >= 0);
}

static void
make_ipc(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = sizeof bytes};
    char name[64];

    snprintf(name, sizeof name, "/waitprof-ready_calls-%d", (int)getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    NEED(queue != (mqd_t)-1 && mq_unlink(name) == 0);
    messages = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    NEED(messages >= 0 && semaphores >= 0);
}

static void
remove_ipc(void)
{
    msgctl(messages, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
}

/* Their buffers hold all that will be read and written; the first byte has filled the one. */
static void
open_streams(void)
{
    const size_t buffer_bytes = 64 * (size_t)calls;

    source_stream = fdopen(open_temporary(), "w+");
    sink_stream = fopen("/dev/null", "w");
    NEED(source_stream != NULL && sink_stream != NULL);
    for (unsigned i = 0; i < 4 * calls; i++)
        NEED(fputs("a line\n", source_stream) >= 0);
    rewind(source_stream);
    NEED(setvbuf(source_stream, malloc(buffer_bytes), _IOFBF, buffer_bytes) == 0);
    NEED(setvbuf(sink_stream, malloc(buffer_bytes), _IOFBF, buffer_bytes) == 0);
    NEED(getc(source_stream) == 'a');
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: ready_calls CALLS\n");
        return 2;
    }
    calls = (unsigned)strtoul(argv[1], NULL, 10);
    clock_gettime(CLOCK_MONOTONIC, &later);
    later.tv_sec += 3600;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    NEED(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
    NEED(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    NEED(pthread_barrier_init(&barrier, NULL, 1) == 0);
    NEED(mtx_init(&mtx, mtx_plain) == thrd_success && sem_init(&semaphore, 0, 1) == 0);
    NEED(pthread_once(&once, initialize) == 0);
    open_descriptors();
    epoll_of_filled = make_epoll(filled[0]);
    epoll_of_empty = make_epoll(empty[0]);
    make_tcp();
    idle_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    NEED(bind(idle_listener, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)) == 0);
    NEED(listen(idle_listener, 1) == 0);
    make_ipc();
    NEED(atexit(remove_ipc) == 0);
    open_streams();
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++)
        paths[i]();
    return 0;
}
