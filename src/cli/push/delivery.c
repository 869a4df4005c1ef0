#include "cli/push/delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "cli/push/backoff.h"
#include "cli/push/spool.h"
#include "cli/quantity.h"
#include "profile/clock.h"
#include "profile/profile.h"

#define NS_PER_S UINT64_C(1000000000)
/* Between two messages about refused profiles. */
#define REFUSAL_SILENCE_NS (60 * NS_PER_S)

struct wp_delivery {
    struct wp_push_sink sink; /* the first member */
    struct wp_delivery_options options;
    struct wp_spool *spool;
    struct wp_upload *upload;
    pthread_t thread;
    bool is_started;

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    bool is_finishing;    /* end when the spool is empty */
    bool ends_at_failure; /* or when a request fails */
    uint64_t deadline_ns; /* or then */
    uint64_t next_try_ns; /* not before; 0: at once */
    bool asked_to_wait;   /* by the server */
    struct wp_delivery_counts counts;

    /* Of the thread alone. */
    struct wp_backoff backoff;
    uint64_t away_since_ns;
    uint64_t refusal_said_ns;
    enum wp_upload_outcome last_said; /* while the server is away */
};

static const char *
url_of(const struct wp_delivery *delivery)
{
    return delivery->options.upload.url;
}

static void
count(struct wp_delivery *delivery, uint64_t *counter)
{
    pthread_mutex_lock(&delivery->mutex);
    ++*counter;
    pthread_mutex_unlock(&delivery->mutex);
}

/* One line when the server goes away, one when the reason changes, one when it is back. */
static void
say_away(struct wp_delivery *delivery, const struct wp_upload_result *result)
{
    bool is_new = delivery->away_since_ns == 0;

    if (!is_new && delivery->last_said == result->outcome) {
        wp_message_detail("%s: still nothing delivered: %s", url_of(delivery), result->text);
        return;
    }
    if (is_new)
        delivery->away_since_ns = wp_clock_ns(CLOCK_MONOTONIC);
    delivery->last_said = result->outcome;
    wp_message_warning(url_of(delivery), NULL, "profiles wait in %s: %s",
                       delivery->options.spool_path, result->text);
}

static void
say_back(struct wp_delivery *delivery)
{
    char text[WP_QUANTITY_TEXT_BYTES];

    if (delivery->away_since_ns == 0)
        return;
    wp_message_note(
        "%s: takes profiles again after %s; %zu wait", url_of(delivery),
        wp_quantity_format_time(wp_clock_ns(CLOCK_MONOTONIC) - delivery->away_since_ns, text),
        wp_spool_look(delivery->spool).waiting);
    delivery->away_since_ns = 0;
}

static void
say_refused(struct wp_delivery *delivery, const struct wp_push_profile *profile,
            const struct wp_upload_result *result)
{
    if (delivery->refusal_said_ns != 0 &&
        wp_clock_ns(CLOCK_MONOTONIC) - delivery->refusal_said_ns < REFUSAL_SILENCE_NS) {
        wp_message_detail("%s %s: refused: %s", profile->series,
                          wp_profile_type_name(profile->type), result->text);
        return;
    }
    delivery->refusal_said_ns = wp_clock_ns(CLOCK_MONOTONIC);
    wp_message_warning(profile->series, NULL, "a %s profile was refused and is dropped: %s",
                       wp_profile_type_name(profile->type), result->text);
}

/* The server is not to be asked again at once. */
static void
wait_after(struct wp_delivery *delivery, const struct wp_upload_result *result)
{
    uint64_t pause_ns = wp_backoff_fail(&delivery->backoff, result->retry_after_ns);

    say_away(delivery, result);
    pthread_mutex_lock(&delivery->mutex);
    delivery->asked_to_wait = result->retry_after_ns > 0;
    delivery->next_try_ns = wp_clock_ns(CLOCK_MONOTONIC) + pause_ns;
    pthread_mutex_unlock(&delivery->mutex);
}

