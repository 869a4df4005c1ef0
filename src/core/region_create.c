/*
 * Making the region: where, how large, and how not to harm the program when that fails.
 *
 * Everything here runs once, in the constructor. Descriptor work is done by direct system calls,
 * since read, open and close of libc may be wrapped, by us or by others.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/atomic.h"
#include "core/clock.h"
#include "core/process.h"
#include "core/region.h"
#include "core/region_path.h"
#include "core/region_predecessor.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define WP_REGION_PAGE 4096u
#define WP_REGION_ADDRESS_SHARE 32 /* of limited address space, the part that the region may take */
#define WP_REGION_PROCESSES 1024u
#define WP_REGION_MODULES 512u
#define WP_REGION_STRING_BYTES (64u << 10)
#define WP_REGION_BUCKETS (16u << 10)
#define WP_REGION_FIRST_STACK_BYTES (96u << 10)

/* Appends a table behind the others: returns the offset of what follows it. */
static uint64_t
wp_region_lay_table(struct wp_region_header *region, enum wp_region_table_id id, uint64_t offset,
                    uint32_t stride, uint32_t capacity)
{
    region->tables[id] = (struct wp_region_table){
        .offset = (uint32_t)offset, .stride = stride, .capacity = capacity};
    return (offset + (uint64_t)stride * capacity + 63) & ~UINT64_C(63);
}

/* Fills in the header's layout for a size; the stacks come last and take the rest. Returns the
 * bytes that must be there from the start. */
static uint64_t
wp_region_lay_out(struct wp_region_header *region, uint64_t size_bytes, uint32_t functions)
{
    uint64_t end = WP_REGION_PAGE;

    end = wp_region_lay_table(region, WP_TABLE_FUNCTIONS, end, sizeof(struct wp_region_function),
                              functions);
    /* One row a shard: threads of different shards share no cache line. */
    end = wp_region_lay_table(region, WP_TABLE_WAITS, end,
                              (functions * (uint32_t)sizeof(uint64_t) + 63) & ~63u,
                              WP_REGION_COUNTER_SHARDS);
    end = wp_region_lay_table(region, WP_TABLE_PROCESSES, end, sizeof(struct wp_region_process),
                              WP_REGION_PROCESSES);
    end = wp_region_lay_table(region, WP_TABLE_MODULES, end, sizeof(struct wp_region_module),
                              WP_REGION_MODULES);
    end = wp_region_lay_table(region, WP_TABLE_STRINGS, end, 1, WP_REGION_STRING_BYTES);
    end = wp_region_lay_table(region, WP_TABLE_BUCKETS, end, sizeof(uint32_t), WP_REGION_BUCKETS);
    end = wp_region_lay_table(region, WP_TABLE_THREADS, end, sizeof(struct wp_region_thread),
                              WP_REGION_THREADS);
    end = wp_region_lay_table(region, WP_TABLE_BUDGET, end, sizeof(struct wp_region_budget_turn),
                              WP_REGION_BUDGET_TURNS);

    /* The region grows from there on: by whole pages, whatever their size. */
    uint64_t first = (end + WP_REGION_FIRST_STACK_BYTES + WP_PROCESS_PAGE_BYTES - 1) &
                     ~(WP_PROCESS_PAGE_BYTES - 1ul);
    uint64_t rest = size_bytes > end ? size_bytes - end : 0;

    (void)wp_region_lay_table(region, WP_TABLE_STACKS, end, 16, (uint32_t)(rest / 16));
    region->tables[WP_TABLE_STRINGS].count = 1; /* offset 0 is the empty string */
    region->tables[WP_TABLE_WAITS].count = WP_REGION_COUNTER_SHARDS;
    region->stack_units_used = 1; /* unit 0 ends chains */
    region->size_bytes = size_bytes;
    region->allocated_bytes = first;
    return first;
}

/* Makes or accepts a directory that only this user can write. */
static bool
wp_region_directory_usable(const char *directory)
{
    struct stat status;

    /* chmod: the umask may take away what the owner needs. */
    if (mkdir(directory, 0700) == 0 ? chmod(directory, 0700) != 0 : errno != EEXIST)
        return false;
    return lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == geteuid() && (status.st_mode & 0022) == 0;
}

/* Opens a new file for the region in `directory`; -1 when that fails. *path gets its name. */
static int
wp_region_open(const char *directory, const struct wp_region_request *request, uint64_t region_id,
               char *path)
{
    char command[16];
    size_t length = 0;

    /* The command is the program's choice: keep only what is harmless in a file name. */
    for (const char *from = request->command; *from != '\0' && length < sizeof(command) - 1; from++)
        command[length++] = *from == '/' || *from <= ' ' || *from > '~' ? '_' : *from;
    command[length] = '\0';

    int size = snprintf(path, PATH_MAX, "%s/%s.%ld.%016llx" WP_REGION_SUFFIX, directory, command,
                        syscall(SYS_getpid), (unsigned long long)region_id);

    if (size < 0 || size >= PATH_MAX)
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path,
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* `wanted`, or less where a resource limit divided by `share` is less. */
static uint64_t
wp_region_limited(uint64_t wanted, int resource, uint64_t share)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    return limit.rlim_cur / share < wanted ? (limit.rlim_cur / share) & ~(WP_REGION_PAGE - 1ul)
                                           : wanted;
}

/* The bound: a longer file would be answered by SIGXFSZ, and address space that is limited is the
 * program's. `least` bytes are worth having in any case. */
static uint64_t
wp_region_size_limit(uint64_t wanted, uint64_t least)
{
    uint64_t size = wp_region_limited(wanted, RLIMIT_AS, WP_REGION_ADDRESS_SHARE);

    return wp_region_limited(size > least ? size : least, RLIMIT_FSIZE, 1);
}

