#include "cli/serve/control.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/serve/program_answers.h"
#include "core/region_format.h"

/* Who asks over HTTP may go away and forget it: without `for` a change ends by itself. */
#define LEASE_DEFAULT_NS UINT64_C(60000000000)

#define VALUE_BYTES 40u

/* Parameters by name, from the query and from a form in the body. */
enum parameter { BLOCK_RATE, MUTEX_FRACTION, FOR, PARAMETER_COUNT };
static const char *const parameter_names[] = {"block-rate", "mutex-fraction", "for"};

struct form {
    char values[PARAMETER_COUNT][VALUE_BYTES];
    bool given[PARAMETER_COUNT];
    bool is_wrong; /* a name that there is not, or a value that is too long */
};

static void
take_value(struct form *form, const char *name, const char *value, size_t offset, size_t length)
{
    for (unsigned i = 0; i < PARAMETER_COUNT; i++) {
        if (strcmp(name, parameter_names[i]) != 0)
            continue;
        form->given[i] = true;
        if (offset + length >= VALUE_BYTES) {
            form->is_wrong = true;
            return;
        }
        memcpy(form->values[i] + offset, value, length);
        form->values[i][offset + length] = '\0';
        return;
    }
    form->is_wrong = true;
}

static enum MHD_Result
take_query_value(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    take_value(cls, name, value != NULL ? value : "", 0, value != NULL ? strlen(value) : 0);
    return MHD_YES;
}

static enum MHD_Result
take_form_value(void *cls, enum MHD_ValueKind kind, const char *name, const char *filename,
                const char *content_type, const char *transfer_encoding, const char *data,
                uint64_t offset, size_t length)
{
    (void)kind;
    (void)filename;
    (void)content_type;
    (void)transfer_encoding;
    take_value(cls, name, data, offset < VALUE_BYTES ? (size_t)offset : VALUE_BYTES, length);
    return MHD_YES;
}

/* What the client has sent, from both places. */
static void
read_form(const struct wp_request *request, struct form *form)
{
    struct MHD_PostProcessor *processor;

    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_query_value, form);
    if (request->body_bytes == 0)
        return;
    processor = MHD_create_post_processor(request->connection, 1024, take_form_value, form);
    if (processor == NULL ||
        MHD_post_process(processor, request->body, request->body_bytes) == MHD_NO)
        form->is_wrong = true;
    if (processor != NULL)
        MHD_destroy_post_processor(processor);
}

/* The same numbers as the options take. */
static bool
parse_rates(const struct form *form, struct wp_rate_query *rates)
{
    rates->has_block_rate = form->given[BLOCK_RATE];
    rates->has_mutex_fraction = form->given[MUTEX_FRACTION];
    rates->for_ns = LEASE_DEFAULT_NS;
    if (rates->has_block_rate &&
        (wp_quantity_parse_time(form->values[BLOCK_RATE], 1, &rates->block_rate_ns) != 0 ||
         rates->block_rate_ns > WP_REGION_MAX_BLOCK_RATE_NS))
        return false;
    if (rates->has_mutex_fraction &&
        (wp_quantity_parse_number(form->values[MUTEX_FRACTION], &rates->mutex_fraction) != 0 ||
         rates->mutex_fraction > WP_REGION_MAX_MUTEX_FRACTION))
        return false;
    if (form->given[FOR] &&
        wp_quantity_parse_time(form->values[FOR], UINT64_C(1000000000), &rates->for_ns) != 0)
        return false;
    return rates->has_block_rate || rates->has_mutex_fraction;
}

struct wp_answer *
wp_control_check(struct wp_request *request, bool *is_answered)
{
    struct form form = {0};

    if (!request->is_post)
        return NULL;
    *is_answered = true;
    if (!request->server->options.allow_control)
        return wp_answer_line(MHD_HTTP_FORBIDDEN,
                              "rates cannot be changed here: the server runs without "
                              "--allow-control");
    read_form(request, &form);
    if (form.is_wrong || !parse_rates(&form, &request->rates))
        return wp_answer_line(MHD_HTTP_BAD_REQUEST,
                              "name block-rate (a time, as 10us), mutex-fraction (a number) or "
                              "both, and for how long: for=60s, for=0 for good");
    *is_answered = false;
    return NULL;
}

