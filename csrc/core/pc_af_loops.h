/*
 * The source of both builds of the hot loops. Included by pc_af_order.c and pc_af_avx2.c only, each of
 * which gets its own copy and makes a table of it.
 *
 * An order is settled in three steps.
 *
 * 1. Keys are sorted: the measure in about 2^23 steps between the least and the greatest value (2^21 with
 *    more than 256 groups), and behind it the group. Read in the order that held before, most are a few
 *    places from where they belong. Columns of sixteen are sorted by a network, eight columns side by side
 *    in one register; then the lower half of each column and the upper half of the next are merged, then
 *    the halves of each column, and so on until halves are in order. Each time a key may go eight places.
 * 2. Neighbours whose keys are clearly apart, by more than one step, are in the order of the measure and
 *    differ by more than PC_AF_SAME, a step being at least 2^-38. Others are sorted by the measure itself,
 *    and equal ones take the order of the reference. What is equal depends on this alone, not on steps.
 * 3. Going down the order, with the groups passed as bits, the pairs that are opposite to the reference are
 *    the conjunction of two rows of bits. The same with the pairs that are still open, which have never
 *    been opposite: mostly it is empty, and nothing is to be written.
 */
#include "pc_af.h"
#include "pc_af_order.h"

#include <stddef.h>
#include <string.h>

enum { ROWS = PC_AF_ROWS, COLUMNS = PC_AF_COLUMNS, HALF = ROWS / 2, LANES = 8 };
enum { MOST_WORDS = 16, SMALL = 256, BEHIND = 2 * ROWS * LANES };

_Static_assert(PC_AF_MOST_GROUPS == 64 * MOST_WORDS, "a row of bits has room for every group");
_Static_assert(PC_AF_MOST_GROUPS == ROWS * (COLUMNS - LANES), "an order has room for every group");

/* ---- running sums ---- */

static void add(int64_t n_groups, const pc_af_row *row, double *restrict sum)
{
    const double *restrict share = row->share;
    const double factor = row->factor;
    for (int64_t g = 0; g < n_groups; g++) sum[g] += share[g] * factor;
}

/* ---- keys ---- */

static inline int tag_bits(int64_t n_groups)
{
    return n_groups <= SMALL ? 8 : 10;
}

#ifndef PC_AF_HAS_VECTORS

static inline int32_t group_at(const int32_t *place, int bits)
{
    return *place & ((1 << bits) - 1);
}

#endif

static inline int32_t *place_of(int32_t *at, int64_t i)
{
    return at + i % ROWS * COLUMNS + i / ROWS;
}

/* Keys no farther apart may stand for equal measures, or for two in the opposite order. */
static inline int32_t clear_gap(int bits)
{
    return 2 << bits;
}

#ifndef PC_AF_HAS_VECTORS

/* Add a row, and make keys of the steps of the sums from the middle, and the groups. */
static inline void add_and_key(int64_t n, int bits, const pc_af_row *row, double middle,
                               double scale, double *restrict sum, int32_t *restrict key)
{
    for (int64_t g = 0; g < n; g++) {
        sum[g] += row->share[g] * row->factor;
        key[g] = (int32_t)((sum[g] - middle) * scale) * (1 << bits) + (int32_t)g;
    }
}

#endif

/* The range is that of the sums before, which the order tells, and of what is added. */
static inline void make_keys(int64_t n, int bits, const pc_af_row *row, pc_af_order *o)
{
    enum { MARGIN = 1 << 12 }; /* for places behind the last, and ends that are equal to others */
    const double least = o->least + row->least * row->factor;
    const double most = o->most + row->most * row->factor;
    const double middle = (least + most) / 2, half = (most - least) / 2;
    const double n_steps = (1 << (31 - bits)) - MARGIN, finest = 0x1p38;
    const double scale = n_steps < half * finest ? n_steps / half : finest;
    add_and_key(n, bits, row, middle, scale, o->sum, o->key);
}

/* ---- sorting ---- */

#ifndef PC_AF_HAS_VECTORS

typedef struct lanes {
    int32_t key[LANES];
} lanes;

static inline lanes read(const int32_t *key)
{
    lanes x;
    memcpy(&x, key, sizeof x);
    return x;
}

static inline void write(int32_t *key, lanes x)
{
    memcpy(key, &x, sizeof x);
}

static inline void exchange(lanes *before, lanes *behind)
{
    for (int k = 0; k < LANES; k++) {
        const int32_t a = before->key[k], b = behind->key[k];
        before->key[k] = a > b ? a : b;
        behind->key[k] = a > b ? b : a;
    }
}

static inline lanes all_lanes(void)
{
    lanes x;
    for (int k = 0; k < LANES; k++) x.key[k] = 1;
    return x;
}

