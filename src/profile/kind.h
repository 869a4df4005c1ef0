/*
 * What a wait was for: the kinds of events, as rows of interpose/functions.def name them, and the
 * lists of kinds that people write.
 *
 * A list has words separated by commas. A word is a kind ("mutex", "cond.reacquire"), a family as
 * WAITPROF_EVENTS has them ("sync", "net": all of its kinds), a pattern of kinds as of fnmatch(3)
 * ("rwlock*"), or one of the sets below. The names of kinds and families are those of a region, or
 * of the library that it comes from: there is no list of them here.
 */
#ifndef WP_PROFILE_KIND_H
#define WP_PROFILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Short names for sets of kinds, which no kind nor family may have. X(name, list)
 *
 * lock is what Go's mutex profile has. Not in it: flockfile, whose kind it shares with other waits,
 * and a futex, which may be anything.
 */
#define WP_KIND_SETS(X) X("lock", "mutex,rwlock*,cond.reacquire,spin")

/* A kind together with its family; a row of a vocabulary. */
struct wp_kind_name {
    const char *kind; /* "": not for words to name */
    const char *family;
};

/* True if the list names this kind. "" is no kind: no list names it. */
bool wp_kind_matches(const char *list, const char *kind, const char *family);

/*
 * The first word of the list that can name nothing: it is no pattern, no set, and neither kind nor
 * family of the vocabulary. NULL: there is none; else *length is that of the word, 0 perhaps.
 */
const char *wp_kind_find_unknown(const char *list, const struct wp_kind_name *vocabulary,
                                 size_t count, size_t *length);

#endif
