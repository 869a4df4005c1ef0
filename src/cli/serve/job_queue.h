/*
 * Work that may take a while, done by a few threads of low priority. Requests for the same thing
 * that wait at the same time are one job: its data is read after all of them arrived.
 */
#ifndef WP_CLI_SERVE_JOB_QUEUE_H
#define WP_CLI_SERVE_JOB_QUEUE_H

#include <stddef.h>

#include "profile/error.h"

struct wp_job_queue;
struct wp_request;
struct wp_server;

/* Answers every request of the list, or hands it on. */
typedef void wp_job_run(struct wp_server *server, struct wp_request *requests);

/* Starts the threads, at the nice level of the options. 0 or a negative errno. */
int wp_job_queue_start(struct wp_server *server, size_t threads, struct wp_job_queue **queue,
                       struct wp_error *error);

/*
 * Takes a request whose connection is suspended. Requests with equal keys (and the same `run`) that
 * have not begun yet are worked on together, and never by two threads at once; key NULL: alone. Out
 * of memory it is answered at once.
 */
void wp_job_queue_submit(struct wp_job_queue *queue, const char *key, wp_job_run *run,
                         struct wp_request *request);

/* Ends the threads when they are through with what they have begun; what waits, and what comes
 * later, is answered with 503. */
void wp_job_queue_stop(struct wp_job_queue *queue);
void wp_job_queue_free(struct wp_job_queue *queue); /* stopped; NULL is fine */

#endif
