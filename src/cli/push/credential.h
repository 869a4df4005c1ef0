/*
 * Secrets from files, for requests. Read again for each request, since whoever looks after them may
 * change them at any time; never in a message.
 */
#ifndef WP_CLI_PUSH_CREDENTIAL_H
#define WP_CLI_PUSH_CREDENTIAL_H

#include "profile/error.h"

#define WP_CREDENTIAL_BYTES 16384u

/* `text` is one line without its end. */
struct wp_credential {
    char text[WP_CREDENTIAL_BYTES];
};

/* Reads the first line. -EIO, with why: it cannot be read, is empty, too long, has control
 * characters. */
int wp_credential_read(const char *path, struct wp_credential *credential, struct wp_error *error);

/* Overwrites it, so that it does not stay in memory. */
void wp_credential_wipe(struct wp_credential *credential);

/* A remark on who else may read the file, as a warning on standard error. */
void wp_credential_warn(const char *path);

#endif
