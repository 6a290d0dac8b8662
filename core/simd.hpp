// Vector types of the instruction set that this file is compiled for.
//
// The one place that knows instruction sets: every kernel file is compiled once per set, with
// that set's flags, into a namespace of its own (SOMSCAPE_ISA).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define SOMSCAPE_ISA avx512
#define SOMSCAPE_VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define SOMSCAPE_ISA avx2
#define SOMSCAPE_VECTOR_BYTES 32
#elif defined(__ARM_NEON)
#define SOMSCAPE_ISA neon
#define SOMSCAPE_VECTOR_BYTES 16
#else
#define SOMSCAPE_ISA baseline
#define SOMSCAPE_VECTOR_BYTES 16
#endif

// Before a function, or between the parameters and the body of a lambda.  Not under sanitizers,
// whose checks would make the unrolled kernels too long to compile.
#ifdef __SANITIZE_ADDRESS__
#define SOMSCAPE_INLINE
#else
#define SOMSCAPE_INLINE __attribute__((always_inline))
#endif

// A condition that holds as often as not: Clang would branch.
#ifdef __clang__
#define SOMSCAPE_EITHER(condition) __builtin_unpredictable(condition)
#else
#define SOMSCAPE_EITHER(condition) (condition)
#endif

namespace somscape::SOMSCAPE_ISA {

// Accumulators of a tile are rows x vectors; what is left of the registers holds its operands.
constexpr int rows_at_once = 6;
#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int vectors_at_once = 4;  // of 32 registers
#else
constexpr int vectors_at_once = 2;  // of 16
#endif

// act(0), act(1), ...: unrolled when it is compiled, so that arrays it indexes stay in registers.
template <int n, class Act>
SOMSCAPE_INLINE inline void unrolled(Act act) {
    [&]<int... i>(std::integer_sequence<int, i...>) SOMSCAPE_INLINE {
        (act(std::integral_constant<int, i>{}), ...);
    }(std::make_integer_sequence<int, n>{});
}

template <class T>
struct Simd {
    using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    typedef T Vec __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES)));
    typedef Int IntVec __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES)));
    // Same vector at the address of any element.
    typedef T Unaligned __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES), aligned(alignof(T)),
                                       may_alias));
    static constexpr int lanes = SOMSCAPE_VECTOR_BYTES / sizeof(T);
    static constexpr std::uint32_t all = (std::uint32_t(1) << lanes) - 1;  // mask of every lane

    static Vec load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
    static void store(T* to, Vec value) { *reinterpret_cast<Unaligned*>(to) = value; }
    static Vec broadcast(T value) { return value - Vec{}; }
};

template <class Vec>
constexpr bool is_float = sizeof(decltype(Vec{}[0] + Vec{}[0])) == 4;

// a * b + c, rounded once where the set can (search allows for either).
template <class Vec>
inline Vec multiply_add(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    else return (Vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__) && defined(__FMA__)
    if constexpr (is_float<Vec>) return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    else return (Vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    if constexpr (is_float<Vec>)
        return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    else return (Vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// The second operand where either is NaN.
template <class Vec>
inline Vec smaller(Vec a, Vec b) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
    else return (Vec)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
    if constexpr (is_float<Vec>) return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
    else return (Vec)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return a < b ? a : b;
#endif
}

template <class Vec>
inline Vec larger(Vec a, Vec b) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
    else return (Vec)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
    if constexpr (is_float<Vec>) return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
    else return (Vec)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return a > b ? a : b;
#endif
}

template <class Vec>
inline Vec magnitude(Vec a) {
    using IntVec = decltype(a < a);
    return (Vec)((IntVec)a & (IntVec{} + std::numeric_limits<std::make_signed_t<
                                  std::remove_reference_t<decltype(IntVec{}[0])>>>::max()));
}

template <class Vec>
inline Vec root(Vec a) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return (Vec)_mm512_sqrt_ps((__m512)a);
    else return (Vec)_mm512_sqrt_pd((__m512d)a);
#elif defined(__AVX2__)
    if constexpr (is_float<Vec>) return (Vec)_mm256_sqrt_ps((__m256)a);
    else return (Vec)_mm256_sqrt_pd((__m256d)a);
#elif defined(__SSE2__)
    if constexpr (is_float<Vec>) return (Vec)_mm_sqrt_ps((__m128)a);
    else return (Vec)_mm_sqrt_pd((__m128d)a);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    if constexpr (is_float<Vec>) return (Vec)vsqrtq_f32((float32x4_t)a);
    else return (Vec)vsqrtq_f64((float64x2_t)a);
#else
    for (std::size_t i = 0; i < sizeof a / sizeof a[0]; ++i) a[i] = std::sqrt(a[i]);
    return a;
#endif
}

// Bit i is set where a[i] <= b[i]; never for a NaN.
template <class Vec>
inline std::uint32_t not_above_mask(Vec a, Vec b) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ);
    else return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ);
#elif defined(__AVX2__)
    if constexpr (is_float<Vec>)
        return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LE_OQ));
    else return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_LE_OQ));
#elif defined(__SSE2__)
    if constexpr (is_float<Vec>) return _mm_movemask_ps(_mm_cmple_ps((__m128)a, (__m128)b));
    else return _mm_movemask_pd(_mm_cmple_pd((__m128d)a, (__m128d)b));
#else
    constexpr int lanes = sizeof(Vec) / (is_float<Vec> ? 4 : 8);
    std::uint32_t mask = 0;
    for (int i = 0; i < lanes; ++i) mask |= std::uint32_t(a[i] <= b[i]) << i;
    return mask;
#endif
}

