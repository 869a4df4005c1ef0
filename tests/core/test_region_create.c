/*
 * Making a region: the directories in their order, what is refused and why, and the limits of the
 * process. Each case runs in a child, which may set limits and change user.
 *
 * The test program defines getrandom: with an id that is known beforehand, what an attacker would
 * have to guess can be put in the region's way.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process.h"
#include "core/region_path.h"
#include "core/stack_table.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(8) << 20)
#define KNOWN_ID UINT64_C(0x0123456789abcdef)

static int random_fails;

ssize_t
getrandom(void *buffer, size_t length, unsigned flags)
{
    const uint64_t id = KNOWN_ID;

    (void)flags;
    if (random_fails || length != sizeof(id))
        return -1;
    memcpy(buffer, &id, sizeof(id));
    return sizeof(id);
}

static char own[PATH_MAX];     /* WAITPROF_DIR */
static char runtime[PATH_MAX]; /* XDG_RUNTIME_DIR */
static char made[PATH_MAX];    /* what wp_region_create said */

static int
set_up(void **state)
{
    (void)state;
    region_fixture_make_directory(own);
    region_fixture_make_directory(runtime);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_remove_directory(own);
    region_fixture_remove_directory(runtime);
    return 0;
}

static struct wp_region_header *
create(uint64_t size_bytes)
{
    struct wp_region_request request = region_fixture_request(own, size_bytes);

    request.runtime_dir = runtime;
    return wp_region_create(&request, made);
}

/* The file that a region with the known id gets in a directory. */
static void
known_path(char *path, size_t size, const char *directory)
{
    snprintf(path, size, "%.200s/program.%ld.%016llx" WP_REGION_SUFFIX, directory, (long)getpid(),
             (unsigned long long)KNOWN_ID);
}

static void
require_made_in(const char *directory)
{
    char expected[512];

    known_path(expected, sizeof(expected), directory);
    CHILD_REQUIRE(strcmp(made, expected) == 0);
}

static void
require_made_in_runtime_directory(void)
{
    char directory[300];

    snprintf(directory, sizeof(directory), "%.200s/waitprof", runtime);
    require_made_in(directory);
}

/* --- Where ----------------------------------------------------------------------------------- */

static void
make_in_own_directory(void *unused)
{
    struct stat status;
    struct wp_region_header *region = create(REGION_BYTES);

    (void)unused;
    CHILD_REQUIRE(region != NULL);
    require_made_in(own);
    CHILD_REQUIRE(stat(made, &status) == 0);
    CHILD_REQUIRE(S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0600);
    CHILD_REQUIRE(status.st_size == (off_t)REGION_BYTES && region->size_bytes == REGION_BYTES);
    CHILD_REQUIRE((uint64_t)status.st_blocks * 512 >= region->allocated_bytes);
    CHILD_REQUIRE(memcmp(region->magic, WP_REGION_MAGIC, 8) == 0);
    CHILD_REQUIRE(region->version == WP_REGION_VERSION && region->region_id == KNOWN_ID);
    CHILD_REQUIRE(region->ready == 0 && region->block_rate_ns == 0 && region->mutex_fraction == 0);
}

static void
waitprof_dir_comes_first(void **state)
{
    (void)state;
    assert_int_equal(child_run(make_in_own_directory, NULL), 0);
}

static void
make_own_directory_too(void *unused)
{
    struct stat status;

    (void)unused;
    CHILD_REQUIRE(rmdir(own) == 0);
    CHILD_REQUIRE(create(REGION_BYTES) != NULL);
    require_made_in(own);
    CHILD_REQUIRE(stat(own, &status) == 0 && (status.st_mode & 07777) == 0700);
}

static void
a_directory_that_is_missing_is_made_for_this_user_alone(void **state)
{
    (void)state;
    assert_int_equal(child_run(make_own_directory_too, NULL), 0);
}

static void
make_under_umask(void *mask)
{
    struct stat status;

    CHILD_REQUIRE(rmdir(own) == 0);
    (void)umask(*(mode_t *)mask);
    CHILD_REQUIRE(create(REGION_BYTES) != NULL);
    require_made_in(own);
    CHILD_REQUIRE(stat(made, &status) == 0 && (status.st_mode & 07777) == 0600);
    CHILD_REQUIRE(stat(own, &status) == 0 && (status.st_mode & 07777) == 0700);
}

