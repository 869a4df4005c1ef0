#include "lease.h"

#include <signal.h>

#include "../expect.h"
#include "row.h"

bool
lease_take(struct lease *lease)
{
    signal(SIGIO, SIG_IGN); /* which tells the holder that somebody waits */
    snprintf(lease->path, sizeof(lease->path), "%s", row_path("leased"));
    lease->fd = open(lease->path, O_RDONLY | O_CREAT, 0600);
    EXPECT(lease->fd >= 0);
    if (syscall(SYS_fcntl, lease->fd, F_SETLEASE, F_RDLCK) == 0)
        return true;
    printf("rows: waits for a lease are left out: %s has none (%s)\n", lease->path,
           strerror(errno));
    close(lease->fd);
    return false;
}

const char *
lease_path(const void *lease)
{
    return ((const struct lease *)lease)->path;
}

void
lease_release(void *object)
{
    struct lease *lease = object;

    EXPECT_EQ(syscall(SYS_fcntl, lease->fd, F_SETLEASE, F_UNLCK), 0);
    syscall(SYS_close, lease->fd);
}
