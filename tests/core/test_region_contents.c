/*
 * What is written into a new region: who and what the program is, and where the tables lie. Each
 * case runs in a child, which may change its name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(8) << 20)

static char own[PATH_MAX];  /* WAITPROF_DIR */
static char made[PATH_MAX]; /* what wp_region_create said */

static int
set_up(void **state)
{
    (void)state;
    region_fixture_make_directory(own);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_remove_directory(own);
    return 0;
}

static struct wp_region_header *
create(uint64_t size_bytes)
{
    const struct wp_region_request request = region_fixture_request(own, size_bytes);

    return wp_region_create(&request, made);
}

static const char *
string_at(struct wp_region_header *region, uint32_t offset)
{
    return (const char *)wp_region_rows(region, WP_TABLE_STRINGS) + offset;
}

static void
describe(void *unused)
{
    struct wp_region_request request = region_fixture_request(own, REGION_BYTES);
    static const char arguments[] = "program\0--option";

    (void)unused;
    request.run_id = 99;
    request.max_depth = 17;

    int before = region_fixture_open_descriptors();
    struct wp_region_header *region = wp_region_create(&request, made);

    CHILD_REQUIRE(region != NULL && region_fixture_open_descriptors() == before);
    CHILD_REQUIRE(region->pid == (uint32_t)getpid() && region->uid == geteuid());
    CHILD_REQUIRE(region->run_id == 99 && region->max_depth == 17);
    CHILD_REQUIRE(region->start_realtime_ns > UINT64_C(1600000000000000000));
    CHILD_REQUIRE(region->start_monotonic_ns > 0);
    CHILD_REQUIRE(strcmp(string_at(region, region->executable), "/usr/bin/program") == 0);
    CHILD_REQUIRE(strcmp(string_at(region, region->directory), "/srv") == 0);
    CHILD_REQUIRE(strcmp(string_at(region, region->command), "program") == 0);
    CHILD_REQUIRE(region->arguments_bytes == sizeof(arguments));
    CHILD_REQUIRE(memcmp(string_at(region, region->arguments), arguments, sizeof(arguments)) == 0);
}

static void
the_region_says_what_the_program_is(void **state)
{
    (void)state;
    assert_int_equal(child_run(describe, NULL), 0);
}

static void
check_layout(void *unused)
{
    struct wp_region_header *region = create(REGION_BYTES);
    uint64_t end = sizeof(*region);

    (void)unused;
    CHILD_REQUIRE(region != NULL && region->header_bytes == sizeof(*region));
    for (int i = 0; i < WP_TABLE_COUNT; i++) {
        const struct wp_region_table *table = &region->tables[i];

        CHILD_REQUIRE(table->offset % 64 == 0 && table->offset >= end && table->capacity > 0);
        end = table->offset + (uint64_t)table->stride * table->capacity;
        CHILD_REQUIRE(end <= region->size_bytes);
    }
    CHILD_REQUIRE(region->tables[WP_TABLE_FUNCTIONS].capacity == 8);
    CHILD_REQUIRE(region->tables[WP_TABLE_FUNCTIONS].stride == sizeof(struct wp_region_function));
    CHILD_REQUIRE(region->tables[WP_TABLE_PROCESSES].stride == sizeof(struct wp_region_process));
    CHILD_REQUIRE(region->tables[WP_TABLE_MODULES].stride == sizeof(struct wp_region_module));
    CHILD_REQUIRE(region->tables[WP_TABLE_STACKS].offset < region->allocated_bytes);
    CHILD_REQUIRE(region->stack_units_used == 1);
}

static void
tables_lie_within_the_region_one_behind_the_other(void **state)
{
    (void)state;
    assert_int_equal(child_run(check_layout, NULL), 0);
}

/* A command line longer than its share: whole arguments are left out at the end. */
static void
describe_long_command_line(void *unused)
{
    static char argument[6000], *arguments[101];
    struct wp_region_request request = region_fixture_request(own, REGION_BYTES);

    (void)unused;
    memset(argument, 'a', sizeof(argument) - 1);
    for (int i = 0; i < 100; i++)
        arguments[i] = argument;
    request.arguments = arguments;

    struct wp_region_header *region = wp_region_create(&request, made);
    const struct wp_region_table *strings = &region->tables[WP_TABLE_STRINGS];

    CHILD_REQUIRE(region->arguments_bytes % 4097 == 0);
    CHILD_REQUIRE(region->arguments_bytes >= 16384);
    CHILD_REQUIRE(strings->count < strings->capacity / 2); /* module paths still find room */
    CHILD_REQUIRE(strlen(string_at(region, region->arguments)) == 4096);
}

static void
a_long_command_line_leaves_room_for_other_strings(void **state)
{
    (void)state;
    assert_int_equal(child_run(describe_long_command_line, NULL), 0);
}

static void
name_the_file(void *unused)
{
    struct wp_region_request request = region_fixture_request(own, REGION_BYTES);

    (void)unused;
    request.command = "../a b\n\xc3\xa4%s";
    CHILD_REQUIRE(wp_region_create(&request, made) != NULL);
    CHILD_REQUIRE(strncmp(made + strlen(own), "/.._a_b___%s.", 13) == 0);
    CHILD_REQUIRE(access(made, F_OK) == 0);
}

static void
a_command_cannot_lead_the_file_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(child_run(name_the_file, NULL), 0);
}

/* Field 22 of /proc/self/stat, read as proc(5) says, the command being known. */
static uint64_t
start_ticks_with_command(const char *command)
{
    char text[1024] = "", prefix[64];
    FILE *file = fopen("/proc/self/stat", "r");
    unsigned long long ticks = 0;

    CHILD_REQUIRE(file != NULL && fread(text, 1, sizeof(text) - 1, file) > 0 && fclose(file) == 0);

    int length = snprintf(prefix, sizeof(prefix), "%ld (%s) ", (long)getpid(), command);

    CHILD_REQUIRE(strncmp(text, prefix, (size_t)length) == 0);
    CHILD_REQUIRE(sscanf(text + length,
                         "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                         "%*s %llu",
                         &ticks) == 1);
    return ticks;
}

static void
start_with_command(void *command)
{
    CHILD_REQUIRE(prctl(PR_SET_NAME, command) == 0);

    struct wp_region_header *region = create(REGION_BYTES);

    CHILD_REQUIRE(region != NULL);
    CHILD_REQUIRE(region->start_ticks == start_ticks_with_command(command));
    CHILD_REQUIRE(region->start_ticks > 0);
}

static void
the_start_time_is_found_behind_any_command(void **state)
{
    static char commands[][16] = {"plain", "two words", "(a) b (c) d", ") S 1 2 3 (", "))))))))))",
                                  "a)",    " "};

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_int_equal(child_run(start_with_command, commands[i]), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_region_says_what_the_program_is),
        TEST(tables_lie_within_the_region_one_behind_the_other),
        TEST(a_long_command_line_leaves_room_for_other_strings),
        TEST(a_command_cannot_lead_the_file_elsewhere),
        TEST(the_start_time_is_found_behind_any_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
