#include "cli/serve/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/serve/control.h"
#include "cli/serve/index_page.h"
#include "cli/serve/profile_answers.h"
#include "cli/serve/program_answers.h"

#define PPROF "/debug/pprof/"
#define CLEAN_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
#define SYMBOL_BODY_BYTES ((size_t)1 << 20)

static struct wp_answer *
check_health(struct wp_request *request, bool *is_answered)
{
    (void)request;
    *is_answered = true;
    return wp_answer_line(MHD_HTTP_OK, "ok");
}

static struct wp_answer *
refuse_profile(struct wp_request *request, bool *is_answered)
{
    (void)request;
    *is_answered = true;
    return wp_answer_refuse(MHD_HTTP_NOT_FOUND, "Unknown profile");
}

#define PROFILE(name)                                                                              \
    {                                                                                              \
        PPROF name, WP_ROUTE_OF_PROGRAM, 0, name, wp_profile_check, wp_profile_answer              \
    }

/* clang-format off */
static const struct wp_route routes[] = {
    {"/", 0, 0, NULL, NULL, wp_index_answer_programs},
    {"/healthz", WP_ROUTE_OPEN, 0, NULL, check_health, NULL},
    {"/metrics", WP_ROUTE_OF_PROGRAM, 0, NULL, NULL, wp_program_answer_metrics},
    {"/sd", WP_ROUTE_DISTINCT, 0, NULL, NULL, wp_program_answer_list},
    {"/rates", WP_ROUTE_OF_PROGRAM | WP_ROUTE_POST | WP_ROUTE_DISTINCT, WP_CONTROL_BODY_BYTES,
     NULL, wp_control_check, wp_control_answer},
    {PPROF, WP_ROUTE_OF_PROGRAM, 0, NULL, NULL, wp_index_answer_profiles},
    PROFILE("block"),
    PROFILE("mutex"),
    {PPROF "delta_block", WP_ROUTE_OF_PROGRAM | WP_ROUTE_DISTINCT, 0, "delta_block",
     wp_profile_check, wp_profile_answer},
    {PPROF "delta_mutex", WP_ROUTE_OF_PROGRAM | WP_ROUTE_DISTINCT, 0, "delta_mutex",
     wp_profile_check, wp_profile_answer},
    {PPROF "cmdline", WP_ROUTE_OF_PROGRAM, 0, NULL, NULL, wp_program_answer_command_line},
    {PPROF "symbol", WP_ROUTE_OF_PROGRAM | WP_ROUTE_POST | WP_ROUTE_DISTINCT, SYMBOL_BODY_BYTES,
     NULL, NULL, wp_program_answer_symbols},
};
/* clang-format on */

/* Whatever else stands below /debug/pprof/. */
static const struct wp_route unknown_profile = {
    PPROF, WP_ROUTE_OF_PROGRAM, 0, NULL, refuse_profile, NULL,
};

/* 301 to where the path means, with the query as it came. */
static struct wp_answer *
redirect(const struct wp_request *request, const char *path)
{
    const char *query = strchr(request->uri, '?');
    size_t bytes = strlen(path) + (query != NULL ? strlen(query) : 0) + 1;
    struct wp_answer *answer = NULL;
    char *location = malloc(bytes);
    struct wp_body body;

    if (location != NULL && wp_body_open(&body) == 0) {
        snprintf(location, bytes, "%s%s", path, query != NULL ? query : "");
        fputs("<a href=\"", body.stream);
        wp_body_escape(location, body.stream);
        fputs("\">Moved Permanently</a>.\n\n", body.stream);
        answer = wp_body_finish(&body, MHD_HTTP_MOVED_PERMANENTLY, WP_ANSWER_HTML);
        wp_answer_add_header(answer, MHD_HTTP_HEADER_LOCATION, location);
    }
    free(location);
    return answer;
}

