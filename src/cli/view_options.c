#include "cli/view_options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/function_list.h"
#include "cli/nearest_name.h"
#include "profile/kind.h"

static const char *const label_names[] = {
#define LABEL_NAME(name) #name,
    WP_ENCODE_LABELS(LABEL_NAME)
#undef LABEL_NAME
        NULL};

static const char *const set_names[] = {
#define SET_NAME(name, list) name,
    WP_KIND_SETS(SET_NAME)
#undef SET_NAME
        NULL};

int
wp_view_parse_labels(const char *text, struct wp_encode_options *options,
                     char word[WP_VIEW_WORD_BYTES])
{
    uint32_t labels = 0;

    for (;;) {
        size_t length = strcspn(text, ",");
        unsigned i = 0;

        snprintf(word, WP_VIEW_WORD_BYTES, "%.*s",
                 (int)(length < WP_VIEW_WORD_BYTES ? length : WP_VIEW_WORD_BYTES), text);
        while (label_names[i] != NULL && strcmp(label_names[i], word) != 0)
            i++;
        if (label_names[i] == NULL)
            return -EINVAL;
        labels |= 1u << i;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    options->labels = labels;
    return 0;
}

int
wp_option_parse_labels(const struct wp_option *option, const char *text, void *target)
{
    char word[WP_VIEW_WORD_BYTES];

    if (wp_view_parse_labels(text, target, word) == 0)
        return 0;
    return wp_option_refuse_choice(option, word, label_names);
}

/* What may stand in a list, and where to read more about it. */
struct vocabulary {
    const struct wp_kind_name *names;
    size_t count;
    bool has_kinds;          /* or families alone */
    const char *const *more; /* further words; NULL ends them */
};

static int
refuse_word(const char *option, const char *word, size_t length,
            const struct vocabulary *vocabulary, struct wp_error *error)
{
    char typed[WP_VIEW_WORD_BYTES];
    struct wp_nearest_name search = {.typed = typed};

    snprintf(typed, sizeof typed, "%.*s",
             (int)(length < WP_VIEW_WORD_BYTES ? length : WP_VIEW_WORD_BYTES), word);
    for (size_t i = 0; i < vocabulary->count; i++) {
        if (vocabulary->has_kinds)
            wp_nearest_name_offer(&search, vocabulary->names[i].kind);
        wp_nearest_name_offer(&search, vocabulary->names[i].family);
    }
    for (size_t i = 0; vocabulary->more[i] != NULL; i++)
        wp_nearest_name_offer(&search, vocabulary->more[i]);
    if (search.best != NULL && search.best[0] != '\0')
        return wp_error_set(error, EINVAL, "%s: not a value for --%s; did you mean \"%s\"?",
                            typed[0] != '\0' ? typed : "\"\"", option, search.best);
    return wp_error_set(error, EINVAL, "%s: not a value for --%s; see `waitprof functions`",
                        typed[0] != '\0' ? typed : "\"\"", option);
}

static int
check_kinds(const char *kinds, const struct wp_kind_name *names, size_t count,
            struct wp_error *error)
{
    const struct vocabulary vocabulary = {names, count, true, set_names};
    size_t length = 0;
    const char *word = wp_kind_find_unknown(kinds, names, count, &length);

    return word == NULL ? 0 : refuse_word("kind", word, length, &vocabulary, error);
}

int
wp_view_check_kinds(const char *kinds, const struct wp_snapshot *snapshot, struct wp_error *error)
{
    struct wp_kind_name *names;
    int status;

    if (kinds == NULL)
        return 0;
    names = calloc(snapshot->function_count + 1, sizeof *names);
    if (names == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    for (size_t i = 0; i < snapshot->function_count; i++)
        names[i] = (struct wp_kind_name){.kind = snapshot->functions[i].kind,
                                         .family = snapshot->functions[i].family};
    status = check_kinds(kinds, names, snapshot->function_count, error);
    free(names);
    return status;
}

int
wp_view_check_kinds_of_list(const char *kinds, const struct wp_function_list *list,
                            struct wp_error *error)
{
    return kinds != NULL ? check_kinds(kinds, list->kinds, list->kind_count, error) : 0;
}

int
wp_view_check_kinds_of_library(const char *kinds, struct wp_error *error)
{
    struct wp_function_list list;
    int status;

    if (kinds == NULL)
        return 0;
    status = wp_function_list_read(&list, error);
    if (status != 0)
        return status;
    status = wp_view_check_kinds_of_list(kinds, &list, error);
    wp_function_list_free(&list);
    return status;
}

static bool
is_family(const char *word, size_t length, const struct wp_function_list *list)
{
    for (size_t i = 0; i < list->kind_count; i++) {
        const char *family = list->kinds[i].family;

        if (strlen(family) == length && strncmp(family, word, length) == 0)
            return true;
    }
    return false;
}

int
wp_view_check_events(const char *events, struct wp_error *error)
{
    static const char *const all[] = {"all", NULL};
    struct wp_function_list list;
    struct vocabulary vocabulary = {.more = all};
    int status;

    if (events == NULL)
        return 0;
    if (strlen(events) > WP_VIEW_EVENTS_MAX_BYTES)
        return wp_error_set(error, EINVAL, "the list of --events is too long; name a family once");
    status = wp_function_list_read(&list, error);
    if (status != 0)
        return status;
    vocabulary.names = list.kinds;
    vocabulary.count = list.kind_count;
    for (const char *word = events; word != NULL && status == 0;) {
        size_t length = strcspn(word, ",");

        if ((length != strlen(all[0]) || strncmp(word, all[0], length) != 0) &&
            !is_family(word, length, &list))
            status = refuse_word("events", word, length, &vocabulary, error);
        word = word[length] == ',' ? word + length + 1 : NULL;
    }
    wp_function_list_free(&list);
    return status;
}
