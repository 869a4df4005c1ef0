#include "cli/serve/program_answers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/serve/discovery.h"
#include "cli/serve/metrics.h"

#define SYMBOL_BYTES 4096u

struct wp_answer *
wp_program_refuse(struct wp_server *server, const struct wp_request *request, int status,
                  const struct wp_error *error)
{
    struct wp_program_list list;
    struct wp_answer *answer;
    struct wp_body body;

    if (status == -ENOMEM)
        return wp_answer_busy(5, error->text);
    if (wp_programs_list(server->programs, &list) != 0)
        return NULL;
    if (wp_body_open(&body) != 0) {
        wp_program_list_free(&list);
        return NULL;
    }
    fprintf(body.stream, "%s\n", error->text);
    if (request->program[0] == '\0') {
        for (size_t i = 0; i < list.count; i++)
            fprintf(body.stream, "/pid/%s/debug/pprof/\t%s\n", list.rows[i]->name,
                    list.rows[i]->target->command);
    }
    wp_program_list_free(&list);
    answer = wp_body_finish(&body, MHD_HTTP_NOT_FOUND, WP_ANSWER_TEXT);
    wp_answer_add_header(answer, "X-Go-Pprof", "1");
    return answer;
}

/* Finds the program of the requests and reads it; answers them and returns false if it cannot. */
static bool
read_requested(struct wp_server *server, struct wp_request *requests, struct wp_program **program,
               struct wp_held_snapshot **held)
{
    struct wp_error error = {""};
    int status = wp_programs_find(server->programs, requests->program, program, &error);

