/*
 * The programs that `serve` and `push` follow: those that a user has named, as they come and go.
 *
 * For one thread at a time: callers with several threads lock around it. The targets that it hands
 * out are counted references and may be used without the lock.
 */
#ifndef WP_AGENT_TARGET_SET_H
#define WP_AGENT_TARGET_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/target.h"

/*
 * Which programs: all that this user may read, or those that match a word. A word is what
 * wp_region_find takes (pid, region file, region id), or a command name, which may be a pattern as
 * of fnmatch(3). A word of up to ten digits is a pid; one with a slash is a file; hexadecimal
 * digits are an id if there is such a region when the set is made. A command name is that of the
 * region's file, which has `_` for characters that are no good in file names.
 */
struct wp_target_selection {
    const char *const *words; /* outlive the set */
    size_t word_count;
    bool all;
};

struct wp_target_set;

/* A set that is still empty; the caller frees it. Raises the soft limit on open files of this
 * process to 4000, as far as it may: each target has one. */
int wp_target_set_new(const struct wp_target_selection *selection, struct wp_target_set **set,
                      struct wp_error *error);
void wp_target_set_free(struct wp_target_set *set); /* NULL is fine */

/* Whether every word of the set means one program, a pid, file or id, so that no other comes once
 * those have ended. */
bool wp_target_set_ends(const struct wp_target_set *set);

/* What a refresh found to have changed; both arrays live until the next refresh. */
struct wp_target_changes {
    struct wp_target *const *come;
    size_t come_count;
    struct wp_target *const *gone; /* the program has ended: left out of the set from now on */
    size_t gone_count;
};

/*
 * Looks again which programs there are; at most 1000 are followed. A pid stands for the region of
 * the process's family: that of another program once the process has called exec.
 *
 * Regions that cannot be read (another user's, another version, damaged) are left out; each is
 * reported once in `trouble` (may be NULL), but for unsound files that no process uses. Programs
 * that had ended before they were seen are left out: their data is for `waitprof export`.
 *
 * -ESRCH and the like, with a message, when a word that is a pid, file or id means no running
 * program that can be read, as long as no refresh has succeeded; after that only -ENOMEM.
 *
 * Reads the directories and the header of every region that is new, and asks the kernel which
 * regions are in use. Where it does not tell (profile/region_use.h), reads a small file in /proc
 * for each target. A search through all processes finds regions in containers and in directories
 * that only the program knows; it is done so seldom that it takes 2 % of a processor, and more
 * often only where the kernel does not tell and a process has ended.
 */
typedef void wp_target_trouble(const char *text, void *context);
int wp_target_set_refresh(struct wp_target_set *set, struct wp_target_changes *changes,
                          wp_target_trouble *trouble, void *context, struct wp_error *error);

/* The running targets, oldest first; valid until the next refresh. */
size_t wp_target_set_list(const struct wp_target_set *set, struct wp_target *const **targets);

/* The target of which a process has this pid as seen from here, or a region id of these digits;
 * NULL if it is none of the set's. */
struct wp_target *wp_target_set_find(const struct wp_target_set *set, const char *what);

#endif
