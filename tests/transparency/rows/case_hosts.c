/*
 * Hosts and addresses by name: from /etc/hosts, from a name server, from nowhere. What errno holds
 * after these functions is chance, but for EAI_SYSTEM.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>

#include "../expect.h"
#include "name_service.h"

/* --- getaddrinfo ----------------------------------------------------------------------------- */

static row_type_getaddrinfo hosts_getaddrinfo;

/* The error, or 0 if the first address is `expected`. */
static int
hosts_look_up(const char *node, const char *service, const struct addrinfo *hints,
              const char *expected)
{
    struct addrinfo *list = (void *)8;
    char host[NI_MAXHOST];
    int error = hosts_getaddrinfo(node, service, hints, &list);

    if (error != 0)
        return error;
    EXPECT_EQ(
        getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST),
        0);
    freeaddrinfo(list);
    if (strcmp(host, expected) != 0)
        expect_fail(__FILE__, __LINE__, "%s is %s, not %s", node, host, expected);
    return 0;
}

static long
hosts_look_up_slowly(void *unused)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    (void)unused;
    return hosts_look_up("slow.test", NULL, &hints, "2001:db8::1") != 0 &&
           hosts_look_up("slow.test", NULL, &hints, NAME_SERVICE_ADDRESS) != 0;
}

static void
hosts_check_hints(void)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_NUMERICHOST};

    EXPECT_EQ(hosts_look_up("192.0.2.5", "80", &hints, "192.0.2.5"), 0);
    EXPECT_EQ(hosts_look_up("known.test", NULL, &hints, ""), EAI_NONAME);
    EXPECT_EQ(hosts_look_up("::1", NULL, &hints, ""), EAI_ADDRFAMILY);
    hints.ai_flags = AI_NUMERICSERV;
    EXPECT_EQ(hosts_look_up("192.0.2.5", "test-service", &hints, ""), EAI_NONAME);
    hints.ai_flags = 0x100000;
    EXPECT_EQ(hosts_look_up("192.0.2.5", NULL, &hints, ""), EAI_BADFLAGS);
    hints = (struct addrinfo){.ai_family = AF_UNIX};
    EXPECT_EQ(hosts_look_up("192.0.2.5", NULL, &hints, ""), EAI_FAMILY);
    hints = (struct addrinfo){.ai_socktype = 99};
    EXPECT_EQ(hosts_look_up("192.0.2.5", NULL, &hints, ""), EAI_SOCKTYPE);
    hints = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    EXPECT_EQ(hosts_look_up("192.0.2.5", "no-such-service", &hints, ""), EAI_SERVICE);
    EXPECT_EQ(hosts_look_up(NULL, "test-service", &hints, "127.0.0.1"), 0);
}

ROW_CASE(getaddrinfo)
{
    static const struct addrinfo ipv4 = {.ai_family = AF_INET};
    struct addrinfo *list;

    hosts_getaddrinfo = function;
    name_service_start();
    EXPECT_EQ(function(NULL, NULL, NULL, &list), EAI_NONAME);
    hosts_check_hints();
    EXPECT_EQ(hosts_look_up("2001:db8::5", NULL, NULL, "2001:db8::5"), 0);
    EXPECT_EQ(hosts_look_up("known.test", NULL, &ipv4, "192.0.2.77"), 0);
    EXPECT_EQ(hosts_look_up("fast.test", "test-service", &ipv4, NAME_SERVICE_ADDRESS), 0);
    EXPECT_EQ(hosts_look_up("missing.test", NULL, &ipv4, ""), EAI_NONAME);
    EXPECT_EQ(hosts_look_up("empty.test", NULL, &ipv4, ""), EAI_NODATA);
    EXPECT_EQ(hosts_look_up("broken.test", NULL, &ipv4, ""), EAI_AGAIN);
    name_service_check_waits(hosts_look_up_slowly, NULL, true);
    name_service_leave();
    EXPECT_EQ(hosts_look_up("fast.test", NULL, &ipv4, ""), EAI_AGAIN);
}

/* --- getnameinfo ----------------------------------------------------------------------------- */

static row_type_getnameinfo hosts_getnameinfo;

static struct sockaddr_in
hosts_address(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4711)};

    EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return address;
}

