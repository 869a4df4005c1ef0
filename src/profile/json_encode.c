#include "profile/json_encode.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "profile/comments.h"
#include "profile/interval.h"
#include "profile/json_add.h"

/* Addresses are strings: many readers of JSON keep numbers in 53 bits. */
static void
json_add_address(struct json_object *object, const char *name, uint64_t address)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, address);
    wp_json_add_text(object, name, text);
}

static struct json_object *
json_source(const struct wp_profile_source *source)
{
    struct json_object *object = json_object_new_object();
    struct json_object *counters = json_object_new_object();
    struct json_object *changes = json_object_new_array();
    char id[20];

    snprintf(id, sizeof id, "%016" PRIx64, source->region_id);
    wp_json_add_text(object, "region", id);
    wp_json_add_number(object, "pid", source->pid);
    wp_json_add_text(object, "command", source->command);
    wp_json_add_text(object, "command_line", source->command_line);
    wp_json_add_text(object, "directory", source->directory);
    wp_json_add_number(object, "start_ns", source->start_realtime_ns);
    wp_json_add_number(object, "processes", source->process_count);
    wp_json_add_number(object, "block_rate_ns", source->block_rate_ns);
    wp_json_add_number(object, "mutex_fraction", source->mutex_fraction);
    for (size_t i = 0; i < source->rate_changes_known; i++) {
        struct json_object *change = json_object_new_object();

        wp_json_add_number(change, "time_ns", source->rate_changes[i].realtime_ns);
        wp_json_add_number(change, "block_rate_ns", source->rate_changes[i].block_rate_ns);
        wp_json_add_number(change, "mutex_fraction", source->rate_changes[i].mutex_fraction);
        json_object_array_add(changes, change);
    }
    json_object_object_add(object, "rate_changes", changes);
    for (unsigned i = 0; i < WP_COUNTER_COUNT; i++)
        wp_json_add_number(counters, wp_reader_counters[i].name, source->counters[i]);
    json_object_object_add(object, "counters", counters);
    return object;
}

