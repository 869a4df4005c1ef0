/* The names that only old binaries are bound to: they must be wrapped, and must work on the same
 * objects as the names of today. Bound here as an old binary is, and found by dlvsym too. */
#include "expect.h"

typedef int mutex_function(pthread_mutex_t *);
typedef int rwlock_function(pthread_rwlock_t *);

/* X(type, name without the underscores, wrapped): the try forms never wait and are not wrapped. */
#define OLD_NAMES(X)                                                                               \
    X(mutex_function, pthread_mutex_lock, true)                                                    \
    X(mutex_function, pthread_mutex_trylock, false)                                                \
    X(mutex_function, pthread_mutex_unlock, true)                                                  \
    X(rwlock_function, pthread_rwlock_rdlock, true)                                                \
    X(rwlock_function, pthread_rwlock_tryrdlock, false)                                            \
    X(rwlock_function, pthread_rwlock_wrlock, true)                                                \
    X(rwlock_function, pthread_rwlock_trywrlock, false)                                            \
    X(rwlock_function, pthread_rwlock_unlock, true)

#define DECLARE_OLD(type, name, wrapped)                                                           \
    type old_##name;                                                                               \
    __asm__(".symver old_" #name ",__" #name "@GLIBC_2.2.5");
OLD_NAMES(DECLARE_OLD)

static void *
libc_version_of(const char *name, const char *version)
{
    return dlvsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), name, version);
}

static void
old_names_are_wrapped_where_they_can_wait(void)
{
#define EXPECT_WRAPPED(type, name, wrapped)                                                        \
    if (wrapped && expect_is_preloaded())                                                          \
        EXPECT((void *)old_##name != libc_version_of("__" #name, "GLIBC_2.2.5"));
    OLD_NAMES(EXPECT_WRAPPED)
}

/* What a program finds that asks for the old name at run time: libc's or ours, it must work. */
static void *
found_at_run_time(const char *name)
{
    void *function = dlvsym(RTLD_DEFAULT, name, "GLIBC_2.2.5");

    if (function == NULL)
        expect_fail(__FILE__, __LINE__, "no %s@GLIBC_2.2.5", name);
    return function;
}

static int
lock_by_old_name_and_unlock(void *mutex)
{
    EXPECT_RETURNS(old_pthread_mutex_lock(mutex), 0);
    EXPECT_RETURNS(old_pthread_mutex_unlock(mutex), 0);
    return 0;
}

static void
old_mutex_names_work_on_new_mutexes(struct actor *other)
{
    mutex_function *lock = (mutex_function *)found_at_run_time("__pthread_mutex_lock");
    mutex_function *trylock = (mutex_function *)found_at_run_time("__pthread_mutex_trylock");
    mutex_function *unlock = (mutex_function *)found_at_run_time("__pthread_mutex_unlock");
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

    for (int i = 0; i < 100; i++) {
        EXPECT_RETURNS(lock(&mutex), 0);
        EXPECT_RETURNS(lock(&mutex), EDEADLK);
        EXPECT_RETURNS(trylock(&mutex), EBUSY);
        actor_begin(other, lock_by_old_name_and_unlock, &mutex);
        if (i < 10)
            expect_blocked_in(other->tid, SYS_futex);
        EXPECT_RETURNS(pthread_mutex_unlock(&mutex), 0);
        EXPECT_EQ(actor_end(other), 0);
        EXPECT_RETURNS(unlock(&mutex), EPERM);
        EXPECT_RETURNS(trylock(&mutex), 0);
        EXPECT_RETURNS(unlock(&mutex), 0);
    }
}

static int
write_lock_by_old_name_and_unlock(void *lock)
{
    EXPECT_RETURNS(old_pthread_rwlock_wrlock(lock), 0);
    EXPECT_RETURNS(old_pthread_rwlock_unlock(lock), 0);
    return 0;
}

static void
old_rwlock_names_work_on_new_rwlocks(struct actor *other)
{
    rwlock_function *read = (rwlock_function *)found_at_run_time("__pthread_rwlock_rdlock");
    rwlock_function *try_read = (rwlock_function *)found_at_run_time("__pthread_rwlock_tryrdlock");
    rwlock_function *write = (rwlock_function *)found_at_run_time("__pthread_rwlock_wrlock");
    rwlock_function *try_write = (rwlock_function *)found_at_run_time("__pthread_rwlock_trywrlock");
    rwlock_function *unlock = (rwlock_function *)found_at_run_time("__pthread_rwlock_unlock");
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

    EXPECT_RETURNS(write(&lock), 0);
    EXPECT_RETURNS(write(&lock), EDEADLK);
    EXPECT_RETURNS(read(&lock), EDEADLK);
    EXPECT_RETURNS(try_read(&lock), EBUSY);
    EXPECT_RETURNS(try_write(&lock), EBUSY);
    EXPECT_RETURNS(unlock(&lock), 0);
    EXPECT_RETURNS(read(&lock), 0);
    EXPECT_RETURNS(try_read(&lock), 0);
    EXPECT_RETURNS(unlock(&lock), 0);
    actor_begin(other, write_lock_by_old_name_and_unlock, &lock);
    expect_blocked_in(other->tid, SYS_futex);
    EXPECT_RETURNS(unlock(&lock), 0);
    EXPECT_EQ(actor_end(other), 0);
    EXPECT_RETURNS(try_write(&lock), 0);
    EXPECT_RETURNS(pthread_rwlock_unlock(&lock), 0);
}

/* Each condition function of today exists under two versions, which must not be mixed. */
static void
both_versions_of_conditions_are_wrapped(void)
{
    static const char *const names[] = {"pthread_cond_wait", "pthread_cond_timedwait",
                                        "pthread_cond_signal", "pthread_cond_broadcast"};
    static const char *const versions[] = {"GLIBC_2.2.5", "GLIBC_2.3.2"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        void *found[2];

        for (size_t j = 0; j < 2; j++) {
            found[j] = dlvsym(RTLD_DEFAULT, names[i], versions[j]);
            if (expect_is_preloaded())
                EXPECT(found[j] != libc_version_of(names[i], versions[j]));
        }
        EXPECT(found[0] != NULL && found[1] != NULL && found[0] != found[1]);
    }
}

int
main(void)
{
    struct actor other;

    actor_start(&other);
    old_mutex_names_work_on_new_mutexes(&other);
    old_rwlock_names_work_on_new_rwlocks(&other);
    actor_stop(&other);
    old_names_are_wrapped_where_they_can_wait();
    both_versions_of_conditions_are_wrapped();
    return 0;
}
