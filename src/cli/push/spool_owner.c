#include "cli/push/spool_owner.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/durable_file.h"
#include "cli/push/ingest_url.h"
#include "cli/private_directory.h"

#define FILE_NAME ".destination"
#define NEW_NAME ".destination.new"
#define FILE_BYTES 8192u
#define HOST_BYTES 100u

int
wp_spool_owner_new(const char *url, const char *tenant, char **owner, struct wp_error *error)
{
    char *endpoint = NULL;
    int status = wp_ingest_url_endpoint(url, &endpoint, error);

    *owner = NULL;
    if (status != 0)
        return status;
    if (asprintf(owner, "%s%s%s", endpoint, tenant != NULL ? " tenant " : "",
                 tenant != NULL ? tenant : "") < 0) {
        *owner = NULL;
        status = wp_error_set(error, ENOMEM, "out of memory");
    }
    curl_free(endpoint);
    return status;
}

/* Host and port, as far as they fit a name that people need not quote. */
static void
name_host(const char *owner, char name[HOST_BYTES])
{
    const char *host = strstr(owner, "://");
    size_t length = 0;

    for (host = host != NULL ? host + 3 : owner; *host != '/' && *host != '\0'; host++) {
        bool fits = (*host >= 'a' && *host <= 'z') || (*host >= '0' && *host <= '9') ||
                    ((*host == '.' || *host == '-') && length > 0);

        if (length + 1 < HOST_BYTES)
            name[length++] = fits ? *host : '_';
    }
    name[length] = '\0';
}

int
wp_spool_owner_path(const char *owner, char path[PATH_MAX], struct wp_error *error)
{
    unsigned long sum = crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)owner, strlen(owner));
    char state[PATH_MAX], host[HOST_BYTES];
    int status = wp_private_directory_of_state(state, error);

    if (status != 0)
        return status;
    name_host(owner, host);
    if (snprintf(path, PATH_MAX, "%s/spool/%s-%08lx", state, host, sum) >= PATH_MAX)
        return wp_error_set(error, ENAMETOOLONG, "the path of the spool is too long; give --spool");
    return 0;
}

/* What an earlier command has put down; empty if none has. */
static void
read_owner(int directory, char owner[FILE_BYTES])
{
    int fd = openat(directory, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, owner, FILE_BYTES - 1) : 0;

    if (fd >= 0)
        close(fd);
    owner[length > 0 ? length : 0] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
}

int
wp_spool_owner_claim(const char *owner, int directory, const char *path, size_t waiting,
                     struct wp_error *error)
{
    const struct iovec parts[] = {{(void *)owner, strlen(owner)}, {(void *)"\n", 1}};
    char before[FILE_BYTES];
    int status;

    read_owner(directory, before);
    if (strcmp(before, owner) == 0)
        return 0;
    if (before[0] != '\0' && waiting > 0)
        return wp_error_set(error, EINVAL,
                            "%s: %zu profiles for %.300s wait there; send them with that --to and "
                            "--tenant first, or choose another with --spool",
                            path, waiting, before);
    unlinkat(directory, NEW_NAME, 0);
    status = wp_durable_file_write(directory, NEW_NAME, parts, sizeof parts / sizeof parts[0]);
    if (status == 0 && renameat(directory, NEW_NAME, directory, FILE_NAME) != 0)
        status = -errno;
    if (status != 0)
        return wp_error_set(error, EIO, "%s: cannot be written: %s", path, strerror(-status));
    return 0;
}
