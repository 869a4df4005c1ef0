#include "profile/keyset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ARENA_BLOCK_BYTES (256u * 1024u)
#define ARENA_ALIGNMENT 16u

struct wp_arena_block {
    struct wp_arena_block *next;
    size_t size_bytes;
    char bytes[] __attribute__((aligned(ARENA_ALIGNMENT)));
};

void *
wp_arena_take(struct wp_arena *arena, size_t bytes)
{
    size_t rounded = (bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    void *memory;

    if (rounded < bytes)
        return NULL;
    if (arena->blocks == NULL || arena->blocks->size_bytes - arena->used_bytes < rounded) {
        size_t size = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
        struct wp_arena_block *block = calloc(1, sizeof *block + size);

        if (block == NULL)
            return NULL;
        block->size_bytes = size;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used_bytes = 0;
    }
    memory = arena->blocks->bytes + arena->used_bytes;
    arena->used_bytes += rounded;
    return memory;
}

char *
wp_arena_string(struct wp_arena *arena, const char *text, size_t length)
{
    char *copy = wp_arena_take(arena, length + 1);

    if (copy != NULL)
        memcpy(copy, text, length);
    return copy;
}

void
wp_arena_free(struct wp_arena *arena)
{
    struct wp_arena_block *block = arena->blocks;

    while (block != NULL) {
        struct wp_arena_block *next = block->next;

        free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

static uint64_t
keyset_hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 32);
}

/* Multiply and fold, eight bytes at a time. */
static uint64_t
keyset_hash(const void *bytes, size_t length, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ (length * UINT64_C(0x9e3779b97f4a7c15));

    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, at, sizeof word);
        hash = keyset_hash_word(hash, word);
    }
    if (length > 0) {
        uint64_t word = 0;

        memcpy(&word, at, length);
        hash = keyset_hash_word(hash, word);
    }
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 29);
}

static unsigned long
keyset_hs_hash(const void *object, unsigned long seed)
{
    const struct wp_key *key = object;

    (void)seed;
    return (unsigned long)key->hash;
}

static bool
keyset_hs_equal(const void *left_object, const void *right_object)
{
    const struct wp_key *left = left_object;
    const struct wp_key *right = right_object;

    return left->hash == right->hash && left->length_bytes == right->length_bytes &&
           memcmp(left->bytes, right->bytes, left->length_bytes) == 0;
}

static void *
keyset_malloc(size_t bytes)
{
    return malloc(bytes);
}

static void
keyset_release(void *memory, size_t bytes, bool deferred)
{
    (void)bytes;
    (void)deferred;
    free(memory);
}

static struct ck_malloc keyset_allocator = {.malloc = keyset_malloc, .free = keyset_release};

static uint64_t
keyset_random(const void *instead)
{
    uint64_t random;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uintptr_t)instead;
    return random;
}

int
wp_keyset_init(struct wp_keyset *set)
{
    memset(set, 0, sizeof *set);
    set->seed = keyset_random(set);
    if (!ck_hs_init(&set->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, keyset_hs_hash, keyset_hs_equal,
                    &keyset_allocator, 64, 0))
        return -ENOMEM;
    return 0;
}

void
wp_keyset_free(struct wp_keyset *set)
{
    if (set->hs.map != NULL)
        ck_hs_destroy(&set->hs);
    wp_arena_free(&set->arena);
    memset(set, 0, sizeof *set);
}

/* ck_hs_get leaves the set as it is; it merely was not declared const. */
static struct wp_key *
keyset_find(const struct wp_keyset *set, const struct wp_key *wanted)
{
    return ck_hs_get((ck_hs_t *)(uintptr_t)&set->hs, (unsigned long)wanted->hash, wanted);
}

static struct wp_key
keyset_wanted(const struct wp_keyset *set, const void *bytes, size_t length)
{
    return (struct wp_key){
        .hash = keyset_hash(bytes, length, set->seed),
        .length_bytes = (uint32_t)length,
        .bytes = bytes,
    };
}

struct wp_key *
wp_keyset_get(const struct wp_keyset *set, const void *bytes, size_t length)
{
    struct wp_key wanted = keyset_wanted(set, bytes, length);

    return length < UINT32_MAX ? keyset_find(set, &wanted) : NULL;
}

struct wp_key *
wp_keyset_put(struct wp_keyset *set, const void *bytes, size_t length, bool *added)
{
    struct wp_key wanted = keyset_wanted(set, bytes, length);
    struct wp_key *key = length < UINT32_MAX ? keyset_find(set, &wanted) : NULL;
    char *copy;

    if (added != NULL)
        *added = key == NULL;
    if (key != NULL || length >= UINT32_MAX)
        return key;
    key = wp_arena_take(&set->arena, sizeof *key + length + 1);
    if (key == NULL)
        return NULL;
    copy = (char *)(key + 1);
    memcpy(copy, bytes, length);
    *key = wanted;
    key->value = set->count;
    key->bytes = copy;
    if (!ck_hs_put_unique(&set->hs, (unsigned long)key->hash, key))
        return NULL;
    set->count++;
    return key;
}

struct wp_wordmap_row {
    uint64_t word;
    uint32_t number;
    bool taken;
};

/* The row of a word, or the free one where it belongs: half of the rows are free. */
static struct wp_wordmap_row *
wordmap_row(const struct wp_wordmap *map, uint64_t word)
{
    size_t at = (size_t)(word * map->multiplier >> 32) & (map->capacity - 1);

    while (map->rows[at].taken && map->rows[at].word != word)
        at = (at + 1) & (map->capacity - 1);
    return &map->rows[at];
}

static int
wordmap_grow(struct wp_wordmap *map)
{
    struct wp_wordmap grown = {
        .capacity = map->capacity == 0 ? 64 : map->capacity * 2,
        .count = map->count,
        .multiplier = map->capacity == 0 ? keyset_random(map) | 1 : map->multiplier,
    };

    grown.rows = calloc(grown.capacity, sizeof *grown.rows);
    if (grown.rows == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->rows[i].taken)
            *wordmap_row(&grown, map->rows[i].word) = map->rows[i];
    }
    free(map->rows);
    *map = grown;
    return 0;
}

uint32_t *
wp_wordmap_put(struct wp_wordmap *map, uint64_t word, bool *added)
{
    struct wp_wordmap_row *row;

    if (map->count >= map->capacity / 2 && wordmap_grow(map) != 0)
        return NULL;
    row = wordmap_row(map, word);
    *added = !row->taken;
    if (*added) {
        *row = (struct wp_wordmap_row){.word = word, .taken = true};
        map->count++;
    }
    return &row->number;
}

const uint32_t *
wp_wordmap_get(const struct wp_wordmap *map, uint64_t word)
{
    const struct wp_wordmap_row *row;

    if (map->capacity == 0)
        return NULL;
    row = wordmap_row(map, word);
    return row->taken ? &row->number : NULL;
}

void
wp_wordmap_free(struct wp_wordmap *map)
{
    free(map->rows);
    memset(map, 0, sizeof *map);
}

int
wp_array_reserve(void *items, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *grown;

    if (count < *capacity)
        return 0;
    memcpy(&grown, items, sizeof grown);
    grown = reallocarray(grown, wanted, size);
    if (grown == NULL)
        return -ENOMEM;
    memcpy(items, &grown, sizeof grown);
    *capacity = wanted;
    return 0;
}