// All lanes brought together by halves: lane i with lane i + 4, i + 2, i + 1.
template <class Vec, class Join>
SOMSCAPE_INLINE inline auto reduced(Vec a, Join join) {
    constexpr int lanes = sizeof(Vec) / (is_float<Vec> ? 4 : 8);
    if constexpr (lanes == 8) a = join(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3));
    if constexpr (lanes == 8) a = join(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5));
    if constexpr (lanes == 8) a = join(a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6));
    if constexpr (lanes == 4) a = join(a, __builtin_shufflevector(a, a, 2, 3, 0, 1));
    if constexpr (lanes == 4) a = join(a, __builtin_shufflevector(a, a, 1, 0, 3, 2));
    if constexpr (lanes == 2) a = join(a, __builtin_shufflevector(a, a, 1, 0));
    return a[0];
}

template <class Vec>
inline auto sum_of_lanes(Vec a) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return _mm512_reduce_add_ps((__m512)a);
    else return _mm512_reduce_add_pd((__m512d)a);
#else
    return reduced(a, [](auto one, auto other) { return one + other; });
#endif
}

// s0 + s1 + ... + s7 in pairs, the same on every set: ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)).
template <class Vec, int pieces>
inline double sum_in_pairs(const Vec (&parts)[pieces]) {
    if constexpr (pieces == 1) {
        const auto v = parts[0];
        const auto two = v + __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
        const auto four = two + __builtin_shufflevector(two, two, 2, 3, 0, 1, 6, 7, 4, 5);
        return four[0] + four[4];
    } else {
        double s[8];
        std::memcpy(s, parts, sizeof s);
        return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }
}

// Reads the first n values of a vector, at most all, and sets the others to 0.
template <class T, class Wide>
inline void load_first(const T* from, std::int64_t n, Wide& to) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    const std::uint32_t mask = (std::uint32_t(1) << n) - 1;
    if constexpr (sizeof(T) == 4 && sizeof(Wide) <= 64) {
        const __m512 all = _mm512_maskz_loadu_ps(__mmask16(mask), from);
        std::memcpy(&to, &all, sizeof to);
        return;
    }
    if constexpr (sizeof(T) == 8 && sizeof(Wide) <= 128) {
        const __m512d all[2] = {_mm512_maskz_loadu_pd(__mmask8(mask), from),
                                _mm512_maskz_loadu_pd(__mmask8(mask >> 8), from + 8)};
        std::memcpy(&to, all, sizeof to);
        return;
    }
#elif defined(__AVX2__)
    constexpr int lanes = sizeof(Wide) / sizeof(T), piece = 32 / sizeof(T);
    using Signed = typename Simd<T>::Int;
    // A window on these is a mask of n lanes; what it leaves out is not read.
    static constexpr Signed window[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const Signed* first = window + 8 - n;
    if constexpr (sizeof(T) == 4 && sizeof(Wide) == 16) {
        const __m128 all = _mm_maskload_ps(from, _mm_loadu_si128((const __m128i*)first));
        std::memcpy(&to, &all, sizeof to);
        return;
    }
    if constexpr (sizeof(Wide) % 32 == 0 && lanes <= 8) {
        unrolled<lanes / piece>([&](auto p) SOMSCAPE_INLINE {
            const __m256i mask = _mm256_loadu_si256((const __m256i*)(first + p * piece));
            char* const at = reinterpret_cast<char*>(&to) + 32 * p;
            if constexpr (sizeof(T) == 4) {
                const __m256 part = _mm256_maskload_ps((const float*)from + p * piece, mask);
                std::memcpy(at, &part, sizeof part);
            } else {
                const __m256d part = _mm256_maskload_pd((const double*)from + p * piece, mask);
                std::memcpy(at, &part, sizeof part);
            }
        });
        return;
    }
#endif
    to = Wide{};
    for (int i = 0; i < n; ++i) to[i] = from[i];
}

// Writes first + i for each bit i of a mask, ascending, and returns how many; up to 16
// places after them may be overwritten.
inline int put_places(std::uint32_t mask, std::int32_t first, std::int32_t* to) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    const __m512i places = _mm512_add_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        _mm512_set1_epi32(first));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(__mmask16(mask), places));
    return __builtin_popcount(mask);
#else
    int n = 0;
    for (; mask; mask &= mask - 1) to[n++] = first + __builtin_ctz(mask);
    return n;
#endif
}

// Writes the lanes of a mask, in their order, and returns how many; a whole vector may be overwritten.
inline int put_lanes(std::uint32_t mask, Simd<double>::Vec values, double* to) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    _mm512_storeu_pd(to, _mm512_maskz_compress_pd(__mmask8(mask), (__m512d)values));
    return __builtin_popcount(mask);
#else
    int n = 0;
    for (; mask; mask &= mask - 1) to[n++] = values[__builtin_ctz(mask)];
    return n;
#endif
}

// The least lane.
template <class Vec>
inline auto least_lane(Vec a) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float<Vec>) return _mm512_reduce_min_ps((__m512)a);
    else return _mm512_reduce_min_pd((__m512d)a);
#else
    return reduced(a, [](auto one, auto other) { return smaller(one, other); });
#endif
}

// The k-th least lane, 1 <= k <= lanes; infinite where not so many are numbers.
template <class T>
inline T kth_lane(typename Simd<T>::Vec values, int k) {
    T kth = std::numeric_limits<T>::infinity();
    for (int lane = 0; lane < Simd<T>::lanes; ++lane) {
        const T value = values[lane];
        if (__builtin_popcount(not_above_mask(values, Simd<T>::broadcast(value))) >= k)
            kth = kth < value ? kth : value;
    }
    return kth;
}

}  // namespace somscape::SOMSCAPE_ISA
