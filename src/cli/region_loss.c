#include "cli/region_loss.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "profile/symbol_name.h"

#define NAMES_SHOWN 8u

static const struct {
    enum wp_region_counter counter;
    bool counts_samples; /* or waiters: profiles lack them or their stacks */
    const char *remedy;
} losses[] = {
    {WP_COUNTER_lost_table_full, true,
     "start it with a larger WAITPROF_REGION_BYTES or a smaller WAITPROF_DEPTH"},
    {WP_COUNTER_lost_reentrant, true, "they count as [lost: reentrant], without their stacks"},
    {WP_COUNTER_lost_buffers, true,
     "too many threads sampled at once: keep fewer (`waitprof rate --block-rate`)"},
    {WP_COUNTER_lost_waiters, true,
     "too many locks contended at once: keep fewer (`waitprof rate --mutex-fraction`)"},
    {WP_COUNTER_module_table_full, false,
     "frames in further libraries have no names: the program loads too many"},
    {WP_COUNTER_growth_failed, false,
     "make room in the region's file system, then restart the program"},
};

static const struct {
    uint32_t flag;
    const char *reason;
    const char *remedy;
} limits[] = {
    {WP_REGION_FLAG_SECCOMP,
     "a seccomp filter was set after the start: the region cannot grow since",
     "if stacks are lost, start it with a smaller WAITPROF_DEPTH"},
    {WP_REGION_FLAG_FIXED, "the kernel cannot grow the region safely: its size was fixed at start",
     "if stacks are lost, use Linux 5.14 or newer"},
};

uint64_t
wp_region_loss_count(const uint64_t counters[WP_COUNTER_COUNT])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++)
        sum += losses[i].counts_samples ? counters[losses[i].counter] : 0;
    return sum;
}

void
wp_region_loss_check(const char *object, uint32_t flags, const uint64_t counters[WP_COUNTER_COUNT],
                     struct wp_findings *findings)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if ((flags & limits[i].flag) != 0)
            wp_findings_add(findings, WP_FINDING_WARN, object, limits[i].remedy, "%s",
                            limits[i].reason);
    }
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        enum wp_region_counter counter = losses[i].counter;

        if (counters[counter] != 0)
            wp_findings_add(findings, WP_FINDING_WARN, object, losses[i].remedy,
                            "%s: %" PRIu64 " %s", wp_reader_counters[counter].name,
                            counters[counter], wp_reader_counters[counter].text);
    }
}

/* Names of the functions with a flag, the first few of them. Returns how many there are. */
static size_t
name_functions(const struct wp_snapshot *snapshot, uint32_t flag, char *text, size_t size)
{
    size_t count = 0;

    text[0] = '\0';
    for (size_t i = 1; i < snapshot->function_count; i++) {
        const struct wp_reader_function *function = &snapshot->functions[i];
        size_t used = strlen(text);
        char name[64];

        if ((function->flags & flag) == 0 || function->part_of != 0)
            continue;
        wp_symbol_clean(function->name, name, sizeof name);
        if (count < NAMES_SHOWN)
            snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        else if (count == NAMES_SHOWN)
            snprintf(text + used, size - used, " and others");
        count++;
    }
    return count;
}

void
wp_region_loss_check_functions(const char *object, const struct wp_snapshot *snapshot,
                               struct wp_findings *findings)
{
    char names[NAMES_SHOWN * 66 + 16];

    if (name_functions(snapshot, WP_REGION_FUNCTION_HIDDEN, names, sizeof names) > 0)
        wp_findings_add(findings, WP_FINDING_WARN, object,
                        "waits in them are not seen (see `waitprof functions PID`)",
                        "it has functions of its own in place of ours: %s", names);
    if (name_functions(snapshot, WP_REGION_FUNCTION_UNBOUND, names, sizeof names) > 0)
        wp_findings_add(findings, WP_FINDING_OK, object, NULL,
                        "its C library is too old to have %s; nobody can call them", names);
}
