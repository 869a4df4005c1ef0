/*
 * Services, users and groups: read from files, or asked of a daemon that asks a server.
 */
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include "timed.h"

WP_EXPORT struct servent *
getservbyname(const char *name, const char *protocol)
{
    WP_TIMED_OUTER(net, getservbyname, (name, protocol));
}

WP_EXPORT struct servent *
getservbyport(int port, const char *protocol)
{
    WP_TIMED_OUTER(net, getservbyport, (port, protocol));
}

WP_EXPORT int
getservbyname_r(const char *name, const char *protocol, struct servent *entry, char *buffer,
                size_t size, struct servent **result)
{
    WP_TIMED_OUTER(net, getservbyname_r, (name, protocol, entry, buffer, size, result));
}

WP_EXPORT int
getservbyport_r(int port, const char *protocol, struct servent *entry, char *buffer, size_t size,
                struct servent **result)
{
    WP_TIMED_OUTER(net, getservbyport_r, (port, protocol, entry, buffer, size, result));
}

WP_EXPORT struct passwd *
getpwnam(const char *name)
{
    WP_TIMED_OUTER(net, getpwnam, (name));
}

WP_EXPORT struct passwd *
getpwuid(uid_t user)
{
    WP_TIMED_OUTER(net, getpwuid, (user));
}

WP_EXPORT int
getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
           struct passwd **result)
{
    WP_TIMED_OUTER(net, getpwnam_r, (name, entry, buffer, size, result));
}

WP_EXPORT int
getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t size, struct passwd **result)
{
    WP_TIMED_OUTER(net, getpwuid_r, (user, entry, buffer, size, result));
}

WP_EXPORT struct group *
getgrnam(const char *name)
{
    WP_TIMED_OUTER(net, getgrnam, (name));
}

WP_EXPORT struct group *
getgrgid(gid_t group)
{
    WP_TIMED_OUTER(net, getgrgid, (group));
}

WP_EXPORT int
getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **result)
{
    WP_TIMED_OUTER(net, getgrnam_r, (name, entry, buffer, size, result));
}

WP_EXPORT int
getgrgid_r(gid_t group, struct group *entry, char *buffer, size_t size, struct group **result)
{
    WP_TIMED_OUTER(net, getgrgid_r, (group, entry, buffer, size, result));
}

WP_EXPORT int
getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
    WP_TIMED_OUTER(net, getgrouplist, (user, group, groups, count));
}

WP_EXPORT int
initgroups(const char *user, gid_t group)
{
    WP_TIMED_OUTER(net, initgroups, (user, group));
}