/* Those so far that are also higher than what stands behind, by more than a gap. */
static inline lanes and_higher(lanes so_far, lanes before, lanes behind, int32_t gap)
{
    for (int k = 0; k < LANES; k++) so_far.key[k] &= before.key[k] > behind.key[k] + gap;
    return so_far;
}

static inline bool is_all(lanes x)
{
    int all = 1;
    for (int k = 0; k < LANES; k++) all &= x.key[k];
    return all != 0;
}

#endif

/* Batcher's odd-even merge of two runs of 2, 4 and 8, one behind the other, at every `step`. */
static inline void merge_twos(lanes *x, int step)
{
    exchange(x, x + 2 * step);
    exchange(x + step, x + 3 * step);
    exchange(x + step, x + 2 * step);
}

static inline void merge_fours(lanes *x, int step)
{
    merge_twos(x, 2 * step);
    merge_twos(x + step, 2 * step);
    exchange(x + step, x + 2 * step);
    exchange(x + 3 * step, x + 4 * step);
    exchange(x + 5 * step, x + 6 * step);
}

static inline void merge_eights(lanes *x)
{
    merge_fours(x, 2);
    merge_fours(x + 1, 2);
    exchange(x + 1, x + 2);
    exchange(x + 3, x + 4);
    exchange(x + 5, x + 6);
    exchange(x + 7, x + 8);
    exchange(x + 9, x + 10);
    exchange(x + 11, x + 12);
    exchange(x + 13, x + 14);
}

static inline void sort_eight(lanes *x)
{
    exchange(x, x + 1);
    exchange(x + 2, x + 3);
    exchange(x + 4, x + 5);
    exchange(x + 6, x + 7);
    merge_twos(x, 1);
    merge_twos(x + 4, 1);
    merge_fours(x, 1);
}

/* Eight half columns, `x` and their places. */
static inline void read_half(lanes *x, const int32_t *at)
{
    x[0] = read(at);
    x[1] = read(at + COLUMNS);
    x[2] = read(at + 2 * COLUMNS);
    x[3] = read(at + 3 * COLUMNS);
    x[4] = read(at + 4 * COLUMNS);
    x[5] = read(at + 5 * COLUMNS);
    x[6] = read(at + 6 * COLUMNS);
    x[7] = read(at + 7 * COLUMNS);
}

static inline void write_half(int32_t *at, const lanes *x)
{
    write(at, x[0]);
    write(at + COLUMNS, x[1]);
    write(at + 2 * COLUMNS, x[2]);
    write(at + 3 * COLUMNS, x[3]);
    write(at + 4 * COLUMNS, x[4]);
    write(at + 5 * COLUMNS, x[5]);
    write(at + 6 * COLUMNS, x[6]);
    write(at + 7 * COLUMNS, x[7]);
}

static inline void sort_columns(int64_t n_columns, int32_t *at)
{
    for (int64_t c = 0; c < n_columns; c += LANES) {
        lanes x[ROWS];
        read_half(x, at + c);
        read_half(x + HALF, at + HALF * COLUMNS + c);
        sort_eight(x);
        sort_eight(x + HALF);
        merge_eights(x);
        write_half(at + c, x);
        write_half(at + HALF * COLUMNS + c, x + HALF);
    }
}

/* Merge what stands in half columns with what stands behind it in others. */
static inline void merge_halves(int64_t n_columns, int32_t *upper, int32_t *lower)
{
    for (int64_t c = 0; c < n_columns; c += LANES) {
        lanes x[ROWS];
        read_half(x, upper + c);
        read_half(x + HALF, lower + c);
        merge_eights(x);
        write_half(upper + c, x);
        write_half(lower + c, x + HALF);
    }
}

/* Whether what stands in a row is higher than what stands in the one behind it. */
static inline bool are_rows_in_order(int64_t n_columns, const int32_t *before, const int32_t *behind)
{
    lanes higher = all_lanes();
    for (int64_t c = 0; c < n_columns; c += LANES)
        higher = and_higher(higher, read(before + c), read(behind + c), 0);
    return is_all(higher);
}

/* Whether all neighbours are in order by more than a gap. */
static inline bool are_in_order(int64_t n_columns, const int32_t *at, int32_t gap)
{
    for (int64_t c = 0; c < n_columns; c += LANES) {
        lanes before = read(at + c), behind = read(at + COLUMNS + c);
        lanes higher = and_higher(all_lanes(), before, behind, gap);
        if (!is_all(higher)) return false;
        for (int64_t r = 2; r < ROWS; r++) {
            before = behind;
            behind = read(at + r * COLUMNS + c);
            higher = and_higher(higher, before, behind, gap);
        }
        if (!is_all(and_higher(higher, behind, read(at + c + 1), gap))) return false;
    }
    return true;
}

