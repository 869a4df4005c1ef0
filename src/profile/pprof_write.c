#include "profile/pprof_write.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "profile.pb-c.h"

#define BUFFER_BYTES 65536u
#define GZIP_WINDOW_BITS (15 + 16) /* 16 asks zlib for a gzip header */

/* protobuf-c hands over bytes a few at a time; they are collected, compressed and written. */
struct pprof_output {
    ProtobufCBuffer base; /* first: what protobuf-c knows */
    FILE *stream;
    z_stream zlib;
    size_t used;
    bool failed;
    unsigned char bytes[BUFFER_BYTES];
};

static void
pprof_compress(struct pprof_output *output, const unsigned char *bytes, size_t length, int flush)
{
    unsigned char compressed[BUFFER_BYTES];

    output->zlib.next_in = (unsigned char *)(uintptr_t)bytes;
    output->zlib.avail_in = (uInt)length;
    do {
        size_t ready;

        output->zlib.next_out = compressed;
        output->zlib.avail_out = sizeof compressed;
        if (deflate(&output->zlib, flush) == Z_STREAM_ERROR)
            output->failed = true;
        ready = sizeof compressed - output->zlib.avail_out;
        if (!output->failed && fwrite(compressed, 1, ready, output->stream) != ready)
            output->failed = true;
    } while (output->zlib.avail_out == 0 && !output->failed);
}

static void
pprof_append(ProtobufCBuffer *buffer, size_t length, const uint8_t *bytes)
{
    struct pprof_output *output = (struct pprof_output *)buffer;

    while (length > 0 && !output->failed) {
        size_t room = sizeof output->bytes - output->used;
        size_t part = length < room ? length : room;

        memcpy(output->bytes + output->used, bytes, part);
        output->used += part;
        bytes += part;
        length -= part;
        if (output->used < sizeof output->bytes)
            continue;
        pprof_compress(output, output->bytes, output->used, Z_NO_FLUSH);
        output->used = 0;
    }
}

int
wp_pprof_write(const struct Wp__Pprof__Profile *message, FILE *stream, struct wp_error *error)
{
    struct pprof_output *output = calloc(1, sizeof *output);
    int result = 0;

    if (output == NULL)
        return wp_error_set(error, ENOMEM, "not enough memory to write the profile");
    output->base.append = pprof_append;
    output->stream = stream;
    if (deflateInit2(&output->zlib, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(output);
        return wp_error_set(error, ENOMEM, "not enough memory to compress the profile");
    }
    errno = 0;
    wp__pprof__profile__pack_to_buffer(message, &output->base);
    if (!output->failed)
        pprof_compress(output, output->bytes, output->used, Z_FINISH);
    deflateEnd(&output->zlib);
    if (output->failed) {
        int code = errno != 0 ? errno : EIO;

        result = wp_error_set(error, code, "cannot write the profile: %s", strerror(code));
    }
    free(output);
    return result;
}
