#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "pc_cell_kernels.h"

#define PC_CELL_HAS_VECTORS

/* The first n < 4 numbers, then 0. */
static inline __m256d first_numbers(int64_t n, const double *x)
{
    const __m256i place = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_maskload_pd(x, _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), place));
}

static inline __m128i first_masks(int64_t n, const uint32_t *mask)
{
    const __m128i place = _mm_setr_epi32(0, 1, 2, 3);
    return _mm_maskload_epi32((const void *)mask, _mm_cmpgt_epi32(_mm_set1_epi32((int)n), place));
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
                       const double *restrict factor, double *restrict x, pc_cell_ahead ahead)
{
    enum { LINE = 8, TWO_LINES = 16, SECOND_LEVEL = 2 }; /* weights, or twice as many profiles */
    const __m256d zero = _mm256_setzero_pd();
    __m256d lane = zero;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const uint32_t *p = profile + i;
        if (i % LINE == 0) __builtin_prefetch(ahead.weight + 8 * i, 0, SECOND_LEVEL);
        else if (i % TWO_LINES < LINE) __builtin_prefetch(ahead.profile + 4 * i, 0, SECOND_LEVEL);
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

/* A sum by lane for each of four bits. */
typedef struct nibble {
    __m256d a, b, c, d;
} nibble;

/* The sum with x where the bit is at the top. */
static inline __m256d add_where(__m256d sum_so_far, __m256d x, __m256i bit_at_top)
{
    const __m256d more = _mm256_add_pd(sum_so_far, x);
    return _mm256_blendv_pd(sum_so_far, more, _mm256_castsi256_pd(bit_at_top));
}

static inline void add_nibble(nibble *to, __m256d x, __m256i mask, int shift)
{
    to->a = add_where(to->a, x, _mm256_slli_epi64(mask, 63 - shift));
    to->b = add_where(to->b, x, _mm256_slli_epi64(mask, 62 - shift));
    to->c = add_where(to->c, x, _mm256_slli_epi64(mask, 61 - shift));
    to->d = add_where(to->d, x, _mm256_slli_epi64(mask, 60 - shift));
}

/* Of each bit (0 + 1) + (2 + 3). */
static inline void write_nibble(const nibble *from, double *bit)
{
    const __m256d first = _mm256_hadd_pd(from->a, from->b), last = _mm256_hadd_pd(from->c, from->d);
    _mm256_storeu_pd(bit, _mm256_add_pd(_mm256_permute2f128_pd(first, last, 0x20),
                                        _mm256_permute2f128_pd(first, last, 0x31)));
}

static inline void add_nibbles(int64_t n, int64_t n_nibbles, const double *restrict x,
                               const uint32_t *restrict mask, int64_t shift, double *restrict bit)
{
    const __m256d zero = _mm256_setzero_pd();
    const __m128i places = _mm_cvtsi64_si128(shift);
    nibble first = {zero, zero, zero, zero}, second = first, third = first;
    for (int64_t i = 0; i < n; i += 4) {
        const bool is_whole = n - i >= 4;
        const __m256d four = is_whole ? _mm256_loadu_pd(x + i) : first_numbers(n - i, x + i);
        const __m128i narrow =
            is_whole ? _mm_loadu_si128((const void *)(mask + i)) : first_masks(n - i, mask + i);
        const __m256i masks = _mm256_cvtepu32_epi64(_mm_srl_epi32(narrow, places));
        add_nibble(&first, four, masks, 0);
        if (n_nibbles > 1) add_nibble(&second, four, masks, PC_CELL_NIBBLE);
        if (n_nibbles > 2) add_nibble(&third, four, masks, 2 * PC_CELL_NIBBLE);
    }
    write_nibble(&first, bit);
    if (n_nibbles > 1) write_nibble(&second, bit + PC_CELL_NIBBLE);
    if (n_nibbles > 2) write_nibble(&third, bit + 2 * PC_CELL_NIBBLE);
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
