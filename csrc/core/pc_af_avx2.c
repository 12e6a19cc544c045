#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "pc_af.h"
#include "pc_af_order.h"

#define PC_AF_HAS_VECTORS

static inline int32_t key_of(double steps, int bits, int64_t group)
{
    return (int32_t)steps * (1 << bits) + (int32_t)group;
}

typedef __m256i lanes;

static inline __m256d add_four(const double *share, __m256d factor, double *sum)
{
    const __m256d more = _mm256_mul_pd(_mm256_loadu_pd(share), factor);
    const __m256d its = _mm256_add_pd(_mm256_loadu_pd(sum), more);
    _mm256_storeu_pd(sum, its);
    return its;
}

/* Steps from the middle: rounded to integers, they are the last bits when 3 x 2^51 is added. */
static inline __m256d steps_of(__m256d sum, __m256d middle, __m256d scale)
{
    const __m256d steps = _mm256_mul_pd(_mm256_sub_pd(sum, middle), scale);
    return _mm256_add_pd(steps, _mm256_set1_pd(0x3p51));
}

static inline __m256i last_bits(__m256d a, __m256d b)
{
    const __m256 last = _mm256_shuffle_ps(_mm256_castpd_ps(a), _mm256_castpd_ps(b), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(last), 0xd8);
}

static inline void add_and_key(int64_t n, int bits, const pc_af_row *row, double middle,
                               double scale, double *sum, int32_t *key)
{
    const __m256d factor = _mm256_set1_pd(row->factor);
    const __m256d middles = _mm256_set1_pd(middle), scales = _mm256_set1_pd(scale);
    __m256i groups = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int64_t g = 0;
    for (; g + 8 <= n; g += 8) {
        __builtin_prefetch(row->ahead + g);
        const __m256d a = add_four(row->share + g, factor, sum + g);
        const __m256d b = add_four(row->share + g + 4, factor, sum + g + 4);
        const __m256i steps = last_bits(steps_of(a, middles, scales), steps_of(b, middles, scales));
        _mm256_storeu_si256((void *)(key + g),
                            _mm256_add_epi32(_mm256_slli_epi32(steps, bits), groups));
        groups = _mm256_add_epi32(groups, _mm256_set1_epi32(8));
    }
    for (; g < n; g++) {
        sum[g] += row->share[g] * row->factor;
        key[g] = key_of((sum[g] - middle) * scale, bits, g);
    }
}

static int64_t note_ranks(int64_t n, const pc_af_order *o, int16_t *least, int16_t *most)
{
    const int16_t *rank = o->rank, *other = o->reference->rank;
    __m256i sum = _mm256_setzero_si256(); /* of pairs of products */
    int32_t part[8], product = 0;
    int64_t g = 0;
    for (; g + 16 <= n; g += 16) {
        const __m256i its = _mm256_loadu_si256((const void *)(rank + g));
        __m256i *low = (void *)(least + g), *high = (void *)(most + g);
        _mm256_storeu_si256(low, _mm256_min_epi16(its, _mm256_loadu_si256(low)));
        _mm256_storeu_si256(high, _mm256_max_epi16(its, _mm256_loadu_si256(high)));
        sum = _mm256_add_epi32(
            sum, _mm256_madd_epi16(its, _mm256_loadu_si256((const void *)(other + g))));
    }
    _mm256_storeu_si256((void *)part, sum);
    for (int k = 0; k < 8; k++) product += part[k];
    for (; g < n; g++) {
        least[g] = rank[g] < least[g] ? rank[g] : least[g];
        most[g] = rank[g] > most[g] ? rank[g] : most[g];
        product += rank[g] * other[g];
    }
    return product;
}

static inline lanes read(const int32_t *key)
{
    return _mm256_loadu_si256((const void *)key);
}

static inline void write(int32_t *key, lanes x)
{
    _mm256_storeu_si256((void *)key, x);
}

static inline void exchange(lanes *before, lanes *behind)
{
    const __m256i high = _mm256_max_epi32(*before, *behind);
    *behind = _mm256_min_epi32(*before, *behind);
    *before = high;
}

static inline lanes all_lanes(void)
{
    return _mm256_set1_epi32(-1);
}

static inline lanes and_higher(lanes so_far, lanes before, lanes behind, int32_t gap)
{
    const __m256i limit = _mm256_add_epi32(behind, _mm256_set1_epi32(gap));
    return _mm256_and_si256(so_far, _mm256_cmpgt_epi32(before, limit));
}

