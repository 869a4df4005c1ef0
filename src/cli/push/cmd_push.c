/*
 * waitprof push: what programs wait for, span after span, to a server or a directory.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/target_set.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/profile_directory.h"
#include "cli/push/begun_regions.h"
#include "cli/push/collector.h"
#include "cli/push/delivery.h"
#include "cli/push/directory_sink.h"
#include "cli/push/push_options.h"
#include "cli/push/spool_owner.h"
#include "cli/stop_signals.h"
#include "profile/clock.h"

#define NS_PER_S UINT64_C(1000000000)
#define REFRESH_NS NS_PER_S            /* between looks for programs that come and go */
#define LAST_ATTEMPT_NS (5 * NS_PER_S) /* for what is left when the command is to end */
#define NICE 10                        /* what is profiled goes first */

struct push {
    const struct wp_push_values *values;
    struct wp_target_selection selection;
    char spool_path[PATH_MAX];
    char *spool_owner;
    struct wp_series_naming *naming;
    struct wp_delivery *delivery;           /* one of */
    struct wp_profile_directory *directory; /* these two */
    struct wp_directory_sink directory_sink;
    struct wp_begun_regions *begun;
    struct wp_collector *collector;
    struct wp_target_set *targets;
    uint64_t start_realtime_ns;
    bool has_looked; /* the first look for programs is over */
    sigset_t stops;
};

enum ending { ENDING_NONE, ENDING_ONCE, ENDING_SIGNAL, ENDING_PROGRAMS };

/* Words are checked against the library's own list; without it, any word will do. */
static int
check_kinds(const char *kinds, struct wp_error *error)
{
    int status = wp_view_check_kinds_of_library(kinds, error);

    return status == -EINVAL ? status : 0;
}

static int
open_delivery(struct push *push, const char *url, struct wp_error *error)
{
    const struct wp_push_values *values = push->values;
    struct wp_delivery_options options = {
        .upload = {.url = url,
                   .ca_file = values->ca_file,
                   .token_file = values->token_file,
                   .user_file = values->user_file,
                   .tenant = values->tenant,
                   .insecure_tls = values->insecure_tls,
                   .timeout_ns = values->timeout_ns.value},
        .spool_path = values->spool != NULL ? values->spool : push->spool_path,
        .spool_bytes = values->spool_bytes.value,
        .retry_min_ns = values->retry_min_ns.value,
        .retry_max_ns = values->retry_max_ns.value,
        .drops_unconfirmed = values->unconfirmed == 1,
    };
    int status = wp_spool_owner_new(url, values->tenant, &push->spool_owner, error);

    options.spool_owner = push->spool_owner;
    if (status == 0 && values->spool == NULL)
        status = wp_spool_owner_path(push->spool_owner, push->spool_path, error);
    if (status == 0)
        status = wp_delivery_new(&options, &push->delivery, error);
    if (status == 0)
        status = wp_begun_regions_open(options.spool_path, &push->begun, error);
    return status;
}

static int
open_directory(struct push *push, const char *path, struct wp_error *error)
{
    const struct wp_profile_directory_options options = {
        .path = path,
        .bytes_max = push->values->keep.bytes.value,
        .age_max_ns = push->values->keep.age_ns.value,
        .remedy = "choose another with --to",
        .survives_machine = true,
    };
    int status = wp_profile_directory_open(&options, &push->directory, error);

    push->directory_sink = wp_directory_sink_of(push->directory);

    return status == 0 ? wp_begun_regions_open(path, &push->begun, error) : status;
}

/* Signals are blocked first, so that threads never get them. */
static void
prepare_process(struct push *push)
{
    wp_stop_signals_block(&push->stops, NULL);
    signal(SIGPIPE, SIG_IGN);
    errno = 0;
    if (getpriority(PRIO_PROCESS, 0) < NICE)
        setpriority(PRIO_PROCESS, 0, NICE);
}

