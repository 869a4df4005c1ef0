/* Every WAITPROF_* variable: its default, its bounds, and what becomes of values it cannot have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/region_format.h"

#define ALL_FAMILIES ((1u << WP_FAMILY_COUNT) - 1)
#define DEFAULT_FAMILIES (ALL_FAMILIES & ~(1u << WP_FAMILY_sleep | 1u << WP_FAMILY_spin))

/* Reads an environment of up to four variables, NULL for none. */
static struct wp_config
read_config(const char *a, const char *b, const char *c, const char *d)
{
    char *const environment[] = {(char *)a, (char *)b, (char *)c, (char *)d, NULL};
    struct wp_config config;

    memset(&config, 0x5a, sizeof(config));
    wp_config_read(environment, &config);
    return config;
}

static struct wp_config
read_one(const char *variable)
{
    return read_config(variable, NULL, NULL, NULL);
}

static void
assert_defaults(const struct wp_config *config)
{
    assert_int_equal(config->block_rate_ns, 100000);
    assert_int_equal(config->mutex_fraction, 10);
    assert_int_equal(config->budget_cost_ns_per_s, 0);
    assert_int_equal(config->budget_samples_per_s, 0);
    assert_int_equal(config->region_bytes, 32 << 20);
    assert_int_equal(config->run_id, 0);
    assert_int_equal(config->seed, 0);
    assert_int_equal(config->pid, 0);
    assert_int_equal(config->max_depth, 128);
    assert_int_equal(config->families, DEFAULT_FAMILIES);
    assert_false(config->debug);
    assert_null(config->executables);
    assert_null(config->waitprof_dir);
    assert_null(config->runtime_dir);
}

static void
an_empty_environment_gives_the_documented_defaults(void **state)
{
    struct wp_config config = read_one(NULL);

    (void)state;
    assert_defaults(&config);
    assert_null(config.invalid);
}

static void
variables_of_others_change_nothing(void **state)
{
    struct wp_config config =
        read_config("PATH=/bin", "WAITPROF=1", "XWAITPROF_BLOCK_RATE=1", "waitprof_pid=3");

    (void)state;
    assert_defaults(&config);
    assert_null(config.invalid);
    config = read_config("WAITPROF_BLOCK_RATES=1", "WAITPROF_BLOCK=1", "WAITPROF_SEED",
                         "XDG_RUNTIME_DIRECTORY=/x");
    assert_defaults(&config);
    assert_null(config.invalid);
}

/* A variable with a number: where it goes, its bounds. */
struct number {
    const char *name;
    size_t offset; /* of a uint64_t */
    uint64_t least;
    uint64_t most;
};

static const struct number numbers[] = {
    {"WAITPROF_BLOCK_RATE", offsetof(struct wp_config, block_rate_ns), 0, UINT64_C(1000000000000)},
    {"WAITPROF_MUTEX_FRACTION", offsetof(struct wp_config, mutex_fraction), 0, 1000000},
    {"WAITPROF_REGION_BYTES", offsetof(struct wp_config, region_bytes), 1 << 20, 1 << 30},
    {"WAITPROF_SEED", offsetof(struct wp_config, seed), 0, UINT64_MAX},
    {"WAITPROF_PID", offsetof(struct wp_config, pid), 0, INT32_MAX},
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t
number_in(const struct wp_config *config, const struct number *number)
{
    uint64_t value;

    memcpy(&value, (const char *)config + number->offset, sizeof(value));
    return value;
}

static struct wp_config
read_number(const struct number *number, uint64_t value, char *variable, size_t size)
{
    snprintf(variable, size, "%s=%llu", number->name, (unsigned long long)value);
    return read_one(variable);
}

static void
every_number_is_taken_from_its_least_to_its_most(void **state)
{
    char text[128];

    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        const struct number *number = &numbers[i];
        const uint64_t values[] = {number->least, number->least + 1, number->most - 1,
                                   number->most};

        for (int j = 0; j < 4; j++) {
            struct wp_config config = read_number(number, values[j], text, sizeof(text));

            assert_null(config.invalid);
            assert_int_equal(number_in(&config, number), values[j]);
        }
    }
}

