#include "cli/command.h"

#include <errno.h>

#include "cli/message.h"

int
wp_command_fail(int status, const struct wp_error *error)
{
    wp_message_error(NULL, NULL, "%s", error->text);
    switch (-status) {
    case EINVAL:
        return WP_EXIT_USAGE;
    case ESRCH:
    case ENODATA:
    case ENOENT:
    case ENOTUNIQ:
        return WP_EXIT_NOT_FOUND;
    case EPROTO:
    case EAGAIN:
        return WP_EXIT_BAD_REGION;
    case EACCES:
    case EPERM:
        return WP_EXIT_PERMISSION;
    default:
        return WP_EXIT_FAILURE;
    }
}
