/*
 * The table: WP_CONDITION_SETS sets of WP_CONDITION_WAYS records, chosen by the condition's
 * address. A record is two keys and a 16-byte word, the account, that changes as one by
 * compare-and-swap:
 *
 *   mean        mean time of the unused grants (ns, 52 bits: no two are 26 days apart)
 *   waiting     waiters that entered and did not leave yet (12 bits)
 *   granted     of these, those that hold a grant (12 bits)
 *   registered  of the grants, those that are registered for blame (12 bits)
 *   way         the blame record of the mutex that they stand in (3 bits)
 *   generation  counts the take-overs of the record (25 bits)
 *
 * Invariant: registered <= granted <= waiting. So nothing outlives the last waiter.
 *
 * A record is in use while waiting > 0. A free one is taken over as in blame.c: the account becomes
 * `taken`, the keys are written, the account is set. Others read the account first (acquire), then
 * the keys, then swap the account; the generation makes each tenancy's accounts different.
 */
#include "core/condition.h"

#include <errno.h>
#include <stddef.h>

#include "core/account.h"
#include "core/blame.h"
#include "core/budget.h"
#include "core/own_cost.h"
#include "core/process.h"
#include "core/sampling.h"
#include "core/thread.h"
#include "core/wait.h"

#define WP_CONDITION_WAYS 4u
/* Of a compare-and-swap: bounded, though each failure is another's success. */
#define WP_CONDITION_TRIES 256

#define WP_CONDITION_COUNT_MASK UINT64_C(0xfff)
#define WP_CONDITION_MAX_WAITING (WP_CONDITION_COUNT_MASK - 1)
#define WP_CONDITION_WAY_MASK UINT64_C(7)
#define WP_CONDITION_GENERATION_MASK ((UINT64_C(1) << 25) - 1)
/* As long as this a grant that others got ahead of is tried again with registrations. */
#define WP_CONDITION_REGISTERING_TRIES 4
#define WP_CONDITION_PAGE UINT64_C(4096)

_Static_assert(WP_BLAME_WAYS - 1 <= WP_CONDITION_WAY_MASK, "fits the account");

/* The account, unpacked. */
struct wp_condition_account {
    uint64_t mean_ns;
    uint64_t waiting;
    uint64_t granted;
    uint64_t registered;
    uint64_t way;
    uint64_t generation;
};

struct wp_condition_record {
    struct wp_atomic_pair account;
    uint64_t condition; /* the keys: addresses */
    uint64_t mutex;
};

WP_PROCESS_WIPED(uint16_t, wp_condition_active, WP_CONDITION_SETS);
static WP_PROCESS_WIPED(struct wp_condition_record, wp_condition_records,
                        WP_CONDITION_SETS *WP_CONDITION_WAYS);

bool (*wp_condition_mutex_is_free)(const void *mutex);

static struct wp_condition_account
wp_condition_unpack(struct wp_atomic_pair pair)
{
    return (struct wp_condition_account){
        .mean_ns = pair.low >> 12,
        .waiting = pair.low & WP_CONDITION_COUNT_MASK,
        .granted = pair.high >> 52,
        .registered = pair.high >> 40 & WP_CONDITION_COUNT_MASK,
        .way = pair.high >> 25 & WP_CONDITION_WAY_MASK,
        .generation = pair.high & WP_CONDITION_GENERATION_MASK,
    };
}

static struct wp_atomic_pair
wp_condition_pack(const struct wp_condition_account *account)
{
    return (struct wp_atomic_pair){
        .low = account->mean_ns << 12 | account->waiting,
        .high = account->granted << 52 | account->registered << 40 | account->way << 25 |
                account->generation,
    };
}

static void
wp_condition_count_use(uint32_t set, bool before, bool after)
{
    if (before != after)
        (void)wp_atomic_add_16(&wp_condition_active[set], after ? 1 : (uint16_t)-1);
}

/* --- entering -------------------------------------------------------------------------------- */

