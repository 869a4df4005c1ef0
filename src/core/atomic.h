/*
 * Atomic operations of the in-program parts, on 16, 32, 64 and 128 bit words.
 *
 * Two backends with one meaning: Concurrency Kit (default), and the compiler's C11 builtins, chosen
 * by WP_ATOMIC_C11. ThreadSanitizer understands only the second (it cannot see through ck_pr's
 * assembly and would report correct code), so the `tsan` preset builds with it.
 *
 * Memory order is in the name: `_acquire` pairs with `_release` on the same word; the bare names
 * are relaxed; add and cas are sequentially consistent. All are lock-free, allocate
 * nothing and may be used in signal handlers and after fork.
 */
#ifndef WP_CORE_ATOMIC_H
#define WP_CORE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifndef WP_ATOMIC_C11
#include <ck_pr.h>
#endif

/* A 16-byte word that changes as one. */
struct wp_atomic_pair {
    uint64_t low;
    uint64_t high;
} __attribute__((aligned(16)));

#ifdef WP_ATOMIC_C11

#define WP_ATOMIC_LOAD(type, word) __atomic_load_n((word), __ATOMIC_RELAXED)
#define WP_ATOMIC_LOAD_ACQUIRE(type, word) __atomic_load_n((word), __ATOMIC_ACQUIRE)
#define WP_ATOMIC_STORE(type, word, value) __atomic_store_n((word), (value), __ATOMIC_RELAXED)
#define WP_ATOMIC_STORE_RELEASE(type, word, value)                                                 \
    __atomic_store_n((word), (value), __ATOMIC_RELEASE)
#define WP_ATOMIC_ADD(bits, word, value) __atomic_fetch_add((word), (value), __ATOMIC_SEQ_CST)
#define WP_ATOMIC_CAS(bits, word, expected, desired)                                               \
    __atomic_compare_exchange_n((word), &(expected), (desired), false, __ATOMIC_SEQ_CST,           \
                                __ATOMIC_SEQ_CST)

#else

#define WP_ATOMIC_LOAD(bits, word) ck_pr_load_##bits(word)
#define WP_ATOMIC_LOAD_ACQUIRE(bits, word)                                                         \
    __extension__({                                                                                \
        __typeof__(*(word)) wp_loaded = ck_pr_load_##bits(word);                                   \
        ck_pr_fence_acquire();                                                                     \
        wp_loaded;                                                                                 \
    })
#define WP_ATOMIC_STORE(bits, word, value) ck_pr_store_##bits((word), (value))
#define WP_ATOMIC_STORE_RELEASE(bits, word, value)                                                 \
    do {                                                                                           \
        ck_pr_fence_release();                                                                     \
        ck_pr_store_##bits((word), (value));                                                       \
    } while (0)
#define WP_ATOMIC_ADD(bits, word, value) ck_pr_faa_##bits((word), (value))
#define WP_ATOMIC_CAS(bits, word, expected, desired) ck_pr_cas_##bits((word), (expected), (desired))

#endif

/* load, load_acquire, store, store_release, add (returns the value before) and cas (true: swapped),
 * for one width. */
#define WP_ATOMIC_WIDTH(bits)                                                                      \
    static inline uint##bits##_t wp_atomic_load_##bits(const uint##bits##_t *word)                 \
    {                                                                                              \
        return WP_ATOMIC_LOAD(bits, word);                                                         \
    }                                                                                              \
    static inline uint##bits##_t wp_atomic_load_##bits##_acquire(const uint##bits##_t *word)       \
    {                                                                                              \
        return WP_ATOMIC_LOAD_ACQUIRE(bits, word);                                                 \
    }                                                                                              \
    static inline void wp_atomic_store_##bits(uint##bits##_t *word, uint##bits##_t value)          \
    {                                                                                              \
        WP_ATOMIC_STORE(bits, word, value);                                                        \
    }                                                                                              \
    static inline void wp_atomic_store_##bits##_release(uint##bits##_t *word,                      \
                                                        uint##bits##_t value)                      \
    {                                                                                              \
        WP_ATOMIC_STORE_RELEASE(bits, word, value);                                                \
    }                                                                                              \
    static inline uint##bits##_t wp_atomic_add_##bits(uint##bits##_t *word, uint##bits##_t value)  \
    {                                                                                              \
        return WP_ATOMIC_ADD(bits, word, value);                                                   \
    }                                                                                              \
    static inline bool wp_atomic_cas_##bits(uint##bits##_t *word, uint##bits##_t expected,         \
                                            uint##bits##_t desired)                                \
    {                                                                                              \
        return WP_ATOMIC_CAS(bits, word, expected, desired);                                       \
    }

WP_ATOMIC_WIDTH(16)

/* A relaxed load for fast paths. Concurrency Kit's reads into half of a register, which makes it
 * wait for the last writer of the other half. */
static inline uint32_t
wp_atomic_load_16_fast(const uint16_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

WP_ATOMIC_WIDTH(32)
WP_ATOMIC_WIDTH(64)

/*
 * Reads a pair in two halves: the result may be torn. That is sound for what it is meant for, the
 * expected value of wp_atomic_pair_cas, which fails on a torn one.
 */
static inline struct wp_atomic_pair
wp_atomic_pair_load(const struct wp_atomic_pair *pair)
{
    struct wp_atomic_pair value;

    value.low = wp_atomic_load_64_acquire(&pair->low);
    value.high = wp_atomic_load_64_acquire(&pair->high);
    return value;
}

/* Swaps both halves at once if both are as expected; true if it did. Sequentially consistent. */
static inline bool
wp_atomic_pair_cas(struct wp_atomic_pair *pair, struct wp_atomic_pair expected,
                   struct wp_atomic_pair desired)
{
#ifdef WP_ATOMIC_C11
    union wp_atomic_pair_word {
        struct wp_atomic_pair pair;
        __extension__ unsigned __int128 word;
    } from = {.pair = expected}, to = {.pair = desired};

    return __sync_bool_compare_and_swap(&((union wp_atomic_pair_word *)pair)->word, from.word,
                                        to.word);
#else
    return ck_pr_cas_64_2((uint64_t *)pair, (uint64_t *)&expected, (uint64_t *)&desired);
#endif
}

#endif
