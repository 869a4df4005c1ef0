#include "compare/pprof_message.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/pprof_bytes.h"
#include "core/region_format.h"

#define REMEDY                                                                                     \
    "give a block or mutex profile, of `waitprof record` or of Go's /debug/pprof/block or /mutex"

/* --- Memory: no more than what is left
 * ------------------------------------------------------ */

static void *
message_allocate(void *data, size_t size)
{
    struct wp_pprof_message *message = data;
    void *memory;

    message->is_too_large |= size > message->memory_left_bytes;
    if (message->is_too_large)
        return NULL;
    memory = malloc(size);
    if (memory == NULL)
        return NULL;
    size = malloc_usable_size(memory);
    message->memory_left_bytes -=
        size < message->memory_left_bytes ? size : message->memory_left_bytes;
    return memory;
}

static void
message_free(void *data, void *memory)
{
    struct wp_pprof_message *message = data;

    if (memory == NULL)
        return;
    message->memory_left_bytes += malloc_usable_size(memory);
    free(memory);
}

/* --- What is no profile of waits
 * ------------------------------------------------------------ */

static int
message_refuse(const char *name, const char *what, const char *remedy, struct wp_error *error)
{
    return wp_error_set(error, EPROTO, "%s is %s, no pprof profile of waits: %s", name, what,
                        remedy);
}

/* Bytes that tell what they are, though no pprof profile. 0: they do not. */
static int
message_refuse_bytes(const char *bytes, size_t length, const char *name, struct wp_error *error)
{
    static const struct {
        const char *start;
        const char *what;
        const char *remedy;
    } forms[] = {
        {"--- ", "the text form of a profile", "fetch it without ?debug=1, or with --format pprof"},
        {WP_REGION_MAGIC, "a region", "write it as pprof with `waitprof export`"},
        {"{", "JSON", "write the profile with --format pprof"},
        {"<", "HTML or XML", REMEDY},
        {"\177ELF", "a program or library", REMEDY},
    };

    if (length == 0)
        return message_refuse(name, "empty", REMEDY, error);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t bytes_count = strlen(forms[i].start);

        if (length >= bytes_count && memcmp(bytes, forms[i].start, bytes_count) == 0)
            return message_refuse(name, forms[i].what, forms[i].remedy, error);
    }
    return 0;
}

static const char *
message_string(const Wp__Pprof__Profile *profile, int64_t index)
{
    return index >= 0 && (uint64_t)index < profile->n_string_table ? profile->string_table[index]
                                                                   : "";
}

static bool
message_has_type(const Wp__Pprof__Profile *profile, const char *type)
{
    for (size_t i = 0; i < profile->n_sample_type; i++) {
        if (strcmp(message_string(profile, profile->sample_type[i]->type), type) == 0)
            return true;
    }
    return false;
}

/* Well-formed, but of other things than waits. */
static int
message_refuse_types(const Wp__Pprof__Profile *profile, const char *name, struct wp_error *error)
{
    static const struct {
        const char *type;
        const char *what;
    } known[] = {
        {"cpu", "a CPU profile"},
        {"inuse_space", "a heap profile"},
        {"alloc_space", "a profile of allocations"},
        {"goroutine", "a profile of goroutines"},
        {"threadcreate", "a profile of threads' creation"},
    };
    char what[160] = "a profile of ";
    size_t used = strlen(what);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (message_has_type(profile, known[i].type))
            return message_refuse(name, known[i].what, REMEDY, error);
    }
    for (size_t i = 0; i < profile->n_sample_type && used < sizeof what; i++)
        used +=
            (size_t)snprintf(what + used, sizeof what - used, "%s%.40s/%.40s", i == 0 ? "" : ", ",
                             message_string(profile, profile->sample_type[i]->type),
                             message_string(profile, profile->sample_type[i]->unit));
    if (profile->n_sample_type == 0)
        return message_refuse(name, "a file of another kind", REMEDY, error);
    return message_refuse(name, what, REMEDY, error);
}

/* --- Units
 * ------------------------------------------------------------------------------------ */

/* ns in a unit of time, as pprof knows them; 0: it is none. */
static double
message_unit_ns(const char *unit)
{
    static const struct {
        const char *name, *short_name;
        double ns;
    } units[] = {
        {"nanosecond", "ns", 1}, {"microsecond", "us", 1e3}, {"millisecond", "ms", 1e6},
        {"second", "s", 1e9},    {"minute", "min", 60e9},    {"hour", "hr", 3600e9},
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t length = strlen(units[i].name);

        if (strcmp(unit, units[i].short_name) == 0)
            return units[i].ns;
        if (strncmp(unit, units[i].name, length) == 0 &&
            (unit[length] == '\0' || strcmp(unit + length, "s") == 0))
            return units[i].ns;
    }
    return 0;
}

/* Finds the two values of each sample, whatever their order. */
static int
message_find_values(struct wp_pprof_message *message, const char *name, struct wp_error *error)
{
    const Wp__Pprof__Profile *profile = message->profile;
    bool has_contentions = false, has_delay = false;

    for (size_t i = 0; i < profile->n_sample_type; i++) {
        const char *type = message_string(profile, profile->sample_type[i]->type);
        const char *unit = message_string(profile, profile->sample_type[i]->unit);

        if (!has_contentions && strcmp(type, "contentions") == 0 && strcmp(unit, "count") == 0) {
            has_contentions = true;
            message->contentions = i;
        } else if (!has_delay && strcmp(type, "delay") == 0 && message_unit_ns(unit) > 0) {
            has_delay = true;
            message->delay = i;
            message->delay_scale = message_unit_ns(unit);
        }
    }
    if (has_contentions && has_delay)
        return 0;
    return message_refuse_types(profile, name, error);
}

static int
message_unpack(struct wp_pprof_message *message, const uint8_t *bytes, size_t length,
               const char *name, struct wp_error *error)
{
    int result = message_refuse_bytes((const char *)bytes, length, name, error);

    if (result != 0)
        return result;
    message->profile = wp__pprof__profile__unpack(&message->allocator, length, bytes);
    if (message->profile == NULL && message->is_too_large)
        return wp_error_set(error, EPROTO,
                            "%s takes more than %zu MiB of memory to read, far more than a "
                            "profile of waits does",
                            name, message->limits->memory_bytes >> 20);
    if (message->profile == NULL)
        return message_refuse(name, "damaged or of another kind", REMEDY, error);
    return message_find_values(message, name, error);
}

int
wp_pprof_message_open(struct wp_pprof_message *message, const void *bytes, size_t length,
                      const char *name, const struct wp_pprof_limits *limits,
                      struct wp_error *error)
{
    struct wp_pprof_bytes inflated;
    int result = wp_pprof_bytes_inflate(bytes, length, name, limits->bytes, &inflated, error);

    *message = (struct wp_pprof_message){
        .allocator = {message_allocate, message_free, message},
        .limits = limits,
        .memory_left_bytes = limits->memory_bytes,
    };
    if (result != 0)
        return result;
    if (inflated.bytes != NULL)
        result = message_unpack(message, inflated.bytes, inflated.length, name, error);
    else
        result = message_unpack(message, bytes, length, name, error);
    free(inflated.bytes);
    if (result != 0)
        wp_pprof_message_close(message);
    return result;
}

void
wp_pprof_message_close(struct wp_pprof_message *message)
{
    if (message->profile != NULL)
        wp__pprof__profile__free_unpacked(message->profile, &message->allocator);
    message->profile = NULL;
}
