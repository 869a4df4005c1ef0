#include "cli/serve/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "cli/serve/request.h"

#define WORKERS 2u
#define SWEEP_NS UINT64_C(250000000)
#define REFRESH_NS UINT64_C(1000000000)

/* Beyond our own bound, so that a new client gets as far as to push out an old one, or is served
 * beside those who will be done at once. */
#define SPARE_CONNECTIONS 32u

static void __attribute__((format(printf, 2, 0)))
log_daemon(void *cls, const char *format, va_list arguments)
{
    struct wp_error line;
    char text[sizeof line.text];

    (void)cls;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    wp_error_set(&line, 0, "%s", text);
    wp_message_detail("%s", line.text);
}

static struct MHD_Daemon *
start_daemon(struct wp_server *server)
{
    unsigned connections = (unsigned)server->options.max_connections + SPARE_CONNECTIONS;

    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        wp_request_handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->listener.fd, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_URI_LOG_CALLBACK, wp_request_begin, server, MHD_OPTION_NOTIFY_COMPLETED,
        wp_request_complete, server, MHD_OPTION_NOTIFY_CONNECTION, wp_connections_notify,
        server->connections, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
}

static void
announce(struct wp_server *server)
{
    struct wp_program_list list = {0};
    size_t count = 0;

    if (wp_programs_list(server->programs, &list) == 0)
        count = list.count;
    wp_program_list_free(&list);
    wp_message_note("%s%s (%zu program%s)", server->listener.url,
                    server->listener.path[0] == '\0' ? "/debug/pprof/" : "", count,
                    count == 1 ? "" : "s");
}

void
wp_server_stop_signals(sigset_t *signals)
{
    struct sigaction hangup;

    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    /* Whoever ignores it (nohup) wants to outlive the terminal. */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(signals, SIGHUP);
}

/* Keeps time until a signal asks to stop. */
static void
keep_time(struct wp_server *server)
{
    uint64_t swept_ns = 0, refreshed_ns = wp_statistics_now_ns();
    sigset_t stops;

    wp_server_stop_signals(&stops);
    for (;;) {
        uint64_t next_ns = wp_deltas_tick(server->deltas);
        uint64_t now_ns = wp_statistics_now_ns();
        struct timespec pause = {.tv_nsec = 0};

        if (now_ns - swept_ns >= SWEEP_NS) {
            wp_connections_sweep(server->connections);
            swept_ns = now_ns;
        }
        if (now_ns - refreshed_ns >= REFRESH_NS) {
            wp_programs_refresh(server->programs);
            refreshed_ns = wp_statistics_now_ns();
        }
        if (next_ns > now_ns + SWEEP_NS)
            next_ns = now_ns + SWEEP_NS;
        pause.tv_nsec = next_ns > now_ns ? (long)(next_ns - now_ns) : 0;
        if (sigtimedwait(&stops, NULL, &pause) > 0)
            return;
    }
}

static int
make_parts(struct wp_server *server, struct wp_error *error)
{
    const struct wp_server_options *options = &server->options;
    int status;

    wp_statistics_init(&server->statistics);
    status = wp_renderer_new(&server->renderer, error);
    if (status == 0)
        status = wp_programs_new(&options->selection, options->grace_ns, &server->programs, error);
    if (status != 0)
        return status;
    server->connections = wp_connections_new(options->max_connections, options->client_timeout_ns,
                                             &server->statistics);
    server->deltas = wp_deltas_new(server, options->max_deltas);
    if (server->connections == NULL || server->deltas == NULL)
        return wp_error_set(error, ENOMEM, "out of memory");
    return wp_job_queue_start(server, WORKERS, &server->jobs, error);
}

/* Of its reasons the library tells errno alone. */
static int
refuse_to_start(struct wp_error *error)
{
    if (errno == EMFILE)
        return wp_error_set(error, EMFILE,
                            "cannot start the HTTP server: too many open files (EMFILE); raise "
                            "the limit with `ulimit -n`, or LimitNOFILE= of a systemd unit");
    return wp_error_set(error, EIO, "cannot start the HTTP server; --verbose says more");
}

static int
serve(struct wp_server *server, struct wp_error *error)
{
    struct MHD_Daemon *daemon;

    errno = 0;
    signal(SIGPIPE, SIG_IGN);
    daemon = start_daemon(server);
    if (daemon == NULL)
        return refuse_to_start(error);
    server->listener.fd = -1; /* libmicrohttpd's from now on */
    announce(server);
    keep_time(server);

    /* Every connection that is suspended must be woken before the event thread can end. */
    wp_job_queue_stop(server->jobs);
    wp_deltas_end(server->deltas);
    MHD_stop_daemon(daemon);
    return 0;
}

int
wp_server_run(struct wp_server *server, struct wp_error *error)
{
    int status = make_parts(server, error);

    if (status == 0)
        status = serve(server, error);
    if (server->jobs != NULL)
        wp_job_queue_stop(server->jobs);
    wp_job_queue_free(server->jobs);
    wp_deltas_free(server->deltas);
    wp_connections_free(server->connections);
    wp_programs_free(server->programs);
    wp_renderer_free(server->renderer);
    return status;
}
