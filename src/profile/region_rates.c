#include "profile/region_rates.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/region_rates.h"
#include "profile/clock.h"
#include "profile/region_clock.h"
#include "profile/region_copy.h"

/* As many repetitions as the program's (core/rates.c). */
#define SETTLE_TRIES 16

/* How long, and how often, the lock is tried. */
#define TURN_NS UINT64_C(3000000000)
#define TURN_POLL_NS 1000000

/* A region that is being changed: by this command alone, since it holds the file's lock. */
struct change {
    const char *path;
    int fd;
    struct wp_region_header header; /* as it was, with our changes */
    int64_t ahead_ns;               /* by how much the region's clock is ahead of ours */
    struct wp_error *error;
};

static struct wp_region_rates
rates_at(const struct wp_region_header *header, uint64_t time_ns)
{
    struct wp_region_rate_sources sources = {
        .base_block_rate_ns = header->base_block_rate_ns,
        .base_mutex_fraction = header->base_mutex_fraction,
        .budget = header->budget,
    };

    memcpy(sources.leases, header->leases, sizeof sources.leases);
    return wp_region_rates_in_force(&sources, time_ns);
}

static struct wp_reader_rates
rates_of(const struct wp_region_header *header, uint64_t time_ns)
{
    struct wp_region_rates in_force = rates_at(header, time_ns);
    struct wp_reader_rates rates = {
        .block_rate_ns = wp_region_block_rate_meant(in_force.block_rate_ns),
        .mutex_fraction = in_force.mutex_fraction,
        .wait_fraction = in_force.wait_fraction,
        .budget_cost_ns_per_s = header->budget.cost_ns_per_s,
        .budget_samples_per_s = header->budget.samples_per_s,
    };

    for (unsigned i = 0; i < WP_REGION_LEASES; i++)
        rates.leases += wp_region_lease_runs(&header->leases[i], time_ns);
    return rates;
}

static uint64_t
region_now_ns(int64_t ahead_ns)
{
    return wp_region_clock_from_ours(wp_clock_ns(CLOCK_MONOTONIC), ahead_ns);
}

/* Without a lease it does not matter what time it is: that keeps lists of regions cheap. */
struct wp_reader_rates
wp_region_rates_now(int fd, const struct wp_region_header *header)
{
    bool is_leased = false;

    for (unsigned i = 0; i < WP_REGION_LEASES; i++)
        is_leased |= header->leases[i].number != 0;
    return rates_of(header, region_now_ns(is_leased ? wp_region_clock_ahead_ns(fd, header) : 0));
}

/* --- reading ---------------------------------------------------------------------------------- */

static int
compare_leases(const void *one, const void *other)
{
    const struct wp_reader_lease *a = one, *b = other;

    return (a->number < b->number) - (a->number > b->number);
}

static void
read_leases(const struct wp_region_header *header, int64_t ahead_ns, struct wp_snapshot *snapshot)
{
    uint64_t read_ns = wp_region_clock_from_ours(snapshot->read_monotonic_ns, ahead_ns);

    for (unsigned i = 0; i < WP_REGION_LEASES; i++) {
        const struct wp_region_lease *lease = &header->leases[i];
        struct wp_reader_lease *to = &snapshot->leases[snapshot->lease_count];

        if (!wp_region_lease_runs(lease, read_ns))
            continue;
        to->number = lease->number;
        to->deadline_ns = wp_region_clock_to_ours(lease->deadline_monotonic_ns, ahead_ns);
        to->has_block_rate = lease->block_rate_ns != WP_REGION_RATE_UNCHANGED;
        to->block_rate_ns = to->has_block_rate ? lease->block_rate_ns : 0;
        to->has_mutex_fraction = lease->mutex_fraction != WP_REGION_RATE_UNCHANGED;
        to->mutex_fraction = to->has_mutex_fraction ? lease->mutex_fraction : 0;
        snapshot->lease_count++;
    }
    qsort(snapshot->leases, snapshot->lease_count, sizeof snapshot->leases[0], compare_leases);
}

void
wp_region_rates_read(const struct wp_region_header *header, int64_t ahead_ns,
                     struct wp_snapshot *snapshot)
{
    struct wp_reader_rates rates =
        rates_of(header, wp_region_clock_from_ours(snapshot->read_monotonic_ns, ahead_ns));
    uint64_t made = header->rate_change_count;
    uint64_t first = made > WP_REGION_RATE_CHANGES ? made - WP_REGION_RATE_CHANGES : 0;

