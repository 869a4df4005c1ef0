#include "cli/record/slices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rendering.h"
#include "cli/capture.h"
#include "cli/message.h"
#include "profile/clock.h"
#include "profile/delta_base.h"

#define TYPES WP_CAPTURE_TYPES
#define CLOCK_JUMP_NS INT64_C(500000000) /* by which the two clocks may differ over a slice */

/* On both clocks. */
struct moment {
    uint64_t realtime_ns, monotonic_ns;
};

struct wp_slices {
    const struct wp_target *target;
    struct wp_profile_directory *directory;
    const struct wp_view_values *view;
    struct wp_renderer *renderer;
    struct wp_delta_base *bases[TYPES];  /* where the slice that runs began */
    struct wp_snapshot *latest;          /* that was read */
    uint64_t counters[WP_COUNTER_COUNT]; /* of the region when the slice that runs began */
    struct moment moment;                /* likewise */
    uint64_t noted_until_ns;             /* CLOCK_REALTIME */
    size_t count;
    bool told_trouble, is_stuck;
};

/* Both deltas of a slice, and what the next is counted from. */
struct slice {
    struct wp_rendering renderings[TYPES];
    struct wp_delta_base *bases[TYPES];
};

static void
free_slice(struct slice *slice)
{
    for (unsigned i = 0; i < TYPES; i++) {
        free(slice->renderings[i].bytes);
        wp_delta_base_free(slice->bases[i]);
    }
}

/* At the latest snapshot. */
static void
begin_slice(struct wp_slices *slices)
{
    slices->moment =
        (struct moment){slices->latest->read_realtime_ns, slices->latest->read_monotonic_ns};
    memcpy(slices->counters, slices->latest->counters, sizeof slices->counters);
}

int
wp_slices_begin(const struct wp_target *target, struct wp_profile_directory *directory,
                const struct wp_view_values *view, struct wp_slices **slices,
                struct wp_error *error)
{
    struct wp_slices *made = calloc(1, sizeof *made);
    int status;

    *slices = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    made->target = target;
    made->directory = directory;
    made->view = view;
    status = wp_renderer_new(&made->renderer, error);
    if (status == 0)
        status = wp_target_read(target, &made->latest, error);
    for (unsigned i = 0; status == 0 && i < TYPES; i++)
        status = wp_rendering_base(wp_capture_types[i], made->latest, &made->bases[i], error);
    if (status != 0) {
        wp_slices_free(made);
        return status;
    }
    begin_slice(made);
    made->noted_until_ns = made->moment.realtime_ns;
    *slices = made;
    return 0;
}

void
wp_slices_free(struct wp_slices *slices)
{
    if (slices == NULL)
        return;
    for (unsigned i = 0; i < TYPES; i++)
        wp_delta_base_free(slices->bases[i]);
    wp_snapshot_free(slices->latest);
    wp_renderer_free(slices->renderer);
    free(slices);
}

static int
render(struct wp_slices *slices, const struct wp_snapshot *now, struct slice *slice,
       struct wp_error *error)
{
    int status = 0;

    for (unsigned i = 0; status == 0 && i < TYPES; i++) {
        const struct wp_rendering_request request = {
            .type = wp_capture_types[i],
            .now = now,
            .base = slices->bases[i],
            .next = &slice->bases[i],
            .kinds = slices->view->kinds,
            .encode = slices->view->encode,
            .encoder = &wp_encoders[0],
        };

        status = wp_render(slices->renderer, &request, &slice->renderings[i], error);
    }
    return status;
}

static int
store(struct wp_slices *slices, const struct wp_profile_directory_program *program,
      const struct slice *slice, struct wp_error *error)
{
    struct wp_stored_profile profiles[TYPES];
    size_t count = 0;

    for (unsigned i = 0; i < TYPES; i++) {
        const struct wp_rendering *rendering = &slice->renderings[i];

        if (rendering->stacks > 0)
            profiles[count++] = (struct wp_stored_profile){wp_capture_types[i], rendering->bytes,
                                                           rendering->length};
    }
    if (count == 0)
        return 0;
    return wp_profile_directory_put(slices->directory, program, profiles, count, error);
}

