#include "profile/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profile/clock.h"
#include "profile/symbol_name.h"

/* Reads the start of /proc/PID/NAME into `text` (NUL at the end); returns its length or -errno. */
static ssize_t
procfs_read(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    ssize_t length;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    length = read(fd, text, size - 1);
    close(fd);
    if (length < 0)
        return -EIO;
    text[length] = '\0';
    return length;
}

/* Takes "PID (NAME) STATE ..." apart; the name may hold any byte, parentheses too. False: it is
 * none, or it has ended. */
static bool
procfs_parse_stat(char *stat, struct wp_procfs_task *task)
{
    char *name = strchr(stat, '(');
    char *field = strrchr(stat, ')');

    if (name == NULL || field == NULL || field < name || field[1] != ' ')
        return false;
    *field = '\0';
    wp_symbol_clean(name + 1, task->name, sizeof task->name);
    field += 2;
    task->state = *field;
    for (unsigned number = 3; number < 22; number++) {
        field = strchr(field, ' ');
        if (field == NULL)
            return false;
        field++;
    }
    task->start_ticks = strtoull(field, NULL, 10);
    return task->state != 'Z' && task->state != 'X';
}

uint64_t
wp_procfs_start_ticks(pid_t pid)
{
    struct wp_procfs_task task;
    char stat[1024];

    if (pid <= 0 || procfs_read(pid, "stat", stat, sizeof stat) <= 0)
        return 0;
    return procfs_parse_stat(stat, &task) ? task.start_ticks : 0;
}

int
wp_procfs_task(pid_t pid, pid_t tid, struct wp_procfs_task *task)
{
    char name[32], stat[1024];
    ssize_t length;

    snprintf(name, sizeof name, "task/%d/stat", (int)tid);
    length = procfs_read(pid, name, stat, sizeof stat);
    /* One that ends between the two calls cannot be read. */
    if (length == -ENOENT || length == -EIO)
        return -ESRCH;
    if (length < 0)
        return (int)length;
    return procfs_parse_stat(stat, task) ? 0 : -ESRCH;
}

bool
wp_procfs_started_by(uint64_t start_ticks, uint64_t monotonic_ns)
{
    uint64_t started_ns = start_ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    uint64_t awake_ns = wp_clock_ns(CLOCK_MONOTONIC);
    uint64_t slept_ns = wp_clock_ns(CLOCK_BOOTTIME) - awake_ns; /* read later: never below 0 */

    return started_ns <= monotonic_ns + slept_ns;
}

bool
wp_procfs_exists(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

pid_t
wp_procfs_inner_pid(pid_t pid)
{
    char status[4096];
    char *line;
    char *end;
    long inner = pid;

    if (procfs_read(pid, "status", status, sizeof status) <= 0)
        return pid;
    line = strstr(status, "\nNSpid:");
    if (line == NULL)
        return pid;
    line += strlen("\nNSpid:");
    end = strchr(line, '\n');
    if (end != NULL)
        *end = '\0';
    for (;;) {
        long value = strtol(line, &end, 10);

        if (end == line)
            break;
        inner = value;
        line = end;
    }
    return (pid_t)inner;
}

pid_t
wp_procfs_find(pid_t inner, uint64_t start_ticks)
{
    struct dirent *entry;
    pid_t found = 0;
    DIR *directory;

    if (start_ticks == 0)
        return wp_procfs_start_ticks(inner) != 0 ? inner : 0;
    if (wp_procfs_start_ticks(inner) == start_ticks)
        return inner;
    directory = opendir("/proc");
    if (directory == NULL)
        return 0;
    while (found == 0 && (entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && wp_procfs_start_ticks(pid) == start_ticks &&
            wp_procfs_inner_pid(pid) == inner)
            found = pid;
    }
    closedir(directory);
    return found;
}

/* True if the two files exist and are not the same. */
static bool
procfs_differs(const char *ours, pid_t pid, const char *name)
{
    struct stat here;
    struct stat there;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    if (stat(ours, &here) != 0 || stat(path, &there) != 0)
        return false;
    return here.st_dev != there.st_dev || here.st_ino != there.st_ino;
}

bool
wp_procfs_has_other_root(pid_t pid)
{
    return procfs_differs("/proc/self/ns/mnt", pid, "ns/mnt") ||
           procfs_differs("/proc/self/root", pid, "root");
}

int
wp_procfs_open(pid_t pid, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    char root[64];
    int root_fd;
    int fd;

    snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return -errno;
    fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    if (fd < 0)
        fd = -errno;
    close(root_fd);
    return fd;
}

size_t
wp_procfs_environment(pid_t pid, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name);
    size_t length = 0;
    char *line = NULL;
    size_t room = 0;
    char path[64];
    FILE *stream;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    stream = fopen(path, "re");
    if (stream == NULL)
        return 0;
    while (length == 0 && getdelim(&line, &room, '\0', stream) > 0) {
        if (strncmp(line, name, name_length) != 0 || line[name_length] != '=')
            continue;
        length = strlen(line + name_length + 1);
        if (length == 0 || length >= size)
            break;
        memcpy(value, line + name_length + 1, length + 1);
    }
    free(line);
    fclose(stream);
    return length < size ? length : 0;
}

int
wp_procfs_maps(pid_t pid, const char *name)
{
    char path[64];
    char *line = NULL;
    size_t room = 0;
    int found = 0;
    FILE *maps;

    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return -errno;
    while (found == 0 && getline(&line, &room, maps) > 0)
        found = strstr(line, name) != NULL;
    if (found == 0 && ferror(maps))
        found = -EIO;
    free(line);
    fclose(maps);
    return found;
}

pid_t
wp_procfs_find_user(const char *name)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    pid_t user = 0;

    if (processes == NULL)
        return 0;
    while (user == 0 && (entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && wp_procfs_maps(pid, name) == 1)
            user = pid;
    }
    closedir(processes);
    return user;
}
