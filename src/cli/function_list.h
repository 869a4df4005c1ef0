/*
 * What a libwaitprof.so wraps: the list that it was built with, which interpose/list.c puts into a
 * section of the file.
 */
#ifndef WP_CLI_FUNCTION_LIST_H
#define WP_CLI_FUNCTION_LIST_H

#include <stddef.h>

#include "profile/error.h"
#include "profile/kind.h"

enum wp_listed_as {
    WP_LISTED_FUNCTION, /* a wrapper; its parts follow it */
    WP_LISTED_PART,     /* another kind of event of the wrapper before it */
    WP_LISTED_ALIAS,    /* another exported name of a wrapper */
    WP_LISTED_LEFT_OUT, /* a function that can wait and is deliberately not wrapped */
};

/* Fields that a row does not have are "". */
struct wp_listed_function {
    enum wp_listed_as as;
    const char *symbol;
    const char *version; /* "": any version is the same function */
    const char *family;
    const char *kind;   /* "": records nothing by itself */
    const char *of;     /* alias: the wrapper's symbol */
    const char *reason; /* left out: why */
};

struct wp_function_list {
    char *text; /* what the fields point into */
    struct wp_listed_function *rows;
    size_t count;
    struct wp_kind_name *kinds; /* of functions and parts; kind_count of them */
    size_t kind_count;
};

/* Reads the list of the library that `waitprof run` would load. 0, or -ENOENT (no library),
 * -ENOEXEC (it has no list, or a damaged one), -ENOMEM or another errno. On success the caller
 * frees it. */
int wp_function_list_read(struct wp_function_list *list, struct wp_error *error);
void wp_function_list_free(struct wp_function_list *list);

#endif