/*
 * Notes the time since the last note; what could not be noted is in the next. Where the two clocks
 * disagree the machine has slept, or somebody has set its time: the time that passed for the
 * program is what was recorded.
 */
static int
note(struct wp_slices *slices, const struct moment *now, struct wp_error *error)
{
    const struct wp_profile_directory_program program = {
        .command = slices->target->command,
        .pid = slices->target->pid,
        .until_ns = now->realtime_ns,
    };
    uint64_t passed_ns = now->monotonic_ns - slices->moment.monotonic_ns;
    int64_t jump_ns = (int64_t)(now->realtime_ns - slices->moment.realtime_ns) - (int64_t)passed_ns;
    int status;

    if (jump_ns > CLOCK_JUMP_NS || jump_ns < -CLOCK_JUMP_NS)
        slices->noted_until_ns = now->realtime_ns - passed_ns;
    status = wp_profile_directory_note(slices->directory, &program, slices->noted_until_ns, error);
    if (status == 0)
        slices->noted_until_ns = now->realtime_ns;
    return status;
}

static void
tell(struct wp_slices *slices, const char *trouble)
{
    if (trouble == NULL && slices->told_trouble)
        wp_message_note("slices can be stored again");
    if (trouble != NULL && !slices->told_trouble)
        wp_message_warning(NULL, NULL, "%s; until that is mended, the time goes into a later slice",
                           trouble);
    slices->told_trouble = trouble != NULL;
}

/* Whether nothing was counted in the slice that runs: then its stacks need not be read. A wait that
 * is counted before it is added to its stack is in the next slice that is read, or in the last. */
static bool
is_idle(const struct wp_slices *slices)
{
    struct wp_reader_summary summary;

    return !slices->is_stuck &&
           wp_reader_summarize_fd(slices->target->fd, slices->target->place.path, &summary, NULL) ==
               0 &&
           memcmp(summary.counters, slices->counters, sizeof summary.counters) == 0;
}

static int
cut_idle(struct wp_slices *slices, const struct moment *now, struct wp_error *error)
{
    int status = note(slices, now, error);

    for (unsigned i = 0; i < TYPES; i++)
        wp_delta_base_advance(slices->bases[i], now->monotonic_ns);
    slices->moment = *now;
    slices->count++;
    return status;
}

/* What was not stored stays in the slice that runs. */
static int
cut_read(struct wp_slices *slices, struct wp_error *error)
{
    struct wp_profile_directory_program program = {
        .command = slices->target->command,
        .pid = slices->target->pid,
    };
    struct wp_delta_base *old[TYPES];
    struct wp_snapshot *now = NULL;
    struct slice slice = {0};
    int status = wp_target_read(slices->target, &now, error);

    if (status == 0)
        status = render(slices, now, &slice, error);
    if (status == 0) {
        program.until_ns = now->read_realtime_ns;
        status = store(slices, &program, &slice, error);
    }
    slices->is_stuck = status != 0;
    if (status == 0) {
        const struct moment moment = {now->read_realtime_ns, now->read_monotonic_ns};

        memcpy(old, slices->bases, sizeof old);
        memcpy(slices->bases, slice.bases, sizeof old);
        memcpy(slice.bases, old, sizeof old);
        slices->count++;
        status = note(slices, &moment, error);
        wp_snapshot_free(slices->latest);
        slices->latest = now;
        now = NULL;
        begin_slice(slices);
    }
    wp_snapshot_free(now);
    free_slice(&slice);
    return status;
}

void
wp_slices_cut(struct wp_slices *slices, bool is_last)
{
    const struct moment now = {wp_clock_ns(CLOCK_REALTIME), wp_clock_ns(CLOCK_MONOTONIC)};
    struct wp_error error = {""};
    int status =
        !is_last && is_idle(slices) ? cut_idle(slices, &now, &error) : cut_read(slices, &error);

    tell(slices, status != 0 ? error.text : NULL);
}

const struct wp_snapshot *
wp_slices_snapshot(const struct wp_slices *slices)
{
    return slices->latest;
}

size_t
wp_slices_count(const struct wp_slices *slices)
{
    return slices->count;
}

bool
wp_slices_are_stuck(const struct wp_slices *slices)
{
    return slices->is_stuck;
}
