/*
 * An /etc and a network of the case's own, with a name server on its loopback that answers as the
 * name asks for: so that users, groups, services and hosts are known, and a query can wait.
 *
 * The server answers 192.0.2.1 and 2001:db8::1 to any name, fast.test to any address, but for
 *   slow...     and the address 192.0.2.9: the same, but not before name_service_answer
 *   missing...  there is no such name
 *   empty...    the name has nothing of the type
 *   broken...   it fails
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_NAME_SERVICE_H
#define WP_TESTS_TRANSPARENCY_ROWS_NAME_SERVICE_H

#include "row.h"

#define NAME_SERVICE_ADDRESS "192.0.2.1"
#define NAME_SERVICE_SLOW_ADDRESS "192.0.2.9"

/* Once, from the main thread and before there are others. Where that is forbidden the case ends as
 * skipped. */
void name_service_start(void);

/* Slow queries wait from now on. */
void name_service_hold(void);

/* Answers them; the type is that of row_call.release. */
void name_service_answer(void *unused);

/* Makes the calling thread's resolver ask where nobody listens. */
void name_service_leave(void);

/*
 * The waits of a lookup of a slow name, which `call` makes of its object: 0 if it finds what there
 * is. Signals do not end it. `cancels`: it is a cancellation point while it waits.
 */
void name_service_check_waits(long (*call)(void *object), void *object, bool cancels);

/* /etc/`name` gives its reader nothing, and that not before the release of the call. */
struct row_call name_service_stall(const char *name, long (*call)(void *object));

#endif
