#include "cli/push/profile_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/push/durable_file.h"
#include "cli/push/private_directory.h"
#include "profile/clock.h"
#include "profile/profile.h"

#define NS_PER_S UINT64_C(1000000000)
#define TIME_BYTES sizeof "20261122T101530.123456Z"
#define PROGRAM_BYTES 96u
#define FILE_BYTES 64u

/* A file that is kept: names as they are below the directory. */
struct row {
    char program[PROGRAM_BYTES]; /* COMMAND.PID */
    char file[FILE_BYTES];
    uint64_t bytes;
};

struct wp_profile_directory {
    struct wp_push_sink sink; /* the first member */
    struct wp_profile_directory_options options;
    int directory, lock;
    struct row *rows; /* [first .. end), oldest first */
    size_t first, end, capacity;
    uint64_t bytes;
    struct wp_profile_directory_counts counts;
};

static char *
format_time(uint64_t time_ns, char text[TIME_BYTES])
{
    time_t seconds = (time_t)(time_ns / NS_PER_S);
    struct tm parts;
    char second[sizeof "20261122T101530"];

    /* Twenty digits of a year do not occur: 64 bits of nanoseconds end in 2554. */
    gmtime_r(&seconds, &parts);
    strftime(second, sizeof second, "%Y%m%dT%H%M%S", &parts);
    snprintf(text, TIME_BYTES, "%s.%06" PRIu64 "Z", second, time_ns % NS_PER_S / 1000);
    return text;
}

/* Whether the name is one that we give, by its form. */
static bool
is_file_name(const char *name)
{
    static const char form[] = "########T######.######Z";

    if (strlen(name) >= FILE_BYTES)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        if (form[i] == '#' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
            return false;
    }
    name += sizeof form - 1;
    return strcmp(name, ".block.pb.gz") == 0 || strcmp(name, ".mutex.pb.gz") == 0;
}

#define TEMPORARY_PREFIX "."
#define TEMPORARY_SUFFIX ".new"

/* Hidden, and of no use after a crash. The user's own hidden files must not look like it: the
 * directory may be one that has others, too. */
static bool
is_temporary_name(const char *name)
{
    size_t prefix = strlen(TEMPORARY_PREFIX), suffix = strlen(TEMPORARY_SUFFIX);
    size_t length = strlen(name);
    char file[FILE_BYTES];

    if (length <= prefix + suffix || strncmp(name, TEMPORARY_PREFIX, prefix) != 0 ||
        strcmp(name + length - suffix, TEMPORARY_SUFFIX) != 0)
        return false;
    snprintf(file, sizeof file, "%.*s", (int)(length - prefix - suffix), name + prefix);
    return is_file_name(file);
}

static void
name_temporary(const char *file, char name[FILE_BYTES])
{
    snprintf(name, FILE_BYTES, TEMPORARY_PREFIX "%.*s" TEMPORARY_SUFFIX, (int)FILE_BYTES - 6, file);
}

/* "COMMAND.PID", with what people need not quote; neither hidden nor like an option. */
static void
name_program(const struct wp_push_profile *profile, char name[PROGRAM_BYTES])
{
    size_t length = 0;

    for (const char *next = profile->command; *next != '\0' && length < 64; next++) {
        bool fits = (*next >= 'a' && *next <= 'z') || (*next >= 'A' && *next <= 'Z') ||
                    (*next >= '0' && *next <= '9') || strchr("_+", *next) != NULL ||
                    ((*next == '.' || *next == '-') && length > 0);

        name[length++] = fits ? *next : '_';
    }
    snprintf(name + length, PROGRAM_BYTES - length, ".%" PRIu32, profile->pid);
}

static int
compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = strcmp(a->file, b->file);

    return order != 0 ? order : strcmp(a->program, b->program);
}

