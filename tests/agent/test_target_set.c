#include "agent/target_set.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/program.h"
#include "agent/shelf.h"
#include "profile/cmocka_all.h"
#include "profile/procfs.h"

#define MANY 1001u

/* A set, and what it has said so far. */
struct followed {
    struct wp_target_set *set;
    struct wp_target_changes changes;
    unsigned troubles;
    char trouble[WP_ERROR_TEXT_BYTES];
    struct wp_error error;
};

static void
note_trouble(const char *text, void *context)
{
    struct followed *followed = context;

    followed->troubles++;
    snprintf(followed->trouble, sizeof followed->trouble, "%s", text);
}

static void
follow(struct followed *followed, const char *const *words, size_t count)
{
    const struct wp_target_selection selection = {.words = words, .word_count = count};

    memset(followed, 0, sizeof *followed);
    assert_int_equal(wp_target_set_new(&selection, &followed->set, &followed->error), 0);
}

static int
refresh(struct followed *followed)
{
    return wp_target_set_refresh(followed->set, &followed->changes, note_trouble, followed,
                                 &followed->error);
}

static void
refresh_well(struct followed *followed, size_t come, size_t gone)
{
    if (refresh(followed) != 0)
        fail_msg("%s", followed->error.text);
    assert_int_equal(followed->changes.come_count, come);
    assert_int_equal(followed->changes.gone_count, gone);
}

static size_t
count_of(const struct followed *followed)
{
    struct wp_target *const *targets;

    return wp_target_set_list(followed->set, &targets);
}

/* The one target of the set. */
static const struct wp_target *
only_one(const struct followed *followed)
{
    struct wp_target *const *targets;

    assert_int_equal(wp_target_set_list(followed->set, &targets), 1);
    return targets[0];
}

static void
programs_are_followed_while_they_run(void **state)
{
    static const char *const words[] = {"walk*"};
    const struct shelf *shelf = *state;
    struct wp_target *const *targets;
    struct program first, second, other;
    struct followed followed;

    follow(&followed, words, 1);
    refresh_well(&followed, 0, 0);
    program_start(&second, shelf->directory, "walker", 2, NULL);
    program_start(&other, shelf->directory, "runner", 3, NULL);
    refresh_well(&followed, 1, 0);
    assert_int_equal(followed.changes.come[0]->region_id, second.region_id);
    program_start(&first, shelf->directory, "walk", 1, NULL);
    refresh_well(&followed, 1, 0);
    refresh_well(&followed, 0, 0);
    /* By the time of their start, not by that of our look. */
    assert_int_equal(wp_target_set_list(followed.set, &targets), 2);
    assert_int_equal(targets[0]->region_id, first.region_id);
    assert_int_equal(targets[1]->region_id, second.region_id);
    program_stop(&second);
    refresh_well(&followed, 0, 1);
    assert_int_equal(followed.changes.gone[0]->region_id, second.region_id);
    assert_int_equal(only_one(&followed)->region_id, first.region_id);
    refresh_well(&followed, 0, 0);
    assert_int_equal(followed.troubles, 0);
    wp_target_set_free(followed.set);
    program_stop(&first);
    program_stop(&other);
}

static void
all_takes_every_program_that_runs(void **state)
{
    const struct wp_target_selection selection = {.all = true};
    const struct shelf *shelf = *state;
    struct program programs[3];
    struct followed followed = {0};

    for (unsigned i = 0; i < 3; i++)
        program_start(&programs[i], shelf->directory, "any", i, NULL);
    program_stop(&programs[2]);
    assert_int_equal(wp_target_set_new(&selection, &followed.set, NULL), 0);
    assert_int_equal(refresh(&followed), 0);
    /* Others may run on this machine. */
    for (unsigned i = 0; i < 3; i++) {
        char id[17];

        snprintf(id, sizeof id, "%016llx", (unsigned long long)programs[i].region_id);
        assert_int_equal(wp_target_set_find(followed.set, id) != NULL, i < 2);
    }
    wp_target_set_free(followed.set);
    program_stop(&programs[0]);
    program_stop(&programs[1]);
}

