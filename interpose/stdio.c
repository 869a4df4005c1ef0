/*
 * Streams. libc reads and writes them by calls of its own that no wrapper sees, so the outer calls
 * are timed. A stream that holds enough in its buffer makes no system call: that is looked up in
 * the pointers that <stdio.h> itself lays open for getc_unlocked, and such a call is passed on
 * untimed.
 *
 * Formatted and single-character calls (printf, scanf, getc) are left out: see left_out.def.
 */
#include "timed.h"

/* Is there so much to be read without a system call? */
static inline bool
wp_stdio_holds(const FILE *stream, size_t size, size_t count)
{
    size_t wanted;

    if (__builtin_mul_overflow(size, count, &wanted))
        return false;
    /* libc does not look at the stream for nothing: it may be none. */
    return wanted == 0 || wanted <= (size_t)(stream->_IO_read_end - stream->_IO_read_ptr);
}

/* Is there room to write so much without a system call? None in a stream that is flushed at each
 * line or not buffered. */
static inline bool
wp_stdio_has_room(const FILE *stream, size_t size, size_t count)
{
    size_t wanted;

    if (__builtin_mul_overflow(size, count, &wanted))
        return false;
    return wanted == 0 || (stream->_IO_write_end > stream->_IO_write_ptr &&
                           wanted < (size_t)(stream->_IO_write_end - stream->_IO_write_ptr));
}

/* Body of a wrapper for a call on a stream that moves `moved` bytes (an expression of result_). */
#define WP_STDIO_TIMED(passed_on, moved, id, arguments)                                            \
    do {                                                                                           \
        if (!wp_wrapper_block_on(WP_FAMILY_io) || (passed_on))                                     \
            return wp_real.id arguments;                                                           \
                                                                                                   \
        struct wp_timed_outer outer_;                                                              \
                                                                                                   \
        wp_timed_outer_begin_cheap(&outer_);                                                       \
                                                                                                   \
        __typeof__(wp_real.id arguments) result_ = wp_real.id arguments;                           \
                                                                                                   \
        if (__builtin_expect(wp_clock_waited(outer_.start), 0))                                    \
            wp_timed_outer_end(&outer_, WP_TIMED_BUSY_NS + (moved) / WP_TIMED_BYTES_PER_NS,        \
                               WP_FUNCTION_##id, WP_UNWIND_FRAME());                               \
        return result_;                                                                            \
    } while (0)

size_t __fread_chk(void *buffer, size_t buffer_size, size_t size, size_t count, FILE *stream);
size_t __fread_unlocked_chk(void *buffer, size_t buffer_size, size_t size, size_t count,
                            FILE *stream);
char *__fgets_chk(char *line, size_t line_size, int size, FILE *stream);
char *__fgets_unlocked_chk(char *line, size_t line_size, int size, FILE *stream);

/* --- reading --------------------------------------------------------------------------------- */

WP_EXPORT size_t
fread(void *buffer, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_holds(stream, size, count), result_ * size, fread,
                   (buffer, size, count, stream));
}
WP_EXPORT_ALIAS(_IO_fread, fread);

WP_EXPORT size_t
fread_unlocked(void *buffer, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_holds(stream, size, count), result_ * size, fread_unlocked,
                   (buffer, size, count, stream));
}

WP_EXPORT size_t
__fread_chk(void *buffer, size_t buffer_size, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_holds(stream, size, count), result_ * size, __fread_chk,
                   (buffer, buffer_size, size, count, stream));
}

WP_EXPORT size_t
__fread_unlocked_chk(void *buffer, size_t buffer_size, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_holds(stream, size, count), result_ * size, __fread_unlocked_chk,
                   (buffer, buffer_size, size, count, stream));
}

/* How long the line is, only libc finds out. */

WP_EXPORT char *
fgets(char *line, int size, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fgets, (line, size, stream));
}
WP_EXPORT_ALIAS(_IO_fgets, fgets);

WP_EXPORT char *
fgets_unlocked(char *line, int size, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fgets_unlocked, (line, size, stream));
}

WP_EXPORT char *
__fgets_chk(char *line, size_t line_size, int size, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, __fgets_chk, (line, line_size, size, stream));
}

WP_EXPORT char *
__fgets_unlocked_chk(char *line, size_t line_size, int size, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, __fgets_unlocked_chk, (line, line_size, size, stream));
}

WP_EXPORT ssize_t
getdelim(char **line, size_t *size, int delimiter, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, getdelim, (line, size, delimiter, stream));
}
WP_EXPORT_ALIAS(__getdelim, getdelim);

WP_EXPORT ssize_t
getline(char **line, size_t *size, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, getline, (line, size, stream));
}

/* --- writing --------------------------------------------------------------------------------- */

WP_EXPORT size_t
fwrite(const void *buffer, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_has_room(stream, size, count), result_ * size, fwrite,
                   (buffer, size, count, stream));
}
WP_EXPORT_ALIAS(_IO_fwrite, fwrite);

WP_EXPORT size_t
fwrite_unlocked(const void *buffer, size_t size, size_t count, FILE *stream)
{
    WP_STDIO_TIMED(wp_stdio_has_room(stream, size, count), result_ * size, fwrite_unlocked,
                   (buffer, size, count, stream));
}

WP_EXPORT int
fputs(const char *text, FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fputs, (text, stream));
}
WP_EXPORT_ALIAS(_IO_fputs, fputs);

WP_EXPORT int
puts(const char *text)
{
    WP_STDIO_TIMED(false, 0, puts, (text));
}
WP_EXPORT_ALIAS(_IO_puts, puts);

WP_EXPORT int
fflush(FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fflush, (stream));
}
WP_EXPORT_ALIAS(_IO_fflush, fflush);

WP_EXPORT int
fflush_unlocked(FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fflush_unlocked, (stream));
}

WP_EXPORT int
fclose(FILE *stream)
{
    WP_STDIO_TIMED(false, 0, fclose, (stream));
}
WP_EXPORT_ALIAS(_IO_fclose, fclose);

/* --- the lock of a stream -------------------------------------------------------------------- */

/*
 * Tried first. libc takes the same lock in each call on the stream, and lets go of it where no
 * wrapper sees it, so nobody is charged for the wait.
 */
static WP_SLOW void
wp_stdio_lock_slow(FILE *stream)
{
    struct wp_unwind_registers caller = wp_unwind_caller(WP_UNWIND_FRAME());
    struct wp_wait wait;

    wait.rates = wp_wait_rates_now();
    wp_wait_begin(&wait, WP_FUNCTION_flockfile);
    wp_real.flockfile(stream);
    wp_wait_end(&wait, WP_FUNCTION_flockfile, &caller);
}

WP_EXPORT void
flockfile(FILE *stream)
{
    if (!wp_wrapper_block_on(WP_FAMILY_sync))
        wp_real.flockfile(stream);
    else if (wp_real.ftrylockfile(stream) != 0)
        wp_stdio_lock_slow(stream);
}
WP_EXPORT_ALIAS(_IO_flockfile, flockfile);