static void
the_umask_does_not_change_who_may_read_the_region(void **state)
{
    static mode_t masks[] = {0, 0022, 0777};

    (void)state;
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            region_fixture_remove_directory(own);
        (void)mkdir(own, 0700);
        assert_int_equal(child_run(make_under_umask, &masks[i]), 0);
    }
}

static void
make_in_runtime_directory(void *unused)
{
    struct wp_region_request request = region_fixture_request(NULL, REGION_BYTES);

    (void)unused;
    request.runtime_dir = runtime;
    CHILD_REQUIRE(wp_region_create(&request, made) != NULL);
    require_made_in_runtime_directory();
    request.waitprof_dir = "relative/directory";
    CHILD_REQUIRE(unlink(made) == 0);
    CHILD_REQUIRE(wp_region_create(&request, made) != NULL);
    require_made_in_runtime_directory();
}

static void
the_runtime_directory_comes_second(void **state)
{
    (void)state;
    assert_int_equal(child_run(make_in_runtime_directory, NULL), 0);
}

static void
directories_are_listed_in_the_documented_order(void **state)
{
    static const char *const expected[] = {"/w", "/x/waitprof", "/dev/shm/waitprof-7",
                                           "/tmp/waitprof-7"};
    char directory[64];
    volatile size_t room = 5; /* the compiler warns of what is meant here */

    (void)state;
    for (unsigned i = 0; i < WP_REGION_DIRECTORIES; i++) {
        assert_int_equal(wp_region_directory(i, 7, "/w", "/x", directory, sizeof(directory)),
                         strlen(expected[i]));
        assert_string_equal(directory, expected[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(wp_region_directory(i, 7, NULL, NULL, directory, sizeof(directory)), 0);
        assert_int_equal(wp_region_directory(i, 7, "", "", directory, sizeof(directory)), 0);
        assert_int_equal(wp_region_directory(i, 7, "w", "x", directory, sizeof(directory)), 0);
    }
    assert_int_equal(wp_region_directory(0, 7, "/long", NULL, directory, room), 0);
    assert_int_equal(wp_region_directory(0, 7, "/long", NULL, directory, room + 1), 5);
    assert_int_equal(wp_region_directory(WP_REGION_DIRECTORIES, 7, "/w", "/x", directory, 64), 0);
}

/* --- What is refused ------------------------------------------------------------------------- */

static void
spoil_owner(void)
{
    if (geteuid() == 0)
        CHILD_REQUIRE(chown(own, 12345, 12345) == 0);
    else
        strcpy(own, "/");
}

static void
spoil_group_writable(void)
{
    CHILD_REQUIRE(chmod(own, 0770) == 0);
}

static void
spoil_world_writable(void)
{
    CHILD_REQUIRE(chmod(own, 01777) == 0);
}

static void
spoil_symlink(void)
{
    char target[300];

    snprintf(target, sizeof(target), "%.200s/target", runtime);
    CHILD_REQUIRE(mkdir(target, 0700) == 0 && rmdir(own) == 0 && symlink(target, own) == 0);
}

static void
spoil_file(void)
{
    CHILD_REQUIRE(rmdir(own) == 0);

    int fd = open(own, O_CREAT | O_WRONLY, 0700);

    CHILD_REQUIRE(fd >= 0 && close(fd) == 0);
}

static void
spoil_missing_parent(void)
{
    strcat(own, "/missing/directory");
}

static void
spoil_name_too_long(void)
{
    memset(own, 'd', sizeof(own) - 1);
    own[0] = '/';
}

static void
refuse_own_directory(void *spoil)
{
    int before = region_fixture_open_descriptors();

    ((void (*)(void))(uintptr_t)spoil)();
    CHILD_REQUIRE(create(REGION_BYTES) != NULL);
    require_made_in_runtime_directory();
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
}

#define REFUSES(name, spoil)                                                                       \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(child_run(refuse_own_directory, (void *)(uintptr_t)(spoil)), 0);          \
        (void)unlink(own);                                                                         \
    }

REFUSES(a_directory_of_another_user_is_refused, spoil_owner)
REFUSES(a_directory_that_its_group_may_write_is_refused, spoil_group_writable)
REFUSES(a_directory_that_everybody_may_write_is_refused, spoil_world_writable)
REFUSES(a_directory_behind_a_symbolic_link_is_refused, spoil_symlink)
REFUSES(a_file_in_place_of_the_directory_is_refused, spoil_file)
REFUSES(a_directory_without_a_parent_is_refused, spoil_missing_parent)
REFUSES(a_directory_with_too_long_a_name_is_refused, spoil_name_too_long)

static void
find_file_in_the_way(void *unused)
{
    char path[512], text[8] = "";

    (void)unused;
    known_path(path, sizeof(path), own);

    int fd = open(path, O_CREAT | O_RDWR, 0644);

    CHILD_REQUIRE(fd >= 0 && write(fd, "theirs", 6) == 6);
    CHILD_REQUIRE(create(REGION_BYTES) != NULL);
    require_made_in_runtime_directory();
    CHILD_REQUIRE(pread(fd, text, sizeof(text), 0) == 6 && memcmp(text, "theirs", 6) == 0);
}

static void
a_file_that_is_there_already_is_not_touched(void **state)
{
    (void)state;
    assert_int_equal(child_run(find_file_in_the_way, NULL), 0);
}

static void
find_link_in_the_way(void *exists)
{
    char path[512], target[300];

    known_path(path, sizeof(path), own);
    snprintf(target, sizeof(target), "%.200s/target", runtime);
    if (exists != NULL)
        CHILD_REQUIRE(close(open(target, O_CREAT | O_WRONLY, 0600)) == 0);
    CHILD_REQUIRE(symlink(target, path) == 0);
    CHILD_REQUIRE(create(REGION_BYTES) != NULL);
    require_made_in_runtime_directory();

    struct stat status;

    CHILD_REQUIRE((stat(target, &status) == 0) == (exists != NULL));
    CHILD_REQUIRE(exists == NULL || status.st_size == 0);
}

static void
a_symbolic_link_in_place_of_the_file_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(child_run(find_link_in_the_way, NULL), 0);
    tear_down(NULL);
    set_up(NULL);
    assert_int_equal(child_run(find_link_in_the_way, own), 0);
}

