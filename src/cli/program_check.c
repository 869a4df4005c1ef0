#include "cli/program_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/program_elf.h"
#include "cli/program_path.h"

/* As many interpreters as the kernel follows from script to script. */
#define SCRIPT_DEPTH 5

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#define OWN_MACHINE_NAME "64-bit x86"
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#define OWN_MACHINE_NAME "64-bit ARM"
#else
#error "say here which programs libwaitprof.so of this machine can be loaded into"
#endif

#define PRELOAD_REMEDY                                                                             \
    "run a copy of it without the privilege, give the privilege as an ambient capability "         \
    "(setpriv, AmbientCapabilities=), or put the library into /etc/ld.so.preload"

/* True where the kernel ignores setuid bits and file capabilities anyway. */
static bool
ignores_privileges(int fd)
{
    struct statvfs file_system;

    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return true;
    return fstatvfs(fd, &file_system) == 0 && (file_system.f_flag & ST_NOSUID) != 0;
}

static void
check_set_id(const struct stat *status, const char *name, struct wp_findings *findings)
{
    bool set_user = (status->st_mode & S_ISUID) != 0;
    bool set_group = (status->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
    const char *what = set_user ? "setuid" : "setgid";

    if (!set_user && !set_group)
        return;
    if ((set_user && status->st_uid != getuid()) || (set_group && status->st_gid != getgid()))
        wp_findings_add(findings, WP_FINDING_FAIL, name, PRELOAD_REMEDY,
                        "it is %s: the loader drops LD_PRELOAD without a word", what);
    else
        wp_findings_add(findings, WP_FINDING_WARN, name, NULL,
                        "it is %s: can be profiled by its owner alone", what);
}

static void
check_capabilities(int fd, const char *name, struct wp_findings *findings)
{
    if (fgetxattr(fd, "security.capability", NULL, 0) <= 0)
        return;
    /* The kernel asks for a secure execution only if the file gives what its user had not. */
    if (getuid() == 0)
        wp_findings_add(findings, WP_FINDING_WARN, name, NULL,
                        "it has file capabilities: can be profiled by root alone");
    else
        wp_findings_add(findings, WP_FINDING_FAIL, name, PRELOAD_REMEDY,
                        "it has file capabilities: the loader drops LD_PRELOAD without a word");
}

static void
check_privileges(int fd, const char *name, struct wp_findings *findings)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || ignores_privileges(fd))
        return;
    check_set_id(&status, name, findings);
    check_capabilities(fd, name, findings);
}

static void
check_dynamic(const struct wp_program_elf *facts, const char *name, struct wp_findings *findings)
{
    if (facts->is_go)
        wp_findings_add(findings, WP_FINDING_WARN, name,
                        "use Go's own block and mutex profiles for the rest",
                        "a Go program: only what its C code waits for (cgo) is seen");
    else if (strstr(facts->interpreter, "ld-musl") != NULL)
        wp_findings_add(findings, WP_FINDING_FAIL, name, "build it for glibc",
                        "made for the C library musl; the library stays idle in it");
    else
        wp_findings_add(findings, WP_FINDING_OK, name, NULL, "dynamically linked, loaded by %s",
                        facts->interpreter);
    if (facts->interpreter[0] != '\0' && access(facts->interpreter, F_OK) != 0)
        wp_findings_add(findings, WP_FINDING_WARN, name, "install the C library it was built for",
                        "its loader %s is not here", facts->interpreter);
    if (facts->has_sanitizer)
        wp_findings_add(findings, WP_FINDING_WARN, name,
                        "set ASAN_OPTIONS=verify_asan_link_order=0",
                        "built with a sanitizer, which insists on being loaded first");
    if (facts->defines_lock_functions)
        wp_findings_add(findings, WP_FINDING_WARN, name,
                        "link it without a static sanitizer or lock library",
                        "it defines pthread_mutex_lock itself: its own lock waits are not seen");
}

static void
check_elf(const struct wp_program_elf *facts, const char *name, struct wp_findings *findings)
{
    if (facts->machine != OWN_MACHINE || !facts->is_64_bit)
        wp_findings_add(findings, WP_FINDING_FAIL, name, "build waitprof on a machine of that kind",
                        "made for another machine; the library is for " OWN_MACHINE_NAME);
    else if (facts->interpreter[0] == '\0' && facts->is_go)
        wp_findings_add(findings, WP_FINDING_FAIL, name, "use Go's own block and mutex profiles",
                        "a static Go program: it calls the kernel without the C library");
    else if (facts->interpreter[0] == '\0')
        wp_findings_add(findings, WP_FINDING_FAIL, name, "link it dynamically",
                        "statically linked: no loader reads LD_PRELOAD");
    else
        check_dynamic(facts, name, findings);
}

static void check_open_file(int fd, const char *name, int depth, struct wp_findings *findings);

static void
check_path(const char *path, const char *name, int depth, struct wp_findings *findings)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        wp_findings_add(findings, errno == EACCES ? WP_FINDING_WARN : WP_FINDING_FAIL, name, NULL,
                        "cannot be read (%s)", strerror(errno));
        return;
    }
    check_open_file(fd, name, depth, findings);
    close(fd);
}

static void
check_found(const char *command, int depth, struct wp_findings *findings)
{
    char path[PATH_MAX];
    int status = wp_program_path_find(command, path);

    if (status == -ENOENT)
        wp_findings_add(findings, WP_FINDING_FAIL, command,
                        strchr(command, '/') == NULL ? "give its path, or add it to PATH" : NULL,
                        "there is no such program");
    else if (status == -EACCES)
        wp_findings_add(findings, WP_FINDING_FAIL, path, "check its permissions with ls -l",
                        "cannot be executed");
    else
        check_path(path, path, depth, findings);
}

/* A script is as good as the program that reads it. */
static void
check_script(struct wp_script *script, const char *name, int depth, struct wp_findings *findings)
{
    const char *behind = wp_program_path_behind_env(script);
    const char *reader = behind != NULL ? behind : script->interpreter;

    if (depth == SCRIPT_DEPTH) {
        wp_findings_add(findings, WP_FINDING_FAIL, name, NULL, "too many scripts run each other");
        return;
    }
    wp_findings_add(findings, WP_FINDING_OK, name, NULL, "a script, run by %s", reader);
    check_found(reader, depth + 1, findings);
}

static void
check_open_file(int fd, const char *name, int depth, struct wp_findings *findings)
{
    struct wp_program_elf facts;
    struct wp_script script;

    if (wp_program_path_read_script(fd, &script) == 1) {
        check_script(&script, name, depth, findings);
    } else if (wp_program_elf_read(fd, &facts) != 0) {
        wp_findings_add(findings, WP_FINDING_FAIL, name, NULL,
                        "neither an ELF program nor a script");
    } else {
        check_elf(&facts, name, findings);
        check_privileges(fd, name, findings);
    }
}

void
wp_program_check_command(const char *name, struct wp_findings *findings)
{
    check_found(name, 0, findings);
}

void
wp_program_check_file(const char *path, const char *name, struct wp_findings *findings)
{
    check_path(path, name, 0, findings);
}
