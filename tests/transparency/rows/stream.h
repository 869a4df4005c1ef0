/*
 * Streams on pipes, for the calls of <stdio.h> that may wait: what the cases of readers and writers
 * share.
 */
#ifndef WP_TESTS_TRANSPARENCY_ROWS_STREAM_H
#define WP_TESTS_TRANSPARENCY_ROWS_STREAM_H

#include <stdio.h>

#include "row.h"

/* A stream on one end of a pipe, for a call that reads from it or writes to it. */
struct stream {
    FILE *file;
    int near; /* below the stream */
    int far;  /* the other end */
    bool writes;
    long (*call)(FILE *file);
};

/* `call` is what row calls made of the stream do; NULL when there will be none. */
struct stream stream_open(long (*call)(FILE *file), bool writes);

/* Closes both ends. */
void stream_shut(const struct stream *stream);

/* Writes `text` into the pipe of a stream that reads. */
void stream_feed(const struct stream *stream, const char *text);

/* The call on the stream; its wait is ended by STREAM_LINE for a reader, by emptying the pipe for a
 * writer. */
struct row_call stream_call(struct stream *stream);

/* fopen, which must not fail. */
FILE *stream_of_file(const char *path, const char *mode);

#define STREAM_LINE "abc\n"

#endif
