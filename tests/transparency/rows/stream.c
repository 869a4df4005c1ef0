#include "stream.h"

#include "../expect.h"

struct stream
stream_open(long (*call)(FILE *file), bool writes)
{
    struct stream stream = {.writes = writes, .call = call};
    int fds[2];

    EXPECT_EQ(pipe(fds), 0);
    stream.near = fds[writes];
    stream.far = fds[!writes];
    stream.file = fdopen(stream.near, writes ? "w" : "r");
    EXPECT(stream.file != NULL);
    return stream;
}

void
stream_shut(const struct stream *stream)
{
    fclose(stream->file);
    close(stream->far);
}

void
stream_feed(const struct stream *stream, const char *text)
{
    EXPECT_EQ(write(stream->far, text, strlen(text)), (ssize_t)strlen(text));
}

static long
stream_make_call(void *object)
{
    const struct stream *stream = object;

    return stream->call(stream->file);
}

/* Reads all that comes, on a descriptor of its own, until the writer's end is closed. */
static void *
stream_drain(void *fd)
{
    char drained[4096];

    while (syscall(SYS_read, (int)(intptr_t)fd, drained, sizeof(drained)) > 0)
        continue;
    syscall(SYS_close, (int)(intptr_t)fd);
    return NULL;
}

static void
stream_release(void *object)
{
    const struct stream *stream = object;

    if (stream->writes)
        pthread_detach(expect_thread(stream_drain, (void *)(intptr_t)dup(stream->far)));
    else
        stream_feed(stream, STREAM_LINE);
}

struct row_call
stream_call(struct stream *stream)
{
    return (struct row_call){stream_make_call, stream, stream_release};
}

FILE *
stream_of_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    EXPECT(file != NULL);
    return file;
}