/* The error, or 0 if host and service are these. */
static int
hosts_name(const char *address_text, int flags, const char *expected_host,
           const char *expected_service)
{
    struct sockaddr_in address = hosts_address(address_text);
    char host[NI_MAXHOST] = "";
    char service[NI_MAXSERV] = "";
    int error = hosts_getnameinfo((struct sockaddr *)&address, sizeof(address), host, sizeof(host),
                                  service, sizeof(service), flags);

    if (error != 0)
        return error;
    EXPECT(strcmp(host, expected_host) == 0);
    EXPECT(strcmp(service, expected_service) == 0);
    return 0;
}

static long
hosts_name_slowly(void *unused)
{
    (void)unused;
    return hosts_name(NAME_SERVICE_SLOW_ADDRESS, NI_NAMEREQD, "fast.test", "test-service");
}

ROW_CASE(getnameinfo)
{
    struct sockaddr_in address = hosts_address("192.0.2.77");
    char host[4];

    hosts_getnameinfo = function;
    name_service_start();
    EXPECT_EQ(hosts_name("192.0.2.77", 0, "known.test", "test-service"), 0);
    EXPECT_EQ(hosts_name("192.0.2.77", NI_NUMERICHOST | NI_NUMERICSERV, "192.0.2.77", "4711"), 0);
    EXPECT_EQ(hosts_name("192.0.2.77", NI_DGRAM, "known.test", "4711"), 0);
    EXPECT_EQ(hosts_name("192.0.2.2", NI_NAMEREQD, "fast.test", "test-service"), 0);
    EXPECT_EQ(hosts_name("192.0.2.77", 0x100000, "", ""), EAI_BADFLAGS);
    EXPECT_EQ(function((struct sockaddr *)&address, 4, host, 4, NULL, 0, 0), EAI_FAMILY);
    EXPECT_EQ(function((struct sockaddr *)&address, sizeof(address), host, 4, NULL, 0, 0),
              EAI_OVERFLOW);
    EXPECT_EQ(function((struct sockaddr *)&address, sizeof(address), NULL, 0, NULL, 0, NI_NAMEREQD),
              EAI_NONAME);
    address.sin_family = AF_APPLETALK;
    EXPECT_EQ(function((struct sockaddr *)&address, sizeof(address), host, 4, NULL, 0, 0),
              EAI_FAMILY);
    name_service_check_waits(hosts_name_slowly, NULL, true);
    name_service_leave();
    EXPECT_EQ(hosts_name("192.0.2.2", NI_NAMEREQD, "", ""), EAI_AGAIN);
    EXPECT_EQ(hosts_name("192.0.2.2", NI_NUMERICHOST, "192.0.2.2", "test-service"), 0);
}

/* --- gethostbyname and its kin --------------------------------------------------------------- */

/* Looks up a name or the text of an address; NULL: h_errno says why. The waits come last of all: a
 * cancelled gethostbyname keeps the lock that it has, and the next one would wait for ever. */
typedef struct hostent *(*hosts_finder)(const char *what);

static long
hosts_found(const struct hostent *entry, const char *name, const char *address)
{
    char text[INET6_ADDRSTRLEN];

    if (entry == NULL)
        return -1;
    EXPECT(inet_ntop(entry->h_addrtype, entry->h_addr_list[0], text, sizeof(text)) != NULL);
    return strcmp(entry->h_name, name) == 0 && strcmp(text, address) == 0 ? 0 : 1;
}

static void
hosts_expect_none(hosts_finder find, const char *what, int error)
{
    h_errno = -7;
    EXPECT(find(what) == NULL);
    EXPECT_EQ(h_errno, error);
}

static long
hosts_find_slow_name(void *find)
{
    hosts_finder find_now;

    memcpy(&find_now, find, sizeof(find_now));
    return hosts_found(find_now("slow.test"), "slow.test", NAME_SERVICE_ADDRESS);
}

static long
hosts_find_slow_address(void *find)
{
    hosts_finder find_now;

    memcpy(&find_now, find, sizeof(find_now));
    return hosts_found(find_now(NAME_SERVICE_SLOW_ADDRESS), "fast.test", NAME_SERVICE_SLOW_ADDRESS);
}

static void
hosts_check_names(hosts_finder find)
{
    name_service_start();
    EXPECT_EQ(hosts_found(find("192.0.2.5"), "192.0.2.5", "192.0.2.5"), 0);
    EXPECT_EQ(hosts_found(find("known"), "known.test", "192.0.2.77"), 0);
    EXPECT_EQ(hosts_found(find("fast"), "fast.test", NAME_SERVICE_ADDRESS), 0);
    hosts_expect_none(find, "missing.test", HOST_NOT_FOUND);
    hosts_expect_none(find, "empty.test", NO_DATA);
    hosts_expect_none(find, "broken.test", TRY_AGAIN);
    name_service_leave();
    hosts_expect_none(find, "fast.test", TRY_AGAIN);
    name_service_check_waits(hosts_find_slow_name, &find, true);
}