static void
a_number_out_of_range_leaves_the_default_and_is_named(void **state)
{
    char text[128];

    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        struct wp_config config;

        if (numbers[i].most < UINT64_MAX) {
            config = read_number(&numbers[i], numbers[i].most + 1, text, sizeof(text));
            assert_ptr_equal(config.invalid, text);
            assert_defaults(&config);
        }
        if (numbers[i].least > 0) {
            config = read_number(&numbers[i], numbers[i].least - 1, text, sizeof(text));
            assert_ptr_equal(config.invalid, text);
            assert_defaults(&config);
        }
    }
}

static void
what_is_no_number_leaves_the_default_and_is_named(void **state)
{
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-1",
                                      "+1",
                                      "1.5",
                                      "0x10",
                                      "1e6",
                                      "100u",
                                      "abc",
                                      "1,000",
                                      "18446744073709551616",
                                      "99999999999999999999999999"};
    char text[128];

    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
            struct wp_config config;

            snprintf(text, sizeof(text), "%s=%s", numbers[i].name, bad[j]);
            config = read_one(text);
            assert_ptr_equal(config.invalid, text);
            assert_defaults(&config);
        }
    }
}

static void
run_is_a_hexadecimal_number(void **state)
{
    static const char *const bad[] = {"WAITPROF_RUN=", "WAITPROF_RUN=0x1f", "WAITPROF_RUN=xyz",
                                      "WAITPROF_RUN=10000000000000000", "WAITPROF_RUN=-1"};

    (void)state;
    assert_int_equal(read_one("WAITPROF_RUN=1f").run_id, 0x1f);
    assert_int_equal(read_one("WAITPROF_RUN=ffffffffffffffff").run_id, UINT64_MAX);
    assert_int_equal(read_one("WAITPROF_RUN=0").run_id, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wp_config config = read_one(bad[i]);

        assert_ptr_equal(config.invalid, bad[i]);
        assert_int_equal(config.run_id, 0);
    }
}

static void
depth_is_from_1_to_the_formats_maximum(void **state)
{
    static const char *const bad[] = {"WAITPROF_DEPTH=0", "WAITPROF_DEPTH=1025",
                                      "WAITPROF_DEPTH=4294967297",
                                      "WAITPROF_DEPTH=", "WAITPROF_DEPTH=deep"};

    (void)state;
    assert_int_equal(read_one("WAITPROF_DEPTH=1").max_depth, 1);
    assert_int_equal(read_one("WAITPROF_DEPTH=1024").max_depth, WP_REGION_MAX_DEPTH);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wp_config config = read_one(bad[i]);

        assert_ptr_equal(config.invalid, bad[i]);
        assert_int_equal(config.max_depth, WP_REGION_DEFAULT_DEPTH);
    }
}

static void
each_family_can_be_chosen_by_its_name(void **state)
{
    static const char *const variables[] = {
#define FAMILY_VARIABLE(name, on) "WAITPROF_EVENTS=" #name,
        WP_CONFIG_FAMILIES(FAMILY_VARIABLE)
#undef FAMILY_VARIABLE
    };

    (void)state;
    for (uint32_t family = 0; family < WP_FAMILY_COUNT; family++) {
        struct wp_config config = read_one(variables[family]);

        assert_null(config.invalid);
        assert_int_equal(config.families, 1u << family);
    }
}

static void
families_are_chosen_by_a_list_in_any_order(void **state)
{
    const uint32_t sync_sleep = 1u << WP_FAMILY_sync | 1u << WP_FAMILY_sleep;

    (void)state;
    assert_int_equal(read_one("WAITPROF_EVENTS=sync,sleep").families, sync_sleep);
    assert_int_equal(read_one("WAITPROF_EVENTS=sleep,sync").families, sync_sleep);
    assert_int_equal(read_one("WAITPROF_EVENTS=sync,sync,sleep").families, sync_sleep);
    assert_int_equal(
        read_one("WAITPROF_EVENTS=spin,ipc,file,process,sleep,poll,net,io,sync").families,
        ALL_FAMILIES);
    assert_int_equal(read_one("WAITPROF_EVENTS=all").families, ALL_FAMILIES);
    assert_int_equal(read_one("WAITPROF_EVENTS=sync,all").families, ALL_FAMILIES);
}

