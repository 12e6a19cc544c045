#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdint.h>

#define PC_SUM_FETCH(address) __builtin_prefetch(address)
#define PC_SUM_FETCH_FAR(address) __builtin_prefetch(address, 0, 2)
#define PC_SUM_HAS_VECTORS

/* The compiler makes no such vectors of the portable lines: it is twice as slow. */
static inline __m256d weight_where(double weight, unsigned bits)
{
#define YES (-1)
    static const int64_t masks[16][4] = {
        {0, 0, 0, 0},     {YES, 0, 0, 0},     {0, YES, 0, 0},     {YES, YES, 0, 0},
        {0, 0, YES, 0},   {YES, 0, YES, 0},   {0, YES, YES, 0},   {YES, YES, YES, 0},
        {0, 0, 0, YES},   {YES, 0, 0, YES},   {0, YES, 0, YES},   {YES, YES, 0, YES},
        {0, 0, YES, YES}, {YES, 0, YES, YES}, {0, YES, YES, YES}, {YES, YES, YES, YES}};
#undef YES
    const __m256d mask = _mm256_castsi256_pd(_mm256_loadu_si256((const void *)masks[bits]));
    return _mm256_and_pd(_mm256_set1_pd(weight), mask);
}

static inline double add_first(double weight, unsigned bits, double *slot)
{
    const __m256d one_row = _mm256_set_pd(0.0, 0.0, 1.0, 0.0);
    const __m256d more = _mm256_or_pd(weight_where(weight, bits << 2 | 1), one_row);
    const __m256d sums = _mm256_add_pd(_mm256_loadu_pd(slot), more);
    _mm256_storeu_pd(slot, sums);
    const __m128d low = _mm256_castpd256_pd128(sums);
    return _mm_cvtsd_f64(_mm_unpackhi_pd(low, low));
}

static inline void add_one_and_flag(double weight, unsigned bits, double *slot)
{
    const __m128d both = _mm256_castpd256_pd128(weight_where(weight, bits << 1 | 1));
    _mm_storeu_pd(slot, _mm_add_pd(_mm_loadu_pd(slot), both));
}

static inline void add_four(double weight, unsigned bits, double *slot)
{
    _mm256_storeu_pd(slot, _mm256_add_pd(_mm256_loadu_pd(slot), weight_where(weight, bits)));
}

static void stream(void *to, const void *from, int64_t n_bytes)
{
    for (int64_t b = 0; b < n_bytes; b += (int64_t)sizeof(__m256i)) {
        const __m256i part = _mm256_load_si256((const void *)((const char *)from + b));
        _mm256_stream_si256((void *)((char *)to + b), part);
    }
}

static void settle(void)
{
    _mm_sfence();
}

#include "pc_sum_loops.h"
#define AVX2_KERNELS (&kernels)
#else
#include "pc_sum.h"
#include <stddef.h>
#define AVX2_KERNELS NULL
#endif

#include "pc_sum_avx2.h"

const pc_sum_kernels *pc_sum_kernels_avx2(void)
{
    return AVX2_KERNELS;
}