static void
a_pid_is_the_program_that_the_process_runs_now(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct followed followed;
    char pid[16];
    const char *const words[] = {pid};

    program_start(&program, shelf->directory, "before", 1, NULL);
    snprintf(pid, sizeof pid, "%d", (int)program.pid);
    follow(&followed, words, 1);
    refresh_well(&followed, 1, 0);
    assert_string_equal(only_one(&followed)->command, "before");
    program_exec(&program, shelf->directory, "after", 2, NULL);
    refresh_well(&followed, 1, 1);
    assert_string_equal(followed.changes.gone[0]->command, "before");
    assert_string_equal(only_one(&followed)->command, "after");
    program_stop(&program);
    refresh_well(&followed, 0, 1);
    refresh_well(&followed, 0, 0);
    assert_int_equal(count_of(&followed), 0);
    assert_int_equal(followed.troubles, 0);
    wp_target_set_free(followed.set);
}

static void
an_exec_is_seen_among_programs_by_name_at_once(void **state)
{
    static const char *const words[] = {"before", "after"};
    const struct shelf *shelf = *state;
    struct program program;
    struct followed followed;

    program_start(&program, shelf->directory, "before", 1, NULL);
    follow(&followed, words, 2);
    refresh_well(&followed, 1, 0);
    program_exec(&program, shelf->directory, "after", 2, NULL);
    refresh_well(&followed, 1, 1);
    assert_string_equal(only_one(&followed)->command, "after");
    wp_target_set_free(followed.set);
    program_stop(&program);
}

static void
a_family_is_one_target_until_its_last_process_ends(void **state)
{
    static const char *const words[] = {"family"};
    const struct shelf *shelf = *state;
    struct program program;
    struct followed followed;
    char pid[16];
    pid_t child;

    program_start(&program, shelf->directory, "family", 1, NULL);
    child = program_fork(&program);
    follow(&followed, words, 1);
    refresh_well(&followed, 1, 0);
    snprintf(pid, sizeof pid, "%d", (int)child);
    assert_ptr_equal(wp_target_set_find(followed.set, pid), only_one(&followed));
    program_stop(&program);
    refresh_well(&followed, 0, 0);
    assert_ptr_equal(wp_target_set_find(followed.set, pid), only_one(&followed));
    kill(child, SIGKILL);
    for (unsigned i = 0; i < 1000 && count_of(&followed) > 0; i++) {
        usleep(10000);
        assert_int_equal(refresh(&followed), 0);
    }
    assert_int_equal(count_of(&followed), 0);
    assert_null(wp_target_set_find(followed.set, pid));
    wp_target_set_free(followed.set);
}

static void
a_program_stays_when_its_file_is_removed(void **state)
{
    static const char *const words[] = {"removed"};
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_snapshot *snapshot;
    struct followed followed;

    program_start(&program, shelf->directory, "removed", 1, NULL);
    follow(&followed, words, 1);
    refresh_well(&followed, 1, 0);
    assert_int_equal(unlink(program.path), 0);
    refresh_well(&followed, 0, 0);
    assert_int_equal(wp_target_read(only_one(&followed), &snapshot, NULL), 0);
    wp_snapshot_free(snapshot);
    program_stop(&program);
    refresh_well(&followed, 0, 1);
    wp_target_set_free(followed.set);
}

static void
words_that_mean_nothing_are_refused_at_first(void **state)
{
    static const struct {
        const char *word;
        int status;
    } cases[] = {
        {"0", -ESRCH},
        {"2147483647", -ESRCH},
        {"/nowhere/at_all", -ENOENT},
        {"sample.1.0123456789abcdef.wpr", -ENOENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct followed followed;

        follow(&followed, &cases[i].word, 1);
        assert_int_equal(refresh(&followed), cases[i].status);
        assert_string_not_equal(followed.error.text, "");
        assert_int_equal(count_of(&followed), 0);
        wp_target_set_free(followed.set);
    }
}

static void
a_program_that_has_ended_is_refused_by_name_of_its_region(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct followed followed;
    char id[17];
    const char *const words[] = {program.path, id};

    program_start(&program, shelf->directory, "ended", 77, NULL);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)program.region_id);
    program_stop(&program);
    for (size_t i = 0; i < 2; i++) {
        follow(&followed, &words[i], 1);
        assert_int_equal(refresh(&followed), -ESRCH);
        assert_non_null(strstr(followed.error.text, "has ended"));
        wp_target_set_free(followed.set);
    }
}

