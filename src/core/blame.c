/*
 * The blame table: WP_BLAME_SETS sets of WP_BLAME_WAYS records. A lock's address chooses the set; a
 * lock may have several records in it (waiters selected at different fractions, or two threads that
 * made one at the same time), and an unlock charges them all.
 *
 * A record is a key and a 16-byte word, the account, that changes as one by compare-and-swap:
 *
 *   last     time of the last charge, or of the first waiter's start (ns, 52 bits: 52 days apart)
 *   waiting  registered waiters (12 bits)
 *   owed     sum over waiters with start > last of (start - last), minus the unpaid time of
 *            those who gave up (ns, 50 bits, two's complement)
 *   quiet    1: a budget allows no more charges for these waiters
 *   debt     1: owed holds unpaid time of waiters who gave up
 *   arrived  waiters that have not been charged yet (12 bits)
 *
 * so that a charge at `now` is waiting * (now - last) - owed, and leaves last = now, owed = 0, debt
 * = 0, arrived = 0. A record is in use while waiting > 0 or debt, and active while it is in use and
 * not quiet; the compare-and-swap that changes that also decides who changes wp_blame_active, which
 * therefore counts active records exactly, if a moment late.
 *
 * A quiet record has waiters only (no debt, nothing owed, none arrived), and `last` is when it
 * became so. Unlocks do not see it. What its waiters wait from `last` on is theirs to tell when
 * they leave, and goes to no unlocker but to [not attributed: budget]. The next waiter to join
 * wakes it.
 *
 * A free record is taken over for another lock in three steps: the account becomes `taken` (all
 * ones) by compare-and-swap, the key is written, the account is set (release). Everyone else reads
 * the account first (acquire), then the key, then swaps the account: had the record changed hands
 * in between, the account would differ, since `last` is a time that never comes again.
 */
#include "core/blame.h"

#include <stddef.h>

#include "core/account.h"
#include "core/budget.h"
#include "core/own_cost.h"
#include "core/process.h"
#include "core/region.h"
#include "core/stack_table.h"

/* Of a compare-and-swap: bounded, though each failure is another's success. */
#define WP_BLAME_TRIES 256

/* 6 days; a lock that hangs so long for all its waiters together charges less than was waited. */
#define WP_BLAME_MAX_OWED_NS ((INT64_C(1) << 49) - 1)
#define WP_BLAME_COUNT_MASK UINT64_C(0xfff)
#define WP_BLAME_MAX_WAITING (WP_BLAME_COUNT_MASK - 1)

#define WP_BLAME_FRACTION_BITS 20
#define WP_BLAME_FRACTION_MASK ((UINT64_C(1) << WP_BLAME_FRACTION_BITS) - 1)
_Static_assert(WP_SAMPLING_MAX_FRACTION < UINT64_C(1) << WP_BLAME_FRACTION_BITS, "fits the key");

/* The account, unpacked. */
struct wp_blame_account {
    uint64_t last_ns;
    uint64_t waiting;
    int64_t owed_ns;
    uint64_t arrived;
    bool quiet;
    bool debt;
};

struct wp_blame_record {
    /* low: last << 12 | waiting; high: owed << 14 | quiet << 13 | debt << 12 | arrived */
    struct wp_atomic_pair account;
    uint64_t key; /* address / 4 << 20 | fraction; the address's bits above 45 are lost */
    /* What the waiters registered now have been charged with, all together (ns). Follows the
     * account without a lock: for the variance of a charge alone. */
    int64_t charged_ns;
};

WP_PROCESS_WIPED(uint16_t, wp_blame_active, WP_BLAME_SETS);
static WP_PROCESS_WIPED(struct wp_blame_record, wp_blame_records, WP_BLAME_SETS *WP_BLAME_WAYS);

static struct wp_blame_account
wp_blame_unpack(struct wp_atomic_pair pair)
{
    return (struct wp_blame_account){
        .last_ns = pair.low >> 12,
        .waiting = pair.low & WP_BLAME_COUNT_MASK,
        .owed_ns = (int64_t)pair.high >> 14,
        .quiet = (pair.high >> 13 & 1) != 0,
        .debt = (pair.high >> 12 & 1) != 0,
        .arrived = pair.high & WP_BLAME_COUNT_MASK,
    };
}

