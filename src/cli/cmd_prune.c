/*
 * waitprof prune: removes the regions of programs that have ended.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/region_file.h"
#include "cli/region_row.h"

struct prune_values {
    struct wp_option_number older_than;
    bool all;
    bool dry_run;
};

static const struct wp_option options[] = {
    {.name = "older-than",
     .placeholder = "TIME",
     .help = "remove those of programs that started longer ago (30m, 7d),\n"
             "even if their data was never written anywhere (0: all),\n"
             "and of other format versions, if nobody uses them",
     .parse = wp_option_parse_time,
     .target = offsetof(struct prune_values, older_than),
     .unit_ns = UINT64_C(1000000000)},
    {.name = "all",
     .letter = 'a',
     .help = "remove those of other users, too (root)",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct prune_values, all)},
    {.name = "dry-run",
     .letter = 'n',
     .help = "remove nothing, say what would be removed",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct prune_values, dry_run)},
    {.name = NULL},
};

enum verdict { KEEP_RUNNING, KEEP_UNEXPORTED, REMOVE };

static enum verdict
judge(const struct wp_region_row *row, const struct prune_values *values)
{
    bool is_old = values->older_than.given && row->age_ns >= values->older_than.value;
    bool is_done = row->exported || row->samples == 0;

    if (!row->ended)
        return KEEP_RUNNING;
    if (is_old || (is_done && !values->older_than.given))
        return REMOVE;
    return KEEP_UNEXPORTED;
}

static int
prune_row(const struct wp_region_row *row, bool dry_run, struct wp_error *error)
{
    int status = dry_run ? 0 : wp_region_file_remove(&row->place, error);

    if (status == 0)
        printf("%s %016" PRIx64 " %s (%s, %s)\n", dry_run ? "would remove" : "removed",
               row->region_id, row->command, row->state,
               row->samples == 0 ? "empty"
               : row->exported   ? "exported"
                                 : "not exported");
    return status;
}

/* Those of another format version that went are taken out of the list. */
static int
prune_strangers(struct wp_region_rows *rows, const struct prune_values *values)
{
    size_t kept = 0;
    int code = WP_EXIT_OK;

    for (size_t i = 0; i < rows->stranger_count; i++) {
        const struct wp_region_stranger *stranger = &rows->strangers[i];
        struct wp_error error = {""};
        int status = -EBUSY;

        if (values->older_than.given && stranger->is_unused &&
            stranger->age_ns >= values->older_than.value) {
            status = values->dry_run ? 0 : wp_region_file_remove(&stranger->place, &error);
            if (status != 0)
                code = wp_command_fail(status, &error);
        }
        if (status != 0) {
            rows->strangers[kept++] = *stranger;
            continue;
        }
        wp_error_set(&error, 0, "%s", stranger->place.command);
        printf("%s %016" PRIx64 " %s (format version %u)\n",
               values->dry_run ? "would remove" : "removed", stranger->place.region_id, error.text,
               stranger->version);
    }
    rows->stranger_count = kept;
    return code;
}

static int
prune_rows(const struct wp_region_rows *rows, const struct prune_values *values)
{
    struct wp_error error = {""};
    int code = WP_EXIT_OK;
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        enum verdict verdict = judge(&rows->rows[i], values);
        int status;

        kept += verdict == KEEP_UNEXPORTED;
        if (verdict != REMOVE)
            continue;
        status = prune_row(&rows->rows[i], values->dry_run, &error);
        if (status != 0)
            code = wp_command_fail(status, &error);
    }
    if (kept > 0 && !values->older_than.given)
        wp_message_note("%zu kept whose data was never exported; see `waitprof export`, or remove "
                        "them with --older-than 0",
                        kept);
    return code;
}

static int
prune(const void *given, char **arguments)
{
    const struct prune_values *values = given;
    struct wp_region_rows rows;
    struct wp_error error = {""};
    int code, strangers_code;
    int status;

    (void)arguments;
    status = wp_region_rows_read(values->all, &rows, &error);
    if (status != 0)
        return wp_command_fail(status, &error);
    code = prune_rows(&rows, values);
    strangers_code = prune_strangers(&rows, values);
    wp_region_rows_report_strangers(
        &rows, values->older_than.given ? "kept, as younger than that, in use, or maybe in use"
                                        : "remove those that nobody uses with --older-than 0");
    wp_region_rows_free(&rows);
    return code != WP_EXIT_OK ? code : strangers_code;
}

const struct wp_command wp_command_prune = {
    .name = "prune",
    .arguments = "",
    .summary = "remove the regions of programs that have ended",
    .description =
        "Removes the regions of programs that have ended, if they are empty or were exported.\n"
        "Regions of running programs stay in any case.\n",
    .exit_codes =
        WP_EXIT_BITS_PLAIN | WP_EXIT_BIT(WP_EXIT_NOT_FOUND) | WP_EXIT_BIT(WP_EXIT_PERMISSION),
    .options = options,
    .values_bytes = sizeof(struct prune_values),
    .run = prune,
};
