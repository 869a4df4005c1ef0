/*
 * Conditions, of both versions, and those of C11: functions/sync.def. cond_results.c,
 * cond_versions.c and cond_reacquire.c look deeper.
 */
#include "row.h"

#include <signal.h>
#include <stdatomic.h>

#include "../expect.h"
#include "deadline.h"

/* --- the functions of one version ------------------------------------------------------------- */

/* One of them is under test; the others must be of the same version. */
struct cond_version {
    row_type_cond_init init;
    row_type_cond_destroy destroy;
    row_type_cond_signal signal;
    row_type_cond_broadcast broadcast;
    row_type_cond_wait wait;
    row_type_cond_timedwait timedwait;
};

static void
cond_find(void *function, const char *name, const char *version)
{
    void *found =
        version[0] != '\0' ? dlvsym(RTLD_DEFAULT, name, version) : dlsym(RTLD_DEFAULT, name);

    EXPECT(found != NULL);
    memcpy(function, &found, sizeof(found));
}

static struct cond_version
cond_version(const char *version)
{
    struct cond_version all;

    cond_find(&all.init, "pthread_cond_init", version);
    cond_find(&all.destroy, "pthread_cond_destroy", version);
    cond_find(&all.signal, "pthread_cond_signal", version);
    cond_find(&all.broadcast, "pthread_cond_broadcast", version);
    cond_find(&all.wait, "pthread_cond_wait", version);
    cond_find(&all.timedwait, "pthread_cond_timedwait", version);
    return all;
}

/* --- a waiter --------------------------------------------------------------------------------- */

enum cond_form { COND_WAIT, COND_TIMEDWAIT, COND_CLOCKWAIT, CND_WAIT, CND_TIMEDWAIT };

/* A condition with its mutex, and the call under test. pthread's and C11's are the same objects in
 * libc, but not here: each form uses its own. */
struct cond {
    enum cond_form form;
    const struct cond_version *version;
    row_type_pthread_cond_clockwait clockwait;
    row_type_cnd_wait cnd_wait;
    row_type_cnd_timedwait cnd_timedwait;
    pthread_cond_t object;
    pthread_mutex_t mutex;
    cnd_t cnd;
    mtx_t mtx;
    clockid_t clock; /* of `deadline` */
    struct timespec deadline;
    int tickets; /* waiters take one each */
    bool held_in_cleanup;
};

static bool
cond_is_c11(const struct cond *cond)
{
    return cond->form == CND_WAIT || cond->form == CND_TIMEDWAIT;
}

static void
cond_lock(struct cond *cond)
{
    EXPECT_EQ(cond_is_c11(cond) ? mtx_lock(&cond->mtx) : pthread_mutex_lock(&cond->mutex), 0);
}

static void
cond_unlock(struct cond *cond)
{
    EXPECT_EQ(cond_is_c11(cond) ? mtx_unlock(&cond->mtx) : pthread_mutex_unlock(&cond->mutex), 0);
}

static int
cond_call(struct cond *cond)
{
    switch (cond->form) {
    case COND_WAIT:
        return cond->version->wait(&cond->object, &cond->mutex);
    case COND_TIMEDWAIT:
        return cond->version->timedwait(&cond->object, &cond->mutex, &cond->deadline);
    case COND_CLOCKWAIT:
        return cond->clockwait(&cond->object, &cond->mutex, cond->clock, &cond->deadline);
    case CND_WAIT:
        return cond->cnd_wait(&cond->cnd, &cond->mtx);
    default:
        return cond->cnd_timedwait(&cond->cnd, &cond->mtx, &cond->deadline);
    }
}

static bool
cond_mutex_is_held(struct cond *cond)
{
    return (cond_is_c11(cond) ? mtx_trylock(&cond->mtx) != thrd_success
                              : pthread_mutex_trylock(&cond->mutex) != 0);
}

static void
cond_clean_up(void *argument)
{
    struct cond *cond = argument;

    cond->held_in_cleanup = cond_mutex_is_held(cond);
    cond_unlock(cond);
}

/* Waits until there is a ticket. The mutex is held after each return. */
static int
cond_take_ticket(struct cond *cond)
{
    while (cond->tickets == 0) {
        int result = cond_call(cond);

        EXPECT(cond_mutex_is_held(cond));
        if (result != 0)
            return result;
    }
    cond->tickets--;
    return 0;
}