static struct wp_atomic_pair
wp_blame_pack(const struct wp_blame_account *account)
{
    return (struct wp_atomic_pair){
        .low = account->last_ns << 12 | account->waiting,
        .high = (uint64_t)account->owed_ns << 14 | (uint64_t)account->quiet << 13 |
                (uint64_t)account->debt << 12 | account->arrived,
    };
}

static bool
wp_blame_in_use(const struct wp_blame_account *account)
{
    return account->waiting != 0 || account->debt;
}

static bool
wp_blame_is_active(const struct wp_blame_account *account)
{
    return wp_blame_in_use(account) && !account->quiet;
}

static uint64_t
wp_blame_key(const void *lock, uint64_t fraction)
{
    /* Futexes and spin locks are aligned to no more than 4. */
    return (uint64_t)(uintptr_t)lock >> 2 << WP_BLAME_FRACTION_BITS | fraction;
}

static void
wp_blame_count_active(uint32_t set, bool before, bool after)
{
    if (before != after)
        (void)wp_atomic_add_16(&wp_blame_active[set], after ? 1 : (uint16_t)-1);
}

static void
wp_blame_set_charged(struct wp_blame_record *record, int64_t charged_ns)
{
    wp_atomic_store_64((uint64_t *)&record->charged_ns, (uint64_t)charged_ns);
}

static void
wp_blame_add_charged(struct wp_blame_record *record, int64_t addend_ns)
{
    (void)wp_atomic_add_64((uint64_t *)&record->charged_ns, (uint64_t)addend_ns);
}

static uint64_t
wp_blame_charged_ns(const struct wp_blame_record *record)
{
    int64_t charged_ns = (int64_t)wp_atomic_load_64((const uint64_t *)&record->charged_ns);

    return charged_ns > 0 ? (uint64_t)charged_ns : 0;
}

/* What `waiters` registered at `fraction` waited for delay_ns without an unlock that could be
 * charged; charged_ns as for wp_sampling_mutex_sample. */
static void
wp_blame_add_unattributed(int64_t delay_ns, uint64_t waiters, uint64_t charged_ns,
                          uint64_t fraction, uint64_t now_ns)
{
    struct wp_sample sample;

    if (delay_ns <= 0)
        return;
    sample = wp_sampling_mutex_sample(0, waiters, (uint64_t)delay_ns, charged_ns, fraction);
    wp_stack_table_add(wp_stack_table_lost(WP_PROFILE_MUTEX, WP_SPECIAL_BUDGET), &sample, now_ns);
}

/* Makes a quiet account one that is charged again, from start_ns on. Returns what its waiters
 * waited in the meantime. */
static int64_t
wp_blame_wake(struct wp_blame_account *account, uint64_t start_ns)
{
    int64_t quiet_ns = wp_account_between(account->last_ns, start_ns & WP_ACCOUNT_TIME_MASK);

    account->quiet = false;
    if (quiet_ns <= 0)
        return 0;
    account->last_ns = start_ns & WP_ACCOUNT_TIME_MASK;
    return quiet_ns * (int64_t)account->waiting;
}

/* Adds a waiter to the account; a fresh one starts with it. False: the account is full. */
static bool
wp_blame_add_waiter(struct wp_blame_account *account, uint64_t start_ns)
{
    uint64_t start = start_ns & WP_ACCOUNT_TIME_MASK;

    if (!wp_blame_in_use(account))
        *account = (struct wp_blame_account){.last_ns = start};

    int64_t after_last = wp_account_between(account->last_ns, start);

    if (account->waiting >= WP_BLAME_MAX_WAITING || account->arrived >= WP_BLAME_MAX_WAITING ||
        account->owed_ns + after_last > WP_BLAME_MAX_OWED_NS)
        return false;
    /* Earlier than last: there was a charge while this one was on its way here. */
    account->owed_ns += after_last;
    account->waiting++;
    account->arrived++;
    return true;
}

