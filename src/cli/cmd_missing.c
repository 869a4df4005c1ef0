/*
 * The commands that this build does not have, because a library was missing when it was made.
 */
#include "cli/command.h"
#include "cli/message.h"

#if defined(WP_WITHOUT_MICROHTTPD) || defined(WP_WITHOUT_CURL)

static const struct wp_option options[] = {{.name = NULL}};

static int
refuse(const char *library, const char *package)
{
    wp_message_error(NULL, package, "this waitprof was built without %s", library);
    return WP_EXIT_FAILURE;
}

#define MISSING_COMMAND(word, library, package)                                                    \
    static int run_##word(const void *values, char **arguments)                                    \
    {                                                                                              \
        (void)values;                                                                              \
        (void)arguments;                                                                           \
        return refuse(library, "install " package " and build it again");                          \
    }                                                                                              \
    const struct wp_command wp_command_##word = {                                                  \
        .name = #word,                                                                             \
        .arguments = "...",                                                                        \
        .summary = "not in this build, which lacks " library,                                      \
        .description = "This waitprof was built without " library ".\n",                           \
        .exit_codes = WP_EXIT_BITS_PLAIN,                                                          \
        .options = options,                                                                        \
        .arguments_maximum = -1,                                                                   \
        .run = run_##word,                                                                         \
    }

#ifdef WP_WITHOUT_MICROHTTPD
MISSING_COMMAND(serve, "libmicrohttpd", "libmicrohttpd-dev");
#endif
#ifdef WP_WITHOUT_CURL
MISSING_COMMAND(push, "libcurl", "libcurl4-openssl-dev");
#endif

#endif
