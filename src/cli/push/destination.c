#include "cli/push/destination.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool
begins_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* HOST:PORT, with a path perhaps: an address whose http:// was forgotten. */
static bool
looks_like_host(const char *text)
{
    size_t host = strcspn(text, ":/"), port;

    if (host == 0 || text[host] != ':')
        return false;
    port = strspn(text + host + 1, "0123456789");
    return port > 0 && (text[host + 1 + port] == '\0' || text[host + 1 + port] == '/');
}

int
wp_destination_parse(const char *text, struct wp_destination *destination, struct wp_error *error)
{
    *destination = (struct wp_destination){0};
    if (begins_with(text, "http://") || begins_with(text, "https://")) {
        destination->url = text;
        return 0;
    }
    if (begins_with(text, "file:///")) {
        destination->directory = text + strlen("file://");
        return 0;
    }
    /* What stands in front of "://" may be followed by a password: it is not shown. */
    if (strstr(text, "://") != NULL)
        return wp_error_set(error, EINVAL,
                            "not a value for --to; it is http://HOST[:PORT][/PATH], https://... or "
                            "a directory");
    if (text[0] == '\0' || looks_like_host(text))
        return wp_error_set(error, EINVAL,
                            "%s: not a value for --to; the address of a server begins with "
                            "http:// or https://",
                            text[0] != '\0' ? text : "\"\"");
    destination->directory = text;
    return 0;
}
