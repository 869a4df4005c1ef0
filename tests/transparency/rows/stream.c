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

/* Until nothing has come for a while: the writer may have more than the pipe holds. */
static void
stream_drain(const struct stream *stream)
{
    static char drained[1 << 16];

    EXPECT_EQ(fcntl(stream->far, F_SETFL, O_NONBLOCK), 0);
    for (int quiet = 0; quiet < 20;) {
        if (read(stream->far, drained, sizeof(drained)) > 0) {
            quiet = 0;
            continue;
        }
        quiet++;
        expect_pause_ms(1);
    }
}

static void
stream_release(void *object)
{
    const struct stream *stream = object;

    if (stream->writes)
        stream_drain(stream);
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