/* errno is the call's own afterwards. */
static long
cond_wait_for_ticket(void *argument)
{
    struct cond *cond = argument;
    int result;

    cond_lock(cond);
    pthread_cleanup_push(cond_clean_up, cond);
    result = cond_take_ticket(cond);
    pthread_cleanup_pop(0);
    cond_unlock(cond);
    return result;
}

static void
cond_release(void *argument)
{
    struct cond *cond = argument;

    cond_lock(cond);
    cond->tickets++;
    if (cond_is_c11(cond))
        EXPECT_EQ(cnd_signal(&cond->cnd), thrd_success);
    else
        EXPECT_EQ(cond->version->signal(&cond->object), 0);
    cond_unlock(cond);
}

static void
cond_make(struct cond *cond, enum cond_form form, const struct cond_version *version)
{
    *cond = (struct cond){
        .form = form,
        .version = version,
        .mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
        .clock = CLOCK_REALTIME,
    };
    EXPECT_EQ(cnd_init(&cond->cnd), thrd_success);
    EXPECT_EQ(mtx_init(&cond->mtx, mtx_timed), thrd_success);
    if (version != NULL)
        EXPECT_EQ(version->init(&cond->object, NULL), 0);
}

/* --- scenarios for the forms that wait -------------------------------------------------------- */

/* Signals do not end the wait, cancellation does; the mutex is held again after each. */
static void
cond_waits(struct cond *cond)
{
    const struct row_call call = {cond_wait_for_ticket, cond, cond_release};
    struct row_outcome outcome;

    cond->deadline = expect_deadline(cond->clock, DEADLINE_FAR_MS);
    outcome = row_release(&call);
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
    for (int restart = 0; restart < 2; restart++) {
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, 0);
        EXPECT_EQ(outcome.error, EXPECT_ERRNO_MARK);
        EXPECT_EQ(outcome.handled, 1);
    }

    EXPECT(row_cancel(&call).cancelled);
    EXPECT(cond->held_in_cleanup);
    cond->held_in_cleanup = false;
    EXPECT(row_cancel_before(&call).cancelled);
    EXPECT(cond->held_in_cleanup);
    EXPECT(!cond_mutex_is_held(cond));
    cond_unlock(cond);
}

/* The call with this deadline, the mutex held before and after it. */
static int
cond_wait_until(struct cond *cond, struct timespec deadline)
{
    int result;

    cond->deadline = deadline;
    cond_lock(cond);
    errno = EXPECT_ERRNO_MARK;
    result = cond_call(cond);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
    EXPECT(cond_mutex_is_held(cond));
    cond_unlock(cond);
    return result;
}

static void
cond_heeds_its_deadline(struct cond *cond)
{
    const int timed_out = cond_is_c11(cond) ? thrd_timedout : ETIMEDOUT;
    const int invalid = cond_is_c11(cond) ? thrd_error : EINVAL;
    struct timespec soon = expect_deadline(cond->clock, 30);

    EXPECT_EQ(cond_wait_until(cond, soon), timed_out);
    deadline_expect_reached(cond->clock, &soon);
    row_waited();
    for (size_t i = 0; i < DEADLINE_PAST; i++)
        EXPECT_EQ(cond_wait_until(cond, deadline_past[i]), timed_out);
    for (size_t i = 0; i < DEADLINE_INVALID; i++)
        EXPECT_EQ(cond_wait_until(cond, deadline_invalid[i]), invalid);
}

/* Without the mutex; where the deadline is wrong too, that is what is told. */
static void
cond_tells_that_the_mutex_is_not_held(struct cond *cond)
{
    cond->deadline = expect_deadline(cond->clock, DEADLINE_FAR_MS);
    EXPECT_RETURNS(cond_call(cond), EPERM);
    if (cond->form == COND_WAIT)
        return;
    cond->deadline = deadline_invalid[1];
    EXPECT_RETURNS(cond_call(cond), EINVAL);
}

/* --- scenarios for those that wake ------------------------------------------------------------ */

struct cond_crowd {
    struct cond *cond;
    atomic_int entered;
    atomic_int left;
};

#define COND_CROWD 4

static void *
cond_wait_in_crowd(void *argument)
{
    struct cond_crowd *crowd = argument;

    cond_lock(crowd->cond);
    atomic_fetch_add(&crowd->entered, 1);
    EXPECT_EQ(cond_take_ticket(crowd->cond), 0);
    cond_unlock(crowd->cond);
    atomic_fetch_add(&crowd->left, 1);
    return NULL;
}