static void
hosts_check_addresses(hosts_finder find)
{
    name_service_start();
    EXPECT_EQ(hosts_found(find("192.0.2.77"), "known.test", "192.0.2.77"), 0);
    EXPECT_EQ(hosts_found(find("192.0.2.2"), "fast.test", "192.0.2.2"), 0);
    name_service_leave();
    hosts_expect_none(find, "192.0.2.2", TRY_AGAIN);
    name_service_check_waits(hosts_find_slow_address, &find, true);
}

static row_type_gethostbyname2 hosts_gethostbyname2;
static row_type_gethostbyaddr hosts_gethostbyaddr;
static row_type_gethostbyname_r hosts_gethostbyname_r;
static row_type_gethostbyname2_r hosts_gethostbyname2_r;
static row_type_gethostbyaddr_r hosts_gethostbyaddr_r;

static struct hostent *
hosts_by_name2(const char *name)
{
    return hosts_gethostbyname2(name, AF_INET);
}

static struct hostent *
hosts_by_address(const char *text)
{
    struct in_addr address = hosts_address(text).sin_addr;

    return hosts_gethostbyaddr(&address, sizeof(address), AF_INET);
}

ROW_CASE(gethostbyname)
{
    hosts_check_names(function);
}

ROW_CASE(gethostbyname2)
{
    hosts_gethostbyname2 = function;
    EXPECT_EQ(hosts_found(function("2001:db8::5", AF_INET6), "2001:db8::5", "2001:db8::5"), 0);
    EXPECT(function("known.test", AF_UNIX) == NULL);
    hosts_check_names(hosts_by_name2);
}

ROW_CASE(gethostbyaddr)
{
    hosts_gethostbyaddr = function;
    EXPECT(function("abc", 3, AF_INET) == NULL);
    EXPECT_EQ(h_errno, NETDB_INTERNAL);
    EXPECT_EQ(errno, EAFNOSUPPORT);
    hosts_check_addresses(hosts_by_address);
}

/* --- the forms that take their memory from the caller ---------------------------------------- */

static char hosts_buffer[4096];
static struct hostent hosts_entry;

/* The out-parameters agree; the error goes where the other forms leave it. */
static struct hostent *
hosts_result(int status, struct hostent *result, int error)
{
    EXPECT(result == NULL || (result == &hosts_entry && status == 0));
    if (result == NULL)
        h_errno = error;
    return result;
}

static struct hostent *
hosts_by_name_r(const char *name)
{
    struct hostent *result = (void *)8;
    int error = -8;
    int status = hosts_gethostbyname_r(name, &hosts_entry, hosts_buffer, sizeof(hosts_buffer),
                                       &result, &error);

    return hosts_result(status, result, error);
}

static struct hostent *
hosts_by_name2_r(const char *name)
{
    struct hostent *result = (void *)8;
    int error = -8;
    int status = hosts_gethostbyname2_r(name, AF_INET, &hosts_entry, hosts_buffer,
                                        sizeof(hosts_buffer), &result, &error);

    return hosts_result(status, result, error);
}

static struct hostent *
hosts_by_address_r(const char *text)
{
    struct in_addr address = hosts_address(text).sin_addr;
    struct hostent *result = (void *)8;
    int error = -8;
    int status = hosts_gethostbyaddr_r(&address, sizeof(address), AF_INET, &hosts_entry,
                                       hosts_buffer, sizeof(hosts_buffer), &result, &error);

    return hosts_result(status, result, error);
}

ROW_CASE(gethostbyname_r)
{
    struct hostent *result = (void *)8;
    int error = -8;

    hosts_gethostbyname_r = function;
    hosts_check_names(hosts_by_name_r);
    EXPECT_EQ(function("known.test", &hosts_entry, hosts_buffer, 8, &result, &error), ERANGE);
    EXPECT(result == NULL);
}

ROW_CASE(gethostbyname2_r)
{
    struct hostent *result = (void *)8;
    int error = -8;

    hosts_gethostbyname2_r = function;
    hosts_check_names(hosts_by_name2_r);
    EXPECT_EQ(function("known.test", AF_INET, &hosts_entry, hosts_buffer, 8, &result, &error),
              ERANGE);
    EXPECT(result == NULL);
}

