// The nearest units of a row, once few are left: all are judged (exact.hpp).  Where scores leave many,
// differences narrow them down first (differences.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>

#include "differences.hpp"
#include "exact.hpp"
#include "kernels.hpp"

namespace somscape::SOMSCAPE_ISA {

template <class T>
class Decisions {
public:
    Decisions(const SearchInput<T>& in,
              std::int64_t* units,  // OUT (n, k)
              double* distances)    // OUT (n, k), or null
        : in(in), units(units), distances(distances), judge(in) {}

    // Of one thread.
    struct Work {
        std::unique_ptr<typename Differences<T>::Work> differences;  // where they are needed
        std::int64_t n_narrowed = 0;
    };

    // The nearest unit is this one.
    void settle(std::int64_t row, std::int64_t unit) const { units[row] = unit; }

    // The k nearest are among n units: unit_at(0), unit_at(1), ...
    template <class UnitAt>
    void choose(std::int64_t row, std::int64_t n, UnitAt unit_at) const {
        double not_wanted[max_best];
        Ranking ranking(judge, row_at(row), in.k, units + row * in.k,
                        distances ? distances + row * in.k : not_wanted);
        constexpr std::int64_t at_once = 16;  // values that do not wait for decisions
        for (std::int64_t begin = 0; begin < n; begin += at_once) {
            double value[at_once];
            const std::int64_t here = std::min(at_once, n - begin);
            for (std::int64_t i = 0; i < here; ++i)
                value[i] = judge.value(row_at(row), unit_at(begin + i));
            for (std::int64_t i = 0; i < here; ++i) ranking.add(unit_at(begin + i), value[i]);
        }
    }
    void choose_among_all(std::int64_t row) const {
        choose(row, in.m, [](std::int64_t unit) { return unit; });
    }

    // For each of n rows, number(0), number(1), ..., the k nearest are among all units.
    template <class Number>
    void narrow(std::int64_t n, Number number, Work& work) {
        if (n == 0) return;
        std::call_once(need_differences,
                       [&] { differences = std::make_unique<Differences<T>>(in); });
        if (!work.differences)
            work.differences = std::make_unique<typename Differences<T>::Work>(*differences);
        for (std::int64_t begin = 0; begin < n; begin += rows_at_once) {
            const int here = int(std::min<std::int64_t>(rows_at_once, n - begin));
            std::int64_t rows[rows_at_once];
            for (int r = 0; r < here; ++r) rows[r] = number(begin + r);
            differences->narrow(rows, here, *work.differences,
                                [&](std::int64_t row, const std::int32_t* near, std::int64_t n) {
                                    choose(row, n, [=](std::int64_t i) { return near[i]; });
                                });
        }
        work.n_narrowed += n;
    }

    // Writes the distances to the units of a row.  Who settled it has measured none.
    void find_distances(std::int64_t row) const {
        if (!distances) return;
        double* values = distances + row * in.k;
        if (in.k == 1) values[0] = judge.value(row_at(row), units[row]);
        judge.to_distances(values, in.k);
    }

private:
    const T* row_at(std::int64_t row) const { return in.rows + row * in.d; }

    const SearchInput<T>& in;
    std::int64_t* units;
    double* distances;
    Judge<T> judge;
    std::once_flag need_differences;
    std::unique_ptr<Differences<T>> differences;
};

}  // namespace somscape::SOMSCAPE_ISA
