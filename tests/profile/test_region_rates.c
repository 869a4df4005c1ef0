/*
 * Rates and leases: the command's side on a region's file, the program's side on the same file
 * mapped, alone and against each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/rates.h"
#include "core/region_rates.h"
#include "profile/cmocka_all.h"
#include "profile/region_builder.h"
#include "profile/region_reader.h"

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define COMMANDS 3
#define ROUNDS 60

/* A region in a file, as the commands see it and as the program does. */
struct rates_fixture {
    struct wp_region_place place;
    struct region_builder builder;
    struct wp_region_header *program;
};

static int
set_up(void **state)
{
    struct rates_fixture *fixture = calloc(1, sizeof *fixture);
    int fd;

    assert_non_null(fixture);
    strcpy(fixture->place.path, "/tmp/wp-test-XXXXXX");
    fd = mkstemp(fixture->place.path);
    assert_true(fd >= 0);
    region_builder_init(&fixture->builder, NULL);
    region_builder_write(&fixture->builder, fixture->place.path);
    close(fd);
    fd = open(fixture->place.path, O_RDWR);
    fixture->program =
        mmap(NULL, fixture->builder.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(fixture->program != MAP_FAILED);
    close(fd);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct rates_fixture *fixture = *state;

    munmap(fixture->program, fixture->builder.size_bytes);
    unlink(fixture->place.path);
    region_builder_free(&fixture->builder);
    free(fixture);
    return 0;
}

static uint64_t
now_ns(void)
{
    return wp_clock_ns();
}

/* UINT64_MAX leaves a rate as it is. */
static struct wp_reader_rate_result
change(struct rates_fixture *fixture, uint64_t block_rate_ns, uint64_t mutex_fraction,
       uint64_t for_ns)
{
    const struct wp_reader_rate_change wanted = {
        .block_rate_ns = block_rate_ns != UINT64_MAX ? &block_rate_ns : NULL,
        .mutex_fraction = mutex_fraction != UINT64_MAX ? &mutex_fraction : NULL,
        .for_ns = for_ns,
    };
    struct wp_reader_rate_result result;
    struct wp_error error = {""};

    if (wp_reader_change_rates(&fixture->place, &wanted, &result, &error) != 0)
        fail_msg("%s", error.text);
    return result;
}

static void
assert_in_force(const struct rates_fixture *fixture, uint64_t block_rate_ns,
                uint64_t mutex_fraction)
{
    assert_int_equal(fixture->program->block_rate_ns, block_rate_ns);
    assert_int_equal(fixture->program->mutex_fraction, mutex_fraction);
}

static void
a_change_for_good_is_in_force_and_noted(void **state)
{
    struct rates_fixture *fixture = *state;
    struct wp_reader_rate_result result = change(fixture, 12345, UINT64_MAX, 0);
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    assert_int_equal(result.before.block_rate_ns, 1);
    assert_int_equal(result.after.block_rate_ns, 12345);
    assert_int_equal(result.after.mutex_fraction, 1);
    assert_int_equal(result.lease, 0);
    assert_in_force(fixture, 12345, 1);
    /* What does not change is not noted. */
    change(fixture, 12345, 1, 0);
    assert_int_equal(wp_reader_open(&fixture->place, &snapshot, &error), 0);
    assert_int_equal(snapshot->block_rate_ns, 12345);
    assert_int_equal(snapshot->base_block_rate_ns, 12345);
    assert_int_equal(snapshot->lease_count, 0);
    assert_int_equal(snapshot->rate_changes_known, 2);
    assert_int_equal(snapshot->rate_changes[1].block_rate_ns, 12345);
    assert_true(snapshot->rate_changes[1].realtime_ns > snapshot->rate_changes[0].realtime_ns);
    wp_snapshot_free(snapshot);
}

static void
the_program_ends_a_lease_that_nobody_ends(void **state)
{
    struct rates_fixture *fixture = *state;
    struct wp_reader_rate_result result = change(fixture, 500, 7, HOUR);
    uint64_t deadline_ns = fixture->program->settle_at_ns;

    assert_int_equal(result.after.leases, 1);
    assert_in_force(fixture, 500, 7);
    wp_rates_obey(fixture->program, now_ns());
    assert_in_force(fixture, 500, 7);
    wp_rates_obey(fixture->program, deadline_ns - 1);
    assert_in_force(fixture, 500, 7);
    wp_rates_obey(fixture->program, deadline_ns);
    assert_in_force(fixture, 1, 1);
    assert_int_equal(fixture->program->settle_at_ns, 0);
    /* Start, lease, end. */
    assert_int_equal(fixture->program->rate_change_count, 3);
    assert_int_equal(fixture->program->rate_changes[1].block_rate_ns, 500);
    assert_int_equal(fixture->program->rate_changes[2].block_rate_ns, 1);
}

static void
a_lease_that_has_run_out_counts_for_nobody_though_no_wait_has_noticed(void **state)
{
    struct rates_fixture *fixture = *state;
    struct wp_snapshot *snapshot;
    struct wp_error error = {""};

    change(fixture, 500, 7, 1000000);
    usleep(2000);
    assert_int_equal(fixture->program->block_rate_ns, 500);
    assert_int_equal(wp_reader_open(&fixture->place, &snapshot, &error), 0);
    assert_int_equal(snapshot->block_rate_ns, 1);
    assert_int_equal(snapshot->mutex_fraction, 1);
    assert_int_equal(snapshot->lease_count, 0);
    wp_snapshot_free(snapshot);
    assert_int_equal(change(fixture, UINT64_MAX, UINT64_MAX, 0).before.block_rate_ns, 1);
}

static void
of_several_leases_the_latest_that_runs_counts(void **state)
{
    struct rates_fixture *fixture = *state;
    uint64_t first = change(fixture, 100, UINT64_MAX, 3 * HOUR).lease;
    uint64_t second = change(fixture, 200, 5, HOUR).lease;
    struct wp_reader_rates after;
    struct wp_error error = {""};

    assert_true(second > first);
    assert_in_force(fixture, 200, 5);
    wp_rates_obey(fixture->program, now_ns() + 2 * HOUR);
    assert_in_force(fixture, 100, 1);
    wp_rates_obey(fixture->program, now_ns() + 4 * HOUR);
    assert_in_force(fixture, 1, 1);
    /* The command's clock says that all still run. */
    assert_int_equal(wp_reader_end_lease(&fixture->place, second, &after, &error), 0);
    assert_int_equal(after.block_rate_ns, 100);
    assert_in_force(fixture, 100, 1);
    assert_int_equal(wp_reader_end_lease(&fixture->place, second, &after, &error), 0);
    assert_int_equal(wp_reader_end_lease(&fixture->place, first, &after, &error), 0);
    assert_in_force(fixture, 1, 1);
    assert_int_equal(after.leases, 0);
}

static void
a_change_for_good_ends_the_leases_on_that_rate_alone(void **state)
{
    struct rates_fixture *fixture = *state;

    change(fixture, 100, 5, HOUR);
    change(fixture, 200, UINT64_MAX, HOUR);
    struct wp_reader_rate_result result = change(fixture, 0, UINT64_MAX, 0);

    assert_int_equal(result.ended_leases, 1);
    assert_int_equal(result.after.leases, 1);
    assert_int_equal(result.after.block_rate_ns, 0);
    assert_int_equal(result.after.mutex_fraction, 5);
    assert_int_equal(fixture->program->mutex_fraction, 5);
    assert_int_equal(change(fixture, UINT64_MAX, 3, 0).ended_leases, 1);
    assert_in_force(fixture, 0, 3);
}

static void
a_lease_that_switches_off_leaves_the_program_awake_to_end_it(void **state)
{
    struct rates_fixture *fixture = *state;
    struct wp_reader_rate_result result = change(fixture, 0, 0, HOUR);

    assert_int_equal(result.after.block_rate_ns, 0);
    assert_int_equal(fixture->program->block_rate_ns, WP_REGION_BLOCK_RATE_PAUSED);
    assert_int_equal(fixture->program->mutex_fraction, 0);
    wp_rates_obey(fixture->program, now_ns() + 2 * HOUR);
    assert_in_force(fixture, 1, 1);
    /* Where nothing comes back there is nothing to stay awake for. */
    change(fixture, 0, 0, 0);
    change(fixture, 0, 0, HOUR);
    assert_in_force(fixture, 0, 0);
}

static void
what_the_program_sets_follows_the_lease(void **state)
{
    struct rates_fixture *fixture = *state;

    change(fixture, 100, UINT64_MAX, HOUR);
    assert_int_equal(wp_rates_set_block_rate(fixture->program, 0), 1);
    assert_in_force(fixture, 100, 1);
    /* Puts back what it found: the lease does not become permanent. */
    assert_int_equal(wp_rates_set_block_rate(fixture->program, 1), 0);
    wp_rates_obey(fixture->program, now_ns() + 2 * HOUR);
    assert_in_force(fixture, 1, 1);
}

static void
more_leases_than_there_is_room_for_are_refused(void **state)
{
    struct rates_fixture *fixture = *state;
    const uint64_t rate = 5;
    const struct wp_reader_rate_change wanted = {.block_rate_ns = &rate, .for_ns = HOUR};
    struct wp_reader_rate_result result;
    struct wp_error error = {""};

    for (unsigned i = 0; i < WP_REGION_LEASES; i++)
        change(fixture, 100 + i, UINT64_MAX, HOUR);
    assert_int_equal(wp_reader_change_rates(&fixture->place, &wanted, &result, &error), -EBUSY);
    assert_non_null(strstr(error.text, "16 leases"));
    assert_in_force(fixture, 100 + WP_REGION_LEASES - 1, 1);
    change(fixture, 9, UINT64_MAX, 0);
    assert_int_equal(change(fixture, 10, UINT64_MAX, HOUR).after.leases, 1);
}

static void
no_deadline_overflows(void **state)
{
    struct rates_fixture *fixture = *state;

    change(fixture, 100, UINT64_MAX, INT64_MAX);
    assert_in_force(fixture, 100, 1);
    wp_rates_obey(fixture->program, now_ns() + 100000 * HOUR);
    assert_in_force(fixture, 100, 1);
}

/* A command: takes leases and gives them back. */
static void
be_a_command(struct rates_fixture *fixture, unsigned number)
{
    struct wp_error error = {""};

    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t rate = 1000 * (number + 1) + i, fraction = 2 + i;
        const struct wp_reader_rate_change wanted = {.block_rate_ns = &rate,
                                                     .mutex_fraction = &fraction,
                                                     .for_ns = i % 3 == 0 ? 1000 : HOUR};
        struct wp_reader_rate_result result;
        struct wp_reader_rates after;

        if (wp_reader_change_rates(&fixture->place, &wanted, &result, &error) != 0 ||
            wp_reader_end_lease(&fixture->place, result.lease, &after, &error) != 0)
            _exit(1);
    }
    _exit(0);
}

