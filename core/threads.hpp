// How many threads a kernel may use.
//
// The pool is OpenMP's, so OMP_NUM_THREADS and threadpoolctl govern it.  A forked child whose
// parent already ran a pool stays on one thread: GNU OpenMP would wait for threads that the
// child does not have.
#pragma once

#include <atomic>
#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#include <unistd.h>
#endif

namespace somscape {

// Element operations, some 30 microseconds of them, that are worth waking a thread for.
constexpr double work_per_thread = 2.5e5;

#ifdef _OPENMP
// The process whose threads the pool has; 0 before there is a pool.
inline std::atomic<pid_t>& pool_owner() {
    static std::atomic<pid_t> owner{0};
    return owner;
}

inline int thread_count(double work) {
    const double worth = work / work_per_thread;
    if (worth < 2 || omp_in_parallel()) return 1;
    pid_t owner = 0;
    const pid_t self = getpid();
    const bool is_first = pool_owner().compare_exchange_strong(owner, self);
    if (!is_first && owner != self) return 1;
    const int most = omp_get_max_threads();
    return worth < most ? int(worth) : most;
}

#else
inline int thread_count(double) { return 1; }
inline int omp_get_thread_num() { return 0; }
#endif

// act(0), act(1), ... act(n - 1), in equal parts.  One thread needs no team, which would cost
// about a microsecond to make.
template <class Act>
void share(int threads, std::int64_t n, Act act) {
    if (threads <= 1) {
        for (std::int64_t i = 0; i < n; ++i) act(i);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t i = 0; i < n; ++i) act(i);
}

// act(i, number of the thread): whoever is free takes the next few.
template <class Act>
void share_as_free(int threads, std::int64_t n, std::int64_t at_once, Act act) {
    if (threads <= 1) {
        for (std::int64_t i = 0; i < n; ++i) act(i, 0);
        return;
    }
#pragma omp parallel for schedule(dynamic, at_once) num_threads(threads)
    for (std::int64_t i = 0; i < n; ++i) act(i, omp_get_thread_num());
}

}  // namespace somscape