/* Neighbours in different columns, and in different halves of one, show what is left to do. */
static inline void sort(int64_t n_columns, int32_t *at)
{
    int32_t *lower = at + HALF * COLUMNS;
    sort_columns(n_columns, at);
    while (!are_rows_in_order(n_columns, at + (ROWS - 1) * COLUMNS, at + 1)) {
        merge_halves(n_columns, lower, at + 1);
        if (are_rows_in_order(n_columns, lower - COLUMNS, lower)) return;
        merge_halves(n_columns, at, lower);
    }
}

/* Places behind the last have keys below all others, clearly apart, and the group behind the last. */
static void start(int64_t n, const int32_t *groups, pc_af_order *o)
{
    const int bits = tag_bits(n);
    for (int64_t i = 0; i < n; i++) *place_of(o->at, i) = groups[i];
    for (int64_t i = n; i < ROWS * COLUMNS; i++) {
        const int32_t behind = i < n + BEHIND ? (int32_t)(n + BEHIND - i) : 0;
        *place_of(o->at, i) = INT32_MIN + 2 * clear_gap(bits) * behind + (int32_t)n % (1 << bits);
    }
}

/* ---- ties ---- */

static inline int64_t count_bits(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int64_t)(x * 0x0101010101010101u >> 56);
}

static inline int32_t lowest_bit(uint64_t x)
{
    return (int32_t)count_bits((x & (~x + 1)) - 1);
}

/* Groups in `group` at first .. last take the order of the reference. */
static inline void sort_equals(pc_af_places range, pc_af_order *o)
{
    const pc_af_reference *reference = o->reference;
    uint64_t place[MOST_WORDS] = {0};
    int32_t i = range.first;
    for (int32_t k = range.first; k <= range.last; k++) {
        const int32_t its = reference->place[o->group[k]];
        place[its / 64] |= (uint64_t)1 << its % 64;
    }
    for (int32_t word = 0; i <= range.last; word++)
        for (uint64_t bits = place[word]; bits != 0; bits &= bits - 1)
            o->group[i++] = reference->order[64 * word + lowest_bit(bits)];
    o->tied[o->n_tied++] = range;
}

static inline void sort_by_value(pc_af_places range, pc_af_order *o)
{
    for (int32_t i = range.first + 1; i <= range.last; i++) {
        const double value = o->value[i];
        const int32_t group = o->group[i];
        int32_t k = i;
        for (; k > range.first && o->value[k - 1] < value; k--) {
            o->value[k] = o->value[k - 1];
            o->group[k] = o->group[k - 1];
        }
        o->value[k] = value;
        o->group[k] = group;
    }
}

