#include "core/clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A call shorter than this did not wait: two context switches cost more than that, and a ready read
 * or receive of a small message costs a quarter of it.
 */
#define WP_CLOCK_READY_NS 2000.0

/* How far clock and counter may drift apart, by the first ratio that was taken over at least
 * WP_CLOCK_SETTLED_NS: by this share, and by more than a thread may lose between two readings. */
#define WP_CLOCK_DRIFT 0.01
#define WP_CLOCK_DRIFT_NS 1e9
#define WP_CLOCK_SETTLED_NS 10000000.0

/* Readings of clock and counter further apart than this are taken again, a few times. */
#define WP_CLOCK_PAIR_TICKS 2000
#define WP_CLOCK_PAIR_TRIES 4

uint32_t wp_clock_ticks;
uint64_t wp_clock_ready_marks;

static uint64_t wp_clock_start_ns;
static uint64_t wp_clock_start_ticks;
static double wp_clock_settled_ratio; /* ns per tick, 0 until settled; a racing write is the same */

/*
 * The kernel uses the counter for its own clock only if it ticks at one rate on all processors. The
 * system calls are direct: read and close are functions that this library wraps.
 */
static bool
wp_clock_kernel_uses_counter(void)
{
#if defined(__x86_64__)
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    char name[4] = "";
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    long length = syscall(SYS_read, fd, name, sizeof(name));
    (void)syscall(SYS_close, fd);
    return length == 4 && memcmp(name, "tsc\n", 4) == 0;
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

/* Reads the clock and the counter at one moment: a thread may lose the processor in between. */
static uint64_t
wp_clock_read_both(uint64_t *ticks)
{
    uint64_t narrowest = UINT64_MAX;
    uint64_t clock_ns = 0;

    for (int tries = 0; tries < WP_CLOCK_PAIR_TRIES && narrowest > WP_CLOCK_PAIR_TICKS; tries++) {
        uint64_t before = wp_clock_counter();
        uint64_t now_ns = wp_clock_ns();
        uint64_t width = wp_clock_counter() - before;

        if (width < narrowest) {
            narrowest = width;
            clock_ns = now_ns;
            *ticks = before + width / 2;
        }
    }
    return clock_ns;
}

void
wp_clock_init(void)
{
    wp_clock_start_ns = wp_clock_read_both(&wp_clock_start_ticks);
    wp_clock_ticks = wp_clock_kernel_uses_counter();
    wp_clock_ready_marks = wp_clock_ticks ? 0 : (uint64_t)WP_CLOCK_READY_NS;
}

/* Nanoseconds per tick since the start; 0 when the counter has proved unfit. */
static double
wp_clock_ratio(uint64_t now_ticks, uint64_t now_ns)
{
    double passed_ns = (double)(now_ns - wp_clock_start_ns);
    double passed_ticks = (double)(now_ticks - wp_clock_start_ticks);

    if (passed_ns <= 0 || passed_ticks <= 0)
        return 0;

    double ratio = passed_ns / passed_ticks;
    double settled = wp_clock_settled_ratio;

    if (settled == 0) {
        wp_clock_ready_marks = (uint64_t)(WP_CLOCK_READY_NS / ratio);
        if (passed_ns >= WP_CLOCK_SETTLED_NS)
            wp_clock_settled_ratio = ratio;
        return ratio;
    }

    double drift_ns = passed_ns - passed_ticks * settled;

    if (drift_ns < 0)
        drift_ns = -drift_ns;
    return drift_ns > WP_CLOCK_DRIFT_NS && drift_ns > passed_ns * WP_CLOCK_DRIFT ? 0 : ratio;
}

uint64_t
wp_clock_elapsed_ns(wp_clock_mark start)
{
    uint64_t now_ticks = 0;
    uint64_t now_ns = wp_clock_read_both(&now_ticks);

    if (wp_clock_ticks == 0) /* a mark of ticks, taken just before they were given up, is far off */
        return now_ns - start < now_ns - wp_clock_start_ns ? now_ns - start : 0;

    double ratio = wp_clock_ratio(now_ticks, now_ns);

    if (ratio == 0) {
        wp_clock_ticks = 0;
        wp_clock_ready_marks = (uint64_t)WP_CLOCK_READY_NS;
        return 0;
    }
    return now_ticks > start ? (uint64_t)((double)(now_ticks - start) * ratio) : 0;
}
