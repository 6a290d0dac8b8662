// Vector types of the instruction set that this file is compiled for.
//
// The one place that knows instruction sets: every kernel file is compiled once per set, with
// that set's flags, into a namespace of its own (SOMSCAPE_ISA).  Lanes hold units, and each lane
// adds its features in order without contraction, so every set computes the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define SOMSCAPE_ISA avx512
#define SOMSCAPE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define SOMSCAPE_ISA avx2
#define SOMSCAPE_VECTOR_BYTES 32
#elif defined(__ARM_NEON)
#define SOMSCAPE_ISA neon
#define SOMSCAPE_VECTOR_BYTES 16
#else
#define SOMSCAPE_ISA baseline
#define SOMSCAPE_VECTOR_BYTES 16
#endif

namespace somscape::SOMSCAPE_ISA {

template <class T>
struct Simd {
    typedef T Vec __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES)));
    // Same vector at the address of any element.
    typedef T Unaligned __attribute__((vector_size(SOMSCAPE_VECTOR_BYTES), aligned(alignof(T)),
                                       may_alias));
    static constexpr int lanes = SOMSCAPE_VECTOR_BYTES / sizeof(T);

    static Vec load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
    static void store(T* to, Vec value) { *reinterpret_cast<Unaligned*>(to) = value; }
    static Vec broadcast(T value) { return value - Vec{}; }
};

// Bit i is set where a[i] < b[i].
template <class Vec>
inline std::uint32_t less_mask(Vec a, Vec b) {
    using T = decltype(a[0] + a[0]);
    constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    if constexpr (is_float) return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
    else return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ);
#elif defined(__AVX2__)
    if constexpr (is_float)
        return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LT_OQ));
    else return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_LT_OQ));
#elif defined(__SSE2__)
    if constexpr (is_float) return _mm_movemask_ps(_mm_cmplt_ps((__m128)a, (__m128)b));
    else return _mm_movemask_pd(_mm_cmplt_pd((__m128d)a, (__m128d)b));
#else
    std::uint32_t mask = 0;
    for (int i = 0; i < int(sizeof(Vec) / sizeof(T)); ++i) mask |= std::uint32_t(a[i] < b[i]) << i;
    (void)is_float;
    return mask;
#endif
}

}  // namespace somscape::SOMSCAPE_ISA
