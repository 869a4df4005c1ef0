/*
 * What C++20 waits with, each in a function of its own. Prints what each gave; waits three times in
 * each, so that one of them does wait on a machine as busy as you like.
 */
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>
#include <thread>

#include <unistd.h>

#define NOT_INLINE __attribute__((noinline))

namespace
{

constexpr int rounds = 3;

/* Long enough for another thread to begin its wait. */
void
hold()
{
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

/* Atomics spin and yield before they sleep: for long, on a busy machine. */
bool
is_asleep(pid_t thread)
{
    std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;

    std::getline(stat, line);
    return line.find(") S ") != std::string::npos;
}

/* Calls `release` in another thread once this one waits in `wait`. */
void
wait_while(const std::function<void()> &release, const std::function<void()> &wait)
{
    const pid_t waiter = gettid();
    std::latch ready(1);
    std::jthread releaser([&] {
        ready.wait();
        do {
            hold();
        } while (!is_asleep(waiter));
        release();
    });

    ready.count_down();
    wait();
}

NOT_INLINE void
wait_for_atomic(std::atomic<int> &value)
{
    value.wait(0);
}

NOT_INLINE void
wait_for_wide_atomic(std::atomic<long> &value)
{
    value.wait(0);
}

NOT_INLINE void
wait_for_semaphore(std::counting_semaphore<> &semaphore)
{
    semaphore.acquire();
}

NOT_INLINE bool
wait_for_semaphore_until(std::counting_semaphore<> &semaphore)
{
    return semaphore.try_acquire_for(std::chrono::milliseconds(50));
}

NOT_INLINE void
wait_for_latch(std::latch &latch)
{
    latch.wait();
}

NOT_INLINE void
wait_for_barrier(std::barrier<> &barrier)
{
    barrier.arrive_and_wait();
}

NOT_INLINE int
wait_for_future(std::future<int> &future)
{
    return future.get();
}

NOT_INLINE void
wait_for_condition(std::condition_variable &condition, std::mutex &mutex, const bool &done)
{
    std::unique_lock lock(mutex);

    condition.wait(lock, [&] { return done; });
}

NOT_INLINE void
wait_for_join(std::jthread &thread)
{
    thread.join();
}

NOT_INLINE void
initialize_once(std::once_flag &once, const std::function<void()> &initialize)
{
    std::call_once(once, initialize);
}

NOT_INLINE void
wait_for_mutex(std::mutex &mutex)
{
    std::lock_guard lock(mutex);
}

NOT_INLINE void
wait_to_read(std::shared_mutex &mutex)
{
    std::shared_lock lock(mutex);
}

NOT_INLINE void
wait_for_static()
{
    static const bool initialized = [] {
        hold();
        hold();
        return true;
    }();

    (void)initialized;
}

/* Who makes others wait for a mutex. */
NOT_INLINE void
keep_mutex(std::mutex &mutex, const std::function<void()> &locked)
{
    mutex.lock();
    locked();
    hold();
    mutex.unlock();
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

void
try_atomics()
{
    std::atomic<int> value(0);
    std::atomic<long> wide(0);

    wait_while(
        [&] {
            value = 1;
            value.notify_one();
        },
        [&] { wait_for_atomic(value); });
    wait_while(
        [&] {
            wide = 2;
            wide.notify_all();
        },
        [&] { wait_for_wide_atomic(wide); });
    std::printf("atomic %d %ld\n", value.load(), wide.load());
}

void
try_semaphore()
{
    std::counting_semaphore<> semaphore(0);

    wait_while([&] { semaphore.release(); }, [&] { wait_for_semaphore(semaphore); });
    std::printf("semaphore, then %s\n",
                wait_for_semaphore_until(semaphore) ? "acquired" : "timed out");
}

void
try_latch_and_barrier()
{
    std::latch latch(1);
    std::barrier barrier(2);

    wait_while([&] { latch.count_down(); }, [&] { wait_for_latch(latch); });
    wait_while([&] { barrier.arrive_and_wait(); }, [&] { wait_for_barrier(barrier); });
    std::printf("latch %s, barrier\n", latch.try_wait() ? "open" : "closed");
}

void
try_future()
{
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    std::future<int> asynchronous = std::async(std::launch::async, [] {
        hold();
        return 5;
    });
    int value = 0;

    wait_while([&] { promise.set_value(4); }, [&] { value = wait_for_future(future); });
    std::printf("future %d, async %d\n", value, wait_for_future(asynchronous));
}

void
try_condition()
{
    std::mutex mutex;
    std::condition_variable condition;
    bool done = false;

    wait_while(
        [&] {
            std::lock_guard lock(mutex);

            done = true;
            condition.notify_one();
        },
        [&] { wait_for_condition(condition, mutex, done); });
    std::printf("condition %d\n", done);
}

void
try_join()
{
    bool stopped = false;
    std::jthread thread([&](const std::stop_token &stop) {
        hold();
        stopped = stop.stop_requested();
    });

    thread.request_stop();
    wait_for_join(thread);
    std::printf("jthread %s\n", stopped ? "stopped" : "not stopped");
}

void
try_once()
{
    std::once_flag once;
    std::latch begun(2);
    int calls = 0;
    std::jthread first([&] {
        initialize_once(once, [&] {
            begun.arrive_and_wait();
            hold();
            calls++;
        });
    });

    begun.arrive_and_wait();
    initialize_once(once, [&] { calls++; });
    std::printf("once %d\n", calls);
}

void
try_locks()
{
    std::mutex mutex;
    std::shared_mutex shared;
    std::latch locked(2);
    std::latch shared_locked(2);
    std::jthread holder([&] { keep_mutex(mutex, [&] { locked.arrive_and_wait(); }); });

    locked.arrive_and_wait();
    wait_for_mutex(mutex);

    std::jthread writer([&] {
        std::lock_guard lock(shared);

        shared_locked.arrive_and_wait();
        hold();
    });

    shared_locked.arrive_and_wait();
    wait_to_read(shared);
    std::printf("locks\n");
}

} // namespace

int
main()
{
    for (int round = 0; round < rounds; round++) {
        try_atomics();
        try_semaphore();
        try_latch_and_barrier();
        try_future();
        try_condition();
        try_join();
        try_once();
        try_locks();
    }

    std::jthread other(wait_for_static);

    wait_for_static();
    other.join();
    std::printf("static\n");
    return 3;
}