/* --- Limits ---------------------------------------------------------------------------------- */

static void
limit_file_size(uint64_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

    CHILD_REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* Inserts stacks until there is no more room. */
static void
fill_with_stacks(struct wp_region_header *region)
{
    const struct wp_sample sample = {.contentions_fixed = WP_REGION_COUNT_ONE, .delay_ns = 1};
    uint64_t added = 0;
    struct region_fixture_totals totals;

    wp_region_mapped = region;
    wp_process_init(1);
    wp_stack_table_init();
    while (region_fixture_counter(WP_COUNTER_lost_table_full) < 100) {
        uint64_t frames[2] = {added++, 1};

        wp_stack_table_add(wp_stack_table_intern(WP_PROFILE_BLOCK, 1, frames, 2), &sample, 1);
    }
    CHILD_REQUIRE(region_fixture_add_up(WP_PROFILE_BLOCK, &totals));
    CHILD_REQUIRE(totals.delay_ns == added && totals.samples == added);
}

/* SIGXFSZ would end the child. */
static void
obey_file_size_limit(void *unused)
{
    const uint64_t limit = (UINT64_C(2) << 20) + 1234;
    struct wp_region_header *region;
    struct stat status;

    (void)unused;
    limit_file_size(limit);
    region = create(REGION_BYTES);
    CHILD_REQUIRE(region != NULL);
    require_made_in(own);
    CHILD_REQUIRE(region->size_bytes == UINT64_C(2) << 20);
    CHILD_REQUIRE(stat(made, &status) == 0 && (uint64_t)status.st_size == region->size_bytes);
    fill_with_stacks(region);
}

static void
the_region_is_no_larger_than_files_may_be(void **state)
{
    (void)state;
    assert_int_equal(child_run(obey_file_size_limit, NULL), 0);
}

static void
obey_tiny_file_size_limit(void *bytes)
{
    int before = region_fixture_open_descriptors();

    limit_file_size(*(uint64_t *)bytes);

    struct wp_region_header *region = create(REGION_BYTES);

    CHILD_REQUIRE(region != NULL);
    CHILD_REQUIRE(made[0] == '\0');
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
    CHILD_REQUIRE(rmdir(own) == 0); /* no file was left behind */
    CHILD_REQUIRE(memcmp(region->magic, WP_REGION_MAGIC, 8) == 0);
    fill_with_stacks(region);
}

static void
where_no_file_can_be_had_the_region_is_anonymous_memory(void **state)
{
    uint64_t limits[] = {0, 4096, 65536};

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)mkdir(own, 0700);
        assert_int_equal(child_run(obey_tiny_file_size_limit, &limits[i]), 0);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Pages mapped at present. */
static uint64_t
mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHILD_REQUIRE(file != NULL && fscanf(file, "%lu", &pages) == 1 && fclose(file) == 0);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
run_short_of_address_space(void *unused)
{
    const uint64_t bytes = mapped_bytes() + (UINT64_C(3) << 20);
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};

    (void)unused;
    CHILD_REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);

    struct wp_region_header *region = create(UINT64_C(512) << 20);
    struct stat status;

    CHILD_REQUIRE(region != NULL);
    require_made_in(own);
    CHILD_REQUIRE(region->size_bytes <= region->allocated_bytes || region->size_bytes < bytes / 16);
    CHILD_REQUIRE(stat(made, &status) == 0 && (uint64_t)status.st_size == region->size_bytes);
    fill_with_stacks(region);
}

