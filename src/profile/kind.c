#include "profile/kind.h"

#include <fnmatch.h>
#include <string.h>

#define WORD_BYTES 64u /* longer than any name */

static const struct kind_set {
    const char *name;
    const char *list;
} kind_sets[] = {
#define KIND_SET(name, list) {name, list},
    WP_KIND_SETS(KIND_SET)
#undef KIND_SET
};

#define KIND_SET_COUNT (sizeof kind_sets / sizeof kind_sets[0])

/* The list that a word stands for, NULL if it is no set. */
static const char *
kind_set_list(const char *word)
{
    for (size_t i = 0; i < KIND_SET_COUNT; i++) {
        if (strcmp(kind_sets[i].name, word) == 0)
            return kind_sets[i].list;
    }
    return NULL;
}

static bool
kind_is_pattern(const char *word)
{
    return strpbrk(word, "*?[") != NULL;
}

/* Takes the first word off a list: NULL at its end. Words that are too long are cut, and then name
 * nothing. */
static const char *
kind_next_word(const char *list, char word[WORD_BYTES], size_t *length)
{
    *length = strcspn(list, ",");
    word[0] = '\0';
    strncat(word, list, *length < WORD_BYTES ? *length : WORD_BYTES - 1);
    return list[*length] == ',' ? list + *length + 1 : NULL;
}

/* Sets are lists of kinds and patterns, never of sets. */
static bool
kind_is_in(const char *list, const char *kind, const char *family, bool allows_sets)
{
    while (list != NULL) {
        char word[WORD_BYTES];
        const char *set;
        size_t length;

        list = kind_next_word(list, word, &length);
        set = allows_sets ? kind_set_list(word) : NULL;
        if (strcmp(word, kind) == 0 || strcmp(word, family) == 0 ||
            (kind_is_pattern(word) && fnmatch(word, kind, 0) == 0) ||
            (set != NULL && kind_is_in(set, kind, family, false)))
            return true;
    }
    return false;
}

bool
wp_kind_matches(const char *list, const char *kind, const char *family)
{
    return kind[0] != '\0' && kind_is_in(list, kind, family, true);
}

static bool
kind_is_known(const char *word, const struct wp_kind_name *vocabulary, size_t count)
{
    if (word[0] == '\0')
        return false;
    if (kind_is_pattern(word) || kind_set_list(word) != NULL)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(vocabulary[i].kind, word) == 0 || strcmp(vocabulary[i].family, word) == 0)
            return true;
    }
    return false;
}

const char *
wp_kind_find_unknown(const char *list, const struct wp_kind_name *vocabulary, size_t count,
                     size_t *length)
{
    while (list != NULL) {
        char word[WORD_BYTES];
        const char *next = kind_next_word(list, word, length);

        if (!kind_is_known(word, vocabulary, count))
            return list;
        list = next;
    }
    return NULL;
}
