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

#define NS_PER_S INT64_C(1000000000)

/* Reads the start of a file into `text` (NUL at the end); returns its length or -errno. */
static ssize_t
procfs_read_path(const char *path, char *text, size_t size)
{
    ssize_t length;
    int fd;

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

/* The same of /proc/PID/NAME. */
static ssize_t
procfs_read(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return procfs_read_path(path, text, size);
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

/* --- Time namespaces */

/* Takes the seconds and nanoseconds behind the name of a clock; the latter are never negative. */
static bool
procfs_parse_offset(const char *text, int64_t *offset_ns)
{
    char *end;
    long long seconds, ns;

    errno = 0;
    seconds = strtoll(text, &end, 10);
    if (end == text || errno != 0)
        return false;
    text = end;
    ns = strtoll(text, &end, 10);
    return end != text && errno == 0 && ns >= 0 && ns < NS_PER_S &&
           !__builtin_mul_overflow(seconds, NS_PER_S, offset_ns) &&
           !__builtin_add_overflow(*offset_ns, ns, offset_ns);
}

bool
wp_procfs_parse_clocks(const char *text, struct wp_procfs_clocks *clocks)
{
    const struct {
        const char *name;
        int64_t *offset_ns;
    } lines[] = {{"monotonic ", &clocks->monotonic_ns}, {"boottime ", &clocks->boottime_ns}};
    bool any = false;

    *clocks = (struct wp_procfs_clocks){0};
    while (*text != '\0') {
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            size_t length = strlen(lines[i].name);

            if (strncmp(text, lines[i].name, length) != 0)
                continue;
            if (!procfs_parse_offset(text + length, lines[i].offset_ns))
                return false;
            any = true;
        }
        text = strchrnul(text, '\n');
        text += *text == '\n';
    }
    return any;
}

/* 1: the two files are one, 0: they are not, -1: nobody can tell. */
static int
procfs_is_same(const char *one, const char *other)
{
    struct stat here;
    struct stat there;

    if (stat(one, &here) != 0 || stat(other, &there) != 0)
        return -1;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* The offsets of the namespace of a process, which is a directory of /proc. The kernel shows those
 * of its children's namespace: another one, in a process that called unshare(2) for them. */
static bool
procfs_offsets(const char *process, struct wp_procfs_clocks *clocks)
{
    char own[64], children[64], path[64], text[256];

    snprintf(own, sizeof own, "%s/ns/time", process);
    snprintf(children, sizeof children, "%s/ns/time_for_children", process);
    snprintf(path, sizeof path, "%s/timens_offsets", process);
    return procfs_is_same(own, children) != 0 && procfs_read_path(path, text, sizeof text) > 0 &&
           wp_procfs_parse_clocks(text, clocks);
}

struct wp_procfs_clocks
wp_procfs_clocks_ahead(pid_t pid)
{
    struct wp_procfs_clocks theirs, ours, ahead;
    char process[32], path[64];

    snprintf(process, sizeof process, "/proc/%d", (int)pid);
    snprintf(path, sizeof path, "%s/ns/time", process);
    if (procfs_is_same("/proc/self/ns/time", path) == 1 || !procfs_offsets(process, &theirs) ||
        !procfs_offsets("/proc/self", &ours) ||
        __builtin_sub_overflow(theirs.monotonic_ns, ours.monotonic_ns, &ahead.monotonic_ns) ||
        __builtin_sub_overflow(theirs.boottime_ns, ours.boottime_ns, &ahead.boottime_ns))
        return (struct wp_procfs_clocks){0};
    return ahead;
}

static uint64_t
procfs_tick_ns(void)
{
    return (uint64_t)NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
}

bool
wp_procfs_started_at(pid_t pid, uint64_t inner_ticks)
{
    uint64_t ticks = wp_procfs_start_ticks(pid);
    int64_t tick_ns = (int64_t)procfs_tick_ns();
    int64_t ahead_ns, ahead_ticks;

    if (ticks == 0 || ticks == inner_ticks)
        return ticks != 0;
    ahead_ns = wp_procfs_clocks_ahead(pid).boottime_ns;
    ahead_ticks = ahead_ns / tick_ns - (ahead_ns % tick_ns < 0);
    ticks += (uint64_t)ahead_ticks;
    /* Both were cut to whole ticks. */
    return ahead_ns != 0 &&
           (inner_ticks == ticks || (ahead_ns % tick_ns != 0 && inner_ticks == ticks + 1));
}

bool
wp_procfs_started_by(uint64_t start_ticks, uint64_t monotonic_ns)
{
    uint64_t started_ns = start_ticks * procfs_tick_ns();
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
    if (wp_procfs_started_at(inner, start_ticks))
        return inner;
    directory = opendir("/proc");
    if (directory == NULL)
        return 0;
    while (found == 0 && (entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && wp_procfs_started_at(pid, start_ticks) && wp_procfs_inner_pid(pid) == inner)
            found = pid;
    }
    closedir(directory);
    return found;
}

/* True if the two files exist and are not the same. */
static bool
procfs_differs(const char *ours, pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return procfs_is_same(ours, path) == 0;
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