static int
append_row(struct wp_profile_directory *directory, const struct row *row)
{
    if (directory->end == directory->capacity && directory->first > directory->end / 2) {
        memmove(directory->rows, directory->rows + directory->first,
                (directory->end - directory->first) * sizeof *directory->rows);
        directory->end -= directory->first;
        directory->first = 0;
    }
    if (directory->end == directory->capacity) {
        size_t capacity = directory->capacity > 0 ? 2 * directory->capacity : 64;
        struct row *rows = reallocarray(directory->rows, capacity, sizeof *rows);

        if (rows == NULL)
            return -ENOMEM;
        directory->rows = rows;
        directory->capacity = capacity;
    }
    directory->rows[directory->end++] = *row;
    directory->bytes += row->bytes;
    return 0;
}

static int
open_program(const struct wp_profile_directory *directory, const char *program)
{
    return openat(directory->directory, program, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void
remove_oldest(struct wp_profile_directory *directory)
{
    const struct row *row = &directory->rows[directory->first++];
    int program = open_program(directory, row->program);

    if (program >= 0) {
        unlinkat(program, row->file, 0);
        close(program);
        /* Only if it is empty now. */
        unlinkat(directory->directory, row->program, AT_REMOVEDIR);
    }
    directory->bytes -= row->bytes;
    directory->counts.removed++;
}

static void
make_room(struct wp_profile_directory *directory, uint64_t bytes)
{
    while (directory->first < directory->end &&
           directory->bytes + bytes > directory->options.bytes_max)
        remove_oldest(directory);
}

void
wp_profile_directory_tidy(struct wp_profile_directory *directory)
{
    uint64_t now_ns = wp_clock_ns(CLOCK_REALTIME);
    char oldest[TIME_BYTES];

    if (directory->options.age_max_ns == 0 || directory->options.age_max_ns >= now_ns)
        return;
    format_time(now_ns - directory->options.age_max_ns, oldest);
    while (directory->first < directory->end &&
           strncmp(directory->rows[directory->first].file, oldest, sizeof oldest - 1) < 0)
        remove_oldest(directory);
}

/* A program's profiles, all of them under temporary names first. */
static int
write_files(int program, const struct wp_push_profile *profiles, const struct row *rows,
            size_t count)
{
    char temporary[FILE_BYTES];
    size_t written = 0, named = 0;
    int status = 0;

    while (status == 0 && written < count) {
        const struct iovec part = {(void *)profiles[written].bytes, profiles[written].length};

        name_temporary(rows[written].file, temporary);
        status = wp_durable_file_write(program, temporary, &part, 1);
        written += status == 0;
    }
    while (status == 0 && named < count) {
        name_temporary(rows[named].file, temporary);
        status = renameat(program, temporary, program, rows[named].file) == 0 ? 0 : -errno;
        named += status == 0;
    }
    if (status == 0) {
        fsync(program);
        return 0;
    }
    for (size_t i = 0; i < written; i++) {
        name_temporary(rows[i].file, temporary);
        unlinkat(program, i < named ? rows[i].file : temporary, 0);
    }
    return status;
}

/* The files of one program, that an earlier command left. */
static int
adopt_program(struct wp_profile_directory *directory, const char *name)
{
    int fd = open_program(directory, name), status = 0;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while (status == 0 && (entry = readdir(stream)) != NULL) {
        struct row row = {0};
        struct stat facts;

        if (is_temporary_name(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
        if (!is_file_name(entry->d_name) ||
            fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(facts.st_mode))
            continue;
        snprintf(row.program, sizeof row.program, "%.*s", (int)sizeof row.program - 1, name);
        snprintf(row.file, sizeof row.file, "%.*s", (int)sizeof row.file - 1, entry->d_name);
        row.bytes = (uint64_t)facts.st_size;
        status = append_row(directory, &row);
    }
    closedir(stream);
    return status;
}

static int
adopt_all(struct wp_profile_directory *directory, struct wp_error *error)
{
    int fd = openat(directory->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return wp_error_set(error, EIO, "%s: cannot be listed: %s", directory->options.path,
                            strerror(errno));
    }
    while (status == 0 && (entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < PROGRAM_BYTES)
            status = adopt_program(directory, entry->d_name);
    }
    closedir(stream);
    if (status != 0)
        return wp_error_set(error, -status, "%s: out of memory", directory->options.path);
    if (directory->end > 0)
        qsort(directory->rows, directory->end, sizeof *directory->rows, compare_rows);
    make_room(directory, 0);
    wp_profile_directory_tidy(directory);
    return 0;
}

static void
close_directory(struct wp_profile_directory *directory)
{
    if (directory->lock >= 0)
        close(directory->lock);
    if (directory->directory >= 0)
        close(directory->directory);
    directory->lock = directory->directory = -1;
    directory->first = directory->end = 0;
    directory->bytes = 0;
}

static int
open_directory(struct wp_profile_directory *directory, struct wp_error *error)
{
    int status = wp_private_directory_open(directory->options.path, "choose another with --to",
                                           &directory->directory, &directory->lock, error);

    if (status == 0)
        status = adopt_all(directory, error);
    if (status != 0)
        close_directory(directory);
    return status;
}

/* Makes the directory again if somebody has removed it. */
static int
mend_directory(struct wp_profile_directory *directory, struct wp_error *error)
{
    if (!wp_private_directory_is_gone(directory->options.path, directory->directory))
        return 0;
    close_directory(directory);
    return open_directory(directory, error);
}

#define BATCH_MAX 8u

static int
put(struct wp_push_sink *sink, const struct wp_push_profile *profiles, size_t count,
    struct wp_error *error)
{
    struct wp_profile_directory *directory = (struct wp_profile_directory *)sink;
    struct row rows[BATCH_MAX] = {0};
    uint64_t bytes = 0;
    int program = -1, status;

    if (count > BATCH_MAX)
        return wp_error_set(error, EINVAL, "too many profiles at once");
    status = mend_directory(directory, error);
    if (status != 0)
        return status;
    for (size_t i = 0; i < count; i++) {
        char time[TIME_BYTES];

        name_program(&profiles[i], rows[i].program);
        snprintf(rows[i].file, sizeof rows[i].file, "%s.%s.pb.gz",
                 format_time(profiles[i].until_ns, time), wp_profile_type_name(profiles[i].type));
        rows[i].bytes = profiles[i].length;
        bytes += profiles[i].length;
    }
    if (bytes > directory->options.bytes_max) {
        wp_message_warning(profiles[0].command, "see --keep-bytes",
                           "its profiles are larger than all may be, and are dropped");
        directory->counts.dropped += count;
        return 0;
    }
    make_room(directory, bytes);
    wp_profile_directory_tidy(directory);
    if (mkdirat(directory->directory, rows[0].program, 0700) != 0 && errno != EEXIST)
        status = -errno;
    if (status == 0 && (program = open_program(directory, rows[0].program)) < 0)
        status = -errno;
    if (status == 0)
        status = write_files(program, profiles, rows, count);
    if (program >= 0)
        close(program);
    if (status != 0)
        return wp_error_set(error, -status, "%s/%s: cannot be written: %s", directory->options.path,
                            rows[0].program, strerror(-status));
    directory->counts.written += count;
    /* A file that could not be listed is found by the next command. */
    for (size_t i = 0; i < count; i++)
        append_row(directory, &rows[i]);
    return 0;
}

int
wp_profile_directory_open(const struct wp_profile_directory_options *options,
                          struct wp_profile_directory **directory, struct wp_error *error)
{
    struct wp_profile_directory *made = calloc(1, sizeof *made);
    int status;

    *directory = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    made->sink.put = put;
    made->options = *options;
    made->directory = made->lock = -1;
    status = open_directory(made, error);
    if (status != 0) {
        wp_profile_directory_close(made);
        return status;
    }
    *directory = made;
    return 0;
}

void
wp_profile_directory_close(struct wp_profile_directory *directory)
{
    if (directory == NULL)
        return;
    close_directory(directory);
    free(directory->rows);
    free(directory);
}

struct wp_push_sink *
wp_profile_directory_sink(struct wp_profile_directory *directory)
{
    return &directory->sink;
}

struct wp_profile_directory_counts
wp_profile_directory_count(const struct wp_profile_directory *directory)
{
    struct wp_profile_directory_counts counts = directory->counts;

    counts.kept = directory->end - directory->first;
    return counts;
}
