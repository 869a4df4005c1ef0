/*
 * What a profile says about itself in words: rates and their changes, losses, what was kept, what
 * was wrapped and what could not be seen. The same lines go into pprof comments, text, JSON.
 */
#ifndef WP_PROFILE_COMMENTS_H
#define WP_PROFILE_COMMENTS_H

#include <stddef.h>

#include "profile/profile.h"
#include "profile/symbolize.h"

/* `lines` are the caller's, valid UTF-8, without newlines; free with wp_comments_free. */
struct wp_comments {
    char **lines;
    size_t count;
};

/* `symbols` may be NULL. Returns 0 or -ENOMEM. */
int wp_comments_make(const struct wp_profile *profile, const struct wp_symbols *symbols,
                     struct wp_comments *comments);
void wp_comments_free(struct wp_comments *comments);

/* The type of the profile that begins with this comment, which is the first of every file of ours;
 * 0: it is not the first, or not ours. */
enum wp_region_profile wp_comments_read_type(const char *line);

/*
 * Why a profile without stacks has none, as one sentence (the rate is 0; no call had to wait; ...);
 * "" if it has stacks. Writes at most `size` bytes with NUL and returns `text`.
 */
const char *wp_comments_explain_empty(const struct wp_profile *profile, char *text, size_t size);

#endif
