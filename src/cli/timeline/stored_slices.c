#include "cli/timeline/stored_slices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/capture_directory.h"
#include "cli/directory_file.h"
#include "cli/message.h"
#include "cli/profile_file_name.h"
#include "profile/profile.h"

static int
out_of_memory(struct wp_error *error)
{
    return wp_error_set(error, ENOMEM, "not enough memory for the list of slices");
}

static int
add_slice(struct wp_stored_slices *slices, const struct wp_stored_slice *slice)
{
    if (wp_array_reserve(&slices->slices, &slices->slice_capacity, slices->slice_count,
                         sizeof *slice) != 0)
        return -ENOMEM;
    slices->slices[slices->slice_count++] = *slice;
    slices->type_count += slice->type == slices->type;
    return 0;
}

/* --- Finding
 * ---------------------------------------------------------------------------------- */

static int
add_spans(struct wp_stored_slices *slices, int directory)
{
    struct wp_recorded_span *spans = NULL;
    size_t count = 0;
    int status = 0;

    if (!wp_directory_file_is_special(directory, WP_RECORDED_SPANS_NAME))
        status = wp_recorded_spans_read(directory, &spans, &count);
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = wp_array_reserve(&slices->spans, &slices->span_capacity, slices->span_count,
                                  sizeof *spans);
        if (status == 0)
            slices->spans[slices->span_count++] = spans[i];
    }
    free(spans);
    return status;
}

/* The program that a directory is of: the last part of its path. */
static int
add_program(struct wp_stored_slices *slices, const char *path, bool is_noted)
{
    struct wp_stored_program *program;
    size_t length = strlen(path);
    const char *name;

    while (length > 1 && path[length - 1] == '/')
        length--;
    if (wp_array_reserve(&slices->programs, &slices->program_capacity, slices->program_count,
                         sizeof *program) != 0)
        return -ENOMEM;
    program = &slices->programs[slices->program_count];
    program->directory = wp_arena_string(&slices->arena, path, length);
    if (program->directory == NULL)
        return -ENOMEM;
    name = strrchr(program->directory, '/');
    program->name = name != NULL && name[1] != '\0' ? name + 1 : program->directory;
    program->is_noted = is_noted;
    slices->program_count++;
    return 0;
}

/* The slices and notes right in a directory; *found if there are any, of whatever type. */
static int
find_in(struct wp_stored_slices *slices, const char *path, DIR *stream, bool *found)
{
    size_t spans = slices->span_count;
    struct wp_stored_slice slice = {.program = (uint32_t)slices->program_count};
    int status = add_spans(slices, dirfd(stream));
    bool has_others = false;
    struct dirent *entry;

    *found = slices->span_count > spans;
    while (status == 0 && (entry = readdir(stream)) != NULL) {
        /* There may be very many: no more is asked than the directory leaves open. */
        if (!wp_profile_file_name_parse(entry->d_name, &slice.until_ns, &slice.type) ||
            (entry->d_type != DT_REG && wp_directory_file_is_special(dirfd(stream), entry->d_name)))
            continue;
        *found = true;
        status = add_slice(slices, &slice);
        has_others |= slice.type != slices->type;
    }
    if (status == 0 && *found)
        status = add_program(slices, path, slices->span_count > spans);
    if (status == 0 && has_others)
        slices->other_path = slices->programs[slices->program_count - 1].directory;
    return status;
}

static int
find_below(struct wp_stored_slices *slices, const char *path, unsigned levels, bool *found,
           struct wp_error *error)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    bool is_program = false;
    int status;

    if (stream == NULL)
        return wp_error_set(error, errno, "%s: cannot be listed: %s", path, strerror(errno));
    status = find_in(slices, path, stream, &is_program);
    if (status == -ENOMEM)
        out_of_memory(error);
    *found |= is_program;
    rewinddir(stream);
    while (status == 0 && levels > 0 && !is_program && (entry = readdir(stream)) != NULL) {
        char below[PATH_MAX];
        struct stat facts;

        if (entry->d_name[0] == '.' ||
            (size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= sizeof below ||
            fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(facts.st_mode))
            continue;
        status = find_below(slices, below, levels - 1, found, error);
    }
    closedir(stream);
    return status;
}