static void *
be_the_program(void *argument)
{
    struct wp_region_header *region = argument;

    for (uint64_t i = 0; __atomic_load_n(&region->ready, __ATOMIC_RELAXED) == 1; i++) {
        wp_rates_obey(region, now_ns());
        if (i % 16 == 0)
            wp_rates_set_block_rate(region, 1 + i % 5);
    }
    return NULL;
}

static void
after_any_crossing_of_changes_the_rates_are_those_that_follow(void **state)
{
    struct rates_fixture *fixture = *state;
    struct wp_region_header *region = fixture->program;
    pid_t commands[COMMANDS];
    pthread_t program[2];

    for (unsigned i = 0; i < COMMANDS; i++) {
        commands[i] = fork();
        assert_true(commands[i] >= 0);
        if (commands[i] == 0)
            be_a_command(fixture, i);
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&program[i], NULL, be_the_program, region), 0);
    for (unsigned i = 0; i < COMMANDS; i++) {
        int status;

        assert_int_equal(waitpid(commands[i], &status, 0), commands[i]);
        assert_int_equal(status, 0);
    }
    __atomic_store_n(&region->ready, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(program[i], NULL);
    region->ready = 1;
    assert_int_equal(region->lease_count, COMMANDS * ROUNDS);
    assert_int_equal(region->settle_at_ns, 0);
    assert_in_force(fixture, region->base_block_rate_ns, region->base_mutex_fraction);
    assert_in_range(region->block_rate_ns, 1, 5);
    assert_int_equal(region->mutex_fraction, 1);
}

