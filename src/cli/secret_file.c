#include "cli/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"

#define WRITER_PATIENCE_MS 3000
#define WRITER_LOOK_MS 20

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

/* Its descriptor; -1 with an error. Opening waits for no writer of a pipe. */
static int
open_file(const char *path, bool *is_pipe, struct wp_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat facts = {.st_mode = 0};

    if (fd < 0 || fstat(fd, &facts) != 0)
        wp_error_set(error, EIO, "%s: cannot be read: %s", path, strerror(errno));
    else if (S_ISDIR(facts.st_mode))
        wp_error_set(error, EIO, "%s: cannot be read: %s", path, strerror(EISDIR));
    else if (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode))
        wp_error_set(error, EIO, "%s: it is no file and no pipe; put the secret into a file", path);
    *is_pipe = S_ISFIFO(facts.st_mode);
    if (fd < 0 || S_ISREG(facts.st_mode) || *is_pipe)
        return fd;
    close(fd);
    return -1;
}

/* Reads what there is room for. A pipe that has a writer (`<(pass show token)`) is waited for, one
 * that has none only for so long. 0 or an errno. */
static int
read_all(int fd, bool is_pipe, char *text, size_t *length)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    int waited_ms = 0;

    while (*length < WP_SECRET_BYTES - 1) {
        ssize_t got = read(fd, text + *length, WP_SECRET_BYTES - 1 - *length);

        if (got > 0) {
            *length += (size_t)got;
        } else if (got < 0 && errno == EAGAIN) {
            poll(&item, 1, -1);
        } else if (got < 0 && errno != EINTR) {
            return errno;
        } else if (got == 0) {
            if (!is_pipe || *length > 0)
                return 0;
            if (waited_ms >= WRITER_PATIENCE_MS)
                return ETIMEDOUT;
            poll(NULL, 0, WRITER_LOOK_MS);
            waited_ms += WRITER_LOOK_MS;
        }
    }
    return 0;
}

int
wp_secret_file_read(const char *path, struct wp_secret *secret, struct wp_error *error)
{
    bool is_pipe = false;
    int fd = open_file(path, &is_pipe, error);
    size_t length = 0;
    int failure;

    if (fd < 0)
        return -EIO;
    failure = read_all(fd, is_pipe, secret->text, &length);
    close(fd);
    secret->text[length] = '\0';
    if (failure == ETIMEDOUT && is_pipe)
        return wp_error_set(error, EIO, "%s: nobody writes to the pipe; put the secret into a file",
                            path);
    if (failure != 0)
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
