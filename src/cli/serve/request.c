#include "cli/serve/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "cli/serve/routes.h"

/* Of a body that nobody asked for, so much is read before the connection is closed: whoever still
 * sends by then does not see the answer. */
#define UNWANTED_BODY_BYTES ((size_t)64 << 10)

struct parameter {
    const char *name;
    const char *value;
};

static enum MHD_Result
find_parameter(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct parameter *parameter = cls;

    (void)kind;
    if (strcmp(name, parameter->name) != 0)
        return MHD_YES;
    parameter->value = value;
    return MHD_NO;
}

/* Not MHD_lookup_connection_value, which takes SECONDS for seconds. */
const char *
wp_request_parameter(const struct wp_request *request, const char *name)
{
    struct parameter parameter = {.name = name};

    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, find_parameter,
                              &parameter);
    return parameter.value;
}

void
wp_request_key(const struct wp_request *request, char key[WP_REQUEST_KEY_BYTES])
{
    const struct wp_profile_query *query = &request->query;

    snprintf(key, WP_REQUEST_KEY_BYTES, "%s %s %d %u %s", request->program, request->route->path,
             query->is_text, query->labels, query->has_kinds ? query->kinds : "");
}

void
wp_request_answer(struct wp_request *request, struct wp_answer *answer)
{
    wp_program_release(request->delta.program);
    wp_held_snapshot_release(request->delta.earlier);
    request->delta = (struct wp_delta){0};
    wp_deltas_give_slot(request->server->deltas, request);
    request->answer = wp_answer_hold(answer);
    MHD_resume_connection(request->connection);
}

void
wp_request_answer_all(struct wp_request *requests, struct wp_answer *answer)
{
    struct wp_request *next;

    for (; requests != NULL; requests = next) {
        next = requests->next;
        wp_request_answer(requests, answer);
    }
    wp_answer_release(answer);
}

void *
wp_request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct wp_server *server = cls;

    wp_connections_enter(server->connections, connection, WP_CLIENT_ASKING, 0);
    wp_connections_keep_target(connection, uri);
    return NULL;
}

static struct wp_request *
make_request(struct wp_server *server, struct MHD_Connection *connection)
{
    struct wp_request *request = calloc(1, sizeof *request);
    char *uri = wp_connections_take_target(connection);

    if (request == NULL || uri == NULL) {
        free(request);
        free(uri);
        return NULL;
    }
    request->server = server;
    request->connection = connection;
    request->uri = uri;
    return request;
}

void
wp_request_complete(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode code)
{
    struct wp_server *server = cls;
    struct wp_request *request = *con_cls;

    (void)code;
    wp_connections_enter(server->connections, connection, WP_CLIENT_IDLE, 0);
    *con_cls = NULL;
    if (request == NULL)
        return;
    wp_answer_release(request->answer);
    free(request->uri);
    free(request->body);
    free(request);
}

static struct wp_answer *
refuse_method(const struct wp_route *route)
{
    struct wp_answer *answer = wp_answer_line(MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");

    wp_answer_add_header(answer, MHD_HTTP_HEADER_ALLOW, wp_route_methods(route));
    return answer;
}

static struct wp_answer *
ask_for_token(void)
{
    struct wp_answer *answer = wp_answer_line(MHD_HTTP_UNAUTHORIZED, "a bearer token is needed");

    wp_answer_add_header(answer, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"waitprof\"");
    return answer;
}

/* Finds what is asked for, and whether it may be. *is_answered: a refusal is the answer. */
static struct wp_answer *
read_head(struct wp_request *request, const char *url, const char *method, bool *is_answered)
{
    const char *authorization = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                            MHD_HTTP_HEADER_AUTHORIZATION);
    struct wp_answer *redirection;

    request->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    request->is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    request->route = wp_routes_find(request, url, &redirection);
    *is_answered = true;
    if ((request->route == NULL || (request->route->flags & WP_ROUTE_OPEN) == 0) &&
        !wp_token_is_shown(&request->server->token, authorization)) {
        wp_answer_release(redirection);
        return ask_for_token();
    }
    if (request->route == NULL)
        return redirection != NULL ? redirection
                                   : wp_answer_line(MHD_HTTP_NOT_FOUND, "404 page not found");
    if (!request->is_head && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        !(request->is_post && (request->route->flags & WP_ROUTE_POST) != 0))
        return refuse_method(request->route);
    request->profile = request->route->profile;
    *is_answered = false;
    return NULL;
}

