/*
 * Blame against a model that keeps each waiter by itself: random schedules of registering,
 * unlocking, acquiring and giving up, in made-up time.
 */
#include "core/blame.h"

#include "blame_fixture.h"
#include "region_fixture.h"

#define TIME_WRAP_NS (UINT64_C(1) << 52)

#define MODEL_LOCKS 5u
#define MODEL_FRACTIONS 3u
#define MODEL_WAITERS 24u

static const uint64_t model_fractions[MODEL_FRACTIONS] = {1, 10, 1000000};

/* A waiter, or the unpaid rest of one that gave up. */
struct model_waiter {
    struct wp_blame_ticket ticket;
    uint32_t lock;
    uint32_t fraction;
    uint64_t unpaid_from_ns; /* start, or the last charge */
    uint64_t gave_up_ns;     /* 0: still waits */
    bool counted;            /* a contention was charged for it */
    bool in_use;
};

struct model {
    struct model_waiter waiters[MODEL_WAITERS];
    const void *locks[MODEL_LOCKS];
    uint64_t now_ns;
    uint64_t random;
    uint64_t refused;
    uint64_t charges;
    bool patient; /* nobody gives up: a full set evicts records of debts, which are not modelled */
};

static uint64_t
model_draw(struct model *model, uint64_t bound)
{
    return wp_sampling_below(wp_sampling_next(&model->random), bound);
}

/* Different keys that have a waiter or a debt, which is how many records must be in use. */
static uint32_t
model_keys_in_use(const struct model *model)
{
    uint32_t keys = 0;

    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++) {
        for (uint32_t fraction = 0; fraction < MODEL_FRACTIONS; fraction++) {
            bool used = false;

            for (uint32_t i = 0; i < MODEL_WAITERS; i++)
                used |= model->waiters[i].in_use && model->waiters[i].lock == lock &&
                        model->waiters[i].fraction == fraction;
            keys += used;
        }
    }
    return keys;
}

static void
model_register(struct model *model, struct model_waiter *waiter)
{
    uint32_t keys;

    *waiter = (struct model_waiter){
        .lock = (uint32_t)model_draw(model, MODEL_LOCKS),
        .fraction = (uint32_t)model_draw(model, MODEL_FRACTIONS),
        .unpaid_from_ns = model->now_ns,
        .in_use = true,
    };
    keys = model_keys_in_use(model);
    waiter->ticket = wp_blame_register(model->locks[waiter->lock], model->now_ns,
                                       model_fractions[waiter->fraction]);
    if (waiter->ticket.record == 0) {
        assert_true(keys > BLAME_FIXTURE_WAYS); /* it would have been one too many */
        waiter->in_use = false;
        model->refused++;
    }
}

static void
model_leave(struct model *model, struct model_waiter *waiter)
{
    bool acquired = model_draw(model, 3) != 0 || model->patient;

    wp_blame_leave(&waiter->ticket, acquired, model->now_ns);
    if (acquired)
        waiter->in_use = false;
    else
        waiter->gave_up_ns = model->now_ns;
}

static void
model_charge(struct model *model, uint32_t lock)
{
    uint64_t delay_ns = 0, contentions = 0;
    struct wp_sample charge;
    bool charged;

    for (uint32_t i = 0; i < MODEL_WAITERS; i++) {
        struct model_waiter *waiter = &model->waiters[i];
        uint64_t fraction = model_fractions[waiter->fraction];

        if (!waiter->in_use || waiter->lock != lock)
            continue;
        delay_ns += fraction * ((waiter->gave_up_ns != 0 ? waiter->gave_up_ns : model->now_ns) -
                                waiter->unpaid_from_ns);
        contentions += waiter->counted ? 0 : fraction;
        waiter->counted = true;
        waiter->unpaid_from_ns = model->now_ns;
        waiter->in_use = waiter->gave_up_ns == 0;
    }
    charged = wp_blame_charge(model->locks[lock], model->now_ns, &charge);
    assert_int_equal(charged, delay_ns > 0);
    assert_int_equal(charge.delay_ns, delay_ns);
    assert_int_equal(charge.contentions_fixed, contentions * WP_REGION_COUNT_ONE);
    model->charges += charged;
}

static void
model_step(struct model *model, uint64_t most_ns)
{
    struct model_waiter *waiter = &model->waiters[model_draw(model, MODEL_WAITERS)];

    model->now_ns += 1 + model_draw(model, model_draw(model, 8) == 0 ? most_ns : 1000);
    if (model_draw(model, 4) == 0)
        model_charge(model, (uint32_t)model_draw(model, MODEL_LOCKS));
    else if (!waiter->in_use)
        model_register(model, waiter);
    else if (waiter->gave_up_ns == 0)
        model_leave(model, waiter);
    assert_int_equal(blame_fixture_in_use(), model_keys_in_use(model));
}

/* All leave; what is owed is charged; then nothing is left. */
static void
model_finish(struct model *model)
{
    struct wp_sample charge;

    for (uint32_t i = 0; i < MODEL_WAITERS; i++) {
        model->now_ns++;
        if (model->waiters[i].in_use && model->waiters[i].gave_up_ns == 0)
            model_leave(model, &model->waiters[i]);
    }
    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++) {
        model->now_ns++;
        model_charge(model, lock);
        assert_false(wp_blame_charge(model->locks[lock], model->now_ns + 1, &charge));
    }
    assert_int_equal(blame_fixture_in_use(), 0);
}

/* Locks 0.. of one set, or each in a set of its own. */
static void
check_against_model(uint64_t seed, uint64_t start_ns, uint64_t most_ns, bool one_set)
{
    struct model model = {.now_ns = start_ns, .random = seed, .patient = one_set};

    for (uint32_t lock = 0; lock < MODEL_LOCKS; lock++)
        model.locks[lock] =
            one_set ? blame_fixture_lock(lock) : (const void *)(uintptr_t)(0x10000 + lock * 40);
    for (int step = 0; step < 20000; step++)
        model_step(&model, most_ns);
    model_finish(&model);
    assert_true(model.charges > 100);
    assert_int_equal(model.refused != 0, one_set);
    assert_int_equal(region_fixture_counter(WP_COUNTER_lost_waiters), model.refused);
}

static void
random_schedules_charge_every_nanosecond_once(void **state)
{
    (void)state;
    check_against_model(1, 1000, 1000000, false);
}

static void
locks_that_share_a_set_do_not_mix_and_a_full_set_refuses(void **state)
{
    (void)state;
    check_against_model(2, 1000, 1000000, true);
}

static void
times_may_wrap_the_bits_that_hold_them(void **state)
{
    (void)state;
    check_against_model(3, TIME_WRAP_NS - 3000000, 1000000, false);
    check_against_model(4, 3 * TIME_WRAP_NS - 500000, 1000, false);
}

static void
waits_of_minutes_are_charged_exactly(void **state)
{
    (void)state;
    check_against_model(5, UINT64_C(50) * BLAME_FIXTURE_DAY_NS, UINT64_C(60000000000), false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BLAME_FIXTURE_TEST(random_schedules_charge_every_nanosecond_once),
        BLAME_FIXTURE_TEST(locks_that_share_a_set_do_not_mix_and_a_full_set_refuses),
        BLAME_FIXTURE_TEST(times_may_wrap_the_bits_that_hold_them),
        BLAME_FIXTURE_TEST(waits_of_minutes_are_charged_exactly),
    };

    return blame_fixture_run(tests, sizeof(tests) / sizeof(tests[0]));
}
