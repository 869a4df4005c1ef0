#include "cli/comparison_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/capture_directory.h"
#include "cli/kind_functions.h"
#include "cli/message.h"
#include "cli/untold_captures.h"
#include "profile/keyset.h"
#include "profile/profile.h"

/* Choice i stands for type i + 1, as in enum wp_region_profile. */
const char *const wp_comparison_types[] = {"block", "mutex", NULL};

static const char *const side_names[WP_SIDE_COUNT] = {"BASE", "NEW"};

/* --- Options
 * ---------------------------------------------------------------------------------- */

int
wp_option_parse_comparison_type(const struct wp_option *option, const char *text, void *target)
{
    int status = wp_option_parse_choice(option, text, target);

    if (status == 0)
        *(unsigned *)target += WP_PROFILE_BLOCK;
    return status;
}

/* Beyond them, a delay divided by so many would be 0 or infinite. */
#define OPERATIONS_MIN 1e-9
#define OPERATIONS_MAX 1e18

/* A number of operations, which need not be whole: they may be counted in thousands. */
static bool
parse_operations(const char *text, double *operations, char **end)
{
    *operations = strtod(text, end);
    return *end != text && *operations >= OPERATIONS_MIN && *operations <= OPERATIONS_MAX;
}

int
wp_option_parse_comparison_unit(const struct wp_option *option, const char *text, void *target)
{
    static const char word[] = "operation ";
    static const char *const units[] = {"second", "operation", NULL};
    struct wp_comparison_unit *unit = target;
    double *operations = unit->operations;
    char *end;

    if (strcmp(text, "second") == 0) {
        *unit = (struct wp_comparison_unit){{0}};
        return 0;
    }
    if (strncmp(text, word, sizeof word - 1) != 0)
        return wp_option_refuse_choice(option, text, units);
    text += sizeof word - 1;
    if (parse_operations(text, &operations[WP_SIDE_BASE], &end)) {
        operations[WP_SIDE_NEW] = operations[WP_SIDE_BASE];
        if (*end == '\0' ||
            (*end == ',' && parse_operations(end + 1, &operations[WP_SIDE_NEW], &end) &&
             *end == '\0'))
            return 0;
    }
    wp_message_error(text, "write --per operation N, or N,M for different numbers in BASE and NEW",
                     "not a number of operations");
    return -EINVAL;
}

static int
compare_kinds(const struct wp_comparison_sides *sides, struct wp_comparison_options *options,
              struct wp_comparison **comparison, struct wp_error *error)
{
    struct wp_pprof *const *captures[WP_SIDE_COUNT] = {sides->captures[WP_SIDE_BASE],
                                                       sides->captures[WP_SIDE_NEW]};
    struct wp_kind_functions functions;
    int status = wp_kind_functions_read(options->kinds, &functions, error);

    options->functions = functions.functions;
    options->function_count = functions.count;
    if (status == 0)
        status = wp_comparison_make(captures, sides->counts, options, comparison, error);
    wp_kind_functions_free(&functions);
    return status;
}

/* --- Arguments
 * -------------------------------------------------------------------------------- */

/* The captures of a side, while they are read. */
struct growing_side {
    struct wp_comparison_sides *sides;
    enum wp_comparison_side side;
    unsigned type;     /* as of struct wp_comparison_values */
    bool is_type_told; /* by a capture of the side, perhaps one that is not of `type` */
};

/* A wp_capture_directory_visit. */
static int
add_file(const char *path, void *context, struct wp_error *error)
{
    struct growing_side *growing = context;
    struct wp_comparison_sides *sides = growing->sides;
    enum wp_comparison_side side = growing->side;
    struct wp_pprof *pprof = NULL;
    int status = wp_pprof_read(path, &pprof, error);

    if (status != 0)
        return status;
    growing->is_type_told |= pprof->type != 0;
    if (growing->type != 0 && pprof->type != 0 && (unsigned)pprof->type != growing->type) {
        wp_pprof_free(pprof);
        return 0;
    }
    if (wp_array_reserve(&sides->captures[side], &sides->capacities[side], sides->counts[side],
                         sizeof pprof) != 0) {
        wp_pprof_free(pprof);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    sides->captures[side][sides->counts[side]++] = pprof;
    return 0;
}

static int
add_argument(const char *argument, struct growing_side *growing, struct wp_error *error)
{
    struct stat status;

    if (stat(argument, &status) == 0 && S_ISDIR(status.st_mode))
        return wp_capture_directory_read(argument, add_file, growing, error);
    return add_file(argument, growing, error);
}

/* Where the arguments of each side start, and how many they are. */
struct division {
    char **start[WP_SIDE_COUNT];
    size_t count[WP_SIDE_COUNT];
};

static int
divide(char **arguments, struct division *division, struct wp_error *error)
{
    size_t count = 0, divider;

    while (arguments[count] != NULL)
        count++;
    for (divider = 0; divider < count && arguments[divider] != wp_option_divider;)
        divider++;
    if (divider == count && count > 2)
        return wp_error_set(error, EINVAL, "%s: of which side is it? write BASE... -- NEW...",
                            arguments[2]);
    division->start[WP_SIDE_BASE] = arguments;
    if (divider < count) {
        division->count[WP_SIDE_BASE] = divider;
        division->start[WP_SIDE_NEW] = arguments + divider + 1;
        division->count[WP_SIDE_NEW] = count - divider - 1;
    } else {
        division->count[WP_SIDE_BASE] = count > 0;
        division->start[WP_SIDE_NEW] = arguments + (count > 0);
        division->count[WP_SIDE_NEW] = count > 1;
    }
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++) {
        if (division->count[side] == 0)
            return wp_error_set(error, EINVAL, "%s is missing; write BASE NEW or BASE... -- NEW...",
                                side_names[side]);
    }
    return 0;
}