static size_t
body_limit(const struct wp_request *request)
{
    return request->answer == NULL && request->is_post ? request->route->body_limit_bytes
                                                       : UNWANTED_BODY_BYTES;
}

/* So much of a body that is too large is read for the sake of its answer. */
static size_t
patience_bytes(const struct wp_request *request)
{
    return 4 * body_limit(request) + UNWANTED_BODY_BYTES;
}

static struct wp_answer *
refuse_body(const struct wp_request *request)
{
    return wp_answer_line(MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than %zu bytes",
                          body_limit(request));
}

/* Keeps what is wanted of the body and counts the rest; false: it never ends. */
static bool
take_body(struct wp_request *request, const char *data, size_t length)
{
    size_t limit = body_limit(request);
    char *grown;

    if (request->body_is_too_large || request->body_bytes + length > limit) {
        request->body_bytes += length;
        request->body_is_too_large = true;
        return request->body_bytes <= patience_bytes(request);
    }
    if (request->answer == NULL && request->is_post) {
        grown = realloc(request->body, request->body_bytes + length + 1);
        if (grown == NULL)
            return false;
        memcpy(grown + request->body_bytes, data, length);
        grown[request->body_bytes + length] = '\0';
        request->body = grown;
    }
    request->body_bytes += length;
    return true;
}

/* Hands the request to a worker. It may be answered, even gone, when this returns. */
static void
submit(struct wp_request *request)
{
    char key[WP_REQUEST_KEY_BYTES];
    struct wp_server *server = request->server;
    const struct wp_route *route = request->route;

    if (request->query.span_ns != 0)
        snprintf(key, sizeof key, "span %s", request->program);
    else
        wp_request_key(request, key);
    request->is_submitted = true;
    wp_connections_enter(server->connections, request->connection, WP_CLIENT_WAITING, 0);
    MHD_suspend_connection(request->connection);
    wp_job_queue_submit(server->jobs, (route->flags & WP_ROUTE_DISTINCT) != 0 ? NULL : key,
                        route->work, request);
}

/* With --verbose: what was refused, and why. */
static void
log_refusal(const struct wp_request *request, const char *method)
{
    struct wp_error line; /* makes control bytes harmless */
    unsigned status = wp_answer_status(request->answer);

    if (status < 400)
        return;
    wp_error_set(&line, 0, "%u %.20s %.400s", status, method, request->uri);
    wp_message_detail("%s", line.text);
}

static enum MHD_Result
send_answer(struct wp_request *request, const char *method)
{
    struct wp_server *server = request->server;

    if (request->answer == NULL)
        return MHD_NO;
    wp_statistics_count_answer(&server->statistics, wp_answer_status(request->answer));
    log_refusal(request, method);
    wp_connections_enter(server->connections, request->connection, WP_CLIENT_ANSWERED,
                         request->is_head ? 0 : wp_answer_length(request->answer));
    return wp_answer_queue(request->answer, request->connection);
}

/* The headers are there. A body that is far too large by its own word is not waited for. */
static enum MHD_Result
begin(struct wp_request *request, const char *url, const char *method)
{
    const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool is_answered;

    request->answer = read_head(request, url, method, &is_answered);
    if (is_answered && request->answer == NULL)
        return MHD_NO;
    if (length == NULL || strtoull(length, NULL, 10) <= patience_bytes(request))
        return MHD_YES;
    if (request->answer == NULL)
        request->answer = refuse_body(request);
    return send_answer(request, method);
}

enum MHD_Result
wp_request_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                  const char *version, const char *upload_data, size_t *upload_data_size,
                  void **con_cls)
{
    struct wp_request *request = *con_cls;
    bool is_answered = false;
    size_t length = *upload_data_size;

    (void)version;
    if (request == NULL) {
        *con_cls = request = make_request(cls, connection);
        return request != NULL ? begin(request, url, method) : MHD_NO;
    }
    if (length != 0) {
        *upload_data_size = 0;
        return take_body(request, upload_data, length) ? MHD_YES : MHD_NO;
    }
    if (request->answer == NULL && !request->is_submitted) {
        if (request->body_is_too_large)
            request->answer = refuse_body(request);
        else if (request->route->check != NULL)
            request->answer = request->route->check(request, &is_answered);
        if (request->answer == NULL && !is_answered && !request->body_is_too_large) {
            submit(request);
            return MHD_YES;
        }
    }
    return send_answer(request, method);
}
