/*
 * A program under the eyes of `waitprof top`: its region held open, its model, its names, and the
 * leases on its rates that were taken here.
 */
#ifndef WP_CLI_TOP_SESSION_H
#define WP_CLI_TOP_SESSION_H

#include "agent/target.h"
#include "cli/top/model.h"
#include "cli/top/names.h"
#include "cli/top/view.h"
#include "profile/error.h"

struct wp_top_session {
    struct wp_target *target;
    struct wp_top_names *names;
    struct wp_top_model model;
    struct wp_top_facts facts;
    uint64_t leases[WP_REGION_LEASES]; /* ours, that may still run */
    size_t lease_count;
};

/* Opens a program (as wp_target_open has it) and takes the first look. End it with
 * wp_top_session_close, even after a failure. */
int wp_top_session_open(struct wp_top_session *session, const char *what, struct wp_error *error);
void wp_top_session_close(struct wp_top_session *session);

/* Takes a look, unless the program has ended before the last one. What fails is in facts.trouble,
 * too, and the model stays as it was. */
int wp_top_session_look(struct wp_top_session *session, struct wp_error *error);

/* The deeds of a view of this session. */
struct wp_top_deeds wp_top_session_deeds(struct wp_top_session *session);

/* Ends the leases that were taken here; *ended (may be NULL) is how many. */
int wp_top_session_end_leases(struct wp_top_session *session, size_t *ended,
                              struct wp_error *error);

#endif