static int
read_sides(char **arguments, unsigned type, struct wp_comparison_sides *sides,
           struct wp_error *error)
{
    struct division division;
    struct wp_untold_captures passed = {.count = 0};
    int status = divide(arguments, &division, error);

    for (unsigned side = 0; side < WP_SIDE_COUNT && status == 0; side++) {
        struct growing_side growing = {.sides = sides, .side = side, .type = type};

        for (size_t i = 0; i < division.count[side] && status == 0; i++)
            status = add_argument(division.start[side][i], &growing, error);
        if (growing.is_type_told)
            wp_untold_captures_drop(sides->captures[side], &sides->counts[side], &passed);
        if (status == 0 && sides->counts[side] == 0)
            status = wp_error_set(error, EINVAL, "%s has no %s profile", side_names[side],
                                  wp_profile_type_name((enum wp_region_profile)type));
    }
    wp_untold_captures_warn(&passed);
    return status;
}

/* The first capture of a type, on any side from `from` to `to`; NULL: none. */
static const struct wp_pprof *
find_type(const struct wp_comparison_sides *sides, enum wp_region_profile type, unsigned from,
          unsigned to)
{
    for (unsigned side = from; side <= to; side++) {
        for (size_t i = 0; i < sides->counts[side]; i++) {
            if (sides->captures[side][i]->type == type)
                return sides->captures[side][i];
        }
    }
    return NULL;
}

static bool
is_on_both(const struct wp_comparison_sides *sides, enum wp_region_profile type)
{
    return find_type(sides, type, WP_SIDE_BASE, WP_SIDE_BASE) != NULL &&
           find_type(sides, type, WP_SIDE_NEW, WP_SIDE_NEW) != NULL;
}

static int
check_types(const struct wp_comparison_sides *sides, struct wp_error *error)
{
    const struct wp_pprof *block = find_type(sides, WP_PROFILE_BLOCK, WP_SIDE_BASE, WP_SIDE_NEW);
    const struct wp_pprof *mutex = find_type(sides, WP_PROFILE_MUTEX, WP_SIDE_BASE, WP_SIDE_NEW);
    char remedy[96] = "take two of one type";

    if (block == NULL || mutex == NULL)
        return 0;
    if (is_on_both(sides, WP_PROFILE_BLOCK) || is_on_both(sides, WP_PROFILE_MUTEX))
        snprintf(remedy, sizeof remedy, "choose with%s%s%s",
                 is_on_both(sides, WP_PROFILE_BLOCK) ? " --profile block" : "",
                 is_on_both(sides, WP_PROFILE_BLOCK) && is_on_both(sides, WP_PROFILE_MUTEX) ? " or"
                                                                                            : "",
                 is_on_both(sides, WP_PROFILE_MUTEX) ? " --profile mutex" : "");
    return wp_error_set(
        error, EINVAL,
        "%s is a block profile (who waits) and %s a mutex profile (who makes them wait), which "
        "cannot be compared; %s",
        block->path, mutex->path, remedy);
}

int
wp_comparison_of_arguments(char **arguments, const struct wp_comparison_values *values,
                           enum wp_comparison_grouping grouping, struct wp_comparison_sides *sides,
                           struct wp_comparison **comparison, struct wp_error *error)
{
    struct wp_comparison_options options = {
        .grouping = grouping,
        .function = values->function,
        .kinds = values->kinds,
        .operations = {values->per.operations[WP_SIDE_BASE], values->per.operations[WP_SIDE_NEW]},
    };
    int status = read_sides(arguments, values->type, sides, error);

    if (status == 0)
        status = check_types(sides, error);
    return status == 0 ? compare_kinds(sides, &options, comparison, error) : status;
}

void
wp_comparison_sides_free(struct wp_comparison_sides *sides)
{
    for (unsigned side = 0; side < WP_SIDE_COUNT; side++) {
        for (size_t i = 0; i < sides->counts[side]; i++)
            wp_pprof_free(sides->captures[side][i]);
        free(sides->captures[side]);
    }
    memset(sides, 0, sizeof *sides);
}
