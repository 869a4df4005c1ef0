#include "cli/serve/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/message.h"

#define BACKLOG 128
#define UNIX_PREFIX "unix:"

int
wp_option_parse_mode(const struct wp_option *option, const char *text, void *target)
{
    size_t digits = strspn(text, "01234567");

    if (digits == 0 || text[digits] != '\0' || strtoul(text, NULL, 8) > 0777) {
        wp_message_error(text, NULL, "not a value for --%s, which takes a mode as 0600",
                         option->name);
        return -EINVAL;
    }
    *(unsigned *)target = (unsigned)strtoul(text, NULL, 8);
    return 0;
}

static bool
is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;

        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;

        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

/* Writes the address that the kernel has given, with the real port. */
static int
describe_socket(struct wp_listener *listener, struct wp_error *error)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof bound;
    char host[128], port[16];
    int status;

    if (getsockname(listener->fd, (struct sockaddr *)&bound, &length) != 0)
        return wp_error_set(error, errno, "cannot tell where it listens: %s", strerror(errno));
    status = getnameinfo((struct sockaddr *)&bound, length, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV);
    if (status != 0)
        return wp_error_set(error, EINVAL, "cannot tell where it listens: %s",
                            gai_strerror(status));
    snprintf(listener->address, sizeof listener->address,
             bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    snprintf(listener->url, sizeof listener->url, "http://%.240s", listener->address);
    listener->is_private = is_loopback((struct sockaddr *)&bound);
    return 0;
}

/* A socket that is bound and listens, or negative errno. */
static int
bind_socket(int family, const struct sockaddr *address, socklen_t length)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    int code;

    if (fd < 0)
        return -errno;
    if (family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    code = errno;
    close(fd);
    return -code;
}

/* Splits HOST:PORT or [HOST]:PORT; an empty host is every address. */
static int
split_address(const char *address, char *host, size_t host_bytes, const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t length;

    if (colon == NULL || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 5 || strtoul(colon + 1, NULL, 10) > UINT16_MAX)
        return -EINVAL;
    length = (size_t)(colon - address);
    if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
        address++;
        length -= 2;
    } else if (memchr(address, ':', length) != NULL) {
        return -EINVAL;
    }
    if (length >= host_bytes)
        return -EINVAL;
    memcpy(host, address, length);
    host[length] = '\0';
    *port = colon + 1;
    return 0;
}

static int
refuse_bind(const char *address, int code, struct wp_error *error)
{
    switch (code) {
    case EADDRINUSE:
        return wp_error_set(error, code,
                            "%s: another program listens there; take another port with --listen, "
                            "or port 0 for any that is free",
                            address);
    case EACCES:
        return wp_error_set(error, code,
                            "%s: not permitted: %s; take a port from 1024 on with --listen",
                            address, strerror(code));
    case EADDRNOTAVAIL:
        return wp_error_set(error, code, "%s: this machine has no such address; see `ip address`",
                            address);
    default:
        return wp_error_set(error, code, "%s: cannot listen: %s", address, strerror(code));
    }
}

static int
open_internet(struct wp_listener *listener, const char *address, struct wp_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    const char *port;
    int status, fd = -EADDRNOTAVAIL;

    if (split_address(address, host, sizeof host, &port) != 0)
        return wp_error_set(error, EINVAL,
                            "%s: not an address to listen on; write HOST:PORT, as 127.0.0.1:6060 "
                            "or [::1]:6060, or unix:PATH",
                            address);
    status = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (status != 0)
        return wp_error_set(error, EINVAL, "%s: %s", address, gai_strerror(status));
    for (const struct addrinfo *row = found; row != NULL && fd < 0; row = row->ai_next)
        fd = bind_socket(row->ai_family, row->ai_addr, row->ai_addrlen);
    freeaddrinfo(found);
    if (fd < 0)
        return refuse_bind(address, -fd, error);
    listener->fd = fd;
    return describe_socket(listener, error);
}

/* Removes a socket that nobody listens on; says why not otherwise. */
static int
remove_stale_socket(const struct sockaddr_un *address, struct wp_error *error)
{
    const char *path = address->sun_path;
    struct stat file;
    int fd, code;

    if (lstat(path, &file) != 0)
        return errno == ENOENT ? 0
                               : wp_error_set(error, errno, "unix:%s: %s", path, strerror(errno));
    if (!S_ISSOCK(file.st_mode))
        return wp_error_set(error, EEXIST,
                            "unix:%s: there is a file that is no socket; it is left alone: remove "
                            "it, or take another path with --listen",
                            path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return wp_error_set(error, errno, "unix:%s: %s", path, strerror(errno));
    code = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (code != ECONNREFUSED)
        return wp_error_set(error, EADDRINUSE,
                            "unix:%s: another program listens there; take another path with "
                            "--listen",
                            path);
    if (unlink(path) != 0)
        return wp_error_set(error, errno, "unix:%s: an old socket cannot be removed: %s", path,
                            strerror(errno));
    return 0;
}

static int
open_unix(struct wp_listener *listener, const char *path, unsigned mode, struct wp_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat file;
    mode_t mask;
    int fd, status;

    if (path[0] == '\0' || strlen(path) >= sizeof address.sun_path)
        return wp_error_set(error, EINVAL, "unix:%s: a path has 1 to %zu bytes", path,
                            sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    status = remove_stale_socket(&address, error);
    if (status != 0)
        return status;

    /* The file is never open to more than it shall be, not even for a moment. */
    mask = umask(~mode & 0777);
    fd = bind_socket(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (fd < 0)
        return wp_error_set(error, -fd, "unix:%s: cannot listen: %s", path, strerror(-fd));
    listener->fd = fd;
    listener->is_private = true;
    memcpy(listener->path, address.sun_path, sizeof listener->path);
    snprintf(listener->url, sizeof listener->url, "unix:%s", path);
    if (lstat(path, &file) == 0) {
        listener->device = file.st_dev;
        listener->inode = file.st_ino;
    }
    return 0;
}

int
wp_listener_open(struct wp_listener *listener, const char *address, unsigned mode,
                 struct wp_error *error)
{
    size_t prefix = strlen(UNIX_PREFIX);
    int status;

    *listener = (struct wp_listener){.fd = -1};
    if (strncmp(address, UNIX_PREFIX, prefix) == 0)
        status = open_unix(listener, address + prefix, mode, error);
    else
        status = open_internet(listener, address, error);
    if (status != 0)
        wp_listener_close(listener);
    return status;
}

void
wp_listener_close(struct wp_listener *listener)
{
    struct stat file;

    if (listener->path[0] != '\0' && lstat(listener->path, &file) == 0 &&
        file.st_dev == listener->device && file.st_ino == listener->inode)
        unlink(listener->path);
    listener->path[0] = '\0';
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}
