#include "profile/region_find.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/cmocka_all.h"
#include "profile/procfs.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"

#define TEST_ID UINT64_C(0xfedc000000000000)

/* A directory of regions that only this test looks into. */
struct shelf {
    char directory[64];
};

static int
shelf_open(void **state)
{
    static struct shelf shelf;

    strcpy(shelf.directory, "/tmp/wp-test-XXXXXX");
    if (mkdtemp(shelf.directory) == NULL)
        return -1;
    setenv("WAITPROF_DIR", shelf.directory, 1);
    *state = &shelf;
    return 0;
}

static int
shelf_close(void **state)
{
    struct shelf *shelf = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", shelf->directory);
    return system(command);
}

/* Puts a region of that pid on the shelf; `number` makes its id. */
static void
shelf_put(const struct shelf *shelf, uint32_t pid, uint64_t start_ticks, uint32_t child,
          unsigned number, char *path, size_t size)
{
    struct region_builder builder;
    struct wp_region_header *header;

    region_builder_init(&builder, NULL);
    header = region_builder_header(&builder);
    header->pid = pid;
    header->start_ticks = start_ticks;
    header->start_realtime_ns += number;
    header->region_id = TEST_ID + number;
    if (child != 0)
        region_builder_process(&builder, child, 1);
    snprintf(path, size, "%s/sample.%u.%016llx.wpr", shelf->directory, pid,
             (unsigned long long)header->region_id);
    region_builder_write(&builder, path);
    region_builder_free(&builder);
}

static pid_t
start_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    return pid;
}

static void
stop_sleeper(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void
a_running_process_is_found_by_pid_and_start_time(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_place place;
    struct wp_error error = {""};
    pid_t pid = start_sleeper();
    char old_path[256];
    char path[256];
    char text[16];

    /* Somebody had the number before: his region must not be taken. */
    shelf_put(shelf, (uint32_t)pid, 1, 0, 2, old_path, sizeof old_path);
    shelf_put(shelf, (uint32_t)pid, wp_procfs_start_ticks(pid), 0, 1, path, sizeof path);
    snprintf(text, sizeof text, "%d", (int)pid);
    assert_int_equal(wp_region_find(text, &place, &error), 0);
    assert_string_equal(place.path, path);
    assert_int_equal(place.region_id, TEST_ID + 1);
    stop_sleeper(pid);
    unlink(path);
    unlink(old_path);
}

static void
a_forked_child_is_found_by_its_own_pid(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_place place;
    struct wp_error error = {""};
    pid_t pid = start_sleeper();
    char path[256];
    char text[16];

    shelf_put(shelf, 999999, 1, (uint32_t)pid, 1, path, sizeof path);
    snprintf(text, sizeof text, "%d", (int)pid);
    assert_int_equal(wp_region_find(text, &place, &error), 0);
    assert_string_equal(place.path, path);
    stop_sleeper(pid);
    unlink(path);
}

static void
a_region_that_is_mapped_is_found_wherever_it_lies(void **state)
{
    char directory[] = "/tmp/wp-elsewhere-XXXXXX";
    struct shelf elsewhere;
    struct wp_region_place place;
    struct wp_error error = {""};
    char path[256];
    char text[16];
    pid_t pid;
    int ready[2];
    char byte;

    (void)state;
    assert_non_null(mkdtemp(directory));
    strcpy(elsewhere.directory, directory);
    shelf_put(&elsewhere, 5, 1, 0, 7, path, sizeof path);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR);
        void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

        if (mapped == MAP_FAILED || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    snprintf(text, sizeof text, "%d", (int)pid);
    assert_int_equal(wp_region_find(text, &place, &error), 0);
    assert_string_equal(place.path, path);
    /* Once removed it cannot be had any more, and the message says so. */
    unlink(path);
    assert_int_equal(wp_region_find(text, &place, &error), -ENODATA);
    assert_non_null(strstr(error.text, "removed"));
    stop_sleeper(pid);
    close(ready[0]);
    close(ready[1]);
    rmdir(directory);
}

/* user_pid of the row that has this path, -1 if there is none. */
static pid_t
user_of(const struct wp_region_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->rows[i].path, path) == 0)
            return list->rows[i].user_pid;
    }
    return -1;
}

