#include "cli/rate_json.h"

#include "profile/budget_range.h"
#include "profile/json_add.h"
#include "profile/own_cost.h"

static struct json_object *
make_lease(const struct wp_reader_lease *lease, uint64_t now_ns)
{
    struct json_object *row = json_object_new_object();

    wp_json_add_number(row, "lease", lease->number);
    wp_json_add_number(row, "left_ns",
                       lease->deadline_ns > now_ns ? lease->deadline_ns - now_ns : 0);
    if (lease->has_block_rate)
        wp_json_add_number(row, "block_rate_ns", lease->block_rate_ns);
    if (lease->has_mutex_fraction)
        wp_json_add_number(row, "mutex_fraction", lease->mutex_fraction);
    return row;
}

static struct json_object *
make_turn(const struct wp_reader_budget_turn *turn)
{
    struct json_object *row = json_object_new_object();

    wp_json_add_number(row, "time_ns", turn->realtime_ns);
    wp_json_add_number(row, "span_ns", turn->span_ns);
    wp_json_add_number(row, "block_rate_ns", turn->block_rate_ns);
    wp_json_add_number(row, "mutex_fraction", turn->mutex_fraction);
    wp_json_add_number(row, "wait_fraction", turn->wait_fraction);
    wp_json_add_number(row, "cost_ns", turn->cost_ns);
    wp_json_add_number(row, "waits", turn->waits);
    wp_json_add_number(row, "samples", turn->samples);
    wp_json_add_flag(row, "conditions_unsplit", turn->is_unsplit);
    wp_json_add_double(row, "cost_of_a_cpu", wp_budget_turn_cpu_share(turn));
    wp_json_add_double(row, "waits_per_second", wp_budget_turn_rate(turn, turn->waits));
    wp_json_add_double(row, "samples_per_second", wp_budget_turn_rate(turn, turn->samples));
    return row;
}

struct json_object *
wp_rate_json_turns(const struct wp_snapshot *snapshot)
{
    struct json_object *turns = json_object_new_array();

    for (size_t i = 0; i < snapshot->budget_turns_known; i++)
        json_object_array_add(turns, make_turn(&snapshot->budget_turns[i]));
    return turns;
}

struct json_object *
wp_rate_json_budget(const struct wp_snapshot *snapshot)
{
    char limit[WP_OWN_COST_TEXT_BYTES];
    size_t known = snapshot->budget_turns_known;
    struct json_object *budget;

    if (snapshot->budget_cost_ns_per_s == 0 && snapshot->budget_samples_per_s == 0)
        return NULL;
    budget = json_object_new_object();
    wp_json_add_text(budget, "limit",
                     wp_own_cost_format_budget(snapshot->budget_cost_ns_per_s,
                                               snapshot->budget_samples_per_s, limit,
                                               sizeof limit));
    if (snapshot->budget_cost_ns_per_s != 0)
        wp_json_add_number(budget, "cost_ns_per_second", snapshot->budget_cost_ns_per_s);
    if (snapshot->budget_samples_per_s != 0)
        wp_json_add_number(budget, "samples_per_second", snapshot->budget_samples_per_s);
    wp_json_add_flag(budget, "conditions_unsplit", snapshot->conditions_are_unsplit);
    if (known > 0)
        wp_json_add(budget, "turn", make_turn(&snapshot->budget_turns[known - 1]));
    return budget;
}

struct json_object *
wp_rate_json(const struct wp_snapshot *snapshot)
{
    struct json_object *object = json_object_new_object();
    struct json_object *leases = json_object_new_array();

    wp_json_add_number(object, "block_rate_ns", snapshot->block_rate_ns);
    wp_json_add_number(object, "mutex_fraction", snapshot->mutex_fraction);
    wp_json_add_number(object, "wait_fraction", snapshot->wait_fraction);
    wp_json_add_number(object, "base_block_rate_ns", snapshot->base_block_rate_ns);
    wp_json_add_number(object, "base_mutex_fraction", snapshot->base_mutex_fraction);
    for (size_t i = 0; i < snapshot->lease_count; i++)
        json_object_array_add(leases,
                              make_lease(&snapshot->leases[i], snapshot->read_monotonic_ns));
    json_object_object_add(object, "leases", leases);
    json_object_object_add(object, "budget", wp_rate_json_budget(snapshot));
    return object;
}
