#include "compare/pprof_file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/pprof_bytes.h"
#include "compare/pprof_message.h"
#include "profile/comments.h"
#include "profile/keyset.h"
#include "profile/symbol_name.h"

/* Stacks that together have more frames are refused: few bytes can be many of them, where a
 * location has many lines and many samples name it. */
#define FRAMES_MAX (UINT64_C(64) << 20)

typedef Wp__Pprof__Profile pprof_profile;
typedef Wp__Pprof__Sample pprof_sample;
typedef Wp__Pprof__Mapping pprof_mapping;
typedef Wp__Pprof__Location pprof_location;
typedef Wp__Pprof__Function pprof_function;

/* What is handed out, and the memory behind it. */
struct pprof_owner {
    struct wp_pprof pprof; /* first: what others know */
    struct wp_arena texts;
    struct wp_pprof_frame *frames;
    const struct wp_pprof_frame **stack_frames; /* of all stacks, one behind the other */
    struct wp_pprof_stack *stacks;
    const char **comments;
};

struct reader {
    const struct wp_pprof_message *message;
    const pprof_profile *profile;
    struct pprof_owner *owner;
    const char **texts;   /* by index of the string, NULL: not yet made */
    size_t *first_frames; /* by location, and one more */
    struct wp_wordmap locations, functions, mappings; /* id -> index */
    struct wp_error *error;
};

static int
reader_out_of_memory(const struct reader *reader)
{
    return wp_error_set(reader->error, ENOMEM, "not enough memory to read %s",
                        reader->owner->pprof.path);
}

