/*
 * waitprof ls: lists the regions.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/region_row.h"
#include "profile/json_add.h"
#include "profile/region_find.h"

struct ls_values {
    bool all;
    bool json;
};

static const struct wp_option options[] = {
    {.name = "all",
     .letter = 'a',
     .help = "list those of other users, too (root)",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct ls_values, all)},
    {.name = "json",
     .help = "print JSON",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct ls_values, json)},
    {.name = NULL},
};

/* The rates as they are spoken of: "100us" and "1/10", or "off". */
static void
format_rates(const struct wp_region_row *row, char block[WP_QUANTITY_TEXT_BYTES],
             char mutex[WP_QUANTITY_TEXT_BYTES])
{
    snprintf(block, WP_QUANTITY_TEXT_BYTES, "off");
    snprintf(mutex, WP_QUANTITY_TEXT_BYTES, "off");
    if (row->block_rate_ns != 0)
        wp_quantity_format_exact_time(row->block_rate_ns, block);
    if (row->mutex_fraction != 0)
        snprintf(mutex, WP_QUANTITY_TEXT_BYTES, "1/%" PRIu64, row->mutex_fraction);
}

static void
print_row(const struct wp_region_row *row)
{
    char age[WP_QUANTITY_TEXT_BYTES], size[WP_QUANTITY_TEXT_BYTES];
    char block[WP_QUANTITY_TEXT_BYTES], mutex[WP_QUANTITY_TEXT_BYTES];

    format_rates(row, block, mutex);
    printf("%016" PRIx64 " %7u %-9s %7s %8s %8s %8s %9" PRIu64 " %6" PRIu64 " %s\n", row->region_id,
           row->pid, row->state, wp_quantity_format_time(row->age_ns, age),
           wp_quantity_format_bytes(row->size_bytes, size), block, mutex, row->samples, row->lost,
           row->command);
}

static void
print_table(const struct wp_region_row *rows, size_t count)
{
    if (count == 0) {
        wp_message_note("no regions; start a program with `waitprof run`");
        return;
    }
    printf("%-16s %7s %-9s %7s %8s %8s %8s %9s %6s %s\n", "REGION", "PID", "STATE", "AGE", "SIZE",
           "BLOCK", "MUTEX", "SAMPLES", "LOST", "COMMAND");
    for (size_t i = 0; i < count; i++)
        print_row(&rows[i]);
}

static struct json_object *
make_json_row(const struct wp_region_row *row)
{
    struct json_object *object = json_object_new_object();
    char id[17];

    snprintf(id, sizeof id, "%016" PRIx64, row->region_id);
    wp_json_add_text(object, "region", id);
    wp_json_add_number(object, "pid", row->pid);
    wp_json_add_text(object, "state", row->state);
    wp_json_add_number(object, "uid", row->uid);
    wp_json_add_number(object, "start_ns", row->start_realtime_ns);
    wp_json_add_number(object, "age_ns", row->age_ns);
    wp_json_add_number(object, "size_bytes", row->size_bytes);
    wp_json_add_number(object, "block_rate_ns", row->block_rate_ns);
    wp_json_add_number(object, "mutex_fraction", row->mutex_fraction);
    wp_json_add_number(object, "samples", row->samples);
    wp_json_add_number(object, "lost", row->lost);
    wp_json_add_double(object, "own_cost_of_a_cpu", row->own_cost);
    wp_json_add_flag(object, "exported", row->exported);
    wp_json_add_text(object, "command", row->command);
    wp_json_add_text(object, "path", row->place.path);
    return object;
}

static void
print_json(const struct wp_region_row *rows, size_t count)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < count; i++)
        json_object_array_add(array, make_json_row(&rows[i]));
    puts(json_object_to_json_string_ext(array,
                                        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(array);
}

static int
ls(const void *given, char **arguments)
{
    const struct ls_values *values = given;
    struct wp_region_rows rows;
    struct wp_error error = {""};
    int status;

    (void)arguments;
    status = wp_region_rows_read(values->all, &rows, &error);
    if (status != 0)
        return wp_command_fail(status, &error);
    wp_region_rows_report_strangers(&rows,
                                    "use the waitprof of the same release as the library, or "
                                    "remove them with `waitprof prune --older-than 0`");
    if (values->json)
        print_json(rows.rows, rows.count);
    else
        print_table(rows.rows, rows.count);
    wp_region_rows_free(&rows);
    return WP_EXIT_OK;
}

const struct wp_command wp_command_ls = {
    .name = "ls",
    .arguments = "",
    .summary = "list the regions: what is or was profiled",
    .description =
        "Lists the regions of profiled programs, newest first. States: running; children (the\n"
        "program is gone, forked children run); exited; replaced (the process runs another\n"
        "program now); dead (killed). LOST counts samples that were lost, or their stacks;\n"
        "of a running program, doctor says why. Regions of another format version are counted.\n",
    .exit_codes = WP_EXIT_BITS_PLAIN,
    .options = options,
    .values_bytes = sizeof(struct ls_values),
    .run = ls,
};
