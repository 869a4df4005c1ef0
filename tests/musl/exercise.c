/*
 * What an ordinary program does with a C library, in the standard's words alone: no header of this
 * project, nothing of glibc's. Prints what it found; the tests compare that, and the exit status,
 * with and without the preload.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 20000
#define FILTER_MODE                                                                                \
    2 /* SECCOMP_MODE_FILTER: the headers of the kernel are not among those of musl */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t sem;
static long counted, counted_by_spin, initialized;
static int turn;

/* One line for each result: the call, what it returned, errno if it failed. */
#define SHOW(call) show(#call, (long)(call))

static void
show(const char *call, long result)
{
    int error = errno;

    printf("%s = %ld%s%s\n", call, result, result < 0 ? " " : "",
           result < 0 ? strerror(error) : "");
    errno = 0;
}

/* What dlerror() says; a static program has none of it. */
static void
show_error(const char *when)
{
    const char *error = dlerror();

    printf("dlerror %s: %s\n", when, error != NULL ? error : "none");
}

static void
initialize(void)
{
    initialized++;
}

static void *
count(void *unused)
{
    (void)unused;
    pthread_once(&once, initialize);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        counted++;
        pthread_mutex_unlock(&mutex);
        pthread_spin_lock(&spin);
        counted_by_spin++;
        pthread_spin_unlock(&spin);
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

static void *
play(void *argument)
{
    int me = argument != NULL;

    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != me)
            pthread_cond_wait(&cond, &mutex);
        turn = !me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *
wait_forever(void *unused)
{
    pthread_mutex_lock(&mutex);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    return unused;
}

static void
unlock(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&mutex);
}

static void *
wait_until_cancelled(void *unused)
{
    pthread_cleanup_push(unlock, NULL);
    wait_forever(unused);
    pthread_cleanup_pop(0);
    return NULL;
}

static int
standard_thread(void *argument)
{
    return *(int *)argument + 1;
}

static struct timespec
soon(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    at.tv_nsec += 2000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

static void
use_locks(void)
{
    struct timespec at;
    pthread_mutexattr_t kind;
    pthread_mutex_t checked;

    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &kind);
    SHOW(pthread_mutex_unlock(&checked));
    SHOW(pthread_mutex_lock(&checked));
    SHOW(pthread_mutex_lock(&checked));
    SHOW(pthread_mutex_trylock(&checked));
    at = soon(CLOCK_REALTIME);
    SHOW(pthread_mutex_timedlock(&mutex, &at));
    SHOW(pthread_mutex_timedlock(&mutex, &at));
    SHOW(pthread_cond_timedwait(&cond, &mutex, &at));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(pthread_rwlock_wrlock(&rwlock));
    SHOW(pthread_rwlock_tryrdlock(&rwlock));
    SHOW(pthread_rwlock_unlock(&rwlock));
    SHOW(sem_trywait(&sem));
    at = soon(CLOCK_REALTIME);
    SHOW(sem_timedwait(&sem, &at));
    SHOW(sem_post(&sem));
    SHOW(sem_wait(&sem));
}

static void
use_threads(void)
{
    pthread_t threads[THREADS];
    void *result = NULL;
    thrd_t standard;
    mtx_t standard_mutex;
    int number = 41;

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < THREADS; i++)
        SHOW(pthread_join(threads[i], NULL));
    printf("counted %ld %ld %ld\n", counted, counted_by_spin, initialized);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, play, i == 0 ? NULL : &turn);
    for (int i = 0; i < 2; i++)
        SHOW(pthread_join(threads[i], NULL));
    pthread_create(&threads[0], NULL, wait_until_cancelled, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    SHOW(pthread_cancel(threads[0]));
    pthread_join(threads[0], &result);
    SHOW(result == PTHREAD_CANCELED);
    SHOW(pthread_mutex_trylock(&mutex));
    SHOW(pthread_mutex_unlock(&mutex));
    SHOW(mtx_init(&standard_mutex, mtx_plain));
    SHOW(mtx_lock(&standard_mutex));
    SHOW(mtx_unlock(&standard_mutex));
    SHOW(thrd_create(&standard, standard_thread, &number));
    SHOW(thrd_join(standard, &number));
    printf("number %d\n", number);
}