/* Joins a record that belongs to the same condition and mutex already, in use or not. */
static bool
wp_condition_join(struct wp_condition_record *record, uint32_t set, const void *condition,
                  const void *mutex)
{
    for (int tries = 0; tries < WP_CONDITION_TRIES; tries++) {
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_condition_account account = wp_condition_unpack(seen);
        bool before = account.waiting != 0;

        if (wp_account_is_taken(seen) || account.waiting >= WP_CONDITION_MAX_WAITING ||
            wp_atomic_load_64_acquire(&record->condition) != (uintptr_t)condition ||
            wp_atomic_load_64_acquire(&record->mutex) != (uintptr_t)mutex)
            return false;
        account.waiting++;
        if (wp_atomic_pair_cas(&record->account, seen, wp_condition_pack(&account))) {
            wp_condition_count_use(set, before, true);
            return true;
        }
    }
    return false;
}

static bool
wp_condition_take_over(struct wp_condition_record *record, uint32_t set, const void *condition,
                       const void *mutex)
{
    struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
    struct wp_condition_account before = wp_condition_unpack(seen);
    struct wp_condition_account after = {
        .waiting = 1,
        .generation = (before.generation + 1) & WP_CONDITION_GENERATION_MASK,
    };

    if (wp_account_is_taken(seen) || before.waiting != 0 ||
        !wp_atomic_pair_cas(&record->account, seen, WP_ACCOUNT_TAKEN))
        return false;
    wp_atomic_store_64(&record->condition, (uintptr_t)condition);
    wp_atomic_store_64(&record->mutex, (uintptr_t)mutex);
    wp_condition_count_use(set, false, true);
    (void)wp_atomic_pair_cas(&record->account, WP_ACCOUNT_TAKEN, wp_condition_pack(&after));
    return true;
}

/* The record that the caller now waits in, index + 1; 0: there is no room. */
static uint32_t
wp_condition_find_room(const void *condition, const void *mutex)
{
    uint32_t set = wp_condition_set(condition);
    struct wp_condition_record *records = &wp_condition_records[set * WP_CONDITION_WAYS];

    for (uint32_t way = 0; way < WP_CONDITION_WAYS; way++) {
        if (wp_condition_join(&records[way], set, condition, mutex))
            return set * WP_CONDITION_WAYS + way + 1;
    }
    for (uint32_t way = 0; way < WP_CONDITION_WAYS; way++) {
        if (wp_condition_take_over(&records[way], set, condition, mutex))
            return set * WP_CONDITION_WAYS + way + 1;
    }
    return 0;
}

/* --- leaving --------------------------------------------------------------------------------- */

/* Does a waiter that leaves take a grant with it? The account is as it leaves it. */
static bool
wp_condition_takes_grant(const struct wp_condition_account *account, enum wp_condition_end end,
                         uint64_t since_ns)
{
    if (account->granted == 0)
        return false;
    /* Who timed out leaves grants to the others, but for one that took it for a waiter. */
    return end != WP_CONDITION_TIMED_OUT || account->granted > account->waiting ||
           (since_ns != 0 && wp_account_between(since_ns, account->mean_ns) >= 0);
}

/*
 * The time of the grant that a woken waiter takes, before it is taken: the mean. A waiter that
 * began after it was granted later itself: it takes its beginning, and leaves the others an earlier
 * mean, so that the sum stays. If there are no others the grant was not its own.
 */
static uint64_t
wp_condition_grant_time(struct wp_condition_account *account, uint64_t since_ns, uint64_t now_ns)
{
    int64_t early_ns = wp_account_between(account->mean_ns, since_ns);

    if (early_ns <= 0)
        return now_ns - (uint64_t)wp_account_between(account->mean_ns, now_ns);
    if (account->granted == 1)
        return 0;
    account->mean_ns -= (uint64_t)(early_ns / (int64_t)(account->granted - 1));
    account->mean_ns &= WP_ACCOUNT_TIME_MASK;
    return since_ns;
}