    if (status != 0) {
        wp_request_answer_all(requests, wp_program_refuse(server, requests, status, &error));
        return false;
    }
    if (wp_program_read(*program, held, &error) == 0)
        return true;
    wp_program_release(*program);
    wp_request_answer_all(requests,
                          wp_answer_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", error.text));
    return false;
}

static struct wp_answer *
write_command_line(const struct wp_snapshot *snapshot)
{
    struct wp_body body;

    if (wp_body_open(&body) != 0)
        return NULL;
    for (size_t i = 0; i < snapshot->argument_count; i++) {
        if (i > 0)
            fputc('\0', body.stream);
        fputs(snapshot->arguments[i], body.stream);
    }
    return wp_body_finish(&body, MHD_HTTP_OK, WP_ANSWER_TEXT);
}

void
wp_program_answer_command_line(struct wp_server *server, struct wp_request *requests)
{
    struct wp_held_snapshot *held;
    struct wp_program *program;

    if (!read_requested(server, requests, &program, &held))
        return;
    wp_request_answer_all(requests, write_command_line(held->snapshot));
    wp_held_snapshot_release(held);
    wp_program_release(program);
}

/* Writes the name of each address of "0xA+0xB+...", as far as it has one. */
static void
write_symbols(struct wp_renderer *renderer, const struct wp_snapshot *snapshot, const char *list,
              FILE *stream)
{
    char name[SYMBOL_BYTES];

    while (*list != '\0') {
        char *end;
        uint64_t address;

        errno = 0;
        address = strtoull(list, &end, 0);
        if (end != list && (*end == '+' || *end == '\0') && errno == 0 && address != 0 &&
            wp_renderer_symbol(renderer, snapshot, address, name, sizeof name))
            fprintf(stream, "0x%" PRIx64 " %s\n", address, name);
        list = end + strcspn(end, "+");
        list += *list == '+';
    }
}

/* Never fails for want of a program or a name: pprof gives up on anything but 200. */
static struct wp_answer *
answer_symbols(struct wp_server *server, const struct wp_request *request)
{
    const char *query = strchr(request->uri, '?');
    const char *list = request->is_post ? request->body : query != NULL ? query + 1 : NULL;
    struct wp_held_snapshot *held = NULL;
    struct wp_program *program = NULL;
    struct wp_body body;

    if (wp_body_open(&body) != 0)
        return NULL;
    /* Go's number, too, says only that there are symbols. */
    fputs("num_symbols: 1\n", body.stream);
    if (list != NULL && wp_programs_find(server->programs, request->program, &program, NULL) == 0 &&
        wp_program_read(program, &held, NULL) == 0)
        write_symbols(server->renderer, held->snapshot, list, body.stream);
    wp_held_snapshot_release(held);
    wp_program_release(program);
    return wp_body_finish(&body, MHD_HTTP_OK, WP_ANSWER_TEXT);
}

void
wp_program_answer_symbols(struct wp_server *server, struct wp_request *requests)
{
    wp_request_answer_all(requests, answer_symbols(server, requests));
}

/* Takes `text`; NULL: it could not be made. */
static struct wp_answer *
answer_text(int status, const char *content_type, char *text, size_t length,
            const struct wp_error *error)
{
    if (status != 0)
        return wp_answer_line(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", error->text);
    return wp_answer_new(MHD_HTTP_OK, content_type, text, length);
}

/* The targets of a list; the list holds them. */
static struct wp_target **
list_targets(const struct wp_program_list *list)
{
    struct wp_target **targets = calloc(list->count + 1, sizeof(struct wp_target *));

    for (size_t i = 0; i < list->count && targets != NULL; i++)
        targets[i] = list->rows[i]->target;
    return targets;
}

/* The programs that a request is about: the one that it names, or all. */
static int
list_requested(struct wp_server *server, const struct wp_request *request,
               struct wp_program_list *list, struct wp_error *error)
{
    struct wp_program *program = NULL;
    int status;

    if (request->program[0] == '\0')
        return wp_programs_list(server->programs, list);
    status = wp_programs_find(server->programs, request->program, &program, error);
    if (status != 0)
        return status;
    *list = (struct wp_program_list){.rows = calloc(1, sizeof(struct wp_program *))};
    if (list->rows == NULL) {
        wp_program_release(program);
        return -ENOMEM;
    }
    list->rows[list->count++] = program;
    return 0;
}

/* Writes what a request asks for of its programs. */
typedef int write_targets(struct wp_server *server, const struct wp_request *request,
                          struct wp_target *const *targets, size_t count, char **text,
                          size_t *length, struct wp_error *error);

static void
answer_of_targets(struct wp_server *server, struct wp_request *requests, const char *content_type,
                  write_targets *write)
{
    struct wp_error error = {""};
    struct wp_program_list list;
    struct wp_target **targets;
    struct wp_answer *answer = NULL;
    size_t length = 0;
    char *text = NULL;
    int status = list_requested(server, requests, &list, &error);

    if (status != 0) {
        wp_request_answer_all(requests, wp_program_refuse(server, requests, status, &error));
        return;
    }
    targets = list_targets(&list);
    if (targets != NULL) {
        status = write(server, requests, targets, list.count, &text, &length, &error);
        answer = answer_text(status, content_type, text, length, &error);
    }
    free(targets);
    wp_program_list_free(&list);
    wp_request_answer_all(requests, answer);
}

static int
write_metrics(struct wp_server *server, const struct wp_request *request,
              struct wp_target *const *targets, size_t count, char **text, size_t *length,
              struct wp_error *error)
{
    struct wp_metrics_server counted;

    wp_statistics_read(&server->statistics, &counted);
    return wp_metrics_read(targets, count, request->program[0] == '\0' ? &counted : NULL, text,
                           length, error);
}

void
wp_program_answer_metrics(struct wp_server *server, struct wp_request *requests)
{
    answer_of_targets(server, requests, WP_METRICS_CONTENT_TYPE, write_metrics);
}

static int
write_list(struct wp_server *server, const struct wp_request *request,
           struct wp_target *const *targets, size_t count, char **text, size_t *length,
           struct wp_error *error)
{
    const char *host =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);

    return wp_discovery_write(targets, count, host, server->listener.address, text, length, error);
}

void
wp_program_answer_list(struct wp_server *server, struct wp_request *requests)
{
    answer_of_targets(server, requests, WP_DISCOVERY_CONTENT_TYPE, write_list);
}