/* A wp_capture_directory_visit. Files of any name say themselves what they are. */
static int
find_file(const char *path, void *context, struct wp_error *error)
{
    struct wp_stored_slices *slices = context;
    struct wp_stored_slice slice = {.type = slices->type};
    struct wp_pprof *capture = NULL;
    int status = wp_pprof_read(path, &capture, error);

    if (status != 0)
        return status;
    slice.path = wp_arena_string(&slices->arena, path, strlen(path));
    slice.until_ns = capture->time_ns;
    if (capture->type != 0)
        slice.type = capture->type;
    if (slice.path == NULL)
        status = out_of_memory(error);
    else if (capture->time_ns == 0)
        status = wp_error_set(error, EINVAL, "%s: does not say when it was taken", path);
    else if (add_slice(slices, &slice) != 0)
        status = out_of_memory(error);
    else if (slice.type != slices->type)
        slices->other_path = slice.path;
    else if (capture->duration_ns == 0)
        slices->timeless_path = slice.path;
    wp_pprof_free(capture);
    return status;
}

static int
compare_slices(const void *left, const void *right)
{
    const struct wp_stored_slice *a = left, *b = right;

    return (a->until_ns > b->until_ns) - (a->until_ns < b->until_ns);
}

static struct wp_pprof *
read_slice(const struct wp_stored_slices *slices, const struct wp_stored_slice *slice,
           struct wp_error *error)
{
    char name[WP_PROFILE_FILE_NAME_BYTES], path[PATH_MAX];
    struct wp_pprof *capture = NULL;

    if (slice->path == NULL)
        snprintf(path, sizeof path, "%s/%s", slices->programs[slice->program].directory,
                 wp_profile_file_name_format(slice->until_ns, slice->type, name));
    if (wp_pprof_read(slice->path != NULL ? slice->path : path, &capture, error) == 0 &&
        capture->duration_ns > slice->until_ns) {
        wp_error_set(error, EPROTO, "%s is damaged: its span would begin before 1970",
                     capture->path);
        wp_pprof_free(capture);
        return NULL;
    }
    return capture;
}

/* 0: unknown. */
static uint64_t
read_duration(const struct wp_stored_slices *slices, const struct wp_stored_slice *slice)
{
    struct wp_pprof *capture = read_slice(slices, slice, NULL);
    uint64_t duration_ns = capture != NULL ? capture->duration_ns : 0;

    wp_pprof_free(capture);
    return duration_ns;
}

static void
cover(struct wp_stored_slices *slices, uint64_t from_ns, uint64_t until_ns)
{
    slices->from_ns = from_ns < slices->from_ns ? from_ns : slices->from_ns;
    slices->until_ns = until_ns > slices->until_ns ? until_ns : slices->until_ns;
}

/* How long slices are depends on when the recorder was started, and the last may be short, too.
 * Returns the length of the first one, or, so that one that cannot be read is missed, what it may
 * have been. */
static uint64_t
measure_slices(struct wp_stored_slices *slices)
{
    size_t count = slices->slice_count;
    uint64_t first_ns = count > 0 ? read_duration(slices, &slices->slices[0]) : 0;
    uint64_t middle_ns = count > 1 ? read_duration(slices, &slices->slices[count / 2]) : 0;

    slices->usual_ns = middle_ns > first_ns || (count > 2 && middle_ns != 0) ? middle_ns : first_ns;
    for (size_t i = 1; slices->usual_ns == 0 && i < count; i++)
        slices->usual_ns = read_duration(slices, &slices->slices[i]);
    return first_ns != 0 ? first_ns : slices->usual_ns;
}

/* The time of all of them. Names tell ends alone, so that the first one must be read. */
static void
measure(struct wp_stored_slices *slices)
{
    size_t count = slices->slice_count;
    uint64_t first_ns = measure_slices(slices);

    slices->from_ns = UINT64_MAX;
    if (first_ns != 0) {
        uint64_t until_ns = slices->slices[0].until_ns;

        cover(slices, until_ns > first_ns ? until_ns - first_ns : 0,
              slices->slices[count - 1].until_ns);
    }
    for (size_t i = 0; i < slices->span_count; i++)
        cover(slices, slices->spans[i].from_ns, slices->spans[i].until_ns);
    if (slices->from_ns > slices->until_ns)
        slices->from_ns = slices->until_ns;
}