ROW_CASE(gethostbyaddr_r)
{
    struct in_addr address = hosts_address("192.0.2.77").sin_addr;
    struct hostent *result = (void *)8;
    int error = -8;

    hosts_gethostbyaddr_r = function;
    hosts_check_addresses(hosts_by_address_r);
    EXPECT_EQ(function(&address, sizeof(address), AF_INET, &hosts_entry, hosts_buffer, 8, &result,
                       &error),
              ERANGE);
    EXPECT(result == NULL);
}

/* --- in the background ----------------------------------------------------------------------- */

static struct gaicb hosts_request = {.ar_name = "slow.test"};
static struct gaicb *hosts_requests[] = {&hosts_request, NULL};
static row_type_getaddrinfo_a hosts_getaddrinfo_a;
static row_type_gai_suspend hosts_gai_suspend;

/* A cancelled or interrupted call leaves the request to its thread: answered, it is over. */
static void
hosts_await_request(void)
{
    for (int i = 0; gai_error(&hosts_request) == EAI_INPROGRESS; i++) {
        EXPECT(i < 10000);
        expect_pause_ms(1);
    }
}

static long
hosts_request_and_wait(void *unused)
{
    (void)unused;
    return hosts_getaddrinfo_a(GAI_WAIT, hosts_requests, 2, NULL);
}

static long
hosts_request_and_suspend(void *unused)
{
    (void)unused;
    EXPECT_EQ(getaddrinfo_a(GAI_NOWAIT, hosts_requests, 1, NULL), 0);
    return hosts_gai_suspend((const struct gaicb *const *)hosts_requests, 2, NULL);
}

/* Waits of a request, none of which is a cancellation point; `interrupted` is what comes of a
 * signal without SA_RESTART. */
static void
hosts_check_background(long (*request)(void *unused), int interrupted)
{
    struct row_call call = {request, NULL, name_service_answer};
    struct row_outcome outcome;

    name_service_hold();
    EXPECT_EQ(row_release(&call).result, 0);
    hosts_await_request();
    for (int restart = 0; restart <= 1; restart++) {
        name_service_hold();
        outcome = row_interrupt(&call, restart ? SA_RESTART : 0);
        EXPECT_EQ(outcome.result, restart ? 0 : interrupted);
        EXPECT_EQ(outcome.handled, 1);
        name_service_answer(NULL);
        hosts_await_request();
    }
    name_service_hold();
    EXPECT(!row_cancel(&call).cancelled);
    name_service_answer(NULL);
    hosts_await_request();
}

ROW_CASE(getaddrinfo_a)
{
    struct gaicb known = {.ar_name = "192.0.2.77"};
    struct gaicb *list[] = {&known};

    hosts_getaddrinfo_a = function;
    name_service_start();
    EXPECT_EQ(function(GAI_NOWAIT, list, 0, NULL), 0);
    errno = EXPECT_ERRNO_MARK;
    EXPECT_EQ(function(99, list, 1, NULL), EAI_SYSTEM);
    EXPECT_EQ(errno, EINVAL);
    row_expect_no_sample();
    EXPECT_EQ(function(GAI_WAIT, list, 1, NULL), 0);
    EXPECT_EQ(gai_error(&known), 0);
    EXPECT_EQ(known.ar_result->ai_family, AF_INET);
    freeaddrinfo(known.ar_result);
    hosts_check_background(hosts_request_and_wait, 0);
}

ROW_CASE(gai_suspend)
{
    static const struct timespec soon = {0, 5000000};
    int error;

    hosts_gai_suspend = function;
    name_service_start();
    EXPECT_EQ(function((const struct gaicb *const *)hosts_requests + 1, 1, NULL), EAI_ALLDONE);
    name_service_hold();
    EXPECT_EQ(getaddrinfo_a(GAI_NOWAIT, hosts_requests, 1, NULL), 0);
    /* glibc 2.36 says EAI_SYSTEM for a timeout, and takes it for over at once. */
    error = function((const struct gaicb *const *)hosts_requests, 1, &soon);
    EXPECT(error == EAI_AGAIN || error == EAI_SYSTEM);
    name_service_answer(NULL);
    hosts_await_request();
    hosts_check_background(hosts_request_and_suspend, EAI_INTR);
}