static int __attribute__((format(printf, 2, 3)))
reader_damaged(const struct reader *reader, const char *format, ...)
{
    char what[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return wp_error_set(reader->error, EPROTO, "%s is damaged: %s; take the profile anew",
                        reader->owner->pprof.path, what);
}

/* --- Strings and ids
 * -------------------------------------------------------------------------- */

/* A string of the table, made fit to show. */
static int
reader_text(const struct reader *reader, int64_t index, const char **text)
{
    const char *raw;
    char *clean;
    size_t size;

    *text = "";
    if (index == 0)
        return 0;
    if (index < 0 || (uint64_t)index >= reader->profile->n_string_table)
        return reader_damaged(reader, "it has no string %" PRId64, index);
    if (reader->texts[index] == NULL) {
        raw = reader->profile->string_table[index];
        size = 3 * strlen(raw) + 1; /* a byte that is no UTF-8 becomes three */
        clean = wp_arena_take(&reader->owner->texts, size);
        if (clean == NULL)
            return reader_out_of_memory(reader);
        wp_symbol_clean(raw, clean, size);
        reader->texts[index] = clean;
    }
    *text = reader->texts[index];
    return 0;
}

static int
reader_add_id(const struct reader *reader, struct wp_wordmap *map, const char *what, uint64_t id,
              size_t index)
{
    bool added;
    uint32_t *number;

    if (id == 0)
        return reader_damaged(reader, "a %s has the id 0", what);
    number = wp_wordmap_put(map, id, &added);
    if (number == NULL)
        return reader_out_of_memory(reader);
    if (!added)
        return reader_damaged(reader, "two %ss have the id %" PRIu64, what, id);
    *number = (uint32_t)index;
    return 0;
}

/* Ids need not be 1, 2, 3 ... */
static int
reader_make_ids(struct reader *reader)
{
    const pprof_profile *profile = reader->profile;
    int result = 0;

    for (size_t i = 0; i < profile->n_location && result == 0; i++)
        result = reader_add_id(reader, &reader->locations, "location", profile->location[i]->id, i);
    for (size_t i = 0; i < profile->n_function && result == 0; i++)
        result = reader_add_id(reader, &reader->functions, "function", profile->function[i]->id, i);
    for (size_t i = 0; i < profile->n_mapping && result == 0; i++)
        result = reader_add_id(reader, &reader->mappings, "mapping", profile->mapping[i]->id, i);
    return result;
}

/* The index that an id stands for. Ids that the map does not have are an error. */
static int
reader_find_id(const struct reader *reader, const struct wp_wordmap *map, const char *what,
               uint64_t id, size_t *index)
{
    const uint32_t *number = wp_wordmap_get(map, id);

    if (number == NULL)
        return reader_damaged(reader, "it has no %s %" PRIu64, what, id);
    *index = *number;
    return 0;
}

/* --- Frames
 * ----------------------------------------------------------------------------------- */

/* Names an address without symbols by its place in the object, which a load elsewhere keeps. */
static int
reader_name_address(const struct reader *reader, const pprof_mapping *mapping,
                    struct wp_pprof_frame *frame)
{
    const char *base = strrchr(frame->mapping, '/');
    uint64_t place = frame->address;
    char *name;
    size_t size;

    base = base == NULL ? frame->mapping : base + 1;
    if (mapping != NULL && base[0] != '\0')
        place = place - mapping->memory_start + mapping->file_offset;
    size = strlen(base) + 32;
    name = wp_arena_take(&reader->owner->texts, size);
    if (name == NULL)
        return reader_out_of_memory(reader);
    snprintf(name, size, "[%s%s0x%" PRIx64 "]", base, base[0] != '\0' ? "+" : "", place);
    frame->name = name;
    frame->is_unnamed = true;
    return 0;
}

static int
reader_name_line(const struct reader *reader, const Wp__Pprof__Line *line,
                 struct wp_pprof_frame *frame)
{
    const pprof_function *function;
    size_t index = 0;
    int result;

    if (line->function_id == 0)
        return 0;
    result = reader_find_id(reader, &reader->functions, "function", line->function_id, &index);
    if (result != 0)
        return result;
    function = reader->profile->function[index];
    result = reader_text(reader, function->name, &frame->name);
    if (result == 0 && frame->name[0] == '\0')
        result = reader_text(reader, function->system_name, &frame->name);
    if (result == 0)
        result = reader_text(reader, function->filename, &frame->file);
    frame->line = line->line > 0 && line->line <= UINT32_MAX ? (uint32_t)line->line : 0;
    return result;
}

static int
reader_add_location(struct reader *reader, const pprof_location *location,
                    struct wp_pprof_frame *frames)
{
    const pprof_mapping *mapping = NULL;
    const char *path = "";
    size_t index = 0;
    int result = 0;

    if (location->mapping_id != 0) {
        result = reader_find_id(reader, &reader->mappings, "mapping", location->mapping_id, &index);
        if (result == 0) {
            mapping = reader->profile->mapping[index];
            result = reader_text(reader, mapping->filename, &path);
        }
    }
    for (size_t i = 0; (i < location->n_line || i == 0) && result == 0; i++) {
        struct wp_pprof_frame *frame = &frames[i];

        *frame = (struct wp_pprof_frame){.name = "",
                                         .file = "",
                                         .address = location->address,
                                         .mapping = path,
                                         .is_inlined = i + 1 < location->n_line};
        if (i < location->n_line)
            result = reader_name_line(reader, location->line[i], frame);
        if (result == 0 && frame->name[0] == '\0')
            result = reader_name_address(reader, mapping, frame);
    }
    return result;
}

static int
reader_make_frames(struct reader *reader)
{
    const pprof_profile *profile = reader->profile;
    size_t count = 0;
    int result = 0;

    reader->first_frames = calloc(profile->n_location + 1, sizeof *reader->first_frames);
    if (reader->first_frames == NULL)
        return reader_out_of_memory(reader);
    for (size_t i = 0; i < profile->n_location; i++) {
        reader->first_frames[i] = count;
        count += profile->location[i]->n_line > 0 ? profile->location[i]->n_line : 1;
    }
    reader->first_frames[profile->n_location] = count;
    reader->owner->frames = calloc(count + 1, sizeof *reader->owner->frames);
    if (reader->owner->frames == NULL)
        return reader_out_of_memory(reader);
    for (size_t i = 0; i < profile->n_location && result == 0; i++)
        result = reader_add_location(reader, profile->location[i],
                                     &reader->owner->frames[reader->first_frames[i]]);
    return result;
}

/* --- Stacks
 * ----------------------------------------------------------------------------------- */

/* How many frames all stacks have together; and all ids of locations are sound. */
static int
reader_count_frames(const struct reader *reader, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < reader->profile->n_sample; i++) {
        const pprof_sample *sample = reader->profile->sample[i];

        for (size_t j = 0; j < sample->n_location_id; j++) {
            size_t index = 0;
            int result = reader_find_id(reader, &reader->locations, "location",
                                        sample->location_id[j], &index);

            if (result != 0)
                return result;
            *count += reader->first_frames[index + 1] - reader->first_frames[index];
            if (*count > FRAMES_MAX)
                return wp_error_set(reader->error, EPROTO,
                                    "%s: its stacks have more than %" PRIu64
                                    " million frames, far more than a profile of waits has",
                                    reader->owner->pprof.path, FRAMES_MAX >> 20);
        }
    }
    return 0;
}

/* The label of that name, if it is a text. */
static int
reader_find_label(const struct reader *reader, const pprof_sample *sample, const char *name,
                  const char **text)
{
    *text = "";
    for (size_t i = 0; i < sample->n_label; i++) {
        const char *key;
        int result = reader_text(reader, sample->label[i]->key, &key);

        if (result != 0)
            return result;
        if (strcmp(key, name) == 0)
            return reader_text(reader, sample->label[i]->str, text);
    }
    return 0;
}