    snapshot->block_rate_ns = rates.block_rate_ns;
    snapshot->mutex_fraction = rates.mutex_fraction;
    snapshot->wait_fraction = rates.wait_fraction;
    snapshot->budget_cost_ns_per_s = rates.budget_cost_ns_per_s;
    snapshot->budget_samples_per_s = rates.budget_samples_per_s;
    snapshot->conditions_are_unsplit =
        header->budget.unsplit != 0 && rates.budget_cost_ns_per_s != 0;
    snapshot->base_block_rate_ns = header->base_block_rate_ns;
    snapshot->base_mutex_fraction = header->base_mutex_fraction;
    read_leases(header, ahead_ns, snapshot);
    snapshot->rate_change_count = made;
    for (uint64_t i = first; i < made; i++) {
        const struct wp_region_rate_change *change =
            &header->rate_changes[i % WP_REGION_RATE_CHANGES];

        if (change->realtime_ns != 0)
            snapshot->rate_changes[snapshot->rate_changes_known++] = *change;
    }
}

/* --- changing --------------------------------------------------------------------------------- */

/* Writes a field of change->header to the same place in the file. */
#define WRITE_FIELD(change, field)                                                                 \
    write_bytes((change), &(change)->header.field, sizeof(change)->header.field,                   \
                offsetof(struct wp_region_header, field))

static int
write_bytes(struct change *change, const void *value, size_t bytes, size_t offset)
{
    ssize_t done = pwrite(change->fd, value, bytes, (off_t)offset);

    if (done == (ssize_t)bytes)
        return 0;
    return wp_error_set(change->error, done < 0 ? errno : EIO, "cannot change the rates of %s: %s",
                        change->path, strerror(done < 0 ? errno : EIO));
}

/* Reads the header again: the program may have changed its part meanwhile. */
static int
read_header(struct change *change)
{
    return wp_region_copy_header(change->fd, change->path, &change->header, change->error);
}

/* The row of the ring first, its time last in it, then the count that makes it seen. */
static int
note_change(struct change *change, const struct wp_region_rates *rates)
{
    struct wp_region_header *header = &change->header;
    uint64_t row = header->rate_change_count % WP_REGION_RATE_CHANGES;
    size_t offset = offsetof(struct wp_region_header, rate_changes) +
                    row * sizeof(struct wp_region_rate_change);
    struct wp_region_rate_change note = {
        .block_rate_ns = wp_region_block_rate_meant(rates->block_rate_ns),
        .mutex_fraction = rates->mutex_fraction,
    };
    int status = write_bytes(change, &note, sizeof note, offset);

    note.realtime_ns = wp_clock_ns(CLOCK_REALTIME);
    if (status == 0)
        status = write_bytes(change, &note.realtime_ns, sizeof note.realtime_ns,
                             offset + offsetof(struct wp_region_rate_change, realtime_ns));
    header->rate_change_count++;
    return status != 0 ? status : WRITE_FIELD(change, rate_change_count);
}

/* What wrappers read lies side by side, so that one write changes it: a command that is killed in
 * between would leave rates without the deadline that ends them. */
_Static_assert(offsetof(struct wp_region_header, mutex_fraction) ==
                       offsetof(struct wp_region_header, block_rate_ns) + sizeof(uint64_t) &&
                   offsetof(struct wp_region_header, wait_fraction) ==
                       offsetof(struct wp_region_header, mutex_fraction) + sizeof(uint64_t) &&
                   offsetof(struct wp_region_header, settle_at_ns) ==
                       offsetof(struct wp_region_header, wait_fraction) + sizeof(uint64_t),
               "the words in force are written as one");

static bool
are_in_force(const struct wp_region_header *header, const struct wp_region_rates *rates)
{
    return header->block_rate_ns == rates->block_rate_ns &&
           header->mutex_fraction == rates->mutex_fraction &&
           header->wait_fraction == rates->wait_fraction &&
           header->settle_at_ns == rates->settle_at_ns;
}

static int
write_in_force(struct change *change, const struct wp_region_rates *rates)
{
    const uint64_t words[] = {rates->block_rate_ns, rates->mutex_fraction, rates->wait_fraction,
                              rates->settle_at_ns};
    const struct wp_region_header *header = &change->header;
    bool changes = wp_region_block_rate_meant(header->block_rate_ns) !=
                       wp_region_block_rate_meant(rates->block_rate_ns) ||
                   header->mutex_fraction != rates->mutex_fraction;
    int status =
        write_bytes(change, words, sizeof words, offsetof(struct wp_region_header, block_rate_ns));

    return status == 0 && changes ? note_change(change, rates) : status;
}

