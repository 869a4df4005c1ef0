#include "mutex_layout.h"

#include <stddef.h>

#include "core/region.h"
#include "real.h"

/* After this time without another contention a mutex is trusted again. */
#define WP_MUTEX_HEAT_NS UINT64_C(1000000000)

#define WP_MUTEX_KIND_MASK 3
#define WP_MUTEX_KIND_ROBUST 16

uint8_t wp_mutex_heat[WP_MUTEX_HEAT_SETS];

static uint64_t wp_mutex_cooled_ns; /* when the heat was last forgotten */
static bool wp_mutex_layout_known;
static bool wp_mutex_all_hot; /* no mutex is trusted to be free */

static void
wp_mutex_heat_all(uint8_t heat)
{
    volatile uint8_t *sets = wp_mutex_heat;

    for (size_t i = 0; i < WP_MUTEX_HEAT_SETS; i++)
        sets[i] = heat;
    wp_mutex_all_hot = heat != 0;
}

/* Every wait is asked for, not a sample. */
static bool
wp_mutex_wants_all(void)
{
    return wp_atomic_load_64(&wp_region()->block_rate_ns) == 1 ||
           wp_atomic_load_64(&wp_region()->mutex_fraction) == 1;
}

static void
wp_mutex_note_busy(const pthread_mutex_t *mutex, uint64_t now_ns)
{
    uint64_t cooled_ns = wp_atomic_load_64(&wp_mutex_cooled_ns);
    volatile uint8_t *sets = wp_mutex_heat;

    if (!wp_mutex_layout_known)
        return;
    if (wp_mutex_wants_all()) {
        if (!wp_mutex_all_hot)
            wp_mutex_heat_all(1);
        return;
    }
    if (now_ns - cooled_ns > WP_MUTEX_HEAT_NS &&
        wp_atomic_cas_64(&wp_mutex_cooled_ns, cooled_ns, now_ns))
        wp_mutex_heat_all(0);
    sets[wp_mutex_heat_set(mutex)] = 1;
}

bool
wp_mutex_is_free(const void *mutex)
{
    return wp_mutex_layout_known && *(const volatile int *)mutex == 0;
}

void
wp_mutex_wait_begin(struct wp_lock_wait *wait, pthread_mutex_t *mutex, uint16_t function,
                    const struct wp_unwind_registers *caller)
{
    wp_lock_wait_begin(wait, mutex, function, caller);
    /* Of a wait that was passed over no time is known: it heats, and nothing is forgotten. */
    wp_mutex_note_busy(mutex, wait->is_looked_at ? wait->start_ns
                                                 : wp_atomic_load_64(&wp_mutex_cooled_ns));
}

void
wp_mutex_heat_init(void)
{
    if (wp_mutex_wants_all())
        wp_mutex_heat_all(1);
}

#if defined(__GLIBC__)

bool
wp_mutex_unlock_is_inner(const pthread_mutex_t *mutex)
{
    return wp_mutex_layout_known &&
           (mutex->__data.__kind & WP_MUTEX_KIND_MASK) == PTHREAD_MUTEX_RECURSIVE_NP &&
           mutex->__data.__count > 1;
}

bool
wp_mutex_try_harms(const pthread_mutex_t *mutex)
{
    return wp_mutex_layout_known && (mutex->__data.__kind & WP_MUTEX_KIND_ROBUST) != 0 &&
           *(const volatile int *)mutex == 0;
}

/* Locks and unlocks a mutex and watches its first word. */
static bool
wp_mutex_shows_free(pthread_mutex_t *mutex)
{
    bool right = wp_mutex_seems_free(mutex);

    (void)wp_real.pthread_mutex_lock(mutex);
    right = right && !wp_mutex_seems_free(mutex) && !wp_mutex_unlock_is_inner(mutex);
    (void)wp_real.pthread_mutex_unlock(mutex);
    return right && wp_mutex_seems_free(mutex);
}

static bool
wp_mutex_shows_depth(pthread_mutex_t *recursive)
{
    bool right;

    (void)wp_real.pthread_mutex_lock(recursive);
    (void)wp_real.pthread_mutex_lock(recursive);
    right = wp_mutex_unlock_is_inner(recursive);
    (void)wp_real.pthread_mutex_unlock(recursive);
    right = right && !wp_mutex_unlock_is_inner(recursive);
    (void)wp_real.pthread_mutex_unlock(recursive);
    return right;
}

void
wp_mutex_layout_init(void)
{
    pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

    wp_mutex_layout_known = true;
    if (!wp_mutex_shows_free(&normal) || !wp_mutex_shows_free(&recursive) ||
        !wp_mutex_shows_free(&checked) || !wp_mutex_shows_free(&adaptive) ||
        !wp_mutex_shows_depth(&recursive)) {
        wp_mutex_layout_known = false;
        wp_mutex_heat_all(1);
    }
}

#else

bool
wp_mutex_unlock_is_inner(const pthread_mutex_t *mutex)
{
    (void)mutex;
    return false;
}

bool
wp_mutex_try_harms(const pthread_mutex_t *mutex)
{
    (void)mutex;
    return false;
}

void
wp_mutex_layout_init(void)
{
    wp_mutex_heat_all(1);
}

#endif
