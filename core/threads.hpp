// How many threads a kernel may use.
//
// The pool is OpenMP's, so OMP_NUM_THREADS and threadpoolctl govern it.  A forked child whose
// parent already ran a pool stays on one thread: GNU OpenMP would wait for threads that the
// child does not have.
//
// On a busy machine a thread may not get a processor for milliseconds, and the others wait for it
// at the end of every piece of work.  Such waits are noticed, and the work after them is done by
// one thread, for long enough that they cost little in all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#ifdef _OPENMP
#include <omp.h>
#include <unistd.h>
#endif

namespace somscape {

// Element operations, some 30 microseconds of them, that are worth waking a thread for.
constexpr double work_per_thread = 2.5e5;

// Nanoseconds of waiting for other threads, beyond the time that one's own part took, which say
// that a thread lacked a processor; and how many times as long one thread then works alone.
constexpr std::int64_t long_wait = 200'000, times_alone = 20;

inline std::int64_t now() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

inline std::atomic<std::int64_t>& alone_until() {
    static std::atomic<std::int64_t> time{0};
    return time;
}

inline void note_wait(std::int64_t started, std::int64_t own_end) {
    const std::int64_t end = now(), wait = (end - own_end) - (own_end - started);
    if (wait > long_wait) alone_until() = end + times_alone * wait;
}

#ifdef _OPENMP
// The process whose threads the pool has; 0 before there is a pool.
inline std::atomic<pid_t>& pool_owner() {
    static std::atomic<pid_t> owner{0};
    return owner;
}

// As many as there may be at all.
inline int most_threads() {
    if (omp_in_parallel()) return 1;
    pid_t owner = 0;
    const pid_t self = getpid();
    const bool is_first = pool_owner().compare_exchange_strong(owner, self);
    return is_first || owner == self ? omp_get_max_threads() : 1;
}

inline int thread_count(double work) {
    const double worth = work / work_per_thread;
    if (worth < 2) return 1;
    const int most = most_threads();
    if (most == 1 || now() < alone_until()) return 1;
    return worth < most ? int(worth) : most;
}

#else
inline int most_threads() { return 1; }
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
    const std::int64_t started = now();
    std::int64_t own_end = started;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static) nowait
        for (std::int64_t i = 0; i < n; ++i) act(i);
        if (omp_get_thread_num() == 0) own_end = now();
    }
    note_wait(started, own_end);
}

// act(i, number of the thread): whoever is free takes the next few.
template <class Act>
void share_as_free(int threads, std::int64_t n, std::int64_t at_once, Act act) {
    if (threads <= 1) {
        for (std::int64_t i = 0; i < n; ++i) act(i, 0);
        return;
    }
    const std::int64_t started = now();
    std::int64_t own_end = started;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic, at_once) nowait
        for (std::int64_t i = 0; i < n; ++i) act(i, omp_get_thread_num());
        if (omp_get_thread_num() == 0) own_end = now();
    }
    note_wait(started, own_end);
}

}  // namespace somscape
