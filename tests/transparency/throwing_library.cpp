// Loaded by a C program: it throws and catches, through the program's C frames as well.
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

extern "C" int throwing_run(int rounds, int (*through_c)(int (*callback)(void *), void *));

namespace
{

std::mutex mutex;

int
throw_with_the_lock_held(void *argument)
{
    std::lock_guard<std::mutex> guard(mutex);
    throw std::runtime_error(*static_cast<int *>(argument) % 2 ? "odd" : "even");
}

} // namespace

// Returns how many exceptions arrived where they should.
int
throwing_run(int rounds, int (*through_c)(int (*callback)(void *), void *))
{
    int caught = 0;
    auto work = [&] {
        for (int i = 0; i < rounds; i++) {
            try {
                through_c(throw_with_the_lock_held, &i);
            } catch (const std::runtime_error &) {
                std::lock_guard<std::mutex> guard(mutex);
                caught++;
            }
        }
    };
    std::thread other(work);
    work();
    other.join();
    return caught;
}
