/* What an earlier image of the process left is removed; what anybody else left, or has data, stays.
 * */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/region_predecessor.h"

#include "child.h"
#include "region_fixture.h"

#define PID 4242u
#define START_TICKS 777u

static char directory[PATH_MAX];

static int
set_up(void **state)
{
    (void)state;
    region_fixture_make_directory(directory);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_remove_directory(directory);
    return 0;
}

/* The region of an earlier image, before a test changes it. */
static struct wp_region_header
predecessor(void)
{
    struct wp_region_header header = {
        .version = WP_REGION_VERSION,
        .header_bytes = sizeof(header),
        .pid = PID,
        .start_ticks = START_TICKS,
    };

    memcpy(header.magic, WP_REGION_MAGIC, sizeof(header.magic));
    return header;
}

static void
path_of(const char *name, char *path)
{
    assert_true(snprintf(path, PATH_MAX, "%.2000s/%s", directory, name) < PATH_MAX);
}

static void
put(const char *name, const void *content, size_t bytes)
{
    char path[PATH_MAX];
    int fd;

    path_of(name, path);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, bytes), bytes);
    assert_int_equal(close(fd), 0);
}

static bool
exists(const char *name)
{
    struct stat status;
    char path[PATH_MAX];

    path_of(name, path);
    return lstat(path, &status) == 0;
}

static void
remove_predecessors(void)
{
    int before = region_fixture_open_descriptors();
    char own[PATH_MAX];

    path_of("own.4242.00000000000000ff.wpr", own);
    wp_region_predecessor_remove(own, PID, START_TICKS);
    assert_int_equal(region_fixture_open_descriptors(), before);
}

static void
empty_regions_of_earlier_images_are_removed_and_the_own_stays(void **state)
{
    const struct wp_region_header header = predecessor();

    (void)state;
    put("own.4242.00000000000000ff.wpr", &header, sizeof(header));
    put("sh.4242.0000000000000001.wpr", &header, sizeof(header));
    put("env.4242.0000000000000002.wpr", &header, sizeof(header));
    remove_predecessors();
    assert_true(exists("own.4242.00000000000000ff.wpr"));
    assert_false(exists("sh.4242.0000000000000001.wpr"));
    assert_false(exists("env.4242.0000000000000002.wpr"));
}

/* Puts one region that must stay. */
static void
assert_stays(const struct wp_region_header *header, size_t bytes)
{
    put("sh.4242.0000000000000001.wpr", header, bytes);
    remove_predecessors();
    assert_true(exists("sh.4242.0000000000000001.wpr"));
    region_fixture_remove_directory(directory);
    assert_int_equal(mkdir(directory, 0700), 0);
}

static void
regions_with_samples_stay(void **state)
{
    (void)state;
    for (uint32_t shard = 0; shard < WP_REGION_COUNTER_SHARDS; shard++) {
        struct wp_region_header header = predecessor();

        header.counters[shard]
            .value[shard % 2 == 0 ? WP_COUNTER_block_samples : WP_COUNTER_mutex_samples] = 1;
        assert_stays(&header, sizeof(header));
    }
}

static void
regions_of_other_processes_stay(void **state)
{
    struct wp_region_header header = predecessor();

    (void)state;
    header.pid++;
    assert_stays(&header, sizeof(header));
    header = predecessor();
    header.start_ticks++;
    assert_stays(&header, sizeof(header));
    header = predecessor();
    put("sh.42.0000000000000001.wpr", &header, sizeof(header));
    remove_predecessors();
    assert_true(exists("sh.42.0000000000000001.wpr"));
}

static void
what_is_no_region_of_this_version_stays(void **state)
{
    struct wp_region_header header = predecessor();

    (void)state;
    assert_stays(&header, sizeof(header) - 1);
    assert_stays(&header, 0);
    header.version++;
    assert_stays(&header, sizeof(header));
    header = predecessor();
    header.magic[0] = 'x';
    assert_stays(&header, sizeof(header));
}

static void
a_symbolic_link_to_a_region_is_not_followed(void **state)
{
    const struct wp_region_header header = predecessor();
    char target[PATH_MAX], link_path[PATH_MAX];

    (void)state;
    put("target", &header, sizeof(header));
    path_of("target", target);
    path_of("sh.4242.0000000000000001.wpr", link_path);
    assert_int_equal(symlink(target, link_path), 0);
    remove_predecessors();
    assert_true(exists("target"));
    assert_true(exists("sh.4242.0000000000000001.wpr"));
}

static void
a_directory_of_hundreds_of_regions_is_searched(void **state)
{
    struct wp_region_header header = predecessor();
    char name[64];

    (void)state;
    header.pid = 1;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "other.1.%016x.wpr", i);
        put(name, &header, sizeof(header));
    }
    header = predecessor();
    put("sh.4242.0000000000000001.wpr", &header, sizeof(header));
    remove_predecessors();
    assert_false(exists("sh.4242.0000000000000001.wpr"));
    assert_true(exists("other.1.0000000000000000.wpr"));
}

/* Nobody writes to it: one who opened it for reading would wait for ever. */
static void
meet_a_pipe(void *unused)
{
    (void)unused;
    (void)alarm(5);
    remove_predecessors();
}

static void
a_named_pipe_does_not_stop_the_program(void **state)
{
    char path[PATH_MAX];

    (void)state;
    path_of("sh.4242.0000000000000001.wpr", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(child_run(meet_a_pipe, NULL), 0);
    assert_true(exists("sh.4242.0000000000000001.wpr"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(empty_regions_of_earlier_images_are_removed_and_the_own_stays),
        TEST(regions_with_samples_stay),
        TEST(regions_of_other_processes_stay),
        TEST(what_is_no_region_of_this_version_stays),
        TEST(a_symbolic_link_to_a_region_is_not_followed),
        TEST(a_directory_of_hundreds_of_regions_is_searched),
        TEST(a_named_pipe_does_not_stop_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
