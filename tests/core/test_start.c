/*
 * Start and end of the library, each in a forked child: it can start once in a process. What a
 * program is started with comes as an argument, so nothing of the real environment plays a part.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/blame.h"
#include "core/process.h"
#include "core/region.h"
#include "core/start.h"

#include "child.h"
#include "region_fixture.h"

#define ERRNO_MARK 7777

static char directory[PATH_MAX];
static char directory_variable[PATH_MAX + 32];

static int
set_up(void **state)
{
    (void)state;
    region_fixture_make_directory(directory);
    snprintf(directory_variable, sizeof(directory_variable), "WAITPROF_DIR=%s", directory);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_remove_directory(directory);
    return 0;
}

static const struct wp_start_function functions[] = {
    {.name = "pthread_mutex_lock",
     .kind = "mutex",
     .family = WP_FAMILY_sync,
     .version = "GLIBC_2.2.5",
     .flags = WP_REGION_FUNCTION_HIDDEN,
     .address = (uintptr_t)0x1000},
    {.name = "a_name_that_is_longer_than_the_forty_bytes_of_a_row",
     .kind = "a kind too long too",
     .family = WP_FAMILY_process,
     .version = "",
     .part_of = 1,
     .address = (uintptr_t)0x2000},
};

static const struct wp_start_function *
list(void)
{
    return functions;
}

/* Starts with up to three variables, beside the one that names the directory. */
static void
start(const char *a, const char *b, const char *c)
{
    static char name[] = "program";
    static char *arguments[2] = {name};
    char *environment[] = {directory_variable, (char *)a, (char *)b, (char *)c, NULL};

    CHILD_REQUIRE(prctl(PR_SET_NAME, "started") == 0);
    errno = ERRNO_MARK;
    wp_start(arguments, environment, list, 2);
    CHILD_REQUIRE(errno == ERRNO_MARK);
}