static inline bool is_all(lanes x)
{
    return _mm256_movemask_epi8(x) == -1;
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

static inline int64_t sum_of_parts(__m256i x)
{
    const __m128i half =
        _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

/* The last byte is the first in memory. */
static inline int32_t group_at(const int32_t *place, int bits)
{
    return bits == 8 ? *(const uint8_t *)place : *place & 1023;
}

/* What going down an order needs in registers. */
typedef struct descent {
    const int32_t *at;
    const uint64_t *lower, *own;
    uint64_t *open;
    int16_t *rank;
    __m256i passed, found;             /* groups; open pairs that are opposite */
    __m256i ones, twos, fours, eights; /* bit by bit, how often one was opposite, modulo sixteen */
} descent;

static inline __m256i row_at(const uint64_t *rows, int64_t group)
{
    return _mm256_loadu_si256((const void *)(rows + 4 * group));
}

/* Number the next group, and give those passed that are lower than it in the reference. */
static inline __m256i pass(descent *d, int64_t r, int64_t column)
{
    const int64_t group = group_at(d->at + r * PC_AF_COLUMNS + column, 8);
    const __m256i opposite = _mm256_and_si256(d->passed, row_at(d->lower, group));
    d->found = _mm256_or_si256(d->found, _mm256_and_si256(d->passed, row_at(d->open, group)));
    d->passed = _mm256_or_si256(d->passed, row_at(d->own, group));
    d->rank[group] = (int16_t)(2 * (column * PC_AF_ROWS + r) + 2);
    return opposite;
}

/* Bit by bit: sum becomes the last bit of sum + a + b; gives the bit before it. */
static inline __m256i carry(__m256i *sum, __m256i a, __m256i b)
{
    const __m256i part = _mm256_xor_si256(a, b);
    const __m256i over =
        _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(part, *sum));
    *sum = _mm256_xor_si256(part, *sum);
    return over;
}

static inline __m256i pass_two(descent *d, int64_t r, int64_t column)
{
    const __m256i first = pass(d, r, column);
    return carry(&d->ones, first, pass(d, r + 1, column));
}

static inline __m256i pass_four(descent *d, int64_t r, int64_t column)
{
    const __m256i first = pass_two(d, r, column);
    return carry(&d->twos, first, pass_two(d, r + 2, column));
}

static inline __m256i pass_eight(descent *d, int64_t r, int64_t column)
{
    const __m256i first = pass_four(d, r, column);
    return carry(&d->fours, first, pass_four(d, r + 4, column));
}

static inline __m256i pass_column(descent *d, int64_t column)
{
    const __m256i first = pass_eight(d, 0, column);
    return carry(&d->eights, first, pass_eight(d, 8, column));
}

static inline void close_column(descent *d, __m256i passed, int64_t column)
{
    for (int64_t r = 0; r < PC_AF_ROWS; r++) {
        const int64_t group = group_at(d->at + r * PC_AF_COLUMNS + column, 8);
        const __m256i open = _mm256_andnot_si256(passed, row_at(d->open, group));
        _mm256_storeu_si256((void *)(d->open + 4 * group), open);
        passed = _mm256_or_si256(passed, row_at(d->own, group));
    }
}

static inline __m256i count_bits_of(__m256i x)
{
    return _mm256_sad_epu8(bits_of_bytes(x), _mm256_setzero_si256());
}

/* Up to 256 groups: the bits of those passed stay in a register. Bits are counted in sixteens, which takes
 * fewer steps than counting those of each row. Columns are whole: places behind the last have the group
 * behind the last, whose rows are empty. */
static inline int64_t go_down_in_register(int64_t n, pc_af_order *o)
{
    const __m256i zero = _mm256_setzero_si256();
    descent d = {.at = o->at,
                 .lower = o->reference->lower,
                 .own = o->reference->own,
                 .open = o->open,
                 .rank = o->rank,
                 .passed = zero,
                 .ones = zero,
                 .twos = zero,
                 .fours = zero,
                 .eights = zero};
    __m256i sixteens = zero;
    for (int64_t column = 0; column < (n + PC_AF_ROWS - 1) / PC_AF_ROWS; column++) {
        const __m256i before = d.passed;
        d.found = zero;
        sixteens = _mm256_add_epi64(sixteens, count_bits_of(pass_column(&d, column)));
        if (!_mm256_testz_si256(d.found, d.found)) close_column(&d, before, column);
    }
    return sum_of_parts(count_bits_of(d.ones)) + 2 * sum_of_parts(count_bits_of(d.twos)) +
           4 * sum_of_parts(count_bits_of(d.fours)) + 8 * sum_of_parts(count_bits_of(d.eights)) +
           16 * sum_of_parts(sixteens);
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