/* Makes the changes seen: counts them, then writes what follows from them until that is what stands
 * there (core/region_rates.h). The program may change its base, or end a lease, at any moment. */
static int
settle(struct change *change)
{
    int status;

    change->header.settings_by_command++;
    status = WRITE_FIELD(change, settings_by_command);
    for (int tries = 0; tries < SETTLE_TRIES && status == 0; tries++) {
        struct wp_region_rates rates;

        status = read_header(change);
        if (status != 0)
            break;
        rates = rates_at(&change->header, region_now_ns(change->ahead_ns));
        if (are_in_force(&change->header, &rates))
            break;
        status = write_in_force(change, &rates);
    }
    return status;
}

/* A lease ends: its number first, so that nobody takes what is written later for its own. */
static int
clear_lease(struct change *change, unsigned i)
{
    change->header.leases[i].number = 0;
    return WRITE_FIELD(change, leases[i].number);
}

/* Takes the rates out of a lease that a change for good names; one that names no other is over. */
static int
end_leases(struct change *change, const struct wp_reader_rate_change *wanted, size_t *ended)
{
    uint64_t time_ns = region_now_ns(change->ahead_ns);
    int status = 0;

    for (unsigned i = 0; i < WP_REGION_LEASES && status == 0; i++) {
        struct wp_region_lease *lease = &change->header.leases[i];
        bool runs = wp_region_lease_runs(lease, time_ns);

        if (wanted->block_rate_ns != NULL)
            lease->block_rate_ns = WP_REGION_RATE_UNCHANGED;
        if (wanted->mutex_fraction != NULL)
            lease->mutex_fraction = WP_REGION_RATE_UNCHANGED;
        if (!runs)
            continue;
        status = WRITE_FIELD(change, leases[i].block_rate_ns);
        if (status == 0)
            status = WRITE_FIELD(change, leases[i].mutex_fraction);
        if (status == 0 && lease->block_rate_ns == WP_REGION_RATE_UNCHANGED &&
            lease->mutex_fraction == WP_REGION_RATE_UNCHANGED) {
            ++*ended;
            status = clear_lease(change, i);
        }
    }
    return status;
}

static int
change_base(struct change *change, const struct wp_reader_rate_change *wanted, size_t *ended)
{
    int status = end_leases(change, wanted, ended);

    if (status == 0 && wanted->block_rate_ns != NULL) {
        change->header.base_block_rate_ns = *wanted->block_rate_ns;
        status = WRITE_FIELD(change, base_block_rate_ns);
    }
    if (status == 0 && wanted->mutex_fraction != NULL) {
        change->header.base_mutex_fraction = *wanted->mutex_fraction;
        status = WRITE_FIELD(change, base_mutex_fraction);
    }
    return status;
}

/* The limits of the budget; what it chose under others goes with them. */
static int
change_budget(struct change *change, const struct wp_reader_rate_change *wanted)
{
    struct wp_region_budget *budget = &change->header.budget;
    int status = 0;

    if (wanted->budget_cost_ns_per_s == NULL && wanted->budget_samples_per_s == NULL)
        return 0;
    if (wanted->budget_cost_ns_per_s != NULL)
        budget->cost_ns_per_s = *wanted->budget_cost_ns_per_s;
    if (wanted->budget_samples_per_s != NULL)
        budget->samples_per_s = *wanted->budget_samples_per_s;
    budget->block_rate_ns = budget->mutex_fraction = budget->wait_fraction = 0;
    budget->turn_ns = budget->last_turn_ns = budget->row_begin_ns = budget->charges = 0;
    status = WRITE_FIELD(change, budget.block_rate_ns);
    if (status == 0)
        status = WRITE_FIELD(change, budget.mutex_fraction);
    if (status == 0)
        status = WRITE_FIELD(change, budget.wait_fraction);
    if (status == 0)
        status = WRITE_FIELD(change, budget.last_turn_ns);
    if (status == 0)
        status = WRITE_FIELD(change, budget.row_begin_ns);
    if (status == 0)
        status = WRITE_FIELD(change, budget.charges);
    if (status == 0)
        status = WRITE_FIELD(change, budget.turn_ns);
    if (status == 0)
        status = WRITE_FIELD(change, budget.cost_ns_per_s);
    return status == 0 ? WRITE_FIELD(change, budget.samples_per_s) : status;
}

