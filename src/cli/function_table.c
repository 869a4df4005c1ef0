#include "cli/function_table.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "profile/json_add.h"
#include "profile/symbol_name.h"

#define JSON_FLAGS (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)

static void
print_json(struct json_object *object)
{
    puts(json_object_to_json_string_ext(object, JSON_FLAGS));
    json_object_put(object);
}

/* --- What a library wraps ------------------------------------------------------------------- */

static bool
is_kind_of(const char *kinds, const char *kind, const char *family)
{
    return kinds == NULL || wp_kind_matches(kinds, kind, family);
}

/* A function is shown if it or a part of it has one of the kinds. */
static bool
is_shown(const struct wp_function_list *list, size_t function, const char *kinds)
{
    size_t i = function;

    if (list->rows[function].as != WP_LISTED_FUNCTION)
        return false;
    do {
        if (is_kind_of(kinds, list->rows[i].kind, list->rows[i].family))
            return true;
    } while (++i < list->count && list->rows[i].as == WP_LISTED_PART);
    return false;
}

/* Calls back for each kind of a function: its own and those of its parts. */
typedef void visit(void *context, const char *name);

static void
visit_kinds(const struct wp_function_list *list, size_t function, visit *call, void *context)
{
    size_t i = function;

    do {
        if (list->rows[i].kind[0] != '\0')
            call(context, list->rows[i].kind);
    } while (++i < list->count && list->rows[i].as == WP_LISTED_PART);
}

/* The other names of a function. Those with a version have none. */
static void
visit_aliases(const struct wp_function_list *list, size_t function, visit *call, void *context)
{
    const char *symbol = list->rows[function].symbol;

    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].as == WP_LISTED_ALIAS && strcmp(list->rows[i].of, symbol) == 0)
            call(context, list->rows[i].symbol);
    }
}

/* Names joined by a separator. */
struct joined {
    char text[512];
    const char *separator;
    const char *quote; /* around each */
};

static void
join(void *context, const char *name)
{
    struct joined *joined = context;
    size_t used = strlen(joined->text);

    snprintf(joined->text + used, sizeof joined->text - used, "%s%s%s%s",
             used == 0 ? "" : joined->separator, joined->quote, name, joined->quote);
}

static void
add_to_array(void *context, const char *name)
{
    json_object_array_add(context, json_object_new_string(name));
}

static const char *
or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void
print_list_text(const struct wp_function_list *list, const char *kinds)
{
    printf("%-26s %-12s %-8s %-25s %s\n", "FUNCTION", "VERSION", "FAMILY", "KINDS", "ALSO");
    for (size_t i = 0; i < list->count; i++) {
        const struct wp_listed_function *row = &list->rows[i];
        struct joined kind = {.text = "", .separator = ",", .quote = ""};
        struct joined also = {.text = "", .separator = " ", .quote = ""};

        if (!is_shown(list, i, kinds))
            continue;
        visit_kinds(list, i, join, &kind);
        visit_aliases(list, i, join, &also);
        printf("%-26s %-12s %-8s %-25s %s\n", row->symbol, or_dash(row->version), row->family,
               or_dash(kind.text), or_dash(also.text));
    }
}

static void
print_list_json(const struct wp_function_list *list, const char *kinds)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct wp_listed_function *row = &list->rows[i];
        struct json_object *object, *kind, *also;

        if (!is_shown(list, i, kinds))
            continue;
        object = json_object_new_object();
        kind = json_object_new_array();
        also = json_object_new_array();
        visit_kinds(list, i, add_to_array, kind);
        visit_aliases(list, i, add_to_array, also);
        wp_json_add_text(object, "function", row->symbol);
        wp_json_add_text(object, "version", row->version);
        wp_json_add_text(object, "family", row->family);
        json_object_object_add(object, "kinds", kind);
        json_object_object_add(object, "aliases", also);
        json_object_array_add(array, object);
    }
    print_json(array);
}

/* --- The document --------------------------------------------------------------------------- */

/* True for the first function of its family. */
static bool
is_first_of_family(const struct wp_function_list *list, size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (list->rows[i].as == WP_LISTED_FUNCTION &&
            strcmp(list->rows[i].family, list->rows[row].family) == 0)
            return false;
    }
    return list->rows[row].as == WP_LISTED_FUNCTION;
}

static void
print_family(const struct wp_function_list *list, const char *family)
{
    printf("\n## %s\n\n| function | version | kinds | also |\n|---|---|---|---|\n", family);
    for (size_t i = 0; i < list->count; i++) {
        const struct wp_listed_function *row = &list->rows[i];
        struct joined kind = {.text = "", .separator = ", ", .quote = ""};
        struct joined also = {.text = "", .separator = ", ", .quote = "`"};

        if (row->as != WP_LISTED_FUNCTION || strcmp(row->family, family) != 0)
            continue;
        visit_kinds(list, i, join, &kind);
        visit_aliases(list, i, join, &also);
        printf("| `%s` | %s | %s | %s |\n", row->symbol, row->version, kind.text, also.text);
    }
}

/* Functions that follow each other and have one reason are one row. */
static void
print_left_out(const struct wp_function_list *list)
{
    const char *reason = "";

    for (size_t i = 0; i < list->count; i++) {
        const struct wp_listed_function *row = &list->rows[i];

        if (row->as != WP_LISTED_LEFT_OUT)
            continue;
        if (strcmp(row->reason, reason) == 0)
            printf(", `%s`", row->symbol);
        else
            printf("%s| %s | `%s`", reason[0] != '\0' ? " |\n" : "", row->reason, row->symbol);
        reason = row->reason;
    }
    printf("%s", reason[0] != '\0' ? " |\n" : "");
}