/* Joins a record that belongs to `key` already. */
static bool
wp_blame_join(struct wp_blame_record *record, uint32_t set, uint64_t key, uint64_t start_ns)
{
    for (int tries = 0; tries < WP_BLAME_TRIES; tries++) {
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);

        if (wp_account_is_taken(seen) || wp_atomic_load_64_acquire(&record->key) != key)
            return false;

        struct wp_blame_account account = wp_blame_unpack(seen);
        bool before = wp_blame_is_active(&account);
        uint64_t waited = account.waiting;
        int64_t quiet_ns = account.quiet ? wp_blame_wake(&account, start_ns) : 0;

        if (!wp_blame_add_waiter(&account, start_ns))
            return false;
        if (wp_atomic_pair_cas(&record->account, seen, wp_blame_pack(&account))) {
            wp_blame_count_active(set, before, true);
            wp_blame_add_unattributed(quiet_ns, waited, wp_blame_charged_ns(record),
                                      key & WP_BLAME_FRACTION_MASK, start_ns);
            wp_blame_add_charged(record, quiet_ns);
            return true;
        }
    }
    return false;
}

/*
 * Takes over a record that nobody uses; with `evict`, one that only debts are kept in: those of a
 * lock that is unlocked by another process, or never again.
 */
static bool
wp_blame_take_over(struct wp_blame_record *record, uint32_t set, uint64_t key, uint64_t start_ns,
                   bool evict)
{
    struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
    struct wp_blame_account account = wp_blame_unpack(seen);

    bool before = wp_blame_in_use(&account);

    if (wp_account_is_taken(seen) || (before && (!evict || account.waiting != 0)) ||
        !wp_atomic_pair_cas(&record->account, seen, WP_ACCOUNT_TAKEN))
        return false;

    struct wp_atomic_pair fresh;

    account = (struct wp_blame_account){0};
    (void)wp_blame_add_waiter(&account, start_ns);
    fresh = wp_blame_pack(&account);
    wp_atomic_store_64(&record->key, key);
    wp_blame_set_charged(record, 0);
    wp_blame_count_active(set, before, true);
    (void)wp_atomic_pair_cas(&record->account, WP_ACCOUNT_TAKEN, fresh);
    return true;
}

struct wp_blame_ticket
wp_blame_register(const void *lock, uint64_t start_ns, uint64_t fraction)
{
    uint32_t set = wp_blame_set(lock);
    uint64_t key = wp_blame_key(lock, fraction);
    struct wp_blame_record *records = &wp_blame_records[set * WP_BLAME_WAYS];
    struct wp_blame_ticket ticket = {.start_ns = start_ns};

    wp_region_count(WP_COUNTER_mutex_waiters, 1);
    for (uint32_t way = 0; way < WP_BLAME_WAYS; way++) {
        if (wp_blame_join(&records[way], set, key, start_ns)) {
            ticket.record = set * WP_BLAME_WAYS + way + 1;
            return ticket;
        }
    }
    for (uint32_t way = 0; way < 2 * WP_BLAME_WAYS; way++) {
        uint32_t chosen = way % WP_BLAME_WAYS;

        if (wp_blame_take_over(&records[chosen], set, key, start_ns, way >= WP_BLAME_WAYS)) {
            ticket.record = set * WP_BLAME_WAYS + chosen + 1;
            return ticket;
        }
    }
    wp_region_count(WP_COUNTER_lost_waiters, 1);
    return ticket;
}

/* Takes a waiter off the account: see wp_blame_leave. */
static void
wp_blame_remove_waiter(struct wp_blame_account *account, uint64_t start_ns, bool acquired,
                       uint64_t now_ns)
{
    int64_t after_last = wp_account_between(account->last_ns, start_ns & WP_ACCOUNT_TIME_MASK);
    bool uncharged = after_last >= 0;

    account->waiting--;
    if (uncharged)
        account->owed_ns -= after_last;
    if (acquired) {
        if (uncharged && account->arrived > 0)
            account->arrived--;
        return;
    }

    /* From the later of start and last charge to now; none if that charge ran ahead of our
     * clock. */
    int64_t unpaid = wp_account_between(account->last_ns, now_ns & WP_ACCOUNT_TIME_MASK) -
                     (uncharged ? after_last : 0);

    if (account->owed_ns - unpaid < -WP_BLAME_MAX_OWED_NS)
        return;
    account->owed_ns -= unpaid;
    account->debt = account->debt || unpaid > 0;
}

