/*
 * What a mutex shows of itself: whether it seems free, and whether it is locked more than once.
 *
 * POSIX has no way to ask either, and both matter. Trying every lock first costs 2 ns of 6 (glibc's
 * trylock saves five registers where its lock saves one); an unlock that leaves a recursive mutex
 * locked releases nobody and is no event. glibc's public headers lay the mutex out for static
 * initializers (<bits/struct_mutex.h>), so these fields are part of its ABI in all but name; still,
 * nothing is decided by them that could harm: both answers only choose how a wait is observed, and
 * the constructor proves on mutexes of its own that the fields mean what we take them for. Where
 * that proof fails every lock is tried first and every unlock counts.
 *
 * A mutex that seems free may be taken by another thread before the real lock gets there: that wait
 * goes unseen. So only a mutex that was not contended of late is trusted to be free; all others are
 * tried first, which misses nothing. At rate 1 or fraction 1, where every wait is asked for, none
 * is trusted.
 */
#ifndef WP_INTERPOSE_MUTEX_LAYOUT_H
#define WP_INTERPOSE_MUTEX_LAYOUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/address_set.h"
#include "core/atomic.h"
#include "core/visibility.h"
#include "core/wait.h"

#define WP_MUTEX_HEAT_SETS WP_ADDRESS_SETS

/* Non-zero: a mutex of this set was contended of late. Sets are chosen by address. */
extern WP_HIDDEN uint8_t wp_mutex_heat[WP_MUTEX_HEAT_SETS];

static inline uint32_t
wp_mutex_heat_set(const pthread_mutex_t *mutex)
{
    return wp_address_set(mutex);
}

/* True: locking this mutex will not wait, as far as can be seen without touching it. Two loads. */
static inline bool
wp_mutex_seems_free(const pthread_mutex_t *mutex)
{
    /* The first word is 0 in a free mutex of every kind; a kind that keeps other bits there never
     * seems free. */
    const volatile int *lock_word = (const volatile int *)mutex;
    const volatile uint8_t *heat = &wp_mutex_heat[wp_mutex_heat_set(mutex)];

    return __builtin_expect((*lock_word | *heat) == 0, 1);
}

/*
 * True: trying this mutex could harm. glibc 2.36 leaves a robust mutex locked for good if the try
 * finds it not recoverable; such a one shows a first word of 0. A real lock is then the only way.
 */
bool wp_mutex_try_harms(const pthread_mutex_t *mutex);

/* The mutex was found busy: notes it, and starts to time the wait for it (wp_lock_wait_begin). From
 * time to time forgets all notes. */
void wp_mutex_wait_begin(struct wp_lock_wait *wait, pthread_mutex_t *mutex, uint16_t function,
                         const struct wp_unwind_registers *caller);

/* True: unlocking `mutex`, which the caller holds, leaves it locked. */
bool wp_mutex_unlock_is_inner(const pthread_mutex_t *mutex);

/* Nobody holds the mutex at `mutex` (a pthread_mutex_t), as far as its first word shows; false
 * where that cannot be told. */
bool wp_mutex_is_free(const void *mutex);

/* Obeys the rates in force at the start: see above. Constructor only, after wp_start. */
void wp_mutex_heat_init(void);

/* Proves the layout. Constructor only, after wp_real_bind. */
void wp_mutex_layout_init(void);

#endif
