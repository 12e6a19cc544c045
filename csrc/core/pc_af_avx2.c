#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "pc_af.h"
#include "pc_af_order.h"

#define PC_AF_FETCH(address) __builtin_prefetch(address)
#define PC_AF_HAS_VECTORS

static inline void read_in_order(int64_t n, const int32_t *restrict order,
                                 const double *restrict key, double *restrict at)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m128d low = _mm_loadh_pd(_mm_load_sd(key + order[i]), key + order[i + 1]);
        const __m128d high = _mm_loadh_pd(_mm_load_sd(key + order[i + 2]), key + order[i + 3]);
        _mm256_storeu_pd(at + i, _mm256_set_m128d(high, low));
    }
    for (; i < n; i++) at[i] = key[order[i]];
}

static inline bool is_suspect(const double *at)
{
    const __m256d gap = _mm256_sub_pd(_mm256_loadu_pd(at - 1), _mm256_loadu_pd(at));
    const __m256d clear = _mm256_cmp_pd(gap, _mm256_set1_pd(PC_AF_SAME), _CMP_GT_OQ);
    return _mm256_movemask_pd(clear) != 15;
}

static inline int64_t count_bits(uint64_t x)
{
    return _mm_popcnt_u64(x);
}

/* The set bits of each byte. */
static inline __m256i bits_of_bytes(__m256i x)
{
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2,
                                            1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i second = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
    return _mm256_add_epi8(_mm256_shuffle_epi8(counts, _mm256_and_si256(x, low)),
                           _mm256_shuffle_epi8(counts, second));
}

/* A row with one bit. */
static inline __m256i row_of_bit(int64_t group)
{
    const __m256i first = _mm256_setr_epi64x(0, 64, 128, 192);
    const __m256i shift = _mm256_sub_epi64(_mm256_set1_epi64x(group), first);
    return _mm256_sllv_epi64(_mm256_set1_epi64x(1), shift); /* 0 where the shift is not in 0 .. 63 */
}

static inline int64_t sum_of_parts(__m256i x)
{
    const __m128i half =
        _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

/* Up to 256 groups: the bits of those passed stay in a register. */
static inline int64_t count_in_register(pc_af_places range, const int32_t *order,
                                        const pc_af_reference *reference, uint64_t *turned)
{
    enum { FULL = 31 }; /* bytes that grow by 8 at most */
    const __m256i zero = _mm256_setzero_si256();
    __m256i passed = zero, total = zero;
    for (int64_t first = range.first; first <= range.last; first += FULL) {
        const int64_t end = first + FULL <= range.last ? first + FULL : range.last + 1;
        __m256i bytes = zero;
        for (int64_t i = first; i < end; i++) {
            const int64_t group = order[i];
            const __m256i lower = _mm256_loadu_si256((const void *)(reference->lower + 4 * group));
            const __m256i opposite = _mm256_and_si256(passed, lower);
            if (turned != NULL) {
                __m256i *row = (void *)(turned + 4 * group);
                _mm256_storeu_si256(row, _mm256_or_si256(_mm256_loadu_si256(row), opposite));
            }
            bytes = _mm256_add_epi8(bytes, bits_of_bytes(opposite));
            passed = _mm256_or_si256(passed, row_of_bit(group));
        }
        total = _mm256_add_epi64(total, _mm256_sad_epu8(bytes, zero));
    }
    return sum_of_parts(total);
}

static inline int64_t count_opposite_marking(pc_af_places range, const int32_t *order,
                                             const pc_af_reference *reference, uint64_t *turned)
{
    return turned == NULL ? count_in_register(range, order, reference, NULL)
                          : count_in_register(range, order, reference, turned);
}

/* Between neighbours, even places with the odd ones behind them, then these with the even ones behind:
 * four of each a step. `late` are the odd ones of the step before, whose last waits for its neighbour.
 * Gives whether something was out of order. */
static inline int64_t exchange_round(int64_t n, double *even, double *odd)
{
    __m256d any = _mm256_setzero_pd(), late = _mm256_set1_pd(INFINITY);
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m256d a = _mm256_loadu_pd(even + i), b = _mm256_loadu_pd(odd + i);
        const __m256d high = _mm256_max_pd(a, b), low = _mm256_min_pd(a, b);
        const __m256d seam = _mm256_permute2f128_pd(late, low, 0x21); /* late 2 3, low 0 1 */
        const __m256d before = _mm256_shuffle_pd(seam, low, 0x5);     /* late 3, low 0 1 2 */
        any = _mm256_or_pd(any, _mm256_cmp_pd(a, b, _CMP_LT_OQ));
        any = _mm256_or_pd(any, _mm256_cmp_pd(before, high, _CMP_LT_OQ));
        _mm256_storeu_pd(odd + i - 1, _mm256_max_pd(before, high));
        _mm256_storeu_pd(even + i, _mm256_min_pd(before, high));
        late = low;
    }
    int64_t seen = _mm256_movemask_pd(any);
    double last = _mm256_cvtsd_f64(_mm256_permute4x64_pd(late, 3));
    for (; i < n; i++) {
        const double a = even[i], b = odd[i], high = a > b ? a : b;
        seen |= (a < b) | (last < high);
        odd[i - 1] = last > high ? last : high;
        even[i] = last > high ? high : last;
        last = a > b ? b : a;
    }
    odd[n - 1] = last;
    return seen;
}

static inline void exchange_apart(int64_t n, double *before, double *behind)
{
    for (int64_t i = 0; i + 4 <= n; i += 4) {
        const __m256d a = _mm256_loadu_pd(before + i), b = _mm256_loadu_pd(behind + i);
        _mm256_storeu_pd(before + i, _mm256_max_pd(a, b));
        _mm256_storeu_pd(behind + i, _mm256_min_pd(a, b));
    }
}

/* Between places eight apart, for those that have far to go. */
static inline void exchange_far(int64_t n, double *even, double *odd)
{
    exchange_apart(n - 4, even, even + 4);
    exchange_apart(n - 4, odd, odd + 4);
}

#include "pc_af_loops.h"
#define AVX2_KERNELS (&kernels)
#else
#include "pc_af_order.h"
#include <stddef.h>
#define AVX2_KERNELS NULL
#endif

#include "pc_af_avx2.h"

const pc_af_kernels *pc_af_kernels_avx2(void)
{
    return AVX2_KERNELS;
}
