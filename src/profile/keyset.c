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

/* Multiply and fold, eight bytes at a time. */
static uint64_t
keyset_hash(const void *bytes, size_t length, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ (length * UINT64_C(0x9e3779b97f4a7c15));

    while (length > 0) {
        size_t step = length < 8 ? length : 8;
        uint64_t word = 0;

        memcpy(&word, at, step);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        at += step;
        length -= step;
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

int
wp_keyset_init(struct wp_keyset *set)
{
    memset(set, 0, sizeof *set);
    if (getrandom(&set->seed, sizeof set->seed, GRND_NONBLOCK) != (ssize_t)sizeof set->seed)
        set->seed = (uintptr_t)set;
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
