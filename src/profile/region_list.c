/*
 * Enumeration of region files: the directories of core/region_path.h, and what running processes
 * have mapped. region_find.h describes the functions.
 */
#include "profile/region_list.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/region_format.h"
#include "core/region_path.h"
#include "profile/keyset.h"
#include "profile/procfs.h"

#define SUFFIX_LENGTH (sizeof WP_REGION_SUFFIX - 1)
#define ID_DIGITS 16u
#define NO_ROW UINT32_MAX

/* A list being made: which files and which roots were seen already. */
struct list_maker {
    struct wp_region_list *list;
    size_t capacity;
    struct wp_keyset files; /* device and inode; value: row of the list, or NO_ROW */
    struct wp_keyset roots; /* mount namespace and root directory */
};

bool
wp_region_list_parse_name(const char *path, struct wp_region_place *place)
{
    const char *name = strrchr(path, '/');
    char copy[NAME_MAX + 1];
    size_t length;
    char *id;
    char *pid;
    char *end;

    name = name == NULL ? path : name + 1;
    length = strlen(name);
    if (length < SUFFIX_LENGTH || length > NAME_MAX ||
        strcmp(name + length - SUFFIX_LENGTH, WP_REGION_SUFFIX) != 0)
        return false;
    memcpy(copy, name, length);
    copy[length - SUFFIX_LENGTH] = '\0';
    id = strrchr(copy, '.');
    if (id == NULL)
        return false;
    *id++ = '\0';
    pid = strrchr(copy, '.');
    if (pid == NULL || strlen(id) != ID_DIGITS || !isxdigit((unsigned char)id[0]))
        return false;
    *pid++ = '\0';
    place->region_id = strtoull(id, &end, 16);
    if (*end != '\0' || !isdigit((unsigned char)pid[0]))
        return false;
    place->pid = (uint32_t)strtoul(pid, &end, 10);
    if (*end != '\0')
        return false;
    snprintf(place->command, sizeof place->command, "%.63s", copy);
    return true;
}

/* Adds a file unless it is in the list; `path` is as seen by root_pid or by us. `user_pid` is a
 * process that has it mapped, or 0. */
static int
list_add_file(struct list_maker *maker, pid_t root_pid, const char *path, const struct stat *status,
              pid_t user_pid)
{
    const uint64_t identity[2] = {status->st_dev, status->st_ino};
    struct wp_region_list *list = maker->list;
    struct wp_region_place *place;
    struct wp_key *key;
    bool added;

    if (!S_ISREG(status->st_mode) || strlen(path) >= sizeof place->path)
        return 0;
    key = wp_keyset_put(&maker->files, identity, sizeof identity, &added);
    if (key == NULL)
        return -ENOMEM;
    if (!added) {
        if (key->value != NO_ROW && list->rows[key->value].user_pid == 0)
            list->rows[key->value].user_pid = user_pid;
        return 0;
    }
    key->value = NO_ROW;
    if (wp_array_reserve(&list->rows, &maker->capacity, list->count, sizeof *list->rows) != 0)
        return -ENOMEM;
    place = &list->rows[list->count];
    memset(place, 0, sizeof *place);
    if (!wp_region_list_parse_name(path, place))
        return 0;
    snprintf(place->path, sizeof place->path, "%s", path);
    place->root_pid = root_pid;
    place->user_pid = user_pid;
    key->value = (uint32_t)list->count++;
    return 0;
}

/* Opens as root_pid sees it, or as we do if that is 0. */
static int
list_open(pid_t root_pid, const char *path, int flags)
{
    int fd;

    if (root_pid != 0)
        return wp_procfs_open(root_pid, path, flags);
    fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int
list_directory(struct list_maker *maker, pid_t root_pid, const char *path)
{
    int fd = list_open(root_pid, path, O_RDONLY | O_DIRECTORY);
    struct dirent *entry;
    DIR *directory;
    int result = 0;

    if (fd < 0) {
        if (fd == -EACCES || fd == -EPERM)
            maker->list->unreadable_directories++;
        return 0;
    }
    directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return -ENOMEM;
    }
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        char file[PATH_MAX];
        struct stat status;

        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < sizeof file &&
            fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            result = list_add_file(maker, root_pid, file, &status, 0);
    }
    closedir(directory);
    return result;
}

/* The directories of one user, given the values of the two variables. */
static int
list_user(struct list_maker *maker, pid_t root_pid, uid_t uid, const char *waitprof_dir,
          const char *runtime_dir)
{
    int result = 0;

    for (unsigned i = 0; i < WP_REGION_DIRECTORIES && result == 0; i++) {
        char path[PATH_MAX];

        if (wp_region_directory(i, uid, waitprof_dir, runtime_dir, path, sizeof path) != 0)
            result = list_directory(maker, root_pid, path);
    }
    return result;
}

static bool
list_is_number(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The directories of all users: what region_path.h makes of a uid, with a star for the number. */
static int
list_all_users(struct list_maker *maker)
{
    int result = 0;

    for (unsigned i = 0; i < WP_REGION_DIRECTORIES && result == 0; i++) {
        char pattern[PATH_MAX];
        size_t length = wp_region_directory(i, 0, NULL, "/run/user/*", pattern, sizeof pattern);
        bool by_uid = length != 0 && pattern[length - 1] == '0';
        glob_t found;

        if (length == 0)
            continue;
        if (by_uid)
            pattern[length - 1] = '*';
        if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc && result == 0; j++) {
            /* Others may have directories that only begin like ours. */
            if (!by_uid || list_is_number(found.gl_pathv[j] + length - 1))
                result = list_directory(maker, 0, found.gl_pathv[j]);
        }
        globfree(&found);
    }
    return result;
}