/* Gives an open file its length and first blocks, and maps it. NULL when it cannot be had. */
static struct wp_region_header *
wp_region_map_file(int fd, uint64_t size_bytes, uint64_t first_bytes)
{
    /* The mode against the umask; the length before the blocks: the bound stays sparse. */
    if (fchmod(fd, 0600) != 0 || ftruncate(fd, (off_t)size_bytes) != 0 ||
        syscall(SYS_fallocate, fd, 0, 0L, (long)first_bytes) != 0)
        return NULL;

    void *mapped = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

/* True: the kernel knows MADV_POPULATE_WRITE, so the region can grow safely. */
static bool
wp_region_can_grow(struct wp_region_header *mapped)
{
    return madvise(mapped, WP_REGION_PAGE, MADV_POPULATE_WRITE) == 0;
}

/* Tries one directory. On success the layout in *plan is the mapped one's. */
static struct wp_region_header *
wp_region_try(const char *directory, const struct wp_region_request *request,
              struct wp_region_header *plan, char *path)
{
    uint64_t first = wp_region_lay_out(plan, request->size_bytes, request->functions);
    uint64_t size = wp_region_size_limit(request->size_bytes, first);
    struct wp_region_header *mapped = NULL;

    if (first > size || !wp_region_directory_usable(directory))
        return NULL;
    (void)wp_region_lay_out(plan, size, request->functions);

    int fd = wp_region_open(directory, request, plan->region_id, path);

    if (fd < 0)
        return NULL;
    mapped = wp_region_map_file(fd, size, first);
    if (mapped == NULL) {
        /* Little address space, perhaps: the smallest region is better than none. */
        first = wp_region_lay_out(plan, first, request->functions);
        mapped = wp_region_map_file(fd, first, first);
    }
    if (mapped == NULL)
        (void)unlink(path);
    (void)syscall(SYS_close, fd);
    return mapped;
}

/* Memory of our own, when no directory works: rates can be obeyed, but nobody outside can look. */
static struct wp_region_header *
wp_region_anonymous(const struct wp_region_request *request, struct wp_region_header *plan)
{
    uint64_t first = wp_region_lay_out(plan, request->size_bytes, request->functions);
    void *mapped = mmap(NULL, wp_region_lay_out(plan, first, request->functions),
                        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

/* Field 22 of /proc/self/stat: start of the process in clock ticks since boot; 0 unknown. */
static uint64_t
wp_region_start_ticks(void)
{
    char text[1024];
    uint64_t ticks = 0;
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    long length = syscall(SYS_read, fd, text, sizeof(text) - 1);
    (void)syscall(SYS_close, fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';

    /* The command may hold spaces and parentheses: count from its last parenthesis. */
    char *field = strrchr(text, ')');

    for (int spaces = 0; field != NULL && spaces < 20; spaces++)
        field = strchr(field + 1, ' ');
    for (field = field == NULL ? text + length : field + 1; *field >= '0' && *field <= '9'; field++)
        ticks = ticks * 10 + (uint64_t)(*field - '0');
    return ticks;
}

/* Random enough to tell regions apart when the kernel has no entropy to give. */
static uint64_t
wp_region_random_id(void)
{
    uint64_t id = 0;

    if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
        id = wp_clock_ns() ^ (uint64_t)syscall(SYS_getpid) << 48 ^ (uintptr_t)&id;
    return id;
}

/* Writes who and what the program is: strings and identity. */
static void
wp_region_describe(struct wp_region_header *region, const struct wp_region_request *request)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    region->start_realtime_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    region->start_monotonic_ns = wp_clock_ns();
    region->start_ticks = wp_region_start_ticks();
    region->pid = (uint32_t)syscall(SYS_getpid);
    region->uid = (uint32_t)geteuid();
    region->executable = wp_region_string(region, request->executable, strlen(request->executable));
    region->directory = wp_region_string(region, request->directory, strlen(request->directory));
    region->command = wp_region_string(region, request->command, strlen(request->command));

    for (char *const *argument = request->arguments; *argument != NULL; argument++) {
        size_t length = strnlen(*argument, 4096);
        uint32_t string = wp_region_string(region, *argument, length);

        if (string == 0 || region->arguments_bytes > WP_REGION_STRING_BYTES / 4)
            break;
        if (region->arguments == 0)
            region->arguments = string;
        region->arguments_bytes += (uint32_t)length + 1;
    }
}

struct wp_region_header *
wp_region_create(const struct wp_region_request *request, char *path)
{
    /* Constructor only; too large for a small stack. */
    static struct wp_region_header plan;
    struct wp_region_header *region = NULL;
    static char directory[PATH_MAX];

    memcpy(plan.magic, WP_REGION_MAGIC, sizeof(plan.magic));
    plan.version = WP_REGION_VERSION;
    plan.header_bytes = sizeof(plan);
    plan.region_id = wp_region_random_id();
    plan.run_id = request->run_id;
    plan.max_depth = request->max_depth;

    for (unsigned i = 0; i < WP_REGION_DIRECTORIES && region == NULL; i++)
        if (wp_region_directory(i, geteuid(), request->waitprof_dir, request->runtime_dir,
                                directory, sizeof(directory)) != 0)
            region = wp_region_try(directory, request, &plan, path);
    if (region == NULL) {
        path[0] = '\0';
        region = wp_region_anonymous(request, &plan);
    }
    if (region == NULL)
        return NULL;

    memcpy(region, &plan, sizeof(plan));
    if (!wp_region_can_grow(region))
        region->flags |= WP_REGION_FLAG_FIXED;
    wp_region_describe(region, request);
    if (path[0] != '\0' && region->start_ticks != 0)
        wp_region_predecessor_remove(path, region->pid, region->start_ticks);
    return region;
}
