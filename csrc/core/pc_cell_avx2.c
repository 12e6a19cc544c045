#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdint.h>

#include "pc_cell_kernels.h"

#define PC_CELL_HAS_VECTORS

/* The first n < 4 numbers, then 0. */
static inline __m256d first_numbers(int64_t n, const double *x)
{
    const __m256i place = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_maskload_pd(x, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), place));
}

static inline double sum_of_vector(__m256d lane)
{
    double to[PC_CELL_LANES];
    _mm256_storeu_pd(to, lane);
    return pc_cell_lanes(to[0], to[1], to[2], to[3]);
}

static double sum(int64_t n, const double *restrict x)
{
    __m256d lane = _mm256_setzero_pd();
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) lane = _mm256_add_pd(lane, _mm256_loadu_pd(x + i));
    if (i < n) lane = _mm256_add_pd(lane, first_numbers(n - i, x + i));
    return sum_of_vector(lane);
}

static double multiply(int64_t n, const double *restrict weight, const uint32_t *restrict profile,
                       const double *restrict factor, double *restrict x)
{
    const __m256d zero = _mm256_setzero_pd();
    __m256d lane = zero;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const uint32_t *p = profile + i;
        const __m128d low = _mm_loadh_pd(_mm_load_sd(factor + p[0]), factor + p[1]);
        const __m128d high = _mm_loadh_pd(_mm_load_sd(factor + p[2]), factor + p[3]);
        const __m256d f = _mm256_set_m128d(high, low);
        const __m256d some = _mm256_and_pd(_mm256_mul_pd(_mm256_loadu_pd(weight + i), f),
                                           _mm256_cmp_pd(f, zero, _CMP_NEQ_UQ));
        _mm256_storeu_pd(x + i, some);
        lane = _mm256_add_pd(lane, some);
    }
    if (i == n) return sum_of_vector(lane);
    for (int64_t k = i; k < n; k++) x[k] = pc_cell_product(weight[k], factor[profile[k]]);
    return sum_of_vector(_mm256_add_pd(lane, first_numbers(n - i, x + i)));
}

/* The sums of one of the four lanes. */
static inline void add_cell(int64_t n_nibbles, double x, uint32_t mask, __m256d *lane)
{
    const __m256d all = _mm256_set1_pd(x);
    for (int64_t k = 0; k < n_nibbles; k++) {
        const uint64_t *is_set = pc_cell_set[mask >> PC_CELL_NIBBLE * k & 15];
        const __m256d keep = _mm256_castsi256_pd(_mm256_load_si256((const void *)is_set));
        lane[k] = _mm256_add_pd(lane[k], _mm256_and_pd(all, keep));
    }
}

static inline void add_nibbles(int64_t n, int64_t n_nibbles, const double *restrict x,
                               const uint32_t *restrict mask, int shift, double *restrict bit)
{
    const __m256d zero = _mm256_setzero_pd();
    __m256d a[] = {zero, zero, zero}, b[] = {zero, zero, zero};
    __m256d c[] = {zero, zero, zero}, d[] = {zero, zero, zero};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        add_cell(n_nibbles, x[i], mask[i] >> shift, a);
        add_cell(n_nibbles, x[i + 1], mask[i + 1] >> shift, b);
        add_cell(n_nibbles, x[i + 2], mask[i + 2] >> shift, c);
        add_cell(n_nibbles, x[i + 3], mask[i + 3] >> shift, d);
    }
    if (i < n) add_cell(n_nibbles, x[i], mask[i] >> shift, a);
    if (i + 1 < n) add_cell(n_nibbles, x[i + 1], mask[i + 1] >> shift, b);
    if (i + 2 < n) add_cell(n_nibbles, x[i + 2], mask[i + 2] >> shift, c);
    for (int64_t k = 0; k < n_nibbles; k++)
        _mm256_storeu_pd(bit + PC_CELL_NIBBLE * k, _mm256_add_pd(_mm256_add_pd(a[k], b[k]),
                                                                 _mm256_add_pd(c[k], d[k])));
}

#include "pc_cell_loops.h"
#define AVX2_KERNELS (&kernels)
#else
#include "pc_cell_kernels.h"
#include <stddef.h>
#define AVX2_KERNELS NULL
#endif

const pc_cell_kernels *pc_cell_kernels_avx2(void)
{
    return AVX2_KERNELS;
}
