#include "profile/encode_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/keyset.h"
#include "profile/profile_index.h"

/* What makes a row: the locations of a stack, and the label. */
struct rows_identity {
    char kind[16]; /* the names of kinds differ in their text alone; this holds any */
    uint32_t locations[WP_PROFILE_IDENTITY_WORDS];
};

/* Returns how many bytes of it count. */
static size_t
rows_identify(const struct wp_symbols *symbols, const struct wp_profile_sample *sample,
              const char *kind, struct rows_identity *identity)
{
    const uint32_t *locations = NULL;
    size_t bytes = wp_symbols_stack(symbols, sample, &locations) * sizeof *locations;

    memset(identity->kind, 0, sizeof identity->kind);
    if (kind != NULL)
        memcpy(identity->kind, kind, strnlen(kind, sizeof identity->kind));
    if (bytes > 0)
        memcpy(identity->locations, locations, bytes);
    return offsetof(struct rows_identity, locations) + bytes;
}

static int
rows_add(struct wp_encode_rows *rows, struct wp_keyset *seen, const struct wp_symbols *symbols,
         const struct wp_encode_row *from)
{
    struct rows_identity identity;
    size_t bytes = rows_identify(symbols, from->sample, from->kind, &identity);
    bool added;
    const struct wp_key *key = wp_keyset_put(seen, &identity, bytes, &added);
    struct wp_encode_row *row;

    if (key == NULL)
        return -ENOMEM;
    row = &rows->rows[key->value];
    if (added) {
        *row = *from;
        rows->count++;
        return 0;
    }
    row->contentions_fixed = wp_profile_sum(row->contentions_fixed, from->contentions_fixed);
    row->delay_ns = wp_profile_sum(row->delay_ns, from->delay_ns);
    row->samples = wp_profile_sum(row->samples, from->samples);
    row->variance += from->variance;
    row->squares += from->squares;
    return 0;
}

int
wp_encode_rows_make(const struct wp_profile *profile, const struct wp_symbols *symbols,
                    const struct wp_encode_options *options, struct wp_encode_rows *rows)
{
    bool labels_kind = (options->labels & 1u << WP_LABEL_kind) != 0;
    struct wp_keyset seen;
    int result = wp_keyset_init(&seen);

    rows->count = 0;
    rows->rows = calloc(profile->sample_count + 1, sizeof *rows->rows);
    if (rows->rows == NULL)
        result = -ENOMEM;
    for (size_t i = 0; i < profile->sample_count && result == 0; i++) {
        const struct wp_profile_sample *sample = profile->samples[i];
        const char *kind = profile->functions[sample->function].kind;
        const struct wp_encode_row row = {
            .sample = sample,
            .kind = labels_kind && kind[0] != '\0' ? kind : NULL,
            .contentions_fixed = sample->contentions_fixed,
            .delay_ns = sample->delay_ns,
            .samples = sample->samples,
            .variance = sample->variance,
            .squares = sample->squares,
        };

        result = rows_add(rows, &seen, symbols, &row);
    }
    wp_keyset_free(&seen);
    if (result != 0)
        wp_encode_rows_free(rows);
    return result;
}

void
wp_encode_rows_free(struct wp_encode_rows *rows)
{
    free(rows->rows);
    rows->rows = NULL;
    rows->count = 0;
}
