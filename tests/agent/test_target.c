#include "agent/target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/program.h"
#include "agent/shelf.h"
#include "profile/cmocka_all.h"

static struct wp_target *
open_target(const char *what)
{
    struct wp_target *target;
    struct wp_error error = {""};

    if (wp_target_open(what, &target, &error) != 0)
        fail_msg("%s", error.text);
    return target;
}

static struct wp_snapshot *
read_target(const struct wp_target *target)
{
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    if (wp_target_read(target, &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    return snapshot;
}

static void
a_target_has_the_facts_of_its_region(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *target;
    char pid[16];

    program_start(&program, shelf->directory, "facts", 7, NULL);
    snprintf(pid, sizeof pid, "%d", (int)program.pid);
    target = open_target(pid);
    assert_int_equal(target->region_id, PROGRAM_ID + 7);
    assert_string_equal(target->command, "facts");
    assert_string_equal(target->place.path, program.path);
    assert_int_equal(target->pid, program.pid);
    assert_int_equal(target->seen_pid, program.pid);
    assert_int_equal(target->uid, geteuid());
    assert_true(target->start_realtime_ns > 0);
    wp_target_release(target);
    program_stop(&program);
}

static void
a_target_is_read_after_its_file_and_its_program_are_gone(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *target;
    struct wp_snapshot *snapshot;

    program_start(&program, shelf->directory, "gone", 1, NULL);
    target = open_target(program.path);
    program_stop(&program);
    assert_int_equal(unlink(program.path), 0);
    snapshot = read_target(target);
    assert_int_equal(snapshot->region_id, PROGRAM_ID + 1);
    assert_string_equal(snapshot->place.path, program.path);
    assert_int_equal(wp_target_state(target, snapshot, NULL), WP_STATE_GONE);
    wp_snapshot_free(snapshot);
    wp_target_release(target);
}

static void
the_last_reference_closes_the_region(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *target;
    int fd;

    program_start(&program, shelf->directory, "held", 1, NULL);
    target = open_target(program.path);
    fd = target->fd;
    assert_ptr_equal(wp_target_hold(target), target);
    wp_target_release(target);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    wp_target_release(target);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    wp_target_release(NULL);
    program_stop(&program);
}

static void
name_it_badly(struct region_builder *builder)
{
    region_builder_header(builder)->command = region_builder_string(builder, "\x1b[31mr\xff\ted");
}

static void
names_of_commands_can_be_printed(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *target;

    program_start(&program, shelf->directory, "bad", 1, name_it_badly);
    target = open_target(program.path);
    assert_string_equal(target->command, "?[31mr\xef\xbf\xbd?ed");
    wp_target_release(target);
    program_stop(&program);
}

static void
a_program_runs_as_long_as_its_children(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *target;
    struct wp_snapshot *snapshot;
    pid_t child, found;

    program_start(&program, shelf->directory, "parent", 1, NULL);
    target = open_target(program.path);
    snapshot = read_target(target);
    assert_int_equal(wp_target_state(target, snapshot, &found), WP_STATE_RUNNING);
    assert_int_equal(found, program.pid);
    /* The snapshot knows nothing of it. */
    child = program_fork(&program);
    program_stop(&program);
    assert_int_equal(wp_target_state(target, snapshot, &found), WP_STATE_CHILDREN);
    assert_int_equal(found, child);
    kill(child, SIGKILL);
    for (unsigned i = 0; i < 1000 && wp_target_state(target, snapshot, &found) != WP_STATE_GONE;
         i++)
        usleep(10000);
    assert_int_equal(wp_target_state(target, snapshot, &found), WP_STATE_GONE);
    assert_int_equal(found, 0);
    wp_snapshot_free(snapshot);
    wp_target_release(target);
}

static void
a_process_that_became_another_program_has_left_its_region(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_target *before, *after;
    struct wp_snapshot *snapshot;

    program_start(&program, shelf->directory, "before", 1, NULL);
    before = open_target(program.path);
    program_exec(&program, shelf->directory, "after", 2, NULL);
    after = open_target(program.path);
    snapshot = read_target(before);
    assert_int_equal(wp_target_state(before, snapshot, NULL), WP_STATE_GONE);
    wp_snapshot_free(snapshot);
    snapshot = read_target(after);
    assert_int_equal(wp_target_state(after, snapshot, NULL), WP_STATE_RUNNING);
    wp_snapshot_free(snapshot);
    wp_target_release(before);
    wp_target_release(after);
    program_stop(&program);
}

static void
what_is_no_region_is_no_target(void **state)
{
    const struct shelf *shelf = *state;
    struct wp_target *target;
    struct wp_error error = {""};
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/no_region", shelf->directory);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("hello", file);
    fclose(file);
    assert_int_equal(wp_target_open(path, &target, &error), -EPROTO);
    assert_null(target);
    assert_non_null(strstr(error.text, path));
    unlink(path);
    assert_int_equal(wp_target_open(path, &target, &error), -ENOENT);
    assert_null(target);
}

/* With the argument `untold` for where the kernel does not tell which regions are in use. */
int
main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_has_the_facts_of_its_region),
        cmocka_unit_test(a_target_is_read_after_its_file_and_its_program_are_gone),
        cmocka_unit_test(the_last_reference_closes_the_region),
        cmocka_unit_test(names_of_commands_can_be_printed),
        cmocka_unit_test(a_program_runs_as_long_as_its_children),
        cmocka_unit_test(a_process_that_became_another_program_has_left_its_region),
        cmocka_unit_test(what_is_no_region_is_no_target),
    };

    if (argument_count > 1 && strcmp(arguments[1], "untold") == 0 && !program_hide_use()) {
        puts("skipped: only root can give regions away");
        return 77;
    }
    return cmocka_run_group_tests(tests, shelf_open, shelf_close);
}