static void
a_region_is_found_by_file_and_by_id(void **state)
{
    const struct shelf *shelf = *state;
    struct program programs[2];
    struct followed followed;
    const char *const words[] = {programs[0].path, "abcd000000000009"};

    program_start(&programs[0], shelf->directory, "file", 8, NULL);
    program_start(&programs[1], shelf->directory, "id", 9, NULL);
    follow(&followed, words, 2);
    refresh_well(&followed, 2, 0);
    refresh_well(&followed, 0, 0);
    assert_int_equal(wp_target_set_find(followed.set, "abcd000000000008")->region_id,
                     programs[0].region_id);
    assert_int_equal(wp_target_set_find(followed.set, "ABCD000000000009")->region_id,
                     programs[1].region_id);
    assert_null(wp_target_set_find(followed.set, "abcd")); /* either */
    assert_null(wp_target_set_find(followed.set, "abc"));
    assert_null(wp_target_set_find(followed.set, ""));
    assert_null(wp_target_set_find(followed.set, "1"));
    assert_null(wp_target_set_find(followed.set, "99999999999999999999"));
    program_stop(&programs[0]);
    refresh_well(&followed, 0, 1);
    refresh_well(&followed, 0, 0);
    wp_target_set_free(followed.set);
    program_stop(&programs[1]);
}

static void
damage(struct region_builder *builder)
{
    region_builder_header(builder)->version = 99;
}

static void
a_running_program_that_cannot_be_read_is_reported_once(void **state)
{
    static const char *const words[] = {"damaged"};
    const struct shelf *shelf = *state;
    struct program used, left;
    struct followed followed;

    program_start(&used, shelf->directory, "damaged", 1, damage);
    program_start(&left, shelf->directory, "damaged", 2, damage);
    program_stop(&left);
    follow(&followed, words, 1);
    for (unsigned i = 0; i < 3; i++)
        refresh_well(&followed, 0, 0);
    assert_int_equal(followed.troubles, 1);
    assert_non_null(strstr(followed.trouble, used.path));
    wp_target_set_free(followed.set);
    program_stop(&used);
}

static void
leave_unfinished(struct region_builder *builder)
{
    region_builder_header(builder)->ready = 0;
}

static void
a_region_that_is_being_made_is_awaited(void **state)
{
    const struct shelf *shelf = *state;
    struct program program;
    struct followed followed;
    char pid[16];
    const char *const words[] = {pid, "young"};
    const uint32_t ready = 1;
    int fd;

    program_start(&program, shelf->directory, "young", 1, leave_unfinished);
    snprintf(pid, sizeof pid, "%d", (int)program.pid);
    for (size_t i = 0; i < 2; i++) {
        follow(&followed, &words[i], 1);
        refresh_well(&followed, 0, 0);
        refresh_well(&followed, 0, 0);
        assert_int_equal(followed.troubles, 0);
        if (i == 0)
            wp_target_set_free(followed.set);
    }
    fd = open(program.path, O_WRONLY);
    assert_int_equal(pwrite(fd, &ready, sizeof ready, offsetof(struct wp_region_header, ready)),
                     sizeof ready);
    close(fd);
    refresh_well(&followed, 1, 0);
    wp_target_set_free(followed.set);
    program_stop(&program);
}

static void
pause_rates(struct region_builder *builder)
{
    struct wp_region_header *header = region_builder_header(builder);

    header->block_rate_ns = header->base_block_rate_ns = 0;
    header->mutex_fraction = header->base_mutex_fraction = 0;
}