/* Gives out a lease: everything else first, its number last. */
static int
add_lease(struct change *change, const struct wp_reader_rate_change *wanted, uint64_t *number)
{
    uint64_t time_ns = region_now_ns(change->ahead_ns);
    struct wp_region_lease *lease;
    unsigned i = 0;
    int status;

    while (i < WP_REGION_LEASES && wp_region_lease_runs(&change->header.leases[i], time_ns))
        i++;
    if (i == WP_REGION_LEASES)
        return wp_error_set(change->error, EBUSY,
                            "%s has %u leases on its rates already: wait until one ends, or set "
                            "the rates for good, which ends them all",
                            change->path, WP_REGION_LEASES);
    status = clear_lease(change, i);
    lease = &change->header.leases[i];
    lease->deadline_monotonic_ns =
        wanted->for_ns < INT64_MAX - time_ns ? time_ns + wanted->for_ns : INT64_MAX;
    lease->block_rate_ns =
        wanted->block_rate_ns != NULL ? *wanted->block_rate_ns : WP_REGION_RATE_UNCHANGED;
    lease->mutex_fraction =
        wanted->mutex_fraction != NULL ? *wanted->mutex_fraction : WP_REGION_RATE_UNCHANGED;
    if (status == 0)
        status = WRITE_FIELD(change, leases[i]);
    *number = ++change->header.lease_count;
    if (status == 0)
        status = WRITE_FIELD(change, lease_count);
    lease->number = *number;
    return status == 0 ? WRITE_FIELD(change, leases[i].number) : status;
}

/* Others hold the lock for moments. But anybody who may read the file can hold it for good: that
 * must not hang a command, least of all one of the administrator's. */
static int
wait_for_turn(struct change *change)
{
    uint64_t deadline_ns = wp_clock_ns(CLOCK_MONOTONIC) + TURN_NS;

    while (flock(change->fd, LOCK_EX | LOCK_NB) != 0) {
        const struct timespec pause = {.tv_nsec = TURN_POLL_NS};

        if (errno != EWOULDBLOCK && errno != EINTR)
            return 0; /* the file system knows no locks */
        if (wp_clock_ns(CLOCK_MONOTONIC) > deadline_ns)
            return wp_error_set(change->error, EBUSY,
                                "cannot change the rates of %s: another process has held its lock "
                                "(flock) for %d s",
                                change->path, (int)(TURN_NS / 1000000000));
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}

/* Opens the region and waits for its turn. The caller closes change->fd. */
static int
begin_change(struct change *change, const struct wp_region_place *place, int flags,
             struct wp_error *error)
{
    int status = 0;

    change->path = place->path;
    change->error = error;
    change->fd = wp_region_place_open(place, flags, error);
    if (change->fd < 0)
        return change->fd;
    if (flags == O_RDWR)
        status = wait_for_turn(change);
    if (status == 0)
        status = read_header(change);
    change->ahead_ns = status == 0 ? wp_region_clock_ahead_ns(change->fd, &change->header) : 0;
    return status;
}

int
wp_reader_change_rates(const struct wp_region_place *place,
                       const struct wp_reader_rate_change *wanted,
                       struct wp_reader_rate_result *result, struct wp_error *error)
{
    bool changes_rates = wanted->block_rate_ns != NULL || wanted->mutex_fraction != NULL;
    bool changes = changes_rates || wanted->budget_cost_ns_per_s != NULL ||
                   wanted->budget_samples_per_s != NULL;
    struct change change;
    int status = begin_change(&change, place, changes ? O_RDWR : O_RDONLY, error);

    memset(result, 0, sizeof *result);
    if (status == 0) {
        result->before = result->after = rates_of(&change.header, region_now_ns(change.ahead_ns));
        status = change_budget(&change, wanted);
        if (status == 0 && changes_rates && wanted->for_ns != 0)
            status = add_lease(&change, wanted, &result->lease);
        else if (status == 0 && changes_rates)
            status = change_base(&change, wanted, &result->ended_leases);
        if (status == 0 && changes)
            status = settle(&change);
        if (status == 0)
            result->after = rates_of(&change.header, region_now_ns(change.ahead_ns));
    }
    if (change.fd >= 0)
        close(change.fd);
    return status;
}

int
wp_reader_end_lease(const struct wp_region_place *place, uint64_t lease,
                    struct wp_reader_rates *after, struct wp_error *error)
{
    struct change change;
    int status = begin_change(&change, place, O_RDWR, error);
    bool found = false;

    for (unsigned i = 0; i < WP_REGION_LEASES && status == 0; i++) {
        if (lease == 0 || change.header.leases[i].number != lease)
            continue;
        status = clear_lease(&change, i);
        found = true;
    }
    if (status == 0 && found)
        status = settle(&change);
    if (status == 0)
        *after = rates_of(&change.header, region_now_ns(change.ahead_ns));
    if (change.fd >= 0)
        close(change.fd);
    return status;
}
