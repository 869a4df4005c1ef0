#include "compare/pprof_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define FIRST_BYTES 65536u
#define GZIP_WINDOW_BITS (15 + 16) /* 16 asks zlib for a gzip header */

/* Makes room for more bytes behind `length`. One byte above the limit is allowed: who fills it has
 * too many. */
static int
bytes_reserve(struct wp_pprof_bytes *buffer, size_t *capacity, size_t limit_bytes)
{
    size_t wanted = *capacity == 0 ? FIRST_BYTES : *capacity * 2;
    uint8_t *bytes;

    if (buffer->length < *capacity)
        return 0;
    if (wanted > limit_bytes)
        wanted = limit_bytes + 1;
    bytes = realloc(buffer->bytes, wanted);
    if (bytes == NULL)
        return -ENOMEM;
    buffer->bytes = bytes;
    *capacity = wanted;
    return 0;
}

static int
bytes_refuse_size(const char *name, const char *what, size_t limit_bytes, struct wp_error *error)
{
    return wp_error_set(error, EPROTO,
                        "%s: %s more than %zu MiB, far more than a profile of waits has", name,
                        what, limit_bytes >> 20);
}

static int
bytes_fill(int fd, const char *path, size_t limit_bytes, struct wp_pprof_bytes *file,
           struct wp_error *error)
{
    size_t capacity = 0;

    for (;;) {
        ssize_t count;

        if (bytes_reserve(file, &capacity, limit_bytes) != 0)
            return wp_error_set(error, ENOMEM, "not enough memory to read %s", path);
        count = read(fd, file->bytes + file->length, capacity - file->length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return wp_error_set(error, errno, "cannot read %s: %s", path, strerror(errno));
        if (count == 0)
            return 0;
        file->length += (size_t)count;
        if (file->length > limit_bytes)
            return bytes_refuse_size(path, "has", limit_bytes, error);
    }
}

int
wp_pprof_bytes_read(const char *path, size_t limit_bytes, struct wp_pprof_bytes *file,
                    struct wp_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result;

    *file = (struct wp_pprof_bytes){0};
    if (fd < 0)
        return wp_error_set(error, errno, "cannot open %s: %s; %s", path, strerror(errno),
                            errno == EACCES || errno == EPERM
                                ? "try as its owner or as root"
                                : "name a profile, as `waitprof record` writes them");
    result = bytes_fill(fd, path, limit_bytes, file, error);
    close(fd);
    if (result == 0)
        return 0;
    free(file->bytes);
    *file = (struct wp_pprof_bytes){0};
    return result;
}

static bool
bytes_are_gzip(const uint8_t *bytes, size_t length)
{
    return length >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Hands zlib what it has not yet seen: it counts in 32 bits. */
static void
inflate_feed(z_stream *zlib, const uint8_t *end)
{
    size_t left = (size_t)(end - zlib->next_in);

    zlib->avail_in = left > UINT_MAX ? UINT_MAX : (uInt)left;
}

/* Inflates until the end of the last stream. */
static int
inflate_all(z_stream *zlib, const uint8_t *end, const char *name, size_t limit_bytes,
            struct wp_pprof_bytes *inflated, struct wp_error *error)
{
    size_t capacity = 0;

    for (;;) {
        size_t room;
        int status;

        if (bytes_reserve(inflated, &capacity, limit_bytes) != 0)
            return wp_error_set(error, ENOMEM, "not enough memory to decompress %s", name);
        room = capacity - inflated->length;
        zlib->next_out = inflated->bytes + inflated->length;
        zlib->avail_out = (uInt)room;
        inflate_feed(zlib, end);
        status = inflate(zlib, Z_NO_FLUSH);
        inflated->length += room - zlib->avail_out;
        if (inflated->length > limit_bytes)
            return bytes_refuse_size(name, "expands to", limit_bytes, error);
        if (status == Z_STREAM_END && zlib->next_in == end)
            return 0;
        if (status == Z_STREAM_END && bytes_are_gzip(zlib->next_in, (size_t)(end - zlib->next_in)))
            status = inflateReset(zlib);
        if (status == Z_BUF_ERROR ||
            (status == Z_OK && zlib->next_in == end && zlib->avail_out > 0))
            return wp_error_set(error, EPROTO,
                                "%s ends in the middle of its compressed data: take it anew, or "
                                "copy it whole",
                                name);
        if (status == Z_MEM_ERROR)
            return wp_error_set(error, ENOMEM, "not enough memory to decompress %s", name);
        if (status != Z_OK)
            return wp_error_set(error, EPROTO, "%s: its compressed data is damaged", name);
    }
}

int
wp_pprof_bytes_inflate(const void *bytes, size_t length, const char *name, size_t limit_bytes,
                       struct wp_pprof_bytes *inflated, struct wp_error *error)
{
    z_stream zlib = {0};
    int result;

    *inflated = (struct wp_pprof_bytes){0};
    if (!bytes_are_gzip(bytes, length))
        return 0;
    if (inflateInit2(&zlib, GZIP_WINDOW_BITS) != Z_OK)
        return wp_error_set(error, ENOMEM, "not enough memory to decompress %s", name);
    zlib.next_in = (Bytef *)(uintptr_t)bytes;
    result =
        inflate_all(&zlib, (const uint8_t *)bytes + length, name, limit_bytes, inflated, error);
    inflateEnd(&zlib);
    if (result == 0)
        return 0;
    free(inflated->bytes);
    *inflated = (struct wp_pprof_bytes){0};
    return result;
}
