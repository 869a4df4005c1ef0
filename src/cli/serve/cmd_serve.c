/*
 * waitprof serve: the profiles of running programs over HTTP.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/secret_file.h"
#include "cli/serve/server.h"

struct serve_values {
    bool all;
    const char *listen;
    unsigned socket_mode;
    const char *token_file;
    bool without_token;
    bool allow_control;
    struct wp_option_number max_connections;
    struct wp_option_number max_deltas;
    struct wp_option_number client_timeout_ns;
    struct wp_option_number grace_ns;
    struct wp_option_number nice;
    struct wp_option_number cpu_percent;
};

static const struct serve_values defaults = {
    .listen = "127.0.0.1:6060",
    .socket_mode = 0600,
    .max_connections = {.value = 128},
    .max_deltas = {.value = 64},
    .client_timeout_ns = {.value = UINT64_C(30000000000)},
    .grace_ns = {.value = UINT64_C(60000000000)},
    .nice = {.value = 19},
    .cpu_percent = {.value = 1},
};

static const struct wp_option options[] = {
    {.name = "all",
     .letter = 'a',
     .help = "all programs that this user may read (default without\narguments)",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct serve_values, all)},
    {.name = "listen",
     .letter = 'l',
     .placeholder = "ADDRESS",
     .help = "HOST:PORT, [IPV6]:PORT or unix:PATH; port 0: any that is\n"
             "free (default: 127.0.0.1:6060)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct serve_values, listen)},
    {.name = "socket-mode",
     .placeholder = "MODE",
     .help = "mode of the socket of unix:PATH (default: 0600)",
     .parse = wp_option_parse_mode,
     .target = offsetof(struct serve_values, socket_mode)},
    {.name = "token-file",
     .placeholder = "FILE",
     .help = "clients must show the bearer token in the first line of\n"
             "FILE (without this: that in WAITPROF_TOKEN, if it is set)",
     .parse = wp_option_parse_text,
     .target = offsetof(struct serve_values, token_file)},
    {.name = "without-token",
     .help = "let other machines read without a token",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct serve_values, without_token)},
    {.name = "allow-control",
     .help = "let clients that show the token change sampling rates",
     .parse = wp_option_parse_flag,
     .target = offsetof(struct serve_values, allow_control)},
    {.name = "max-connections",
     .placeholder = "N",
     .help = "at the same time; one too many replaces the idlest\n(default: 128)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct serve_values, max_connections),
     .minimum = 1,
     .maximum = 10000},
    {.name = "max-deltas",
     .placeholder = "N",
     .help = "requests with seconds= at the same time (default: 64)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct serve_values, max_deltas),
     .minimum = 1,
     .maximum = 10000},
    {.name = "client-timeout",
     .placeholder = "TIME",
     .help = "for a client to send a whole request, and to take its\nanswer (default: 30s)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct serve_values, client_timeout_ns),
     .minimum = UINT64_C(100000000),
     .maximum = UINT64_C(3600000000000),
     .unit_ns = UINT64_C(1000000000)},
    {.name = "grace",
     .placeholder = "TIME",
     .help = "serve a program that has ended for so long (default: 60s)",
     .parse = wp_option_parse_time,
     .target = offsetof(struct serve_values, grace_ns),
     .unit_ns = UINT64_C(1000000000)},
    {.name = "nice",
     .placeholder = "N",
     .help = "nice level of the threads that make the answers\n(default: 19)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct serve_values, nice),
     .maximum = 19},
    {.name = "cpu-limit",
     .placeholder = "PERCENT",
     .help = "of one processor, for answers while the programs leave\n"
             "less than one idle (default: 1; 100: no limit)",
     .parse = wp_option_parse_number,
     .target = offsetof(struct serve_values, cpu_percent),
     .minimum = 1,
     .maximum = 100},
    {.name = NULL},
};

/* Whoever can reach the server may read; so who that is, is not left to chance. */
static int
check_exposure(const struct wp_server *server, const struct serve_values *values)
{
    if (!server->listener.is_private && server->token.length == 0 && !values->without_token) {
        wp_message_error(values->listen,
                         "ask for a token with --token-file, or allow it with --without-token",
                         "other machines could read the profiles");
        return -EINVAL;
    }
    return 0;
}

static int
start(struct wp_server *server, const struct serve_values *values)
{
    struct wp_error error = {""};
    int status = wp_token_read(&server->token, values->token_file, &error);

    if (status == 0 && values->token_file != NULL)
        wp_secret_file_warn(values->token_file);
    if (status == 0 && values->allow_control && server->token.length == 0)
        status = wp_error_set(&error, EINVAL,
                              "--allow-control: needs a token that clients must show; name a file "
                              "with --token-file");
    if (status == 0)
        status = wp_listener_open(&server->listener, values->listen, values->socket_mode, &error);
    if (status != 0) {
        /* What cannot be listened on says nothing about regions. */
        wp_message_error(NULL, NULL, "%s", error.text);
        return status == -EINVAL ? WP_EXIT_USAGE : WP_EXIT_FAILURE;
    }
    if (check_exposure(server, values) != 0) {
        wp_listener_close(&server->listener);
        return WP_EXIT_USAGE;
    }
    status = wp_server_run(server, &error);
    wp_listener_close(&server->listener);
    return status != 0 ? wp_command_fail(status, &error) : WP_EXIT_OK;
}

static int
run(const void *given, char **arguments)
{
    const struct serve_values *values = given;
    struct wp_server server = {
        .listener = {.fd = -1},
        .options =
            {
                .allow_control = values->allow_control,
                .max_connections = values->max_connections.value,
                .max_deltas = values->max_deltas.value,
                .client_timeout_ns = values->client_timeout_ns.value,
                .grace_ns = values->grace_ns.value,
                .nice = (int)values->nice.value,
                .cpu_percent = (unsigned)values->cpu_percent.value,
            },
    };
    struct wp_target_selection *selection = &server.options.selection;
    sigset_t stops;

    selection->words = (const char *const *)arguments;
    while (arguments[selection->word_count] != NULL)
        selection->word_count++;
    selection->all = values->all || selection->word_count == 0;

    /* Before there are threads, which all inherit it: the main thread waits for them. */
    wp_server_stop_signals(&stops);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    return start(&server, values);
}

const struct wp_command wp_command_serve = {
    .name = "serve",
    .arguments = "[PID|REGION|COMMAND]...",
    .summary = "serve the profiles of running programs over HTTP",
    .description =
        "Serves profiles as Go programs do: /debug/pprof/block and /debug/pprof/mutex, whole or\n"
        "of a span (seconds=N), for `go tool pprof`, Alloy, Parca and curl. Of one program there,\n"
        "of each of several below /pid/PID. COMMAND may be a pattern. /metrics and /sd are for\n"
        "Prometheus. The programs are not touched. Ends by ^C or SIGTERM.\n",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 0,
    .arguments_maximum = -1,
    .defaults = &defaults,
    .values_bytes = sizeof defaults,
    .run = run,
};
