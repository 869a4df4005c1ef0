#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz_target.h"
#include "profile/encode.h"
#include "profile/profile.h"
#include "profile/region_reader.h"
#include "profile/report.h"
#include "profile/symbolize.h"

/* Every format, with and without labels, and the table, into memory. */
static void
fuzz_output(const struct wp_profile *profile, const struct wp_symbols *symbols)
{
    struct wp_error error = {""};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    fuzz_require(stream != NULL, "no memory stream");
    for (const struct wp_encoder *encoder = wp_encoders; encoder->name != NULL; encoder++) {
        for (uint32_t labels = 0; labels < 1u << WP_LABEL_COUNT; labels++) {
            const struct wp_encode_options options = {.labels = labels};

            fuzz_require(encoder->encode(profile, symbols, &options, stream, &error) == 0,
                         error.text);
        }
    }
    fuzz_require(wp_report_print(profile, symbols, NULL, stream, &error) == 0, error.text);
    fclose(stream);
    free(text);
}

static void
fuzz_profile(const struct wp_snapshot *snapshot, enum wp_region_profile type)
{
    const struct wp_symbolizer_options offline = {.offline = true};
    struct wp_profile *profile = wp_profile_new(type);
    struct wp_profile *other = wp_profile_new(type);
    struct wp_symbolizer *symbolizer;
    struct wp_symbols *symbols;
    struct wp_error error = {""};

    fuzz_require(wp_symbolizer_new(&offline, &symbolizer, &error) == 0, error.text);
    fuzz_require(wp_profile_add(profile, snapshot, &error) == 0, error.text);
    fuzz_require(wp_profile_add(other, snapshot, &error) == 0, error.text);
    wp_profile_sort(profile);
    fuzz_require(wp_symbolize(symbolizer, profile, &symbols, &error) == 0, error.text);
    fuzz_output(profile, symbols);
    wp_symbols_free(symbols);
    /* A profile less itself is empty; and is empty still when it is added to itself. */
    fuzz_require(wp_profile_subtract(other, profile, &error) == 0, error.text);
    fuzz_require(other->sample_count == 0, "something is left of a profile less itself");
    fuzz_require(wp_profile_merge(other, profile, &error) == 0, error.text);
    fuzz_require(other->sample_count == profile->sample_count, "stacks were lost in a merge");
    wp_symbolizer_free(symbolizer);
    wp_profile_free(profile);
    wp_profile_free(other);
}

int
fuzz_target(const uint8_t *bytes, size_t size, struct wp_error *error)
{
    struct wp_snapshot *snapshot = NULL;
    int fd = memfd_create("region", MFD_CLOEXEC);
    int result;

    fuzz_require(fd >= 0, "no memfd");
    fuzz_require(size == 0 || write(fd, bytes, size) == (ssize_t)size, "cannot write the memfd");
    error->text[0] = '\0';
    result = wp_reader_read(fd, "input.wpr", &snapshot, error);
    close(fd);
    if (result != 0) {
        fuzz_require(error->text[0] != '\0', "refused without a reason");
        return result;
    }
    fuzz_profile(snapshot, WP_PROFILE_BLOCK);
    fuzz_profile(snapshot, WP_PROFILE_MUTEX);
    wp_snapshot_free(snapshot);
    return 0;
}
