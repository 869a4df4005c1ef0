/*
 * The resolver's own functions. What errno holds after them is chance: h_errno is looked at.
 */
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "../expect.h"
#include "name_service.h"

/* Looks an address up; returns the answer's size, -1 without one. */
typedef int (*resolver_query)(const char *name, unsigned char *answer, int size);

static struct __res_state resolver_state;

/* 0: the answer to `name` has the address in it. */
static long
resolver_ask(resolver_query query, const char *name)
{
    static const unsigned char address[] = {192, 0, 2, 1};
    unsigned char answer[512];
    int length = query(name, answer, sizeof(answer));

    if (length < 0)
        return -1;
    return memmem(answer, (size_t)length, address, sizeof(address)) != NULL ? 0 : 1;
}

static long
resolver_ask_slowly(void *query)
{
    resolver_query ask;

    memcpy(&ask, query, sizeof(ask));
    return resolver_ask(ask, "slow.test");
}

/* The error of the last call: of this thread, or of the state that was given. */
static int
resolver_error(bool has_state)
{
    return has_state ? resolver_state.res_h_errno : h_errno;
}

static void
resolver_check(resolver_query query, bool has_state)
{
    name_service_start();
    EXPECT_EQ(res_ninit(&resolver_state), 0);
    EXPECT_EQ(resolver_ask(query, "fast.test"), 0);
    EXPECT_EQ(resolver_ask(query, "missing.test"), -1);
    EXPECT_EQ(resolver_error(has_state), HOST_NOT_FOUND);
    EXPECT_EQ(resolver_ask(query, "empty.test"), -1);
    EXPECT_EQ(resolver_error(has_state), NO_DATA);
    EXPECT_EQ(resolver_ask(query, "broken.test"), -1);
    EXPECT_EQ(resolver_error(has_state), TRY_AGAIN);
    EXPECT_EQ(resolver_ask(query, "not..aname"), -1);
    EXPECT_EQ(resolver_error(has_state), NO_RECOVERY);
    name_service_check_waits(resolver_ask_slowly, &query, true);
    name_service_leave();
    resolver_state.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    EXPECT_EQ(resolver_ask(query, "fast.test"), -1);
    EXPECT_EQ(resolver_error(has_state), TRY_AGAIN);
}

/* --- the thread's state ---------------------------------------------------------------------- */

static row_type_res_query resolver_res_query;
static row_type_res_search resolver_res_search;
static row_type_res_querydomain resolver_res_querydomain;
static row_type_res_send resolver_res_send;

static int
resolver_by_query(const char *name, unsigned char *answer, int size)
{
    return resolver_res_query(name, ns_c_in, ns_t_a, answer, size);
}

static int
resolver_by_search(const char *name, unsigned char *answer, int size)
{
    return resolver_res_search(name, ns_c_in, ns_t_a, answer, size);
}

/* The first label is the name, the rest the domain. */
static int
resolver_by_querydomain(const char *name, unsigned char *answer, int size)
{
    char label[64];
    const char *dot = strchr(name, '.');

    snprintf(label, sizeof(label), "%.*s", (int)(dot - name), name);
    return resolver_res_querydomain(label, dot + 1, ns_c_in, ns_t_a, answer, size);
}

/* The type is passed on: the answer has an address of the other kind. */
static void
resolver_check_type(int (*ask)(const char *name, int type, unsigned char *answer, int size))
{
    unsigned char answer[512];
    int length = ask("fast", ns_t_aaaa, answer, sizeof(answer));

    EXPECT(length > 0);
    EXPECT(memmem(answer, (size_t)length, "\x20\x01\x0d\xb8", 4) != NULL);
    EXPECT_EQ(ask("fast", ns_t_txt, answer, sizeof(answer)), -1);
}

static int
resolver_search_type(const char *name, int type, unsigned char *answer, int size)
{
    return resolver_res_search(name, ns_c_in, type, answer, size);
}

