/*
 * Names and addresses. libc asks its name servers by calls of its own that no wrapper sees.
 */
#include <netdb.h>

#include "timed.h"

WP_EXPORT int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **result)
{
    WP_TIMED_OUTER(net, getaddrinfo, (node, service, hints, result));
}

WP_EXPORT int
getnameinfo(const struct sockaddr *address, socklen_t address_size, char *host, socklen_t host_size,
            char *service, socklen_t service_size, int flags)
{
    WP_TIMED_OUTER(net, getnameinfo,
                   (address, address_size, host, host_size, service, service_size, flags));
}

WP_EXPORT struct hostent *
gethostbyname(const char *name)
{
    WP_TIMED_OUTER(net, gethostbyname, (name));
}

WP_EXPORT struct hostent *
gethostbyname2(const char *name, int family)
{
    WP_TIMED_OUTER(net, gethostbyname2, (name, family));
}

WP_EXPORT struct hostent *
gethostbyaddr(const void *address, socklen_t size, int family)
{
    WP_TIMED_OUTER(net, gethostbyaddr, (address, size, family));
}

WP_EXPORT int
gethostbyname_r(const char *name, struct hostent *entry, char *buffer, size_t size,
                struct hostent **result, int *error)
{
    WP_TIMED_OUTER(net, gethostbyname_r, (name, entry, buffer, size, result, error));
}

WP_EXPORT int
gethostbyname2_r(const char *name, int family, struct hostent *entry, char *buffer, size_t size,
                 struct hostent **result, int *error)
{
    WP_TIMED_OUTER(net, gethostbyname2_r, (name, family, entry, buffer, size, result, error));
}

WP_EXPORT int
gethostbyaddr_r(const void *address, socklen_t address_size, int family, struct hostent *entry,
                char *buffer, size_t size, struct hostent **result, int *error)
{
    WP_TIMED_OUTER(net, gethostbyaddr_r,
                   (address, address_size, family, entry, buffer, size, result, error));
}

WP_EXPORT int
gai_suspend(const struct gaicb *const *list, int count, const struct timespec *timeout)
{
    WP_TIMED(net, wp_timed_ready_ns(result_ == EAI_AGAIN, timeout), gai_suspend,
             (list, count, timeout));
}

WP_EXPORT int
getaddrinfo_a(int mode, struct gaicb **list, int count, struct sigevent *event)
{
    if (mode != GAI_WAIT)
        return wp_real.getaddrinfo_a(mode, list, count, event);
    WP_TIMED(net, WP_TIMED_READY_NS, getaddrinfo_a, (mode, list, count, event));
}

WP_EXPORT int
res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_query, (name, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_query, res_query);

WP_EXPORT int
res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_search, (name, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_search, res_search);

WP_EXPORT int
res_querydomain(const char *name, const char *domain, int class, int type, unsigned char *answer,
                int size)
{
    WP_TIMED_OUTER(net, res_querydomain, (name, domain, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_querydomain, res_querydomain);

WP_EXPORT int
res_send(const unsigned char *query, int query_size, unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_send, (query, query_size, answer, size));
}
WP_EXPORT_ALIAS(__res_send, res_send);

WP_EXPORT int
res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_nquery, (state, name, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_nquery, res_nquery);

WP_EXPORT int
res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_nsearch, (state, name, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_nsearch, res_nsearch);

WP_EXPORT int
res_nquerydomain(res_state state, const char *name, const char *domain, int class, int type,
                 unsigned char *answer, int size)
{
    WP_TIMED_OUTER(net, res_nquerydomain, (state, name, domain, class, type, answer, size));
}
WP_EXPORT_ALIAS(__res_nquerydomain, res_nquerydomain);

WP_EXPORT int
res_nsend(res_state state, const unsigned char *query, int query_size, unsigned char *answer,
          int size)
{
    WP_TIMED_OUTER(net, res_nsend, (state, query, query_size, answer, size));
}
WP_EXPORT_ALIAS(__res_nsend, res_nsend);