/* A waiter that was charged with charged_ns (less than 0: with nothing), or will be, has left the
 * account. */
static void
wp_blame_forget_charged(struct wp_blame_record *record, const struct wp_blame_account *account,
                        int64_t charged_ns)
{
    if (account->waiting == 0)
        wp_blame_set_charged(record, 0);
    else if (charged_ns > 0)
        wp_blame_add_charged(record, -charged_ns);
}

void
wp_blame_leave(const struct wp_blame_ticket *ticket, bool acquired, uint64_t now_ns)
{
    if (ticket->record == 0)
        return;

    struct wp_blame_record *record = &wp_blame_records[ticket->record - 1];
    uint64_t fraction = wp_atomic_load_64(&record->key) & WP_BLAME_FRACTION_MASK;

    for (;;) { /* not bounded: to give up would leave a waiter who is charged for ever */
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_blame_account account = wp_blame_unpack(seen);

        bool before = wp_blame_is_active(&account);
        int64_t charged_ns =
            wp_account_between(ticket->start_ns & WP_ACCOUNT_TIME_MASK, account.last_ns);
        int64_t since_last_ns = wp_account_between(account.last_ns, now_ns & WP_ACCOUNT_TIME_MASK);
        int64_t quiet_ns = account.quiet ? since_last_ns : 0;
        /* What it leaves unpaid is charged with the next unlock's, when it is gone. */
        int64_t unpaid_ns = acquired || account.quiet ? 0 : since_last_ns;

        /* Wiped: we are a forked child, and registered in the parent. */
        if (account.waiting == 0 || wp_account_is_taken(seen))
            return;
        if (account.quiet)
            account.quiet = --account.waiting != 0;
        else
            wp_blame_remove_waiter(&account, ticket->start_ns, acquired, now_ns);
        if (wp_atomic_pair_cas(&record->account, seen, wp_blame_pack(&account))) {
            wp_blame_forget_charged(record, &account, charged_ns + unpaid_ns);
            wp_blame_count_active((ticket->record - 1) / WP_BLAME_WAYS, before,
                                  wp_blame_is_active(&account));
            wp_blame_add_unattributed(quiet_ns, 1, charged_ns > 0 ? (uint64_t)charged_ns : 0,
                                      fraction, now_ns);
            return;
        }
    }
}

uint32_t
wp_blame_way_of(const struct wp_blame_ticket *ticket)
{
    return (ticket->record - 1) % WP_BLAME_WAYS;
}

struct wp_blame_ticket
wp_blame_ticket_at(const void *lock, uint32_t way, uint64_t start_ns)
{
    return (struct wp_blame_ticket){
        .start_ns = start_ns,
        .record = wp_blame_set(lock) * WP_BLAME_WAYS + way + 1,
    };
}

/* Empties one record's account as of now. False: there was nothing in it, or it is another
 * lock's. */
static bool
wp_blame_charge_record(struct wp_blame_record *record, uint64_t address_key, uint64_t now_ns,
                       struct wp_sample *charge)
{
    for (int tries = 0; tries < WP_BLAME_TRIES; tries++) {
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_blame_account account = wp_blame_unpack(seen);
        uint64_t key = wp_atomic_load_64_acquire(&record->key);

        if (wp_account_is_taken(seen) || !wp_blame_is_active(&account) ||
            key >> WP_BLAME_FRACTION_BITS != address_key)
            return false;

        int64_t passed = wp_account_between(account.last_ns, now_ns & WP_ACCOUNT_TIME_MASK);
        int64_t delay = (int64_t)account.waiting * passed - account.owed_ns;
        struct wp_blame_account settled = {.last_ns = now_ns & WP_ACCOUNT_TIME_MASK,
                                           .waiting = account.waiting,
                                           .quiet =
                                               account.waiting != 0 && !wp_budget_has_charge()};

        /* Waiters who started after our reading of the clock, or a torn reading: only the latter is
         * worth another look. A debt that was charged already is settled here. */
        if (passed < 0 || (delay <= 0 && account.waiting != 0)) {
            if (wp_atomic_pair_cas(&record->account, seen, seen))
                return false;
            continue;
        }
        if (wp_atomic_pair_cas(&record->account, seen, wp_blame_pack(&settled))) {
            if (delay < 0)
                delay = 0;
            *charge = wp_sampling_mutex_sample(
                account.arrived, account.waiting > 0 ? account.waiting : 1, (uint64_t)delay,
                wp_blame_charged_ns(record), key & WP_BLAME_FRACTION_MASK);
            if (account.waiting != 0)
                wp_blame_add_charged(record, delay);
            wp_blame_count_active((uint32_t)(record - wp_blame_records) / WP_BLAME_WAYS, true,
                                  wp_blame_is_active(&settled));
            wp_budget_spend_charge();
            return delay > 0 || account.arrived != 0;
        }
    }
    return false;
}

