#include "cli/top/live.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cli/top/screen.h"
#include "cli/top/tty.h"
#include "profile/clock.h"

/* Looks never take more than this part of the time, however large the region is. */
#define LOOK_PART 10u

struct live {
    struct wp_top_session *session;
    struct wp_top_view *view;
    struct wp_canvas canvas;
    uint64_t last_look_ns; /* when it began */
    uint64_t look_cost_ns;
    bool stale; /* the screen does not show what the view would */
    bool anew;
    bool terminal_gone;
    int ending;
};

static bool
takes_looks(const struct live *live)
{
    return !live->view->frozen && !live->session->facts.has_ended;
}

static uint64_t
next_look_ns(const struct live *live)
{
    uint64_t wait_ns = live->view->interval_ns;

    if (wait_ns < LOOK_PART * live->look_cost_ns)
        wait_ns = LOOK_PART * live->look_cost_ns;
    return live->last_look_ns + wait_ns;
}

static void
look_if_due(struct live *live)
{
    uint64_t start_ns = wp_clock_ns(CLOCK_MONOTONIC);
    struct wp_error error = {""};

    if (!takes_looks(live) || start_ns < next_look_ns(live))
        return;
    /* What fails is in the facts that the view shows. */
    wp_top_session_look(live->session, &error);
    wp_top_view_refresh(live->view);
    live->last_look_ns = start_ns;
    live->look_cost_ns = wp_clock_ns(CLOCK_MONOTONIC) - start_ns;
    live->stale = true;
}

static int
resize(struct live *live)
{
    size_t rows, columns;

    wp_tty_size(&rows, &columns);
    wp_screen_resize(rows, columns);
    live->stale = live->anew = true;
    return wp_canvas_resize(&live->canvas, rows, columns);
}

static int
handle_events(struct live *live)
{
    struct wp_tty_events events = wp_tty_events();

    live->ending = events.ending;
    if (events.suspended) {
        wp_screen_leave();
        wp_tty_stop();
        events.continued = true;
    }
    /* Continued after SIGSTOP: the shell has had the terminal meanwhile. */
    if (events.continued) {
        wp_screen_leave();
        wp_screen_return();
    }
    return events.resized || events.continued ? resize(live) : 0;
}

static void
draw(struct live *live)
{
    if (!live->stale || wp_tty_has_pending())
        return;
    wp_top_view_draw(live->view, &live->canvas);
    wp_screen_show(&live->canvas, live->anew || live->view->redraw);
    live->view->redraw = live->anew = live->stale = false;
}

static int
timeout_ms(const struct live *live)
{
    uint64_t now = wp_clock_ns(CLOCK_MONOTONIC), next = next_look_ns(live);

    if (!takes_looks(live))
        return -1;
    return next > now ? (int)((next - now) / 1000000 + 1) : 0;
}

static void
handle_keys(struct live *live)
{
    uint32_t key;

    while (!live->view->quit && (key = wp_screen_key()) != WP_KEY_NONE) {
        wp_top_view_key(live->view, key);
        live->stale = true;
    }
}

static int
wait_and_handle(struct live *live)
{
    struct pollfd waits[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = wp_tty_event_fd(), .events = POLLIN},
        {.fd = wp_tty_has_pending() ? wp_tty_output_fd() : -1, .events = POLLOUT},
    };

    if (poll(waits, 3, timeout_ms(live)) < 0 && errno != EINTR)
        return -errno;
    if ((waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        live->terminal_gone = true;
    else if ((waits[0].revents & POLLIN) != 0)
        handle_keys(live);
    if (waits[2].revents != 0)
        wp_tty_flush();
    return handle_events(live);
}

static int
run(struct live *live)
{
    int status = resize(live);

    while (status == 0 && !live->view->quit && !live->terminal_gone && live->ending == 0) {
        look_if_due(live);
        draw(live);
        status = wait_and_handle(live);
    }
    return status;
}

int
wp_top_live_run(struct wp_top_session *session, struct wp_top_view *view, int *signal_number,
                struct wp_error *error)
{
    struct live live = {
        .session = session, .view = view, .last_look_ns = wp_clock_ns(CLOCK_MONOTONIC)};
    int status;

    setlocale(LC_CTYPE, "");
    status = wp_screen_open(error);
    if (status != 0)
        return status;
    wp_top_view_refresh(view);
    status = run(&live);
    if (status != 0)
        wp_error_set(error, -status, "the view failed for want of memory or descriptors");
    wp_screen_close();
    wp_canvas_free(&live.canvas);
    *signal_number = live.ending != 0 ? live.ending : live.terminal_gone ? SIGHUP : 0;
    return status;
}
