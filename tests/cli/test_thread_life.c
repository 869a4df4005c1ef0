/*
 * Which threads of a region are still there: asked of the kernel about processes and threads of
 * this test, in this pid namespace and in one of its own.
 */
#include "cli/thread_life.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/clock.h"
#include "profile/cmocka_all.h"
#include "profile/procfs.h"
#include "profile/region_builder.h"

static bool was_skipped;

struct program {
    struct region_builder builder;
    unsigned threads;
};

static void
program_init(struct program *program, pid_t inner, pid_t pid)
{
    struct region_builder_sizes sizes = {0};
    struct wp_region_process *processes;

    *program = (struct program){0};
    region_builder_init(&program->builder, &sizes);
    region_builder_header(&program->builder)->pid = (uint32_t)inner;
    region_builder_header(&program->builder)->start_ticks = wp_procfs_start_ticks(pid);
    processes = region_builder_rows(&program->builder, WP_TABLE_PROCESSES);
    processes[0].pid = (uint32_t)inner;
}

static void
add_process(struct program *program, pid_t inner, uint64_t seen_ns)
{
    struct wp_region_process *rows = region_builder_rows(&program->builder, WP_TABLE_PROCESSES);
    uint32_t row = region_builder_header(&program->builder)->tables[WP_TABLE_PROCESSES].count;

    region_builder_process(&program->builder, (uint32_t)inner, 1);
    rows[row].start_monotonic_ns = seen_ns;
}

/* A thread that waits, and was last heard of at that moment. */
static void
add_thread(struct program *program, uint32_t process, pid_t tid, uint64_t seen_ns)
{
    struct wp_region_thread *rows = region_builder_rows(&program->builder, WP_TABLE_THREADS);

    rows[program->threads++] = (struct wp_region_thread){
        .key = (uint64_t)(process + 1) << 32 | (uint32_t)tid,
        .waits = 1,
        .waiting_since_ns = seen_ns,
        .last_monotonic_ns = seen_ns,
    };
}

/* The caller frees both. */
static struct wp_snapshot *
look(struct program *program, enum wp_thread_choice choice, struct wp_thread_life *life)
{
    int fd = region_builder_memfd(&program->builder, program->builder.size_bytes);
    struct wp_snapshot *snapshot = NULL;
    struct wp_error error = {""};

    if (wp_reader_read(fd, "sample", &snapshot, &error) != 0)
        fail_msg("%s", error.text);
    close(fd);
    region_builder_free(&program->builder);
    assert_int_equal(snapshot->thread_count, program->threads);
    assert_int_equal(wp_thread_life_look(snapshot, choice, life, NULL), 0);
    return snapshot;
}

static uint64_t
now_ns(void)
{
    return wp_clock_ns(CLOCK_MONOTONIC);
}

/* What the region has of one thread of a process; the order of rows is the reader's. */
static const struct wp_thread_state *
find(const struct wp_snapshot *snapshot, const struct wp_thread_life *life, uint32_t process,
     pid_t tid)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        if (snapshot->threads[i].process == process && snapshot->threads[i].tid == (uint32_t)tid)
            return &life->threads[i];
    }
    fail_msg("no thread %d", (int)tid);
    return NULL;
}

static pid_t
gone_process(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

static void
threads_have_their_name_and_state(void **state)
{
    const struct wp_thread_state *thread;
    struct wp_thread_life life;
    struct wp_snapshot *snapshot;
    struct program program;
    char name[16];

    (void)state;
    prctl(PR_GET_NAME, name);
    program_init(&program, getpid(), getpid());
    add_thread(&program, 0, getpid(), now_ns());
    add_thread(&program, 0, gone_process(), now_ns());
    snapshot = look(&program, WP_THREADS_ALL, &life);
    thread = find(snapshot, &life, 0, getpid());
    assert_true(thread->is_there);
    assert_int_equal(thread->pid, getpid());
    assert_int_equal(thread->tid, getpid());
    assert_string_equal(thread->name, name);
    assert_int_equal(thread->state, 'R');
    assert_int_equal(life.processes, 1);
    for (size_t i = 0; i < snapshot->thread_count; i++)
        assert_int_equal(life.threads[i].is_there, &life.threads[i] == thread);
    wp_thread_life_free(&life);
    wp_snapshot_free(snapshot);
}

/* What the region knows is older than the process and the thread that have these numbers now. */
static void
numbers_that_were_used_again_are_of_others(void **state)
{
    struct wp_thread_life life;
    struct wp_snapshot *snapshot;
    struct program program;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        pause();
        _exit(0);
    }
    program_init(&program, getpid(), getpid());
    add_process(&program, child, 1);
    add_process(&program, child, now_ns());
    add_thread(&program, 0, getpid(), 1);
    add_thread(&program, 1, child, now_ns());
    add_thread(&program, 2, child, now_ns());
    snapshot = look(&program, WP_THREADS_ALL, &life);
    kill(child, SIGKILL); /* before a check fails */
    waitpid(child, NULL, 0);
    assert_int_equal(life.processes, 2);
    assert_false(find(snapshot, &life, 0, getpid())->is_there);
    assert_false(find(snapshot, &life, 1, child)->is_there);
    assert_true(find(snapshot, &life, 2, child)->is_there);
    wp_thread_life_free(&life);
    wp_snapshot_free(snapshot);
}

