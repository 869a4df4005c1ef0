// The C++ library's locks and conditions, exceptions and cancellation through them, and
// thread_local destructors that lock.
#include "expect.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace
{

template <typename Mutex>
void
threads_exclude_each_other()
{
    Mutex mutex;
    long sum = 0;
    std::vector<std::thread> threads;

    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 2000; j++) {
                std::lock_guard<Mutex> guard(mutex);
                long old = sum;
                if (j % 100 == 0)
                    std::this_thread::yield();
                sum = old + 1;
            }
        });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(sum, 8000);
}

template <typename Mutex>
void
timed_tries_time_out_and_succeed()
{
    Mutex mutex;
    std::unique_lock<Mutex> held(mutex);
    std::thread([&] {
        auto start = std::chrono::steady_clock::now();
        EXPECT(!mutex.try_lock_for(12ms));
        EXPECT(std::chrono::steady_clock::now() - start >= 12ms);
        EXPECT(!mutex.try_lock_until(std::chrono::system_clock::now() + 5ms));
        EXPECT(!mutex.try_lock_until(std::chrono::steady_clock::now() - 1s));
        EXPECT(!mutex.try_lock());
    }).join();
    std::thread waiter([&] {
        EXPECT(mutex.try_lock_for(20s));
        mutex.unlock();
    });
    std::this_thread::sleep_for(5ms);
    held.unlock();
    waiter.join();
}

template <typename Mutex>
void
readers_share_and_writers_do_not()
{
    Mutex mutex;
    long value = 0;
    std::vector<std::thread> threads;

    for (int i = 0; i < 2; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 1000; j++) {
                std::unique_lock<Mutex> write(mutex);
                value++;
                value++;
            }
        });
    for (int i = 0; i < 3; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 1000; j++) {
                std::shared_lock<Mutex> read(mutex);
                EXPECT(value % 2 == 0);
            }
        });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(value, 4000);
}

void
shared_timed_tries_time_out()
{
    std::shared_timed_mutex mutex;
    std::unique_lock<std::shared_timed_mutex> held(mutex);
    std::thread([&] {
        EXPECT(!mutex.try_lock_shared_for(12ms));
        EXPECT(!mutex.try_lock_for(5ms));
        EXPECT(!mutex.try_lock_shared_until(std::chrono::system_clock::now() + 5ms));
    }).join();
}

// A second lock by the same thread would deadlock: the library throws what libc answered.
void
a_deadlock_is_thrown()
{
    std::shared_timed_mutex mutex;
    bool thrown = false;

    mutex.lock();
    try {
        mutex.lock();
    } catch (const std::system_error &error) {
        thrown = error.code() == std::errc::resource_deadlock_would_occur;
    }
    mutex.unlock();
    EXPECT(thrown);
}

template <typename Condition, typename Mutex>
void
a_queue_hands_over_everything()
{
    Mutex mutex;
    Condition ready;
    std::vector<int> queue;
    long sum = 0;

    std::thread consumer([&] {
        for (int i = 0; i < 2000; i++) {
            std::unique_lock<Mutex> lock(mutex);
            if (i % 2)
                ready.wait(lock, [&] { return !queue.empty(); });
            else
                EXPECT(ready.wait_for(lock, 20s, [&] { return !queue.empty(); }));
            sum += queue.back();
            queue.pop_back();
        }
    });
    for (int i = 0; i < 2000; i++) {
        std::lock_guard<Mutex> lock(mutex);
        queue.push_back(i);
        ready.notify_one();
    }
    consumer.join();
    EXPECT_EQ(sum, 1999L * 2000 / 2);
    std::unique_lock<Mutex> lock(mutex);
    EXPECT(ready.wait_for(lock, 12ms) == std::cv_status::timeout);
    EXPECT(ready.wait_until(lock, std::chrono::system_clock::now()) == std::cv_status::timeout);
}

void
exceptions_pass_through_held_locks()
{
    std::mutex mutex;
    int caught = 0;
    std::vector<std::thread> threads;

    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 500; j++) {
                try {
                    std::lock_guard<std::mutex> guard(mutex);
                    throw std::runtime_error("held");
                } catch (const std::runtime_error &) {
                    std::lock_guard<std::mutex> guard(mutex);
                    caught++;
                }
            }
        });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(caught, 2000);
}

std::mutex cancel_mutex;
std::condition_variable cancel_condition;
std::atomic<int> cancel_tid;
std::atomic<int> destroyed;

struct Destroyed {
    ~Destroyed()
    {
        destroyed++;
    }
};

void *
wait_for_ever(void *)
{
    Destroyed outer;
    std::unique_lock<std::mutex> lock(cancel_mutex);
    Destroyed inner;
    cancel_tid = expect_tid();
    for (;;)
        cancel_condition.wait(lock);
}

void *
read_for_ever(void *fd)
{
    Destroyed outer;
    char byte;
    cancel_tid = expect_tid();
    EXPECT_EQ(read(*static_cast<int *>(fd), &byte, 1), -1);
    return nullptr;
}

void
cancellation_runs_destructors(void *(*body)(void *), void *argument, long system_call, int expected)
{
    destroyed = 0;
    cancel_tid = 0;
    pthread_t thread = expect_thread(body, argument);
    while (cancel_tid == 0)
        expect_pause_ms(1);
    expect_blocked_in(cancel_tid, system_call);
    EXPECT_EQ(pthread_cancel(thread), 0);
    EXPECT(expect_join(thread) == PTHREAD_CANCELED);
    EXPECT_EQ(destroyed.load(), expected);
    EXPECT(cancel_mutex.try_lock());
    cancel_mutex.unlock();
}

std::mutex farewell_mutex;
int farewells;

struct Farewell {
    bool used = false;
    ~Farewell()
    {
        std::lock_guard<std::mutex> guard(farewell_mutex);
        std::this_thread::sleep_for(200us);
        farewells++;
    }
};
thread_local Farewell farewell;

void
thread_local_destructors_may_lock()
{
    std::vector<std::thread> threads;

    for (int i = 0; i < 16; i++)
        threads.emplace_back([] { farewell.used = true; });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(farewells, 16);
}

} // namespace

int
main()
{
    int fds[2];

    threads_exclude_each_other<std::mutex>();
    threads_exclude_each_other<std::recursive_mutex>();
    threads_exclude_each_other<std::timed_mutex>();
    threads_exclude_each_other<std::recursive_timed_mutex>();
    threads_exclude_each_other<std::shared_mutex>();
    threads_exclude_each_other<std::shared_timed_mutex>();
    timed_tries_time_out_and_succeed<std::timed_mutex>();
    timed_tries_time_out_and_succeed<std::recursive_timed_mutex>();
    timed_tries_time_out_and_succeed<std::shared_timed_mutex>();
    readers_share_and_writers_do_not<std::shared_mutex>();
    readers_share_and_writers_do_not<std::shared_timed_mutex>();
    shared_timed_tries_time_out();
    a_deadlock_is_thrown();
    a_queue_hands_over_everything<std::condition_variable, std::mutex>();
    a_queue_hands_over_everything<std::condition_variable_any, std::timed_mutex>();
    a_queue_hands_over_everything<std::condition_variable_any, std::shared_mutex>();
    exceptions_pass_through_held_locks();
    EXPECT_EQ(pipe(fds), 0);
    cancellation_runs_destructors(wait_for_ever, nullptr, SYS_futex, 2);
    cancellation_runs_destructors(read_for_ever, &fds[0], SYS_read, 1);
    thread_local_destructors_may_lock();
    return 0;
}
