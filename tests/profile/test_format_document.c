/*
 * docs/region-format.md and region_format.h say the same: every row of the document's tables of
 * offsets is what the compiler makes of the header file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/region_format.h"
#include "profile/cmocka_all.h"

static char *
read_document(void)
{
    char *text = calloc(1, 1 << 20);
    FILE *stream = fopen(FORMAT_DOCUMENT, "r");

    assert_non_null(text);
    assert_non_null(stream);
    assert_true(fread(text, 1, (1 << 20) - 1, stream) > 0);
    fclose(stream);
    return text;
}

/* The row of a field must give its offset and size. */
static void
check_row(const char *text, const char *name, size_t offset, size_t bytes)
{
    char row[128];

    snprintf(row, sizeof row, "\n| %zu | %zu | `%s` |", offset, bytes, name);
    if (strstr(text, row) == NULL)
        fail_msg("the document has no row \"%s\"", row + 1);
}

#define CHECK(type, field)                                                                         \
    check_row(text, #field, offsetof(struct type, field), sizeof((struct type *)0)->field)

static void
the_header_is_documented_as_it_is(void **state)
{
    char *text = read_document();

    (void)state;
    CHECK(wp_region_header, magic);
    CHECK(wp_region_header, version);
    CHECK(wp_region_header, header_bytes);
    CHECK(wp_region_header, size_bytes);
    CHECK(wp_region_header, region_id);
    CHECK(wp_region_header, run_id);
    CHECK(wp_region_header, start_realtime_ns);
    CHECK(wp_region_header, start_monotonic_ns);
    CHECK(wp_region_header, start_ticks);
    CHECK(wp_region_header, pid);
    CHECK(wp_region_header, uid);
    CHECK(wp_region_header, executable);
    CHECK(wp_region_header, directory);
    CHECK(wp_region_header, arguments);
    CHECK(wp_region_header, arguments_bytes);
    CHECK(wp_region_header, command);
    CHECK(wp_region_header, max_depth);
    CHECK(wp_region_header, tables);
    CHECK(wp_region_header, allocated_bytes);
    CHECK(wp_region_header, stack_units_used);
    CHECK(wp_region_header, ready);
    CHECK(wp_region_header, flags);
    CHECK(wp_region_header, block_rate_ns);
    CHECK(wp_region_header, mutex_fraction);
    CHECK(wp_region_header, wait_fraction);
    CHECK(wp_region_header, settle_at_ns);
    CHECK(wp_region_header, base_block_rate_ns);
    CHECK(wp_region_header, base_mutex_fraction);
    CHECK(wp_region_header, settings_by_program);
    CHECK(wp_region_header, settings_by_command);
    CHECK(wp_region_header, budget);
    CHECK(wp_region_header, lease_count);
    CHECK(wp_region_header, leases);
    CHECK(wp_region_header, rate_change_count);
    CHECK(wp_region_header, rate_changes);
    CHECK(wp_region_header, counters);
    free(text);
}

static void
rows_and_records_are_documented_as_they_are(void **state)
{
    char *text = read_document();

    (void)state;
    CHECK(wp_region_function, name);
    CHECK(wp_region_function, kind);
    CHECK(wp_region_function, family);
    CHECK(wp_region_function, module);
    CHECK(wp_region_function, vaddr);
    CHECK(wp_region_function, version);
    CHECK(wp_region_function, flags);
    CHECK(wp_region_function, part_of);
    CHECK(wp_region_function, reserved);
    CHECK(wp_region_thread, key);
    CHECK(wp_region_thread, waits);
    CHECK(wp_region_thread, waited_ns);
    CHECK(wp_region_thread, last_monotonic_ns);
    CHECK(wp_region_thread, waiting_since_ns);
    CHECK(wp_region_thread, waiting_function);
    CHECK(wp_region_budget, cost_ns_per_s);
    CHECK(wp_region_budget, samples_per_s);
    CHECK(wp_region_budget, block_rate_ns);
    CHECK(wp_region_budget, mutex_fraction);
    CHECK(wp_region_budget, wait_fraction);
    CHECK(wp_region_budget, turn_ns);
    CHECK(wp_region_budget, turn_count);
    CHECK(wp_region_budget_turn, realtime_ns);
    CHECK(wp_region_budget_turn, span_ns);
    CHECK(wp_region_budget_turn, block_rate_ns);
    CHECK(wp_region_budget_turn, mutex_fraction);
    CHECK(wp_region_budget_turn, wait_fraction);
    CHECK(wp_region_budget_turn, cost_ns);
    CHECK(wp_region_budget_turn, waits);
    CHECK(wp_region_budget_turn, samples);
    CHECK(wp_region_module, key);
    CHECK(wp_region_module, ready);
    CHECK(wp_region_module, path);
    CHECK(wp_region_module, bias);
    CHECK(wp_region_module, text_vaddr);
    CHECK(wp_region_module, text_bytes);
    CHECK(wp_region_module, text_offset);
    CHECK(wp_region_module, build_id_bytes);
    CHECK(wp_region_module, is_executable);
    CHECK(wp_region_module, build_id);
    CHECK(wp_region_stack, hash);
    CHECK(wp_region_stack, next);
    CHECK(wp_region_stack, depth);
    CHECK(wp_region_stack, function);
    CHECK(wp_region_stack, profile);
    CHECK(wp_region_stack, contentions_fixed);
    CHECK(wp_region_stack, delay_ns);
    CHECK(wp_region_stack, samples);
    CHECK(wp_region_stack, variance_bits);
    CHECK(wp_region_stack, squares_bits);
    CHECK(wp_region_stack, last_monotonic_ns);
    free(text);
}

static void
special_frames_are_documented_with_their_codes(void **state)
{
    char *text = read_document();
    char row[128];

    (void)state;
#define CHECK_SPECIAL(code, name, shown)                                                           \
    snprintf(row, sizeof row, "\n| %d | `%s`", code, shown);                                       \
    if (strstr(text, row) == NULL)                                                                 \
        fail_msg("the document has no row \"%s\"", row + 1);
    WP_SPECIAL_FRAMES(CHECK_SPECIAL)
#undef CHECK_SPECIAL
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_documented_as_it_is),
        cmocka_unit_test(rows_and_records_are_documented_as_they_are),
        cmocka_unit_test(special_frames_are_documented_with_their_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