static void
what_cannot_be_looked_at_is_believed(void **state)
{
    pid_t gone = gone_process();
    struct wp_thread_life life;
    struct wp_snapshot *snapshot;
    struct program program;

    (void)state;
    program_init(&program, gone, getpid());
    region_builder_header(&program.builder)->start_ticks = 1;
    add_thread(&program, 0, gone, now_ns());
    snapshot = look(&program, WP_THREADS_ALL, &life);
    assert_int_equal(life.processes, 1);
    assert_true(life.threads[0].is_there);
    assert_int_equal(life.threads[0].tid, 0);
    assert_string_equal(life.threads[0].name, "");
    assert_int_equal(life.threads[0].state, '?');
    wp_thread_life_free(&life);
    wp_snapshot_free(snapshot);
}

static void
threads_that_do_not_wait_may_be_left_out(void **state)
{
    struct wp_thread_life life;
    struct wp_snapshot *snapshot;
    struct program program;
    struct wp_region_thread *rows;

    (void)state;
    program_init(&program, getpid(), getpid());
    rows = region_builder_rows(&program.builder, WP_TABLE_THREADS);
    add_thread(&program, 0, getpid(), now_ns());
    rows[0].waiting_since_ns = 0;
    snapshot = look(&program, WP_THREADS_WAITING, &life);
    assert_false(life.threads[0].is_there);
    wp_thread_life_free(&life);
    wp_snapshot_free(snapshot);
}

/* --- Another pid namespace */

/* What the family inside tells of itself. */
struct numbers {
    pid_t child, thread; /* there */
};

static int pipe_fds[2];

static void *
tell_and_wait(void *given)
{
    struct numbers *numbers = given;

    prctl(PR_SET_NAME, "inner-thread");
    numbers->thread = (pid_t)syscall(SYS_gettid);
    if (write(pipe_fds[1], numbers, sizeof *numbers) != (ssize_t)sizeof *numbers)
        _exit(1);
    pause();
    return NULL;
}

static void
run_inside(void)
{
    pid_t child = fork();

    if (child == 0) {
        struct numbers numbers = {.child = getpid()};
        pthread_t thread;

        prctl(PR_SET_NAME, "inner-child");
        if (pthread_create(&thread, NULL, tell_and_wait, &numbers) == 0)
            pthread_join(thread, NULL);
        _exit(1);
    }
    prctl(PR_SET_NAME, "inner-first");
    waitpid(child, NULL, 0);
    _exit(1);
}

/* A process that is pid 1 in a namespace of its own; negative errno if that may not be made. */
static pid_t
start_inside(void)
{
    int flags = CLONE_NEWPID | (geteuid() == 0 ? 0 : CLONE_NEWUSER) | SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);

    if (pid == 0)
        run_inside();
    return pid < 0 ? -errno : pid;
}

static void
threads_of_another_pid_namespace_are_found(void **state)
{
    struct numbers numbers = {0};
    const struct wp_thread_state *thread;
    struct wp_thread_life life;
    struct wp_snapshot *snapshot;
    struct program program;
    pid_t first;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    first = start_inside();
    if (first < 0) {
        print_message("no pid namespaces here: %s\n", strerror(-first));
        was_skipped = true;
        skip();
    }
    assert_int_equal(read(pipe_fds[0], &numbers, sizeof numbers), sizeof numbers);
    program_init(&program, 1, first);
    add_process(&program, numbers.child, now_ns());
    add_process(&program, numbers.child + 50, now_ns());
    add_thread(&program, 0, 1, now_ns());
    add_thread(&program, 0, 77, now_ns());
    add_thread(&program, 1, numbers.child, now_ns());
    add_thread(&program, 1, numbers.thread, now_ns());
    add_thread(&program, 2, numbers.child + 50, now_ns());
    snapshot = look(&program, WP_THREADS_ALL, &life);
    kill(first, SIGKILL); /* before a check fails */
    waitpid(first, NULL, 0);
    assert_int_equal(life.processes, 2);
    thread = find(snapshot, &life, 0, 1);
    assert_int_equal(thread->pid, first);
    assert_string_equal(thread->name, "inner-first");
    assert_false(find(snapshot, &life, 0, 77)->is_there);
    thread = find(snapshot, &life, 1, numbers.thread);
    assert_true(thread->is_there);
    assert_string_equal(thread->name, "inner-thread");
    assert_int_not_equal(thread->tid, thread->pid);
    assert_int_equal(find(snapshot, &life, 1, numbers.child)->tid, thread->pid);
    assert_int_equal(thread->state, 'S');
    assert_false(find(snapshot, &life, 2, numbers.child + 50)->is_there);
    wp_thread_life_free(&life);
    wp_snapshot_free(snapshot);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_have_their_name_and_state),
        cmocka_unit_test(numbers_that_were_used_again_are_of_others),
        cmocka_unit_test(what_cannot_be_looked_at_is_believed),
        cmocka_unit_test(threads_that_do_not_wait_may_be_left_out),
        cmocka_unit_test(threads_of_another_pid_namespace_are_found),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);

    return failures == 0 && was_skipped ? 77 : failures;
}