static void
print_list_markdown(const struct wp_function_list *list)
{
    size_t functions = 0, aliases = 0;

    for (size_t i = 0; i < list->count; i++) {
        functions += list->rows[i].as == WP_LISTED_FUNCTION;
        aliases += list->rows[i].as == WP_LISTED_ALIAS;
    }
    printf(
        "# Wrapped functions\n\n"
        "What libwaitprof.so defines in place of the C library: %zu functions, %zu further names "
        "of\n"
        "them. `waitprof functions --markdown` prints this page from the list in the library (on\n"
        "x86-64; other machines have no old versions), and a test compares the two.\n\n"
        "Each family is a name for `WAITPROF_EVENTS` and `--events`; each kind is one for "
        "`--kind`,\n"
        "and a label of samples. A function without a kind records nothing by itself. The second\n"
        "and third kind of a wait for a condition are its return to the mutex, and the unlock of\n"
        "the mutex at its beginning.\n",
        functions, aliases);
    for (size_t i = 0; i < list->count; i++) {
        if (is_first_of_family(list, i))
            print_family(list, list->rows[i].family);
    }
    printf("\n## Not wrapped\n\n"
           "Functions of the C library that can wait and are deliberately not wrapped. All others\n"
           "that it exports cannot wait; a test holds the three lists against the C library in "
           "use.\n\n"
           "| why | functions |\n|---|---|\n");
    print_left_out(list);
}

void
wp_function_table_print_list(const struct wp_function_list *list, const char *kinds,
                             enum wp_function_format format)
{
    if (format == WP_FUNCTIONS_JSON)
        print_list_json(list, kinds);
    else if (format == WP_FUNCTIONS_MARKDOWN)
        print_list_markdown(list);
    else
        print_list_text(list, kinds);
}

/* --- What became of the functions in a program ---------------------------------------------- */

/* The samples that the two profiles keep of a function. */
struct kept {
    uint64_t block;
    uint64_t mutex;
};

static struct kept *
sum_up_samples(const struct wp_snapshot *snapshot)
{
    struct kept *kept = calloc(snapshot->function_count + 1, sizeof *kept);

    for (size_t i = 0; i < snapshot->stack_count && kept != NULL; i++) {
        const struct wp_reader_stack *stack = &snapshot->stacks[i];
        struct kept *row = &kept[stack->function];

        *(stack->profile == WP_PROFILE_BLOCK ? &row->block : &row->mutex) += stack->samples;
    }
    return kept;
}

static const char *
note_of(const struct wp_reader_function *function)
{
    if ((function->flags & WP_REGION_FUNCTION_HIDDEN) != 0)
        return "hidden: the program has its own";
    if ((function->flags & WP_REGION_FUNCTION_UNBOUND) != 0)
        return "unbound: its libc has none";
    if ((function->flags & WP_REGION_FUNCTION_OFF) != 0)
        return "off: its family was left out";
    return "";
}

static void
print_region_row(const struct wp_reader_function *function, const struct kept *kept)
{
    char name[64];

    wp_symbol_clean(function->name, name, sizeof name);
    printf("%-26s %-8s %-14s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "%s%s\n", name,
           function->family, or_dash(function->kind), function->waits, kept->block, kept->mutex,
           note_of(function)[0] != '\0' ? "  " : "", note_of(function));
}

static void
add_flag(struct json_object *object, const char *name, const struct wp_reader_function *function,
         uint32_t flag)
{
    wp_json_add_flag(object, name, (function->flags & flag) != 0);
}

static struct json_object *
make_region_row(const struct wp_reader_function *function, const struct kept *kept)
{
    struct json_object *object = json_object_new_object();

    wp_json_add_text(object, "function", function->name);
    wp_json_add_text(object, "version", function->version);
    wp_json_add_text(object, "family", function->family);
    wp_json_add_text(object, "kind", function->kind);
    wp_json_add_number(object, "waits", function->waits);
    wp_json_add_number(object, "block_samples", kept->block);
    wp_json_add_number(object, "mutex_samples", kept->mutex);
    add_flag(object, "unbound", function, WP_REGION_FUNCTION_UNBOUND);
    add_flag(object, "hidden", function, WP_REGION_FUNCTION_HIDDEN);
    add_flag(object, "off", function, WP_REGION_FUNCTION_OFF);
    return object;
}

int
wp_function_table_print_region(const struct wp_snapshot *snapshot, const char *kinds, bool all,
                               enum wp_function_format format, struct wp_error *error)
{
    struct json_object *array = format == WP_FUNCTIONS_JSON ? json_object_new_array() : NULL;
    struct kept *kept = sum_up_samples(snapshot);
    size_t printed = 0;

    if (kept == NULL) {
        json_object_put(array);
        return wp_error_set(error, ENOMEM, "out of memory");
    }
    for (size_t i = 1; i < snapshot->function_count; i++) {
        const struct wp_reader_function *function = &snapshot->functions[i];

        if (!is_kind_of(kinds, function->kind, function->family) ||
            (!all && function->waits == 0 && kept[i].block == 0 && kept[i].mutex == 0 &&
             (function->flags & (WP_REGION_FUNCTION_HIDDEN | WP_REGION_FUNCTION_UNBOUND)) == 0))
            continue;
        if (array != NULL) {
            json_object_array_add(array, make_region_row(function, &kept[i]));
            continue;
        }
        if (printed++ == 0)
            printf("%-26s %-8s %-14s %10s %10s %10s\n", "FUNCTION", "FAMILY", "KIND", "WAITS",
                   "BLOCK", "MUTEX");
        print_region_row(function, &kept[i]);
    }
    free(kept);
    if (array != NULL)
        print_json(array);
    else if (printed == 0)
        wp_message_note("no such function had to wait; --all lists all");
    return 0;
}