/*
 * Go computes a delta from two conversions of cycles to time, which may differ by a rounding: a
 * delay below 0 is then one of 0. Counts have no such excuse.
 */
static int
reader_take_values(const struct reader *reader, const pprof_sample *sample,
                   struct wp_pprof_stack *stack)
{
    const struct wp_pprof_message *message = reader->message;
    int64_t contentions, delay;

    if (sample->n_value != reader->profile->n_sample_type)
        return reader_damaged(reader, "a sample has %zu values where %zu are announced",
                              sample->n_value, reader->profile->n_sample_type);
    contentions = sample->value[message->contentions];
    delay = sample->value[message->delay];
    if (contentions < 0)
        return wp_error_set(reader->error, EPROTO,
                            "%s has negative numbers of contentions: it is the difference of two "
                            "profiles; give the profiles themselves",
                            reader->owner->pprof.path);
    stack->contentions = (double)contentions;
    stack->delay_ns = delay > 0 ? (double)delay * message->delay_scale : 0;
    stack->samples = (double)sample->kept_samples;
    stack->variance = sample->variance;
    stack->squares = sample->squares;
    if (!isfinite(stack->variance) || stack->variance < 0 || !isfinite(stack->squares) ||
        stack->squares < 0)
        return reader_damaged(reader, "the error of a sample is no number");
    return 0;
}

static int
reader_add_stack(struct reader *reader, const pprof_sample *sample,
                 const struct wp_pprof_frame **frames, struct wp_pprof_stack *stack)
{
    struct wp_pprof *pprof = &reader->owner->pprof;
    int result = reader_take_values(reader, sample, stack);

    if (result == 0)
        result = reader_find_label(reader, sample, "kind", &stack->kind);
    if (result != 0)
        return result;
    stack->frames = frames;
    for (size_t i = 0; i < sample->n_location_id; i++) {
        size_t index = *wp_wordmap_get(&reader->locations, sample->location_id[i]);

        for (size_t j = reader->first_frames[index]; j < reader->first_frames[index + 1]; j++)
            frames[stack->depth++] = &reader->owner->frames[j];
    }
    pprof->contentions += stack->contentions;
    pprof->delay_ns += stack->delay_ns;
    pprof->has_kinds |= stack->kind[0] != '\0';
    pprof->has_errors |= stack->samples > 0;
    return 0;
}

static int
reader_make_stacks(struct reader *reader)
{
    struct pprof_owner *owner = reader->owner;
    size_t used = 0, count = 0;
    int result = reader_count_frames(reader, &count);

    if (result != 0)
        return result;
    owner->stack_frames = calloc(count + 1, sizeof *owner->stack_frames);
    owner->stacks = calloc(reader->profile->n_sample + 1, sizeof *owner->stacks);
    if (owner->stack_frames == NULL || owner->stacks == NULL)
        return reader_out_of_memory(reader);
    owner->pprof.stacks = owner->stacks;
    for (size_t i = 0; i < reader->profile->n_sample && result == 0; i++) {
        result = reader_add_stack(reader, reader->profile->sample[i], owner->stack_frames + used,
                                  &owner->stacks[i]);
        used += owner->stacks[i].depth;
        owner->pprof.stack_count++;
    }
    return result;
}

/* --- What the file is
 * ------------------------------------------------------------------------- */

static int
reader_make_comments(struct reader *reader)
{
    struct wp_pprof *pprof = &reader->owner->pprof;
    size_t count = reader->profile->n_comment;
    int result = 0;

    reader->owner->comments = calloc(count + 1, sizeof *reader->owner->comments);
    if (reader->owner->comments == NULL)
        return reader_out_of_memory(reader);
    pprof->comments = reader->owner->comments;
    for (size_t i = 0; i < count && result == 0; i++) {
        const char **comment = &reader->owner->comments[i];
        enum wp_region_profile type;

        result = reader_text(reader, reader->profile->comment[i], comment);
        if (result != 0)
            break;
        pprof->comment_count++;
        type = wp_comments_read_type(*comment);
        if (type != 0 && pprof->type != 0 && type != pprof->type)
            return wp_error_set(reader->error, EPROTO,
                                "%s is a block and a mutex profile merged into one: give profiles "
                                "of one type",
                                pprof->path);
        if (type != 0)
            pprof->type = type;
        pprof->is_ours |= type != 0;
    }
    return result;
}

/* Other writers do not name the type; but who waits is never in an unlock, and who lets others go
 * on always is: sync.(*Mutex).Unlock, runtime.unlock. */
