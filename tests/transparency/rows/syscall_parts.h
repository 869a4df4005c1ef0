/*
 * The case of syscall() is in several files. Each part returns what the kernel lacks of it, as a
 * noun for the message that this was skipped; NULL: all was checked.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_SYSCALL_PARTS_H
#define WP_TESTS_TRANSPARENCY_ROWS_SYSCALL_PARTS_H

#include "row.h"

/* A call of syscall(). */
struct syscall_call {
    row_type_syscall function; /* under test */
    long number;
    long arguments[6];
};

/* Makes it. */
long syscall_make(const struct syscall_call *call);

/* A pointer among the arguments. */
static inline long
syscall_pointer(const volatile void *pointer)
{
    return (long)(intptr_t)pointer;
}

const char *syscall_check_futex(row_type_syscall function);
const char *syscall_check_futex_locks(row_type_syscall function);
const char *syscall_check_io_uring(row_type_syscall function);

#endif
