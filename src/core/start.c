#include "core/start.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/atomic.h"
#include "core/blame.h"
#include "core/capture.h"
#include "core/clock.h"
#include "core/condition.h"
#include "core/module.h"
#include "core/module_image.h"
#include "core/process.h"
#include "core/rates.h"
#include "core/region.h"
#include "core/stack_table.h"
#include "core/thread.h"
#include "core/unwind.h"

#pragma weak _dl_find_object /* glibc >= 2.35 */

#define WP_START_UNLIMITED_STACK (UINT64_C(1) << 30)

static struct wp_region_header wp_start_off; /* rates 0/0, for good */

struct wp_region_header *wp_start_family_regions[WP_FAMILY_COUNT] = {
#define WP_START_FAMILY_OFF(name, on) &wp_start_off,
    WP_CONFIG_FAMILIES(WP_START_FAMILY_OFF)
#undef WP_START_FAMILY_OFF
};

/* Kept for good: the module table points to the path, wp_finish removes the file. */
static char wp_start_executable[PATH_MAX];
static char wp_start_directory[PATH_MAX];
static char wp_start_region_path[PATH_MAX];
static char wp_start_command[16];

/* Finds out what the program is, by direct system calls. What cannot be read stays empty. */
static void
wp_start_identify(void)
{
    (void)syscall(SYS_prctl, PR_GET_NAME, wp_start_command, 0L, 0L, 0L);
    (void)syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", wp_start_executable,
                  sizeof(wp_start_executable) - 1);
    if (syscall(SYS_getcwd, wp_start_directory, sizeof(wp_start_directory)) <= 0)
        wp_start_directory[0] = '\0';
}

static bool
wp_start_is_meant(const struct wp_config *config)
{
    if (config->pid != 0 && config->pid != (uint64_t)syscall(SYS_getpid))
        return false;
    return wp_config_wants(config->executables, wp_start_command);
}

static void
wp_start_bound_main_stack(char *const *main_argv)
{
    struct rlimit limit;
    uint64_t bytes = WP_START_UNLIMITED_STACK;

    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < bytes)
        bytes = limit.rlim_cur;
    wp_unwind_set_main_stack((uintptr_t)main_argv, bytes);
}

/* The module that a function lies in, 0 unknown; *bias as wp_module_number has it. */
static uint32_t
wp_start_module_of(uintptr_t address, uintptr_t *bias)
{
    struct dl_find_object found;

    if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0)
        return 0;

    uintptr_t start = (uintptr_t)found.dlfo_map_start;
    uintptr_t end = (uintptr_t)found.dlfo_map_end;

    wp_module_image_widen(found.dlfo_link_map, &start, &end);
    return wp_module_number(found.dlfo_link_map, start, end, bias);
}

/* Lists the wrapped functions: name, kind, and where the real one lies. */
static void
wp_start_list_functions(struct wp_region_header *region, uint32_t families,
                        const struct wp_start_function *functions, uint32_t count)
{
    struct wp_region_function *rows = wp_region_rows(region, WP_TABLE_FUNCTIONS);

    for (uint32_t i = 0; i < count; i++) {
        struct wp_region_function *row = &rows[i + 1];
        uintptr_t bias = 0;

        strncpy(row->name, functions[i].name, sizeof(row->name) - 1);
        strncpy(row->kind, functions[i].kind, sizeof(row->kind) - 1);
        strncpy(row->family, wp_config_family_names[functions[i].family], sizeof(row->family) - 1);
        strncpy(row->version, functions[i].version, sizeof(row->version) - 1);
        row->flags = functions[i].flags;
        if ((families & 1u << functions[i].family) == 0)
            row->flags |= WP_REGION_FUNCTION_OFF;
        row->part_of = functions[i].part_of;
        row->module = wp_start_module_of(functions[i].address, &bias);
        row->vaddr = functions[i].address - bias;
    }
    region->tables[WP_TABLE_FUNCTIONS].count = count + 1;
}

