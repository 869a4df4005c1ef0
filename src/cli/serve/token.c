#include "cli/serve/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/secret_file.h"

#define SCHEME "Bearer "

static int
token_take(struct wp_token *token, const char *text, const char *source, struct wp_error *error)
{
    size_t length = strcspn(text, "\r\n");

    if (length == 0)
        return wp_error_set(error, EINVAL, "%s: the token is empty", source);
    if (length > WP_TOKEN_MAX_BYTES)
        return wp_error_set(error, EINVAL, "%s: the token is longer than %u bytes", source,
                            WP_TOKEN_MAX_BYTES);
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return wp_error_set(error, EINVAL,
                                "%s: the token has a blank or a byte that is not ASCII, which no "
                                "header can carry",
                                source);
    }
    memcpy(token->text, text, length);
    token->text[length] = '\0';
    token->length = length;
    return 0;
}

int
wp_token_read(struct wp_token *token, const char *path, struct wp_error *error)
{
    const char *text = getenv("WAITPROF_TOKEN");
    struct wp_secret secret;
    int status;

    token->length = 0;
    if (path == NULL)
        return text != NULL ? token_take(token, text, "WAITPROF_TOKEN", error) : 0;
    status = wp_secret_file_read(path, &secret, error) == 0
                 ? token_take(token, secret.text, path, error)
                 : -EINVAL;
    wp_secret_wipe(&secret);
    return status;
}

bool
wp_token_is_shown(const struct wp_token *token, const char *authorization)
{
    const char *shown;
    size_t length;
    unsigned difference;

    if (token->length == 0)
        return true;
    if (authorization == NULL || strncasecmp(authorization, SCHEME, strlen(SCHEME)) != 0)
        return false;
    shown = authorization + strlen(SCHEME);
    length = strlen(shown);
    difference = length != token->length;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned)(unsigned char)shown[i] ^
                      (unsigned)(unsigned char)token->text[i % token->length];
    return difference == 0;
}
