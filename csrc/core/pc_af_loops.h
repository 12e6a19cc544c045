/*
 * The source of both builds of the hot loops. Included by pc_af_order.c and pc_af_avx2.c only, each of
 * which gets its own copy and makes a table of it.
 *
 * An order is settled in four steps. The measure is read in the order that held before, and blocks of four
 * places are suspect where a neighbour is not clearly lower. Where few are, they are sorted by insertion;
 * where many are, all places by exchanges of neighbours, whose branches need no guessing. Chains of equal
 * neighbours take the order of the reference. At last the pairs in opposite orders are counted among the
 * places that moved: going down the order, with the groups passed as bits, those that should be lower are
 * the conjunction of two rows of bits.
 */
#include "pc_af.h"
#include "pc_af_order.h"

#include <stddef.h>
#include <string.h>

enum { BLOCK = 4, LINE_NUMBERS = 8, FEW = 4, ROUNDS = 24, MOST_WORDS = 16 };

_Static_assert(PC_AF_MOST_GROUPS == 1 << PC_AF_TAG_BITS, "a key has room for every group");
_Static_assert(PC_AF_MOST_GROUPS == 64 * MOST_WORDS, "a row of bits has room for every group");

#ifndef PC_AF_FETCH
#define PC_AF_FETCH(address) ((void)(address))
#endif

/* ---- running sums ---- */

static inline void add_row(int64_t n, const double *restrict row, double value, bool has_h,
                           double *restrict h, bool has_m0, double *restrict m0,
                           const double *ahead)
{
    for (int64_t g = 0; g < n; g += LINE_NUMBERS) PC_AF_FETCH(ahead + g);
    for (int64_t g = 0; g < n; g++) {
        const double share = row[g];
        if (has_h) h[g] += share;
        if (has_m0) m0[g] += share * value;
    }
}

static void add(int64_t n_groups, const double *row, double value, double *h, double *m0,
                const double *ahead)
{
    if (h != NULL && m0 != NULL) add_row(n_groups, row, value, true, h, true, m0, ahead);
    else if (h != NULL) add_row(n_groups, row, value, true, h, false, NULL, ahead);
    else if (m0 != NULL) add_row(n_groups, row, value, false, NULL, true, m0, ahead);
}

/* ---- keys ---- */

static inline uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline int32_t group_of(double key)
{
    return (int32_t)(bits_of(key) & (PC_AF_MOST_GROUPS - 1));
}

static inline void make_keys(int64_t n, const double *restrict sum, double *restrict key)
{
    for (int64_t g = 0; g < n; g++) {
        const uint64_t bits =
            (bits_of(1.0 + sum[g]) & ~(uint64_t)(PC_AF_MOST_GROUPS - 1)) | (uint64_t)g;
        memcpy(&key[g], &bits, sizeof bits);
    }
}

static inline bool is_clearly_lower(double before, double here)
{
    return before - here > PC_AF_SAME;
}

#ifndef PC_AF_HAS_VECTORS

static inline void read_in_order(int64_t n, const int32_t *restrict order,
                                 const double *restrict key, double *restrict at)
{
    for (int64_t i = 0; i < n; i++) at[i] = key[order[i]];
}

/* Whether one of four keys is not clearly lower than the one before. */
static inline bool is_suspect(const double *at)
{
    const bool first = is_clearly_lower(at[-1], at[0]) & is_clearly_lower(at[0], at[1]);
    return !(first & is_clearly_lower(at[1], at[2]) & is_clearly_lower(at[2], at[3]));
}

#endif

/* The first places of suspect blocks. The number before the first is infinite, and those behind the last
 * fall below all keys, so that no block needs care. */
static inline int64_t suspects(int64_t n, const double *at, int32_t *restrict suspect)
{
    int64_t n_suspects = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        suspect[n_suspects] = (int32_t)i;
        n_suspects += is_suspect(at + i);
    }
    return n_suspects;
}

/* ---- sorting ---- */

static inline int64_t end_of(int64_t block, int64_t n)
{
    return block + BLOCK < n ? block + BLOCK : n;
}

/* Places first .. last changed hands; they swallow earlier ranges that they reach. */
static inline void note_moved(pc_af_order *o, int32_t first, int32_t last)
{
    while (o->n_moved > 0 && first <= o->moved[o->n_moved - 1].last) {
        o->n_moved--;
        if (o->moved[o->n_moved].first < first) first = o->moved[o->n_moved].first;
    }
    o->moved[o->n_moved] = (pc_af_places){first, last};
    o->n_moved++;
}

