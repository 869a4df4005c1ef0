/* src/core/unwind.c: what a walk promises, beyond what the comparisons in tests/unwind show. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/module.h"
#include "core/region_fixture.h"
#include "core/unwind.h"

#define CAPACITY 64u

extern char **environ;

static uint64_t frames[CAPACITY + 1];
static struct wp_unwind_stack walked;

static uint64_t
special(enum wp_special_frame code)
{
    return region_fixture_special(code);
}

static void
do_nothing(void)
{
}

/* Four rounds from one place, before the third of which all rules are forgotten. Called through
 * pointers, and the number volatile, for else compilers split or unroll the loop, and calls from
 * two places are two return addresses. */
static volatile int rounds = 4;
static void (*volatile before_round[4])(void) = {do_nothing, do_nothing, wp_unwind_forget,
                                                 do_nothing};

static __attribute__((noinline)) void
walk_here(uint32_t capacity)
{
    struct wp_unwind_registers registers = WP_UNWIND_CALLER_REGISTERS();

    walked = (struct wp_unwind_stack){.frames = frames, .capacity = capacity};
    wp_unwind_walk(&registers, &walked);
    __asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void
recurse(uint32_t levels, uint32_t capacity)
{
    if (levels == 0)
        walk_here(capacity);
    else
        recurse(levels - 1, capacity);
    __asm__ volatile("" ::: "memory");
}

static bool
is_in(uint64_t frame, const void *function, uint32_t bytes)
{
    uintptr_t bias;
    struct dl_find_object found;
    uint64_t number;

    assert_int_equal(_dl_find_object((void *)(uintptr_t)function, &found), 0);
    number = wp_module_number(found.dlfo_link_map, (uintptr_t)found.dlfo_map_start,
                              (uintptr_t)found.dlfo_map_end, &bias);
    return frame >> WP_FRAME_MODULE_SHIFT == number &&
           (frame & WP_FRAME_ADDRESS_MASK) - ((uintptr_t)function - bias) < bytes;
}

static void
a_walk_reaches_the_outermost_frame(void **state)
{
    (void)state;
    for (int i = 0; i < rounds; i++) {
        before_round[i]();
        recurse(5, CAPACITY);
    }
    assert_false(walked.failed);
    assert_false(walked.truncated);
    assert_int_equal(walked.by_frame_pointer, 0);
    assert_int_equal(walked.rule_misses, 0);
    assert_true(walked.depth > 8);
    for (uint32_t i = 0; i < 6; i++)
        assert_true(is_in(frames[i], (void *)(uintptr_t)recurse, 128));
}

static void
a_stack_of_exactly_the_capacity_is_whole(void **state)
{
    uint32_t depth;

    (void)state;
    recurse(5, CAPACITY);
    depth = walked.depth;
    frames[depth] = 42;
    recurse(5, depth);
    assert_int_equal(walked.depth, depth);
    assert_false(walked.truncated);
    assert_int_equal(frames[depth], 42);
}

static void
a_longer_stack_keeps_its_leaf_side(void **state)
{
    uint64_t first;
    uint32_t depth;

    (void)state;
    recurse(5, CAPACITY);
    depth = walked.depth;
    first = frames[0];
    recurse(5, depth - 1);
    assert_true(walked.truncated);
    assert_false(walked.failed);
    assert_int_equal(walked.depth, depth);
    assert_int_equal(frames[0], first);
    assert_int_equal(frames[depth - 1], special(WP_SPECIAL_TRUNCATED));
    recurse(5, 1);
    assert_int_equal(walked.depth, 2);
    assert_int_equal(frames[1], special(WP_SPECIAL_TRUNCATED));
}

static void
errno_is_left_alone(void **state)
{
    (void)state;
    wp_unwind_forget();
    errno = 4711;
    recurse(3, CAPACITY);
    assert_int_equal(errno, 4711);
}

static void
forgetting_makes_all_rules_be_read_again(void **state)
{
    uint32_t misses[4];

    (void)state;
    for (int i = 0; i < rounds; i++) {
        before_round[i]();
        recurse(3, CAPACITY);
        misses[i] = walked.rule_misses;
    }
    assert_int_equal(misses[1], 0);
    /* recurse calls itself from one place, walk_here from another. */
    assert_int_equal(misses[2], walked.depth - 2);
    assert_int_equal(misses[3], 0);
}

/* --- Other stacks ---------------------------------------------------------------------------- */

static void *
walk_in_thread(void *unused)
{
    (void)unused;
    recurse(5, CAPACITY);
    __asm__ volatile("" ::: "memory");
    return NULL;
}

static void
a_walk_in_a_thread_reaches_its_start(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, walk_in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(walked.failed);
    assert_true(is_in(frames[6], (void *)(uintptr_t)walk_in_thread, 128));
    assert_true(walked.depth >= 9); /* start_thread and clone3; more under a sanitizer */
}

static void
on_signal(int number)
{
    (void)number;
    recurse(3, CAPACITY);
    __asm__ volatile("" ::: "memory");
}

static void
a_walk_leaves_the_alternate_signal_stack(void **state)
{
    static uint8_t memory[65536];
    stack_t alternate = {.ss_sp = memory, .ss_size = sizeof(memory)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    uint32_t exact = 0, here = 0;

    (void)state;
    assert_int_equal(sigaltstack(&alternate, NULL), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    assert_false(walked.failed);
    for (uint32_t i = 0; i < walked.depth; i++) {
        exact += (frames[i] & WP_FRAME_EXACT) != 0;
        here += is_in(frames[i] & ~WP_FRAME_EXACT,
                      (void *)(uintptr_t)a_walk_leaves_the_alternate_signal_stack, 1024);
    }
    assert_int_equal(exact, 1);
    assert_true(here >= 1);
}

static ucontext_t main_context, coroutine_context;

static void
coroutine(void)
{
    recurse(4, CAPACITY);
    __asm__ volatile("" ::: "memory");
}

static void
a_walk_in_a_coroutine_ends_at_its_bottom(void **state)
{
    uint8_t *memory = mmap(NULL, 65536 + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    /* Nothing is mapped on either side of the stack. */
    assert_int_equal(mprotect(memory + 4096, 65536, PROT_READ | PROT_WRITE), 0);
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = memory + 4096;
    coroutine_context.uc_stack.ss_size = 65536;
    coroutine_context.uc_link = &main_context;
    makecontext(&coroutine_context, coroutine, 0);
    swapcontext(&main_context, &coroutine_context);
    assert_false(walked.failed);
    assert_int_equal(walked.by_frame_pointer, 0);
    assert_true(is_in(frames[5], (void *)(uintptr_t)coroutine, 128));
    assert_int_equal(walked.depth, 7);
    munmap(memory, 65536 + 8192);
}

static void
a_forked_child_walks_on(void **state)
{
    int status;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        wp_unwind_forget();
        recurse(3, CAPACITY);
        _exit(walked.failed || walked.rule_misses == 0 || walked.depth < 6);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- Code without tables --------------------------------------------------------------------- */

/* Functions made at run time: call the function in rdi, with a frame pointer or without. */
static const uint8_t with_frame_pointer[] = {
    0x55, 0x48, 0x89, 0xe5, /* push rbp; mov rbp, rsp */
    0xff, 0xd7,             /* call rdi */
    0x5d, 0xc3,             /* pop rbp; ret */
};
static const uint8_t with_garbage[] = {
    0x55, 0x48, 0x89, 0xf5, /* push rbp; mov rbp, rsi */
    0xff, 0xd7,             /* call rdi */
    0x5d, 0xc3,             /* pop rbp; ret */
};

typedef void made_function(void (*callee)(void), uintptr_t garbage);

static made_function *
make_function(const uint8_t *code, size_t bytes)
{
    uint8_t *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(page != MAP_FAILED);
    memcpy(page, code, bytes);
    return (made_function *)(uintptr_t)page;
}

static void
walk_from_made_code(void)
{
    walk_here(CAPACITY);
    __asm__ volatile("" ::: "memory");
}

static void
code_made_at_run_time_is_passed_by_frame_pointer(void **state)
{
    made_function *made = make_function(with_frame_pointer, sizeof(with_frame_pointer));

    (void)state;
    made(walk_from_made_code, 0);
    assert_false(walked.failed);
    assert_int_equal(walked.by_frame_pointer, 1);
    assert_true(is_in(frames[0], (void *)(uintptr_t)walk_from_made_code, 64));
    assert_int_equal(frames[1], (uintptr_t)made + 6);
    assert_true(is_in(frames[2],
                      (void *)(uintptr_t)code_made_at_run_time_is_passed_by_frame_pointer, 1024));
    munmap((void *)(uintptr_t)made, 4096);
}

static void
a_frame_pointer_that_is_none_ends_the_walk(void **state)
{
    made_function *made = make_function(with_garbage, sizeof(with_garbage));
    uintptr_t garbage[] = {0,
                           1,
                           8,
                           0x7fffdeadbee8,
                           (uintptr_t)frames,
                           (uintptr_t)&state - 65536,
                           (uintptr_t)environ,
                           (uintptr_t)environ - 8,
                           UINTPTR_MAX - 7,
                           (uintptr_t)1 << 63};

    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        made(walk_from_made_code, garbage[i]);
        assert_true(walked.failed);
        assert_int_equal(walked.depth, 3);
        assert_int_equal(frames[2], special(WP_SPECIAL_UNWIND_FAILED));
    }
    munmap((void *)(uintptr_t)made, 4096);
}

static void
registers_at_random_are_survived(void **state)
{
    uint64_t random = 88172645463325252u;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        struct wp_unwind_registers registers = {.exact = (int)(i & 1)};

        walked = (struct wp_unwind_stack){.frames = frames, .capacity = CAPACITY};
        random = random * 6364136223846793005u + 1442695040888963407u;
        /* Code of libc, a stack pointer of ours, anything for a frame pointer. */
        registers.pc = (uintptr_t)getpid + (random >> 20) % 0x80000;
        registers.sp = here - (random >> 40) % 512 * 8;
        registers.fp = (random & 0x10) != 0 ? here + (random >> 8) % 4096 : random;
        wp_unwind_walk(&registers, &walked);
        assert_in_range(walked.depth, 1, CAPACITY + 1);
    }
}

static void
a_walk_from_nowhere_is_a_failed_one(void **state)
{
    struct wp_unwind_registers registers = {.sp = (uintptr_t)&registers, .exact = 1};

    (void)state;
    walked = (struct wp_unwind_stack){.frames = frames, .capacity = CAPACITY};
    wp_unwind_walk(&registers, &walked);
    assert_int_equal(walked.depth, 1);
    assert_int_equal(frames[0], special(WP_SPECIAL_UNWIND_FAILED));
    registers.pc = 0xffffffffff600000;
    wp_unwind_walk(&registers, &walked);
    assert_int_equal(walked.depth, 1);
}

#ifndef WP_TEST_INSTRUMENTED

/* --- Cost ------------------------------------------------------------------------------------ */

#define PAINTED_BYTES 4096u
/* What unwind.h promises. */
#define STACK_PROMISE_BYTES 600u

static uint32_t used_bytes;

static __attribute__((noinline)) void
walk_on_painted_stack(void)
{
    struct wp_unwind_registers registers = WP_UNWIND_CALLER_REGISTERS();
    volatile uint8_t *bottom;
    uintptr_t sp;

    walked = (struct wp_unwind_stack){.frames = frames, .capacity = CAPACITY};
    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
    bottom = (volatile uint8_t *)(sp - PAINTED_BYTES);
    for (uint32_t i = 0; i < PAINTED_BYTES; i++)
        bottom[i] = 0xa5;
    wp_unwind_walk(&registers, &walked);
    while (*bottom == 0xa5)
        bottom++;
    used_bytes = (uint32_t)(sp - (uintptr_t)bottom);
}

static void
a_walk_that_reads_every_rule_needs_little_stack(void **state)
{
    (void)state;
    for (int i = 0; i < rounds; i++) {
        before_round[i]();
        walk_on_painted_stack();
        print_message("%u rules read: %u bytes of stack\n", walked.rule_misses, used_bytes);
        assert_in_range(used_bytes, 64, STACK_PROMISE_BYTES);
        assert_true((walked.rule_misses != 0) == (i == 0 || i == 2));
    }
}

static void
on_signal_walk_on_painted_stack(int number)
{
    (void)number;
    walk_on_painted_stack();
    __asm__ volatile("" ::: "memory");
}

static void
so_does_one_that_evaluates_expressions(void **state)
{
    struct sigaction action = {.sa_handler = on_signal_walk_on_painted_stack};

    (void)state;
    assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
    for (int i = 0; i < rounds; i++) {
        before_round[i]();
        raise(SIGUSR2);
        print_message("%u rules read: %u bytes of stack\n", walked.rule_misses, used_bytes);
        assert_in_range(used_bytes, 64, STACK_PROMISE_BYTES);
    }
    /* The signal trampoline's rule is never kept. */
    assert_int_equal(walked.rule_misses, 1);
    assert_false(walked.failed);
}

#endif

static int
start(void **state)
{
    struct wp_region_header *region = region_fixture_open(4u << 20);

    (void)state;
    if (region == NULL)
        return -1;
    wp_module_init(region, "/test/program");
    wp_unwind_set_main_stack((uintptr_t)environ, 8u << 20);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    region_fixture_close();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_reaches_the_outermost_frame),
        cmocka_unit_test(a_stack_of_exactly_the_capacity_is_whole),
        cmocka_unit_test(a_longer_stack_keeps_its_leaf_side),
        cmocka_unit_test(errno_is_left_alone),
        cmocka_unit_test(forgetting_makes_all_rules_be_read_again),
        cmocka_unit_test(a_walk_in_a_thread_reaches_its_start),
        cmocka_unit_test(a_walk_leaves_the_alternate_signal_stack),
        cmocka_unit_test(a_walk_in_a_coroutine_ends_at_its_bottom),
        cmocka_unit_test(a_forked_child_walks_on),
        cmocka_unit_test(code_made_at_run_time_is_passed_by_frame_pointer),
        cmocka_unit_test(a_frame_pointer_that_is_none_ends_the_walk),
        cmocka_unit_test(registers_at_random_are_survived),
        cmocka_unit_test(a_walk_from_nowhere_is_a_failed_one),
#ifndef WP_TEST_INSTRUMENTED /* instrumented code needs more */
        cmocka_unit_test(a_walk_that_reads_every_rule_needs_little_stack),
        cmocka_unit_test(so_does_one_that_evaluates_expressions),
#endif
    };

    return cmocka_run_group_tests(tests, start, stop);
}
