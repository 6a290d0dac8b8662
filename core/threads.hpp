// How many threads a kernel may use.
//
// The pool is OpenMP's, so OMP_NUM_THREADS and threadpoolctl govern it.  A forked child whose
// parent already ran a pool stays on one thread: GNU OpenMP would wait for threads that the
// child does not have.
#pragma once

#include <atomic>

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

inline int thread_number() { return omp_get_thread_num(); }
#else
inline int thread_count(double) { return 1; }
inline int thread_number() { return 0; }
#endif

}  // namespace somscape
