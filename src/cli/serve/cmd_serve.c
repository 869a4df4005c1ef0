#include "cli/command.h"
#include "cli/message.h"

static int
run(const void *values, char **arguments)
{
    (void)values;
    (void)arguments;
    wp_message_error(NULL, NULL, "not there yet");
    return WP_EXIT_FAILURE;
}

static const struct wp_option options[] = {{.name = NULL}};

const struct wp_command wp_command_serve = {
    .name = "serve",
    .arguments = "[PID|REGION|COMMAND]...",
    .summary = "serve the profiles of running programs over HTTP",
    .description = "",
    .exit_codes = WP_EXIT_BITS_REGION,
    .options = options,
    .arguments_minimum = 0,
    .arguments_maximum = -1,
    .run = run,
};
