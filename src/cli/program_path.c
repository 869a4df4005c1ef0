#include "cli/program_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest first line that the kernel reads (BINPRM_BUF_SIZE). */
#define FIRST_LINE_BYTES 256

/* 0: can be executed; -EACCES: a file that cannot; -ENOENT: no file. */
static int
check_executable(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return errno == EACCES ? -EACCES : -ENOENT;
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return -EACCES;
    return 0;
}

int
wp_program_path_find(const char *name, char path[PATH_MAX])
{
    const char *directories = getenv("PATH");
    int result = -ENOENT;

    snprintf(path, PATH_MAX, "%s", name);
    if (strchr(name, '/') != NULL)
        return check_executable(path);
    if (directories == NULL)
        directories = "/bin:/usr/bin";
    while (directories != NULL && name[0] != '\0') {
        const char *end = strchrnul(directories, ':');
        char candidate[PATH_MAX];
        int status;

        /* An empty entry is the working directory. */
        snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)(end - directories), directories,
                 end != directories ? "/" : "", name);
        status = check_executable(candidate);
        if (status == 0 || (status == -EACCES && result == -ENOENT)) {
            snprintf(path, PATH_MAX, "%s", candidate);
            result = status;
        }
        if (status == 0)
            return 0;
        directories = *end == ':' ? end + 1 : NULL;
    }
    return result;
}

int
wp_program_path_read_script(int fd, struct wp_script *script)
{
    char line[FIRST_LINE_BYTES + 1];
    ssize_t length = pread(fd, line, FIRST_LINE_BYTES, 0);
    char *at, *end;

    if (length < 0)
        return -EIO;
    line[length] = '\0';
    if (length < 3 || line[0] != '#' || line[1] != '!')
        return 0;
    line[strcspn(line, "\n")] = '\0';
    at = line + 2 + strspn(line + 2, " \t");
    end = at + strcspn(at, " \t");
    snprintf(script->interpreter, sizeof script->interpreter, "%.*s", (int)(end - at), at);
    end += strspn(end, " \t");
    snprintf(script->argument, sizeof script->argument, "%s", end);
    return script->interpreter[0] != '\0' ? 1 : 0;
}

const char *
wp_program_path_behind_env(struct wp_script *script)
{
    const char *slash = strrchr(script->interpreter, '/');
    char *rest = NULL;
    char *word;

    if (strcmp(slash != NULL ? slash + 1 : script->interpreter, "env") != 0)
        return NULL;
    word = strtok_r(script->argument, " \t", &rest);
    while (word != NULL && (word[0] == '-' || strchr(word, '=') != NULL))
        word = strtok_r(NULL, " \t", &rest);
    return word;
}
