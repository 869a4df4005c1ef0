/*
 * A profile as bytes: from a snapshot, or from the difference of two, to what is sent or stored.
 *
 * One renderer serves a whole agent: it keeps what it learnt of modules (symbols) and may be used
 * by several threads; they take turns where the symbolizer wants that.
 */
#ifndef WP_AGENT_RENDERING_H
#define WP_AGENT_RENDERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/delta_base.h"
#include "profile/encode.h"
#include "profile/error.h"
#include "profile/profile.h"
#include "profile/region_reader.h"

struct wp_renderer;

/* While there is one thread: see wp_symbolizer_new. */
int wp_renderer_new(struct wp_renderer **renderer, struct wp_error *error);
void wp_renderer_free(struct wp_renderer *renderer); /* NULL is fine */

/*
 * Programs come and go, and some load ever new files: what is remembered would grow without end.
 * When it is more than so many addresses (400 000 if this is never called: some 100 MB), all of it
 * is dropped, and the next profile of each program is symbolized from the files again. A single
 * profile may have more. Any thread.
 */
void wp_renderer_limit(struct wp_renderer *renderer, size_t addresses);

/* How many addresses are remembered. Any thread. */
size_t wp_renderer_remembers(struct wp_renderer *renderer);

struct wp_rendering_request {
    enum wp_region_profile type;
    const struct wp_snapshot *now;
    const struct wp_snapshot *earlier; /* NULL: since the program's start, unless there is a base */
    const struct wp_delta_base *base;  /* of wp_rendering_base, in the place of `earlier` */
    struct wp_delta_base **next;       /* NULL; or where to put what wp_rendering_base would make of
                                        * `now`, the caller's on success, for half the work */
    const char *kinds;                 /* as of profile/kind.h, checked; NULL: all */
    struct wp_encode_options encode;
    const struct wp_encoder *encoder;
};

/* What came of it. `bytes` are the caller's, to be freed with free(). */
struct wp_rendering {
    void *bytes;
    size_t length;
    size_t stacks;        /* samples in the profile */
    uint64_t duration_ns; /* of a delta, else 0 */
};

/* What a delta needs of the earlier snapshot, of one type. On success the caller frees it. */
int wp_rendering_base(enum wp_region_profile type, const struct wp_snapshot *earlier,
                      struct wp_delta_base **base, struct wp_error *error);

/* 0; -ENOMEM; or what the encoder says. Any thread. The snapshots must not be freed meanwhile. */
int wp_render(struct wp_renderer *renderer, const struct wp_rendering_request *request,
              struct wp_rendering *rendering, struct wp_error *error);

/* The name of the function at an address of the profiles that were rendered from this region, as
 * pprof's symbol look-up wants it; false if it is none. Copies at most `size` bytes with NUL. Any
 * thread. */
bool wp_renderer_symbol(struct wp_renderer *renderer, const struct wp_snapshot *snapshot,
                        uint64_t address, char *name, size_t size);

#endif
