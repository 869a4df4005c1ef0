#include "profile/text_encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profile/comments.h"
#include "profile/encode_rows.h"
#include "profile/symbol_name.h"

/* Readers take the addresses of a sample for return addresses and look one byte before them. The
 * lines of its frames have the addresses where they look, as Go's have. */
static uint64_t
text_address(const struct wp_location *location)
{
    return location->address + 1;
}

/* The lines of each location, which stand in many stacks: made once. */
struct text_locations {
    char *text;
    size_t length;
    size_t *starts; /* of the location of that index; one more, the end of the last */
};

static void
text_location(const struct wp_symbols *symbols, const struct wp_location *location, FILE *stream)
{
    char unnamed[320];

    if (location->line_count == 0)
        fprintf(stream, "#\t0x%" PRIx64 "\t%s\n", location->address,
                wp_symbols_unnamed(symbols, location, unnamed, sizeof unnamed));
    for (uint32_t i = 0; i < location->line_count; i++) {
        const struct wp_line *line = &location->lines[i];

        fprintf(stream, "#\t0x%" PRIx64 "\t%s+0x%" PRIx64, location->address, line->function,
                line->offset_bytes);
        if (line->file[0] != '\0')
            fprintf(stream, "\t%s:%" PRIu32, line->file, line->line);
        fputc('\n', stream);
    }
}

static void
text_locations_free(struct text_locations *locations)
{
    free(locations->text);
    free(locations->starts);
}

/* 0 or -ENOMEM. */
static int
text_locations_make(const struct wp_symbols *symbols, struct text_locations *locations)
{
    FILE *stream = open_memstream(&locations->text, &locations->length);
    int result = 0;

    locations->starts = calloc(symbols->location_count + 1, sizeof *locations->starts);
    if (stream == NULL || locations->starts == NULL)
        result = -ENOMEM;
    for (size_t i = 0; i < symbols->location_count && result == 0; i++) {
        text_location(symbols, &symbols->locations[i], stream);
        locations->starts[i + 1] = (size_t)ftello(stream);
    }
    if (stream != NULL && (ferror(stream) != 0) + (fclose(stream) != 0) > 0)
        result = -ENOMEM;
    return result;
}

static void
text_sample(const struct wp_profile *profile, const struct wp_symbols *symbols,
            const struct text_locations *texts, const struct wp_encode_row *row, FILE *stream)
{
    const uint32_t *locations = NULL;
    size_t depth = wp_symbols_stack(symbols, row->sample, &locations);

    fprintf(stream, "%" PRIu64 " %" PRId64 " @", row->delay_ns,
            wp_profile_contentions(profile, row->contentions_fixed));
    for (size_t i = 0; i < depth; i++)
        fprintf(stream, " 0x%" PRIx64, text_address(&symbols->locations[locations[i]]));
    fputc('\n', stream);
    if (row->kind != NULL)
        fprintf(stream, "#\tkind: %s\n", row->kind);
    for (size_t i = 0; i < depth; i++) {
        const size_t *start = &texts->starts[locations[i]];

        fwrite(texts->text + start[0], 1, start[1] - start[0], stream);
    }
    fputc('\n', stream);
}

/* In the syntax of /proc/PID/maps, so that readers can find the files. */
static void
text_modules(const struct wp_profile *profile, const struct wp_symbols *symbols, FILE *stream)
{
    fputs("--- Memory map: ---\n", stream);
    for (size_t i = 1; i < profile->module_count; i++) {
        const struct wp_module_symbols *module = &symbols->modules[i];
        char path[4096];

        if (module->start == 0 || (!module->used && !profile->modules[i].is_executable))
            continue;
        wp_symbol_clean(profile->modules[i].path, path, sizeof path);
        fprintf(stream, "%08" PRIx64 "-%08" PRIx64 " r-xp %08" PRIx64 " 00:00 1 %s\n",
                module->start, module->limit, module->file_offset, path);
    }
}

int
wp_text_encode(const struct wp_profile *profile, const struct wp_symbols *symbols,
               const struct wp_encode_options *options, FILE *stream, struct wp_error *error)
{
    struct text_locations locations = {0};
    struct wp_comments comments = {0};
    struct wp_encode_rows rows = {0};

    if (wp_encode_rows_make(profile, symbols, options, &rows) != 0 ||
        text_locations_make(symbols, &locations) != 0 ||
        wp_comments_make(profile, symbols, &comments) != 0) {
        text_locations_free(&locations);
        wp_encode_rows_free(&rows);
        return wp_error_set(error, ENOMEM, "not enough memory to write the profile");
    }
    if (profile->type == WP_PROFILE_MUTEX)
        fputs("--- mutex:\ncycles/second=1000000000\nsampling period=1\n", stream);
    else
        fputs("--- contention:\ncycles/second=1000000000\n", stream);
    for (size_t i = 0; i < comments.count; i++)
        fprintf(stream, "# %s\n", comments.lines[i]);
    wp_comments_free(&comments);
    for (size_t i = 0; i < rows.count; i++)
        text_sample(profile, symbols, &locations, &rows.rows[i], stream);
    wp_encode_rows_free(&rows);
    text_locations_free(&locations);
    text_modules(profile, symbols, stream);
    if (ferror(stream))
        return wp_error_set(error, EIO, "cannot write the profile");
    return 0;
}
