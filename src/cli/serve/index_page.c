#include "cli/serve/index_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "cli/serve/program_answers.h"
#include "cli/serve/request.h"

/* What stands in the page of a program. */
struct index_row {
    const char *name;
    enum wp_region_profile type; /* 0: no profile */
    const char *description;
};

static const struct index_row index_rows[] = {
    {"block", WP_PROFILE_BLOCK,
     "Stacks of threads that had to wait: for locks, conditions, data, children, time. Since the "
     "program's start; with seconds=N of the next N seconds."},
    {"cmdline", 0, "The program's arguments, with a NUL between two."},
    {"delta_block", WP_PROFILE_BLOCK,
     "The block profile since it was last asked for here, as godeltaprof has it. Each look moves "
     "that time on, also for others."},
    {"delta_mutex", WP_PROFILE_MUTEX, "The mutex profile since it was last asked for here."},
    {"mutex", WP_PROFILE_MUTEX,
     "Stacks of threads that held the locks that others waited for, taken where they let go. With "
     "seconds=N of the next N seconds."},
    {"symbol", 0, "Names of functions for addresses, in the query or the body: 0xA+0xB."},
};

#define INDEX_ROW_COUNT (sizeof index_rows / sizeof index_rows[0])

/* The function of a stack, whatever the kind of the wait. */
static uint32_t
function_of(const struct wp_snapshot *snapshot, const struct wp_reader_stack *stack)
{
    uint32_t part_of = snapshot->functions[stack->function].part_of;

    return part_of != 0 ? part_of : stack->function;
}

static int
compare_stacks(const void *a, const void *b, void *context)
{
    const struct wp_reader_stack *one = *(const struct wp_reader_stack *const *)a;
    const struct wp_reader_stack *other = *(const struct wp_reader_stack *const *)b;
    uint32_t function = function_of(context, one), other_function = function_of(context, other);

    if (function != other_function)
        return function < other_function ? -1 : 1;
    if (one->depth != other->depth)
        return one->depth < other->depth ? -1 : 1;
    return memcmp(one->frames, other->frames, one->depth * sizeof one->frames[0]);
}

/* How many samples a profile has: the kinds of one stack are one. -1: out of memory. */
static ssize_t
count_stacks(struct wp_snapshot *snapshot, enum wp_region_profile type)
{
    const struct wp_reader_stack **stacks = calloc(snapshot->stack_count + 1, sizeof *stacks);
    ssize_t distinct = 0;
    size_t count = 0;

    if (stacks == NULL)
        return -1;
    for (size_t i = 0; i < snapshot->stack_count; i++) {
        if (snapshot->stacks[i].profile == type && snapshot->stacks[i].samples != 0)
            stacks[count++] = &snapshot->stacks[i];
    }
    qsort_r(stacks, count, sizeof *stacks, compare_stacks, snapshot);
    for (size_t i = 0; i < count; i++)
        distinct += i == 0 || compare_stacks(&stacks[i - 1], &stacks[i], snapshot) != 0;
    free(stacks);
    return distinct;
}

/* The counts of all rows; false: out of memory. */
static bool
count_rows(struct wp_snapshot *snapshot, ssize_t counts[INDEX_ROW_COUNT])
{
    for (size_t i = 0; i < INDEX_ROW_COUNT; i++) {
        counts[i] = index_rows[i].type != 0 ? count_stacks(snapshot, index_rows[i].type) : 0;
        if (counts[i] < 0)
            return false;
    }
    return true;
}

static void
write_head(const char *title, FILE *stream)
{
    fprintf(stream,
            "<html>\n<head>\n<title>%s</title>\n"
            "<style>\n.profile-name{display:inline-block;width:7rem}\ntd{padding-right:1em}\n"
            "</style>\n</head>\n<body>\n",
            title);
}

