/*
 * waitprof export: writes one profile of a region in one of several formats.
 */
#include <errno.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output_file.h"
#include "cli/region_file.h"
#include "cli/region_life.h"
#include "cli/terminal.h"
#include "cli/view_options.h"
#include "profile/encode.h"
#include "profile/region_find.h"

struct export_values {
    const struct wp_encoder *encoder; /* NULL: the first */
    const char *path;                 /* NULL: standard output */
    unsigned type;                    /* index of wp_capture_types */
    struct wp_view_values view;
};

static const char *const types[] = {WP_CAPTURE_TYPE_NAMES, NULL};

/* The formats are listed by src/profile: no second list of their names here. */
static int
parse_format(const struct wp_option *option, const char *text, void *target)
{
    const struct wp_encoder *encoder = wp_encoder_find(text);
    const char *names[16] = {NULL};

    if (encoder != NULL) {
        *(const struct wp_encoder **)target = encoder;
        return 0;
    }
    for (size_t i = 0; wp_encoders[i].name != NULL && i < sizeof names / sizeof names[0] - 1; i++)
        names[i] = wp_encoders[i].name;
    return wp_option_refuse_choice(option, text, names);
}

static const struct wp_option options[] = {
    {.name = "profile",
     .help = "who waits (default), or who makes them wait",
     .parse = wp_option_parse_choice,
     .target = offsetof(struct export_values, type),
     .choices = types},
    WP_KIND_OPTION(struct export_values, view),
    {.name = "format",
     .letter = 'f',
     .placeholder = "FORMAT",
     .help = "pprof (default), folded, text or json",
     .parse = parse_format,
     .target = offsetof(struct export_values, encoder)},
    WP_LABELS_OPTION(struct export_values, view),
    {.name = "output",
     .letter = 'o',
     .placeholder = "FILE",
     .help = "write to FILE (default: standard output)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct export_values, path)},
    {.name = NULL},
};

static const struct wp_encoder *
encoder_of(const struct export_values *values)
{
    return values->encoder != NULL ? values->encoder : &wp_encoders[0];
}

static bool
is_binary(const struct wp_encoder *encoder)
{
    return strncmp(encoder->content_type, "text/", 5) != 0 &&
           strncmp(encoder->content_type, "application/json", 16) != 0;
}

static int
encode(struct wp_profile *profile, const struct export_values *values, FILE *stream,
       struct wp_error *error)
{
    struct wp_symbolizer *symbolizer = NULL;
    struct wp_symbols *symbols = NULL;
    int status = wp_symbolizer_new(NULL, &symbolizer, error);

    if (status != 0)
        return status;
    wp_profile_sort(profile);
    status = wp_symbolize(symbolizer, profile, &symbols, error);
    if (status == 0)
        status = encoder_of(values)->encode(profile, symbols, &values->view.encode, stream, error);
    wp_symbols_free(symbols);
    wp_symbolizer_free(symbolizer);
    return status;
}

static int
write_profile(struct wp_profile *profile, const struct export_values *values,
              struct wp_error *error)
{
    struct wp_output_file file;
    int status;

    if (values->path == NULL)
        return encode(profile, values, stdout, error);
    status = wp_output_file_open(&file, values->path, error);
    if (status != 0)
        return status;
    status = encode(profile, values, file.stream, error);
    if (status == 0)
        return wp_output_file_commit(&file, error);
    wp_output_file_discard(&file);
    return status;
}

static int
export_place(const struct export_values *values, const struct wp_region_place *place,
             struct wp_error *error)
{
    struct wp_profile *profile = wp_profile_new(wp_capture_types[values->type]);
    struct wp_snapshot *snapshot = NULL;
    bool ended = false;
    int status = profile != NULL ? wp_reader_open(place, &snapshot, error)
                                 : wp_error_set(error, ENOMEM, "out of memory");

    if (status == 0) {
        ended = wp_region_life_look(snapshot).ended;
        status = wp_view_check_kinds(values->view.kinds, snapshot, error);
    }
    if (status == 0)
        status = wp_profile_add(profile, snapshot, error);
    wp_snapshot_free(snapshot);
    if (status == 0 && values->view.kinds != NULL)
        status = wp_profile_select_kinds(profile, values->view.kinds, error);
    if (status == 0)
        status = write_profile(profile, values, error);
    wp_profile_free(profile);
    /* What was left out is nowhere else yet: `prune` must not take it for exported. */
    if (status == 0 && ended && values->view.kinds == NULL &&
        wp_region_file_mark_exported(place, error) != 0)
        wp_message_detail("%s", error->text);
    return status;
}

static int export(const void *given, char **arguments)
{
    const struct export_values *values = given;
    struct wp_region_place place;
    struct wp_error error = {""};
    int status;

    if (values->path == NULL && wp_terminal_is(stdout) && is_binary(encoder_of(values))) {
        wp_message_error("standard output", "name a file with -o, or choose --format text",
                         "a terminal cannot show this format");
        return WP_EXIT_USAGE;
    }
    status = wp_region_find(arguments[0], &place, &error);
    if (status == 0)
        status = export_place(values, &place, &error);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

const struct wp_command wp_command_export = {
    .name = "export",
    .arguments = "PID|REGION",
    .summary = "write a profile as pprof, folded stacks, text or JSON",
    .description =
        "Writes one profile of a program since its start. The program need not run any more.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 1,
    .arguments_maximum = 1,
    .values_bytes = sizeof(struct export_values),
    .run = export,
};
