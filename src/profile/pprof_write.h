/*
 * A message of the pprof format, compressed with gzip as its readers expect it.
 */
#ifndef WP_PROFILE_PPROF_WRITE_H
#define WP_PROFILE_PPROF_WRITE_H

#include <stdio.h>

#include "profile/error.h"

struct Wp__Pprof__Profile; /* generated from profile.proto */

/* Needs little memory besides the message. 0, -ENOMEM, or the errno of writing. */
int wp_pprof_write(const struct Wp__Pprof__Profile *message, FILE *stream, struct wp_error *error);

#endif
