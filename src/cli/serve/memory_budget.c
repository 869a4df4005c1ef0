#include "cli/serve/memory_budget.h"

static size_t taken_bytes;

void
wp_memory_budget_take(size_t bytes)
{
    __atomic_add_fetch(&taken_bytes, bytes, __ATOMIC_RELAXED);
}

void
wp_memory_budget_give(size_t bytes)
{
    __atomic_sub_fetch(&taken_bytes, bytes, __ATOMIC_RELAXED);
}

bool
wp_memory_budget_has_room(void)
{
    return __atomic_load_n(&taken_bytes, __ATOMIC_RELAXED) < WP_MEMORY_BUDGET_BYTES;
}
