/*
 * A set of byte strings, each with a number: what turns paths, names, stacks and addresses into
 * dense indices. A smaller map for words, which are looked up most often. And the memory that lives
 * and dies with such a set.
 */
#ifndef WP_PROFILE_KEYSET_H
#define WP_PROFILE_KEYSET_H

#include <ck_hs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wp_arena_block;

/* Memory that is given back all at once. All zeros is an empty arena. */
struct wp_arena {
    struct wp_arena_block *blocks;
    size_t used_bytes; /* of the first block */
};

/* Zeroed, aligned to 16 bytes, valid until wp_arena_free; NULL when out of memory. */
void *wp_arena_take(struct wp_arena *arena, size_t bytes);
char *wp_arena_string(struct wp_arena *arena, const char *text, size_t length); /* adds a NUL */
void wp_arena_free(struct wp_arena *arena);

/* In a set, `bytes` end in an extra NUL, so that a key of text is a C string. */
struct wp_key {
    uint64_t hash;
    uint32_t length_bytes;
    uint32_t value; /* the user's own */
    const char *bytes;
};

struct wp_keyset {
    struct wp_arena arena;
    ck_hs_t hs;
    uint64_t seed;
    uint32_t count;
};

/* Returns 0 or -ENOMEM. The seed is random, so that a hostile file cannot choose collisions. */
int wp_keyset_init(struct wp_keyset *set);
void wp_keyset_free(struct wp_keyset *set);

/*
 * The key, added with value = how many keys were there before if it is new; *added (may be NULL)
 * says so. NULL when out of memory. Keys stay where they are until wp_keyset_free.
 */
struct wp_key *wp_keyset_put(struct wp_keyset *set, const void *bytes, size_t length, bool *added);

/* The key, or NULL if it is not there. */
struct wp_key *wp_keyset_get(const struct wp_keyset *set, const void *bytes, size_t length);

/* A number for each of many words. All zeros is an empty map. */
struct wp_wordmap {
    struct wp_wordmap_row *rows;
    size_t capacity; /* 0, or a power of two that is at least twice the count */
    size_t count;
    uint64_t multiplier; /* random, for the same reason as the seed above */
};

/* The number of a word, 0 and *added if it is new; NULL when out of memory. It may be changed, and
 * stays where it is until the next call. */
uint32_t *wp_wordmap_put(struct wp_wordmap *map, uint64_t word, bool *added);
/* The number of a word, NULL if it is not there. */
const uint32_t *wp_wordmap_get(const struct wp_wordmap *map, uint64_t word);

void wp_wordmap_free(struct wp_wordmap *map);

/*
 * Makes room for one more element in an array that grows by doubling: *items has room for
 * *capacity elements of `size` bytes, `count` are in use. Returns 0 or -ENOMEM.
 */
int wp_array_reserve(void *items, size_t *capacity, size_t count, size_t size);

#endif