/* True if `path` is, as we see it, the file of this line of /proc/PID/maps: its inode number is the
 * last field before the path. */
static bool
list_is_file(const char *path, const char *line)
{
    unsigned long inode = 0;
    struct stat status;

    for (unsigned field = 1; field < 5 && line != NULL; field++) {
        line = strchr(line, ' ');
        line = line == NULL ? NULL : line + 1;
    }
    if (line != NULL)
        inode = strtoul(line, NULL, 10);
    return inode != 0 && stat(path, &status) == 0 && status.st_ino == inode;
}

bool
wp_region_list_mapped(pid_t pid, struct wp_region_place *place, bool *removed)
{
    char maps_path[64];
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *maps;

    *removed = false;
    snprintf(maps_path, sizeof maps_path, "/proc/%d/maps", (int)pid);
    maps = fopen(maps_path, "re");
    if (maps == NULL)
        return false;
    while (!found && getline(&line, &room, maps) > 0) {
        static const char deleted[] = WP_REGION_SUFFIX " (deleted)\n";
        size_t length = strlen(line);
        char *path = strchr(line, '/');

        if (path == NULL || length < sizeof deleted)
            continue;
        if (strcmp(line + length - (sizeof deleted - 1), deleted) == 0) {
            *removed = true;
            continue;
        }
        line[length - 1] = '\0';
        memset(place, 0, sizeof *place);
        if (strlen(path) >= sizeof place->path || !wp_region_list_parse_name(path, place))
            continue;
        snprintf(place->path, sizeof place->path, "%s", path);
        place->root_pid = list_is_file(path, line) ? 0 : pid;
        place->user_pid = pid;
        found = true;
    }
    free(line);
    fclose(maps);
    return found;
}

/* True if this process has a root that was not looked at yet; ours counts as looked at. */
static bool
list_is_new_root(struct list_maker *maker, pid_t pid)
{
    uint64_t identity[4] = {0};
    struct stat status;
    char path[64];
    bool added = false;

    if (!wp_procfs_has_other_root(pid))
        return false;
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
    if (stat(path, &status) == 0)
        identity[0] = status.st_ino;
    snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
    if (stat(path, &status) == 0) {
        identity[1] = status.st_dev;
        identity[2] = status.st_ino;
    }
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &status) == 0)
        identity[3] = status.st_uid;
    if (wp_keyset_put(&maker->roots, identity, sizeof identity, &added) == NULL)
        return false;
    return added;
}

/* What a running process shows: the region that it has mapped, wherever that lies, and if it sees
 * other files than we do, what lies in its directories. */
static int
list_process(struct list_maker *maker, pid_t pid)
{
    struct wp_region_place place;
    struct stat status;
    char waitprof_dir[PATH_MAX];
    char runtime_dir[PATH_MAX];
    char path[64];
    bool removed;
    bool has_dir;
    bool has_runtime;
    int result = 0;

    if (wp_region_list_mapped(pid, &place, &removed)) {
        int fd = list_open(place.root_pid, place.path, O_PATH | O_NOFOLLOW);

        if (fd >= 0) {
            if (fstat(fd, &status) == 0)
                result = list_add_file(maker, place.root_pid, place.path, &status, pid);
            close(fd);
        }
    }
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (result != 0 || !list_is_new_root(maker, pid) || stat(path, &status) != 0)
        return result;
    has_dir = wp_procfs_environment(pid, "WAITPROF_DIR", waitprof_dir, sizeof waitprof_dir) > 0;
    has_runtime =
        wp_procfs_environment(pid, "XDG_RUNTIME_DIR", runtime_dir, sizeof runtime_dir) > 0;
    return list_user(maker, pid, status.st_uid, has_dir ? waitprof_dir : NULL,
                     has_runtime ? runtime_dir : NULL);
}

static int
list_processes(struct list_maker *maker)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    int result = 0;

    if (directory == NULL)
        return 0;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]))
            result = list_process(maker, (pid_t)strtol(entry->d_name, NULL, 10));
    }
    closedir(directory);
    return result;
}

static int
list_by_path(const void *left, const void *right)
{
    const struct wp_region_place *a = left;
    const struct wp_region_place *b = right;

    return strcmp(a->path, b->path);
}

static int
list_make(struct wp_region_list *list, bool with_processes, struct wp_error *error)
{
    struct list_maker maker = {.list = list};
    int result;

    memset(list, 0, sizeof *list);
    result = wp_keyset_init(&maker.files);
    if (result == 0)
        result = wp_keyset_init(&maker.roots);
    if (result == 0)
        result = list_user(&maker, 0, geteuid(), getenv("WAITPROF_DIR"), getenv("XDG_RUNTIME_DIR"));
    if (result == 0 && geteuid() == 0)
        result = list_all_users(&maker);
    if (result == 0 && with_processes)
        result = list_processes(&maker);
    wp_keyset_free(&maker.files);
    wp_keyset_free(&maker.roots);
    if (result != 0) {
        wp_region_list_free(list);
        return wp_error_set(error, ENOMEM, "not enough memory to list the regions");
    }
    if (list->count > 1)
        qsort(list->rows, list->count, sizeof *list->rows, list_by_path);
    return 0;
}

int
wp_region_find_all(struct wp_region_list *list, struct wp_error *error)
{
    return list_make(list, true, error);
}

int
wp_region_find_in_directories(struct wp_region_list *list, struct wp_error *error)
{
    return list_make(list, false, error);
}

void
wp_region_list_free(struct wp_region_list *list)
{
    free(list->rows);
    memset(list, 0, sizeof *list);
}
