#include "cli/push/ingest_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In small letters: names of hosts know no case. */
static bool
normalize_host(CURLU *parts)
{
    char *host = NULL;
    bool fits = curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;

    for (char *next = host; fits && *next != '\0'; next++) {
        if (*next >= 'A' && *next <= 'Z')
            *next = (char)(*next - 'A' + 'a');
    }
    fits = fits && curl_url_set(parts, CURLUPART_HOST, host, 0) == CURLUE_OK;
    curl_free(host);
    return fits;
}

/* Messages must not show the URL before it is known to have no password. */
int
wp_ingest_url_endpoint(const char *url, char **endpoint, struct wp_error *error)
{
    CURLU *parts = curl_url();
    char *path = NULL, *full = NULL, *extra = NULL;
    int status = 0;

    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
        status = wp_error_set(error, EINVAL,
                              "not a value for --to; it is "
                              "http://HOST[:PORT][/PATH], https://... or a "
                              "directory");
    else if (curl_url_get(parts, CURLUPART_USER, &extra, 0) == CURLUE_OK ||
             curl_url_get(parts, CURLUPART_PASSWORD, &extra, 0) == CURLUE_OK)
        status = wp_error_set(error, EINVAL,
                              "the address of --to has a user or password, which everybody sees in "
                              "the list of processes; use --user-file");
    else if (curl_url_get(parts, CURLUPART_QUERY, &extra, 0) == CURLUE_OK ||
             curl_url_get(parts, CURLUPART_FRAGMENT, &extra, 0) == CURLUE_OK)
        status = wp_error_set(error, EINVAL, "%s: an address for --to has no '?' and no '#'", url);
    else if (curl_url_get(parts, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        status = wp_error_set(error, ENOMEM, "out of memory");
    curl_free(extra);
    if (status == 0) {
        size_t length = strlen(path);

        while (length > 0 && path[length - 1] == '/')
            length--;
        if (length >= 7 && strncmp(path + length - 7, "/ingest", 7) == 0)
            length -= 7;
        if (asprintf(&full, "%.*s/ingest", (int)length, path) < 0 ||
            curl_url_set(parts, CURLUPART_PATH, full, 0) != CURLUE_OK || !normalize_host(parts) ||
            curl_url_get(parts, CURLUPART_URL, endpoint, CURLU_NO_DEFAULT_PORT) != CURLUE_OK)
            status = wp_error_set(error, ENOMEM, "out of memory");
        free(full);
    }
    curl_free(path);
    curl_url_cleanup(parts);
    return status;
}

char *
wp_ingest_url_of(const char *endpoint, const struct wp_push_profile *profile)
{
    CURLU *parts = curl_url();
    char *words[4] = {NULL}, *url = NULL;
    bool fits = parts != NULL;

    fits = fits && asprintf(&words[0], "name=%s", profile->series) > 0;
    fits = fits && asprintf(&words[1], "from=%" PRIu64, profile->from_ns) > 0;
    fits = fits && asprintf(&words[2], "until=%" PRIu64, profile->until_ns) > 0;
    fits = fits && (words[3] = strdup("spyName=waitprof")) != NULL;
    fits = fits && curl_url_set(parts, CURLUPART_URL, endpoint, 0) == CURLUE_OK;
    for (size_t i = 0; fits && i < sizeof words / sizeof words[0]; i++)
        fits = curl_url_set(parts, CURLUPART_QUERY, words[i],
                            CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK;
    if (fits)
        curl_url_get(parts, CURLUPART_URL, &url, 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        free(words[i]);
    curl_url_cleanup(parts);
    return url;
}
