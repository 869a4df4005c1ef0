/*
 * Where regions lie: the one list of directories, for the program that makes a region and for the
 * command that looks for it.
 */
#ifndef WP_CORE_REGION_PATH_H
#define WP_CORE_REGION_PATH_H

#include <stdio.h>
#include <sys/types.h>

#define WP_REGION_DIRECTORIES 4u

/*
 * Writes the index-th directory to try (index < WP_REGION_DIRECTORIES) into `out` and returns its
 * length; 0 when that one does not apply (variable unset, not absolute, or too long for `size`).
 * `waitprof_dir` and `runtime_dir` are the values of WAITPROF_DIR and XDG_RUNTIME_DIR or NULL.
 * The directory may not exist. No allocation.
 */
static inline size_t
wp_region_directory(unsigned index, uid_t uid, const char *waitprof_dir, const char *runtime_dir,
                    char *out, size_t size)
{
    int length = 0;

    switch (index) {
    case 0:
        if (waitprof_dir != NULL && waitprof_dir[0] == '/')
            length = snprintf(out, size, "%s", waitprof_dir);
        break;
    case 1:
        if (runtime_dir != NULL && runtime_dir[0] == '/')
            length = snprintf(out, size, "%s/waitprof", runtime_dir);
        break;
    case 2:
        length = snprintf(out, size, "/dev/shm/waitprof-%u", (unsigned)uid);
        break;
    case 3:
        length = snprintf(out, size, "/tmp/waitprof-%u", (unsigned)uid);
        break;
    default:
        break;
    }
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

#endif
