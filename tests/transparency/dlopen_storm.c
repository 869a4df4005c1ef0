/* Eight threads lock and wait, in the program and in a plugin, while others load and unload the
 * plugin; and a plugin's constructor, under the loader's lock, waits for a thread that is being
 * sampled: whoever needs that lock to record would hang here. */
#include "expect.h"

#include <sched.h>

#define LOCKERS 6
#define LOADERS 2
#define DURATION_MS 2500
#define CONSTRUCTOR_ROUNDS 20

typedef int plugin_lock_function(pthread_mutex_t *mutex, long *sum);
typedef ssize_t plugin_read_function(int fd, void *buffer, size_t size);

void plugin_constructor_hook(void);

static const char *plugin_path;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stopping;
static long sum;
static atomic_long expected_sum;

static void *
lock_here(void *unused)
{
    while (!stopping) {
        EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
        sum++;
        for (volatile int i = 0; i < 2000; i++)
            continue;
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        expected_sum++;
    }
    return unused;
}

/* Each pass loads the plugin (perhaps at a new address), locks and reads in it, and lets go. */
static void *
load_lock_unload(void *unused)
{
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    while (!stopping) {
        void *plugin = dlopen(plugin_path, RTLD_NOW);
        char byte = 'p';

        EXPECT(plugin != NULL);
        plugin_lock_function *lock = (plugin_lock_function *)dlsym(plugin, "plugin_lock");
        plugin_read_function *read_one = (plugin_read_function *)dlsym(plugin, "plugin_read");
        EXPECT(lock != NULL && read_one != NULL);
        for (int i = 0; i < 20; i++) {
            EXPECT_RETURNS(lock(&mutex, &sum), 0);
            expected_sum++;
        }
        EXPECT_EQ(write(fds[1], &byte, 1), 1);
        EXPECT_RETURNS(read_one(fds[0], &byte, 1), 1);
        EXPECT_EQ(dlclose(plugin), 0);
        sched_yield();
    }
    return unused;
}

static void
locking_goes_on_while_plugins_come_and_go(void)
{
    pthread_t threads[LOCKERS + LOADERS];

    for (int i = 0; i < LOCKERS + LOADERS; i++)
        threads[i] = expect_thread(i < LOCKERS ? lock_here : load_lock_unload, NULL);
    expect_pause_ms(DURATION_MS);
    stopping = true;
    for (int i = 0; i < LOCKERS + LOADERS; i++)
        expect_join(threads[i]);
    EXPECT_EQ(sum, expected_sum);
    EXPECT(sum > 1000);
}

static bool constructor_waits;
static int hook_pipe[2];
static sem_t hook_done;

/* New return addresses in each round: a fresh thread, a wait that is sampled. */
static void *
wait_and_report(void *unused)
{
    char byte;

    EXPECT_RETURNS(read(hook_pipe[0], &byte, 1), 1);
    EXPECT_RETURNS(pthread_mutex_lock(&mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
    sem_post(&hook_done);
    return unused;
}

void
plugin_constructor_hook(void)
{
    if (!constructor_waits)
        return;
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    pthread_t thread = expect_thread(wait_and_report, NULL);
    expect_pause_ms(2);
    EXPECT_EQ(write(hook_pipe[1], "h", 1), 1);
    expect_pause_ms(2);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    while (sem_wait(&hook_done) != 0)
        continue;
    expect_join(thread);
}

static void
a_constructor_may_wait_for_a_sampled_thread(void)
{
    EXPECT_EQ(pipe(hook_pipe), 0);
    EXPECT_EQ(sem_init(&hook_done, 0, 0), 0);
    constructor_waits = true;
    for (int i = 0; i < CONSTRUCTOR_ROUNDS; i++) {
        void *plugin = dlopen(plugin_path, RTLD_NOW);

        EXPECT(plugin != NULL);
        EXPECT_EQ(dlclose(plugin), 0);
    }
}

int
main(int argument_count, char **arguments)
{
    EXPECT_EQ(argument_count, 2);
    plugin_path = arguments[1];
    a_constructor_may_wait_for_a_sampled_thread();
    constructor_waits = false;
    locking_goes_on_while_plugins_come_and_go();
    return 0;
}