static void
use_descriptors(void)
{
    char text[32] = "";
    int ends[2], pair[2];
    struct iovec parts[2] = {{text, 2}, {text + 2, 3}};
    struct pollfd one = {.events = POLLIN};
    struct timeval none = {0};
    fd_set set;
    int available = -1;

    SHOW(pipe(ends));
    one.fd = ends[0];
    SHOW(poll(&one, 1, 0));
    SHOW(poll(&one, 1, 2));
    SHOW(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    SHOW(read(ends[0], text, 1));
    SHOW(write(ends[1], "hello", 5));
    SHOW(ioctl(ends[0], FIONREAD, &available));
    SHOW(available);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    SHOW(select(ends[0] + 1, &set, NULL, NULL, &none));
    SHOW(readv(ends[0], parts, 2));
    puts(text);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    SHOW(send(pair[0], "bye", 3, 0));
    SHOW(recv(pair[1], text, sizeof(text), 0));
    SHOW(recv(pair[1], text, sizeof(text), MSG_DONTWAIT));
    SHOW(read(-1, text, 1));
    SHOW(close(ends[1]));
    SHOW(read(ends[0], text, 1));
}

static void
use_files(void)
{
    char line[64];
    char path[] = "/tmp/waitprof-musl-XXXXXX";
    int fd = mkstemp(path);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    FILE *stream = fdopen(fd, "r+");
    FILE *child;

    SHOW(stream != NULL);
    SHOW(fprintf(stream, "line %d\nand %s\n", 1, "another"));
    SHOW(fflush(stream));
    SHOW(fsync(fd));
    SHOW(fcntl(fd, F_SETLK, &lock));
    SHOW(fcntl(fd, F_GETFD));
    rewind(stream);
    while (fgets(line, sizeof(line), stream) != NULL)
        fputs(line, stdout);
    rewind(stream);
    SHOW(fread(line, 1, 4, stream));
    SHOW(fclose(stream));
    fd = open(path, O_RDWR | O_APPEND);
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(pread(fd, line, 4, 0));
    SHOW(lockf(fd, F_TEST, 0));
    SHOW(close(fd));
    SHOW(unlink(path));
    SHOW(open(path, O_RDONLY));
    SHOW(open("/proc/nowhere", O_RDWR | O_CREAT, 0600) < 0);
    child = popen("echo from a child", "r");
    SHOW(fgets(line, sizeof(line), child) != NULL);
    fputs(line, stdout);
    SHOW(pclose(child));
    SHOW(system("exit 3"));
    syslog(LOG_DEBUG, "%s", "nobody need read this");
}

static void
use_processes(void)
{
    sigset_t set;
    int number = 0, status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        pthread_mutex_lock(&mutex);
        _exit(pthread_mutex_unlock(&mutex) + 5);
    }
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WEXITSTATUS(status));
    child = vfork();
    if (child == 0)
        _exit(6);
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WEXITSTATUS(status));
    SHOW(wait(&status));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SHOW(sigprocmask(SIG_BLOCK, &set, NULL));
    SHOW(raise(SIGUSR1));
    SHOW(sigwait(&set, &number));
    SHOW(number);
    SHOW(syscall(SYS_getpid) == getpid());
    SHOW(syscall(SYS_close, -1));
    SHOW(usleep(1000));
    SHOW(prctl(PR_SET_SECCOMP, FILTER_MODE, NULL));
    SHOW(prctl(PR_GET_DUMPABLE));
}

/* Is the library in this process? */
static int
has_library(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "libwaitprof.so") != NULL)
            return 1;
    }
    return 0;
}

/* With an argument: says whether the library is there, nothing else. */
int
main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return has_library();
    show_error("at the start");
    pthread_barrier_init(&barrier, NULL, THREADS);
    pthread_spin_init(&spin, 0);
    sem_init(&sem, 0, 0);
    use_locks();
    use_threads();
    use_descriptors();
    use_files();
    use_processes();
    return 42;
}
