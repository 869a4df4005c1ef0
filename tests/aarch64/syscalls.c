/*
 * syscall() where its wrapper is assembly: all six arguments, results and errno; calls that return
 * twice on one stack (vfork, clone), which no wrapper with a frame would survive; a futex that two
 * threads hand over; and the notice that the profiler takes of a seccomp filter.
 */
#include "../transparency/expect.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "../transparency/expect_region.h"

#define PAGE_BYTES 65536 /* at least one */

static void
all_arguments_and_errno_pass(void)
{
    uint32_t word = 7;
    char *mapped;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char first[4];

    EXPECT(file >= 0);
    mapped = (char *)syscall(SYS_mmap, NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, file, 0);
    EXPECT(mapped != MAP_FAILED && memcmp(mapped, "\177ELF", 4) == 0);
    EXPECT_EQ(syscall(SYS_munmap, mapped, PAGE_BYTES), 0);
    EXPECT_EQ(syscall(SYS_pread64, file, first, sizeof(first), 0), 4);
    EXPECT_EQ(close(file), 0);

    /* The sixth argument is the set of bits: none is an error of its own. */
    errno = 0;
    EXPECT_EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 8, NULL, NULL, 1), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 7, NULL, NULL, 0), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(syscall(SYS_close, -1), -1);
    EXPECT_EQ(errno, EBADF);
    errno = EXPECT_ERRNO_MARK;
    EXPECT_EQ(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
    EXPECT_EQ(errno, EXPECT_ERRNO_MARK);
}

/* Both return through the same frame, one after the other: what it holds must not have changed. */
__attribute__((noinline)) static void
expect_child(const char *name, long number, long flags)
{
    volatile long before = 42;
    long child = number == 0 ? vfork() : syscall(number, flags, 0, 0, 0, 0);

    if (child == 0)
        syscall(SYS_exit, 7);
    if (child < 0 || before != 42)
        expect_fail(__FILE__, __LINE__, "%s: %s", name, strerror(errno));
    EXPECT_EQ(expect_wait_status((pid_t)child), 7 << 8);
}

#if defined(__aarch64__)
/* The child comes back on an empty stack: a frame of the wrapper would not be there. qemu-user
 * makes a fork of vfork, so what is above would not notice. */
static void
expect_child_on_another_stack(void)
{
    static char stack[PAGE_BYTES] __attribute__((aligned(16)));
    register long number __asm__("x0") = SYS_clone;
    register long flags __asm__("x1") = SIGCHLD;
    register char *top __asm__("x2") = stack + sizeof(stack) - 4096;
    register long parent_tid __asm__("x3") = 0;
    register long tls __asm__("x4") = 0;
    register long child_tid __asm__("x5") = 0;

    __asm__ volatile("bl syscall\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x0, #7\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc #0\n"
                     "1:"
                     : "+r"(number), "+r"(flags), "+r"(top), "+r"(parent_tid), "+r"(tls),
                       "+r"(child_tid)
                     : [exit] "i"(SYS_exit)
                     : "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                       "x17", "x18", "x30", "cc", "memory");
    EXPECT(number > 0);
    EXPECT_EQ(expect_wait_status((pid_t)number), 7 << 8);
}
#endif

static atomic_int waiter; /* its thread */

static void *
wait_for_word(void *argument)
{
    waiter = expect_tid();
    while (__atomic_load_n((uint32_t *)argument, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, argument, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return NULL;
}

static void
a_futex_is_handed_over(void)
{
    uint32_t word = 0;
    pthread_t thread = expect_thread(wait_for_word, &word);

    while (waiter == 0)
        expect_pause_ms(1);
    expect_blocked_in(waiter, SYS_futex);
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 1);
    expect_join(thread);
    if (expect_is_preloaded())
        EXPECT(expect_contentions(expect_own_region(), WP_PROFILE_BLOCK, "syscall") >= 1);
}

/* A filter that cannot be: the profiler is careful from the mere attempt on. */
static void
a_filter_is_noticed(void)
{
    EXPECT_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL), -1);
    EXPECT_EQ(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0), -1);
    if (expect_is_preloaded())
        EXPECT((expect_own_region()->flags & WP_REGION_FLAG_SECCOMP) != 0);
}

int
main(void)
{
    all_arguments_and_errno_pass();
    expect_child("vfork", 0, 0);
#if defined(__aarch64__)
    /* Elsewhere the return address is on the stack that the child uses first. */
    expect_child("clone, as vfork", SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD);
#endif
    expect_child("clone, as fork", SYS_clone, SIGCHLD);
#if defined(__aarch64__)
    expect_child_on_another_stack();
#endif
    a_futex_is_handed_over();
    if (expect_is_preloaded())
        EXPECT((expect_own_region()->flags & WP_REGION_FLAG_SECCOMP) == 0);
    a_filter_is_noticed();
    return 0;
}