static struct json_object *
json_module(const struct wp_profile_module *module, const struct wp_module_symbols *symbols)
{
    struct json_object *object = json_object_new_object();
    char hex[2 * sizeof module->build_id + 1] = "";

    for (size_t i = 0; i < module->build_id_bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
    wp_json_add_text(object, "path", module->path);
    wp_json_add_text(object, "build_id", hex);
    json_add_address(object, "start", symbols->start);
    json_add_address(object, "limit", symbols->limit);
    if (symbols->trouble != NULL)
        wp_json_add_text(object, "trouble", symbols->trouble);
    return object;
}

static void
json_add_frames(struct json_object *frames, const struct wp_symbols *symbols,
                const struct wp_location *location)
{
    for (uint32_t i = 0; i < location->line_count || i == 0; i++) {
        struct json_object *frame = json_object_new_object();

        json_add_address(frame, "address", location->address);
        if (location->module != 0) {
            wp_json_add_text(frame, "module", symbols->profile->modules[location->module].path);
            json_add_address(frame, "vaddr", location->vaddr);
        }
        if (location->line_count > 0) {
            const struct wp_line *line = &location->lines[i];

            wp_json_add_text(frame, "function", line->function);
            if (line->linker_name != line->function)
                wp_json_add_text(frame, "linker_name", line->linker_name);
            if (line->file[0] != '\0')
                wp_json_add_text(frame, "file", line->file);
            if (line->line != 0)
                wp_json_add_number(frame, "line", line->line);
            if (i + 1 < location->line_count)
                wp_json_add_flag(frame, "inlined", 1);
        }
        json_object_array_add(frames, frame);
    }
}

/* The 95 % interval of the delay; none is claimed of fewer than two samples. */
static void
json_add_interval(struct json_object *object, const struct wp_profile_sample *sample)
{
    struct wp_interval interval;
    struct json_object *bounds;

    if (!wp_interval_of_delay((double)sample->delay_ns, sample->variance, (double)sample->samples,
                              &interval))
        return;
    bounds = json_object_new_array();
    json_object_array_add(bounds, json_object_new_double(interval.low));
    json_object_array_add(bounds, json_object_new_double(interval.high));
    wp_json_add(object, "delay_interval_ns", bounds);
}

static struct json_object *
json_sample(const struct wp_symbols *symbols, const struct wp_profile_sample *sample)
{
    struct json_object *object = json_object_new_object();
    struct json_object *frames = json_object_new_array();
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(symbols, sample, &locations);

    wp_json_add_double(object, "contentions",
                       (double)sample->contentions_fixed / WP_REGION_COUNT_ONE);
    wp_json_add_number(object, "delay_ns", sample->delay_ns);
    wp_json_add_number(object, "samples", sample->samples);
    wp_json_add_text(object, "kind", symbols->profile->functions[sample->function].kind);
    wp_json_add_double(object, "delay_standard_error_ns", sqrt(sample->variance));
    wp_json_add_double(object, "delay_squares_ns2", sample->squares);
    json_add_interval(object, sample);
    for (size_t i = 0; i < depth; i++)
        json_add_frames(frames, symbols, &symbols->locations[locations[i]]);
    json_object_object_add(object, "frames", frames);
    return object;
}

/* What stands before the stacks: everything else. */
static struct json_object *
json_header(const struct wp_profile *profile, const struct wp_symbols *symbols)
{
    struct json_object *object = json_object_new_object();
    struct json_object *sources = json_object_new_array();
    struct json_object *modules = json_object_new_array();
    struct json_object *lines = json_object_new_array();
    struct wp_comments comments;

    wp_json_add_text(object, "waitprof", WAITPROF_VERSION);
    wp_json_add_text(object, "profile", wp_profile_type_name(profile->type));
    wp_json_add_number(object, "time_ns", profile->time_ns);
    wp_json_add_number(object, "duration_ns", profile->duration_ns);
    for (size_t i = 0; i < profile->source_count; i++)
        json_object_array_add(sources, json_source(&profile->sources[i]));
    json_object_object_add(object, "sources", sources);
    for (size_t i = 1; i < profile->module_count; i++) {
        if (symbols->modules[i].used)
            json_object_array_add(modules, json_module(&profile->modules[i], &symbols->modules[i]));
    }
    json_object_object_add(object, "modules", modules);
    if (wp_comments_make(profile, symbols, &comments) == 0) {
        for (size_t i = 0; i < comments.count; i++)
            json_object_array_add(lines, json_object_new_string(comments.lines[i]));
        wp_comments_free(&comments);
    }
    json_object_object_add(object, "comments", lines);
    return object;
}

/* One object; stacks are written one by one, each on a line of its own, so that memory stays
 * small. */
int
wp_json_encode(const struct wp_profile *profile, const struct wp_symbols *symbols,
               const struct wp_encode_options *options, FILE *stream, struct wp_error *error)
{
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    struct json_object *header = json_header(profile, symbols);
    const char *text = json_object_to_json_string_ext(header, flags);
    size_t length = strlen(text);

    (void)options; /* every stack has its kind */
    /* The header without its closing brace, to which the stacks are added. */
    fwrite(text, 1, length > 0 ? length - 1 : 0, stream);
    json_object_put(header);
    fputs(",\n\"stacks\":[", stream);
    for (size_t i = 0; i < profile->sample_count; i++) {
        struct json_object *sample = json_sample(symbols, profile->samples[i]);

        fputs(i == 0 ? "\n" : ",\n", stream);
        fputs(json_object_to_json_string_ext(sample, flags), stream);
        json_object_put(sample);
    }
    fputs("\n]}\n", stream);
    if (ferror(stream))
        return wp_error_set(error, EIO, "cannot write the profile");
    return 0;
}
