#include "cli/region_row.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/region_life.h"
#include "cli/region_loss.h"
#include "profile/region_reader.h"

/* The program chose its name; a terminal must not obey it. */
static void
copy_printable(char *to, size_t size, const char *from)
{
    size_t length = 0;

    for (; from[length] != '\0' && length < size - 1; length++)
        to[length] = isprint((unsigned char)from[length]) ? from[length] : '?';
    to[length] = '\0';
}

static void
fill_row(struct wp_region_row *row, const struct wp_snapshot *snapshot)
{
    struct wp_region_life life = wp_region_life_look(snapshot);

    row->place = snapshot->place;
    row->region_id = snapshot->region_id;
    row->start_realtime_ns = snapshot->start_realtime_ns;
    if (snapshot->read_realtime_ns > snapshot->start_realtime_ns)
        row->age_ns = snapshot->read_realtime_ns - snapshot->start_realtime_ns;
    row->size_bytes = snapshot->allocated_bytes;
    row->block_rate_ns = snapshot->block_rate_ns;
    row->mutex_fraction = snapshot->mutex_fraction;
    row->samples =
        snapshot->counters[WP_COUNTER_block_samples] + snapshot->counters[WP_COUNTER_mutex_samples];
    row->lost = wp_region_loss_count(snapshot->counters);
    row->pid = life.pid != 0 ? (uint32_t)life.pid : snapshot->pid;
    row->uid = snapshot->uid;
    row->state = life.state;
    row->ended = life.ended;
    row->exported = (snapshot->flags & WP_REGION_FLAG_EXPORTED) != 0;
    copy_printable(row->command, sizeof row->command, snapshot->command);
}

static int
compare_rows(const void *left, const void *right)
{
    const struct wp_region_row *a = left, *b = right;

    if (a->start_realtime_ns != b->start_realtime_ns)
        return a->start_realtime_ns < b->start_realtime_ns ? 1 : -1;
    return strcmp(a->place.path, b->place.path);
}

static bool
read_row(const struct wp_region_place *place, bool all, struct wp_region_row *row)
{
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    int status = wp_reader_open(place, &snapshot, &error);
    bool wanted;

    if (status != 0) {
        /* Gone since it was listed, or in the making: neither is worth a word. */
        if (status != -ENOENT && status != -EAGAIN)
            wp_message_error(NULL, NULL, "%s", error.text);
        return false;
    }
    wanted = all || snapshot->uid == geteuid();
    if (wanted)
        fill_row(row, snapshot);
    wp_snapshot_free(snapshot);
    return wanted;
}

int
wp_region_rows_read(bool all, struct wp_region_row **rows, size_t *count, struct wp_error *error)
{
    struct wp_region_list list = {0};
    int status = wp_region_find_all(&list, error);

    if (status != 0)
        return status;
    *count = 0;
    *rows = calloc(list.count + 1, sizeof **rows);
    if (*rows == NULL) {
        wp_region_list_free(&list);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < list.count; i++)
        *count += read_row(&list.rows[i], all, &(*rows)[*count]);
    wp_region_list_free(&list);
    qsort(*rows, *count, sizeof **rows, compare_rows);
    return 0;
}
