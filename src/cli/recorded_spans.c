#include "cli/recorded_spans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/profile_file_name.h"

#define UNTIL_AT (WP_PROFILE_TIME_LENGTH + 1)
#define LINE_LENGTH (2 * UNTIL_AT)
#define FILE_MAX_BYTES (UINT64_C(64) << 20) /* a larger one is none of ours */

static bool
parse_line(const char *line, struct wp_recorded_span *span)
{
    return line[WP_PROFILE_TIME_LENGTH] == ' ' && line[LINE_LENGTH - 1] == '\n' &&
           wp_profile_time_parse(line, &span->from_ns) &&
           wp_profile_time_parse(line + UNTIL_AT, &span->until_ns);
}

/* Where the next line goes: a line that was cut (a full disk) is written over. */
static off_t
end_of_lines(int fd)
{
    struct stat facts;

    return fstat(fd, &facts) == 0 ? facts.st_size - facts.st_size % (off_t)LINE_LENGTH : -1;
}

static int
write_at(int fd, const char *text, size_t length, off_t offset)
{
    ssize_t written = pwrite(fd, text, length, offset);

    if (written == (ssize_t)length)
        return 0;
    return written < 0 ? -errno : -ENOSPC;
}

static int
add_span(int fd, uint64_t from_ns, uint64_t until_ns)
{
    char last[LINE_LENGTH + 1] = "", line[LINE_LENGTH + 1];
    char from[WP_PROFILE_TIME_LENGTH + 1], until[WP_PROFILE_TIME_LENGTH + 1];
    off_t end = end_of_lines(fd);

    if (end < 0)
        return -errno;
    wp_profile_time_format(from_ns, from);
    wp_profile_time_format(until_ns, until);
    if (end > 0 && pread(fd, last, LINE_LENGTH, end - (off_t)LINE_LENGTH) == (ssize_t)LINE_LENGTH &&
        strncmp(last + UNTIL_AT, from, WP_PROFILE_TIME_LENGTH) == 0)
        return write_at(fd, until, WP_PROFILE_TIME_LENGTH,
                        end - (off_t)LINE_LENGTH + (off_t)UNTIL_AT);
    snprintf(line, sizeof line, "%s %s\n", from, until);
    return write_at(fd, line, LINE_LENGTH, end);
}

int
wp_recorded_spans_add(int directory, uint64_t from_ns, uint64_t until_ns)
{
    int fd =
        openat(directory, WP_RECORDED_SPANS_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status;

    if (fd < 0)
        return -errno;
    status = add_span(fd, from_ns, until_ns);
    close(fd);
    return status;
}

static char *
read_text(int fd, size_t *length)
{
    off_t end = end_of_lines(fd);
    char *text;

    *length = 0;
    if (end <= 0 || (uint64_t)end > FILE_MAX_BYTES)
        return NULL;
    text = malloc((size_t)end);
    while (text != NULL && *length < (size_t)end) {
        ssize_t got = pread(fd, text + *length, (size_t)end - *length, (off_t)*length);

        if (got <= 0)
            break;
        *length += (size_t)got;
    }
    return text;
}

int
wp_recorded_spans_read(int directory, struct wp_recorded_span **spans, size_t *count)
{
    int fd = openat(directory, WP_RECORDED_SPANS_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    size_t length = 0;
    char *text = fd >= 0 ? read_text(fd, &length) : NULL;

    *count = 0;
    *spans = malloc((length / LINE_LENGTH + 1) * sizeof **spans);
    for (size_t at = 0; *spans != NULL && at + LINE_LENGTH <= length; at += LINE_LENGTH)
        *count += parse_line(text + at, &(*spans)[*count]);
    free(text);
    if (fd >= 0)
        close(fd);
    return *spans != NULL ? 0 : -ENOMEM;
}
