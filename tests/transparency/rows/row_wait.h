/*
 * Checks that cases share: of a call that sleeps and of one that need not; and objects that make
 * calls sleep. What these use of libc they call by system call, so that they
 * add nothing to what is seen of the function under test.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_ROW_WAIT_H
#define WP_TESTS_TRANSPARENCY_ROWS_ROW_WAIT_H

#include <signal.h>

#include "row.h"

/* What may end a call that sleeps. */
enum row_wait_property {
    ROW_RESTARTS = 1, /* no handler with SA_RESTART; without: the call is over either way */
    ROW_CANCELS = 2,  /* a cancellation: the call is a cancellation point */
};

/*
 * The call sleeps until it is released and answers `result` then: one wait, and one sample. A
 * handler ends it with -1 and EINTR, and a cancellation ends its thread, as `properties` say.
 * `release` leaves the object so that the next call sleeps again, or the call sees to that before
 * it calls.
 */
void row_expect_wait(const struct row_call *call, long result, unsigned properties);

/* The first of these alone. */
void row_expect_released(const struct row_call *call, long result);

/* A pending cancellation ends the thread in the call though it need not wait; or it does not, and
 * the call answers as ever. */
void row_expect_cancelled_at_entry(const struct row_call *call);
void row_expect_no_cancellation(const struct row_call *call, long result);

/* Handles the signal by counting, until the end of the case; returns how often it came since the
 * last call for any signal. */
int row_count_signal(int number);

/* --- Objects ---------------------------------------------------------------------------------- */

/* A new file that has `text`, open for reading and writing, at its start. */
int row_file(const char *text);

/* A pipe of one page: what fills it is known. */
#define ROW_PIPE_BYTES 4096
void row_small_pipe(int fds[2]);

/* Empties a pipe; fills it to the last byte. */
void row_pipe_empty(int read_end);
void row_pipe_fill(const int fds[2]);

/* write(2) and read(2) without a wrapper, all of `count` bytes. errno is left alone. */
void row_put(int fd, const void *bytes, size_t count);
void row_get(int fd, void *bytes, size_t count);

/*
 * Memory that is not there until it is provided: whoever touches it sleeps, the kernel on behalf of
 * a call too. So any call with a pointer among its arguments can be made to wait.
 */
struct row_page {
    char *bytes; /* 4096, at a page's start */
    int fault_fd;
};

/* Ends the case as skipped where the system does not let this user have one: the last check of a
 * case. */
void row_page_create(struct row_page *page);

/* The memory has `contents` at its start and zeros after that; who waits for it goes on. */
void row_page_provide(struct row_page *page, const void *contents, size_t size);

/* The memory is gone again. */
void row_page_withdraw(struct row_page *page);

#endif
