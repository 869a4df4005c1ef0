#include "cli/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"

static int
check_line(const char *path, char *text, size_t length, struct wp_error *error)
{
    size_t line = 0;

    /* Not strcspn, which takes a NUL for the end, and so part of a secret for the whole. */
    while (line < length && text[line] != '\r' && text[line] != '\n')
        line++;
    if (line == WP_SECRET_BYTES - 1)
        return wp_error_set(error, EIO, "%s: its first line is too long", path);
    if (line == 0)
        return wp_error_set(error, EIO, "%s: its first line is empty", path);
    for (size_t i = 0; i < line; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return wp_error_set(error, EIO, "%s: its first line has control characters", path);
    }
    text[line] = '\0';
    return 0;
}

int
wp_secret_file_read(const char *path, struct wp_secret *secret, struct wp_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t length = 0;
    ssize_t got = 0;
    int failure;

    if (fd < 0)
        return wp_error_set(error, EIO, "%s: cannot be read: %s", path, strerror(errno));
    do {
        got = read(fd, secret->text + length, WP_SECRET_BYTES - 1 - length);
        if (got > 0)
            length += (size_t)got;
    } while ((got > 0 && length < WP_SECRET_BYTES - 1) || (got < 0 && errno == EINTR));
    failure = errno;
    close(fd);
    secret->text[length] = '\0';
    if (got < 0)
        return wp_error_set(error, EIO, "%s: cannot be read: %s", path, strerror(failure));
    return check_line(path, secret->text, length, error);
}

void
wp_secret_wipe(struct wp_secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

void
wp_secret_file_warn(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0)
        wp_message_warning(path, "take that right away: chmod o-r", "every user may read it");
}