static struct json_object *
rate_object(bool has_block_rate, uint64_t block_rate_ns, bool has_mutex_fraction,
            uint64_t mutex_fraction)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "block_rate_ns",
                           has_block_rate ? json_object_new_uint64(block_rate_ns) : NULL);
    json_object_object_add(object, "mutex_fraction",
                           has_mutex_fraction ? json_object_new_uint64(mutex_fraction) : NULL);
    return object;
}

static struct json_object *
describe_rates(const struct wp_snapshot *snapshot)
{
    struct json_object *rates =
        rate_object(true, snapshot->block_rate_ns, true, snapshot->mutex_fraction);
    struct json_object *leases = json_object_new_array();

    json_object_object_add(
        rates, "base",
        rate_object(true, snapshot->base_block_rate_ns, true, snapshot->base_mutex_fraction));
    for (size_t i = 0; i < snapshot->lease_count; i++) {
        const struct wp_reader_lease *row = &snapshot->leases[i];
        struct json_object *lease = rate_object(row->has_block_rate, row->block_rate_ns,
                                                row->has_mutex_fraction, row->mutex_fraction);
        uint64_t left_ns = row->deadline_ns > snapshot->read_monotonic_ns
                               ? row->deadline_ns - snapshot->read_monotonic_ns
                               : 0;

        json_object_object_add(lease, "seconds_left",
                               json_object_new_double((double)left_ns / 1e9));
        json_object_array_add(leases, lease);
    }
    json_object_object_add(rates, "leases", leases);
    return rates;
}

static struct wp_answer *
answer_rates(const struct wp_program *program)
{
    struct wp_held_snapshot *held = NULL;
    struct wp_error error = {""};
    struct json_object *rates;
    struct wp_body body;

    if (wp_program_read(program, &held, &error) != 0)
        return wp_answer_line(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", error.text);
    rates = describe_rates(held->snapshot);
    wp_held_snapshot_release(held);
    if (wp_body_open(&body) != 0) {
        json_object_put(rates);
        return NULL;
    }
    fprintf(body.stream, "%s\n", json_object_to_json_string_ext(rates, JSON_C_TO_STRING_PLAIN));
    json_object_put(rates);
    return wp_body_finish(&body, MHD_HTTP_OK, WP_ANSWER_JSON);
}

/* NULL if the rates are changed. */
static struct wp_answer *
change_rates(const struct wp_program *program, const struct wp_rate_query *rates)
{
    const struct wp_reader_rate_change change = {
        .block_rate_ns = rates->has_block_rate ? &rates->block_rate_ns : NULL,
        .mutex_fraction = rates->has_mutex_fraction ? &rates->mutex_fraction : NULL,
        .for_ns = rates->for_ns,
    };
    struct wp_reader_rate_result result;
    struct wp_error error = {""};
    int status;

    if (wp_program_has_ended(program))
        return wp_answer_line(MHD_HTTP_NOT_FOUND, "the program has ended");
    status = wp_reader_change_rates(&program->target->place, &change, &result, &error);
    switch (-status) {
    case 0:
        wp_message_detail("pid %s: rates changed by a client", program->name);
        return NULL;
    case EBUSY:
        return wp_answer_line(MHD_HTTP_CONFLICT, "%s", error.text);
    case EACCES:
    case EPERM:
        return wp_answer_line(MHD_HTTP_FORBIDDEN, "%s", error.text);
    default:
        return wp_answer_line(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", error.text);
    }
}

void
wp_control_answer(struct wp_server *server, struct wp_request *requests)
{
    struct wp_program *program = NULL;
    struct wp_answer *answer = NULL;
    struct wp_error error = {""};
    int status = wp_programs_find(server->programs, requests->program, &program, &error);

    if (status != 0) {
        wp_request_answer_all(requests, wp_program_refuse(server, requests, status, &error));
        return;
    }
    if (requests->is_post)
        answer = change_rates(program, &requests->rates);
    if (answer == NULL)
        answer = answer_rates(program);
    wp_request_answer_all(requests, answer);
    wp_program_release(program);
}