/* Takes /pid/N off the path. NULL: it starts so but names nothing. */
static const char *
strip_program(struct wp_request *request, const char *path)
{
    static const char prefix[] = "/pid/";
    const char *word = path + strlen(prefix);
    size_t length;

    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return path;
    length = strspn(word, "0123456789abcdefABCDEF");
    if (length == 0 || length >= sizeof request->program ||
        (word[length] != '/' && word[length] != '\0'))
        return NULL;
    memcpy(request->program, word, length);
    request->program[length] = '\0';
    return word + length;
}

/* Whether the path as it came has a NUL, at which the path that we see ends. */
static bool
has_nul(const struct wp_request *request)
{
    const char *nul = strstr(request->uri, "%00");
    const char *query = strchr(request->uri, '?');

    return nul != NULL && (query == NULL || nul < query);
}

/*
 * Writes the path without empty parts, "." and "..", as Go redirects to it, into `clean`, which has
 * room for it. False if it is clean, or has bytes that a Location may not have as they are.
 */
static bool
clean_path(const char *path, char *clean)
{
    size_t length = 0;

    if (path[0] != '/' || path[strspn(path, CLEAN_BYTES)] != '\0')
        return false;
    for (const char *part = path, *end; *part != '\0'; part = end) {
        size_t part_length;

        part += strspn(part, "/");
        end = part + strcspn(part, "/");
        part_length = (size_t)(end - part);
        if (part_length == 2 && memcmp(part, "..", 2) == 0) {
            while (length > 0 && clean[--length] != '/')
                ;
        } else if (part_length > 0 && !(part_length == 1 && part[0] == '.')) {
            clean[length++] = '/';
            memcpy(clean + length, part, part_length);
            length += part_length;
        }
    }
    if (length == 0 || path[strlen(path) - 1] == '/')
        clean[length++] = '/';
    clean[length] = '\0';
    return strcmp(clean, path) != 0;
}

/* The path of http://HOST/PATH, as a client sends it that believes to speak to a proxy. */
static const char *
strip_host(const char *path)
{
    static const char scheme[] = "http://";

    if (strncasecmp(path, scheme, strlen(scheme)) != 0)
        return path;
    path = strchr(path + strlen(scheme), '/');
    return path != NULL ? path : "/";
}

/* True if the path is not clean: then *answer leads to the clean one, or is NULL: out of memory. */
static bool
is_redirected(const struct wp_request *request, const char *path, struct wp_answer **answer)
{
    char *clean = malloc(strlen(path) + 2);
    bool is_unclean = clean == NULL || clean_path(path, clean);

    if (clean != NULL && is_unclean)
        *answer = redirect(request, clean);
    free(clean);
    return is_unclean;
}

const struct wp_route *
wp_routes_find(struct wp_request *request, const char *path, struct wp_answer **answer)
{
    bool ends_early = has_nul(request), is_named;
    char target[WP_REQUEST_PROGRAM_BYTES + sizeof "/pid/" PPROF];
    const char *rest;

    *answer = NULL;
    path = strip_host(path);
    if (!ends_early && is_redirected(request, path, answer))
        return NULL;
    rest = strip_program(request, path);
    is_named = request->program[0] != '\0';
    if (rest == NULL)
        return NULL;
    if (ends_early)
        return strncmp(rest, PPROF, strlen(PPROF)) == 0 ? &unknown_profile : NULL;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, rest) == 0 &&
            (!is_named || (routes[i].flags & WP_ROUTE_OF_PROGRAM) != 0))
            return &routes[i];
    }
    if (strncmp(rest, PPROF, strlen(PPROF)) == 0)
        return &unknown_profile;
    if (strcmp(rest, "/debug/pprof") != 0 && !(is_named && (rest[0] == '\0' || rest[1] == '\0')))
        return NULL;
    snprintf(target, sizeof target, "%s%s" PPROF, is_named ? "/pid/" : "", request->program);
    *answer = redirect(request, target);
    return NULL;
}

const char *
wp_route_methods(const struct wp_route *route)
{
    return (route->flags & WP_ROUTE_POST) != 0 ? "GET, HEAD, POST" : "GET, HEAD";
}
