/*
 * An HTTP answer: status, headers, body. Made once, given to every client that asked for the same;
 * counted references. Out of memory there is none (NULL), which every function here takes; the
 * client's connection is closed then.
 */
#ifndef WP_CLI_SERVE_ANSWER_H
#define WP_CLI_SERVE_ANSWER_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdio.h>

#define WP_ANSWER_HTML "text/html; charset=utf-8"
#define WP_ANSWER_TEXT "text/plain; charset=utf-8"
#define WP_ANSWER_BINARY "application/octet-stream"
#define WP_ANSWER_JSON "application/json"

struct wp_answer;

/* Takes `bytes`, which free() can free, whatever is returned. */
struct wp_answer *wp_answer_new(unsigned status, const char *content_type, void *bytes,
                                size_t length);

/* A line of text; the newline is added. */
struct wp_answer *wp_answer_line(unsigned status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, marked as net/http/pprof marks its errors (X-Go-Pprof): pprof prints the text then. */
struct wp_answer *wp_answer_refuse(unsigned status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A refusal that passes: 503 with Retry-After. */
struct wp_answer *wp_answer_busy(unsigned retry_seconds, const char *text);

/* A body written to a stream. */
struct wp_body {
    FILE *stream;
    char *bytes;
    size_t length;
};
int wp_body_open(struct wp_body *body);              /* 0 or -ENOMEM */
void wp_body_escape(const char *text, FILE *stream); /* as HTML, also within quotes */
struct wp_answer *wp_body_finish(struct wp_body *body, unsigned status, const char *content_type);

/* Before the answer is given to anybody. */
void wp_answer_add_header(struct wp_answer *answer, const char *name, const char *value);

struct wp_answer *wp_answer_hold(struct wp_answer *answer);
void wp_answer_release(struct wp_answer *answer);

unsigned wp_answer_status(const struct wp_answer *answer); /* 0 for NULL */
size_t wp_answer_length(const struct wp_answer *answer);

/* For the event thread: sends it. Keeps the caller's reference. */
enum MHD_Result wp_answer_queue(struct wp_answer *answer, struct MHD_Connection *connection);

#endif