bool
wp_blame_charge(const void *lock, uint64_t now_ns, struct wp_sample *charge)
{
    struct wp_blame_record *records = &wp_blame_records[wp_blame_set(lock) * WP_BLAME_WAYS];
    uint64_t address_key = wp_blame_key(lock, 0) >> WP_BLAME_FRACTION_BITS;
    wp_clock_mark cost = wp_own_cost_begin();
    bool charged = false;

    *charge = (struct wp_sample){0};
    for (uint32_t way = 0; way < WP_BLAME_WAYS; way++) {
        struct wp_sample part;

        if (wp_blame_charge_record(&records[way], address_key, now_ns, &part)) {
            charge->contentions_fixed += part.contentions_fixed;
            charge->delay_ns += part.delay_ns;
            charge->waiters += part.waiters;
            charge->variance += part.variance;
            charge->squares += part.squares;
            charged = true;
        }
    }
    wp_own_cost_end(cost, WP_OWN_COST_unlock);
    return charged;
}

/* Puts an amount back into one record's account. False: it is not this lock's, or nobody uses
 * it. */
static bool
wp_blame_refund_record(struct wp_blame_record *record, uint64_t address_key,
                       const struct wp_sample *charge)
{
    for (int tries = 0; tries < WP_BLAME_TRIES; tries++) {
        struct wp_atomic_pair seen = wp_atomic_pair_load(&record->account);
        struct wp_blame_account account = wp_blame_unpack(seen);
        uint64_t key = wp_atomic_load_64_acquire(&record->key);
        uint64_t fraction = key & WP_BLAME_FRACTION_MASK;

        if (wp_account_is_taken(seen) || !wp_blame_is_active(&account) ||
            key >> WP_BLAME_FRACTION_BITS != address_key)
            return false;

        int64_t delay_ns = (int64_t)(charge->delay_ns / fraction);
        uint64_t arrived = charge->contentions_fixed / WP_REGION_COUNT_ONE / fraction;

        if (account.owed_ns - delay_ns < -WP_BLAME_MAX_OWED_NS ||
            account.arrived + arrived > WP_BLAME_MAX_WAITING)
            return false;
        account.owed_ns -= delay_ns;
        account.arrived += arrived;
        if (wp_atomic_pair_cas(&record->account, seen, wp_blame_pack(&account))) {
            wp_blame_add_charged(record, -delay_ns);
            return true;
        }
    }
    return false;
}

void
wp_blame_refund(const void *lock, const struct wp_sample *charge)
{
    struct wp_blame_record *records = &wp_blame_records[wp_blame_set(lock) * WP_BLAME_WAYS];
    uint64_t address_key = wp_blame_key(lock, 0) >> WP_BLAME_FRACTION_BITS;
    uint32_t way = 0;

    while (way < WP_BLAME_WAYS && !wp_blame_refund_record(&records[way], address_key, charge))
        way++;
    /* It was the last charge that the budget allows, and has left a quiet record. */
    if (way == WP_BLAME_WAYS && wp_atomic_load_64(&wp_region()->budget.charges) != 0)
        wp_stack_table_add(wp_stack_table_lost(WP_PROFILE_MUTEX, WP_SPECIAL_BUDGET), charge,
                           wp_clock_ns());
}

void
wp_blame_init(void)
{
    (void)wp_process_wipe_on_fork(wp_blame_records, sizeof(wp_blame_records));
    (void)wp_process_wipe_on_fork(wp_blame_active, sizeof(wp_blame_active));
}
