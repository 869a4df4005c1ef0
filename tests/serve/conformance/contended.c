/*
 * A program with contention that is asked for: what our server shows in the comparisons with Go's.
 *
 *   contended [LIBRARY]...
 *
 * Prints "ready", then obeys each line of its standard input and prints "done":
 *
 *   burst     contends for a lock, and waits for a condition, in threads
 *   fork      the same in a child
 *   load      loads each library, contends in its function, and unloads it
 *
 * and ends with its input. Nothing contends between two commands.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define WAITERS 2
#define HELD_NS 2000000L

typedef void wait_function(pthread_mutex_t *lock);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t is_held;
static wait_function *wait_in_library; /* NULL: wait here */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    int answer; /* 0: none yet */
} question = {.lock = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER};

static void
must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "contended: %s failed\n", what);
    abort();
}

static void
work_for_a_while(void)
{
    struct timespec held = {.tv_nsec = HELD_NS};

    nanosleep(&held, NULL);
}

__attribute__((noinline)) static void
hold_the_lock(void)
{
    pthread_mutex_lock(&lock);
    sem_post(&is_held);
    work_for_a_while();
    pthread_mutex_unlock(&lock);
}

__attribute__((noinline)) static void
wait_for_the_lock(void)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

__attribute__((noinline)) static void
wait_for_the_answer(void)
{
    pthread_mutex_lock(&question.lock);
    while (question.answer == 0)
        pthread_cond_wait(&question.arrived, &question.lock);
    question.answer = 0;
    pthread_mutex_unlock(&question.lock);
}

static void *
run_holder(void *unused)
{
    (void)unused;
    hold_the_lock();
    return NULL;
}

static void *
run_waiter(void *unused)
{
    (void)unused;
    if (wait_in_library != NULL)
        wait_in_library(&lock);
    else
        wait_for_the_lock();
    return NULL;
}

static void *
run_answerer(void *unused)
{
    (void)unused;
    work_for_a_while();
    pthread_mutex_lock(&question.lock);
    question.answer = 1;
    pthread_cond_signal(&question.arrived);
    pthread_mutex_unlock(&question.lock);
    return NULL;
}

static void
contend(void)
{
    pthread_t threads[2 + WAITERS];

    for (int round = 0; round < ROUNDS; round++) {
        must(pthread_create(&threads[0], NULL, run_holder, NULL) == 0, "pthread_create");
        while (sem_wait(&is_held) != 0)
            ;
        for (int i = 0; i < WAITERS; i++)
            must(pthread_create(&threads[2 + i], NULL, run_waiter, NULL) == 0, "pthread_create");
        must(pthread_create(&threads[1], NULL, run_answerer, NULL) == 0, "pthread_create");
        wait_for_the_answer();
        for (int i = 0; i < 2 + WAITERS; i++)
            must(pthread_join(threads[i], NULL) == 0, "pthread_join");
    }
}

static void
contend_in_child(void)
{
    int status;
    pid_t child = fork();

    must(child >= 0, "fork");
    if (child == 0) {
        contend();
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "the child");
}

static void
contend_in_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);

    must(library != NULL, path);
    wait_in_library = (wait_function *)dlsym(library, "wait_in_the_library");
    must(wait_in_library != NULL, "dlsym");
    contend();
    wait_in_library = NULL;
    must(dlclose(library) == 0, "dlclose");
}

int
main(int argc, char **argv)
{
    char command[32];

    must(sem_init(&is_held, 0, 0) == 0, "sem_init");
    contend();
    puts("ready");
    fflush(stdout);
    while (fgets(command, sizeof command, stdin) != NULL) {
        if (strcmp(command, "burst\n") == 0)
            contend();
        else if (strcmp(command, "fork\n") == 0)
            contend_in_child();
        else if (strcmp(command, "load\n") == 0)
            for (int i = 1; i < argc; i++)
                contend_in_library(argv[i]);
        else
            must(0, command);
        puts("done");
        fflush(stdout);
    }
    return 0;
}