ROW_CASE(res_query)
{
    resolver_res_query = function;
    resolver_check(resolver_by_query, false);
}

ROW_CASE(res_search)
{
    resolver_res_search = function;
    resolver_check(resolver_by_search, false);
    EXPECT_EQ(res_init(), 0);
    resolver_check_type(resolver_search_type); /* in the domain that is searched */
}

ROW_CASE(res_querydomain)
{
    resolver_res_querydomain = function;
    resolver_check(resolver_by_querydomain, false);
}

/* --- a state of the caller's ----------------------------------------------------------------- */

static row_type_res_nquery resolver_res_nquery;
static row_type_res_nsearch resolver_res_nsearch;
static row_type_res_nquerydomain resolver_res_nquerydomain;
static row_type_res_nsend resolver_res_nsend;

static int
resolver_by_nquery(const char *name, unsigned char *answer, int size)
{
    return resolver_res_nquery(&resolver_state, name, ns_c_in, ns_t_a, answer, size);
}

static int
resolver_by_nsearch(const char *name, unsigned char *answer, int size)
{
    return resolver_res_nsearch(&resolver_state, name, ns_c_in, ns_t_a, answer, size);
}

static int
resolver_nquerydomain_of_state(const char *name, const char *domain, int class, int type,
                               unsigned char *answer, int size)
{
    return resolver_res_nquerydomain(&resolver_state, name, domain, class, type, answer, size);
}

static int
resolver_nsearch_type(const char *name, int type, unsigned char *answer, int size)
{
    return resolver_res_nsearch(&resolver_state, name, ns_c_in, type, answer, size);
}

ROW_CASE(res_nquery)
{
    resolver_res_nquery = function;
    resolver_check(resolver_by_nquery, true);
}

ROW_CASE(res_nsearch)
{
    resolver_res_nsearch = function;
    resolver_check(resolver_by_nsearch, true);
    EXPECT_EQ(res_ninit(&resolver_state), 0);
    resolver_check_type(resolver_nsearch_type);
}

ROW_CASE(res_nquerydomain)
{
    resolver_res_nquerydomain = function;
    resolver_res_querydomain = resolver_nquerydomain_of_state;
    resolver_check(resolver_by_querydomain, true);
}

/* --- queries made by the caller -------------------------------------------------------------- */

static int
resolver_by_send(const char *name, unsigned char *answer, int size)
{
    unsigned char query[512];
    int length =
        res_mkquery(ns_o_query, name, ns_c_in, ns_t_a, NULL, 0, NULL, query, sizeof(query));

    EXPECT(length > 0);
    return resolver_res_send(query, length, answer, size);
}

static int
resolver_nsend_of_state(const unsigned char *query, int query_size, unsigned char *answer, int size)
{
    return resolver_res_nsend(&resolver_state, query, query_size, answer, size);
}

/* Any answer is one, whatever it says. */
static void
resolver_check_send(row_type_res_send function)
{
    resolver_query query = resolver_by_send;
    unsigned char answer[512];
    HEADER *header = (HEADER *)(void *)answer;

    resolver_res_send = function;
    name_service_start();
    EXPECT_EQ(res_ninit(&resolver_state), 0);
    EXPECT_EQ(resolver_ask(query, "fast.test"), 0);
    EXPECT(resolver_by_send("missing.test", answer, sizeof(answer)) > 0);
    EXPECT_EQ(header->rcode, ns_r_nxdomain);
    EXPECT_FAILS(function((const unsigned char *)"", 1, answer, 11), EINVAL);
    name_service_check_waits(resolver_ask_slowly, &query, true);
    name_service_leave();
    resolver_state.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    EXPECT_FAILS(resolver_by_send("fast.test", answer, sizeof(answer)), ECONNREFUSED);
}

ROW_CASE(res_send)
{
    resolver_check_send(function);
}

ROW_CASE(res_nsend)
{
    resolver_res_nsend = function;
    resolver_check_send(resolver_nsend_of_state);
}
