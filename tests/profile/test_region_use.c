#include "profile/region_use.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/cmocka_all.h"

#define BYTES 4096
#define NOBODY 65534

struct file {
    struct wp_region_place place;
    int fd; /* as a command opens it */
};

static int
file_open(void **state)
{
    struct file *file = calloc(1, sizeof *file);
    int fd;

    assert_non_null(file);
    strcpy(file->place.path, "/tmp/wp_region_use.XXXXXX");
    fd = mkstemp(file->place.path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, BYTES), 0);
    close(fd);
    file->fd = open(file->place.path, O_RDONLY | O_CLOEXEC);
    assert_true(file->fd >= 0);
    *state = file;
    return 0;
}

static int
file_close(void **state)
{
    struct file *file = *state;

    close(file->fd);
    unlink(file->place.path);
    free(file);
    return 0;
}

/* As the library does it: no descriptor is left. */
static void *
map_file(const struct file *file)
{
    int fd = open(file->place.path, O_RDWR | O_CLOEXEC);
    void *mapped = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_true(fd >= 0 && mapped != MAP_FAILED);
    close(fd);
    return mapped;
}

/* A file system without leases (some network ones) has nothing to tell. */
static void
need_leases(const struct file *file)
{
    if (wp_region_use(file->fd) != WP_USE_UNKNOWN)
        return;
    print_message("/tmp knows no leases\n");
    skip();
}

static void
a_file_is_in_use_while_a_process_has_it_mapped(void **state)
{
    const struct file *file = *state;
    void *mapped;

    need_leases(file);
    assert_int_equal(wp_region_use(file->fd), WP_USE_NONE);
    assert_int_equal(wp_region_place_use(&file->place), WP_USE_NONE);
    mapped = map_file(file);
    assert_int_equal(wp_region_use(file->fd), WP_USE_MAPPED);
    assert_int_equal(wp_region_place_use(&file->place), WP_USE_MAPPED);
    munmap(mapped, BYTES);
    assert_int_equal(wp_region_use(file->fd), WP_USE_NONE);
}

static void
a_forked_child_keeps_it_in_use_and_an_exec_ends_that(void **state)
{
    const struct file *file = *state;
    int go[2], gone[2];
    void *mapped;
    char byte;
    pid_t child;

    need_leases(file);
    mapped = map_file(file);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    assert_int_equal(pipe2(gone, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* it outlives no test that fails */
        if (read(go[0], &byte, 1) == 1)
            execl("/bin/sleep", "sleep", "60", (char *)NULL);
        _exit(1);
    }
    munmap(mapped, BYTES);
    assert_int_equal(wp_region_use(file->fd), WP_USE_MAPPED);
    close(gone[1]);
    assert_int_equal(write(go[1], "x", 1), 1);
    /* Closed by the exec, which may let go of the mapping a little later. */
    assert_int_equal(read(gone[0], &byte, 1), 0);
    for (int tries = 0; tries < 1000 && wp_region_use(file->fd) != WP_USE_NONE; tries++)
        usleep(10000);
    assert_int_equal(wp_region_use(file->fd), WP_USE_NONE);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(go[0]);
    close(go[1]);
    close(gone[0]);
}

static void
a_file_whose_name_was_removed_is_asked_by_its_descriptor(void **state)
{
    const struct file *file = *state;
    void *mapped;

    need_leases(file);
    mapped = map_file(file);
    unlink(file->place.path);
    assert_int_equal(wp_region_use(file->fd), WP_USE_MAPPED);
    assert_int_equal(wp_region_place_use(&file->place), WP_USE_UNKNOWN);
    munmap(mapped, BYTES);
    assert_int_equal(wp_region_use(file->fd), WP_USE_NONE);
}

static void
readers_do_not_count_and_asking_keeps_nobody_out(void **state)
{
    const struct file *file = *state;
    int reader = open(file->place.path, O_RDONLY | O_CLOEXEC);
    int writer;

    need_leases(file);
    errno = 77;
    assert_int_equal(wp_region_use(file->fd), WP_USE_NONE);
    assert_int_equal(wp_region_use(reader), WP_USE_NONE);
    assert_int_equal(errno, 77);
    /* A lease that was left behind would refuse this. */
    writer = open(file->place.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(writer >= 0);
    close(writer);
    close(reader);
}

static void
nothing_is_known_of_the_file_of_another_user(void **state)
{
    const struct file *file = *state;
    int status;
    pid_t child;

    if (geteuid() != 0) {
        print_message("needs another user: only root can be one\n");
        skip();
    }
    child = fork();
    if (child == 0) {
        if (setresuid(NOBODY, NOBODY, NOBODY) != 0)
            _exit(99);
        _exit((int)wp_region_use(file->fd));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WP_USE_UNKNOWN);
}

/* An overlay in a mount namespace of its own; false if this process may not mount. */
static bool
mount_overlay(const char *directory)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", directory, "tmpfs", 0, NULL) == 0 && chdir(directory) == 0 &&
           mkdir("lower", 0700) == 0 && mkdir("upper", 0700) == 0 && mkdir("work", 0700) == 0 &&
           mkdir("merged", 0700) == 0 &&
           mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") ==
               0;
}

static void
nothing_is_known_of_a_file_on_an_overlay(void **state)
{
    char directory[] = "/tmp/wp_region_use.XXXXXX";
    int status;
    pid_t child;

    (void)state;
    assert_non_null(mkdtemp(directory));
    child = fork();
    if (child == 0) {
        struct file file = {.place = {.path = "merged/region"}};

        if (!mount_overlay(directory))
            _exit(99);
        file.fd = open(file.place.path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file.fd < 0 || truncate(file.place.path, BYTES) != 0)
            _exit(98);
        (void)map_file(&file);
        _exit((int)wp_region_use(file.fd));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    rmdir(directory);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99) {
        print_message("no overlay can be mounted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), WP_USE_UNKNOWN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_in_use_while_a_process_has_it_mapped, file_open,
                                        file_close),
        cmocka_unit_test_setup_teardown(a_forked_child_keeps_it_in_use_and_an_exec_ends_that,
                                        file_open, file_close),
        cmocka_unit_test_setup_teardown(a_file_whose_name_was_removed_is_asked_by_its_descriptor,
                                        file_open, file_close),
        cmocka_unit_test_setup_teardown(readers_do_not_count_and_asking_keeps_nobody_out, file_open,
                                        file_close),
        cmocka_unit_test_setup_teardown(nothing_is_known_of_the_file_of_another_user, file_open,
                                        file_close),
        cmocka_unit_test(nothing_is_known_of_a_file_on_an_overlay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
