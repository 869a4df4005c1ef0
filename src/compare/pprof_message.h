/*
 * Internal to the reader of pprof files: the protobuf message of a file that is a profile of waits.
 */
#ifndef WP_COMPARE_PPROF_MESSAGE_H
#define WP_COMPARE_PPROF_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "profile/error.h"

#include "profile.pb-c.h"

/* What a file may take: in bytes, and of memory as a message. */
struct wp_pprof_limits {
    size_t bytes;
    size_t memory_bytes;
};

struct wp_pprof_message {
    Wp__Pprof__Profile *profile; /* its ids and indices are not yet checked */
    size_t contentions;          /* index of the values of a sample */
    size_t delay;
    double delay_scale; /* makes them ns */
    ProtobufCAllocator allocator;
    const struct wp_pprof_limits *limits;
    size_t memory_left_bytes;
    bool is_too_large; /* there was not enough left */
};

/*
 * Unpacks the bytes of a file, compressed or not, and sees to it that they are a profile of waits.
 * -EPROTO: they are something else, which the text says; or they are damaged, or too large. On
 * success the caller frees the message, which must stay where it is.
 */
int wp_pprof_message_open(struct wp_pprof_message *message, const void *bytes, size_t length,
                          const char *name, const struct wp_pprof_limits *limits,
                          struct wp_error *error);
void wp_pprof_message_close(struct wp_pprof_message *message);

#endif
