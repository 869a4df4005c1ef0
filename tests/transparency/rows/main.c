/*
 * Runs the cases: `rows family FAMILY` runs those of a family, each in a process of its own; `rows
 * case SYMBOL` or `rows case SYMBOL@VERSION` runs one in this process.
 */
#include <signal.h>
#include <spawn.h>

#include "../expect.h"
#include "../expect_region.h"
#include "row.h"

#define ROW_SECONDS 60 /* the longest that a case may take, on a loaded machine */

/* The version of what libc has had from the beginning. */
#if defined(__x86_64__)
#define ROW_BASE_VERSION "GLIBC_2.2.5"
#else
#define ROW_BASE_VERSION "GLIBC_2.17"
#endif

extern char **environ;

bool row_was_made_to_wait(void);
void row_start_case(const char *leaf);

struct row {
    const char *symbol;
    const char *version; /* "" any */
    const char *family;
    const char *leaf; /* the function that profiles show */
    const char *kind;
    void (*run)(void *function);
};

#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    static void row_run_##id(void *address)                                                        \
    {                                                                                              \
        row_type_##id function;                                                                    \
                                                                                                   \
        memcpy(&function, &address, sizeof(function));                                             \
        row_case_##id(function);                                                                   \
    }
#define WP_VARIADIC(id, symbol, of, family, kind)                                                  \
    WP_FUNCTION(id, symbol, "", family, kind, void, (void), ())
#include "functions.def"

/* An alias finds family and kind of its row by the row's number. */
enum {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments) ROW_##id,
#define WP_VARIADIC(id, symbol, of, family, kind) ROW_##id,
#include "functions.def"
    ROW_COUNT
};

static const struct row rows[] = {
#define WP_FUNCTION(id, symbol, version, family, kind, type, parameters, arguments)                \
    {symbol, version, #family, symbol, kind, row_run_##id},
#define WP_VARIADIC(id, symbol, of, family, kind) {symbol, "", #family, symbol, kind, row_run_##id},
#include "functions.def"
};

static const struct {
    const char *symbol;
    const char *version;
    size_t row;
} aliases[] = {
#define WP_ALIAS(symbol, id) {#symbol, "", ROW_##id},
#define WP_VERSION(symbol, version, id) {symbol, version, ROW_##id},
#include "functions.def"
};

#define ALIAS_COUNT (sizeof(aliases) / sizeof(aliases[0]))

/* Row or alias number `i` of all. */
static struct row
row_number(size_t i)
{
    struct row row;

    if (i < ROW_COUNT)
        return rows[i];
    row = rows[aliases[i - ROW_COUNT].row];
    row.symbol = aliases[i - ROW_COUNT].symbol;
    row.version = aliases[i - ROW_COUNT].version;
    return row;
}

static void
row_name(const struct row *row, char *name, size_t size)
{
    snprintf(name, size, "%s%s%s", row->symbol, row->version[0] != '\0' ? "@" : "", row->version);
}

/* The address that calls of the row's name reach; checks that it is ours when it should be. */
static void *
row_address(const struct row *row)
{
    bool preloaded = strcmp(expect_mode(), "bare") != 0;
    void *function = row->version[0] != '\0' ? dlvsym(RTLD_DEFAULT, row->symbol, row->version)
                                             : dlsym(RTLD_DEFAULT, row->symbol);
    Dl_info info;

    /* A name that only old binaries are bound to: dlsym passes over it in libc. */
    if (function == NULL)
        function = dlvsym(RTLD_DEFAULT, row->symbol, ROW_BASE_VERSION);
    if (function == NULL)
        expect_fail(__FILE__, __LINE__, "there is no %s", row->symbol);
    EXPECT(dladdr(function, &info) != 0);
    if (preloaded != (strstr(info.dli_fname, "libwaitprof.so") != NULL))
        expect_fail(__FILE__, __LINE__, "%s is in %s, in a %s run", row->symbol, info.dli_fname,
                    expect_mode());
    return function;
}

static int
row_run(const struct row *row)
{
    alarm(ROW_SECONDS);
    row_start_case(row->leaf);
    row->run(row_address(row));
    if (expect_is_preloaded() && row_was_made_to_wait() && row->kind[0] != '\0' &&
        expect_contentions(expect_own_region(), WP_PROFILE_BLOCK, row->leaf) == 0)
        expect_fail(__FILE__, __LINE__, "%s waited, and no sample says so", row->symbol);
    return 0;
}

/* Runs the case of `row` in a process of its own; returns its exit status, or 1. */
static int
row_spawn(const char *program, const struct row *row)
{
    char name[128];
    char *arguments[] = {(char *)program, (char *)"case", name, NULL};
    pid_t child;
    int status;

    row_name(row, name, sizeof(name));
    EXPECT_EQ(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    status = expect_wait_status(child);
    if (status == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == ROW_SKIPPED) {
        printf("rows: the case of %s was skipped\n", name);
        return ROW_SKIPPED;
    }
    fprintf(stderr, "rows: the case of %s ended with wait status 0x%x\n", name, status);
    return 1;
}

static int
row_run_family(const char *program, const char *family)
{
    size_t run = 0;
    size_t failed = 0;
    size_t skipped = 0;

    for (size_t i = 0; i < ROW_COUNT + ALIAS_COUNT; i++) {
        struct row row = row_number(i);
        int status;

        if (strcmp(family, row.family) != 0)
            continue;
        status = row_spawn(program, &row);
        run++;
        failed += status == 1;
        skipped += status == ROW_SKIPPED;
    }
    printf("rows: %zu cases of %s, %zu failed, %zu skipped\n", run, family, failed, skipped);
    if (run == skipped)
        return run == 0 ? 1 : ROW_SKIPPED;
    return failed != 0;
}

static int
row_run_case(const char *wanted)
{
    for (size_t i = 0; i < ROW_COUNT + ALIAS_COUNT; i++) {
        struct row row = row_number(i);
        char name[128];

        row_name(&row, name, sizeof(name));
        if (strcmp(wanted, name) == 0)
            return row_run(&row);
    }
    expect_fail(__FILE__, __LINE__, "there is no row %s", wanted);
}

int
main(int argc, char **argv)
{
    EXPECT(argc == 3);
    return strcmp(argv[1], "family") == 0 ? row_run_family(argv[0], argv[2])
                                          : row_run_case(argv[2]);
}
