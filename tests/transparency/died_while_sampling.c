/* A child dies by SIGKILL, abort or a fault while four threads are being sampled: its region is
 * whole, and its totals are right to the last wait that the child had finished. */
#include "exercise.h"
#include "expect.h"
#include "expect_region.h"

#include <signal.h>

/* What the child says about itself, in memory that outlives it. */
struct account {
    atomic_long waits_done; /* condition waits that have returned */
};

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;

static void *
contend(void *unused)
{
    for (;;) {
        EXPECT_EQ(pthread_mutex_lock(&contended), 0);
        exercise_hold_briefly();
        EXPECT_EQ(pthread_mutex_unlock(&contended), 0);
    }
    return unused;
}

static void
wait_and_account(struct account *account)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 1);
    EXPECT_EQ(pthread_cond_timedwait(&cond, &mutex, &deadline), ETIMEDOUT);
    account->waits_done++;
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static struct account *
map_account(int fd)
{
    void *memory = mmap(NULL, sizeof(struct account), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    EXPECT(memory != MAP_FAILED);
    return memory;
}

__attribute__((noreturn)) static void
be_the_child(const char *way, int account_fd)
{
    struct account *account = map_account(account_fd);
    volatile int *volatile nowhere = NULL;

    for (int i = 0; i < 3; i++)
        expect_thread(contend, NULL);
    for (int i = 0; i < 100; i++)
        wait_and_account(account);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "fault") == 0)
        *nowhere = 1;
    for (;;)
        wait_and_account(account);
}

static void
expect_exported(pid_t child)
{
    const char *command = getenv("WAITPROF_TEST_COMMAND");
    char line[512];
    char *text;
    bool found = false;

    if (command == NULL || command[0] == '\0')
        return;
    /* The command itself is not to be profiled. */
    EXPECT(asprintf(&text, "LD_PRELOAD= '%s' export %d --profile block --format text", command,
                    (int)child) > 0);
    FILE *output = popen(text, "r");
    EXPECT(output != NULL);
    while (fgets(line, sizeof(line), output) != NULL)
        found |= strstr(line, "pthread_cond_timedwait") != NULL;
    EXPECT_EQ(pclose(output), 0);
    EXPECT(found);
    free(text);
}

struct waits {
    const struct wp_region_header *region;
    uint64_t fixed;
};

/* A call that timed out is two events: the wait, and the way back to the mutex. */
static void
add_wait(const struct wp_region_stack *stack, const char *function, void *context)
{
    struct waits *waits = context;

    if (stack->profile == WP_PROFILE_BLOCK && strcmp(function, "pthread_cond_timedwait") == 0 &&
        strcmp(expect_kind(waits->region, stack), "cond") == 0)
        waits->fixed += stack->contentions_fixed;
}

static void
the_region_tells_all(pid_t child, const struct account *account)
{
    struct wp_region_header *region = expect_region_of(child);
    long done = account->waits_done;

    EXPECT(region != NULL);
    struct waits waits = {.region = region};
    expect_each_stack(region, add_wait, &waits);
    uint64_t recorded = waits.fixed / WP_REGION_COUNT_ONE;
    if (recorded < (uint64_t)done || recorded > (uint64_t)done + 1)
        expect_fail(__FILE__, __LINE__, "%llu waits recorded, %ld done",
                    (unsigned long long)recorded, done);
    EXPECT(expect_counter(region, WP_COUNTER_waits) >= recorded);
    EXPECT(expect_contentions(region, WP_PROFILE_BLOCK, "pthread_mutex_lock") > 0);
    EXPECT(expect_contentions(region, WP_PROFILE_MUTEX, "pthread_mutex_unlock") > 0);
    expect_exported(child);
}

static void
a_child_dies(const char *way, int signal_number)
{
    char fd_text[16];
    int fd = (int)syscall(SYS_memfd_create, "account", 0);

    EXPECT(fd >= 0 && ftruncate(fd, 4096) == 0);
    struct account *account = map_account(fd);
    snprintf(fd_text, sizeof(fd_text), "%d", fd);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "died_while_sampling", way, fd_text, (char *)NULL);
        _exit(127);
    }
    if (signal_number == SIGKILL) {
        while (account->waits_done < 150)
            expect_pause_ms(1);
        EXPECT_EQ(kill(child, SIGKILL), 0);
    }
    EXPECT_EQ(expect_wait_status(child) & ~WCOREFLAG, signal_number);
    EXPECT(account->waits_done >= 100);
    if (expect_is_preloaded())
        the_region_tells_all(child, account);
    close(fd);
}

int
main(int argument_count, char **arguments)
{
    if (argument_count == 3)
        be_the_child(arguments[1], (int)strtol(arguments[2], NULL, 10));
    a_child_dies("kill", SIGKILL);
    a_child_dies("abort", SIGABRT);
    a_child_dies("fault", SIGSEGV);
    return 0;
}
