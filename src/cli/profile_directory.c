#include "cli/profile_directory.h"

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

#include "cli/durable_file.h"
#include "cli/message.h"
#include "cli/private_directory.h"
#include "cli/profile_file_name.h"
#include "cli/recorded_spans.h"
#include "profile/clock.h"
#include "profile/keyset.h"

#define PROGRAM_BYTES 96u
#define FILE_BYTES WP_PROFILE_FILE_NAME_BYTES

/* A directory of one program. Its row is free when it has neither files nor notes. */
struct program {
    char name[PROGRAM_BYTES]; /* COMMAND.PID */
    size_t file_count;
    bool is_noted; /* it is being recorded: what is known of that outlives its files */
};

/* A file that is kept. A day of seconds has 172 800: no names here. */
struct row {
    uint64_t until_ns; /* whole microseconds, as in the name */
    uint64_t bytes;
    uint32_t program; /* index */
    enum wp_region_profile type;
};

struct wp_profile_directory {
    struct wp_profile_directory_options options;
    int directory, lock;
    struct program *programs;
    size_t program_count, program_capacity;
    struct row *rows; /* [first .. end), oldest first */
    size_t first, end, capacity;
    uint64_t bytes;
    struct wp_profile_directory_counts counts;
};

#define TEMPORARY_PREFIX "."
#define TEMPORARY_SUFFIX ".new"

static bool
is_file_name(const char *name)
{
    enum wp_region_profile type;
    uint64_t until_ns;

    return wp_profile_file_name_parse(name, &until_ns, &type);
}

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
name_program(const struct wp_profile_directory_program *program, char name[PROGRAM_BYTES])
{
    size_t length = 0;

    for (const char *next = program->command; *next != '\0' && length < 64; next++) {
        bool fits = (*next >= 'a' && *next <= 'z') || (*next >= 'A' && *next <= 'Z') ||
                    (*next >= '0' && *next <= '9') || strchr("_+", *next) != NULL ||
                    ((*next == '.' || *next == '-') && length > 0);

        name[length++] = fits ? *next : '_';
    }
    snprintf(name + length, PROGRAM_BYTES - length, ".%" PRIu32, program->pid);
}

/* The row of a program, a new one perhaps; -ENOMEM. */
static ssize_t
find_program(struct wp_profile_directory *directory, const char *name)
{
    size_t unused = directory->program_count;

    for (size_t i = 0; i < directory->program_count; i++) {
        const struct program *program = &directory->programs[i];

        if (program->file_count == 0 && !program->is_noted)
            unused = i;
        else if (strcmp(program->name, name) == 0)
            return (ssize_t)i;
    }
    if (unused == directory->program_count) {
        if (wp_array_reserve(&directory->programs, &directory->program_capacity,
                             directory->program_count, sizeof *directory->programs) != 0)
            return -ENOMEM;
        directory->program_count++;
    }
    directory->programs[unused] = (struct program){0};
    snprintf(directory->programs[unused].name, PROGRAM_BYTES, "%s", name);
    return (ssize_t)unused;
}

static int
compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;

    if (a->until_ns != b->until_ns)
        return a->until_ns > b->until_ns ? 1 : -1;
    if (a->type != b->type)
        return a->type > b->type ? 1 : -1;
    return (a->program > b->program) - (a->program < b->program);
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
    if (wp_array_reserve(&directory->rows, &directory->capacity, directory->end,
                         sizeof *directory->rows) != 0)
        return -ENOMEM;
    directory->rows[directory->end++] = *row;
    directory->programs[row->program].file_count++;
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
    struct program *program = &directory->programs[row->program];
    int fd = open_program(directory, program->name);
    char name[FILE_BYTES];

    program->file_count--;
    if (fd >= 0) {
        bool is_last = program->file_count == 0 && !program->is_noted;

        unlinkat(fd, wp_profile_file_name_format(row->until_ns, row->type, name), 0);
        if (is_last)
            unlinkat(fd, WP_RECORDED_SPANS_NAME, 0);
        close(fd);
        /* Only if it is empty now. */
        if (is_last)
            unlinkat(directory->directory, program->name, AT_REMOVEDIR);
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

    if (directory->options.age_max_ns == 0 || directory->options.age_max_ns >= now_ns)
        return;
    while (directory->first < directory->end &&
           directory->rows[directory->first].until_ns < now_ns - directory->options.age_max_ns)
        remove_oldest(directory);
}

