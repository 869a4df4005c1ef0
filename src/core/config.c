#include "core/config.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "core/region_format.h"
#include "core/sampling.h"

/* A variable that holds a number, and what it may be. */
struct wp_config_number {
    const char *name; /* without WAITPROF_ */
    size_t offset;    /* of a uint64_t in struct wp_config */
    uint64_t least;
    uint64_t most;
    unsigned base;
};

static const struct wp_config_number wp_config_numbers[] = {
    {"BLOCK_RATE", offsetof(struct wp_config, block_rate_ns), 0, WP_SAMPLING_MAX_BLOCK_RATE_NS, 10},
    {"MUTEX_FRACTION", offsetof(struct wp_config, mutex_fraction), 0, WP_SAMPLING_MAX_FRACTION, 10},
    {"REGION_BYTES", offsetof(struct wp_config, region_bytes), 1u << 20, WP_CONFIG_MAX_REGION_BYTES,
     10},
    {"RUN", offsetof(struct wp_config, run_id), 0, UINT64_MAX, 16},
    {"SEED", offsetof(struct wp_config, seed), 0, UINT64_MAX, 10},
    {"PID", offsetof(struct wp_config, pid), 0, INT32_MAX, 10},
};

#define WP_CONFIG_PREFIX "WAITPROF_"

#define WP_CONFIG_NS_PER_S UINT64_C(1000000000)

/* Value of `digit` in a base up to 16; the base itself when it is none. */
static unsigned
wp_config_digit(char digit, unsigned base)
{
    unsigned value = base;

    if (digit >= '0' && digit <= '9')
        value = (unsigned)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
        value = (unsigned)(digit - 'a') + 10;
    return value < base ? value : base;
}

/* Reads a whole string as a number in [least, most]. */
static bool
wp_config_parse(const char *text, const struct wp_config_number *kind, uint64_t *number)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit = wp_config_digit(*text, kind->base);

        if (digit == kind->base || value > (UINT64_MAX - digit) / kind->base)
            return false;
        value = value * kind->base + digit;
    }
    if (value < kind->least || value > kind->most)
        return false;
    *number = value;
    return true;
}

/* The value of `variable` if its name is `name`, else NULL. */
static const char *
wp_config_value(const char *variable, const char *name)
{
    size_t length = strlen(name);

    return strncmp(variable, name, length) == 0 && variable[length] == '=' ? variable + length + 1
                                                                           : NULL;
}

const char *const wp_config_family_names[WP_FAMILY_COUNT] = {
#define WP_CONFIG_FAMILY_NAME(name, on) #name,
    WP_CONFIG_FAMILIES(WP_CONFIG_FAMILY_NAME)
#undef WP_CONFIG_FAMILY_NAME
};

/* The families that a word of the list names, as bits: one, or all; 0 for a word that is none. */
static uint32_t
wp_config_families_named(const char *word, size_t length)
{
    if (length == strlen(WP_CONFIG_ALL_FAMILIES) &&
        strncmp(word, WP_CONFIG_ALL_FAMILIES, length) == 0)
        return (1u << WP_FAMILY_COUNT) - 1;
    for (uint32_t family = 0; family < WP_FAMILY_COUNT; family++) {
        const char *name = wp_config_family_names[family];

        if (strlen(name) == length && strncmp(name, word, length) == 0)
            return 1u << family;
    }
    return 0;
}

static bool
wp_config_set_families(const char *list, struct wp_config *config)
{
    uint32_t families = 0;

    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        uint32_t named = wp_config_families_named(list, length);

        if (named == 0)
            return false;
        families |= named;
        list += length + (list[length] == ',');
    }
    config->families = families;
    return true;
}

/* True: the variable was one of the numbers; *valid says whether its value could be used. */
static bool
wp_config_set_number(const char *variable, struct wp_config *config, bool *valid)
{
    for (size_t i = 0; i < sizeof(wp_config_numbers) / sizeof(wp_config_numbers[0]); i++) {
        const struct wp_config_number *kind = &wp_config_numbers[i];
        const char *value = wp_config_value(variable, kind->name);

        if (value != NULL) {
            *valid = wp_config_parse(value, kind, (uint64_t *)((char *)config + kind->offset));
            return true;
        }
    }
    return false;
}

/* Reads digits, and after a point as many as `decimals` of them, as a number of units of
 * 10^-decimals. Returns what follows; NULL: no such number, or a larger one than `most`. */
static const char *
wp_config_parse_decimal(const char *text, unsigned decimals, uint64_t most, uint64_t *number)
{
    const char *start = text;
    bool after_point = false;
    uint64_t value = 0;

    for (; wp_config_digit(*text, 10) < 10 || (*text == '.' && !after_point); text++) {
        if (*text == '.') {
            after_point = true;
            continue;
        }
        if (after_point && decimals-- == 0)
            return NULL;
        value = value * 10 + wp_config_digit(*text, 10);
        if (value > most)
            return NULL;
    }
    for (; decimals > 0; decimals--) {
        value *= 10;
        if (value > most)
            return NULL;
    }
    *number = value;
    return text == start || text[-1] == '.' ? NULL : text;
}

/* The limits of a budget; 0: none of that kind. */
struct wp_config_budget {
    uint64_t cost_ns_per_s, samples_per_s;
};

/* `0.5%`: of the time of one processor; `2000/s`: kept samples. Returns what follows; NULL: no
 * limit, or a second one of its kind. */