static void
give_up_unconfirmed(struct wp_delivery *delivery, struct wp_spool_item *item)
{
    wp_message_detail("%s %s: dropped, since it may have arrived", item->file.profile.series,
                      wp_profile_type_name(item->file.profile.type));
    count(delivery, &delivery->counts.dropped);
    wp_spool_remove(delivery->spool, item);
}

/* Ends the item. */
static void
settle(struct wp_delivery *delivery, struct wp_spool_item *item,
       const struct wp_upload_result *result)
{
    const struct wp_push_profile *profile = &item->file.profile;
    bool is_unknown = result->outcome == WP_UPLOAD_UNKNOWN;

    if (result->outcome == WP_UPLOAD_ACCEPTED || result->outcome == WP_UPLOAD_REFUSED) {
        bool is_accepted = result->outcome == WP_UPLOAD_ACCEPTED;

        wp_backoff_succeed(&delivery->backoff);
        if (is_accepted)
            say_back(delivery);
        if (is_accepted)
            wp_message_detail("sent: %s %s, %zu bytes", profile->series,
                              wp_profile_type_name(profile->type), profile->length);
        else
            say_refused(delivery, profile, result);
        count(delivery, is_accepted ? &delivery->counts.sent : &delivery->counts.refused);
        wp_spool_remove(delivery->spool, item);
        return;
    }
    wait_after(delivery, result);
    if (is_unknown)
        count(delivery, &delivery->counts.unconfirmed);
    if (is_unknown && delivery->options.drops_unconfirmed) {
        give_up_unconfirmed(delivery, item);
        return;
    }
    count(delivery, &delivery->counts.retried);
    wp_spool_return(delivery->spool, item);
}

/* Sends the oldest profile. False: there is none, or it failed. */
static bool
send_next(struct wp_delivery *delivery)
{
    struct wp_upload_result result;
    struct wp_spool_item item;

    if (!wp_spool_take(delivery->spool, &item))
        return false;
    if (item.may_have_arrived) {
        count(delivery, &delivery->counts.unconfirmed);
        if (delivery->options.drops_unconfirmed) {
            give_up_unconfirmed(delivery, &item);
            return true;
        }
    }
    wp_upload_send(delivery->upload, &item.file.profile, &result);
    settle(delivery, &item, &result);
    return result.outcome == WP_UPLOAD_ACCEPTED || result.outcome == WP_UPLOAD_REFUSED;
}

static void
wait_until(struct wp_delivery *delivery, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};

    if (until_ns == 0)
        pthread_cond_wait(&delivery->changed, &delivery->mutex);
    else
        pthread_cond_timedwait(&delivery->changed, &delivery->mutex, &until);
}

/* Whether nothing more can be done. With the lock held. */
static bool
is_over(const struct wp_delivery *delivery, bool is_empty)
{
    if (!delivery->is_finishing)
        return false;
    return is_empty || wp_clock_ns(CLOCK_MONOTONIC) >= delivery->deadline_ns ||
           delivery->next_try_ns >= delivery->deadline_ns;
}

/* Waits until there is something to send and it is time to. False: it is time to end. */
static bool
wait_for_work(struct wp_delivery *delivery)
{
    bool goes_on = true, sends = false;

    pthread_mutex_lock(&delivery->mutex);
    while (goes_on && !sends) {
        bool is_empty = wp_spool_look(delivery->spool).waiting == 0;

        if (is_over(delivery, is_empty))
            goes_on = false;
        else if (!is_empty && wp_clock_ns(CLOCK_MONOTONIC) >= delivery->next_try_ns)
            sends = true;
        else
            wait_until(delivery, is_empty ? 0 : delivery->next_try_ns);
    }
    pthread_mutex_unlock(&delivery->mutex);
    return goes_on;
}

static bool
ends_here(struct wp_delivery *delivery)
{
    bool ends;

    pthread_mutex_lock(&delivery->mutex);
    ends = delivery->is_finishing && delivery->ends_at_failure;
    pthread_mutex_unlock(&delivery->mutex);
    return ends;
}