static void
reader_guess_type(struct wp_pprof *pprof)
{
    size_t unlocks = 0, others = 0;

    for (size_t i = 0; i < pprof->stack_count; i++) {
        const struct wp_pprof_stack *stack = &pprof->stacks[i];
        const char *leaf = stack->depth > 0 ? stack->frames[0]->name : "";

        if (strstr(leaf, "nlock") != NULL || strcmp(leaf, "runtime._LostContendedRuntimeLock") == 0)
            unlocks++;
        else
            others++;
    }
    if (unlocks > 0 && others == 0)
        pprof->type = WP_PROFILE_MUTEX;
    else if (others > 0 && unlocks == 0)
        pprof->type = WP_PROFILE_BLOCK;
}

/* One sample with an error means that all have one: 0 is not written. */
static void
reader_settle(struct reader *reader)
{
    struct pprof_owner *owner = reader->owner;
    struct wp_pprof *pprof = &owner->pprof;
    const pprof_profile *profile = reader->profile;

    pprof->time_ns = profile->time_nanos > 0 ? (uint64_t)profile->time_nanos : 0;
    pprof->duration_ns = profile->duration_nanos > 0 ? (uint64_t)profile->duration_nanos : 0;
    pprof->span_ns = pprof->duration_ns;
    if (pprof->is_ours && pprof->span_ns == 0 && profile->run_nanos <= INT64_MAX)
        pprof->span_ns = profile->run_nanos;
    pprof->has_errors &= pprof->is_ours;
    pprof->has_errors |= pprof->is_ours && pprof->stack_count == 0;
    for (size_t i = 0; i < pprof->stack_count; i++)
        owner->stacks[i].has_error = pprof->has_errors;
    if (!pprof->is_ours)
        reader_guess_type(pprof);
}

static int
reader_run(struct reader *reader)
{
    int result;

    reader->texts = calloc(reader->profile->n_string_table + 1, sizeof *reader->texts);
    if (reader->texts == NULL)
        return reader_out_of_memory(reader);
    result = reader_make_ids(reader);
    reader->owner->pprof.program = "";
    if (result == 0 && reader->profile->n_mapping > 0)
        result = reader_text(reader, reader->profile->mapping[0]->filename,
                             &reader->owner->pprof.program);
    if (result == 0)
        result = reader_make_frames(reader);
    if (result == 0)
        result = reader_make_stacks(reader);
    if (result == 0)
        result = reader_make_comments(reader);
    if (result == 0)
        reader_settle(reader);
    wp_wordmap_free(&reader->locations);
    wp_wordmap_free(&reader->functions);
    wp_wordmap_free(&reader->mappings);
    free(reader->first_frames);
    free(reader->texts);
    return result;
}

int
wp_pprof_decode(const void *bytes, size_t length, const char *name, struct wp_pprof **pprof,
                struct wp_error *error)
{
    static const struct wp_pprof_limits limits = {WP_PPROF_MAX_BYTES, WP_PPROF_MAX_MEMORY_BYTES};
    struct wp_pprof_message message;
    struct pprof_owner *owner;
    struct reader reader = {.message = &message, .error = error};
    int result = wp_pprof_message_open(&message, bytes, length, name, &limits, error);

    *pprof = NULL;
    if (result != 0)
        return result;
    owner = calloc(1, sizeof *owner);
    reader.profile = message.profile;
    reader.owner = owner;
    if (owner != NULL)
        owner->pprof.path = wp_arena_string(&owner->texts, name, strlen(name));
    if (owner == NULL || owner->pprof.path == NULL)
        result = wp_error_set(error, ENOMEM, "not enough memory to read %s", name);
    else
        result = reader_run(&reader);
    wp_pprof_message_close(&message);
    if (result == 0)
        *pprof = &owner->pprof;
    else if (owner != NULL)
        wp_pprof_free(&owner->pprof);
    return result;
}

int
wp_pprof_read(const char *path, struct wp_pprof **pprof, struct wp_error *error)
{
    struct wp_pprof_bytes file;
    int result = wp_pprof_bytes_read(path, WP_PPROF_MAX_BYTES, &file, error);

    *pprof = NULL;
    if (result != 0)
        return result;
    result = wp_pprof_decode(file.bytes, file.length, path, pprof, error);
    free(file.bytes);
    return result;
}

void
wp_pprof_free(struct wp_pprof *pprof)
{
    struct pprof_owner *owner = (struct pprof_owner *)pprof;

    if (owner == NULL)
        return;
    wp_arena_free(&owner->texts);
    free(owner->frames);
    free(owner->stack_frames);
    free(owner->stacks);
    free(owner->comments);
    free(owner);
}
