/*
 * The sampling rates of a program as JSON: one form for `rate --json` and `top --json`, and its
 * parts for the server.
 */
#ifndef WP_CLI_RATE_JSON_H
#define WP_CLI_RATE_JSON_H

#include <json-c/json.h>

#include "profile/region_reader.h"

/* Rates in force, base, leases, budget. The caller puts the object. */
struct json_object *wp_rate_json(const struct wp_snapshot *snapshot);

/* The limits of the budget and its latest turn; NULL, which is JSON's null: there is none. */
struct json_object *wp_rate_json_budget(const struct wp_snapshot *snapshot);

/* An array of all turns of the budget that are known, oldest first. */
struct json_object *wp_rate_json_turns(const struct wp_snapshot *snapshot);

#endif
