// Threads that help a kernel, and how many there may be.
//
// Work is cut into pieces, which whoever is free takes from a counter.  The caller takes pieces,
// too, until none is left, and then waits only for helpers that are still at one.  So it never
// waits for a thread that the system does not let run, and one that comes late finds nothing to
// do.  Helpers without work soon sleep: the processor is free for others.
//
// OpenMP, where there is one, is asked how many threads there may be, and for nothing else: so
// OMP_NUM_THREADS and threadpoolctl govern it.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace somscape {

// Element operations, some 30 microseconds of them, that are worth waking a thread for.
constexpr double work_per_thread = 2.5e5;

// How long to look for a change before sleeping, which takes a while to end.  Small maps train 4 %
// slower on two free cores with a quarter of it, 12 % with a tenth.
constexpr std::chrono::microseconds patience{200};

// Of work in equal parts: the last to finish is late by one piece at most.
constexpr std::int64_t pieces_per_thread = 8;

class Pool {
public:
    // The pool of this process.  A forked child has none of its parent's threads, so it gets a pool
    // of its own.  None is ever destroyed, since helpers sleep in it until the process ends.
    static Pool& here() {
        static std::atomic<Pool*> latest{nullptr};
        Pool* found = latest;
        if (found && found->process == getpid()) return *found;
        Pool* made = new Pool;
        if (latest.compare_exchange_strong(found, made)) return *made;
        delete made;  // another thread was first
        return *found;
    }

    // work(0) here, and meanwhile work(1), work(2) ... up to work(threads - 1) on helpers that come
    // in time.  Each call must go on until nothing is left to do.  What one of them throws is
    // thrown here when all have ended.
    void run(int threads, const std::function<void(int)>& work) {
        Job job{work, threads};
        {
            const std::lock_guard lock(mutex);
            jobs.push_back(&job);
            ++n_open;
            ++n_running;
            hire(threads - 1);
        }
        for (int i = 1; i < threads; ++i) wake.notify_one();
        const std::exception_ptr error = error_of(job, 0);
        std::unique_lock lock(mutex);
        leave(job, error);
        if (!jobs.empty()) wake.notify_one();  // this thread makes room for a helper of another's
        const auto is_left = [&] { return job.n_helpers == 0; };
        wait(lock, job.is_left, is_left, is_left);
        if (job.error) std::rethrow_exception(job.error);
    }

private:
    struct Job {
        const std::function<void(int)>& work;
        const int threads;
        int n_entered = 1;
        std::atomic<int> n_helpers{0};
        std::condition_variable is_left{};
        std::exception_ptr error{};
    };

    // The system may refuse some.
    void hire(int wanted) {
        try {
            for (; n_hired < wanted; ++n_hired) std::thread([this] { help(); }).detach();
        } catch (const std::system_error&) {}
    }

    void help() {
        std::unique_lock lock(mutex);
        for (;;) {
            Job* job = nullptr;
            const auto may_be_open = [&] {
                std::this_thread::yield();  // or looking uses up a quota: up to 30 % slower
                return n_open > 0;
            };
            wait(lock, wake, may_be_open, [&] { return (job = job_with_room()) != nullptr; });
            const int number = job->n_entered++;
            ++job->n_helpers;
            ++n_running;
            lock.unlock();
            const std::exception_ptr error = error_of(*job, number);
            lock.lock();
            leave(*job, error);
            if (--job->n_helpers == 0) job->is_left.notify_one();  // and the job is gone
        }
    }

    // Until `is_so`; `may_be` says without the lock whether that is worth a look.
    template <class Hint, class Claim>
    static void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& signal,
                     Hint may_be, Claim is_so) {
        if (is_so()) return;
        lock.unlock();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!may_be() && std::chrono::steady_clock::now() < end) {}
        lock.lock();
        signal.wait(lock, is_so);
    }

    // Callers count as well: many that call at once need no helpers.
    Job* job_with_room() const {
        for (Job* job : jobs)
            if (job->n_entered < job->threads && n_running < job->threads) return job;
        return nullptr;
    }

    static std::exception_ptr error_of(const Job& job, int number) {
        try {
            job.work(number);
            return nullptr;
        } catch (...) {
            return std::current_exception();
        }
    }

    // Whoever leaves a job has found nothing left to do: no more helpers need to come.
    void leave(Job& job, const std::exception_ptr& error) {
        if (error) job.error = error;
        n_open -= int(std::erase(jobs, &job));
        --n_running;
    }

    const pid_t process = getpid();
    std::mutex mutex;  // of all below, and of the jobs
    std::condition_variable wake;
    std::vector<Job*> jobs;
    std::atomic<int> n_open{0};  // jobs.size(), for those without the lock
    int n_hired = 0, n_running = 0;
};

// How many processors a quota of their time leaves to the process (kernels/_core_face.py).
inline std::atomic<int>& processors_allowed() {
    static std::atomic<int> number{std::numeric_limits<int>::max()};
    return number;
}

// As many as there may be at all: as the user says, else a thread for each processor.
inline int max_threads() {
#ifdef _OPENMP
    const int asked = omp_get_max_threads(), processors = omp_get_num_procs();
#else
    const int processors = std::max(1, int(std::thread::hardware_concurrency()));
    const char* variable = std::getenv("OMP_NUM_THREADS");
    const int number = variable ? std::atoi(variable) : 0, asked = number > 0 ? number : processors;
#endif
    return asked == processors ? std::min(asked, processors_allowed().load()) : asked;
}

inline int thread_count(double work) {
    const double worth = work / work_per_thread;
    if (worth < 2) return 1;
    const int most = max_threads();
    return worth < most ? int(worth) : most;
}

// act(i, number of the thread) for each i from 0 to n - 1: whoever is free takes the next few.
template <class Act>
void share_as_free(int threads, std::int64_t n, std::int64_t at_once, Act act) {
    if (threads <= 1 || n <= at_once) {
        for (std::int64_t i = 0; i < n; ++i) act(i, 0);
        return;
    }
    std::atomic<std::int64_t> next{0};
    Pool::here().run(threads, [&](int thread) {
        for (std::int64_t i; (i = next.fetch_add(at_once, std::memory_order_relaxed)) < n;)
            for (const std::int64_t end = std::min(i + at_once, n); i < end; ++i) act(i, thread);
    });
}

// act(i), by whatever thread.
template <class Act>
void share(int threads, std::int64_t n, Act act) {
    const std::int64_t at_once = n / (pieces_per_thread * std::max(threads, 1));
    share_as_free(threads, n, std::max<std::int64_t>(1, at_once),
                  [&](std::int64_t i, int) { act(i); });
}

}  // namespace somscape
