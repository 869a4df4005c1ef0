#include "cli/serve/job_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/serve/cpu_budget.h"
#include "cli/serve/request.h"
#include "profile/clock.h"

/* Scrapers give up after 10 s or more, and want their answer before. */
#define LONGEST_WAIT_NS UINT64_C(5000000000)

struct job {
    struct job *next;
    char *key;             /* NULL: none shares it */
    uint64_t submitted_ns; /* CLOCK_MONOTONIC */
    wp_job_run *run;
    struct wp_request *requests;
};

struct wp_job_queue {
    struct wp_server *server;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    bool stops;
    struct job *waiting, **end; /* oldest first */
    struct job *running;
    struct wp_cpu_budget budget;
    pthread_t *threads;
    size_t thread_count;
};

static bool
is_same(const struct job *job, const char *key, wp_job_run *run)
{
    return key != NULL && job->key != NULL && job->run == run && strcmp(job->key, key) == 0;
}

static bool
runs_already(const struct wp_job_queue *queue, const struct job *wanted)
{
    for (const struct job *job = queue->running; job != NULL; job = job->next) {
        if (is_same(job, wanted->key, wanted->run))
            return true;
    }
    return false;
}

/* The link to the oldest job that may run beside those that do; NULL: there is none. */
static struct job **
find_job(struct wp_job_queue *queue)
{
    for (struct job **link = &queue->waiting; *link != NULL; link = &(*link)->next) {
        if (!runs_already(queue, *link))
            return link;
    }
    return NULL;
}

/* Moves a job to those that run. */
static struct job *
take_job(struct wp_job_queue *queue, struct job **link)
{
    struct job *job = *link;

    *link = job->next;
    if (queue->end == &job->next)
        queue->end = link;
    job->next = queue->running;
    queue->running = job;
    return job;
}

/* How long the budget makes a job wait; requests for the same thing may join it meanwhile. */
static uint64_t
budget_wait_ns(struct wp_job_queue *queue, const struct job *job)
{
    uint64_t now_ns = wp_clock_ns(CLOCK_MONOTONIC);
    uint64_t waited_ns = now_ns - job->submitted_ns;
    uint64_t wait_ns;
    struct wp_cpu_use use;

    if (wp_cpu_budget_wants_look(&queue->budget, now_ns) && wp_cpu_use_look(&use))
        wp_cpu_budget_note(&queue->budget, &use);
    wait_ns = wp_cpu_budget_wait_ns(&queue->budget, now_ns);
    if (waited_ns >= LONGEST_WAIT_NS)
        return 0;
    return wait_ns < LONGEST_WAIT_NS - waited_ns ? wait_ns : LONGEST_WAIT_NS - waited_ns;
}

/* Until there is something new, or the time is over (UINT64_MAX: never). */
static void
wait_for_work(struct wp_job_queue *queue, uint64_t wait_ns)
{
    uint64_t end_ns = wp_clock_ns(CLOCK_MONOTONIC) + wait_ns;
    const struct timespec end = {
        .tv_sec = (time_t)(end_ns / UINT64_C(1000000000)),
        .tv_nsec = (long)(end_ns % UINT64_C(1000000000)),
    };

    if (wait_ns == UINT64_MAX)
        pthread_cond_wait(&queue->has_work, &queue->lock);
    else
        pthread_cond_clockwait(&queue->has_work, &queue->lock, CLOCK_MONOTONIC, &end);
}

static void
free_job(struct job *job)
{
    free(job->key);
    free(job);
}

static void
finish_job(struct wp_job_queue *queue, struct job *job)
{
    struct job **link = &queue->running;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    free_job(job);
    /* One of the same key may have waited for this. */
    pthread_cond_broadcast(&queue->has_work);
}

/* Called with the lock, which it lets go meanwhile. */
static void
do_job(struct wp_job_queue *queue, struct job *job)
{
    uint64_t used_ns;

    pthread_mutex_unlock(&queue->lock);
    used_ns = wp_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    job->run(queue->server, job->requests);
    used_ns = wp_clock_ns(CLOCK_THREAD_CPUTIME_ID) - used_ns;
    pthread_mutex_lock(&queue->lock);
    wp_cpu_budget_charge(&queue->budget, used_ns);
    finish_job(queue, job);
}

