/*
 * Making a region on file systems that are full or read-only, and where every directory fails. The
 * program gives itself a private mount namespace, with a file system of its own over each directory
 * that is tried; where that is not permitted it ends with the code for a skipped test.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process.h"
#include "core/stack_table.h"

#include "child.h"
#include "region_fixture.h"

#define EXIT_SKIPPED 77
#define REGION_BYTES (UINT64_C(8) << 20)

#define OWN "/tmp/own"
#define RUNTIME "/tmp/runtime"

static char made[PATH_MAX];

static void
mount_tmpfs(const char *directory, unsigned long flags, const char *options)
{
    CHILD_REQUIRE(mount("tmpfs", directory, "tmpfs", flags, options) == 0);
}

/* Room for each directory, in this child's own view of the file system. */
static void
isolate(void)
{
    CHILD_REQUIRE(unshare(CLONE_NEWNS) == 0);
    CHILD_REQUIRE(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    mount_tmpfs("/tmp", 0, "size=64m,mode=1777");
    mount_tmpfs("/dev/shm", 0, "size=64m,mode=1777");
    CHILD_REQUIRE(mkdir(OWN, 0700) == 0 && mkdir(RUNTIME, 0700) == 0);
}

static struct wp_region_header *
create(const char *own, const char *runtime)
{
    struct wp_region_request request = region_fixture_request(own, REGION_BYTES);

    request.runtime_dir = runtime;
    return wp_region_create(&request, made);
}

static void
require_made_in(const char *directory)
{
    CHILD_REQUIRE(strncmp(made, directory, strlen(directory)) == 0);
    CHILD_REQUIRE(strchr(made + strlen(directory) + 1, '/') == NULL);
    CHILD_REQUIRE(access(made, F_OK) == 0);
}

static void
require_no_file_in(const char *path)
{
    DIR *directory = opendir(path);
    int entries = 0;

    CHILD_REQUIRE(directory != NULL);
    while (readdir(directory) != NULL)
        entries++;
    CHILD_REQUIRE(entries == 2 && closedir(directory) == 0);
}

static void
find_tmpfs_full(void *unused)
{
    int before = region_fixture_open_descriptors();

    (void)unused;
    isolate();
    mount_tmpfs(OWN, 0, "size=64k,mode=0700");
    CHILD_REQUIRE(create(OWN, RUNTIME) != NULL);
    require_made_in(RUNTIME "/waitprof");
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
    require_no_file_in(OWN);
}

static void
a_full_file_system_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(child_run(find_tmpfs_full, NULL), 0);
}

static void
find_read_only(void *unused)
{
    (void)unused;
    isolate();
    mount_tmpfs(OWN, MS_RDONLY, "size=64m,mode=0700");
    CHILD_REQUIRE(create(OWN, RUNTIME) != NULL);
    require_made_in(RUNTIME "/waitprof");
}

static void
a_read_only_file_system_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(child_run(find_read_only, NULL), 0);
}

static void
fall_to_shared_memory(void *unused)
{
    char expected[64];

    (void)unused;
    isolate();

    struct wp_region_header *region = create(NULL, NULL);

    CHILD_REQUIRE(region != NULL);
    snprintf(expected, sizeof(expected), "/dev/shm/waitprof-%u", (unsigned)geteuid());
    require_made_in(expected);

    /* Nothing may be mapped for writing from what gets read-only. */
    CHILD_REQUIRE(munmap(region, region->size_bytes) == 0);
    CHILD_REQUIRE(mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHILD_REQUIRE(create(NULL, NULL) != NULL);
    snprintf(expected, sizeof(expected), "/tmp/waitprof-%u", (unsigned)geteuid());
    require_made_in(expected);
}

static void
shared_memory_comes_third_and_the_directory_for_temporary_files_last(void **state)
{
    (void)state;
    assert_int_equal(child_run(fall_to_shared_memory, NULL), 0);
}

static void
find_no_directory(void *unused)
{
    int before = region_fixture_open_descriptors();

    (void)unused;
    isolate();
    CHILD_REQUIRE(mount("none", "/dev/shm", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHILD_REQUIRE(mount("none", "/tmp", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);

    struct wp_region_header *region = create(OWN, RUNTIME);

    CHILD_REQUIRE(region != NULL && made[0] == '\0');
    CHILD_REQUIRE(region->size_bytes == region->allocated_bytes);
    CHILD_REQUIRE(region->size_bytes < REGION_BYTES);
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
}

static void
where_every_directory_fails_the_region_is_anonymous_memory(void **state)
{
    (void)state;
    assert_int_equal(child_run(find_no_directory, NULL), 0);
}

/* The file system has room for the start but not for the bound. A touch of what could not be
 * allocated would end the child with SIGBUS. */
static void
fill_file_system(void *unused)
{
    const struct wp_sample sample = {.contentions_fixed = WP_REGION_COUNT_ONE, .delay_ns = 7};
    struct region_fixture_totals totals;
    uint64_t added = 0;

    (void)unused;
    isolate();
    mount_tmpfs(OWN, 0, "size=1200k,mode=0700");

    struct wp_region_header *region = create(OWN, RUNTIME);

    CHILD_REQUIRE(region != NULL);
    require_made_in(OWN);
    wp_region_mapped = region;
    wp_process_init(1);
    wp_stack_table_init();
    while (region_fixture_counter(WP_COUNTER_lost_table_full) < 1000) {
        uint64_t frames[20] = {added++};

        wp_stack_table_add(wp_stack_table_intern(WP_PROFILE_BLOCK, 1, frames, 20), &sample, 1);
    }
    CHILD_REQUIRE(added > 2000);
    CHILD_REQUIRE(region->allocated_bytes < region->size_bytes);
    CHILD_REQUIRE(region_fixture_counter(WP_COUNTER_growth_failed) > 0);
    CHILD_REQUIRE(region_fixture_add_up(WP_PROFILE_BLOCK, &totals));
    CHILD_REQUIRE(totals.samples == added && totals.delay_ns == 7 * added);
}

static void
a_file_system_that_fills_up_later_costs_stacks_but_no_totals(void **state)
{
    (void)state;
    assert_int_equal(child_run(fill_file_system, NULL), 0);
}

static bool
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        (void)close(fd);
    return written;
}

/* Unprivileged, this process becomes root in a user namespace of its own. */
static bool
become_root(void)
{
    char users[64], groups[64];

    snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
    return geteuid() == 0 ||
           (unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
            write_file("/proc/self/uid_map", users) && write_file("/proc/self/gid_map", groups));
}

/* 0: this process may mount. Otherwise the error that says why not. */
static int
try_to_mount(void)
{
    pid_t pid;

    if (!become_root())
        return errno;
    pid = fork();
    if (pid == 0) {
        bool mounted = unshare(CLONE_NEWNS) == 0 &&
                       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                       mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0;

        _exit(mounted ? 0 : errno);
    }
    return child_wait(pid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_file_system_is_passed_over),
        cmocka_unit_test(a_read_only_file_system_is_passed_over),
        cmocka_unit_test(shared_memory_comes_third_and_the_directory_for_temporary_files_last),
        cmocka_unit_test(where_every_directory_fails_the_region_is_anonymous_memory),
        cmocka_unit_test(a_file_system_that_fills_up_later_costs_stacks_but_no_totals),
    };

    int error = try_to_mount();

    if (error != 0) {
        printf("skipped: no mount namespace can be had here: %s\n", strerror(error));
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