/* Takes a grant out of the account; true if it was a registered one. They are alike, so which kind
 * it is is drawn. */
static bool
wp_condition_use_grant(struct wp_condition_account *account)
{
    bool registered = wp_sampling_below(wp_thread_random(), account->granted) < account->registered;

    account->granted--;
    account->registered -= registered;
    return registered;
}

/* Takes the waiter out of its record: see wp_condition_leave. */
static uint64_t
wp_condition_remove(const struct wp_condition_wait *wait, enum wp_condition_end end,
                    uint64_t since_ns, uint64_t now_ns)
{
    uint32_t number = wait->record;
    struct wp_condition_record *record = &wp_condition_records[number - 1];
    const void *mutex = (const void *)(uintptr_t)wp_atomic_load_64(&record->mutex);

    for (;;) { /* not bounded: to give up would leave a waiter for ever */
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_condition_account account = wp_condition_unpack(seen);
        struct wp_blame_ticket ticket =
            wp_blame_ticket_at(mutex, (uint32_t)account.way, account.mean_ns);
        uint64_t grant_ns = 0;
        bool registered = false;

        /* Wiped: we are a forked child, and entered in the parent. */
        if (account.waiting == 0)
            return 0;
        account.waiting--;
        if (wp_condition_takes_grant(&account, end, since_ns)) {
            if (end == WP_CONDITION_WOKEN && since_ns != 0)
                grant_ns = wp_condition_grant_time(&account, since_ns, now_ns);
            registered = wp_condition_use_grant(&account);
        }
        if (wp_atomic_pair_cas(&record->account, seen, wp_condition_pack(&account))) {
            wp_condition_count_use((number - 1) / WP_CONDITION_WAYS, true, account.waiting != 0);
            if (registered)
                wp_blame_leave(&ticket, true, now_ns != 0 ? now_ns : wp_clock_ns());
            return grant_ns;
        }
    }
}

/* The thread was cancelled in its wait, or jumped out of it. */
static void
wp_condition_abandon(void *wait)
{
    (void)wp_condition_remove(wait, WP_CONDITION_LEFT, 0, wp_clock_ns());
}

void
wp_condition_enter(struct wp_condition_wait *wait, const void *condition, const void *mutex)
{
    int saved = errno;
    int cancelable;

    /* An asynchronous cancellation must find the waiter either not entered or in libc's list. */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    wait->record = wp_condition_find_room(condition, mutex);
    if (wait->record != 0)
        _pthread_cleanup_push(&wait->cleanup, wp_condition_abandon, wait);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
}

uint64_t
wp_condition_leave(struct wp_condition_wait *wait, enum wp_condition_end end, uint64_t since_ns,
                   uint64_t now_ns)
{
    int saved = errno;
    uint64_t grant_ns;
    int cancelable;

    if (wait->record == 0)
        return 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    _pthread_cleanup_pop(&wait->cleanup, 0);
    grant_ns = wp_condition_remove(wait, end, since_ns, now_ns);
    (void)pthread_setcancelstate(cancelable, NULL);
    errno = saved;
    return grant_ns;
}

/* --- granting -------------------------------------------------------------------------------- */

/*
 * Registers those of `count` granted waiters that are selected. Returns how many; account->way gets
 * the record that they all stand in. One that lands in another (two records of one mutex, or a
 * fraction that has changed since) goes without.
 */
static uint64_t
wp_condition_register(struct wp_condition_account *account, const void *mutex, uint64_t count,
                      uint64_t now_ns)
{
    uint64_t fraction = wp_wait_whole_fraction();
    uint64_t registered = 0;

    for (uint64_t i = 0; fraction != 0 && i < count; i++) {
        if (!wp_sampling_mutex_selects(wp_thread_random(), fraction))
            continue;

        struct wp_blame_ticket ticket = wp_blame_register(mutex, now_ns, fraction);

        if (ticket.record == 0)
            continue;
        if (account->registered + registered == 0)
            account->way = wp_blame_way_of(&ticket);
        if (account->way == wp_blame_way_of(&ticket))
            registered++;
        else
            wp_blame_leave(&ticket, true, now_ns);
    }
    return registered;
}