/* One line on standard error, by a direct write: nothing of stdio, nothing wrapped. */
static void
wp_start_say(const struct wp_config *config, const struct wp_region_header *region)
{
    static char line[PATH_MAX + 256]; /* constructor only: too large for a small stack */
    int length;

    if (config->invalid != NULL)
        length = snprintf(line, sizeof(line), "libwaitprof: %s: not a value it can have; ignored\n",
                          config->invalid);
    else if (region == NULL)
        length = snprintf(line, sizeof(line), "libwaitprof: %s: no memory for a region; off\n",
                          wp_start_command);
    else
        length = snprintf(line, sizeof(line), "libwaitprof: %s: region %s\n", wp_start_command,
                          wp_start_region_path[0] != '\0' ? wp_start_region_path
                                                          : "in anonymous memory (no directory)");
    if (length > 0 && (size_t)length < sizeof(line))
        (void)syscall(SYS_write, STDERR_FILENO, line, (size_t)length);
}

/* Makes the region and all that refers to it. */
static struct wp_region_header *
wp_start_region(const struct wp_config *config, char *const *main_argv, wp_start_list *list,
                uint32_t count)
{
    const struct wp_region_request request = {
        .waitprof_dir = config->waitprof_dir,
        .runtime_dir = config->runtime_dir,
        .command = wp_start_command,
        .executable = wp_start_executable,
        .directory = wp_start_directory,
        .arguments = main_argv,
        .run_id = config->run_id,
        .size_bytes = config->region_bytes,
        .max_depth = config->max_depth,
        .functions = count + 1,
    };
    const struct wp_rates_start rates = {
        .block_rate_ns = config->block_rate_ns,
        .mutex_fraction = config->mutex_fraction,
        .budget_cost_ns_per_s = config->budget_cost_ns_per_s,
        .budget_samples_per_s = config->budget_samples_per_s,
    };
    struct wp_region_header *region = wp_region_create(&request, wp_start_region_path);

    if (region == NULL)
        return NULL;
    wp_region_mapped = region;
    wp_process_init(config->seed != 0 ? config->seed : region->region_id);
    wp_module_init(region, wp_start_executable);
    wp_start_list_functions(region, config->families, list(), count);
    wp_stack_table_init();
    wp_rates_init(region, &rates);
    wp_atomic_store_32_release(&region->ready, 1);
    return region;
}

void
wp_start(char *const *main_argv, char *const *environment, wp_start_list *list, uint32_t count)
{
    struct wp_config config;
    int saved = errno;

    wp_start_identify();
    wp_config_read(environment, &config);
    if (wp_start_is_meant(&config)) {
        wp_clock_init();
        wp_thread_init();
        wp_blame_init();
        wp_condition_init();
        wp_start_bound_main_stack(main_argv);
        wp_capture_init(config.max_depth);

        struct wp_region_header *region = wp_start_region(&config, main_argv, list, count);

        for (uint32_t family = 0; family < WP_FAMILY_COUNT && region != NULL; family++)
            if (config.families & 1u << family)
                wp_start_family_regions[family] = region;
        if (config.debug)
            wp_start_say(&config, region);
    }
    errno = saved;
}

void
wp_stop(void)
{
    for (uint32_t family = 0; family < WP_FAMILY_COUNT; family++)
        wp_start_family_regions[family] = &wp_start_off;
}

void
wp_finish(void)
{
    struct wp_region_header *region = wp_region();
    int saved = errno;

    /* A forked child leaves the region to the process that made it. */
    if (!wp_process_is_first())
        return;
    wp_region_set_flag(WP_REGION_FLAG_EXITED);
    /* A seccomp filter may kill for unlink; `waitprof run` collects its regions itself. */
    if (wp_start_region_path[0] != '\0' && region->run_id == 0 && wp_region_is_empty(region) &&
        !wp_region_is_frozen() && !wp_process_has_family(wp_atomic_load_32(&region->flags)))
        (void)syscall(SYS_unlinkat, AT_FDCWD, wp_start_region_path, 0);
    errno = saved;
}