static const char *
wp_config_parse_limit(const char *text, struct wp_config_budget *budget)
{
    uint64_t amount;
    const char *unit = wp_config_parse_decimal(text, 7, WP_CONFIG_NS_PER_S, &amount);

    if (unit != NULL && *unit == '%' && amount > 0 && budget->cost_ns_per_s == 0) {
        budget->cost_ns_per_s = amount;
        return unit + 1;
    }
    unit = wp_config_parse_decimal(text, 0, WP_CONFIG_MAX_BUDGET_SAMPLES_PER_S, &amount);
    if (unit != NULL && strncmp(unit, "/s", 2) == 0 && amount > 0 && budget->samples_per_s == 0) {
        budget->samples_per_s = amount;
        return unit + 2;
    }
    return NULL;
}

/* One limit, or both, in any order, with a comma and perhaps a blank between them; `off`. */
static bool
wp_config_set_budget(const char *text, struct wp_config *config)
{
    bool is_off = strcmp(text, "off") == 0 || strcmp(text, "0") == 0;
    struct wp_config_budget budget = {0, 0};

    if (!is_off) {
        text = wp_config_parse_limit(text, &budget);
        if (text != NULL && *text == ',') {
            text++;
            text = wp_config_parse_limit(text + (*text == ' '), &budget);
        }
        if (text == NULL || *text != '\0')
            return false;
    }
    config->budget_cost_ns_per_s = budget.cost_ns_per_s;
    config->budget_samples_per_s = budget.samples_per_s;
    return true;
}

/* One WAITPROF_ variable, its prefix cut off. False: its value cannot be used. */
static bool
wp_config_set(const char *variable, struct wp_config *config)
{
    static const struct wp_config_number depth = {
        .least = 1, .most = WP_REGION_MAX_DEPTH, .base = 10};
    bool valid = true;
    const char *value;
    uint64_t number;

    if (wp_config_set_number(variable, config, &valid))
        return valid;
    if ((value = wp_config_value(variable, "DEPTH")) != NULL) {
        valid = wp_config_parse(value, &depth, &number);
        if (valid)
            config->max_depth = (uint32_t)number;
    } else if ((value = wp_config_value(variable, "EVENTS")) != NULL) {
        valid = wp_config_set_families(value, config);
    } else if ((value = wp_config_value(variable, "BUDGET")) != NULL) {
        valid = wp_config_set_budget(value, config);
    } else if ((value = wp_config_value(variable, "EXE")) != NULL) {
        config->executables = *value != '\0' ? value : NULL;
    } else if ((value = wp_config_value(variable, "DIR")) != NULL) {
        config->waitprof_dir = value;
    } else if ((value = wp_config_value(variable, "DEBUG")) != NULL) {
        config->debug = *value != '\0' && strcmp(value, "0") != 0;
    }
    return valid;
}

/* A rate that was not given; no variable can say it. */
#define WP_CONFIG_NOT_GIVEN UINT64_MAX

/* The rates that were not given. */
static void
wp_config_set_default_rates(struct wp_config *config)
{
    bool has_budget = (config->budget_cost_ns_per_s | config->budget_samples_per_s) != 0;

    if (config->block_rate_ns == WP_CONFIG_NOT_GIVEN)
        config->block_rate_ns =
            has_budget ? WP_CONFIG_BUDGET_BLOCK_RATE_NS : WP_CONFIG_DEFAULT_BLOCK_RATE_NS;
    if (config->mutex_fraction == WP_CONFIG_NOT_GIVEN)
        config->mutex_fraction =
            has_budget ? WP_CONFIG_BUDGET_MUTEX_FRACTION : WP_CONFIG_DEFAULT_MUTEX_FRACTION;
}

void
wp_config_read(char *const *environment, struct wp_config *config)
{
    *config = (struct wp_config){
        .block_rate_ns = WP_CONFIG_NOT_GIVEN,
        .mutex_fraction = WP_CONFIG_NOT_GIVEN,
        .region_bytes = WP_CONFIG_DEFAULT_REGION_BYTES,
        .max_depth = WP_REGION_DEFAULT_DEPTH,
#define WP_CONFIG_FAMILY_DEFAULT(name, on) | (uint32_t)(on) << WP_FAMILY_##name
        .families = 0 WP_CONFIG_FAMILIES(WP_CONFIG_FAMILY_DEFAULT),
#undef WP_CONFIG_FAMILY_DEFAULT
    };
    for (; *environment != NULL; environment++) {
        const char *variable = *environment;
        const char *value = wp_config_value(variable, "XDG_RUNTIME_DIR");

        if (value != NULL)
            config->runtime_dir = value;
        if (strncmp(variable, WP_CONFIG_PREFIX, sizeof(WP_CONFIG_PREFIX) - 1) != 0)
            continue;
        if (!wp_config_set(variable + sizeof(WP_CONFIG_PREFIX) - 1, config) &&
            config->invalid == NULL)
            config->invalid = variable;
    }
    wp_config_set_default_rates(config);
}

bool
wp_config_wants(const char *executables, const char *command)
{
    char pattern[64];

    if (executables == NULL)
        return true;
    while (*executables != '\0') {
        size_t length = strcspn(executables, ":,");

        if (length < sizeof(pattern)) {
            memcpy(pattern, executables, length);
            pattern[length] = '\0';
            if (fnmatch(pattern, command, 0) == 0)
                return true;
        }
        executables += length + (executables[length] != '\0');
    }
    return false;
}