/* Nobody holds the mutex, as far as can be seen without risk. */
static bool
wp_condition_has_no_holder(const void *condition, const void *mutex)
{
    return wp_condition_mutex_is_free != NULL &&
           ((uintptr_t)condition ^ (uintptr_t)mutex) < WP_CONDITION_PAGE &&
           wp_condition_mutex_is_free(mutex);
}

/* Adds `count` grants, `registered` of them registered, to the account. */
static void
wp_condition_add_grants(struct wp_condition_account *account, uint64_t count, uint64_t registered,
                        uint64_t now_ns)
{
    uint64_t all = account->granted + count;

    /* The mean moves by the new grants' share of the way to them. */
    if (account->granted == 0)
        account->mean_ns = now_ns;
    else
        account->mean_ns += (uint64_t)(wp_account_between(account->mean_ns, now_ns) *
                                       (int64_t)count / (int64_t)all);
    account->mean_ns &= WP_ACCOUNT_TIME_MASK;
    account->granted = all;
    account->registered += registered;
}

/* Grants in one record; false: nobody waits there. It must be done before the signal is made, and
 * registered for blame before it is in the account: who takes a grant takes its
 * registration back. */
static bool
wp_condition_grant_record(struct wp_condition_record *record, const void *condition, bool all,
                          uint64_t now_ns)
{
    for (int tries = 0; tries < WP_CONDITION_TRIES; tries++) {
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_condition_account account = wp_condition_unpack(seen);
        uint64_t key = wp_atomic_load_64_acquire(&record->condition);
        const void *mutex = (const void *)(uintptr_t)wp_atomic_load_64_acquire(&record->mutex);

        /* A torn reading may be anything; what is made of it fails at the swap. */
        if (key != (uintptr_t)condition || wp_account_is_taken(seen) ||
            account.waiting <= account.granted)
            return false;

        uint64_t count = all ? account.waiting - account.granted : 1;
        uint64_t registered = 0;

        if (tries < WP_CONDITION_REGISTERING_TRIES && !wp_condition_has_no_holder(condition, mutex))
            registered = wp_condition_register(&account, mutex, count, now_ns);
        wp_condition_add_grants(&account, count, registered, now_ns);
        if (wp_atomic_pair_cas(&record->account, seen, wp_condition_pack(&account)))
            return true;

        const struct wp_blame_ticket ticket =
            wp_blame_ticket_at(mutex, (uint32_t)account.way, now_ns);

        while (registered-- > 0)
            wp_blame_leave(&ticket, true, now_ns);
    }
    return false;
}

void
wp_condition_grant(const void *condition, bool all, uint64_t now_ns)
{
    uint32_t set = wp_condition_set(condition);
    struct wp_condition_record *records = &wp_condition_records[set * WP_CONDITION_WAYS];
    /* While a budget has waits passed over, this is done for those, too: nearly all of them. */
    bool for_all = wp_atomic_load_64(&wp_region()->wait_fraction) > 1;
    wp_clock_mark cost = wp_own_cost_begin();

    for (uint32_t way = 0; way < WP_CONDITION_WAYS; way++) {
        if (wp_condition_grant_record(&records[way], condition, all, now_ns) && !all)
            break;
    }
    if (for_all)
        wp_budget_end_condition(cost);
    else
        wp_own_cost_end(cost, WP_OWN_COST_wait);
}

void
wp_condition_init(void)
{
    (void)wp_process_wipe_on_fork(wp_condition_records, sizeof(wp_condition_records));
    (void)wp_process_wipe_on_fork(wp_condition_active, sizeof(wp_condition_active));
}