static int
start(struct push *push, struct wp_error *error)
{
    const struct wp_push_values *values = push->values;
    struct wp_collector_options options;
    struct wp_destination destination;
    int status;

    status =
        wp_push_check_options(values, (char *const *)push->selection.words, &destination, error);
    if (status == 0)
        status = check_kinds(values->view.kinds, error);
    if (status == 0)
        status =
            wp_series_naming_new(values->service, &values->series_labels, &push->naming, error);
    if (status == 0)
        status = wp_target_set_new(&push->selection, &push->targets, error);
    if (status != 0)
        return status;
    prepare_process(push);
    status = destination.url != NULL ? open_delivery(push, destination.url, error)
                                     : open_directory(push, destination.directory, error);
    if (status != 0)
        return status;
    options = (struct wp_collector_options){
        .naming = push->naming,
        .sink =
            push->delivery != NULL ? wp_delivery_sink(push->delivery) : &push->directory_sink.sink,
        .begun = push->begun,
        .view = values->view,
    };
    if (values->insecure_tls)
        wp_message_warning(destination.url, "see --ca-file",
                           "its certificate is not checked: anybody in between can read and change "
                           "what is sent");
    push->start_realtime_ns = wp_clock_ns(CLOCK_REALTIME);
    return wp_collector_new(&options, &push->collector, error);
}

static void
stop(struct push *push)
{
    wp_collector_free(push->collector);
    wp_target_set_free(push->targets);
    wp_begun_regions_close(push->begun);
    wp_delivery_free(push->delivery);
    wp_profile_directory_close(push->directory);
    wp_series_naming_free(push->naming);
    free(push->spool_owner);
}

static void
tell_trouble(const char *text, void *context)
{
    (void)context;
    wp_message_warning(NULL, NULL, "%s", text);
}

/* Programs that come while we look are new, and counted from their start. */
static int
look(struct push *push, struct wp_error *error)
{
    struct wp_target_changes changes;
    int status = wp_target_set_refresh(push->targets, &changes, tell_trouble, NULL, error);

    if (status != 0)
        return status;
    for (size_t i = 0; i < changes.come_count; i++) {
        struct wp_target *target = changes.come[i];
        bool is_new = push->has_looked || target->start_realtime_ns >= push->start_realtime_ns;
        struct wp_error trouble = {""};

        if (wp_collector_add(push->collector, target, is_new || push->values->since_start,
                             &trouble) != 0)
            tell_trouble(trouble.text, NULL);
    }
    for (size_t i = 0; i < changes.gone_count; i++)
        wp_collector_end(push->collector, changes.gone[i]);
    push->has_looked = true;
    return 0;
}

static bool
waits_until(const sigset_t *stops, uint64_t until_ns)
{
    uint64_t now = wp_clock_ns(CLOCK_MONOTONIC);
    uint64_t left_ns = until_ns > now ? until_ns - now : 0;
    const struct timespec pause = {.tv_sec = (time_t)(left_ns / NS_PER_S),
                                   .tv_nsec = (long)(left_ns % NS_PER_S)};

    return sigtimedwait(stops, NULL, &pause) < 0;
}

/* Span after span, until there is a reason to end. */
static int
follow(struct push *push, enum ending *ending, struct wp_error *error)
{
    uint64_t every_ns = push->values->every_ns.value;
    uint64_t refresh_ns = every_ns < REFRESH_NS ? every_ns : REFRESH_NS;
    uint64_t next_ns = wp_clock_ns(CLOCK_MONOTONIC) + every_ns;
    bool ends = wp_target_set_ends(push->targets);

    while (*ending == ENDING_NONE) {
        uint64_t now = wp_clock_ns(CLOCK_MONOTONIC);
        bool is_in_time =
            waits_until(&push->stops, now + refresh_ns < next_ns ? now + refresh_ns : next_ns);
        int status = look(push, error);

        if (status != 0)
            return status;
        now = wp_clock_ns(CLOCK_MONOTONIC);
        if (!is_in_time)
            *ending = ENDING_SIGNAL;
        else if (push->values->once && now >= next_ns)
            *ending = ENDING_ONCE;
        else if (ends && wp_collector_programs(push->collector) == 0)
            *ending = ENDING_PROGRAMS;
        if (now < next_ns && *ending == ENDING_NONE)
            continue;
        wp_collector_collect(push->collector);
        if (push->directory != NULL)
            wp_profile_directory_tidy(push->directory);
        /* Spans that were missed (a machine that slept) are not made up for. */
        while (next_ns <= now)
            next_ns += every_ns;
    }
    return 0;
}

static void *
hurry_at_signal(void *context)
{
    struct push *push = context;
    int number;

    sigwait(&push->stops, &number);
    wp_delivery_hurry(push->delivery);
    return NULL;
}