static size_t
regions_in_directory(void)
{
    char pattern[PATH_MAX + 32];
    glob_t found;
    size_t count;

    snprintf(pattern, sizeof(pattern), "%s/started.*" WP_REGION_SUFFIX, directory);
    count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void
require_inert(void)
{
    for (int family = 0; family < WP_FAMILY_COUNT; family++) {
        CHILD_REQUIRE(wp_start_family_regions[family]->block_rate_ns == 0);
        CHILD_REQUIRE(wp_start_family_regions[family]->mutex_fraction == 0);
    }
    CHILD_REQUIRE(regions_in_directory() == 0);
}

/* --- Start ----------------------------------------------------------------------------------- */

static void
start_plainly(void *unused)
{
    const struct wp_region_function *rows;
    struct wp_region_header *region;
    int before = region_fixture_open_descriptors();

    (void)unused;
    require_inert();
    start("WAITPROF_BLOCK_RATE=5000", "WAITPROF_MUTEX_FRACTION=7", "WAITPROF_RUN=ff");
    region = wp_region();
    rows = wp_region_rows(region, WP_TABLE_FUNCTIONS);
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
    CHILD_REQUIRE(regions_in_directory() == 1);
    CHILD_REQUIRE(region->ready == 1 && region->run_id == 0xff);
    CHILD_REQUIRE(region->block_rate_ns == 5000 && region->mutex_fraction == 7);
    CHILD_REQUIRE(region->rate_change_count == 1);
    CHILD_REQUIRE(region->rate_changes[0].block_rate_ns == 5000);
    CHILD_REQUIRE(region->rate_changes[0].mutex_fraction == 7);
    CHILD_REQUIRE(region->rate_changes[0].realtime_ns >= region->start_realtime_ns);
    CHILD_REQUIRE(region->tables[WP_TABLE_FUNCTIONS].count == 3);
    CHILD_REQUIRE(rows[0].name[0] == '\0');
    CHILD_REQUIRE(strcmp(rows[1].name, "pthread_mutex_lock") == 0);
    CHILD_REQUIRE(strcmp(rows[1].kind, "mutex") == 0);
    CHILD_REQUIRE(strcmp(rows[1].family, "sync") == 0);
    CHILD_REQUIRE(strcmp(rows[1].version, "GLIBC_2.2.5") == 0);
    CHILD_REQUIRE(rows[1].flags == WP_REGION_FUNCTION_HIDDEN && rows[1].part_of == 0);
    CHILD_REQUIRE(rows[2].flags == 0 && rows[2].part_of == 1);
    CHILD_REQUIRE(strcmp(rows[2].name, "a_name_that_is_longer_than_the_forty_by") == 0);
    CHILD_REQUIRE(strcmp(rows[2].kind, "a kind too long") == 0);
    CHILD_REQUIRE(wp_process_is_first());
}

static void
a_start_makes_a_region_that_is_ready(void **state)
{
    (void)state;
    assert_int_equal(child_run(start_plainly, NULL), 0);
}

static void
start_with_some_families(void *unused)
{
    (void)unused;
    start("WAITPROF_EVENTS=io,sleep", "WAITPROF_BLOCK_RATE=1", NULL);
    for (int family = 0; family < WP_FAMILY_COUNT; family++) {
        bool chosen = family == WP_FAMILY_io || family == WP_FAMILY_sleep;

        CHILD_REQUIRE((wp_start_family_regions[family] == wp_region()) == chosen);
        CHILD_REQUIRE((wp_start_family_regions[family]->block_rate_ns == 1) == chosen);
    }
}

static void
families_that_are_left_out_stay_off(void **state)
{
    (void)state;
    assert_int_equal(child_run(start_with_some_families, NULL), 0);
}

static void
start_as_another(void *variable)
{
    start(variable, "WAITPROF_DEBUG=1", NULL);
    require_inert();
    wp_finish();
}

static void
programs_that_are_not_meant_stay_inert(void **state)
{
    static char executable[] = "WAITPROF_EXE=other:prog*", pid[] = "WAITPROF_PID=1";

    (void)state;
    assert_int_equal(child_run(start_as_another, executable), 0);
    assert_int_equal(child_run(start_as_another, pid), 0);
}

static void
start_as_meant(void *unused)
{
    char pid[64];

    (void)unused;
    snprintf(pid, sizeof(pid), "WAITPROF_PID=%ld", (long)getpid());
    start(pid, "WAITPROF_EXE=x,start*", NULL);
    CHILD_REQUIRE(regions_in_directory() == 1);
}

static void
a_program_that_is_meant_by_name_and_pid_starts(void **state)
{
    (void)state;
    assert_int_equal(child_run(start_as_meant, NULL), 0);
}

/* What a start writes to standard error. */
static void
start_and_read(const char *a, const char *b, char *text, size_t size)
{
    int ends[2];

    CHILD_REQUIRE(pipe(ends) == 0);

    int saved = dup(STDERR_FILENO);

    CHILD_REQUIRE(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0 && close(ends[1]) == 0);
    start(a, b, NULL);
    CHILD_REQUIRE(dup2(saved, STDERR_FILENO) >= 0);

    ssize_t length = read(ends[0], text, size - 1);

    CHILD_REQUIRE(length >= 0);
    text[length] = '\0';
}

static void
start_silently(void *unused)
{
    char text[512];

    (void)unused;
    start_and_read("WAITPROF_BLOCK_RATE=often", NULL, text, sizeof(text));
    CHILD_REQUIRE(text[0] == '\0');
}

static void
start_with_words(void *unused)
{
    char text[PATH_MAX + 256];

    (void)unused;
    start_and_read("WAITPROF_DEBUG=1", NULL, text, sizeof(text));
    CHILD_REQUIRE(strncmp(text, "libwaitprof: started: region ", 29) == 0);
    CHILD_REQUIRE(strncmp(text + 29, directory, strlen(directory)) == 0);
    CHILD_REQUIRE(strchr(text, '\n') == text + strlen(text) - 1);
}

static void
start_with_bad_value(void *unused)
{
    char text[PATH_MAX + 256];

    (void)unused;
    start_and_read("WAITPROF_DEBUG=1", "WAITPROF_BLOCK_RATE=often", text, sizeof(text));
    CHILD_REQUIRE(strstr(text, "WAITPROF_BLOCK_RATE=often") != NULL);
    CHILD_REQUIRE(wp_region()->block_rate_ns == WP_CONFIG_DEFAULT_BLOCK_RATE_NS);
}

static void
a_start_says_one_line_only_when_asked_to(void **state)
{
    (void)state;
    assert_int_equal(child_run(start_silently, NULL), 0);
    assert_int_equal(child_run(start_with_words, NULL), 0);
    assert_int_equal(child_run(start_with_bad_value, NULL), 0);
}

/* --- End ------------------------------------------------------------------------------------- */

static void
leave_empty(void *unused)
{
    (void)unused;
    start(NULL, NULL, NULL);
    CHILD_REQUIRE(regions_in_directory() == 1);
    errno = ERRNO_MARK;
    wp_finish();
    CHILD_REQUIRE(errno == ERRNO_MARK);
    CHILD_REQUIRE(regions_in_directory() == 0);
    CHILD_REQUIRE(wp_region()->flags & WP_REGION_FLAG_EXITED);
}

static void
an_empty_region_is_removed_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(child_run(leave_empty, NULL), 0);
}

