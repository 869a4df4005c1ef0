/*
 * Internal to the reader of pprof files: the bytes of a file, decompressed.
 */
#ifndef WP_COMPARE_PPROF_BYTES_H
#define WP_COMPARE_PPROF_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "profile/error.h"

/* `bytes` is the caller's, to be freed with free(). */
struct wp_pprof_bytes {
    uint8_t *bytes;
    size_t length;
};

/* The file as it is. -EPROTO: larger than `limit_bytes`; or the errno of open and read. */
int wp_pprof_bytes_read(const char *path, size_t limit_bytes, struct wp_pprof_bytes *file,
                        struct wp_error *error);

/*
 * What gzip made of it, one stream or several one after the other; *inflated has no bytes if
 * `bytes` are not compressed. -EPROTO: damaged, cut off, or more than `limit_bytes`.
 */
int wp_pprof_bytes_inflate(const void *bytes, size_t length, const char *name, size_t limit_bytes,
                           struct wp_pprof_bytes *inflated, struct wp_error *error);

#endif
