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

/* How far the ratio may move from the first one taken over at least WP_CLOCK_SETTLED_NS. */
#define WP_CLOCK_DRIFT 0.01
#define WP_CLOCK_SETTLED_NS 10000000.0

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

void
wp_clock_init(void)
{
    wp_clock_start_ns = wp_clock_ns();
    wp_clock_start_ticks = wp_clock_counter();
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
    return ratio > settled * (1 - WP_CLOCK_DRIFT) && ratio < settled * (1 + WP_CLOCK_DRIFT) ? ratio
                                                                                            : 0;
}

uint64_t
wp_clock_elapsed_ns(wp_clock_mark start)
{
    uint64_t now_ns = wp_clock_ns();

    if (wp_clock_ticks == 0) /* a mark of ticks, taken just before they were given up, is far off */
        return now_ns - start < now_ns - wp_clock_start_ns ? now_ns - start : 0;

    uint64_t now_ticks = wp_clock_counter();
    double ratio = wp_clock_ratio(now_ticks, now_ns);

    if (ratio == 0) {
        wp_clock_ticks = 0;
        wp_clock_ready_marks = (uint64_t)WP_CLOCK_READY_NS;
        return 0;
    }
    return now_ticks > start ? (uint64_t)((double)(now_ticks - start) * ratio) : 0;
}