/* A process that has the region mapped. */
static pid_t
start_user(const char *path)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(path, O_RDWR), 0);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (mapped != MAP_FAILED && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void
a_search_knows_who_uses_a_region_and_a_list_of_directories_is_no_search(void **state)
{
    const struct shelf *shelf = *state;
    char directory[] = "/tmp/wp-elsewhere-XXXXXX"; /* no user's directory */
    char used[256], unused[256], elsewhere[256];
    struct shelf other;
    struct wp_region_list list;
    pid_t here, there;

    assert_non_null(mkdtemp(directory));
    strcpy(other.directory, directory);
    shelf_put(shelf, 5, 1, 0, 0x61, used, sizeof used);
    shelf_put(shelf, 5, 1, 0, 0x62, unused, sizeof unused);
    shelf_put(&other, 5, 1, 0, 0x63, elsewhere, sizeof elsewhere);
    here = start_user(used);
    there = start_user(elsewhere);
    assert_int_equal(wp_region_find_all(&list, NULL), 0);
    assert_int_equal(user_of(&list, used), here);
    assert_int_equal(user_of(&list, unused), 0);
    assert_int_equal(user_of(&list, elsewhere), there);
    wp_region_list_free(&list);
    assert_int_equal(wp_region_find_in_directories(&list, NULL), 0);
    assert_int_equal(user_of(&list, used), 0);
    assert_int_equal(user_of(&list, unused), 0);
    assert_int_equal(user_of(&list, elsewhere), -1);
    wp_region_list_free(&list);
    stop_sleeper(here);
    stop_sleeper(there);
    unlink(used);
    unlink(unused);
    unlink(elsewhere);
    rmdir(directory);
}

static void
of_a_process_of_another_user_is_said_that_it_is(void **state)
{
    struct wp_region_place place;
    struct wp_error error = {""};
    pid_t child;
    int status;

    (void)state;
    child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(99);
        if (kill(1, 0) == 0)
            _exit(99);
        _exit(wp_region_find("1", &place, &error) == -EACCES &&
                      strstr(error.text, "another user") != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99) {
        print_message("process 1 belongs to the user of this test\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
a_process_without_a_region_is_said_to_run_unprofiled(void **state)
{
    struct wp_region_place place;
    struct wp_error error = {""};
    pid_t pid = start_sleeper();
    char text[16];

    (void)state;
    snprintf(text, sizeof text, "%d", (int)pid);
    assert_int_equal(wp_region_find(text, &place, &error), -ENODATA);
    assert_non_null(strstr(error.text, "not profiled"));
    assert_non_null(strstr(error.text, "waitprof run"));
    stop_sleeper(pid);
    assert_int_equal(wp_region_find(text, &place, &error), -ESRCH);
    assert_non_null(strstr(error.text, "no process"));
}

static void
regions_are_found_by_the_first_digits_of_their_id(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_place place;
    struct wp_error error = {""};
    char first[256];
    char second[256];

    shelf_put(shelf, 999998, 1, 0, 0x10, first, sizeof first);
    shelf_put(shelf, 999997, 1, 0, 0x20, second, sizeof second);
    assert_int_equal(wp_region_find("FEDC000000000020", &place, &error), 0);
    assert_string_equal(place.path, second);
    assert_int_equal(wp_region_find("fedc0000", &place, &error), -ENOTUNIQ);
    assert_non_null(strstr(error.text, "2 regions"));
    assert_int_equal(wp_region_find("fedc1111", &place, &error), -ENOENT);
    assert_int_equal(wp_region_find("fed", &place, &error), -ENOENT);
    assert_int_equal(wp_region_find(first, &place, &error), 0);
    assert_string_equal(place.path, first);
    assert_int_equal(wp_region_find("./no-such-file.wpr", &place, &error), -ENOENT);
    unlink(first);
    unlink(second);
}

static void
a_dead_pid_with_several_regions_needs_an_id_unless_one_has_the_samples(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_place place;
    struct wp_error error = {""};
    char first[256];
    char second[256];
    int fd;
    uint64_t samples = 3;

    shelf_put(shelf, 999996, 1, 0, 0x31, first, sizeof first);
    shelf_put(shelf, 999996, 1, 0, 0x32, second, sizeof second);
    assert_int_equal(wp_region_find("999996", &place, &error), -ENOTUNIQ);
    assert_non_null(strstr(error.text, "fedc000000000031"));
    fd = open(first, O_WRONLY);
    assert_int_equal(
        pwrite(fd, &samples, sizeof samples,
               offsetof(struct wp_region_header, counters[0].value[WP_COUNTER_block_samples])),
        sizeof samples);
    close(fd);
    assert_int_equal(wp_region_find("999996", &place, &error), 0);
    assert_string_equal(place.path, first);
    unlink(first);
    unlink(second);
}

static void
the_list_holds_each_file_once_and_nothing_else(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_list list;
    struct wp_error error = {""};
    char path[256];
    char other[300];
    size_t seen = 0;

    shelf_put(shelf, 999995, 1, 0, 0x41, path, sizeof path);
    snprintf(other, sizeof other, "%s/notes.txt", shelf->directory);
    close(open(other, O_CREAT | O_WRONLY, 0600));
    snprintf(other, sizeof other, "%s/fifo.1.fedc000000000099.wpr", shelf->directory);
    assert_int_equal(mkfifo(other, 0600), 0);
    setenv("XDG_RUNTIME_DIR", shelf->directory, 1);
    assert_int_equal(wp_region_find_all(&list, &error), 0);
    for (size_t i = 0; i < list.count; i++) {
        if (strncmp(list.rows[i].path, shelf->directory, strlen(shelf->directory)) != 0)
            continue;
        assert_string_equal(list.rows[i].path, path);
        assert_string_equal(list.rows[i].command, "sample");
        assert_int_equal(list.rows[i].pid, 999995);
        seen++;
    }
    assert_int_equal(seen, 1);
    wp_region_list_free(&list);
    unsetenv("XDG_RUNTIME_DIR");
    /* A pipe under a region's name must not hold us up. */
    assert_int_equal(wp_region_find(other, &(struct wp_region_place){0}, &error), -EPROTO);
    assert_non_null(strstr(error.text, "not a regular file"));
    {
        struct wp_region_place place = {0};
        struct wp_snapshot *snapshot;

        snprintf(place.path, sizeof place.path, "%s", other);
        assert_int_equal(wp_reader_open(&place, &snapshot, &error), -EPROTO);
        assert_non_null(strstr(error.text, "not a regular file"));
    }
    unlink(path);
}

static void
a_directory_that_only_begins_like_ours_is_not_searched(void **state)
{
    struct wp_region_list list;
    struct wp_error error = {""};
    struct shelf like_ours = {"/tmp/waitprof-XXXXXX"};
    char path[256];

    (void)state;
    assert_non_null(mkdtemp(like_ours.directory));
    shelf_put(&like_ours, 999993, 1, 0, 0x61, path, sizeof path);
    assert_int_equal(wp_region_find_all(&list, &error), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_string_not_equal(list.rows[i].path, path);
    wp_region_list_free(&list);
    unlink(path);
    rmdir(like_ours.directory);
}

static void
regions_of_one_run_come_in_order_of_start(void **state)
{
    struct shelf *shelf = *state;
    struct wp_region_list list;
    struct wp_error error = {""};
    char first[256];
    char second[256];

    shelf_put(shelf, 999994, 1, 0, 0x52, second, sizeof second);
    shelf_put(shelf, 999995, 1, 0, 0x51, first, sizeof first);
    assert_int_equal(wp_region_find_run(77, &list, &error), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.rows[0].path, first);
    assert_string_equal(list.rows[1].path, second);
    wp_region_list_free(&list);
    assert_int_equal(wp_region_find_run(78, &list, &error), 0);
    assert_int_equal(list.count, 0);
    wp_region_list_free(&list);
    unlink(first);
    unlink(second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_process_is_found_by_pid_and_start_time),
        cmocka_unit_test(a_forked_child_is_found_by_its_own_pid),
        cmocka_unit_test(a_region_that_is_mapped_is_found_wherever_it_lies),
        cmocka_unit_test(a_search_knows_who_uses_a_region_and_a_list_of_directories_is_no_search),
        cmocka_unit_test(a_process_without_a_region_is_said_to_run_unprofiled),
        cmocka_unit_test(of_a_process_of_another_user_is_said_that_it_is),
        cmocka_unit_test(regions_are_found_by_the_first_digits_of_their_id),
        cmocka_unit_test(a_dead_pid_with_several_regions_needs_an_id_unless_one_has_the_samples),
        cmocka_unit_test(the_list_holds_each_file_once_and_nothing_else),
        cmocka_unit_test(a_directory_that_only_begins_like_ours_is_not_searched),
        cmocka_unit_test(regions_of_one_run_come_in_order_of_start),
    };

    return cmocka_run_group_tests(tests, shelf_open, shelf_close);
}