static void
with_little_address_space_the_region_is_as_small_as_can_be(void **state)
{
    (void)state;
    assert_int_equal(child_run(run_short_of_address_space, NULL), 0);
}

/* A sanitizer needs address space of its own, and ends the program when it gets none. */
static void
have_no_address_space(void *unused)
{
    const uint64_t bytes = mapped_bytes() + 65536;
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    int before = region_fixture_open_descriptors();

    (void)unused;
    CHILD_REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
    CHILD_REQUIRE(create(REGION_BYTES) == NULL);
    CHILD_REQUIRE(region_fixture_open_descriptors() == before);
    CHILD_REQUIRE(rmdir(own) == 0);
}

static void
without_any_address_space_there_is_no_region(void **state)
{
    (void)state;
    assert_int_equal(child_run(have_no_address_space, NULL), 0);
}
#endif

static void
do_without_random_numbers(void *unused)
{
    (void)unused;
    random_fails = 1;

    struct wp_region_header *region = create(REGION_BYTES);

    CHILD_REQUIRE(region != NULL && region->region_id != 0 && region->region_id != KNOWN_ID);

    uint64_t first = region->region_id;

    region = create(REGION_BYTES);
    CHILD_REQUIRE(region != NULL && region->region_id != first);
}

static void
without_random_numbers_regions_still_differ(void **state)
{
    (void)state;
    assert_int_equal(child_run(do_without_random_numbers, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waitprof_dir_comes_first),
        TEST(a_directory_that_is_missing_is_made_for_this_user_alone),
        TEST(the_umask_does_not_change_who_may_read_the_region),
        TEST(the_runtime_directory_comes_second),
        TEST(directories_are_listed_in_the_documented_order),
        TEST(a_directory_of_another_user_is_refused),
        TEST(a_directory_that_its_group_may_write_is_refused),
        TEST(a_directory_that_everybody_may_write_is_refused),
        TEST(a_directory_behind_a_symbolic_link_is_refused),
        TEST(a_file_in_place_of_the_directory_is_refused),
        TEST(a_directory_without_a_parent_is_refused),
        TEST(a_directory_with_too_long_a_name_is_refused),
        TEST(a_file_that_is_there_already_is_not_touched),
        TEST(a_symbolic_link_in_place_of_the_file_is_not_followed),
        TEST(the_region_is_no_larger_than_files_may_be),
        TEST(where_no_file_can_be_had_the_region_is_anonymous_memory),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        TEST(with_little_address_space_the_region_is_as_small_as_can_be),
        TEST(without_any_address_space_there_is_no_region),
#endif
        TEST(without_random_numbers_regions_still_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