static void *
work(void *argument)
{
    struct wp_job_queue *queue = argument;

    /* On Linux this is the priority of the thread. It matters little if it is refused. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), queue->server->options.nice);
    pthread_mutex_lock(&queue->lock);
    while (!queue->stops) {
        struct job **link = find_job(queue);
        uint64_t wait_ns = link == NULL ? UINT64_MAX : budget_wait_ns(queue, *link);

        if (wait_ns > 0)
            wait_for_work(queue, wait_ns);
        else
            do_job(queue, take_job(queue, link));
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

int
wp_job_queue_start(struct wp_server *server, size_t threads, struct wp_job_queue **queue,
                   struct wp_error *error)
{
    struct wp_job_queue *made = calloc(1, sizeof *made);
    int status = 0;

    if (made != NULL)
        made->threads = calloc(threads, sizeof *made->threads);
    if (made == NULL || made->threads == NULL) {
        free(made);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    made->server = server;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->has_work, NULL);
    made->end = &made->waiting;
    wp_cpu_budget_init(&made->budget, server->options.cpu_percent, wp_clock_ns(CLOCK_MONOTONIC));
    while (status == 0 && made->thread_count < threads) {
        status = pthread_create(&made->threads[made->thread_count], NULL, work, made);
        made->thread_count += status == 0;
    }
    if (status != 0) {
        wp_job_queue_stop(made);
        wp_job_queue_free(made);
        return wp_error_set(error, status, "cannot start a thread: %s", strerror(status));
    }
    *queue = made;
    return 0;
}

static struct job *
make_job(const char *key, wp_job_run *run)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL)
        return NULL;
    job->run = run;
    job->submitted_ns = wp_clock_ns(CLOCK_MONOTONIC);
    job->key = key != NULL ? strdup(key) : NULL;
    if (key == NULL || job->key != NULL)
        return job;
    free(job);
    return NULL;
}

/* Puts the request into a job; false if there is no memory for it or no time left. */
static bool
add_request(struct wp_job_queue *queue, const char *key, wp_job_run *run,
            struct wp_request *request)
{
    struct job *job = queue->waiting;

    if (queue->stops)
        return false;
    while (job != NULL && !is_same(job, key, run))
        job = job->next;
    if (job == NULL) {
        job = make_job(key, run);
        if (job == NULL)
            return false;
        *queue->end = job;
        queue->end = &job->next;
        pthread_cond_signal(&queue->has_work);
    }
    request->next = job->requests;
    job->requests = request;
    return true;
}

void
wp_job_queue_submit(struct wp_job_queue *queue, const char *key, wp_job_run *run,
                    struct wp_request *request)
{
    bool added;

    request->next = NULL;
    pthread_mutex_lock(&queue->lock);
    added = add_request(queue, key, run, request);
    pthread_mutex_unlock(&queue->lock);
    if (!added)
        wp_request_answer_all(request, wp_answer_busy(1, "the server has no room or ends"));
}

void
wp_job_queue_stop(struct wp_job_queue *queue)
{
    struct job *job;

    pthread_mutex_lock(&queue->lock);
    queue->stops = true;
    pthread_cond_broadcast(&queue->has_work);
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < queue->thread_count; i++)
        pthread_join(queue->threads[i], NULL);
    queue->thread_count = 0;
    while ((job = queue->waiting) != NULL) {
        queue->waiting = job->next;
        wp_request_answer_all(job->requests, wp_answer_busy(1, "the server ends"));
        free_job(job);
    }
    queue->end = &queue->waiting;
}

void
wp_job_queue_free(struct wp_job_queue *queue)
{
    if (queue == NULL)
        return;
    pthread_cond_destroy(&queue->has_work);
    pthread_mutex_destroy(&queue->lock);
    free(queue->threads);
    free(queue);
}