/* How many of a crowd leave when `wake` is called once with as many tickets. */
static void
cond_wakes(struct cond *cond, int (*wake)(const struct cond *cond), int tickets)
{
    struct cond_crowd crowd = {.cond = cond};
    pthread_t threads[COND_CROWD];

    EXPECT_RETURNS(wake(cond), 0); /* nobody is there */
    for (int i = 0; i < COND_CROWD; i++)
        threads[i] = expect_thread(cond_wait_in_crowd, &crowd);
    while (atomic_load(&crowd.entered) != COND_CROWD)
        expect_pause_ms(1);

    /* Whoever entered has let go of the mutex when we have it: it waits. */
    cond_lock(cond);
    cond->tickets = tickets;
    EXPECT_RETURNS(wake(cond), 0);
    cond_unlock(cond);
    while (atomic_load(&crowd.left) < tickets)
        expect_pause_ms(1);
    expect_pause_ms(10);
    EXPECT_EQ(atomic_load(&crowd.left), tickets);

    while (tickets++ < COND_CROWD)
        cond_release(cond);
    for (int i = 0; i < COND_CROWD; i++)
        expect_join(threads[i]);
}

static int
cond_signal(const struct cond *cond)
{
    return cond->version->signal((pthread_cond_t *)&cond->object);
}

static int
cond_broadcast(const struct cond *cond)
{
    return cond->version->broadcast((pthread_cond_t *)&cond->object);
}

static row_type_cnd_signal cond_cnd_wake;

static int
cond_wake_cnd(const struct cond *cond)
{
    return cond_cnd_wake((cnd_t *)&cond->cnd);
}

/* --- pthread_cond_* of one version ------------------------------------------------------------ */

static void
cond_check_wait(struct cond_version version, row_type_cond_wait function)
{
    struct cond cond;

    cond_make(&cond, COND_WAIT, &version);
    version.wait = function;
    cond_waits(&cond);
    cond_tells_that_the_mutex_is_not_held(&cond);
    EXPECT_EQ(version.destroy(&cond.object), 0);
}

static void
cond_check_timedwait(struct cond_version version, row_type_cond_timedwait function)
{
    struct cond cond;

    cond_make(&cond, COND_TIMEDWAIT, &version);
    version.timedwait = function;
    cond_waits(&cond);
    cond_heeds_its_deadline(&cond);
    cond_tells_that_the_mutex_is_not_held(&cond);
    EXPECT_EQ(version.destroy(&cond.object), 0);
}

static void
cond_check_signal(struct cond_version version, row_type_cond_signal function)
{
    struct cond cond;

    cond_make(&cond, COND_WAIT, &version);
    version.signal = function;
    cond_wakes(&cond, cond_signal, 1);
    EXPECT_EQ(version.destroy(&cond.object), 0);
}

static void
cond_check_broadcast(struct cond_version version, row_type_cond_broadcast function)
{
    struct cond cond;

    cond_make(&cond, COND_WAIT, &version);
    version.broadcast = function;
    cond_wakes(&cond, cond_broadcast, COND_CROWD);
    EXPECT_EQ(version.destroy(&cond.object), 0);
}

/* As initialized: it can be waited for. The clock of the attributes is the clock that it waits by;
 * the old version knows no attributes, and refuses them. */
static void
cond_check_init(struct cond_version version, row_type_cond_init function, bool old)
{
    struct cond cond;
    pthread_condattr_t attributes;

    cond_make(&cond, COND_TIMEDWAIT, &version);
    memset(&cond.object, 0x5a, sizeof(cond.object));
    EXPECT_RETURNS(function(&cond.object, NULL), 0);
    EXPECT_EQ(cond_wait_until(&cond, expect_deadline(CLOCK_REALTIME, 5)), ETIMEDOUT);
    EXPECT_EQ(version.destroy(&cond.object), 0);

    EXPECT_EQ(pthread_condattr_init(&attributes), 0);
    EXPECT_RETURNS(function(&cond.object, &attributes), 0);
    EXPECT_EQ(version.destroy(&cond.object), 0);
    EXPECT_EQ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), 0);
    EXPECT_RETURNS(function(&cond.object, &attributes), old ? EINVAL : 0);
    if (!old) {
        int64_t start_ns = expect_now_ns(CLOCK_MONOTONIC);

        EXPECT_EQ(cond_wait_until(&cond, expect_deadline(CLOCK_MONOTONIC, 30)), ETIMEDOUT);
        EXPECT(expect_now_ns(CLOCK_MONOTONIC) - start_ns >= 30000000);
        EXPECT_EQ(version.destroy(&cond.object), 0);
    }
    EXPECT_EQ(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    EXPECT_RETURNS(function(&cond.object, &attributes), old ? EINVAL : 0);
    EXPECT_EQ(pthread_condattr_destroy(&attributes), 0);
}

