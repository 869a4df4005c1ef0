/*
 * How a budget is divided, for those who spend it (budget.c) and who choose (budget_choice.c).
 */
#ifndef WP_CORE_BUDGET_SHARES_H
#define WP_CORE_BUDGET_SHARES_H

/* Shares of the budget: what timing may take, samples of waits, and charged unlocks; and below,
 * conditions. Rates are chosen in steps of two, so on average much of that is left: it is room for
 * the error of the reckoning. */
#define WP_BUDGET_TIMING_SHARE 0.35
#define WP_BUDGET_SAMPLES_SHARE 0.25
#define WP_BUDGET_UNLOCKS_SHARE 0.2

/* What waits may take in a turn, before the next is taken early. */
#define WP_BUDGET_WAITS_SHARE (WP_BUDGET_TIMING_SHARE + WP_BUDGET_SAMPLES_SHARE)

/* What conditions of waits that are passed over may cost in the long run. */
#define WP_BUDGET_CONDITIONS_SHARE 0.2

/* Where the number of samples is limited: samples of waits, and charged unlocks. */
#define WP_BUDGET_COUNT_SAMPLES_SHARE 0.4
#define WP_BUDGET_COUNT_UNLOCKS_SHARE 0.2

static inline double
wp_budget_larger(double a, double b)
{
    return a > b ? a : b;
}

#endif