/* A program's profiles, all of them under temporary names first. */
static int
write_files(const struct wp_profile_directory *directory, int program,
            const struct wp_stored_profile *profiles, const struct row *rows, size_t count)
{
    bool is_durable = directory->options.survives_machine;
    char file[FILE_BYTES], temporary[FILE_BYTES];
    size_t written = 0, named = 0;
    int status = 0;

    while (status == 0 && written < count) {
        const struct iovec part = {(void *)profiles[written].bytes, profiles[written].length};

        wp_profile_file_name_format(rows[written].until_ns, rows[written].type, file);
        name_temporary(file, temporary);
        status = is_durable ? wp_durable_file_write(program, temporary, &part, 1)
                            : wp_durable_file_write_lazily(program, temporary, &part, 1);
        written += status == 0;
    }
    while (status == 0 && named < count) {
        wp_profile_file_name_format(rows[named].until_ns, rows[named].type, file);
        name_temporary(file, temporary);
        status = renameat(program, temporary, program, file) == 0 ? 0 : -errno;
        named += status == 0;
    }
    if (status == 0 && is_durable)
        fsync(program);
    for (size_t i = 0; status != 0 && i < written; i++) {
        wp_profile_file_name_format(rows[i].until_ns, rows[i].type, file);
        name_temporary(file, temporary);
        unlinkat(program, i < named ? file : temporary, 0);
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
        ssize_t program;

        if (is_temporary_name(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
        if (!wp_profile_file_name_parse(entry->d_name, &row.until_ns, &row.type) ||
            fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(facts.st_mode))
            continue;
        program = find_program(directory, name);
        row.program = (uint32_t)program;
        row.bytes = (uint64_t)facts.st_size;
        status = program < 0 ? (int)program : append_row(directory, &row);
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
    directory->program_count = 0;
    directory->bytes = 0;
}

static int
open_directory(struct wp_profile_directory *directory, struct wp_error *error)
{
    int status = wp_private_directory_open(directory->options.path, directory->options.remedy,
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

/* The program's own directory, made where it is missing; a descriptor or a negative errno. */
static int
make_program(const struct wp_profile_directory *directory, const char *name)
{
    int fd;

    if (mkdirat(directory->directory, name, 0700) != 0 && errno != EEXIST)
        return -errno;
    fd = open_program(directory, name);
    return fd >= 0 ? fd : -errno;
}

static int
fail_to_write(const struct wp_profile_directory *directory, const char *program, int status,
              struct wp_error *error)
{
    return wp_error_set(error, -status, "%s/%s: cannot be written: %s", directory->options.path,
                        program, strerror(-status));
}

static int
store(struct wp_profile_directory *directory, const char *name,
      const struct wp_stored_profile *profiles, struct row *rows, size_t count,
      struct wp_error *error)
{
    int fd = make_program(directory, name), status = fd < 0 ? fd : 0;
    ssize_t program;

    if (status == 0)
        status = write_files(directory, fd, profiles, rows, count);
    if (fd >= 0)
        close(fd);
    if (status != 0)
        return fail_to_write(directory, name, status, error);
    directory->counts.written += count;
    program = find_program(directory, name);
    /* A file that could not be listed is found by the next command. */
    for (size_t i = 0; program >= 0 && i < count; i++) {
        rows[i].program = (uint32_t)program;
        append_row(directory, &rows[i]);
    }
    return 0;
}

#define BATCH_MAX 8u

int
wp_profile_directory_put(struct wp_profile_directory *directory,
                         const struct wp_profile_directory_program *program,
                         const struct wp_stored_profile *profiles, size_t count,
                         struct wp_error *error)
{
    struct row rows[BATCH_MAX] = {0};
    char name[PROGRAM_BYTES];
    uint64_t bytes = 0;
    int status;

    if (count > BATCH_MAX)
        return wp_error_set(error, EINVAL, "too many profiles at once");
    status = mend_directory(directory, error);
    if (status != 0)
        return status;
    for (size_t i = 0; i < count; i++) {
        rows[i].until_ns = program->until_ns - program->until_ns % 1000;
        rows[i].type = profiles[i].type;
        rows[i].bytes = profiles[i].length;
        bytes += profiles[i].length;
    }
    if (bytes > directory->options.bytes_max) {
        wp_message_warning(program->command, "see --keep-bytes",
                           "its profiles are larger than all may be, and are dropped");
        directory->counts.dropped += count;
        return 0;
    }
    make_room(directory, bytes);
    wp_profile_directory_tidy(directory);
    name_program(program, name);
    return store(directory, name, profiles, rows, count, error);
}

int
wp_profile_directory_note(struct wp_profile_directory *directory,
                          const struct wp_profile_directory_program *program, uint64_t from_ns,
                          struct wp_error *error)
{
    char name[PROGRAM_BYTES];
    ssize_t row;
    int fd, status = mend_directory(directory, error);

    if (status != 0)
        return status;
    name_program(program, name);
    row = find_program(directory, name);
    if (row >= 0)
        directory->programs[row].is_noted = true;
    fd = make_program(directory, name);
    status = fd < 0 ? fd : wp_recorded_spans_add(fd, from_ns, program->until_ns);
    if (fd >= 0)
        close(fd);
    return status == 0 ? 0 : fail_to_write(directory, name, status, error);
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
    free(directory->programs);
    free(directory);
}

struct wp_profile_directory_counts
wp_profile_directory_count(const struct wp_profile_directory *directory)
{
    struct wp_profile_directory_counts counts = directory->counts;

    counts.kept = directory->end - directory->first;
    return counts;
}
