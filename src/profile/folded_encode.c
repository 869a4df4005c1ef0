#include "profile/folded_encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"

/* A line being made: frames from root to leaf, joined by semicolons. */
struct folded_line {
    char *text;
    size_t capacity;
    size_t length;
    bool failed;
};

/* Adds a frame's name. A semicolon in it would end the frame, so it becomes a colon. */
static void
folded_append(struct folded_line *line, const char *name)
{
    size_t needed = strlen(name) + 2;

    while (line->capacity - line->length < needed) {
        if (wp_array_reserve(&line->text, &line->capacity, line->capacity, 1) != 0) {
            line->failed = true;
            return;
        }
    }
    if (line->length > 0)
        line->text[line->length++] = ';';
    for (; *name != '\0'; name++)
        line->text[line->length++] = *name == ';' ? ':' : *name;
}

static void
folded_location(struct folded_line *line, const struct wp_symbols *symbols,
                const struct wp_location *location)
{
    char unnamed[320];

    if (location->line_count == 0)
        folded_append(line, wp_symbols_unnamed(symbols, location, unnamed, sizeof unnamed));
    for (uint32_t i = location->line_count; i > 0; i--)
        folded_append(line, location->lines[i - 1].function);
}

/* This format has frames alone: a label is the innermost of them. */
static void
folded_label(struct folded_line *line, const struct wp_encode_options *options,
             const struct wp_profile_function *function)
{
    char text[32];

    if ((options->labels & 1u << WP_LABEL_kind) == 0 || function->kind[0] == '\0')
        return;
    snprintf(text, sizeof text, "[%s]", function->kind);
    folded_append(line, text);
}

/* The lines so far: stacks that read the same are one. */
struct folded_sums {
    struct wp_keyset lines; /* value: index of delays */
    uint64_t *delays;
    const char **texts;
    size_t delay_capacity;
    size_t text_capacity;
};

static int
folded_add(struct folded_sums *sums, const struct folded_line *line, uint64_t delay_ns)
{
    bool added;
    const struct wp_key *key = wp_keyset_put(&sums->lines, line->text, line->length, &added);

    if (line->failed || key == NULL)
        return -ENOMEM;
    if (added) {
        if (wp_array_reserve(&sums->delays, &sums->delay_capacity, key->value,
                             sizeof *sums->delays) != 0 ||
            wp_array_reserve(&sums->texts, &sums->text_capacity, key->value, sizeof *sums->texts) !=
                0)
            return -ENOMEM;
        sums->delays[key->value] = 0;
        sums->texts[key->value] = key->bytes;
    }
    if (__builtin_add_overflow(sums->delays[key->value], delay_ns, &sums->delays[key->value]))
        sums->delays[key->value] = UINT64_MAX;
    return 0;
}

int
wp_folded_encode(const struct wp_profile *profile, const struct wp_symbols *symbols,
                 const struct wp_encode_options *options, FILE *stream, struct wp_error *error)
{
    struct folded_sums sums = {0};
    struct folded_line line = {0};
    int result = wp_keyset_init(&sums.lines);

    for (size_t i = 0; i < profile->sample_count && result == 0; i++) {
        const struct wp_profile_sample *sample = profile->samples[i];
        const uint32_t *locations = NULL;
        size_t depth = wp_symbols_stack(symbols, sample, &locations);

        line.length = 0;
        while (depth > 0)
            folded_location(&line, symbols, &symbols->locations[locations[--depth]]);
        folded_label(&line, options, &profile->functions[sample->function]);
        result = folded_add(&sums, &line, sample->delay_ns);
    }
    for (uint32_t i = 0; i < sums.lines.count && result == 0; i++)
        fprintf(stream, "%s %" PRIu64 "\n", sums.texts[i], sums.delays[i]);
    wp_keyset_free(&sums.lines);
    free(sums.delays);
    free(sums.texts);
    free(line.text);
    if (result != 0)
        return wp_error_set(error, ENOMEM, "not enough memory to write the profile");
    if (ferror(stream))
        return wp_error_set(error, EIO, "cannot write the profile");
    return 0;
}
