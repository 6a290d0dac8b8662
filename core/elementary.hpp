// exp with the same bits on every processor: the twin of src/somscape/_elementary.py.
//
// A library's exp chooses its code, and so its last bit, by the processor.  This one uses only
// operations that IEEE 754 rounds the same everywhere (and is compiled without contraction).
#pragma once

#include <algorithm>
#include <cmath>

#include "simd.hpp"

namespace somscape::SOMSCAPE_ISA {

inline double exponential(double x) {
    constexpr double ln2_high = 0x1.62e42fee00000p-1;  // its product with a small integer is exact
    constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    x = std::clamp(x, -800.0, 800.0);
    const double whole = std::rint(x / (ln2_high + ln2_low));
    const double rest = (x - whole * ln2_high) - whole * ln2_low;
    double factorial = 1.0, terms[14];
    for (int n = 0; n < 14; factorial *= ++n) terms[13 - n] = 1.0 / factorial;
    double total = terms[0];
    for (int n = 1; n < 14; ++n) total = total * rest + terms[n];
    return std::ldexp(total, int(whole));
}

}  // namespace somscape::SOMSCAPE_ISA
