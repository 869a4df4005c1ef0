/* Destroy right after unlock: whoever drops the last reference unmaps the object at once, while the
 * other thread may still be inside of its unlock. A later touch of the object is a fault. */
#include "expect.h"

#include <sched.h>
#include <sys/mman.h>

#define ROUNDS 8000

/* Alone in its page. */
struct object {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    pthread_cond_t cond;
    int references;
    bool woken;
};

typedef void use_function(struct object *object, bool first);

static _Atomic(struct object *) handed_over;
static _Atomic(use_function *) use;

static void
spin_ns(int64_t duration_ns)
{
    int64_t until = expect_now_ns(CLOCK_MONOTONIC) + duration_ns;

    while (expect_now_ns(CLOCK_MONOTONIC) < until)
        continue;
}

static struct object *
new_object(void)
{
    struct object *object =
        mmap(NULL, sizeof(*object), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(object != MAP_FAILED);
    EXPECT_EQ(pthread_mutex_init(&object->mutex, NULL), 0);
    EXPECT_EQ(pthread_rwlock_init(&object->rwlock, NULL), 0);
    EXPECT_EQ(pthread_cond_init(&object->cond, NULL), 0);
    object->references = 2;
    return object;
}

static void
unmap_if(bool last, struct object *object)
{
    if (last)
        munmap(object, sizeof(*object));
}

static void
drop_under_mutex(struct object *object, bool first)
{
    EXPECT_RETURNS(pthread_mutex_lock(&object->mutex), 0);
    if (first)
        spin_ns(20000);
    bool last = --object->references == 0;
    EXPECT_RETURNS(pthread_mutex_unlock(&object->mutex), 0);
    unmap_if(last, object);
}

static void
drop_under_rwlock(struct object *object, bool first)
{
    EXPECT_RETURNS(pthread_rwlock_wrlock(&object->rwlock), 0);
    if (first)
        spin_ns(20000);
    bool last = --object->references == 0;
    EXPECT_RETURNS(pthread_rwlock_unlock(&object->rwlock), 0);
    unmap_if(last, object);
}

static void
drop_by_timedlock(struct object *object, bool first)
{
    struct timespec deadline = expect_deadline(CLOCK_REALTIME, 20000);

    EXPECT_RETURNS(pthread_mutex_timedlock(&object->mutex, &deadline), 0);
    if (first)
        spin_ns(100000);
    bool last = --object->references == 0;
    EXPECT_RETURNS(pthread_mutex_unlock(&object->mutex), 0);
    unmap_if(last, object);
}

/* The waiter owns the object: it destroys it when the wake-up came, and the waker's unlock was the
 * waker's last touch. */
static void
wake_the_destroyer(struct object *object, bool first)
{
    EXPECT_RETURNS(pthread_mutex_lock(&object->mutex), 0);
    if (first) {
        object->woken = true;
        EXPECT_RETURNS(pthread_cond_broadcast(&object->cond), 0);
        EXPECT_RETURNS(pthread_mutex_unlock(&object->mutex), 0);
        return;
    }
    while (!object->woken)
        EXPECT_RETURNS(pthread_cond_wait(&object->cond, &object->mutex), 0);
    EXPECT_RETURNS(pthread_mutex_unlock(&object->mutex), 0);
    EXPECT_RETURNS(pthread_cond_destroy(&object->cond), 0);
    EXPECT_RETURNS(pthread_mutex_destroy(&object->mutex), 0);
    munmap(object, sizeof(*object));
}

static void *
partner(void *unused)
{
    for (;;) {
        struct object *object = atomic_exchange(&handed_over, NULL);

        if (object == (void *)&handed_over)
            return unused;
        if (object != NULL)
            use(object, false);
        else
            sched_yield();
    }
}

int
main(void)
{
    use_function *const uses[] = {drop_under_mutex, drop_under_rwlock, drop_by_timedlock,
                                  wake_the_destroyer};
    pthread_t thread = expect_thread(partner, NULL);

    for (int i = 0; i < ROUNDS; i++) {
        struct object *object = new_object();

        use = uses[i % 4];
        handed_over = object;
        use(object, true);
        while (handed_over != NULL)
            sched_yield();
    }
    handed_over = (void *)&handed_over;
    expect_join(thread);
    return 0;
}
