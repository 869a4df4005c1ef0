#include "cli/tune/cpu_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profile/procfs.h"

/* Fields 14 and 15 of /proc/PID/stat, counted from behind the name, which may hold anything. */
#define USER_TIME_FIELD 14
#define FIRST_FIELD_BEHIND_NAME 3

static double
time_of(pid_t pid)
{
    char path[64], text[1024];
    const char *at;
    uint64_t user_ticks, system_ticks;
    size_t length;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    at = strrchr(text, ')');
    for (int field = FIRST_FIELD_BEHIND_NAME; at != NULL && field <= USER_TIME_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || sscanf(at, "%" SCNu64 " %" SCNu64, &user_ticks, &system_ticks) != 2)
        return -1;
    return (double)(user_ticks + system_ticks) * 1e9 / (double)sysconf(_SC_CLK_TCK);
}

double
wp_cpu_time_of(const struct wp_snapshot *snapshot)
{
    double sum = -1;
    pid_t first = 0;

    (void)wp_snapshot_state(snapshot, &first);
    for (size_t i = 0; i < snapshot->process_count; i++) {
        pid_t inner = (pid_t)snapshot->processes[i].pid;
        pid_t pid = i == 0 && first != 0 ? first : wp_procfs_find(inner, 0);
        double used = pid != 0 && (i == 0 || pid != first) ? time_of(pid) : -1;

        if (used >= 0)
            sum = (sum < 0 ? 0 : sum) + used;
    }
    return sum;
}
