#include "cli/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
wp_output_file_open(struct wp_output_file *file, const char *path, struct wp_error *error)
{
    struct stat status;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC, fd;

    memset(file, 0, sizeof *file);
    if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path)
        return wp_error_set(error, EIO, "%.64s...: %s", path, strerror(ENAMETOOLONG));
    if (lstat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        snprintf(file->temporary, sizeof file->temporary, "%s.%d.tmp", path, (int)getpid());
        fd = open(file->temporary, flags | O_EXCL, 0666);
    } else {
        fd = open(path, flags | O_TRUNC, 0666);
    }
    if (fd < 0)
        return wp_error_set(error, EIO, "%s: cannot be written: %s", path, strerror(errno));
    file->stream = fdopen(fd, "w");
    if (file->stream == NULL) {
        close(fd);
        return wp_error_set(error, EIO, "%s: out of memory", path);
    }
    return 0;
}

/* Whether a file can be made in the directory that `path` is in. */
static int
check_directory(const char *path, struct wp_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *remedy = "";
    char directory[PATH_MAX] = ".";
    struct stat status;
    int cause = 0;

    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path),
                 path);
    if (stat(directory, &status) != 0)
        cause = errno;
    else if (!S_ISDIR(status.st_mode))
        cause = ENOTDIR;
    else if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0)
        cause = errno;
    if (cause == 0)
        return 0;
    if (cause == ENOENT)
        remedy = "make it, or ";
    return wp_error_set(error, EIO,
                        "%s: nothing can be written to directory %s: %s; %schoose another file",
                        path, directory, strerror(cause), remedy);
}

static int
check_length(const char *path, struct wp_error *error)
{
    if (strlen(path) < PATH_MAX)
        return 0;
    return wp_error_set(error, EIO, "%.64s...: %s; choose another file", path,
                        strerror(ENAMETOOLONG));
}

static int
refuse_directory(const char *path, struct wp_error *error)
{
    return wp_error_set(error, EIO, "%s: is a directory; choose another name", path);
}

int
wp_output_file_check(const char *path, struct wp_error *error)
{
    struct stat status;
    int result = check_length(path, error);

    if (result != 0)
        return result;
    if (lstat(path, &status) != 0 || S_ISREG(status.st_mode))
        return check_directory(path, error);
    /* A device, pipe or link is written in place, whatever its directory allows. */
    return S_ISDIR(status.st_mode) ? refuse_directory(path, error) : 0;
}

int
wp_output_file_check_append(const char *path, struct wp_error *error)
{
    struct stat status;
    int result = check_length(path, error);

    if (result != 0)
        return result;
    if (stat(path, &status) != 0)
        return check_directory(path, error);
    if (S_ISDIR(status.st_mode))
        return refuse_directory(path, error);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return wp_error_set(error, EIO, "%s: cannot be written: %s; choose another file", path,
                            strerror(errno));
    return 0;
}

int
wp_output_file_commit(struct wp_output_file *file, struct wp_error *error)
{
    int status = 0;

    if (ferror(file->stream) || fflush(file->stream) != 0)
        status = errno != 0 ? errno : EIO;
    if (fclose(file->stream) != 0 && status == 0)
        status = errno;
    if (status == 0 && file->temporary[0] != '\0' && rename(file->temporary, file->path) != 0)
        status = errno;
    if (status == 0)
        return 0;
    if (file->temporary[0] != '\0')
        unlink(file->temporary);
    return wp_error_set(error, EIO, "%s: cannot be written: %s", file->path, strerror(status));
}

void
wp_output_file_discard(struct wp_output_file *file)
{
    fclose(file->stream);
    if (file->temporary[0] != '\0')
        unlink(file->temporary);
}
