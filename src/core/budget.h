/*
 * The budget: the program itself holds what recording costs it, or how many samples it keeps, by
 * making the rates coarser while there is much to record, and finer again afterwards.
 *
 * There is no thread of ours to do it. A thread that has just waited, and reads the clock anyway,
 * finds that the time of the next turn has come (wp_rates_obey), and takes the turn: it counts what
 * was recorded since the last one, reckons what that cost, and chooses. Turns are
 * WP_BUDGET_TURN_NS apart while there is anything to record. What is recorded is added up as it
 * comes, too, and when a turn has spent all that it may, the next is taken at once: so a storm that
 * breaks out, or comes and goes, costs little more than it may before it is met.
 *
 * Three things can be chosen. The block rate and the mutex fraction decide how many samples are
 * kept; but a wait that is not kept has been timed, and costs a part of what a sample costs. So
 * there is the wait fraction: of N waits one is looked at, the others go straight to the original
 * call. All three are drawn before anything is known of the wait, and each sample is weighed with
 * what it was drawn at: totals stay unbiased over every change.
 *
 * That bounds the waiters that are registered for blame, but not the unlocks that each is charged
 * to: the lock may be taken by others a million times in a second until a starved waiter has its
 * turn. So charged unlocks are counted, too: each turn allows some, and what one leaves over the
 * next ones may spend, for a while. One that comes when none is left is the last for the waiters
 * it leaves behind (blame.c). What they wait from then on goes to the frame [not attributed:
 * budget], and totals stay what they are.
 *
 * And who waits for a condition must be known to each signal, also if no wait is looked at: that
 * cost comes with every wait, and no fraction makes it less. Where it alone takes more than its
 * share, waits for conditions are not split for a while (condition.h): then what a waiter waits for
 * the mutex after the signal counts as a part of the wait for the condition, and to no holder.
 */
#ifndef WP_CORE_BUDGET_H
#define WP_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/own_cost.h"
#include "core/region_format.h"

#define WP_BUDGET_TURN_NS UINT64_C(20000000)

/* A turn lasts so long at least: what was recorded in less says little about the load. */
#define WP_BUDGET_LEAST_TURN_NS UINT64_C(200000)

/* How coarse the rates may get; with the wait fraction, one sample in 10^6 waiters at most is kept,
 * which is what a mutex fraction may be. */
#define WP_BUDGET_MAX_BLOCK_RATE_NS UINT64_C(1000000000)
#define WP_BUDGET_MAX_MUTEX_FRACTION UINT64_C(1000)
#define WP_BUDGET_MAX_WAIT_FRACTION UINT64_C(1000)

/* What was recorded since the last turn, and what one of each costs. */
struct wp_budget_load {
    uint64_t span_ns;
    uint64_t waits;      /* that were looked at */
    uint64_t samples;    /* of those */
    uint64_t unlocks;    /* that were charged */
    bool spent_charges;  /* more unlocks would have been charged, had it been allowed */
    bool spends_charges; /* so it was a moment ago */
    double wait_cost_ns, sample_cost_ns, unlock_cost_ns;
    uint64_t conditions_ns; /* what those of waits that were passed over cost */
};

struct wp_budget_choice {
    uint64_t block_rate_ns, mutex_fraction, wait_fraction;
};

/*
 * What to choose for the time to come, if the load goes on as it was. `least` is the finest that
 * was asked for (the base rates, wait fraction 1), `now` what the load was recorded at. Coarser at
 * once, finer in steps. Pure.
 */
struct wp_budget_choice wp_budget_choose(const struct wp_region_budget *budget,
                                         const struct wp_budget_load *load,
                                         const struct wp_budget_choice *least,
                                         const struct wp_budget_choice *now);

/*
 * If the time of a turn has come, or the latest has spent what it may, and nobody else has taken
 * it: takes it, and stores the choice in the budget; the caller settles the rates. False: nothing
 * was done. Lock-free, no system call; signal handlers.
 */
bool wp_budget_take_turn(struct wp_region_header *region, uint64_t now_ns);

/* Something of that class was done, and has its cost, whether that was measured or not. Of unlocks
 * nothing is said: their charges are counted. */
void wp_budget_spend(enum wp_own_cost_class class);

/* Ends a piece of the class `condition`. It spends what was measured: how many such waits there
 * are, only those tell that are looked at. */
void wp_budget_end_condition(wp_clock_mark start);

/* False: as many unlocks were charged as the turn allows. */
bool wp_budget_has_charge(void);

/* An unlock was charged. */
void wp_budget_spend_charge(void);

#endif
