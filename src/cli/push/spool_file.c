#include "cli/push/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/durable_file.h"
#include "cli/push/series_name.h"
#include "profile/profile.h"

#define FIRST_LINE "waitprof spool 1 crc32 "
#define FIRST_LINE_BYTES (sizeof FIRST_LINE - 1 + 8 + 1)
#define HEADER_BYTES (WP_SERIES_NAME_BYTES + 512)

static uint32_t
checksum(const void *header, size_t header_length, const void *body, size_t length)
{
    uLong sum = crc32_z(0, NULL, 0);

    sum = crc32_z(sum, header, header_length);
    return (uint32_t)(length > 0 ? crc32_z(sum, body, length) : sum);
}

int
wp_spool_file_write(int directory, const char *name, const struct wp_push_profile *profile,
                    struct wp_error *error)
{
    char header[HEADER_BYTES], first[FIRST_LINE_BYTES + 1];
    struct iovec parts[3];
    int length, status;

    length = snprintf(header, sizeof header,
                      "profile %s\nseries %s\nprogram %s %" PRIu32 "\nfrom %" PRIu64
                      "\nuntil %" PRIu64 "\nbytes %zu\n\n",
                      wp_profile_type_name(profile->type), profile->series, profile->command,
                      profile->pid, profile->from_ns, profile->until_ns, profile->length);
    if (length < 0 || (size_t)length >= sizeof header)
        return wp_error_set(error, ENAMETOOLONG, "%s: the name of the series is too long",
                            profile->command);
    snprintf(first, sizeof first, FIRST_LINE "%08" PRIx32 "\n",
             checksum(header, (size_t)length, profile->bytes, profile->length));
    parts[0] = (struct iovec){first, FIRST_LINE_BYTES};
    parts[1] = (struct iovec){header, (size_t)length};
    parts[2] = (struct iovec){(void *)profile->bytes, profile->length};
    status = wp_durable_file_write(directory, name, parts, sizeof parts / sizeof parts[0]);
    if (status != 0)
        return wp_error_set(error, -status, "cannot be written: %s", strerror(-status));
    return 0;
}

/* The whole of a regular file, with a NUL after it. */
static int
read_whole(int directory, const char *name, uint64_t bytes_max, char **memory, size_t *length,
           struct wp_error *error)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    char *bytes = NULL;
    size_t filled = 0;
    ssize_t got = -1;

    if (fd < 0)
        return wp_error_set(error, errno, "%s: cannot be read: %s", name, strerror(errno));
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size > bytes_max) {
        close(fd);
        return wp_error_set(error, EPROTO, "%s: not a file of the spool", name);
    }
    bytes = malloc((size_t)status.st_size + 1);
    while (bytes != NULL && filled < (size_t)status.st_size) {
        got = read(fd, bytes + filled, (size_t)status.st_size - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        filled += (size_t)got;
    }
    close(fd);
    if (bytes == NULL)
        return wp_error_set(error, ENOMEM, "%s: out of memory", name);
    if (got < 0 && filled < (size_t)status.st_size) {
        free(bytes);
        return wp_error_set(error, EIO, "%s: cannot be read: %s", name, strerror(errno));
    }
    bytes[filled] = '\0';
    *memory = bytes;
    *length = filled;
    return 0;
}

/* Takes the line "WORD REST" off the front; NULL if it is another. The rest ends in NUL. */
static char *
take_line(char **text, const char *word)
{
    size_t length = strlen(word);
    char *line = *text, *end = strchr(line, '\n');

    if (end == NULL || strncmp(line, word, length) != 0 || line[length] != ' ')
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line + length + 1;
}

static bool
take_number(char **text, const char *word, uint64_t *number)
{
    char *rest = take_line(text, word), *end;

    if (rest == NULL || rest[0] < '0' || rest[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(rest, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool
take_type(char **text, enum wp_region_profile *type)
{
    const char *name = take_line(text, "profile");

    for (*type = WP_PROFILE_BLOCK; name != NULL && *type <= WP_PROFILE_MUTEX; ++*type) {
        if (strcmp(name, wp_profile_type_name(*type)) == 0)
            return true;
    }
    return false;
}

/* "COMMAND PID", where the command may have blanks. */
static bool
take_program(char **text, struct wp_push_profile *profile)
{
    char *program = take_line(text, "program");
    char *blank = program != NULL ? strrchr(program, ' ') : NULL;

    if (blank == NULL)
        return false;
    *blank = '\0';
    profile->command = program;
    profile->pid = (uint32_t)strtoul(blank + 1, NULL, 10);
    return true;
}

/* All of it is known to be as it was written. */
static bool
parse(char *text, const char *end, struct wp_push_profile *profile)
{
    uint64_t length = 0;

    if (!take_type(&text, &profile->type) || (profile->series = take_line(&text, "series")) == NULL)
        return false;
    if (!take_program(&text, profile) || !take_number(&text, "from", &profile->from_ns) ||
        !take_number(&text, "until", &profile->until_ns) || !take_number(&text, "bytes", &length))
        return false;
    if (text == end || *text != '\n' || length != (uint64_t)(end - text - 1))
        return false;
    profile->bytes = text + 1;
    profile->length = (size_t)length;
    return true;
}

int
wp_spool_file_read(int directory, const char *name, uint64_t bytes_max, struct wp_spool_file *file,
                   struct wp_error *error)
{
    char *memory = NULL, first[FIRST_LINE_BYTES + 1];
    size_t length = 0;
    int status = read_whole(directory, name, bytes_max, &memory, &length, error);

    *file = (struct wp_spool_file){0};
    if (status != 0)
        return status;
    if (length >= FIRST_LINE_BYTES) {
        snprintf(first, sizeof first, FIRST_LINE "%08" PRIx32 "\n",
                 checksum(memory + FIRST_LINE_BYTES, length - FIRST_LINE_BYTES, NULL, 0));
        if (memcmp(memory, first, FIRST_LINE_BYTES) == 0 &&
            parse(memory + FIRST_LINE_BYTES, memory + length, &file->profile)) {
            file->memory = memory;
            return 0;
        }
    }
    free(memory);
    return wp_error_set(error, EPROTO, "%s: damaged: %s", name,
                        length < FIRST_LINE_BYTES ? "it was cut" : "the checksum does not fit");
}

void
wp_spool_file_free(struct wp_spool_file *file)
{
    free(file->memory);
    *file = (struct wp_spool_file){0};
}