static inline int64_t insert(double *at, int64_t i)
{
    const double key = at[i];
    int64_t j = i;
    do {
        at[j] = at[j - 1];
        j--;
    } while (j > 0 && at[j - 1] < key);
    at[j] = key;
    return j;
}

/* A place to which a lower key came is looked at again from the next one, suspect or not. */
static inline void sort_suspects(int64_t n, int64_t n_suspects, pc_af_order *o)
{
    int64_t i = 1;
    for (int64_t s = 0; s < n_suspects; s++) {
        const int64_t end = end_of(o->suspect[s], n);
        bool came = false;
        if (i < o->suspect[s]) i = o->suspect[s];
        for (; i < end || (came && i < n); i++) {
            came = o->at[i - 1] < o->at[i];
            if (came) note_moved(o, (int32_t)insert(o->at, i), (int32_t)i);
        }
    }
}

#ifndef PC_AF_HAS_VECTORS

/* Exchange what is out of order between pairs of neighbours; not 0 when something was. */
static inline int64_t exchange(int64_t n, double *restrict before, double *restrict behind)
{
    int64_t any = 0;
    for (int64_t i = 0; i < n; i++) {
        const double a = before[i], b = behind[i];
        any |= a < b ? -1 : 0;
        before[i] = a > b ? a : b;
        behind[i] = a > b ? b : a;
    }
    return any;
}

static inline int64_t exchange_round(int64_t n, double *even, double *odd)
{
    return exchange(n, even, odd) | exchange(n - 1, odd, even + 1);
}

/* Between places three apart, for those that have far to go. */
static inline void exchange_far(int64_t n, double *even, double *odd)
{
    exchange(n - 1, even, odd + 1);
    exchange(n - 2, odd, even + 2);
}

#endif

/* Even and odd places stand apart, so that neighbours are exchanged four pairs at a time. A key is
 * mostly a few places from where it belongs; what is not in order after some rounds is inserted. */
static inline void sort_all(int64_t n, pc_af_order *o)
{
    const int64_t n_even = (n + 1) / 2; /* of an odd number the last odd place lies behind all */
    double *even = o->half, *odd = o->half + n_even + 4; /* a number before the first odd one is used */
    int64_t any = 1;
    for (int64_t i = 0; i < n_even; i++) {
        even[i] = o->at[2 * i];
        odd[i] = o->at[2 * i + 1];
    }
    exchange_far(n_even, even, odd);
    for (int round = 0; any != 0 && round < ROUNDS; round++) any = exchange_round(n_even, even, odd);
    for (int64_t i = 0; i < n_even; i++) {
        o->at[2 * i] = even[i];
        o->at[2 * i + 1] = odd[i];
    }
    for (int64_t i = 1; any != 0 && i < n; i++)
        if (o->at[i - 1] < o->at[i]) insert(o->at, i);
    note_moved(o, 0, (int32_t)(n - 1));
}

/* ---- ties ---- */

/* Chains of neighbours that are equal, in sorted places. */
static inline void find_ties(int64_t n, int64_t n_suspects, pc_af_order *o)
{
    for (int64_t s = 0; s < n_suspects; s++) {
        const int64_t end = end_of(o->suspect[s], n);
        for (int64_t i = o->suspect[s] > 0 ? o->suspect[s] : 1; i < end; i++) {
            if (is_clearly_lower(o->at[i - 1], o->at[i])) continue;
            if (o->n_tied > 0 && o->tied[o->n_tied - 1].last == i - 1) {
                o->tied[o->n_tied - 1].last = (int32_t)i;
            } else {
                o->tied[o->n_tied] = (pc_af_places){(int32_t)(i - 1), (int32_t)i};
                o->n_tied++;
            }
        }
    }
}

static inline bool has_tie(int64_t first, int64_t end, const double *at)
{
    for (int64_t i = first; i < end; i++)
        if (!is_clearly_lower(at[i - 1], at[i])) return true;
    return false;
}

/* Whether some are equal where they may be: in blocks that were suspect, and at and behind places that
 * changed hands. */
static inline bool has_ties(int64_t n, int64_t n_suspects, const pc_af_order *o)
{
    for (int64_t s = 0; s < n_suspects; s++)
        if (has_tie(o->suspect[s], end_of(o->suspect[s], n), o->at)) return true;
    for (int64_t m = 0; m < o->n_moved; m++)
        if (has_tie(o->moved[m].first, o->moved[m].last + 2, o->at)) return true;
    return false;
}

