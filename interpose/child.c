/*
 * Children: waited for, and started.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "timed.h"

WP_EXPORT pid_t
wait(int *status)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, wait, (status));
}
WP_EXPORT_ALIAS(__wait, wait);

WP_EXPORT pid_t
waitpid(pid_t pid, int *status, int options)
{
    if ((options & WNOHANG) != 0)
        return wp_real.waitpid(pid, status, options);
    WP_TIMED(process, WP_TIMED_BUSY_NS, waitpid, (pid, status, options));
}
WP_EXPORT_ALIAS(__waitpid, waitpid);

WP_EXPORT pid_t
wait3(int *status, int options, struct rusage *usage)
{
    if ((options & WNOHANG) != 0)
        return wp_real.wait3(status, options, usage);
    WP_TIMED(process, WP_TIMED_BUSY_NS, wait3, (status, options, usage));
}

WP_EXPORT pid_t
wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    if ((options & WNOHANG) != 0)
        return wp_real.wait4(pid, status, options, usage);
    WP_TIMED(process, WP_TIMED_BUSY_NS, wait4, (pid, status, options, usage));
}

WP_EXPORT int
waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    if ((options & WNOHANG) != 0)
        return wp_real.waitid(type, id, info, options);
    WP_TIMED(process, WP_TIMED_BUSY_NS, waitid, (type, id, info, options));
}

WP_EXPORT int
system(const char *command)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, system, (command));
}
WP_EXPORT_ALIAS(__libc_system, system);

WP_EXPORT int
pclose(FILE *stream)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, pclose, (stream));
}

/* --- starting a child: the caller waits until it has called exec --- */

WP_EXPORT int wp_posix_spawn(pid_t *pid, const char *path,
                             const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *attributes, char *const *arguments,
                             char *const *environment);
WP_EXPORT int wp_posix_spawnp(pid_t *pid, const char *file,
                              const posix_spawn_file_actions_t *actions,
                              const posix_spawnattr_t *attributes, char *const *arguments,
                              char *const *environment);

int
wp_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
               const posix_spawnattr_t *attributes, char *const *arguments,
               char *const *environment)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, posix_spawn,
             (pid, path, actions, attributes, arguments, environment));
}
WP_EXPORT_VERSION(wp_posix_spawn, "posix_spawn", WP_SPAWN_VERSION);

int
wp_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const *arguments,
                char *const *environment)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, posix_spawnp,
             (pid, file, actions, attributes, arguments, environment));
}
WP_EXPORT_VERSION(wp_posix_spawnp, "posix_spawnp", WP_SPAWN_VERSION);

/* The versions for binaries older than glibc 2.15. */
#if defined(WP_SPAWN_OLD_VERSION)

WP_EXPORT int wp_posix_spawn_old(pid_t *pid, const char *path,
                                 const posix_spawn_file_actions_t *actions,
                                 const posix_spawnattr_t *attributes, char *const *arguments,
                                 char *const *environment);
WP_EXPORT int wp_posix_spawnp_old(pid_t *pid, const char *file,
                                  const posix_spawn_file_actions_t *actions,
                                  const posix_spawnattr_t *attributes, char *const *arguments,
                                  char *const *environment);

int
wp_posix_spawn_old(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                   const posix_spawnattr_t *attributes, char *const *arguments,
                   char *const *environment)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, posix_spawn_old,
             (pid, path, actions, attributes, arguments, environment));
}
WP_EXPORT_OLD_VERSION(wp_posix_spawn_old, "posix_spawn", WP_SPAWN_OLD_VERSION);

int
wp_posix_spawnp_old(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const *arguments,
                    char *const *environment)
{
    WP_TIMED(process, WP_TIMED_BUSY_NS, posix_spawnp_old,
             (pid, file, actions, attributes, arguments, environment));
}
WP_EXPORT_OLD_VERSION(wp_posix_spawnp_old, "posix_spawnp", WP_SPAWN_OLD_VERSION);

#endif