static void
a_program_at_rates_of_0_is_followed(void **state)
{
    static const char *const words[] = {"idle"};
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_snapshot *snapshot;
    struct followed followed;

    program_start(&program, shelf->directory, "idle", 1, pause_rates);
    follow(&followed, words, 1);
    refresh_well(&followed, 1, 0);
    assert_int_equal(wp_target_read(only_one(&followed), &snapshot, NULL), 0);
    assert_int_equal(snapshot->stack_count, 0);
    wp_snapshot_free(snapshot);
    wp_target_set_free(followed.set);
    program_stop(&program);
}

static void
what_has_come_and_gone_may_be_kept(void **state)
{
    static const char *const words[] = {"kept"};
    const struct shelf *shelf = *state;
    struct program program;
    struct wp_snapshot *snapshot;
    struct wp_target *target;
    struct followed followed;

    program_start(&program, shelf->directory, "kept", 1, NULL);
    follow(&followed, words, 1);
    refresh_well(&followed, 1, 0);
    target = wp_target_hold(followed.changes.come[0]);
    program_stop(&program);
    refresh_well(&followed, 0, 1);
    wp_target_set_free(followed.set);
    assert_int_equal(wp_target_read(target, &snapshot, NULL), 0);
    assert_int_equal(snapshot->region_id, program.region_id);
    wp_snapshot_free(snapshot);
    wp_target_release(target);
}

/* One region under many names, all of which this process has mapped. */
static void
make_many(const struct shelf *shelf, char (*paths)[128])
{
    struct region_builder builder;
    struct wp_region_header *header;

    region_builder_init(&builder, NULL);
    header = region_builder_header(&builder);
    header->pid = (uint32_t)getpid();
    header->start_ticks = wp_procfs_start_ticks(getpid());
    for (unsigned i = 0; i < MANY; i++) {
        int fd;

        snprintf(paths[i], sizeof paths[i], "%s/many.%d.%016x.wpr", shelf->directory, (int)getpid(),
                 i);
        if (i == 0)
            region_builder_write(&builder, paths[i]);
        else
            assert_int_equal(link(paths[0], paths[i]), 0);
        fd = open(paths[i], O_RDWR);
        assert_ptr_not_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
        close(fd);
    }
    region_builder_free(&builder);
    program_give_away(paths[0]);
}

static void
a_thousand_programs_are_followed_and_the_rest_is_reported_once(void **state)
{
    static char paths[MANY][128];
    static const char *words[MANY];
    struct followed followed;

    make_many(*state, paths);
    for (unsigned i = 0; i < MANY; i++)
        words[i] = paths[i];
    follow(&followed, words, MANY);
    refresh_well(&followed, 1000, 0);
    refresh_well(&followed, 0, 0);
    assert_int_equal(count_of(&followed), 1000);
    assert_int_equal(followed.troubles, 1);
    assert_non_null(strstr(followed.trouble, "1000"));
    wp_target_set_free(followed.set);
}

/* With the argument `untold` for where the kernel does not tell which regions are in use. */
int
main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_followed_while_they_run),
        cmocka_unit_test(all_takes_every_program_that_runs),
        cmocka_unit_test(a_pid_is_the_program_that_the_process_runs_now),
        cmocka_unit_test(an_exec_is_seen_among_programs_by_name_at_once),
        cmocka_unit_test(a_family_is_one_target_until_its_last_process_ends),
        cmocka_unit_test(a_program_stays_when_its_file_is_removed),
        cmocka_unit_test(words_that_mean_nothing_are_refused_at_first),
        cmocka_unit_test(a_program_that_has_ended_is_refused_by_name_of_its_region),
        cmocka_unit_test(a_region_is_found_by_file_and_by_id),
        cmocka_unit_test(a_running_program_that_cannot_be_read_is_reported_once),
        cmocka_unit_test(a_region_that_is_being_made_is_awaited),
        cmocka_unit_test(a_program_at_rates_of_0_is_followed),
        cmocka_unit_test(what_has_come_and_gone_may_be_kept),
        cmocka_unit_test(a_thousand_programs_are_followed_and_the_rest_is_reported_once),
    };

    if (argument_count > 1 && strcmp(arguments[1], "untold") == 0 && !program_hide_use()) {
        puts("skipped: only root can give regions away");
        return 77;
    }
    return cmocka_run_group_tests(tests, shelf_open, shelf_close);
}
