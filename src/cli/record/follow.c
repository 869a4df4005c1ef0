#include "cli/record/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/message.h"
#include "cli/quantity.h"
#include "cli/record/rate_lease.h"
#include "cli/record/slices.h"
#include "cli/terminal.h"
#include "profile/clock.h"

#define NS_PER_S UINT64_C(1000000000)
#define LOOK_NS (NS_PER_S / 4)   /* between looks whether the program still runs */
#define LEASE_NS (30 * NS_PER_S) /* or three slices, if that is longer */
#define NICE 10                  /* what is profiled goes first */

struct follow {
    const struct wp_follow_options *options;
    const struct wp_target *target;
    struct wp_profile_directory *directory;
    struct wp_slices *slices;
    struct wp_rate_lease lease;
    uint64_t end_ns; /* CLOCK_MONOTONIC; UINT64_MAX: none */
};

enum ending { ENDED_NOT, ENDED_IN_TIME, ENDED_BY_SIGNAL, ENDED_BY_TARGET };

/*
 * When the slice that runs is to end: at a whole multiple of the slices' length on the clock, so
 * that slices of an hour begin on the hour. Asked anew for each, that holds when the clock is set.
 */
static uint64_t
next_cut_ns(uint64_t every_ns)
{
    uint64_t left_ns = every_ns - wp_clock_ns(CLOCK_REALTIME) % every_ns;

    /* No slice of next to nothing, where a timer was early or the recorder is late. */
    if (left_ns < every_ns / 2)
        left_ns += every_ns;
    return wp_clock_ns(CLOCK_MONOTONIC) + left_ns;
}

static void
show_progress(const struct follow *follow)
{
    if (wp_terminal_is(stderr) && !wp_message_is_quiet())
        fprintf(stderr, "\rrecording, %zu slices so far ", wp_slices_count(follow->slices));
}

static bool
is_signalled(const sigset_t *stops, uint64_t until_ns)
{
    uint64_t now = wp_clock_ns(CLOCK_MONOTONIC);
    uint64_t left_ns = until_ns > now ? until_ns - now : 0;
    struct timespec pause;

    left_ns = left_ns < LOOK_NS ? left_ns : LOOK_NS;
    pause.tv_sec = 0;
    pause.tv_nsec = (long)left_ns;
    return sigtimedwait(stops, NULL, &pause) > 0;
}

/* Waits for the end of the slice that runs. */
static enum ending
wait_for_cut(struct follow *follow, const sigset_t *stops)
{
    uint64_t cut_ns = next_cut_ns(follow->options->every_ns);

    if (cut_ns > follow->end_ns)
        cut_ns = follow->end_ns;
    for (;;) {
        if (is_signalled(stops, cut_ns))
            return ENDED_BY_SIGNAL;
        if (wp_target_state(follow->target, wp_slices_snapshot(follow->slices), NULL) ==
            WP_STATE_GONE)
            return ENDED_BY_TARGET;
        wp_rate_lease_renew(&follow->lease);
        if (wp_clock_ns(CLOCK_MONOTONIC) >= cut_ns)
            return cut_ns == follow->end_ns ? ENDED_IN_TIME : ENDED_NOT;
    }
}

static enum ending
follow_slices(struct follow *follow, const sigset_t *stops)
{
    enum ending ending;

    do {
        show_progress(follow);
        ending = wait_for_cut(follow, stops);
        wp_slices_cut(follow->slices, ending != ENDED_NOT);
        wp_profile_directory_tidy(follow->directory);
    } while (ending == ENDED_NOT);
    if (wp_terminal_is(stderr) && !wp_message_is_quiet())
        fputs("\r\033[K", stderr);
    return ending;
}

static void
sum_up(const struct follow *follow, enum ending ending)
{
    struct wp_profile_directory_counts counts = wp_profile_directory_count(follow->directory);

    if (ending == ENDED_BY_TARGET)
        wp_message_note("%s: the program has ended", follow->options->what);
    wp_message_note("%zu slices, %" PRIu64 " profiles written, %" PRIu64 " old ones removed, %zu "
                    "kept: waitprof timeline %s",
                    wp_slices_count(follow->slices), counts.written, counts.removed, counts.kept,
                    follow->options->directory);
}

static void
step_back(void)
{
    errno = 0;
    if (getpriority(PRIO_PROCESS, 0) < NICE && errno == 0)
        setpriority(PRIO_PROCESS, 0, NICE);
}

static int
follow_target(struct follow *follow, const sigset_t *stops, struct wp_error *error)
{
    const struct wp_follow_options *options = follow->options;
    enum ending ending = ENDED_NOT;
    int status =
        wp_slices_begin(follow->target, follow->directory, &options->view, &follow->slices, error);

    /* After the first look: all that is kept at these rates is in a slice. */
    if (status == 0)
        status = wp_rate_lease_take(&follow->lease, error);
    if (status == 0) {
        step_back();
        if (options->span_ns != 0)
            follow->end_ns = wp_clock_ns(CLOCK_MONOTONIC) + options->span_ns;
        ending = follow_slices(follow, stops);
    }
    if (ending != ENDED_BY_TARGET)
        wp_rate_lease_end(&follow->lease);
    if (status != 0)
        return status;
    sum_up(follow, ending);
    if (wp_slices_are_stuck(follow->slices))
        return wp_error_set(error, EIO, "%s: the last slice could not be stored and is lost",
                            options->directory);
    return 0;
}

int
wp_follow(const struct wp_follow_options *options, const struct wp_target *target,
          const sigset_t *stops, struct wp_error *error)
{
    const struct wp_profile_directory_options kept = {
        .path = options->directory,
        .bytes_max = options->keep.bytes.value,
        .age_max_ns = options->keep.age_ns.value,
        .remedy = "choose another with -o",
    };
    uint64_t three_ns = 3 * options->every_ns;
    struct follow follow = {
        .options = options,
        .target = target,
        .lease = {.rates = &options->rates,
                  .place = &target->place,
                  .for_ns = three_ns > LEASE_NS ? three_ns : LEASE_NS},
        .end_ns = UINT64_MAX,
    };
    int status = wp_profile_directory_open(&kept, &follow.directory, error);

    if (status == 0)
        status = follow_target(&follow, stops, error);
    wp_slices_free(follow.slices);
    wp_profile_directory_close(follow.directory);
    return status;
}
