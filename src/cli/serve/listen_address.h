/*
 * Where the server listens: HOST:PORT, [IPV6]:PORT, or unix:PATH.
 */
#ifndef WP_CLI_SERVE_LISTEN_ADDRESS_H
#define WP_CLI_SERVE_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/option_table.h"
#include "profile/error.h"

/* A socket that listens. Start with {.fd = -1}; end with wp_listener_close. */
struct wp_listener {
    int fd;
    char url[256];     /* of the root, without a slash at the end: "http://127.0.0.1:6060" */
    char address[256]; /* HOST:PORT, or "" for a socket in the file system */
    bool is_private;   /* nobody on another machine can reach it */
    char path[108];    /* of the socket; "" if it has none */
    dev_t device;      /* of what was made there, so that nothing else is removed */
    ino_t inode;
};

/*
 * Listens. A file that is already there is replaced only if it is a socket on which nobody listens.
 * `mode` is that of the socket's file. 0; -EINVAL: no such form of address; or why it cannot be,
 * -EADDRINUSE among others.
 */
int wp_listener_open(struct wp_listener *listener, const char *address, unsigned mode,
                     struct wp_error *error);

/* Takes the socket's file away. The descriptor is closed unless it was handed on (fd -1). */
void wp_listener_close(struct wp_listener *listener);

/* For --socket-mode; target: unsigned. */
wp_option_parser wp_option_parse_mode;

#endif
