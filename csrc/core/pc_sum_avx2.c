#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdint.h>

#define PC_SUM_FETCH(address) __builtin_prefetch(address, 0, 2)
#define PC_SUM_INLINE static inline __attribute__((always_inline))
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

static inline int64_t find_four(const double *pairs, uint32_t first, uint32_t *found)
{
    /* unpacking leaves the second numbers in the order 0, 2, 1, 3 */
    static const uint32_t of_bits[16][4] = {{0}, {0}, {2}, {0, 2}, {1}, {0, 1}, {1, 2}, {0, 1, 2},
                                            {3}, {0, 3}, {2, 3}, {0, 2, 3}, {1, 3}, {0, 1, 3}, {1, 2, 3}, {0, 1, 2, 3}};
    static const uint8_t n_bits[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    const __m256d second = _mm256_unpackhi_pd(_mm256_loadu_pd(pairs), _mm256_loadu_pd(pairs + 4));
    const int bits = _mm256_movemask_pd(_mm256_cmp_pd(second, _mm256_setzero_pd(), _CMP_NEQ_UQ));
    const __m128i which = _mm_loadu_si128((const void *)of_bits[bits]);
    _mm_storeu_si128((void *)found, _mm_add_epi32(which, _mm_set1_epi32((int)first)));
    return n_bits[bits];
}

static inline void interleave_four(const double *a, const double *b, const double *c, const double *d,
                                   double *out)
{
    const __m256d of_a = _mm256_loadu_pd(a), of_b = _mm256_loadu_pd(b);
    const __m256d of_c = _mm256_loadu_pd(c), of_d = _mm256_loadu_pd(d);
    const __m256d even = _mm256_unpacklo_pd(of_a, of_b), odd = _mm256_unpackhi_pd(of_a, of_b);
    const __m256d later_even = _mm256_unpacklo_pd(of_c, of_d), later_odd = _mm256_unpackhi_pd(of_c, of_d);
    _mm256_storeu_pd(out, _mm256_permute2f128_pd(even, later_even, 0x20));
    _mm256_storeu_pd(out + 4, _mm256_permute2f128_pd(odd, later_odd, 0x20));
    _mm256_storeu_pd(out + 8, _mm256_permute2f128_pd(even, later_even, 0x31));
    _mm256_storeu_pd(out + 12, _mm256_permute2f128_pd(odd, later_odd, 0x31));
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
