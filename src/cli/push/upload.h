/*
 * One profile, one request: POST URL/ingest as Pyroscope has it, and what its answer means.
 */
#ifndef WP_CLI_PUSH_UPLOAD_H
#define WP_CLI_PUSH_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/push/push_profile.h"
#include "profile/error.h"

/* Strings may be NULL, but for the URL, and outlive the upload. */
struct wp_upload_options {
    const char *url;        /* http or https, with a path perhaps; without a secret */
    const char *ca_file;    /* certificates that are trusted instead of the system's */
    const char *token_file; /* for Authorization: Bearer */
    const char *user_file;  /* NAME:PASSWORD, for Authorization: Basic */
    const char *tenant;     /* for X-Scope-OrgID */
    bool insecure_tls;      /* any certificate will do */
    uint64_t timeout_ns;    /* for a request from the first byte to the last */
};

enum wp_upload_outcome {
    WP_UPLOAD_ACCEPTED, /* the server has it */
    WP_UPLOAD_FAILED,   /* the server does not have it, and may take it later */
    WP_UPLOAD_UNKNOWN,  /* all was sent, and no answer came: nobody here can know */
    WP_UPLOAD_HELD,     /* no profile would be taken until a person mends something */
    WP_UPLOAD_REFUSED,  /* the server will never take this profile */
};

#define WP_UPLOAD_TEXT_BYTES 400u

struct wp_upload_result {
    enum wp_upload_outcome outcome;
    uint64_t retry_after_ns;         /* what the server asked for, else 0 */
    char text[WP_UPLOAD_TEXT_BYTES]; /* why not, for people: printable, without secrets */
};

struct wp_upload;

/* Checks the options, the URL and that the files can be read. On success the caller frees it. */
int wp_upload_new(const struct wp_upload_options *options, struct wp_upload **upload,
                  struct wp_error *error);
void wp_upload_free(struct wp_upload *upload); /* NULL is fine */

/* Sends one profile and waits for the answer. One thread at a time. */
void wp_upload_send(struct wp_upload *upload, const struct wp_push_profile *profile,
                    struct wp_upload_result *result);

/* A request must have ended by then (CLOCK_MONOTONIC, 0: no such time), also one that is under way.
 * Any thread. */
void wp_upload_set_deadline(struct wp_upload *upload, uint64_t deadline_ns);

#endif
