#include "unwind/workloads.h"

#include <algorithm>
#include <iomanip>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

static volatile int sink;

extern "C" void
workload_cxx_sort(void)
{
    std::vector<std::string> words;
    for (int i = 0; i < 24; i++)
        words.push_back(std::to_string((i * 7919) % 101));
    std::sort(words.begin(), words.end(),
              [](const std::string &left, const std::string &right) { return left > right; });
    std::map<std::string, int> index;
    for (const auto &word : words)
        index[word]++;
    sink = static_cast<int>(index.size());
}

extern "C" void
workload_cxx_streams(void)
{
    std::ostringstream stream;
    stream << "value " << 42 << ' ' << std::setprecision(4) << 3.14159 << std::hex << 255;
    std::istringstream input("12 13.5 word");
    int number = 0;
    double real = 0;
    input >> number >> real;
    sink = number + static_cast<int>(stream.str().size());
}

namespace
{
struct Guard {
    ~Guard()
    {
        sink = sink + 1;
    }
};

[[gnu::noinline]] void
thrower(int depth)
{
    Guard guard;
    if (depth == 0)
        throw std::runtime_error("thrown for the test");
    thrower(depth - 1);
}
} // namespace

extern "C" void
workload_cxx_exceptions(void)
{
    try {
        thrower(3);
    } catch (const std::exception &caught) {
        sink = static_cast<int>(std::string(caught.what()).size());
    }
}
