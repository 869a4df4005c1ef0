/*
 * How a forked child is told from its parent: by fork, _Fork and a raw clone alike. Numbers that a
 * child finds go to the parent through shared memory.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process.h"

#include "child.h"
#include "region_fixture.h"

#define REGION_BYTES (UINT64_C(2) << 20)

/* What a child found. */
struct finding {
    uint32_t number;
    uint32_t number_again;
    uint32_t was_first_before; /* before it had a number */
    uint32_t was_first_after;
    uint32_t pid;
};

static struct finding *findings; /* shared with children */

static int
set_up(void **state)
{
    (void)state;
    findings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return findings == MAP_FAILED || region_fixture_open(REGION_BYTES) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    region_fixture_close();
    return munmap(findings, 4096);
}

static void
look_around(struct finding *finding)
{
    finding->was_first_before = wp_process_is_first();
    finding->number = wp_process_number();
    finding->number_again = wp_process_number();
    finding->was_first_after = wp_process_is_first();
    finding->pid = (uint32_t)syscall(SYS_getpid);
}

static long
raw_clone(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static const struct wp_region_process *
process_row(uint32_t number)
{
    return (const struct wp_region_process *)wp_region_rows(wp_region(), WP_TABLE_PROCESSES) +
           number - 1;
}

static void
assert_child_was_told_from_its_parent(pid_t pid)
{
    uint32_t number = findings[0].number;

    assert_int_equal(child_wait(pid), 0);
    assert_int_equal(number, 2);
    assert_int_equal(findings[0].number_again, number);
    assert_false(findings[0].was_first_before);
    assert_false(findings[0].was_first_after);
    assert_int_equal(wp_region()->tables[WP_TABLE_PROCESSES].count, 2);
    assert_int_equal(process_row(number)->pid, pid);
    assert_int_equal(findings[0].pid, pid);
    assert_int_equal(process_row(number)->parent, 1);
    assert_true(process_row(number)->start_monotonic_ns >= process_row(1)->start_monotonic_ns);
    assert_int_equal(wp_process_number(), 1);
    assert_true(wp_process_is_first());
}

static void
the_first_process_has_number_1(void **state)
{
    (void)state;
    assert_int_equal(wp_process_number(), 1);
    assert_true(wp_process_is_first());
    assert_int_equal(wp_region()->tables[WP_TABLE_PROCESSES].count, 1);
    assert_int_equal(process_row(1)->pid, getpid());
    assert_int_equal(process_row(1)->parent, 0);
    assert_true(process_row(1)->start_monotonic_ns > 0);
}

/* Waits for the child first: the finding is complete then. */
#define TEST_CHILD_OF(call)                                                                        \
    do {                                                                                           \
        pid_t pid = (pid_t)(call);                                                                 \
                                                                                                   \
        if (pid == 0) {                                                                            \
            look_around(&findings[0]);                                                             \
            _exit(0);                                                                              \
        }                                                                                          \
        assert_true(pid > 0);                                                                      \
        assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);         \
        assert_child_was_told_from_its_parent(pid);                                                \
    } while (0)

static void
a_child_of_fork_gets_a_number_of_its_own(void **state)
{
    (void)state;
    TEST_CHILD_OF(fork());
}

static void
a_child_of_raw_fork_without_handlers_gets_a_number_of_its_own(void **state)
{
    (void)state;
    TEST_CHILD_OF(_Fork());
}

static void
a_child_of_a_raw_clone_gets_a_number_of_its_own(void **state)
{
    (void)state;
    TEST_CHILD_OF(raw_clone());
}

/* It runs in its parent's memory, while the parent stands still. */
static int
be_a_vfork_child(void *unused)
{
    (void)unused;
    look_around(&findings[0]);
    return 0;
}