static void
an_empty_list_of_families_wraps_nothing(void **state)
{
    struct wp_config config = read_one("WAITPROF_EVENTS=");

    (void)state;
    assert_null(config.invalid);
    assert_int_equal(config.families, 0);
}

static void
an_unknown_family_spoils_the_whole_list(void **state)
{
    static const char *const bad[] = {
        "WAITPROF_EVENTS=syn",      "WAITPROF_EVENTS=syncs",    "WAITPROF_EVENTS=SYNC",
        "WAITPROF_EVENTS=sync io",  "WAITPROF_EVENTS=sync, io", "WAITPROF_EVENTS=sync,disk",
        "WAITPROF_EVENTS=disk,net", "WAITPROF_EVENTS=sync:io",  "WAITPROF_EVENTS=sync,,io",
        "WAITPROF_EVENTS=,sync",    "WAITPROF_EVENTS=-sleep",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wp_config config = read_one(bad[i]);

        assert_ptr_equal(config.invalid, bad[i]);
        assert_int_equal(config.families, DEFAULT_FAMILIES);
    }
}

static void
debug_is_on_for_any_value_but_nothing_and_0(void **state)
{
    (void)state;
    assert_true(read_one("WAITPROF_DEBUG=1").debug);
    assert_true(read_one("WAITPROF_DEBUG=yes").debug);
    assert_true(read_one("WAITPROF_DEBUG=00").debug);
    assert_false(read_one("WAITPROF_DEBUG=0").debug);
    assert_false(read_one("WAITPROF_DEBUG=").debug);
}

/* --- The budget ------------------------------------------------------------------------------ */

