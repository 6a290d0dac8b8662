// The pool of core/threads.hpp under ThreadSanitizer (make sanitize): every piece is done once, by
// many callers at once, with errors and with work inside of work.
#include "../core/threads.hpp"

#include <cstdio>
#include <stdexcept>

using namespace somscape;

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

void share_some(int threads, std::int64_t n) {
    std::vector<std::int64_t> done(n), done_by(threads);  // by each thread, so none needs a lock
    share_as_free(threads, n, 3, [&](std::int64_t i, int thread) {
        ++done[i];
        ++done_by[thread];
    });
    share(threads, n, [&](std::int64_t i) { ++done[i]; });
    std::int64_t total = 0;
    for (std::int64_t here : done_by) total += here;
    require(total == n, "each thread has a number of its own");
    for (std::int64_t times : done) require(times == 2, "every piece is done once");
}

bool reaches_the_caller(std::int64_t at) {
    try {
        share(4, 100, [&](std::int64_t i) {
            if (i == at) throw std::runtime_error("wanted");
        });
    } catch (const std::runtime_error&) {
        return true;
    }
    return false;
}

}  // namespace

int main() {
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c)
        callers.emplace_back([] {
            for (int k = 0; k < 1000; ++k) share_some(1 + k % 8, 1 + k * 7 % 300);
        });
    for (std::thread& caller : callers) caller.join();
    for (int at = 0; at < 100; ++at) require(reaches_the_caller(at), "an error reaches the caller");
    share(4, 8, [](std::int64_t) { share_some(4, 50); });
    std::puts("threads: every piece once, every error caught");
}
