/* Threads on the smallest stack there is, signal handlers on the smallest alternate stack, and the
 * stack that the wrappers add, measured: at most 1 KiB. Linked with -z now: the dynamic linker's
 * lazy binding would need more than we do. */
#include "expect.h"

#include <limits.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define ALLOWANCE_BYTES 1024
#define PAINT 0xa5
#define STACK_BYTES (64 * 1024)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int fds[2];
static atomic_int tid;

/* The functions under measure: as libc has them, or as the program's calls are bound. */
struct functions {
    int (*lock)(pthread_mutex_t *);
    int (*unlock)(pthread_mutex_t *);
    int (*write_lock)(pthread_rwlock_t *);
    int (*rwlock_unlock)(pthread_rwlock_t *);
    int (*timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    ssize_t (*read)(int, void *, size_t);
};

static const struct functions bound = {pthread_mutex_lock,     pthread_mutex_unlock,
                                       pthread_rwlock_wrlock,  pthread_rwlock_unlock,
                                       pthread_cond_timedwait, read};
static struct functions of_libc;

#if defined(__x86_64__)
#define COND_VERSION "GLIBC_2.3.2"
#else
#define COND_VERSION "GLIBC_2.17"
#endif

static void
find_functions_of_libc(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

    *(void **)&of_libc.lock = dlsym(libc, "pthread_mutex_lock");
    *(void **)&of_libc.unlock = dlsym(libc, "pthread_mutex_unlock");
    *(void **)&of_libc.write_lock = dlsym(libc, "pthread_rwlock_wrlock");
    *(void **)&of_libc.rwlock_unlock = dlsym(libc, "pthread_rwlock_unlock");
    *(void **)&of_libc.timedwait = dlvsym(libc, "pthread_cond_timedwait", COND_VERSION);
    *(void **)&of_libc.read = dlsym(libc, "read");
    EXPECT(of_libc.timedwait != NULL && of_libc.read != NULL && of_libc.lock != NULL);
}

static void *
wait_in_every_way(void *argument)
{
    const struct functions *use = argument;
    struct timespec past = {1, 0};
    char byte;

    tid = expect_tid();
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(use->lock(&mutex), 0);
        EXPECT_EQ(use->timedwait(&cond, &mutex, &past), ETIMEDOUT);
        EXPECT_EQ(use->unlock(&mutex), 0);
        EXPECT_EQ(use->write_lock(&rwlock), 0);
        EXPECT_EQ(use->rwlock_unlock(&rwlock), 0);
        EXPECT_EQ(use->read(fds[0], &byte, 1), 1);
    }
    return NULL;
}

/* Makes the thread wait in each of its three rounds: for the mutex, the rwlock, and a byte. */
static void
make_it_wait(void)
{
    for (int i = 0; i < 3; i++) {
        expect_pause_ms(1);
        pthread_mutex_unlock(&mutex);
        expect_pause_ms(1);
        pthread_mutex_lock(&mutex);
        pthread_rwlock_unlock(&rwlock);
        expect_pause_ms(1);
        pthread_rwlock_wrlock(&rwlock);
        EXPECT_EQ(write(fds[1], "x", 1), 1);
    }
}

static void
run_on_stack(void *stack, size_t bytes, const struct functions *use)
{
    pthread_attr_t attributes;
    pthread_t thread;

    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    if (stack != NULL)
        EXPECT_EQ(pthread_attr_setstack(&attributes, stack, bytes), 0);
    else
        EXPECT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
    pthread_mutex_lock(&mutex);
    pthread_rwlock_wrlock(&rwlock);
    EXPECT_EQ(pthread_create(&thread, &attributes, wait_in_every_way, (void *)use), 0);
    make_it_wait();
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_unlock(&rwlock);
    expect_join(thread);
    EXPECT_EQ(pthread_attr_destroy(&attributes), 0);
}

/* Bytes of a painted stack that a thread left untouched, from its low end. */
static size_t
untouched_bytes(const struct functions *use)
{
    unsigned char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    size_t untouched = 0;

    EXPECT(stack != MAP_FAILED);
    memset(stack, PAINT, STACK_BYTES);
    run_on_stack(stack, STACK_BYTES, use);
    while (untouched < STACK_BYTES && stack[untouched] == PAINT)
        untouched++;
    munmap(stack, STACK_BYTES);
    return untouched;
}

static void
the_wrappers_add_at_most_one_kibibyte(void)
{
    size_t direct = untouched_bytes(&of_libc);
    size_t wrapped = untouched_bytes(&bound);
    long added = (long)direct - (long)wrapped;

    printf("stack used: %zu bytes by libc's functions, %ld more as bound\n", STACK_BYTES - direct,
           added);
    EXPECT(added <= ALLOWANCE_BYTES);
}

static atomic_int handled;

static void
wait_in_the_handler(int number)
{
    char byte;

    (void)number;
    EXPECT_EQ(read(fds[0], &byte, 1), 1);
    handled++;
}

static void *
handle_on_alternate_stack(void *argument)
{
    stack_t alternate = {.ss_sp = argument, .ss_size = (size_t)getauxval(AT_MINSIGSTKSZ)};

    /* The kernel's frame, what the handler and read need bare, and our allowance. */
    alternate.ss_size += MINSIGSTKSZ;
    EXPECT_EQ(sigaltstack(&alternate, NULL), 0);
    for (int i = 0; i < 5; i++) {
        tid = expect_tid();
        EXPECT_EQ(raise(SIGUSR1), 0);
        tid = 0;
    }
    return NULL;
}

static void
handlers_run_on_a_minimal_alternate_stack(void)
{
    struct sigaction action = {.sa_handler = wait_in_the_handler, .sa_flags = SA_ONSTACK};
    size_t bytes = (size_t)getauxval(AT_MINSIGSTKSZ) + MINSIGSTKSZ;
    size_t page = 4096;
    size_t mapped = (bytes + page - 1) / page * page;
    char *guarded = mmap(NULL, page + mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(guarded != MAP_FAILED);
    EXPECT_EQ(mprotect(guarded + page, mapped, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    tid = 0;
    pthread_t thread = expect_thread(handle_on_alternate_stack, guarded + page);
    for (int i = 0; i < 5; i++) {
        while (handled < i || tid == 0)
            expect_pause_ms(1);
        expect_pause_ms(1);
        EXPECT_EQ(write(fds[1], "x", 1), 1);
    }
    expect_join(thread);
    EXPECT_EQ(handled, 5);
}

int
main(void)
{
    find_functions_of_libc();
    EXPECT_EQ(pipe(fds), 0);
    for (int i = 0; i < 20; i++)
        run_on_stack(NULL, (size_t)sysconf(_SC_THREAD_STACK_MIN), &bound);
    the_wrappers_add_at_most_one_kibibyte();
    handlers_run_on_a_minimal_alternate_stack();
    return 0;
}