/* Equal groups take the order of the reference. */
static inline void sort_chain(pc_af_places chain, const int32_t *place, double *at)
{
    for (int64_t i = chain.first + 1; i <= chain.last; i++) {
        const double key = at[i];
        const int32_t its = place[group_of(key)];
        int64_t j = i;
        for (; j > chain.first && place[group_of(at[j - 1])] > its; j--) at[j] = at[j - 1];
        at[j] = key;
    }
}

/* ---- the distance from the reference ---- */

#ifndef PC_AF_HAS_VECTORS

static inline int64_t count_bits(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (int64_t)(x * 0x0101010101010101u >> 56);
}

#endif

/* Pairs among places first .. last that are opposite to the reference; marked in turned, if given. */
static inline int64_t count_opposite(int64_t n_words, pc_af_places range, const int32_t *order,
                                     const pc_af_reference *reference, uint64_t *turned)
{
#ifdef PC_AF_HAS_VECTORS
    if (n_words == 4) return count_opposite_marking(range, order, reference, turned);
#endif
    uint64_t passed[MOST_WORDS] = {0};
    int64_t n_opposite = 0;
    for (int64_t i = range.first; i <= range.last; i++) {
        const int64_t group = order[i];
        const uint64_t *lower = reference->lower + group * n_words;
        for (int64_t k = 0; k < n_words; k++) {
            const uint64_t opposite = passed[k] & lower[k];
            n_opposite += count_bits(opposite);
            if (turned != NULL) turned[group * n_words + k] |= opposite;
        }
        passed[group / 64] |= (uint64_t)1 << group % 64;
    }
    return n_opposite;
}

/* Places first .. last of the order become those of the keys. */
static inline void take_keys(pc_af_places range, pc_af_order *o)
{
    for (int64_t i = range.first; i <= range.last; i++) {
        const int32_t group = group_of(o->at[i]);
        o->order[i] = group;
        o->rank[group] = (int32_t)(2 * i + 2);
    }
}

static inline void take_range(int64_t n_words, pc_af_places range, pc_af_order *o)
{
    o->against -= count_opposite(n_words, range, o->order, o->reference, NULL);
    take_keys(range, o);
    o->against += count_opposite(n_words, range, o->order, o->reference, o->turned);
}

static inline void share_ranks(pc_af_places chain, pc_af_order *o)
{
    for (int64_t i = chain.first; i <= chain.last; i++)
        o->rank[o->order[i]] = chain.first + chain.last + 2;
}

static bool settle(int64_t n, pc_af_order *o)
{
    const int64_t n_words = pc_af_row_words(n);
    const pc_af_places all = {0, (int32_t)(n - 1)};
    const bool was_tied = o->n_tied > 0;
    make_keys(n, o->sum, o->key);
    read_in_order(n, o->order, o->key, o->at);
    int64_t n_suspects = suspects(n, o->at, o->suspect);
    o->n_moved = 0;
    o->n_tied = 0;
    if (n_suspects > 0) {
        const bool are_few = n_suspects * BLOCK * FEW < n;
        if (are_few) sort_suspects(n, n_suspects, o);
        else sort_all(n, o);
        if (!are_few || has_ties(n, n_suspects, o)) {
            n_suspects = suspects(n, o->at, o->suspect);
            find_ties(n, n_suspects, o);
        }
        for (int64_t t = 0; t < o->n_tied; t++) sort_chain(o->tied[t], o->reference->place, o->at);
    }
    if (o->n_tied > 0 || was_tied || (o->n_moved == 1 && o->moved[0].last - o->moved[0].first == n - 1)) {
        take_keys(all, o);
        for (int64_t t = 0; t < o->n_tied; t++) share_ranks(o->tied[t], o);
        o->against = count_opposite(n_words, all, o->order, o->reference, o->turned);
        return true;
    }
    for (int64_t m = 0; m < o->n_moved; m++) take_range(n_words, o->moved[m], o);
    return o->n_moved > 0;
}

/* ---- ranks ---- */

static void note_ranks(int64_t n, const pc_af_order *o, int32_t *restrict least,
                       int32_t *restrict most)
{
    const int32_t *restrict rank = o->rank;
    for (int64_t g = 0; g < n; g++) {
        least[g] = rank[g] < least[g] ? rank[g] : least[g];
        most[g] = rank[g] > most[g] ? rank[g] : most[g];
    }
}

static int64_t rank_product(int64_t n, const pc_af_order *o)
{
    const int32_t *restrict rank = o->rank, *restrict other = o->reference->rank;
    int64_t product = 0;
    for (int64_t g = 0; g < n; g++) product += (int64_t)rank[g] * other[g];
    return product;
}

static const pc_af_kernels kernels = {add, settle, note_ranks, rank_product};
