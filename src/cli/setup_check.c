#include "cli/setup_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/library_path.h"
#include "cli/program_elf.h"
#include "cli/quantity.h"
#include "core/region_path.h"
#include "profile/procfs.h"

/* What a region takes from the start: core/region_create.c lays out a little less. */
#define REGION_FIRST_BYTES (UINT64_C(512) << 10)

/* Writes the part of `path` that keeps other users out into `part`; false: none does. */
static bool
find_closed_part(const char *path, char part[PATH_MAX])
{
    struct stat status;
    mode_t needed = S_IROTH;

    for (snprintf(part, PATH_MAX, "%s", path); part[0] != '\0'; needed = S_IXOTH) {
        char *slash = strrchr(part, '/');

        if (stat(part, &status) == 0 && (status.st_mode & needed) == 0)
            return true;
        if (slash == NULL)
            break;
        *slash = '\0';
    }
    return false;
}

static void
check_library_file(int fd, const char *path, struct wp_findings *findings)
{
    struct statvfs file_system;
    struct wp_program_elf facts;
    char closed[PATH_MAX];

    if (wp_program_elf_read(fd, &facts) != 0)
        wp_findings_add(findings, WP_FINDING_FAIL, path, "install it again", "not an ELF file");
    else if (fstatvfs(fd, &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0)
        wp_findings_add(findings, WP_FINDING_FAIL, path,
                        "put it elsewhere and set WAITPROF_LIBRARY",
                        "its file system is mounted noexec: the loader cannot map it");
    else if (strpbrk(path, ": ") != NULL)
        wp_findings_add(findings, WP_FINDING_FAIL, path,
                        "put it elsewhere and set WAITPROF_LIBRARY",
                        "LD_PRELOAD cannot hold a path with a colon or a blank");
    else
        wp_findings_add(findings, WP_FINDING_OK, path, NULL, "the library can be loaded");
    if (find_closed_part(path, closed))
        wp_findings_add(findings, WP_FINDING_WARN, path, "install it where everybody can read it",
                        "programs of other users cannot load it (see the mode of %s)", closed);
}

void
wp_setup_check_library(struct wp_findings *findings)
{
    char path[PATH_MAX];
    int fd;

    if (wp_library_path_find(path, sizeof path) != 0) {
        wp_findings_add(findings, WP_FINDING_FAIL, path,
                        "install waitprof, or set WAITPROF_LIBRARY to its path",
                        "the library is not there");
        return;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        wp_findings_add(findings, WP_FINDING_FAIL, path, "make it readable (chmod a+r)",
                        "the library cannot be read (%s)", strerror(errno));
        return;
    }
    check_library_file(fd, path, findings);
    close(fd);
}

/* The value in the subject's environment; "" if it has none. */
static const char *
subject_environment(const struct wp_setup_subject *subject, const char *name, char value[PATH_MAX])
{
    const char *own;

    value[0] = '\0';
    if (subject->pid != 0) {
        (void)wp_procfs_environment(subject->pid, name, value, PATH_MAX);
        return value;
    }
    own = getenv(name);
    if (own != NULL)
        snprintf(value, PATH_MAX, "%s", own);
    return value;
}

/* Whether `uid` may make files in a directory of this status. Access lists are not looked at. */
static bool
may_write(const struct stat *status, uid_t uid)
{
    if (uid == 0)
        return true;
    if (status->st_uid == uid)
        return (status->st_mode & (S_IWUSR | S_IXUSR)) == (S_IWUSR | S_IXUSR);
    return (status->st_mode & (S_IWOTH | S_IXOTH)) == (S_IWOTH | S_IXOTH);
}

/* Why the program could not make a region in `directory`; NULL if it can. It makes the last part of
 * the path itself. */
static const char *
directory_trouble(const char *directory, uid_t uid)
{
    char parent[PATH_MAX];
    struct statvfs file_system;
    struct stat status;
    char *slash;

    snprintf(parent, sizeof parent, "%s", directory);
    if (lstat(directory, &status) == 0) {
        if (!S_ISDIR(status.st_mode))
            return "it is not a directory";
        if (status.st_uid != uid)
            return "it belongs to another user";
        if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
            return "other users may write to it";
    } else {
        slash = strrchr(parent, '/');
        slash[slash == parent] = '\0';
        if (stat(parent, &status) != 0)
            return "its parent directory is not there";
    }
    if (!may_write(&status, uid))
        return "it cannot be written";
    if (statvfs(parent, &file_system) != 0)
        return strerror(errno);
    if ((file_system.f_flag & ST_RDONLY) != 0)
        return "its file system is read-only";
    if ((uint64_t)file_system.f_bavail * file_system.f_frsize < REGION_FIRST_BYTES)
        return "its file system is full";
    return NULL;
}

static void
check_file_size_limit(const struct wp_setup_subject *subject, struct wp_findings *findings)
{
    struct rlimit limit;
    char text[WP_QUANTITY_TEXT_BYTES];

    if (prlimit(subject->pid, RLIMIT_FSIZE, NULL, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= REGION_FIRST_BYTES)
        return;
    wp_findings_add(findings, WP_FINDING_FAIL, "RLIMIT_FSIZE", "raise it (ulimit -f)",
                    "files may have %s at most, too little for a region",
                    wp_quantity_format_bytes(limit.rlim_cur, text));
}

void
wp_setup_check_directories(const struct wp_setup_subject *subject, struct wp_findings *findings)
{
    char waitprof_dir[PATH_MAX], runtime_dir[PATH_MAX], directory[PATH_MAX];
    bool found = false;

    subject_environment(subject, "WAITPROF_DIR", waitprof_dir);
    subject_environment(subject, "XDG_RUNTIME_DIR", runtime_dir);
    if (waitprof_dir[0] != '\0' && waitprof_dir[0] != '/')
        wp_findings_add(findings, WP_FINDING_WARN, waitprof_dir, "give WAITPROF_DIR a full path",
                        "not an absolute path: not used for regions");
    for (unsigned i = 0; i < WP_REGION_DIRECTORIES && !found; i++) {
        const char *trouble;

        if (wp_region_directory(i, subject->uid, waitprof_dir, runtime_dir, directory,
                                sizeof directory) == 0)
            continue;
        trouble = directory_trouble(directory, subject->uid);
        found = trouble == NULL;
        if (found)
            wp_findings_add(findings, WP_FINDING_OK, directory, NULL, "regions go here");
        else
            wp_findings_add(findings, WP_FINDING_WARN, directory, NULL, "no region here: %s",
                            trouble);
    }
    if (!found)
        wp_findings_add(findings, WP_FINDING_FAIL, "regions",
                        "set WAITPROF_DIR to a directory of the program's user",
                        "there is no directory for them");
    check_file_size_limit(subject, findings);
}

static bool
is_rate(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 12;
}

static bool
is_budget(const char *text)
{
    struct wp_quantity_budget budget;

    return wp_quantity_parse_budget(text, &budget) == 0;
}

void
wp_setup_check_variables(const struct wp_setup_subject *subject, struct wp_findings *findings)
{
    static const struct {
        const char *name;
        bool (*is_usable)(const char *text);
        const char *remedy;
    } variables[] = {
        {"WAITPROF_BLOCK_RATE", is_rate, "give nanoseconds as a number, as 100000"},
        {"WAITPROF_MUTEX_FRACTION", is_rate, "give a number, as 10"},
        {"WAITPROF_BUDGET", is_budget,
         "give a share of a processor (0.5%), samples a second (2000/s), both with a comma, or "
         "off"},
    };
    char value[PATH_MAX];

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        subject_environment(subject, variables[i].name, value);
        if (value[0] != '\0' && !variables[i].is_usable(value))
            wp_findings_add(findings, WP_FINDING_WARN, variables[i].name, variables[i].remedy,
                            "\"%.64s\" is no value that it can have: it is ignored", value);
    }
}
