#include "cli/tune/slices.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool
is_same(const struct wp_reader_stack *one, const struct wp_reader_stack *other)
{
    return one->profile == other->profile && one->function == other->function &&
           one->depth == other->depth &&
           memcmp(one->frames, other->frames, one->depth * sizeof one->frames[0]) == 0;
}

static double
since(uint64_t last, uint64_t first)
{
    return last > first ? (double)(last - first) : 0;
}

/* `first` has nothing but zeros for a stack that is new. */
static struct wp_tune_kept
kept_between(const struct wp_reader_stack *first, const struct wp_reader_stack *last)
{
    return (struct wp_tune_kept){
        .contentions =
            since(last->contentions_fixed, first->contentions_fixed) / WP_REGION_COUNT_ONE,
        .delay_ns = since(last->delay_ns, first->delay_ns),
        .samples = since(last->samples, first->samples),
        .variance = last->variance > first->variance ? last->variance - first->variance : 0,
        .squares = last->squares > first->squares ? last->squares - first->squares : 0,
    };
}

static bool
add_piece(struct wp_tune_slices *slices, const struct wp_tune_piece *piece)
{
    if (slices->piece_count == slices->piece_room) {
        size_t room = slices->piece_room != 0 ? 2 * slices->piece_room : 1024;
        struct wp_tune_piece *pieces = reallocarray(slices->pieces, room, sizeof *pieces);

        if (pieces == NULL)
            return false;
        slices->pieces = pieces;
        slices->piece_room = room;
    }
    slices->pieces[slices->piece_count++] = *piece;
    return true;
}

static bool
add_holder(struct wp_tune_slices *slices, const struct wp_tune_piece *piece)
{
    struct wp_tune_holder *holder;

    if (piece->stack >= slices->holder_room) {
        size_t room = 2 * ((size_t)piece->stack + 1);
        struct wp_tune_holder *holders = reallocarray(slices->holders, room, sizeof *holders);

        if (holders == NULL)
            return false;
        memset(holders + slices->holder_room, 0, (room - slices->holder_room) * sizeof *holders);
        slices->holders = holders;
        slices->holder_room = room;
    }
    holder = &slices->holders[piece->stack];
    holder->delay_ns += piece->kept.delay_ns;
    if (piece->kept.squares > piece->kept.variance)
        holder->squares += piece->kept.squares - piece->kept.variance;
    return true;
}

/*
 * Snapshots have their stacks in the order of the region, where stacks never move nor go: those of
 * the one before are among the new ones in the same order.
 */
static bool
add_slice(struct wp_tune_slices *slices, const struct wp_snapshot *snapshot, uint32_t *numbers)
{
    static const struct wp_reader_stack none;
    const struct wp_snapshot *before = slices->last;
    size_t seen = 0, count = before != NULL ? before->stack_count : 0;

    for (size_t i = 0; i < snapshot->stack_count; i++) {
        const struct wp_reader_stack *stack = &snapshot->stacks[i], *first = &none;
        struct wp_tune_piece piece = {.function = stack->function};
        bool added = true;

        if (seen < count && is_same(&before->stacks[seen], stack)) {
            first = &before->stacks[seen];
            numbers[i] = slices->numbers[seen++];
        } else {
            numbers[i] = slices->number_count++;
        }
        if (before == NULL)
            continue;
        piece.stack = numbers[i];
        piece.kept = kept_between(first, stack);
        if (piece.kept.delay_ns > 0)
            added = stack->profile == WP_PROFILE_BLOCK ? add_piece(slices, &piece)
                                                       : add_holder(slices, &piece);
        if (!added)
            return false;
    }
    return true;
}

/* One waiter in so many is registered, of calls that must wait; 0: none. */
static double
fraction_of(const struct wp_snapshot *snapshot)
{
    return (double)snapshot->mutex_fraction * (double)snapshot->wait_fraction;
}

/* Of a slice whose fraction changed in it, as if half way. */
static double
fraction_between(const struct wp_snapshot *first, const struct wp_snapshot *last)
{
    double one = fraction_of(first), other = fraction_of(last);

    if (one <= 0 || other <= 0)
        return one + other;
    return 2 / (1 / one + 1 / other);
}

static bool
looks_at_all(const struct wp_snapshot *first, const struct wp_snapshot *last)
{
    return first->wait_fraction == 1 && last->wait_fraction == 1 &&
           last->counters[WP_COUNTER_waits_passed_over] ==
               first->counters[WP_COUNTER_waits_passed_over];
}

/* Changes of a budget are no changes of rates as people see them: each of its turns says how it
 * left them. */
static bool
turns_kept(const struct wp_snapshot *snapshot, uint64_t block_rate_ns, uint64_t since_ns)
{
    for (size_t i = 0; i < snapshot->budget_turns_known; i++) {
        const struct wp_reader_budget_turn *turn = &snapshot->budget_turns[i];

        if (turn->realtime_ns > since_ns && turn->block_rate_ns != block_rate_ns)
            return false;
    }
    return true;
}

static void
add_rates(struct wp_tune_slices *slices, const struct wp_snapshot *snapshot)
{
    const struct wp_snapshot *before = slices->last;
    double registered;

    if (before == NULL) {
        slices->start_realtime_ns = snapshot->read_realtime_ns;
        return;
    }
    registered = since(snapshot->counters[WP_COUNTER_mutex_waiters],
                       before->counters[WP_COUNTER_mutex_waiters]);
    slices->registered += registered;
    slices->lock_waits += registered * fraction_between(before, snapshot);
    if (before->rate_change_count != snapshot->rate_change_count ||
        before->block_rate_ns != snapshot->block_rate_ns || !looks_at_all(before, snapshot) ||
        !turns_kept(snapshot, before->block_rate_ns, slices->start_realtime_ns))
        slices->rates_varied = true;
}

int
wp_tune_slices_add(struct wp_tune_slices *slices, struct wp_snapshot *snapshot,
                   struct wp_error *error)
{
    uint32_t *numbers = calloc(snapshot->stack_count + 1, sizeof *numbers);
    bool added = numbers != NULL && add_slice(slices, snapshot, numbers);

    add_rates(slices, snapshot);
    wp_snapshot_free(slices->last);
    free(slices->numbers);
    slices->last = snapshot;
    slices->numbers = numbers;
    return added ? 0 : wp_error_set(error, ENOMEM, "out of memory");
}

void
wp_tune_slices_free(struct wp_tune_slices *slices)
{
    free(slices->pieces);
    free(slices->holders);
    free(slices->numbers);
    wp_snapshot_free(slices->last);
    *slices = (struct wp_tune_slices){0};
}