static void
write_profiles(const struct wp_program *program, const ssize_t *counts, FILE *stream)
{
    write_head("/debug/pprof/", stream);
    fputs("/debug/pprof/ of ", stream);
    wp_body_escape(program->target->command, stream);
    fprintf(stream, ", pid %s%s<br>\n", program->name,
            wp_program_has_ended(program) ? ", which has ended" : "");
    fputs("<p>debug=1 in the query: as text.</p>\n<br>\nProfiles:\n<table>\n"
          "<thead><td>Count</td><td>Profile</td></thead>\n",
          stream);
    for (size_t i = 0; i < INDEX_ROW_COUNT; i++) {
        const struct index_row *row = &index_rows[i];

        fprintf(stream, "<tr><td>%zd</td><td><a href='%s?debug=1'>%s</a></td></tr>\n", counts[i],
                row->name, row->name);
    }
    fputs("</table>\n<br>\n<p>\nWhat they are:\n<ul>\n", stream);
    for (size_t i = 0; i < INDEX_ROW_COUNT; i++)
        fprintf(stream, "<li><div class=profile-name>%s:</div> %s</li>\n", index_rows[i].name,
                index_rows[i].description);
    fputs("</ul>\n</p>\n</body>\n</html>\n", stream);
}

static struct wp_answer *
answer_profiles(const struct wp_program *program)
{
    struct wp_held_snapshot *held = NULL;
    ssize_t counts[INDEX_ROW_COUNT];
    struct wp_error error = {""};
    struct wp_body body;

    if (wp_program_read(program, &held, &error) != 0)
        return wp_answer_refuse(MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", error.text);
    if (!count_rows(held->snapshot, counts) || wp_body_open(&body) != 0) {
        wp_held_snapshot_release(held);
        return NULL;
    }
    wp_held_snapshot_release(held);
    write_profiles(program, counts, body.stream);
    return wp_body_finish(&body, MHD_HTTP_OK, WP_ANSWER_HTML);
}

void
wp_index_answer_profiles(struct wp_server *server, struct wp_request *requests)
{
    struct wp_program *program = NULL;
    struct wp_error error = {""};
    int status = wp_programs_find(server->programs, requests->program, &program, &error);

    if (status != 0) {
        wp_request_answer_all(requests, wp_program_refuse(server, requests, status, &error));
        return;
    }
    wp_request_answer_all(requests, answer_profiles(program));
    wp_program_release(program);
}

static void
write_programs(const struct wp_program_list *list, FILE *stream)
{
    write_head("waitprof", stream);
    fputs("Profiled programs:\n<table>\n"
          "<thead><td>Pid</td><td>Program</td><td>Profiles</td></thead>\n",
          stream);
    for (size_t i = 0; i < list->count; i++) {
        const struct wp_program *program = list->rows[i];

        fprintf(stream, "<tr><td>%s</td><td>", program->name);
        wp_body_escape(program->target->command, stream);
        fprintf(stream,
                "</td><td><a href='/pid/%s/debug/pprof/'>/pid/%s/debug/pprof/</a></td></tr>\n",
                program->name, program->name);
    }
    fputs("</table>\n", stream);
    if (list->count == 0)
        fputs("<p>None: start one with `waitprof run -- PROGRAM`.</p>\n", stream);
    fputs("<p><a href='/metrics'>/metrics</a> <a href='/sd'>/sd</a></p>\n</body>\n</html>\n",
          stream);
}

void
wp_index_answer_programs(struct wp_server *server, struct wp_request *requests)
{
    struct wp_program_list list;
    struct wp_body body;
    struct wp_answer *answer = NULL;

    if (wp_programs_list(server->programs, &list) == 0) {
        if (wp_body_open(&body) == 0) {
            write_programs(&list, body.stream);
            answer = wp_body_finish(&body, MHD_HTTP_OK, WP_ANSWER_HTML);
        }
        wp_program_list_free(&list);
    }
    wp_request_answer_all(requests, answer);
}
