#include "cli/capture.h"

#include <errno.h>
#include <limits.h>

#include "cli/message.h"
#include "cli/output_file.h"
#include "cli/terminal.h"
#include "profile/encode.h"

#define OUTPUT_PATH_BYTES (PATH_MAX + 1)

const enum wp_region_profile wp_capture_types[WP_CAPTURE_TYPES] = {
    WP_PROFILE_BLOCK,
    WP_PROFILE_MUTEX,
};

int
wp_capture_start(struct wp_capture *capture, struct wp_error *error)
{
    for (unsigned i = 0; i < WP_CAPTURE_TYPES; i++) {
        capture->profiles[i] = wp_profile_new(wp_capture_types[i]);
        if (capture->profiles[i] == NULL)
            return wp_error_set(error, ENOMEM, "out of memory");
    }
    return 0;
}

int
wp_capture_add(struct wp_capture *capture, const struct wp_snapshot *snapshot,
               struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++)
        status = wp_profile_add(capture->profiles[i], snapshot, error);
    return status;
}

int
wp_capture_subtract(struct wp_capture *capture, const struct wp_capture *earlier,
                    struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++)
        status = wp_profile_subtract(capture->profiles[i], earlier->profiles[i], error);
    return status;
}

int
wp_capture_select_kinds(struct wp_capture *capture, const char *kinds, struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0 && kinds != NULL; i++)
        status = wp_profile_select_kinds(capture->profiles[i], kinds, error);
    return status;
}

/* Sorts and names the chosen profiles, where that is not done yet. */
static int
symbolize(struct wp_capture *capture, unsigned types, struct wp_error *error)
{
    int status = 0;

    if (capture->symbolizer == NULL)
        status = wp_symbolizer_new(NULL, &capture->symbolizer, error);
    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++) {
        if ((types & 1u << i) == 0 || capture->symbols[i] != NULL)
            continue;
        wp_profile_sort(capture->profiles[i]);
        status =
            wp_symbolize(capture->symbolizer, capture->profiles[i], &capture->symbols[i], error);
    }
    return status;
}

/* A path that is cut here is too long for the kernel, too. */
static void
make_path(const char *prefix, enum wp_region_profile type, char path[OUTPUT_PATH_BYTES])
{
    snprintf(path, OUTPUT_PATH_BYTES, "%s.%s%s", prefix, wp_profile_type_name(type),
             wp_encoders[0].suffix);
}

int
wp_capture_check_prefix(const char *prefix, struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++) {
        char path[OUTPUT_PATH_BYTES];

        make_path(prefix, wp_capture_types[i], path);
        status = wp_output_file_check(path, error);
    }
    return status;
}

static int
write_file(const struct wp_profile *profile, const struct wp_symbols *symbols, const char *prefix,
           const struct wp_encode_options *options, struct wp_error *error)
{
    const struct wp_encoder *encoder = &wp_encoders[0];
    const char *type = wp_profile_type_name(profile->type);
    struct wp_output_file file;
    char path[OUTPUT_PATH_BYTES];
    int status;

    make_path(prefix, profile->type, path);
    status = wp_output_file_open(&file, path, error);
    if (status != 0)
        return status;
    status = encoder->encode(profile, symbols, options, file.stream, error);
    if (status != 0) {
        wp_output_file_discard(&file);
        return status;
    }
    status = wp_output_file_commit(&file, error);
    if (status == 0)
        wp_message_note("%s profile: go tool pprof -http=: %s", type, path);
    return status;
}

int
wp_capture_write(struct wp_capture *capture, const char *prefix,
                 const struct wp_encode_options *options, struct wp_error *error)
{
    int status = symbolize(capture, WP_CAPTURE_ALL_TYPES, error);

    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++)
        status = write_file(capture->profiles[i], capture->symbols[i], prefix, options, error);
    return status;
}

int
wp_capture_print(struct wp_capture *capture, unsigned types, struct wp_report_options *options,
                 FILE *stream, struct wp_error *error)
{
    int status = symbolize(capture, types, error);
    bool first = true;

    options->width_columns = wp_terminal_width(stream);
    options->colour = wp_terminal_has_colour(stream);
    for (unsigned i = 0; i < WP_CAPTURE_TYPES && status == 0; i++) {
        if ((types & 1u << i) == 0)
            continue;
        if (!first)
            fputc('\n', stream);
        first = false;
        status = wp_report_print(capture->profiles[i], capture->symbols[i], options, stream, error);
    }
    return status;
}

void
wp_capture_free(struct wp_capture *capture)
{
    for (unsigned i = 0; i < WP_CAPTURE_TYPES; i++) {
        wp_symbols_free(capture->symbols[i]);
        wp_profile_free(capture->profiles[i]);
    }
    wp_symbolizer_free(capture->symbolizer);
    *capture = (struct wp_capture){0};
}