/* Of a condition that nobody waits for, and of one whose waiters were woken just before. */
static void
cond_check_destroy(struct cond_version version, row_type_cond_destroy function)
{
    struct cond cond;

    cond_make(&cond, COND_WAIT, &version);
    version.destroy = function;
    EXPECT_RETURNS(function(&cond.object), 0);
    EXPECT_EQ(version.init(&cond.object, NULL), 0);
    cond_wakes(&cond, cond_broadcast, COND_CROWD);
    EXPECT_RETURNS(function(&cond.object), 0);
}

ROW_CASE(cond_init)
{
    cond_check_init(cond_version(WP_COND_VERSION), function, false);
}

ROW_CASE(cond_destroy)
{
    cond_check_destroy(cond_version(WP_COND_VERSION), function);
}

ROW_CASE(cond_signal)
{
    cond_check_signal(cond_version(WP_COND_VERSION), function);
}

ROW_CASE(cond_broadcast)
{
    cond_check_broadcast(cond_version(WP_COND_VERSION), function);
}

ROW_CASE(cond_wait)
{
    cond_check_wait(cond_version(WP_COND_VERSION), function);
}

ROW_CASE(cond_timedwait)
{
    cond_check_timedwait(cond_version(WP_COND_VERSION), function);
}

ROW_CASE(pthread_cond_clockwait)
{
    struct cond_version version = cond_version(WP_COND_VERSION);
    struct cond cond;

    cond_make(&cond, COND_CLOCKWAIT, &version);
    cond.clockwait = function;
    for (size_t i = 0; i < DEADLINE_CLOCKS; i++) {
        cond.clock = deadline_clocks[i];
        cond_waits(&cond);
        cond_heeds_its_deadline(&cond);
        cond_tells_that_the_mutex_is_not_held(&cond);
    }
    for (size_t i = 0; i < DEADLINE_REFUSED_CLOCKS; i++) {
        cond.clock = deadline_refused_clocks[i];
        EXPECT_EQ(cond_wait_until(&cond, expect_deadline(CLOCK_REALTIME, DEADLINE_FAR_MS)), EINVAL);
    }
}

#if defined(WP_COND_OLD_VERSION)

ROW_CASE(cond_init_old)
{
    cond_check_init(cond_version(WP_COND_OLD_VERSION), function, true);
}

ROW_CASE(cond_destroy_old)
{
    cond_check_destroy(cond_version(WP_COND_OLD_VERSION), function);
}

ROW_CASE(cond_signal_old)
{
    cond_check_signal(cond_version(WP_COND_OLD_VERSION), function);
}

ROW_CASE(cond_broadcast_old)
{
    cond_check_broadcast(cond_version(WP_COND_OLD_VERSION), function);
}

ROW_CASE(cond_wait_old)
{
    cond_check_wait(cond_version(WP_COND_OLD_VERSION), function);
}

ROW_CASE(cond_timedwait_old)
{
    cond_check_timedwait(cond_version(WP_COND_OLD_VERSION), function);
}

#endif

/* --- C11 -------------------------------------------------------------------------------------- */

ROW_CASE(cnd_signal)
{
    struct cond cond;

    cond_make(&cond, CND_WAIT, NULL);
    cond.cnd_wait = cnd_wait;
    cond_cnd_wake = function;
    cond_wakes(&cond, cond_wake_cnd, 1);
}

ROW_CASE(cnd_broadcast)
{
    struct cond cond;

    cond_make(&cond, CND_WAIT, NULL);
    cond.cnd_wait = cnd_wait;
    cond_cnd_wake = function;
    cond_wakes(&cond, cond_wake_cnd, COND_CROWD);
}

ROW_CASE(cnd_wait)
{
    struct cond cond;

    cond_make(&cond, CND_WAIT, NULL);
    cond.cnd_wait = function;
    cond_waits(&cond);
}

ROW_CASE(cnd_timedwait)
{
    struct cond cond;

    cond_make(&cond, CND_TIMEDWAIT, NULL);
    cond.cnd_timedwait = function;
    cond_waits(&cond);
    cond_heeds_its_deadline(&cond);
}