/* Whoever may read a region may lock it, for ever. */
static void
a_lock_that_is_never_given_back_hangs_no_command(void **state)
{
    struct rates_fixture *fixture = *state;
    const uint64_t rate = 5;
    const struct wp_reader_rate_change wanted = {.block_rate_ns = &rate};
    struct wp_reader_rate_result result;
    struct wp_error error = {""};
    int fd = open(fixture->place.path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(wp_reader_change_rates(&fixture->place, &wanted, &result, &error), -EBUSY);
    assert_non_null(strstr(error.text, "lock"));
    assert_in_force(fixture, 1, 1);
    close(fd);
    assert_int_equal(wp_reader_change_rates(&fixture->place, &wanted, &result, &error), 0);
    assert_in_force(fixture, 5, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_for_good_is_in_force_and_noted),
        TEST(the_program_ends_a_lease_that_nobody_ends),
        TEST(a_lease_that_has_run_out_counts_for_nobody_though_no_wait_has_noticed),
        TEST(of_several_leases_the_latest_that_runs_counts),
        TEST(a_change_for_good_ends_the_leases_on_that_rate_alone),
        TEST(a_lease_that_switches_off_leaves_the_program_awake_to_end_it),
        TEST(what_the_program_sets_follows_the_lease),
        TEST(more_leases_than_there_is_room_for_are_refused),
        TEST(no_deadline_overflows),
        TEST(after_any_crossing_of_changes_the_rates_are_those_that_follow),
        TEST(a_lock_that_is_never_given_back_hangs_no_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