/* 1 + the measure in steps of 2^-42, and the group in the bits behind. */
static inline double value_of(double measure, int32_t group)
{
    const double number = 1.0 + measure;
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    bits = (bits & ~(uint64_t)(PC_AF_MOST_GROUPS - 1)) | (uint64_t)group;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline bool is_within_same(pc_af_places range, const double *value)
{
    double least = value[range.first], most = least;
    for (int32_t i = range.first + 1; i <= range.last; i++) {
        least = value[i] < least ? value[i] : least;
        most = value[i] > most ? value[i] : most;
    }
    return most - least <= PC_AF_SAME;
}

/* Places first .. last, whose keys do not tell enough. */
static inline void settle_range(pc_af_places range, pc_af_order *o)
{
    for (int32_t i = range.first; i <= range.last; i++)
        o->value[i] = value_of(o->sum[o->group[i]], o->group[i]);
    if (is_within_same(range, o->value)) { /* whatever their order */
        sort_equals(range, o);
        return;
    }
    sort_by_value(range, o);
    for (int32_t first = range.first, last; first <= range.last; first = last + 1) {
        for (last = first; last < range.last; last++)
            if (o->value[last] - o->value[last + 1] > PC_AF_SAME) break;
        if (last > first) sort_equals((pc_af_places){first, last}, o);
    }
}

/* Places first .. last become those of the groups as they are settled. */
static inline void settle_places(pc_af_places range, int bits, pc_af_order *o)
{
    for (int64_t i = range.first; i <= range.last; i++)
        o->group[i] = group_at(place_of(o->at, i), bits);
    settle_range(range, o);
    for (int64_t i = range.first; i <= range.last; i++) *place_of(o->at, i) = o->group[i];
}

/* Settle what the keys leave open. */
static inline void settle_unclear(int64_t n, int bits, pc_af_order *o)
{
    const int32_t gap = clear_gap(bits);
    int32_t first = 0, i = 0, before = 0;
    for (int64_t c = 0; i < n; c++) {
        for (int64_t r = 0; r < ROWS && i < n; r++, i++) {
            const int32_t key = o->at[r * COLUMNS + c];
            if (i > 0 && before - gap > key) {
                if (i - 1 > first) settle_places((pc_af_places){first, i - 1}, bits, o);
                first = i;
            }
            before = key;
        }
    }
    if (i - 1 > first) settle_places((pc_af_places){first, i - 1}, bits, o);
}

/* ---- the distance from the reference ---- */

/* Go down the order: number the groups, count the pairs that are opposite to the reference, and close those
 * that are open. */
static inline int64_t go_down(int64_t n, int bits, pc_af_order *o)
{
    const int64_t n_words = pc_af_row_words(n);
    uint64_t passed[MOST_WORDS] = {0};
    int64_t n_opposite = 0;
#ifdef PC_AF_HAS_VECTORS
    if (n <= SMALL) return go_down_in_register(n, o);
#endif
    for (int64_t i = 0; i < n; i++) {
        const int32_t group = group_at(place_of(o->at, i), bits);
        const uint64_t *lower = o->reference->lower + group * n_words;
        uint64_t *open = o->open + group * n_words;
        for (int64_t k = 0; k < n_words; k++) {
            n_opposite += count_bits(passed[k] & lower[k]);
            open[k] &= ~passed[k];
        }
        passed[group / 64] |= (uint64_t)1 << group % 64;
        o->rank[group] = (int16_t)(2 * i + 2);
    }
    return n_opposite;
}

static inline void share_ranks(pc_af_places chain, int bits, pc_af_order *o)
{
    const int16_t rank = (int16_t)(chain.first + chain.last + 2);
    for (int64_t i = chain.first; i <= chain.last; i++)
        o->rank[group_at(place_of(o->at, i), bits)] = rank;
}

/* Read the keys in the order that held before. */
static inline void read_keys(int64_t n, int bits, const int32_t *restrict key, int32_t *restrict at)
{
    for (int64_t r = 0; r < ROWS; r++) {
        int32_t *restrict row = at + r * COLUMNS;
        const int64_t n_row = (n - r + ROWS - 1) / ROWS;
        for (int64_t c = 0; c < n_row; c++) row[c] = key[group_at(row + c, bits)];
    }
}

/* Make keys, and put the groups in order. False when they clearly stand as before. */
static inline bool put_in_order(int64_t n, int bits, const pc_af_row *row, pc_af_order *o)
{
    const int64_t n_columns = (n + ROWS - 1) / ROWS;
    const int32_t gap = clear_gap(bits);
    make_keys(n, bits, row, o);
    read_keys(n, bits, o->key, o->at);
    if (are_in_order(n_columns, o->at, gap)) return false;
    sort(n_columns, o->at);
    if (!are_in_order(n_columns, o->at, gap)) settle_unclear(n, bits, o);
    return true;
}

static inline bool settle_with(int64_t n, int bits, const pc_af_row *row, pc_af_order *o,
                               bool always)
{
    const bool was_tied = o->n_tied > 0;
    o->n_tied = 0;
    const bool is_other = put_in_order(n, bits, row, o);
    o->most = o->sum[group_at(place_of(o->at, 0), bits)];
    o->least = o->sum[group_at(place_of(o->at, n - 1), bits)];
    if (!is_other && !was_tied && !always) return false;
    o->against = go_down(n, bits, o);
    for (int64_t t = 0; t < o->n_tied; t++) share_ranks(o->tied[t], bits, o);
    return true;
}

static bool settle(int64_t n, const pc_af_row *row, pc_af_order *o, bool always)
{
    return n <= SMALL ? settle_with(n, 8, row, o, always) : settle_with(n, 10, row, o, always);
}

/* ---- ranks ---- */

#ifndef PC_AF_HAS_VECTORS

/* Ranks are doubled: the sum of their products is at most 4 / 3 n^3, below 2^31. */
static int64_t note_ranks(int64_t n, const pc_af_order *o, int16_t *restrict least,
                          int16_t *restrict most)
{
    const int16_t *restrict rank = o->rank, *restrict other = o->reference->rank;
    int32_t product = 0;
    for (int64_t g = 0; g < n; g++) {
        least[g] = rank[g] < least[g] ? rank[g] : least[g];
        most[g] = rank[g] > most[g] ? rank[g] : most[g];
        product += rank[g] * other[g];
    }
    return product;
}

#endif

static void add_bits(int64_t n, const uint64_t *restrict bits, int32_t *restrict number)
{
    for (int64_t k = 0; k < n; k += 64) {
        const int64_t end = k + 64 < n ? 64 : n - k;
        for (int64_t b = 0; b < end; b++) number[k + b] += (int32_t)(bits[k / 64] >> b & 1);
    }
}

static const pc_af_kernels kernels = {add, start, settle, note_ranks, add_bits};
