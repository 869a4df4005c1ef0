#include "cli/serve/discovery.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/json_add.h"
#include "profile/symbol_name.h"

/* A name of the domain name system is not longer. */
#define HOST_MAX_BYTES 253u

#define ADDRESS_BYTES (HOST_MAX_BYTES + sizeof "[]:65535")

/* --- The address */

static bool
is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);

    return digits > 0 && digits <= 5 && text[digits] == '\0' && port > 0 && port <= 65535;
}

static bool
is_ipv6(const char *text, size_t length)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr bytes;

    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    return inet_pton(AF_INET6, address, &bytes) == 1;
}

bool
wp_discovery_is_address(const char *text)
{
    const char *end;

    if (text[0] == '[') {
        end = strchr(text, ']');
        if (end == NULL || !is_ipv6(text + 1, (size_t)(end - text - 1)))
            return false;
        end++;
    } else {
        size_t length = 0;

        while (isalnum((unsigned char)text[length]) || (length > 0 && text[length] == '-') ||
               text[length] == '_' || (length > 0 && text[length] == '.'))
            length++;
        if (length == 0 || length > HOST_MAX_BYTES)
            return false;
        end = text + length;
    }
    return *end == '\0' || (*end == ':' && is_port(end + 1));
}

/* --- The list */

/* Gives a value to an object; NULL: out of memory, and the value is gone. */
static struct json_object *
add_member(struct json_object *object, const char *name, struct json_object *value)
{
    return wp_json_add(object, name, value) ? value : NULL;
}

/* The same for an array. */
static struct json_object *
add_item(struct json_object *array, struct json_object *value)
{
    if (value != NULL && json_object_array_add(array, value) == 0)
        return value;
    json_object_put(value);
    return NULL;
}

static bool
add_number(struct json_object *object, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    return wp_json_add_text(object, name, text);
}

/* The arguments with blanks in between; what the program was called with is in the region, since
 * /proc/PID/cmdline is not there in other namespaces. "" if the region cannot be read. */
static void
copy_command_line(const struct wp_target *target, char *text, size_t size)
{
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};
    size_t used = 0;

    text[0] = '\0';
    if (wp_target_read(target, &snapshot, &error) != 0)
        return;
    for (size_t i = 0; i < snapshot->argument_count && used + 2 < size; i++) {
        if (i > 0)
            text[used++] = ' ';
        used += wp_symbol_clean(snapshot->arguments[i], text + used, size - used);
    }
    text[used] = '\0';
    wp_snapshot_free(snapshot);
}

static bool
add_labels(struct json_object *labels, const struct wp_target *target, const char *address)
{
    uint64_t pid = target->seen_pid > 0 ? (uint64_t)target->seen_pid : target->pid;
    char region[17], prefix[32], path[48], instance[ADDRESS_BYTES + sizeof prefix], line[512];

    snprintf(region, sizeof region, "%016" PRIx64, target->region_id);
    /* As programs.h names them: a pid of another namespace would lead to no program or another. */
    if (target->seen_pid > 0)
        snprintf(prefix, sizeof prefix, "/pid/%d", (int)target->seen_pid);
    else
        snprintf(prefix, sizeof prefix, "/pid/%s", region);
    snprintf(path, sizeof path, "%s/metrics", prefix);
    snprintf(instance, sizeof instance, "%s%s", address, prefix);
    copy_command_line(target, line, sizeof line);
    return wp_json_add_text(labels, "__metrics_path__", path) &&
           wp_json_add_text(labels, "__profile_path_prefix__", prefix) &&
           wp_json_add_text(labels, "instance", instance) &&
           wp_json_add_text(labels, "service_name", target->command) &&
           wp_json_add_text(labels, "__meta_waitprof_command", target->command) &&
           wp_json_add_text(labels, "__meta_waitprof_command_line", line) &&
           wp_json_add_text(labels, "__meta_waitprof_path_prefix", prefix) &&
           add_number(labels, "__meta_waitprof_pid", pid) &&
           wp_json_add_text(labels, "__meta_waitprof_region", region) &&
           add_number(labels, "__meta_waitprof_uid", target->uid);
}

/* Adds {"targets": [ADDRESS], "labels": {...}}. False: out of memory. */
static bool
add_target(struct json_object *list, const struct wp_target *target, const char *address)
{
    struct json_object *entry = add_item(list, json_object_new_object());
    struct json_object *targets = NULL, *labels = NULL;

    if (entry != NULL) {
        targets = add_member(entry, "targets", json_object_new_array_ext(1));
        labels = add_member(entry, "labels", json_object_new_object());
    }
    return targets != NULL && labels != NULL &&
           add_item(targets, json_object_new_string(address)) != NULL &&
           add_labels(labels, target, address);
}

static struct json_object *
make_list(struct wp_target *const *targets, size_t count, const char *address)
{
    struct json_object *list = json_object_new_array_ext((int)(count + 1));

    for (size_t i = 0; list != NULL && i < count; i++) {
        if (!add_target(list, targets[i], address)) {
            json_object_put(list);
            return NULL;
        }
    }
    return list;
}

int
wp_discovery_write(struct wp_target *const *targets, size_t count, const char *host,
                   const char *address, char **text, size_t *length, struct wp_error *error)
{
    struct json_object *list;
    const char *json = NULL;

    if (host != NULL && wp_discovery_is_address(host))
        address = host;
    else if (!wp_discovery_is_address(address))
        address = "localhost";
    list = make_list(targets, count, address);
    *text = NULL;
    if (list != NULL)
        json = json_object_to_json_string_length(
            list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, length);
    if (json != NULL)
        *text = strdup(json);
    json_object_put(list);
    return *text != NULL ? 0 : wp_error_set(error, ENOMEM, "not enough memory for the list");
}
