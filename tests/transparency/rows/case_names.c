/*
 * Services, users and groups of the case's own /etc. A table that is a FIFO makes its reader wait;
 * libc then finds that it cannot seek in it, and that nobody is there.
 */
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>

#include "../expect.h"
#include "name_service.h"

static char names_buffer[1024];

/* What the forms that get memory answer when nobody is found, or the memory is too small. */
#define NAMES_EXPECT_ERROR(call, error)                                                            \
    do {                                                                                           \
        result = (void *)8;                                                                        \
        EXPECT_EQ(call, error);                                                                    \
        EXPECT(result == NULL);                                                                    \
    } while (0)

/* `find` looks for what there is; 0: found. libc opens a table so that it is no
 * cancellation point. */
static void
names_check_waits(const char *table, long (*find)(void *unused))
{
    struct row_call call = name_service_stall(table, find);
    struct row_outcome outcome;

    EXPECT(row_release(&call).result != 0);
    outcome = row_interrupt(&call, SA_RESTART);
    EXPECT(outcome.result != 0);
    EXPECT_EQ(outcome.handled, 1);
    outcome = row_interrupt(&call, 0);
    EXPECT(outcome.result != 0);
    EXPECT_EQ(outcome.error, EINTR);
    EXPECT(!row_cancel(&call).cancelled);
}

/* --- services -------------------------------------------------------------------------------- */

static struct servent names_service;

static int
names_is_service(const struct servent *entry)
{
    if (entry == NULL)
        return 0;
    EXPECT(strcmp(entry->s_name, "test-service") == 0);
    EXPECT(strcmp(entry->s_aliases[0], "test-alias") == 0);
    EXPECT(strcmp(entry->s_proto, "tcp") == 0);
    EXPECT_EQ(entry->s_port, htons(4711));
    return 1;
}

static row_type_getservbyname names_getservbyname;
static row_type_getservbyport names_getservbyport;
static row_type_getservbyname_r names_getservbyname_r;
static row_type_getservbyport_r names_getservbyport_r;

static long
names_find_service(void *unused)
{
    (void)unused;
    return !names_is_service(names_getservbyname("test-service", "tcp"));
}

static long
names_find_port(void *unused)
{
    (void)unused;
    return !names_is_service(names_getservbyport(htons(4711), "tcp"));
}

