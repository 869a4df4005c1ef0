/*
 * The terminal behind standard input and output: its modes, its size, and that it is left as it was
 * found, whatever ends this process or stops it (but SIGKILL, which nobody can catch).
 *
 * One terminal a process; one thread.
 */
#ifndef WP_CLI_TOP_TTY_H
#define WP_CLI_TOP_TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/error.h"

/*
 * Notes the modes and installs the handlers. `leave` are the bytes that end what the screen has
 * begun (alternate screen, colours, hidden cursor); they are copied. 0 or negative errno.
 *
 * Signals that end a program (INT, TERM, HUP, QUIT) are noted for wp_tty_events; a second one ends
 * it at once. One that tells of a crash (SEGV, ABRT ...) gives the terminal back and then does what
 * it would have done.
 */
int wp_tty_open(const char *leave, size_t leave_bytes, struct wp_error *error);

/* Keys arrive one by one and unseen. Signals from keys stay. */
void wp_tty_enter(void);

/* Gives the terminal back; does nothing if it is not ours. Safe in a signal handler. */
void wp_tty_leave(void);

/* Leaves, for good: the handlers are those of before. */
void wp_tty_close(void);

/* Stops this process as the terminal's suspend key does, and returns when it goes on. The caller
 * leaves before and enters after. */
void wp_tty_stop(void);

struct wp_tty_events {
    int ending;     /* signal that asks to end, 0 none */
    bool resized;   /* since the last call, like the next two */
    bool suspended; /* SIGTSTP: stop, please */
    bool continued;
};
struct wp_tty_events wp_tty_events(void);

/* A descriptor that becomes readable when there is an event. */
int wp_tty_event_fd(void);

void wp_tty_size(size_t *rows, size_t *columns); /* 24 x 80 if it does not say */

/* Output that waits for nobody: what the terminal does not take at once is kept. */
void wp_tty_write(const char *bytes, size_t length); /* takes a copy; nothing may be pending */
bool wp_tty_has_pending(void);
int wp_tty_output_fd(void); /* to wait for POLLOUT while there is */
void wp_tty_flush(void);    /* as much as goes */

#endif
