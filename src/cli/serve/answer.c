#include "cli/serve/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/serve/memory_budget.h"

struct wp_answer {
    struct MHD_Response *response;
    unsigned status;
    unsigned references; /* [atomic] */
    size_t length;
};

struct wp_answer *
wp_answer_new(unsigned status, const char *content_type, void *bytes, size_t length)
{
    struct wp_answer *answer = calloc(1, sizeof *answer);

    if (answer != NULL)
        answer->response = MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE);
    if (answer == NULL || answer->response == NULL) {
        free(answer);
        free(bytes);
        return NULL;
    }
    answer->status = status;
    answer->references = 1;
    answer->length = length;
    wp_memory_budget_take(length);
    MHD_add_response_header(answer->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(answer->response, "X-Content-Type-Options", "nosniff");
    return answer;
}

static struct wp_answer *__attribute__((format(printf, 2, 0)))
make_line(unsigned status, const char *format, va_list arguments)
{
    struct wp_body body;

    if (wp_body_open(&body) != 0)
        return NULL;
    vfprintf(body.stream, format, arguments);
    fputc('\n', body.stream);
    return wp_body_finish(&body, status, WP_ANSWER_TEXT);
}

struct wp_answer *
wp_answer_line(unsigned status, const char *format, ...)
{
    struct wp_answer *answer;
    va_list arguments;

    va_start(arguments, format);
    answer = make_line(status, format, arguments);
    va_end(arguments);
    return answer;
}

struct wp_answer *
wp_answer_refuse(unsigned status, const char *format, ...)
{
    struct wp_answer *answer;
    va_list arguments;

    va_start(arguments, format);
    answer = make_line(status, format, arguments);
    va_end(arguments);
    wp_answer_add_header(answer, "X-Go-Pprof", "1");
    return answer;
}

struct wp_answer *
wp_answer_busy(unsigned retry_seconds, const char *text)
{
    struct wp_answer *answer = wp_answer_refuse(MHD_HTTP_SERVICE_UNAVAILABLE, "%s", text);
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%u", retry_seconds);
    wp_answer_add_header(answer, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return answer;
}

int
wp_body_open(struct wp_body *body)
{
    *body = (struct wp_body){0};
    body->stream = open_memstream(&body->bytes, &body->length);
    return body->stream != NULL ? 0 : -ENOMEM;
}

void
wp_body_escape(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '&':
            fputs("&amp;", stream);
            break;
        case '"':
            fputs("&#34;", stream);
            break;
        case '\'':
            fputs("&#39;", stream);
            break;
        default:
            fputc(*text, stream);
        }
    }
}

struct wp_answer *
wp_body_finish(struct wp_body *body, unsigned status, const char *content_type)
{
    bool failed = ferror(body->stream) != 0;

    if (fclose(body->stream) != 0 || failed) {
        free(body->bytes);
        return NULL;
    }
    return wp_answer_new(status, content_type, body->bytes, body->length);
}

void
wp_answer_add_header(struct wp_answer *answer, const char *name, const char *value)
{
    if (answer != NULL)
        MHD_add_response_header(answer->response, name, value);
}

struct wp_answer *
wp_answer_hold(struct wp_answer *answer)
{
    if (answer != NULL)
        __atomic_add_fetch(&answer->references, 1, __ATOMIC_RELAXED);
    return answer;
}

void
wp_answer_release(struct wp_answer *answer)
{
    if (answer == NULL || __atomic_sub_fetch(&answer->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    wp_memory_budget_give(answer->length);
    MHD_destroy_response(answer->response);
    free(answer);
}

unsigned
wp_answer_status(const struct wp_answer *answer)
{
    return answer != NULL ? answer->status : 0;
}

size_t
wp_answer_length(const struct wp_answer *answer)
{
    return answer != NULL ? answer->length : 0;
}

enum MHD_Result
wp_answer_queue(struct wp_answer *answer, struct MHD_Connection *connection)
{
    if (answer == NULL)
        return MHD_NO;
    return MHD_queue_response(connection, answer->status, answer->response);
}
