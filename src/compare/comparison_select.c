#include "compare/comparison_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare/faults.h"
#include "profile/kind.h"
#include "profile/symbol_name.h"

#define LOCK_KINDS "lock"

int
wp_selection_init(struct wp_selection *selection, const struct wp_comparison_options *options,
                  enum wp_region_profile type, struct wp_error *error)
{
    int status;

    *selection = (struct wp_selection){.options = options, .type = type};
    if (wp_keyset_init(&selection->texts) != 0)
        return wp_error_set(error, ENOMEM, "not enough memory to compare");
    if (options->function == NULL)
        return 0;
    status = regcomp(&selection->expression, options->function, REG_EXTENDED | REG_NOSUB);
    if (status != 0) {
        char why[128];

        regerror(status, &selection->expression, why, sizeof why);
        return wp_error_set(error, EINVAL,
                            "'%s' is no POSIX extended regular expression: %s; a character that "
                            "means itself is written \\c or [c]",
                            options->function, why);
    }
    selection->has_expression = true;
    return 0;
}

void
wp_selection_free(struct wp_selection *selection)
{
    if (selection->has_expression)
        regfree(&selection->expression);
    wp_keyset_free(&selection->texts);
    wp_wordmap_free(&selection->by_pointer);
    free(selection->names);
}

/* --- Names
 * ------------------------------------------------------------------------------------ */

/* The length of a name without what gcc and clang append to the parts and copies of a function:
 * which ones they make changes with the code around it. */
static size_t
name_stem_length(const char *name)
{
    static const char *const suffixes[] = {"cold", "constprop", "isra", "llvm", "lto_priv", "part"};
    static const char demangled[] = " [clone .";
    const char *at = strstr(name, demangled);

    if (at != NULL && at != name)
        return (size_t)(at - name);
    for (at = strchr(name, '.'); at != NULL; at = strchr(at + 1, '.')) {
        size_t length = strcspn(at + 1, ".");

        for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0] && at != name; i++) {
            if (strlen(suffixes[i]) == length && strncmp(at + 1, suffixes[i], length) == 0)
                return (size_t)(at - name);
        }
    }
    return strlen(name);
}

/* True in Go's packages that block or unlock for others. */
static bool
name_is_runtime_of_go(const char *name)
{
    static const char *const packages[] = {"runtime.", "sync.", "internal/"};

    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
        if (strncmp(name, packages[i], strlen(packages[i])) == 0)
            return true;
    }
    return false;
}

static bool
name_matches(const struct wp_selection *selection, const char *name)
{
    return !selection->has_expression || regexec(&selection->expression, name, 0, NULL, 0) == 0;
}

/* Texts of a file are one pointer each, so that a text is looked at once. */
struct wp_selection_name *
wp_selection_name(struct wp_selection *selection, const struct wp_pprof *capture, const char *text)
{
    bool added;
    uint32_t *index = wp_wordmap_put(&selection->by_pointer, (uintptr_t)text, &added);
    const struct wp_key *key;
    struct wp_selection_name *name;
    size_t count = selection->by_pointer.count - 1;

    if (index == NULL)
        return NULL;
    if (!added)
        return &selection->names[*index];
    key = wp_keyset_put(&selection->texts, text,
                        capture->is_ours ? name_stem_length(text) : strlen(text), &added);
    if (key == NULL || wp_array_reserve(&selection->names, &selection->name_capacity, count,
                                        sizeof *selection->names) != 0)
        return NULL;
    *index = (uint32_t)count;
    name = &selection->names[count];
    *name = (struct wp_selection_name){
        .id = key->value,
        .text = key->bytes,
        .matches = name_matches(selection, text),
    };
    return name;
}

/* --- Kinds
 * ------------------------------------------------------------------------------------ */

static const char *
kind_family(const struct wp_comparison_options *options, const char *kind)
{
    for (size_t i = 0; i < options->function_count; i++) {
        if (strcmp(options->functions[i].kind, kind) == 0)
            return options->functions[i].family;
    }
    return "";
}

/*
 * By the name of the function alone. pthread_cond_wait waits for a signal, and then for the mutex;
 * without labels both are one stack, and nearly all of it is the first. In a mutex profile it is
 * there for the mutex that it unlocks.
 */
static enum wp_selection_verdict
kind_judge_leaf(const struct wp_selection *selection, const char *leaf)
{
    const struct wp_comparison_options *options = selection->options;
    enum wp_selection_verdict verdict = WP_SELECTION_KINDLESS;

    for (size_t i = 0; i < options->function_count; i++) {
        const struct wp_comparison_function *function = &options->functions[i];
        bool is_in;

        if (function->kind[0] == '\0' || strcmp(function->name, leaf) != 0)
            continue;
        is_in = wp_kind_matches(options->kinds, function->kind, function->family);
        if (selection->type != WP_PROFILE_MUTEX)
            return is_in ? WP_SELECTION_IN : WP_SELECTION_OUT;
        if (is_in && wp_kind_matches(LOCK_KINDS, function->kind, function->family))
            return WP_SELECTION_IN;
        verdict = WP_SELECTION_OUT;
    }
    return verdict;
}

static enum wp_selection_verdict
kind_judge(struct wp_selection *selection, const struct wp_pprof *capture,
           const struct wp_pprof_stack *stack)
{
    const struct wp_comparison_options *options = selection->options;
    struct wp_selection_name *leaf;

    if (options->kinds == NULL)
        return WP_SELECTION_IN;
    if (stack->kind[0] != '\0')
        return wp_kind_matches(options->kinds, stack->kind, kind_family(options, stack->kind))
                   ? WP_SELECTION_IN
                   : WP_SELECTION_OUT;
    if (stack->depth == 0)
        return WP_SELECTION_KINDLESS;
    leaf = wp_selection_name(selection, capture, stack->frames[0]->name);
    if (leaf == NULL)
        return WP_SELECTION_UNKNOWN;
    if (leaf->as_leaf == WP_SELECTION_UNKNOWN)
        leaf->as_leaf = kind_judge_leaf(selection, leaf->text);
    return leaf->as_leaf;
}

/* --- Stacks
 * ----------------------------------------------------------------------------------- */

enum wp_selection_verdict
wp_selection_judge(struct wp_selection *selection, const struct wp_pprof *capture,
                   const struct wp_pprof_stack *stack)
{
    if (selection->has_expression) {
        bool matches = false;

        for (size_t i = 0; i < stack->depth && !matches; i++) {
            const struct wp_selection_name *name =
                wp_selection_name(selection, capture, stack->frames[i]->name);

            if (name == NULL)
                return WP_SELECTION_UNKNOWN;
            matches = name->matches;
        }
        if (!matches)
            return WP_SELECTION_OUT;
    }
    return kind_judge(selection, capture, stack);
}

/* True for a function of the language's library, which waits for others. */
static bool
frame_is_runtime(const struct wp_pprof_frame *frame, bool is_ours)
{
    return is_ours ? wp_symbol_is_runtime(frame->name, frame->file)
                   : name_is_runtime_of_go(frame->name);
}

const struct wp_pprof_frame *
wp_selection_caller(const struct wp_pprof *capture, const struct wp_pprof_stack *stack)
{
    for (size_t i = 1; i < stack->depth; i++) {
        const struct wp_pprof_frame *frame = stack->frames[i];

        if (!frame_is_runtime(frame, capture->is_ours) && !wp_faults_is_note(frame))
            return frame;
    }
    return stack->depth > 0 ? stack->frames[0] : NULL;
}