static long
names_find_service_r(void *unused)
{
    struct servent *result = (void *)8;
    int status = names_getservbyname_r("test-service", "tcp", &names_service, names_buffer,
                                       sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_service(result);
}

static long
names_find_port_r(void *unused)
{
    struct servent *result = (void *)8;
    int status = names_getservbyport_r(htons(4711), "tcp", &names_service, names_buffer,
                                       sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_service(result);
}

ROW_CASE(getservbyname)
{
    names_getservbyname = function;
    name_service_start();
    EXPECT_EQ(names_find_service(NULL), 0);
    EXPECT(names_is_service(function("test-alias", NULL)));
    EXPECT(function("test-service", "udp") == NULL);
    EXPECT(function("nothing", NULL) == NULL);
    names_check_waits("services", names_find_service);
}

ROW_CASE(getservbyport)
{
    names_getservbyport = function;
    name_service_start();
    EXPECT_EQ(names_find_port(NULL), 0);
    EXPECT(names_is_service(function(htons(4711), NULL)));
    EXPECT(function(htons(4711), "udp") == NULL);
    EXPECT(function(htons(4712), NULL) == NULL);
    names_check_waits("services", names_find_port);
}

ROW_CASE(getservbyname_r)
{
    struct servent *result = (void *)8;

    names_getservbyname_r = function;
    name_service_start();
    EXPECT_EQ(names_find_service_r(NULL), 0);
    NAMES_EXPECT_ERROR(function("nothing", NULL, &names_service, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function("test-service", NULL, &names_service, names_buffer, 8, &result),
                       ERANGE);
    names_check_waits("services", names_find_service_r);
}

ROW_CASE(getservbyport_r)
{
    struct servent *result = (void *)8;

    names_getservbyport_r = function;
    name_service_start();
    EXPECT_EQ(names_find_port_r(NULL), 0);
    NAMES_EXPECT_ERROR(function(htons(1), NULL, &names_service, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function(htons(4711), NULL, &names_service, names_buffer, 8, &result),
                       ERANGE);
    names_check_waits("services", names_find_port_r);
}

/* --- users ----------------------------------------------------------------------------------- */

static struct passwd names_user;

static int
names_is_user(const struct passwd *entry)
{
    if (entry == NULL)
        return 0;
    EXPECT(strcmp(entry->pw_name, "user") == 0);
    EXPECT(strcmp(entry->pw_gecos, "A User") == 0);
    EXPECT(strcmp(entry->pw_dir, "/home/user") == 0);
    EXPECT(strcmp(entry->pw_shell, "/bin/false") == 0);
    EXPECT_EQ(entry->pw_uid, 4711);
    EXPECT_EQ(entry->pw_gid, 4712);
    return 1;
}

static row_type_getpwnam names_getpwnam;
static row_type_getpwuid names_getpwuid;
static row_type_getpwnam_r names_getpwnam_r;
static row_type_getpwuid_r names_getpwuid_r;

static long
names_find_user(void *unused)
{
    (void)unused;
    return !names_is_user(names_getpwnam("user"));
}

static long
names_find_user_number(void *unused)
{
    (void)unused;
    return !names_is_user(names_getpwuid(4711));
}

static long
names_find_user_r(void *unused)
{
    struct passwd *result = (void *)8;
    int status = names_getpwnam_r("user", &names_user, names_buffer, sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_user(result);
}

static long
names_find_user_number_r(void *unused)
{
    struct passwd *result = (void *)8;
    int status = names_getpwuid_r(4711, &names_user, names_buffer, sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_user(result);
}

ROW_CASE(getpwnam)
{
    names_getpwnam = function;
    name_service_start();
    EXPECT_EQ(names_find_user(NULL), 0);
    EXPECT(function("nobody-here") == NULL);
    names_check_waits("passwd", names_find_user);
}

ROW_CASE(getpwuid)
{
    names_getpwuid = function;
    name_service_start();
    EXPECT_EQ(names_find_user_number(NULL), 0);
    EXPECT(function(4712) == NULL);
    EXPECT(strcmp(function(0)->pw_name, "root") == 0);
    names_check_waits("passwd", names_find_user_number);
}

ROW_CASE(getpwnam_r)
{
    struct passwd *result = (void *)8;

    names_getpwnam_r = function;
    name_service_start();
    EXPECT_EQ(names_find_user_r(NULL), 0);
    NAMES_EXPECT_ERROR(function("nobody-here", &names_user, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function("user", &names_user, names_buffer, 8, &result), ERANGE);
    names_check_waits("passwd", names_find_user_r);
}

ROW_CASE(getpwuid_r)
{
    struct passwd *result = (void *)8;

    names_getpwuid_r = function;
    name_service_start();
    EXPECT_EQ(names_find_user_number_r(NULL), 0);
    NAMES_EXPECT_ERROR(function(4712, &names_user, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function(4711, &names_user, names_buffer, 8, &result), ERANGE);
    names_check_waits("passwd", names_find_user_number_r);
}

/* --- groups ---------------------------------------------------------------------------------- */

static struct group names_group;

static int
names_is_group(const struct group *entry)
{
    if (entry == NULL)
        return 0;
    EXPECT(strcmp(entry->gr_name, "extra") == 0);
    EXPECT(strcmp(entry->gr_mem[1], "user") == 0);
    EXPECT(entry->gr_mem[2] == NULL);
    EXPECT_EQ(entry->gr_gid, 4713);
    return 1;
}

static row_type_getgrnam names_getgrnam;
static row_type_getgrgid names_getgrgid;
static row_type_getgrnam_r names_getgrnam_r;
static row_type_getgrgid_r names_getgrgid_r;
static row_type_getgrouplist names_getgrouplist;
static row_type_initgroups names_initgroups;

static long
names_find_group(void *unused)
{
    (void)unused;
    return !names_is_group(names_getgrnam("extra"));
}

static long
names_find_group_number(void *unused)
{
    (void)unused;
    return !names_is_group(names_getgrgid(4713));
}

static long
names_find_group_r(void *unused)
{
    struct group *result = (void *)8;
    int status =
        names_getgrnam_r("extra", &names_group, names_buffer, sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_group(result);
}

static long
names_find_group_number_r(void *unused)
{
    struct group *result = (void *)8;
    int status = names_getgrgid_r(4713, &names_group, names_buffer, sizeof(names_buffer), &result);

    (void)unused;
    return status != 0 ? status : !names_is_group(result);
}

ROW_CASE(getgrnam)
{
    names_getgrnam = function;
    name_service_start();
    EXPECT_EQ(names_find_group(NULL), 0);
    EXPECT(function("no-such-group") == NULL);
    names_check_waits("group", names_find_group);
}

ROW_CASE(getgrgid)
{
    names_getgrgid = function;
    name_service_start();
    EXPECT_EQ(names_find_group_number(NULL), 0);
    EXPECT(function(4711) == NULL);
    EXPECT(strcmp(function(4712)->gr_name, "users") == 0);
    names_check_waits("group", names_find_group_number);
}

ROW_CASE(getgrnam_r)
{
    struct group *result = (void *)8;

    names_getgrnam_r = function;
    name_service_start();
    EXPECT_EQ(names_find_group_r(NULL), 0);
    NAMES_EXPECT_ERROR(function("no-such", &names_group, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function("extra", &names_group, names_buffer, 8, &result), ERANGE);
    names_check_waits("group", names_find_group_r);
}

ROW_CASE(getgrgid_r)
{
    struct group *result = (void *)8;

    names_getgrgid_r = function;
    name_service_start();
    EXPECT_EQ(names_find_group_number_r(NULL), 0);
    NAMES_EXPECT_ERROR(function(4711, &names_group, names_buffer, 1024, &result), 0);
    NAMES_EXPECT_ERROR(function(4713, &names_group, names_buffer, 8, &result), ERANGE);
    names_check_waits("group", names_find_group_number_r);
}

/* --- the groups of a user -------------------------------------------------------------------- */

/* 0: those of /etc/group too. The given group alone if that cannot be read. */
static long
names_list_groups(void *unused)
{
    gid_t groups[8] = {0};
    int count = 8;
    int result = names_getgrouplist("user", 4712, groups, &count);

    (void)unused;
    EXPECT_EQ(result, count);
    EXPECT(count >= 1);
    EXPECT_EQ(groups[0], 4712);
    if (count == 1)
        return 1;
    EXPECT_EQ(count, 3);
    EXPECT_EQ(groups[1], 4713);
    EXPECT_EQ(groups[2], 4714);
    return 0;
}

ROW_CASE(getgrouplist)
{
    struct row_call call;
    gid_t groups[2] = {0, 99};
    int count = 1;

    names_getgrouplist = function;
    name_service_start();
    EXPECT_EQ(names_list_groups(NULL), 0);
    /* Too many: their number comes back, and as many as there is room for. */
    EXPECT_EQ(function("user", 4712, groups, &count), -1);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(groups[0], 4712);
    EXPECT_EQ(groups[1], 99);
    count = 2;
    EXPECT_EQ(function("nobody-here", 7, groups, &count), 1);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(groups[0], 7);
    call = name_service_stall("group", names_list_groups);
    EXPECT_EQ(row_release(&call).result, 1);
    EXPECT_EQ(row_interrupt(&call, SA_RESTART).handled, 1);
    EXPECT(!row_cancel(&call).cancelled);
}

static long
names_init_groups(void *unused)
{
    (void)unused;
    return names_initgroups("user", 4712);
}

ROW_CASE(initgroups)
{
    bool may = syscall(SYS_setgroups, 0, NULL) == 0;
    struct row_call call;
    gid_t groups[8];

    names_initgroups = function;
    name_service_start();
    if (may) {
        EXPECT_EQ(names_init_groups(NULL), 0);
        EXPECT_EQ(getgroups(8, groups), 3);
        EXPECT_EQ(groups[0], 4712);
        EXPECT_EQ(groups[1], 4713);
        EXPECT_EQ(groups[2], 4714);
    } else {
        EXPECT_FAILS(names_initgroups("user", 4712), EPERM);
    }
    call = name_service_stall("group", names_init_groups);
    EXPECT_EQ(row_release(&call).result, may ? 0 : -1);
    EXPECT_EQ(row_interrupt(&call, SA_RESTART).handled, 1);
    EXPECT(!row_cancel(&call).cancelled);
}