static void
a_budget_is_a_share_of_a_processor_or_a_number_of_samples(void **state)
{
    static const struct {
        const char *variable;
        uint64_t cost_ns_per_s, samples_per_s;
    } budgets[] = {
        {"WAITPROF_BUDGET=0.5%", 5000000, 0},
        {"WAITPROF_BUDGET=.5%", 5000000, 0},
        {"WAITPROF_BUDGET=1%", 10000000, 0},
        {"WAITPROF_BUDGET=100%", 1000000000, 0},
        {"WAITPROF_BUDGET=12.3456789%", 123456789, 0},
        {"WAITPROF_BUDGET=0.0000001%", 1, 0},
        {"WAITPROF_BUDGET=2000/s", 0, 2000},
        {"WAITPROF_BUDGET=1/s", 0, 1},
        {"WAITPROF_BUDGET=1000000000/s", 0, WP_CONFIG_MAX_BUDGET_SAMPLES_PER_S},
        {"WAITPROF_BUDGET=0.5%,2000/s", 5000000, 2000},
        {"WAITPROF_BUDGET=0.5%, 2000/s", 5000000, 2000},
        {"WAITPROF_BUDGET=2000/s,0.5%", 5000000, 2000},
        {"WAITPROF_BUDGET=off", 0, 0},
        {"WAITPROF_BUDGET=0", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        struct wp_config config = read_one(budgets[i].variable);

        assert_null(config.invalid);
        assert_int_equal(config.budget_cost_ns_per_s, budgets[i].cost_ns_per_s);
        assert_int_equal(config.budget_samples_per_s, budgets[i].samples_per_s);
    }
}

static void
what_is_no_budget_leaves_it_off_and_is_named(void **state)
{
    static const char *const budgets[] = {
        "WAITPROF_BUDGET=",
        "WAITPROF_BUDGET=1",
        "WAITPROF_BUDGET=%",
        "WAITPROF_BUDGET=.%",
        "WAITPROF_BUDGET=1.%",
        "WAITPROF_BUDGET=0%",
        "WAITPROF_BUDGET=0.00%",
        "WAITPROF_BUDGET=0/s",
        "WAITPROF_BUDGET=/s",
        "WAITPROF_BUDGET=0.5/s",
        "WAITPROF_BUDGET=5/m",
        "WAITPROF_BUDGET=5 %",
        "WAITPROF_BUDGET=-1%",
        "WAITPROF_BUDGET=1e-1%",
        "WAITPROF_BUDGET=1%%",
        "WAITPROF_BUDGET=1.2.3%",
        "WAITPROF_BUDGET=0.12345678%",
        "WAITPROF_BUDGET=100.0000001%",
        "WAITPROF_BUDGET=101%",
        "WAITPROF_BUDGET=1000000001/s",
        "WAITPROF_BUDGET=99999999999999999999999999%",
        "WAITPROF_BUDGET=99999999999999999999999999/s",
        "WAITPROF_BUDGET=OFF",
        "WAITPROF_BUDGET=0.5%,",
        "WAITPROF_BUDGET=,2000/s",
        "WAITPROF_BUDGET=0.5%,off",
        "WAITPROF_BUDGET=0.5%,1%",
        "WAITPROF_BUDGET=1/s,2/s",
        "WAITPROF_BUDGET=0.5%,  2000/s",
        "WAITPROF_BUDGET=0.5% ,2000/s",
        "WAITPROF_BUDGET=0.5%2000/s",
        "WAITPROF_BUDGET=0.5%,2000/s,1%",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
        struct wp_config config = read_one(budgets[i]);

        if (config.invalid != budgets[i])
            fail_msg("%s is taken", budgets[i]);
        assert_defaults(&config);
    }
}

/* What the budget makes coarser begins finer than what nobody watches. */
static void
under_a_budget_rates_that_are_not_given_are_finer(void **state)
{
    struct wp_config config = read_one("WAITPROF_BUDGET=0.5%");

    (void)state;
    assert_int_equal(config.block_rate_ns, WP_CONFIG_BUDGET_BLOCK_RATE_NS);
    assert_int_equal(config.mutex_fraction, WP_CONFIG_BUDGET_MUTEX_FRACTION);
    config = read_config("WAITPROF_BLOCK_RATE=70", "WAITPROF_BUDGET=9/s", NULL, NULL);
    assert_int_equal(config.block_rate_ns, 70);
    assert_int_equal(config.mutex_fraction, WP_CONFIG_BUDGET_MUTEX_FRACTION);
    config = read_config("WAITPROF_BUDGET=9/s", "WAITPROF_MUTEX_FRACTION=0", NULL, NULL);
    assert_int_equal(config.block_rate_ns, WP_CONFIG_BUDGET_BLOCK_RATE_NS);
    assert_int_equal(config.mutex_fraction, 0);
    config = read_one("WAITPROF_BUDGET=off");
    assert_defaults(&config);
}

/* --- Strings --------------------------------------------------------------------------------- */

static void
directories_point_into_the_environment(void **state)
{
    static const char own[] = "WAITPROF_DIR=/srv/regions";
    static const char runtime[] = "XDG_RUNTIME_DIR=/run/user/7";
    struct wp_config config = read_config(own, runtime, NULL, NULL);

    (void)state;
    assert_ptr_equal(config.waitprof_dir, own + strlen("WAITPROF_DIR="));
    assert_ptr_equal(config.runtime_dir, runtime + strlen("XDG_RUNTIME_DIR="));
    assert_null(config.invalid);
}

static void
the_first_invalid_variable_is_named_and_the_others_are_obeyed(void **state)
{
    static const char bad[] = "WAITPROF_BLOCK_RATE=often", worse[] = "WAITPROF_PID=me";
    struct wp_config config =
        read_config("WAITPROF_DEPTH=7", bad, worse, "WAITPROF_MUTEX_FRACTION=3");

    (void)state;
    assert_ptr_equal(config.invalid, bad);
    assert_int_equal(config.max_depth, 7);
    assert_int_equal(config.mutex_fraction, 3);
    assert_int_equal(config.block_rate_ns, WP_CONFIG_DEFAULT_BLOCK_RATE_NS);
}

static void
an_empty_list_of_executables_means_all(void **state)
{
    (void)state;
    assert_null(read_one("WAITPROF_EXE=").executables);
    assert_string_equal(read_one("WAITPROF_EXE=a:b").executables, "a:b");
    assert_true(wp_config_wants(NULL, "anything"));
}

static void
executables_are_matched_by_globs(void **state)
{
    (void)state;
    assert_true(wp_config_wants("nginx", "nginx"));
    assert_false(wp_config_wants("nginx", "nginx2"));
    assert_false(wp_config_wants("nginx", "ngin"));
    assert_true(wp_config_wants("ngin*", "nginx2"));
    assert_true(wp_config_wants("*", "anything at all"));
    assert_true(wp_config_wants("worker-?", "worker-1"));
    assert_false(wp_config_wants("worker-?", "worker-10"));
    assert_true(wp_config_wants("[a-c]d", "bd"));
    assert_false(wp_config_wants("[a-c]d", "dd"));
    assert_false(wp_config_wants("[!a-c]d", "bd"));
    assert_false(wp_config_wants("NGINX", "nginx"));
    assert_true(wp_config_wants("*", "a/b"));
}

static void
a_list_of_executables_is_split_at_colons_and_commas(void **state)
{
    (void)state;
    assert_true(wp_config_wants("a:b,c", "a"));
    assert_true(wp_config_wants("a:b,c", "b"));
    assert_true(wp_config_wants("a:b,c", "c"));
    assert_false(wp_config_wants("a:b,c", "d"));
    assert_false(wp_config_wants("a:b,c", "a:b"));
    assert_false(wp_config_wants(":,", "a"));
    assert_false(wp_config_wants("a::b", "c"));
    assert_true(wp_config_wants("x:post*,y", "postgres"));
}

/* A command has at most 15 characters, so no such pattern is needed; it must not be cut to one that
 * matches by chance either. */
static void
a_pattern_too_long_for_any_command_matches_none(void **state)
{
    char list[200];

    (void)state;
    memset(list, '*', 100);
    strcpy(list + 100, ":cc1");
    assert_false(wp_config_wants(list, "gcc"));
    assert_true(wp_config_wants(list, "cc1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_environment_gives_the_documented_defaults),
        cmocka_unit_test(variables_of_others_change_nothing),
        cmocka_unit_test(every_number_is_taken_from_its_least_to_its_most),
        cmocka_unit_test(a_number_out_of_range_leaves_the_default_and_is_named),
        cmocka_unit_test(what_is_no_number_leaves_the_default_and_is_named),
        cmocka_unit_test(run_is_a_hexadecimal_number),
        cmocka_unit_test(depth_is_from_1_to_the_formats_maximum),
        cmocka_unit_test(each_family_can_be_chosen_by_its_name),
        cmocka_unit_test(families_are_chosen_by_a_list_in_any_order),
        cmocka_unit_test(an_empty_list_of_families_wraps_nothing),
        cmocka_unit_test(an_unknown_family_spoils_the_whole_list),
        cmocka_unit_test(debug_is_on_for_any_value_but_nothing_and_0),
        cmocka_unit_test(a_budget_is_a_share_of_a_processor_or_a_number_of_samples),
        cmocka_unit_test(what_is_no_budget_leaves_it_off_and_is_named),
        cmocka_unit_test(under_a_budget_rates_that_are_not_given_are_finer),
        cmocka_unit_test(directories_point_into_the_environment),
        cmocka_unit_test(the_first_invalid_variable_is_named_and_the_others_are_obeyed),
        cmocka_unit_test(an_empty_list_of_executables_means_all),
        cmocka_unit_test(executables_are_matched_by_globs),
        cmocka_unit_test(a_list_of_executables_is_split_at_colons_and_commas),
        cmocka_unit_test(a_pattern_too_long_for_any_command_matches_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
