/*
 * Asynchronous I/O, waited for. What its threads do is theirs, and unseen.
 */
#include <aio.h>
#include <errno.h>

#include "timed.h"

WP_EXPORT int
aio_suspend(const struct aiocb *const *list, int count, const struct timespec *timeout)
{
    WP_TIMED(io, wp_timed_ready_ns(result_ < 0 && errno == EAGAIN, timeout), aio_suspend,
             (list, count, timeout));
}
WP_EXPORT_ALIAS_OF_OTHER_TYPE(aio_suspend64, aio_suspend);

/* --- lio_listio: waits for all of a list in mode LIO_WAIT */

WP_EXPORT int wp_lio_listio(int mode, struct aiocb *const *list, int count, struct sigevent *event);
WP_EXPORT int wp_lio_listio64(int mode, struct aiocb *const *list, int count,
                              struct sigevent *event);

int
wp_lio_listio(int mode, struct aiocb *const *list, int count, struct sigevent *event)
{
    if (mode != LIO_WAIT)
        return wp_real.lio_listio(mode, list, count, event);
    WP_TIMED(io, WP_TIMED_READY_NS, lio_listio, (mode, list, count, event));
}
WP_EXPORT_VERSION(wp_lio_listio, "lio_listio", WP_LIO_VERSION);

int
wp_lio_listio64(int mode, struct aiocb *const *list, int count, struct sigevent *event)
{
    if (mode != LIO_WAIT)
        return wp_real.lio_listio64(mode, list, count, event);
    WP_TIMED(io, WP_TIMED_READY_NS, lio_listio64, (mode, list, count, event));
}
WP_EXPORT_VERSION(wp_lio_listio64, "lio_listio64", WP_LIO_VERSION);

#if defined(WP_LIO_MIDDLE_VERSION)

WP_EXPORT_ALIAS(wp_lio_listio_middle, wp_lio_listio);
WP_EXPORT_OLD_VERSION(wp_lio_listio_middle, "lio_listio", WP_LIO_MIDDLE_VERSION);
WP_EXPORT_ALIAS(wp_lio_listio64_middle, wp_lio_listio64);
WP_EXPORT_OLD_VERSION(wp_lio_listio64_middle, "lio_listio64", WP_LIO_MIDDLE_VERSION);

#endif
