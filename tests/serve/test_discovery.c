#include "cli/serve/discovery.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/region_builder.h"

static void
addresses_are_names_and_numbers_with_or_without_port(void **state)
{
    static const char *const good[] = {
        "localhost", "localhost:6060", "127.0.0.1:6060", "host-1.example.com:1",
        "a_b:65535", "[::1]:6060",     "[::1]",          "1.2.3.4",
    };
    static const char *const bad[] = {
        "",     ":6060", "a:",   "a:0",         "a:65536", "a:60 60",  "a/b",      "a:6060/x",
        "[::1", "[x]:1", "[]:1", "::1",         "a\"b",    "a\nb",     "user@a:1", "a:1\r\nX: y",
        "-a",   "a:-1",  ".a",   "caf\xc3\xa9", "[::1]x",  "a:123456",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!wp_discovery_is_address(good[i]))
            fail_msg("'%s' was refused", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (wp_discovery_is_address(bad[i]))
            fail_msg("'%s' was taken", bad[i]);
    }
}

/* The list of one program with a region; the caller puts it back. */
static struct json_object *
discover(const char *host, const char *address)
{
    struct wp_target target = {.pid = 4242, .seen_pid = 77, .uid = 1000, .command = "a\"b"};
    struct wp_target *targets[] = {&target};
    struct region_builder builder;
    struct wp_error error = {""};
    struct json_object *list;
    size_t length;
    char *text;

    region_builder_init(&builder, NULL);
    target.region_id = region_builder_header(&builder)->region_id;
    target.fd = region_builder_memfd(&builder, builder.size_bytes);
    assert_int_equal(wp_discovery_write(targets, 1, host, address, &text, &length, &error), 0);
    assert_int_equal(strlen(text), length);
    list = json_tokener_parse(text);
    assert_non_null(list);
    assert_true(json_object_is_type(list, json_type_array));
    close(target.fd);
    region_builder_free(&builder);
    free(text);
    return list;
}

static const char *
address_in(struct json_object *list)
{
    struct json_object *targets;

    assert_int_equal(json_object_array_length(list), 1);
    assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "targets", &targets));
    assert_int_equal(json_object_array_length(targets), 1);
    return json_object_get_string(json_object_array_get_idx(targets, 0));
}

static void
assert_label(struct json_object *list, const char *name, const char *value)
{
    struct json_object *labels, *label;

    assert_true(json_object_object_get_ex(json_object_array_get_idx(list, 0), "labels", &labels));
    if (!json_object_object_get_ex(labels, name, &label))
        fail_msg("there is no label %s", name);
    assert_true(json_object_is_type(label, json_type_string)); /* scrapers take no others */
    assert_string_equal(json_object_get_string(label), value);
}

static void
a_program_is_found_with_its_paths_and_names(void **state)
{
    struct json_object *list = discover("scraped.example:6060", "127.0.0.1:6060");

    (void)state;
    assert_string_equal(address_in(list), "scraped.example:6060");
    assert_label(list, "__metrics_path__", "/pid/77/metrics");
    assert_label(list, "__profile_path_prefix__", "/pid/77");
    assert_label(list, "instance", "scraped.example:6060/pid/77");
    assert_label(list, "service_name", "a\"b");
    assert_label(list, "__meta_waitprof_command", "a\"b");
    assert_label(list, "__meta_waitprof_command_line", "./sample --fast");
    assert_label(list, "__meta_waitprof_path_prefix", "/pid/77");
    assert_label(list, "__meta_waitprof_pid", "77");
    assert_label(list, "__meta_waitprof_region", "0123456789abcdef");
    assert_label(list, "__meta_waitprof_uid", "1000");
    json_object_put(list);
}

static void
an_odd_host_is_replaced_by_the_address(void **state)
{
    static const struct {
        const char *host, *address, *told;
    } rows[] = {
        {"evil/../x", "127.0.0.1:6060", "127.0.0.1:6060"},
        {NULL, "[::1]:6060", "[::1]:6060"},
        {NULL, "", "localhost"}, /* a socket in the file system */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json_object *list = discover(rows[i].host, rows[i].address);

        assert_string_equal(address_in(list), rows[i].told);
        json_object_put(list);
    }
}

static void
no_programs_are_an_empty_list(void **state)
{
    struct wp_error error = {""};
    struct json_object *list;
    size_t length;
    char *text;

    (void)state;
    assert_int_equal(wp_discovery_write(NULL, 0, "a", "b", &text, &length, &error), 0);
    assert_int_equal(length, strlen(text));
    list = json_tokener_parse(text);
    assert_true(json_object_is_type(list, json_type_array));
    assert_int_equal(json_object_array_length(list), 0);
    json_object_put(list);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_names_and_numbers_with_or_without_port),
        cmocka_unit_test(a_program_is_found_with_its_paths_and_names),
        cmocka_unit_test(an_odd_host_is_replaced_by_the_address),
        cmocka_unit_test(no_programs_are_an_empty_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