/* Another signal ends it at once. */
static void
finish_delivery(struct push *push, enum ending ending)
{
    bool by_signal = ending == ENDING_SIGNAL;
    pthread_t watcher;
    bool is_watched = pthread_create(&watcher, NULL, hurry_at_signal, push) == 0;

    wp_delivery_finish(push->delivery, by_signal ? LAST_ATTEMPT_NS : push->values->timeout_ns.value,
                       !by_signal);
    if (is_watched) {
        /* It waits for this, or has ended. glibc loads a library for pthread_cancel, and aborts
         * where there is no file descriptor for that. */
        pthread_kill(watcher, SIGTERM);
        pthread_join(watcher, NULL);
    }
}

/* The summary, and whether all went as it should. */
static int
sum_up_delivery(struct push *push, enum ending ending)
{
    struct wp_delivery_counts counts = wp_delivery_count(push->delivery);
    bool is_lossless =
        counts.refused == 0 && counts.dropped == 0 && counts.damaged == 0 && counts.lost == 0;

    wp_message_note("%" PRIu64 " profiles sent, %" PRIu64 " retried, %" PRIu64
                    " unconfirmed, %" PRIu64 " dropped, %" PRIu64 " refused, %" PRIu64
                    " damaged, %" PRIu64 " lost, %zu left in the spool",
                    counts.sent, counts.retried, counts.unconfirmed, counts.dropped, counts.refused,
                    counts.damaged, counts.lost, counts.waiting);
    if (counts.waiting > 0)
        wp_message_warning(push->values->spool != NULL ? push->values->spool : push->spool_path,
                           "the next `waitprof push` with this spool sends them",
                           "%zu profiles could not be delivered", counts.waiting);
    return counts.waiting == 0 && (ending != ENDING_ONCE || is_lossless) ? WP_EXIT_OK
                                                                         : WP_EXIT_FAILURE;
}

static int
sum_up_directory(const struct push *push, enum ending ending)
{
    struct wp_profile_directory_counts counts = wp_profile_directory_count(push->directory);

    wp_message_note("%" PRIu64 " profiles written, %" PRIu64 " dropped, %" PRIu64
                    " old ones removed, %zu kept",
                    counts.written, counts.dropped, counts.removed, counts.kept);
    return ending != ENDING_ONCE || counts.dropped == 0 ? WP_EXIT_OK : WP_EXIT_FAILURE;
}

static int
push_profiles(struct push *push, struct wp_error *error)
{
    enum ending ending = ENDING_NONE;
    int status = look(push, error), code;

    if (status == 0 && wp_collector_programs(push->collector) == 0)
        wp_message_note("no such program runs yet; waiting for one");
    if (status == 0)
        status = follow(push, &ending, error);
    if (status != 0)
        return wp_command_fail(status, error);
    if (push->delivery != NULL)
        finish_delivery(push, ending);
    code = push->delivery != NULL ? sum_up_delivery(push, ending) : sum_up_directory(push, ending);
    if (wp_collector_is_stuck(push->collector)) {
        wp_message_error(NULL, NULL, "the last profiles could not be kept and are lost");
        code = WP_EXIT_FAILURE;
    }
    return code;
}

static int
run(const void *values, char **arguments)
{
    struct push push = {.values = values};
    struct wp_error error = {""};
    int status, code;

    push.selection.words = (const char *const *)arguments;
    while (arguments[push.selection.word_count] != NULL)
        push.selection.word_count++;
    push.selection.all = push.values->all;
    status = start(&push, &error);
    code = status == 0 ? push_profiles(&push, &error) : wp_command_fail(status, &error);
    stop(&push);
    return code;
}

const struct wp_command wp_command_push = {
    .name = "push",
    .arguments = "[PID|REGION|COMMAND]...",
    .summary = "send the profiles of running programs to a server or a directory",
    .description =
        "Sends to a Pyroscope server, span after span, what programs have waited for in that "
        "span,\n"
        "or writes it to a directory that keeps the latest profiles. COMMAND may be a pattern;\n"
        "programs of that name, and with --all all programs, are followed as they come and go.\n"
        "Profiles wait in a spool on the disk while the server is away. Ends when a signal asks "
        "it\n"
        "to, or when all programs that were named by PID or REGION have ended: with 1 if profiles\n"
        "are left in the spool.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = wp_push_options,
    .arguments_minimum = 0,
    .arguments_maximum = -1,
    .defaults = &wp_push_defaults,
    .values_bytes = sizeof wp_push_defaults,
    .run = run,
};
