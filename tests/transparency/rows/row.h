/*
 * One case for each row of interpose/functions.def: what the function answers, for success and for
 * every error that it can give, is what libc answers; signals and cancellations reach it as they do
 * without us; its arguments arrive.
 *
 * A case calls the function by the address that it is given, which is what the program's own calls
 * of that name reach: once for the row's own name and once for each alias. It runs in a process of
 * its own, bare, preloaded and off, and must pass each way. A row without a case does not link.
 *
 *   ROW_CASE(sem_wait)
 *   {
 *       sem_t sem;
 *
 *       EXPECT_EQ(sem_init(&sem, 0, 1), 0);
 *       EXPECT_RETURNS(function(&sem), 0);
 *   }
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_ROW_H
#define WP_TESTS_TRANSPARENCY_ROWS_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "function_types.h"

#define ROW_SKIPPED 77 /* exit status of a case that cannot run here */

/* The rows of this machine, with their types: row_type_ID. Variadic functions are passed as
 * row_type_variadic, to be cast to what <syslog.h> declares. */
typedef void (*row_type_variadic)(void);
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    typedef type(*row_type_##id) parameters;
#define WP_VARIADIC(id, symbol, of, family, kind) typedef row_type_variadic row_type_##id;
#include "functions.def"

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    void row_case_##id(row_type_##id function);
#define WP_VARIADIC(id, symbol, of, family, kind) void row_case_##id(row_type_##id function);
#include "functions.def"

#define ROW_CASE(id) void row_case_##id(row_type_##id function)

/* Says that the case made the function wait, for a millisecond or more: then the preloaded run must
 * have a sample of it. row_release and row_interrupt say so by themselves. */
void row_waited(void);

/* How many samples of the function there are so far, one a wait; 0 in runs that take none. */
uint64_t row_samples(void);

/* There is no sample of the function so far: its calls could not wait, and said so. Only where that
 * does not depend on how long they took. */
void row_expect_no_sample(void);

/* Ends the case as skipped: it cannot run here. The message is a whole sentence. */
__attribute__((format(printf, 1, 2), noreturn)) void row_skip(const char *format, ...);

/* --- Surroundings ---------------------------------------------------------------------------- */

/* Path of the file `name` in a directory of this case alone, which goes away at its end. The string
 * is good until the second next call. */
const char *row_path(const char *name);

/* Makes or fills the file, with `text` alone in it. */
void row_write_file(const char *path, const char *text);

/*
 * Leaves the machine's namespaces of these kinds (CLONE_NEWNS and others), with a user namespace if
 * that is what it takes: mounts of the case are its own. From the main thread, before there are
 * others. False: it is forbidden, errno says how.
 */
bool row_unshare(int namespaces);

/* The call ends its process by abort, having said `message`: a fortified twin refuses. It is made
 * in a child. */
void row_expect_abort(void (*call)(void *object), void *object, const char *message);

/* Returns once process `child` sleeps in the kernel, and still does a little later. */
void row_await_sleep_of(int child);

/* --- Calls that block, made by a thread of their own ----------------------------------------- */

/* A call with its object. */
struct row_call {
    long (*call)(void *object); /* makes the call, returns its result; errno is noted */
    void *object;
    void (*release)(void *object); /* ends the call's wait, from another thread */
};

struct row_outcome {
    long result;
    int error;      /* errno after the call; EXPECT_ERRNO_MARK if it was left alone */
    bool cancelled; /* the thread ended by cancellation, in the call */
    int handled;    /* times that the signal handler ran in the thread */
    int64_t took_ns;
};

/* The call sleeps in the kernel; some milliseconds later it is released. */
struct row_outcome row_release(const struct row_call *call);

/*
 * The call sleeps and gets a signal with a handler, installed with `flags` (SA_RESTART or 0). If it
 * is asleep again afterwards it is released. So outcome.error is EINTR, or the call was restarted.
 */
struct row_outcome row_interrupt(const struct row_call *call, int flags);

/* The call sleeps and its thread is cancelled. If it is no cancellation point it stays asleep, and
 * is released. Cleanup handlers pushed around the call have run iff outcome.cancelled. */
struct row_outcome row_cancel(const struct row_call *call);

/* The call is made with a cancellation pending: does a cancellation point act though it need not
 * wait? `release` may be NULL here. */
struct row_outcome row_cancel_before(const struct row_call *call);

#endif
