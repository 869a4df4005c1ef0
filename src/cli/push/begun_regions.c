#include "cli/push/begun_regions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/private_directory.h"

#define FILE_NAME ".begun"
#define NEW_NAME ".begun.new"
/* O_NONBLOCK: a FIFO of that name would hold us, and stopping signals are blocked. */
#define READS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
#define WRITES (O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
#define ROW_BYTES 17u /* 16 digits and a newline */
/* The latest so many are kept: what is older has ended long ago. */
#define ROWS_KEPT 65536u

struct wp_begun_regions {
    const char *path;
    int directory;
    int fd; /* for appending */
    uint64_t *ids;
    size_t count, capacity;
};

static int
remember(struct wp_begun_regions *regions, uint64_t region_id)
{
    if (regions->count == regions->capacity) {
        size_t capacity = regions->capacity > 0 ? 2 * regions->capacity : 64;
        uint64_t *ids = reallocarray(regions->ids, capacity, sizeof *ids);

        if (ids == NULL)
            return -ENOMEM;
        regions->ids = ids;
        regions->capacity = capacity;
    }
    regions->ids[regions->count++] = region_id;
    return 0;
}

static void
forget_oldest(struct wp_begun_regions *regions)
{
    if (regions->count <= ROWS_KEPT)
        return;
    memmove(regions->ids, regions->ids + regions->count - ROWS_KEPT,
            ROWS_KEPT * sizeof *regions->ids);
    regions->count = ROWS_KEPT;
}

static int
append_row(int fd, uint64_t region_id)
{
    char row[ROW_BYTES + 1];

    snprintf(row, sizeof row, "%016" PRIx64 "\n", region_id);
    return write(fd, row, ROW_BYTES) == (ssize_t)ROW_BYTES ? 0 : -(errno != 0 ? errno : EIO);
}

/* A row that a crash has cut is passed over. */
static int
read_rows(struct wp_begun_regions *regions)
{
    int fd = openat(regions->directory, FILE_NAME, READS), status = 0;
    FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL;
    size_t size = 0;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while (status == 0 && getline(&line, &size, stream) > 0) {
        if (strspn(line, "0123456789abcdef") == ROW_BYTES - 1)
            status = remember(regions, strtoull(line, NULL, 16));
    }
    free(line);
    fclose(stream);
    return status;
}

/* Whole rows alone, no more than are kept. */
static int
rewrite(struct wp_begun_regions *regions)
{
    int status = 0;

    forget_oldest(regions);
    if (regions->fd >= 0)
        close(regions->fd);
    regions->fd = openat(regions->directory, NEW_NAME, WRITES, 0600);
    if (regions->fd < 0)
        return -errno;
    for (size_t i = 0; status == 0 && i < regions->count; i++)
        status = append_row(regions->fd, regions->ids[i]);
    if (status == 0 && (fsync(regions->fd) != 0 ||
                        renameat(regions->directory, NEW_NAME, regions->directory, FILE_NAME) != 0))
        status = -errno;
    return status;
}

int
wp_begun_regions_open(const char *path, struct wp_begun_regions **regions, struct wp_error *error)
{
    struct wp_begun_regions *made = calloc(1, sizeof *made);
    int status = -ENOMEM;

    *regions = NULL;
    if (made != NULL) {
        made->fd = -1;
        made->path = path;
        made->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        status = made->directory >= 0 ? read_rows(made) : -errno;
    }
    if (status == 0)
        status = rewrite(made);
    if (status != 0) {
        wp_begun_regions_close(made);
        return wp_error_set(error, EIO, "%s: the list of regions cannot be kept: %s", path,
                            strerror(-status));
    }
    *regions = made;
    return 0;
}

void
wp_begun_regions_close(struct wp_begun_regions *regions)
{
    if (regions == NULL)
        return;
    if (regions->fd >= 0)
        close(regions->fd);
    if (regions->directory >= 0)
        close(regions->directory);
    free(regions->ids);
    free(regions);
}

bool
wp_begun_regions_have(const struct wp_begun_regions *regions, uint64_t region_id)
{
    for (size_t i = 0; i < regions->count; i++) {
        if (regions->ids[i] == region_id)
            return true;
    }
    return false;
}

int
wp_begun_regions_mend(struct wp_begun_regions *regions, struct wp_error *error)
{
    struct stat file;
    int directory, status;

    if (!wp_private_directory_is_gone(regions->path, regions->directory) &&
        fstat(regions->fd, &file) == 0 && file.st_nlink > 0)
        return 0;
    status =
        wp_private_directory_make(regions->path, "choose another directory", &directory, error);
    if (status != 0)
        return status;
    close(regions->directory);
    regions->directory = directory;
    status = rewrite(regions);
    if (status != 0)
        return wp_error_set(error, -status, "%s: the list of regions cannot be kept: %s",
                            regions->path, strerror(-status));
    return 0;
}

int
wp_begun_regions_add(struct wp_begun_regions *regions, uint64_t region_id, struct wp_error *error)
{
    int status = 0;

    if (wp_begun_regions_have(regions, region_id))
        return 0;
    if (regions->count >= 2 * ROWS_KEPT)
        status = rewrite(regions);
    errno = 0;
    if (status == 0)
        status = append_row(regions->fd, region_id);
    if (status == 0 && fdatasync(regions->fd) != 0)
        status = -errno;
    if (status == 0)
        status = remember(regions, region_id);
    if (status != 0)
        return wp_error_set(error, -status, "the list of regions cannot be written: %s",
                            strerror(-status));
    return 0;
}