int
wp_stored_slices_find(char *const *arguments, enum wp_region_profile type,
                      struct wp_stored_slices *slices, struct wp_error *error)
{
    int status = 0;

    *slices = (struct wp_stored_slices){.type = type};
    for (size_t i = 0; arguments[i] != NULL && status == 0; i++) {
        struct stat facts;
        bool found = false;

        if (stat(arguments[i], &facts) != 0)
            return wp_error_set(error, errno,
                                "%s: %s; give a directory that `waitprof record --every` has "
                                "filled, or pprof files",
                                arguments[i], strerror(errno));
        if (!S_ISDIR(facts.st_mode) && !S_ISREG(facts.st_mode))
            return wp_error_set(error, EINVAL,
                                "%s: must be read more than once, which only a regular file can "
                                "be; write the profile to a file and name that",
                                arguments[i]);
        if (!S_ISDIR(facts.st_mode)) {
            status = find_file(arguments[i], slices, error);
            continue;
        }
        if (wp_capture_directory_is(arguments[i])) {
            status = wp_capture_directory_read(arguments[i], find_file, slices, error);
            continue;
        }
        status = find_below(slices, arguments[i], 1, &found, error);
        if (status == 0 && !found)
            status = wp_error_set(error, EINVAL,
                                  "%s: the directory has no slices: `waitprof record --every 1s "
                                  "-o %s PID` stores them",
                                  arguments[i], arguments[i]);
    }
    if (slices->slice_count > 1)
        qsort(slices->slices, slices->slice_count, sizeof slices->slices[0], compare_slices);
    if (status == 0)
        measure(slices);
    return status;
}

void
wp_stored_slices_free(struct wp_stored_slices *slices)
{
    free(slices->programs);
    free(slices->slices);
    free(slices->spans);
    wp_arena_free(&slices->arena);
    *slices = (struct wp_stored_slices){0};
}

/* --- Reading
 * ---------------------------------------------------------------------------------- */

/* The first that ends after a time. */
static size_t
find_first(const struct wp_stored_slices *slices, uint64_t from_ns)
{
    size_t low = 0, high = slices->slice_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slices->slices[middle].until_ns <= from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Slices of one program follow each other, however long each is: once one begins after the end of
 * what is read, so do the others. Of files that were named by themselves nothing is known.
 */
int
wp_stored_slices_read(const struct wp_stored_slices *slices, uint64_t from_ns, uint64_t until_ns,
                      wp_stored_slices_visit *visit, void *context,
                      struct wp_stored_reading *reading, struct wp_error *error)
{
    bool *is_done = calloc(slices->program_count + 1, sizeof *is_done);
    int status = 0;

    *reading = (struct wp_stored_reading){0};
    if (is_done == NULL)
        return out_of_memory(error);
    for (size_t i = find_first(slices, from_ns); i < slices->slice_count && status == 0; i++) {
        const struct wp_stored_slice *slice = &slices->slices[i];
        struct wp_error trouble = {""};
        struct wp_pprof *capture;

        if (slice->type != slices->type || (slice->path == NULL && is_done[slice->program]))
            continue;
        capture = read_slice(slices, slice, &trouble);
        if (capture == NULL) {
            if (reading->unreadable++ == 0)
                wp_message_warning(NULL, NULL, "%s", trouble.text);
            continue;
        }
        if (capture->duration_ns == 0) {
            reading->without_span++;
        } else if (slice->until_ns - capture->duration_ns < until_ns) {
            status = visit(capture, slice->until_ns - capture->duration_ns, slice->until_ns,
                           context, error);
        } else if (slice->path == NULL) {
            is_done[slice->program] = true;
        }
        wp_pprof_free(capture);
    }
    free(is_done);
    return status;
}
