/*
 * From descriptor to descriptor, past the program's memory.
 */
#include "timed.h"

enum { WP_COPY_NONBLOCK = 2 }; /* SPLICE_F_NONBLOCK, which <fcntl.h> has */

ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
               unsigned flags);
ssize_t tee(int in, int out, size_t count, unsigned flags);
ssize_t vmsplice(int fd, const struct iovec *vector, size_t count, unsigned flags);
ssize_t sendfile(int out, int in, off_t *offset, size_t count);

WP_EXPORT ssize_t
splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count, unsigned flags)
{
    if ((flags & WP_COPY_NONBLOCK) != 0)
        return wp_real.splice(in, in_offset, out, out_offset, count, flags);
    WP_TIMED_OUTPUT(io, splice, (in, in_offset, out, out_offset, count, flags));
}

WP_EXPORT ssize_t
tee(int in, int out, size_t count, unsigned flags)
{
    if ((flags & WP_COPY_NONBLOCK) != 0)
        return wp_real.tee(in, out, count, flags);
    WP_TIMED_OUTPUT(io, tee, (in, out, count, flags));
}

WP_EXPORT ssize_t
vmsplice(int fd, const struct iovec *vector, size_t count, unsigned flags)
{
    if ((flags & WP_COPY_NONBLOCK) != 0)
        return wp_real.vmsplice(fd, vector, count, flags);
    WP_TIMED_OUTPUT(io, vmsplice, (fd, vector, count, flags));
}

WP_EXPORT ssize_t
copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
                unsigned flags)
{
    WP_TIMED_OUTPUT(io, copy_file_range, (in, in_offset, out, out_offset, count, flags));
}

WP_EXPORT ssize_t
sendfile(int out, int in, off_t *offset, size_t count)
{
    WP_TIMED_OUTPUT(io, sendfile, (out, in, offset, count));
}
WP_EXPORT_ALIAS(sendfile64, sendfile);
