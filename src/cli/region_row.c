#include "cli/region_row.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/region_life.h"
#include "cli/region_loss.h"
#include "core/region_format.h"
#include "profile/clock.h"
#include "profile/own_cost.h"
#include "profile/region_reader.h"
#include "profile/region_use.h"

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
    row->own_cost =
        wp_own_cost_of(snapshot->counters, wp_own_cost_span_ns(snapshot, life.ended)).cpu_share;
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

static int
compare_strangers(const void *left, const void *right)
{
    const struct wp_region_stranger *a = left, *b = right;

    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    return strcmp(a->place.path, b->place.path);
}

/* True for a region of another format version (and of this machine's byte order). */
static bool
read_stranger(const struct wp_region_place *place, struct wp_region_stranger *stranger,
              uint32_t *uid)
{
    char head[offsetof(struct wp_region_header, version) + sizeof stranger->version];
    int fd = wp_region_place_open(place, O_RDONLY, NULL);
    struct stat status;
    bool is_known;
    uint64_t now_ns, written_ns;

    if (fd < 0)
        return false;
    is_known = pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && fstat(fd, &status) == 0;
    if (is_known)
        stranger->is_unused = place->user_pid == 0 && wp_region_use(fd) == WP_USE_NONE;
    close(fd);
    if (!is_known || memcmp(head, WP_REGION_MAGIC, sizeof WP_REGION_MAGIC - 1) != 0)
        return false;
    memcpy(&stranger->version, head + offsetof(struct wp_region_header, version),
           sizeof stranger->version);
    stranger->place = *place;
    *uid = status.st_uid;
    now_ns = wp_clock_ns(CLOCK_REALTIME);
    written_ns =
        (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)status.st_mtim.tv_nsec;
    stranger->age_ns = now_ns > written_ns ? now_ns - written_ns : 0;
    return stranger->version != WP_REGION_VERSION &&
           stranger->version != __builtin_bswap32(WP_REGION_VERSION);
}

static void
read_row(const struct wp_region_place *place, bool all, struct wp_region_rows *rows)
{
    struct wp_region_stranger *stranger = &rows->strangers[rows->stranger_count];
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    int status = wp_reader_open(place, &snapshot, &error);
    uint32_t uid = 0;

    if (status == -EPROTO && read_stranger(place, stranger, &uid)) {
        rows->stranger_count += all || uid == geteuid();
        return;
    }
    if (status != 0) {
        /* Gone since it was listed, or in the making: neither is worth a word. */
        if (status != -ENOENT && status != -EAGAIN)
            wp_message_error(NULL, NULL, "%s", error.text);
        return;
    }
    if (all || snapshot->uid == geteuid())
        fill_row(&rows->rows[rows->count++], snapshot);
    wp_snapshot_free(snapshot);
}

int
wp_region_rows_read(bool all, struct wp_region_rows *rows, struct wp_error *error)
{
    struct wp_region_list list = {0};
    int status = wp_region_find_all(&list, error);

    *rows = (struct wp_region_rows){0};
    if (status != 0)
        return status;
    rows->rows = calloc(list.count + 1, sizeof *rows->rows);
    rows->strangers = calloc(list.count + 1, sizeof *rows->strangers);
    if (rows->rows == NULL || rows->strangers == NULL) {
        wp_region_list_free(&list);
        wp_region_rows_free(rows);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < list.count; i++)
        read_row(&list.rows[i], all, rows);
    wp_region_list_free(&list);
    qsort(rows->rows, rows->count, sizeof *rows->rows, compare_rows);
    qsort(rows->strangers, rows->stranger_count, sizeof *rows->strangers, compare_strangers);
    return 0;
}

void
wp_region_rows_free(struct wp_region_rows *rows)
{
    free(rows->rows);
    free(rows->strangers);
    *rows = (struct wp_region_rows){0};
}

/* The length of the path's directory. */
static size_t
directory_length(const struct wp_region_stranger *stranger)
{
    const char *slash = strrchr(stranger->place.path, '/');

    return slash != NULL ? (size_t)(slash - stranger->place.path) : 0;
}

static bool
is_beside(const struct wp_region_stranger *a, const struct wp_region_stranger *b)
{
    size_t length = directory_length(a);

    return a->place.root_pid == b->place.root_pid && length == directory_length(b) &&
           memcmp(a->place.path, b->place.path, length) == 0;
}

void
wp_region_rows_report_strangers(const struct wp_region_rows *rows, const char *remedy)
{
    size_t end;

    for (size_t start = 0; start < rows->stranger_count; start = end) {
        const struct wp_region_stranger *first = &rows->strangers[start];
        char directory[sizeof first->place.path + 32];
        bool is_one = true;

        for (end = start + 1;
             end < rows->stranger_count && rows->strangers[end].version == first->version; end++)
            is_one &= is_beside(first, &rows->strangers[end]);
        snprintf(directory, sizeof directory, "%.*s%s", (int)directory_length(first),
                 first->place.path, is_one ? "" : " and others");
        wp_message_warning(directory, remedy,
                           "%zu region%s of format version %u, and this waitprof reads version %u",
                           end - start, end - start == 1 ? "" : "s", first->version,
                           WP_REGION_VERSION);
    }
}