static void *
deliver(void *context)
{
    struct wp_delivery *delivery = context;

    while (wait_for_work(delivery)) {
        if (!send_next(delivery) && ends_here(delivery))
            break;
    }
    return NULL;
}

static int
put(struct wp_push_sink *sink, const struct wp_push_profile *profiles, size_t profile_count,
    struct wp_error *error)
{
    struct wp_delivery *delivery = (struct wp_delivery *)sink;
    int status = wp_spool_put(delivery->spool, profiles, profile_count, error);

    pthread_mutex_lock(&delivery->mutex);
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->mutex);
    return status;
}

static void
init_locks(struct wp_delivery *delivery)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&delivery->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&delivery->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int
wp_delivery_new(const struct wp_delivery_options *options, struct wp_delivery **delivery,
                struct wp_error *error)
{
    const struct wp_spool_options spool = {.path = options->spool_path,
                                           .owner = options->spool_owner,
                                           .bytes_max = options->spool_bytes};
    struct wp_delivery *made = calloc(1, sizeof *made);
    int status;

    *delivery = NULL;
    if (made == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    init_locks(made);
    made->sink.put = put;
    made->options = *options;
    made->backoff.minimum_ns = options->retry_min_ns;
    made->backoff.maximum_ns = options->retry_max_ns;
    status = wp_upload_new(&options->upload, &made->upload, error);
    if (status == 0)
        status = wp_spool_open(&spool, &made->spool, error);
    if (status == 0) {
        status = -pthread_create(&made->thread, NULL, deliver, made);
        made->is_started = status == 0;
        if (status != 0)
            wp_error_set(error, -status, "no thread can be made: %s", strerror(-status));
    }
    if (status != 0) {
        wp_delivery_free(made);
        return status;
    }
    *delivery = made;
    return 0;
}

struct wp_push_sink *
wp_delivery_sink(struct wp_delivery *delivery)
{
    return &delivery->sink;
}

/* With the lock held. */
static void
set_deadline(struct wp_delivery *delivery, uint64_t deadline_ns)
{
    delivery->deadline_ns = deadline_ns;
    wp_upload_set_deadline(delivery->upload, deadline_ns);
    pthread_cond_signal(&delivery->changed);
}

void
wp_delivery_finish(struct wp_delivery *delivery, uint64_t for_ns, bool tries_again)
{
    pthread_mutex_lock(&delivery->mutex);
    delivery->is_finishing = true;
    delivery->ends_at_failure = !tries_again;
    /* One last attempt, unless the server has asked for patience. */
    if (!tries_again && !delivery->asked_to_wait)
        delivery->next_try_ns = 0;
    if (delivery->deadline_ns == 0)
        set_deadline(delivery, wp_clock_ns(CLOCK_MONOTONIC) + for_ns);
    pthread_mutex_unlock(&delivery->mutex);
    pthread_join(delivery->thread, NULL);
    delivery->is_started = false;
}

void
wp_delivery_hurry(struct wp_delivery *delivery)
{
    pthread_mutex_lock(&delivery->mutex);
    set_deadline(delivery, wp_clock_ns(CLOCK_MONOTONIC));
    pthread_mutex_unlock(&delivery->mutex);
}

struct wp_delivery_counts
wp_delivery_count(struct wp_delivery *delivery)
{
    struct wp_spool_state state = wp_spool_look(delivery->spool);
    struct wp_delivery_counts counts;

    pthread_mutex_lock(&delivery->mutex);
    counts = delivery->counts;
    pthread_mutex_unlock(&delivery->mutex);
    counts.waiting = state.waiting;
    counts.dropped += state.dropped;
    counts.damaged = state.set_aside;
    counts.lost = state.lost;
    return counts;
}

void
wp_delivery_free(struct wp_delivery *delivery)
{
    if (delivery == NULL)
        return;
    if (delivery->is_started)
        wp_delivery_finish(delivery, 0, false);
    wp_upload_free(delivery->upload);
    wp_spool_close(delivery->spool);
    pthread_cond_destroy(&delivery->changed);
    pthread_mutex_destroy(&delivery->mutex);
    free(delivery);
}
