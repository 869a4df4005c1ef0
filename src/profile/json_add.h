/*
 * Members of JSON objects. Each returns false, and the object stays as it is, if memory is short.
 */
#ifndef WP_PROFILE_JSON_ADD_H
#define WP_PROFILE_JSON_ADD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "profile/symbol_name.h"

/* Takes over `value`; NULL is one that found no memory. */
static inline bool
wp_json_add(struct json_object *object, const char *name, struct json_object *value)
{
    if (value != NULL && json_object_object_add(object, name, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

/* The text becomes valid UTF-8 without control characters, and is cut to 4 KiB. */
static inline bool
wp_json_add_text(struct json_object *object, const char *name, const char *text)
{
    char clean[4096];

    wp_symbol_clean(text, clean, sizeof clean);
    return wp_json_add(object, name, json_object_new_string(clean));
}

static inline bool
wp_json_add_number(struct json_object *object, const char *name, uint64_t number)
{
    return wp_json_add(object, name, json_object_new_uint64(number));
}

static inline bool
wp_json_add_double(struct json_object *object, const char *name, double number)
{
    return wp_json_add(object, name, json_object_new_double(number));
}

static inline bool
wp_json_add_flag(struct json_object *object, const char *name, bool flag)
{
    return wp_json_add(object, name, json_object_new_boolean(flag));
}

#endif