static void
a_vfork_child_counts_as_its_parent(void **state)
{
    static char stack[65536] __attribute__((aligned(16)));
    int pid =
        clone(be_a_vfork_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

    (void)state;
    assert_true(pid > 0);
    assert_int_equal(child_wait(pid), 0);
    assert_int_equal(findings[0].number, 1);
    assert_true(findings[0].was_first_after);
    assert_int_equal(findings[0].pid, pid);
    assert_int_equal(wp_region()->tables[WP_TABLE_PROCESSES].count, 1);
}

/* The child and its child both have events, so each is listed under its parent. */
static void
have_a_child(void *unused)
{
    (void)unused;
    look_around(&findings[0]);

    pid_t pid = fork();

    if (pid == 0) {
        look_around(&findings[1]);
        _exit(0);
    }
    CHILD_REQUIRE(child_wait(pid) == 0);
    CHILD_REQUIRE(wp_process_number() == findings[0].number);
}

static void
a_grandchild_is_listed_under_its_parent(void **state)
{
    (void)state;
    assert_int_equal(child_run(have_a_child, NULL), 0);
    assert_int_equal(findings[0].number, 2);
    assert_int_equal(findings[1].number, 3);
    assert_int_equal(process_row(2)->parent, 1);
    assert_int_equal(process_row(3)->parent, 2);
    assert_int_equal(process_row(3)->pid, findings[1].pid);
}

/* A child without events leaves no row; what it forked is listed under the nearest that has one. */
static void
have_a_child_unseen(void *unused)
{
    (void)unused;
    CHILD_REQUIRE(!wp_process_is_first());

    pid_t pid = fork();

    if (pid == 0) {
        look_around(&findings[1]);
        _exit(0);
    }
    CHILD_REQUIRE(child_wait(pid) == 0);
}

static void
a_child_without_events_is_not_listed(void **state)
{
    (void)state;
    assert_int_equal(child_run(have_a_child_unseen, NULL), 0);
    assert_int_equal(wp_region()->tables[WP_TABLE_PROCESSES].count, 2);
    assert_int_equal(findings[1].number, 2);
    assert_int_equal(process_row(2)->parent, 1);
}

static void
find_number(void *finding)
{
    look_around(finding);
}

static void
children_beyond_the_table_have_numbers_but_no_rows(void **state)
{
    struct wp_region_table *table = &wp_region()->tables[WP_TABLE_PROCESSES];
    char behind[sizeof(struct wp_region_process)];
    char *end = (char *)process_row(table->capacity + 1);

    (void)state;
    memcpy(behind, end, sizeof(behind));
    table->count = table->capacity - 1;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(child_run(find_number, &findings[i]), 0);
    assert_int_equal(findings[0].number, table->capacity);
    assert_int_equal(findings[1].number, table->capacity + 1);
    assert_int_equal(findings[2].number, table->capacity + 2);
    assert_int_equal(process_row(table->capacity)->pid, findings[0].pid);
    assert_memory_equal(end, behind, sizeof(behind));
}

static void
wiped_memory_is_zero_in_every_kind_of_child(void **state)
{
    const size_t bytes = 8192;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(memory != MAP_FAILED);
    assert_true(wp_process_wipe_on_fork(memory, bytes));
    memset(memory, 1, bytes);
    for (int kind = 0; kind < 3; kind++) {
        pid_t pid = (pid_t)(kind == 0 ? fork() : kind == 1 ? _Fork() : raw_clone());

        if (pid == 0) {
            for (size_t i = 0; i < bytes; i++)
                if (memory[i] != 0)
                    _exit(1);
            _exit(0);
        }
        assert_int_equal(child_wait(pid), 0);
        assert_int_equal(memory[0], 1);
        assert_int_equal(memory[bytes - 1], 1);
    }
    assert_int_equal(munmap(memory, bytes), 0);
}

static void
memory_that_cannot_be_wiped_is_reported(void **state)
{
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(memory != MAP_FAILED);
    assert_false(wp_process_wipe_on_fork(memory, 4096));
    assert_int_equal(munmap(memory, 4096), 0);
}

static void
the_seed_is_what_it_was_started_with(void **state)
{
    (void)state;
    wp_process_init(4711);
    assert_int_equal(wp_process_seed(), 4711);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_process_has_number_1),
        TEST(a_child_of_fork_gets_a_number_of_its_own),
        TEST(a_child_of_raw_fork_without_handlers_gets_a_number_of_its_own),
        TEST(a_child_of_a_raw_clone_gets_a_number_of_its_own),
        TEST(a_vfork_child_counts_as_its_parent),
        TEST(a_grandchild_is_listed_under_its_parent),
        TEST(a_child_without_events_is_not_listed),
        TEST(children_beyond_the_table_have_numbers_but_no_rows),
        TEST(wiped_memory_is_zero_in_every_kind_of_child),
        TEST(memory_that_cannot_be_wiped_is_reported),
        TEST(the_seed_is_what_it_was_started_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