static void
leave_with_samples(void *counter)
{
    start(NULL, NULL, NULL);
    wp_region_count(*(enum wp_region_counter *)counter, 1);
    wp_finish();
    CHILD_REQUIRE(regions_in_directory() == 1);
    CHILD_REQUIRE(wp_region()->flags & WP_REGION_FLAG_EXITED);
}

static void
a_region_with_samples_stays(void **state)
{
    enum wp_region_counter counters[] = {WP_COUNTER_block_samples, WP_COUNTER_mutex_samples};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(child_run(leave_with_samples, &counters[i]), 0);
        tear_down(NULL);
        set_up(NULL);
    }
}

static void
leave_with_collector(void *unused)
{
    (void)unused;
    start("WAITPROF_RUN=1", NULL, NULL);
    wp_finish();
    CHILD_REQUIRE(regions_in_directory() == 1);
}

static void
leave_under_seccomp(void *unused)
{
    (void)unused;
    start(NULL, NULL, NULL);
    wp_region_freeze(true);
    wp_finish();
    CHILD_REQUIRE(regions_in_directory() == 1);
}

/* As a daemon that lives on when its parent has started it. */
static void
leave_a_child_behind(void *unused)
{
    int gate[2];
    char byte;

    (void)unused;
    start(NULL, NULL, NULL);
    CHILD_REQUIRE(pipe(gate) == 0);
    if (fork() == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) != 0);
    }
    wp_finish();
    CHILD_REQUIRE(regions_in_directory() == 1);
    close(gate[1]);
}

/* As a daemon that forks twice, whose first parent waits for the one in the middle. */
static void
leave_a_grandchild_behind(void *unused)
{
    int status;
    pid_t middle;

    (void)unused;
    start(NULL, NULL, NULL);
    middle = fork();
    if (middle == 0) {
        if (fork() == 0)
            usleep(200000);
        _exit(0);
    }
    CHILD_REQUIRE(waitpid(middle, &status, 0) == middle);
    usleep(50000);
    wp_finish();
    CHILD_REQUIRE(regions_in_directory() == 1);
}

static void
an_empty_region_stays_while_a_forked_descendant_may_write_to_it(void **state)
{
    (void)state;
    assert_int_equal(child_run(leave_a_child_behind, NULL), 0);
    tear_down(NULL);
    set_up(NULL);
    assert_int_equal(child_run(leave_a_grandchild_behind, NULL), 0);
}

static void
an_empty_region_stays_where_somebody_collects_it_or_unlink_may_kill(void **state)
{
    (void)state;
    assert_int_equal(child_run(leave_with_collector, NULL), 0);
    tear_down(NULL);
    set_up(NULL);
    assert_int_equal(child_run(leave_under_seccomp, NULL), 0);
}

static void
finish_in_child(void *unused)
{
    (void)unused;
    wp_finish();
    (void)wp_process_number();
    wp_finish();
}

static void
fork_and_leave(void *unused)
{
    (void)unused;
    start(NULL, NULL, NULL);
    CHILD_REQUIRE(child_run(finish_in_child, NULL) == 0);
    CHILD_REQUIRE((wp_region()->flags & WP_REGION_FLAG_EXITED) == 0);
    CHILD_REQUIRE(regions_in_directory() == 1);
}

static void
a_forked_child_leaves_the_region_to_its_parent(void **state)
{
    (void)state;
    assert_int_equal(child_run(fork_and_leave, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_makes_a_region_that_is_ready),
        TEST(families_that_are_left_out_stay_off),
        TEST(programs_that_are_not_meant_stay_inert),
        TEST(a_program_that_is_meant_by_name_and_pid_starts),
        TEST(a_start_says_one_line_only_when_asked_to),
        TEST(an_empty_region_is_removed_at_the_end),
        TEST(a_region_with_samples_stays),
        TEST(an_empty_region_stays_while_a_forked_descendant_may_write_to_it),
        TEST(an_empty_region_stays_where_somebody_collects_it_or_unlink_may_kill),
        TEST(a_forked_child_leaves_the_region_to_its_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
