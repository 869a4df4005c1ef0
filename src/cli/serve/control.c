#include "cli/serve/control.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/rate_json.h"
#include "cli/serve/program_answers.h"
#include "core/region_format.h"
#include "profile/error.h"
#include "profile/json_add.h"
#include "profile/symbol_name.h"

/* Who asks over HTTP may go away and forget it: without `for` a change ends by itself. */
#define LEASE_DEFAULT_NS UINT64_C(60000000000)

#define VALUE_BYTES 40u

/* Parameters by name, from the query and from a form in the body. */
enum parameter { BLOCK_RATE, MUTEX_FRACTION, FOR, BUDGET, PARAMETER_COUNT };
static const char *const parameter_names[] = {"block-rate", "mutex-fraction", "for", "budget"};

struct form {
    char values[PARAMETER_COUNT][VALUE_BYTES];
    bool given[PARAMETER_COUNT];
    struct wp_error problem; /* the first one */
};

static void
refuse_value(struct form *form, enum parameter parameter, const char *reason)
{
    char value[2 * VALUE_BYTES];

    if (form->problem.text[0] != '\0')
        return;
    wp_symbol_clean(form->values[parameter], value, sizeof value);
    wp_error_set(&form->problem, EINVAL, "%s: \"%s\" %s", parameter_names[parameter], value,
                 reason);
}

static void
refuse_name(struct form *form, const char *name)
{
    char clean[VALUE_BYTES];

    if (form->problem.text[0] != '\0')
        return;
    wp_symbol_clean(name, clean, sizeof clean);
    wp_error_set(
        &form->problem, EINVAL,
        "there is no parameter \"%s\"; there are block-rate, mutex-fraction, for and budget",
        clean);
}

/* A part of a value; parts of one come in order. */
static void
take_value(struct form *form, const char *name, const char *value, uint64_t offset, size_t length)
{
    unsigned i = 0;
    size_t room;

    while (i < PARAMETER_COUNT && strcmp(name, parameter_names[i]) != 0)
        i++;
    if (i == PARAMETER_COUNT) {
        refuse_name(form, name);
        return;
    }
    if (offset == 0 && form->given[i]) {
        refuse_value(form, i, "is one of two values; give one");
        return;
    }
    form->given[i] = true;
    room = offset < VALUE_BYTES - 1 ? VALUE_BYTES - 1 - (size_t)offset : 0;
    if (room > 0) {
        memcpy(form->values[i] + offset, value, length < room ? length : room);
        form->values[i][offset + (length < room ? length : room)] = '\0';
    }
    if (length > room)
        refuse_value(form, i, "and more is too long");
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
    take_value(cls, name, data, offset, length);
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
    if ((processor == NULL ||
         MHD_post_process(processor, request->body, request->body_bytes) == MHD_NO) &&
        form->problem.text[0] == '\0')
        wp_error_set(&form->problem, EINVAL,
                     "the body is no form; send application/x-www-form-urlencoded");
    if (processor != NULL)
        MHD_destroy_post_processor(processor);
}

/* Notes what is wrong with a value, if anything is. */
static void
judge_value(struct form *form, enum parameter parameter, int status, const char *what,
            const char *maximum)
{
    if (status == -ERANGE)
        refuse_value(form, parameter, maximum);
    else if (status != 0)
        refuse_value(form, parameter, what);
}

/* The same numbers as the options take. */
static void
parse_rates(struct form *form, struct wp_rate_query *rates)
{
    int status;

    rates->has_block_rate = form->given[BLOCK_RATE];
    rates->has_mutex_fraction = form->given[MUTEX_FRACTION];
    rates->for_ns = LEASE_DEFAULT_NS;
    if (rates->has_block_rate) {
        status = wp_quantity_parse_time(form->values[BLOCK_RATE], 1, &rates->block_rate_ns);
        if (status == 0 && rates->block_rate_ns > WP_REGION_MAX_BLOCK_RATE_NS)
            status = -ERANGE;
        judge_value(form, BLOCK_RATE, status, "is not a time, as 10us",
                    "is too large: 1000s is the most");
    }
    if (rates->has_mutex_fraction) {
        status = wp_quantity_parse_number(form->values[MUTEX_FRACTION], &rates->mutex_fraction);
        if (status == 0 && rates->mutex_fraction > WP_REGION_MAX_MUTEX_FRACTION)
            status = -ERANGE;
        judge_value(form, MUTEX_FRACTION, status, "is not a whole number",
                    "is too large: 1000000 is the most");
    }
    if (form->given[FOR])
        judge_value(form, FOR,
                    wp_quantity_parse_time(form->values[FOR], UINT64_C(1000000000), &rates->for_ns),
                    "is not a time, as 60s", "is too large");
    if (form->given[BUDGET])
        judge_value(form, BUDGET, wp_quantity_parse_budget(form->values[BUDGET], &rates->budget),
                    "is not a budget: give " WP_QUANTITY_BUDGET_WORDS, "is too large");
    rates->has_budget = form->given[BUDGET];
    if (!rates->has_block_rate && !rates->has_mutex_fraction &&
        (!rates->has_budget || form->given[FOR]) && form->problem.text[0] == '\0')
        wp_error_set(
            &form->problem, EINVAL,
            "name block-rate (a time, as 10us), mutex-fraction (a number) or both, and "
            "for how long: for=60s, for=0 for good; or a budget (0.5%%, 2000/s, off), which "
            "is for good");
}

struct wp_answer *
wp_control_check(struct wp_request *request, bool *is_answered)
{
    struct form form = {.problem = {""}};

    if (!request->is_post)
        return NULL;
    *is_answered = true;
    if (!request->server->options.allow_control)
        return wp_answer_line(MHD_HTTP_FORBIDDEN,
                              "rates cannot be changed here: the server runs without "
                              "--allow-control");
    read_form(request, &form);
    parse_rates(&form, &request->rates);
    if (form.problem.text[0] != '\0')
        return wp_answer_line(MHD_HTTP_BAD_REQUEST, "%s", form.problem.text);
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

    wp_json_add_number(rates, "wait_fraction", snapshot->wait_fraction);
    json_object_object_add(rates, "budget", wp_rate_json_budget(snapshot));
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

        wp_json_add_double(lease, "seconds_left", (double)left_ns / 1e9);
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
        .budget_cost_ns_per_s = rates->has_budget ? &rates->budget.cost_ns_per_s : NULL,
        .budget_samples_per_s = rates->has_budget ? &rates->budget.samples_per_s : NULL,
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
