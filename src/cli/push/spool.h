/*
 * Profiles that wait on the disk until a server has them, in order, within a bound.
 *
 * One process at a time has a spool. In it, one thread puts and one takes; any thread may ask.
 * Files are named by their turn: TURN.profile, TURN.sending while a request for it is under way (so
 * that whoever finds it after a crash knows that the server may have it), TURN.damaged for those
 * that cannot be read any more and are set aside. A directory that somebody removes meanwhile is
 * made again when something is put; what was in it is lost, and counted.
 */
#ifndef WP_CLI_PUSH_SPOOL_H
#define WP_CLI_PUSH_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/push/push_profile.h"
#include "cli/push/spool_file.h"
#include "profile/error.h"

struct wp_spool;

struct wp_spool_options {
    const char *path;  /* outlives the spool, */
    const char *owner; /* as does this: cli/push/spool_owner.h */
    uint64_t bytes_max;
};

/* Opens or makes it and finds what an earlier command has left; -EINVAL if that is another owner's.
 * On success the caller closes it. */
int wp_spool_open(const struct wp_spool_options *options, struct wp_spool **spool,
                  struct wp_error *error);
void wp_spool_close(struct wp_spool *spool); /* NULL is fine; the files stay */

/*
 * Makes profiles durable, all or none; as wp_push_put. What exceeds the bound is made room for: the
 * oldest go, but not one that is being sent. Profiles larger than the bound are dropped themselves,
 * with 0: to offer them again would not help.
 */
int wp_spool_put(struct wp_spool *spool, const struct wp_push_profile *profiles, size_t count,
                 struct wp_error *error);

/* A profile that was taken. */
struct wp_spool_item {
    uint64_t turn;
    bool may_have_arrived; /* an earlier command ended while it sent this */
    struct wp_spool_file file;
};

/* Takes the oldest, and notes on the disk that it is being sent. false: there is none. Damaged
 * files on the way are set aside with a message. Ends with exactly one of the two below. */
bool wp_spool_take(struct wp_spool *spool, struct wp_spool_item *item);

/* It is done with: delivered, refused or given up. */
void wp_spool_remove(struct wp_spool *spool, struct wp_spool_item *item);

/* It stays, and is the next to be taken. */
void wp_spool_return(struct wp_spool *spool, struct wp_spool_item *item);

struct wp_spool_state {
    size_t waiting;     /* profiles in it, with one that is being sent */
    uint64_t bytes;     /* as the disk counts them */
    uint64_t dropped;   /* since it was opened, because of the bound */
    uint64_t set_aside; /* since it was opened, because they were damaged */
    uint64_t lost;      /* since it was opened, because somebody removed their files */
};
struct wp_spool_state wp_spool_look(struct wp_spool *spool);

#endif
