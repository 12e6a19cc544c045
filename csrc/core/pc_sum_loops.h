/*
 * The source of both builds of the hot loops. Included by pc_sum.c and pc_sum_avx2.c only, each of which
 * gets its own copy and makes a table of it.
 */
#include "pc_sum.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

static inline uint8_t pack_columns(int64_t n, int64_t n_columns, const uint8_t *const *column,
                                   uint8_t *restrict out)
{
    const uint8_t *restrict flags[8] = {0}; /* out, being bytes, might otherwise alias the pointers */
    uint8_t seen = 0;
    for (int64_t j = 0; j < n_columns; j++) flags[j] = column[j];
    for (int64_t i = 0; i < n; i++) {
        uint8_t bits = 0;
        for (int64_t j = n_columns - 1; j >= 0; j--) {
            const uint8_t flag = flags[j][i];
            seen |= flag;
            bits = (uint8_t)(2 * bits + (flag & 1));
        }
        out[i] = bits;
    }
    return seen;
}

/* A constant number of columns lets the compiler keep the columns in registers and go over rows in
 * vectors. */
static uint8_t pack(int64_t n, int64_t n_columns, const uint8_t *const *column, uint8_t *out)
{
    switch (n_columns) {
    case 1: return pack_columns(n, 1, column, out);
    case 2: return pack_columns(n, 2, column, out);
    case 3: return pack_columns(n, 3, column, out);
    case 4: return pack_columns(n, 4, column, out);
    case 5: return pack_columns(n, 5, column, out);
    case 6: return pack_columns(n, 6, column, out);
    case 7: return pack_columns(n, 7, column, out);
    case 8: return pack_columns(n, 8, column, out);
    default: return pack_columns(n, n_columns, column, out);
    }
}

/* A strip of rows is added while what the next block needs is fetched, and the slots of rows further on: a
 * processor alone looks ahead a few dozen rows, too few to wait for all their slots at once. */
enum { CACHE_LINE = 64, STRIP_ROWS = 64, SLOTS_AHEAD = 128 };

/* Not into the first-level cache, where the rows at hand are. */
#ifndef PC_SUM_FETCH
#define PC_SUM_FETCH(address) ((void)(address))
#define PC_SUM_INLINE static inline
#endif

static void fetch(const void *start, int64_t n_bytes)
{
    for (int64_t b = 0; b < n_bytes; b += CACHE_LINE) PC_SUM_FETCH((const char *)start + b);
}

/* What the strip at row `first` has to fetch of the next block. Inlined: a function that only fetches has no
 * effect, and its calls would be dropped. */
PC_SUM_INLINE void fetch_strip(int64_t first, const pc_sum_ahead *ahead)
{
    for (int64_t k = 0; k < ahead->n; k++)
        for (int64_t line = 0; line < ahead->row_bytes[k]; line++)
            PC_SUM_FETCH(ahead->start[k] + first * ahead->row_bytes[k] + line * CACHE_LINE);
}

/* The slots that the strip at row `first` has to fetch, of n rows. */
PC_SUM_INLINE void fetch_slots(int64_t first, int64_t n, const uint32_t *at, const double *table)
{
    const int64_t end = first + SLOTS_AHEAD + STRIP_ROWS;
    for (int64_t i = first == 0 ? 0 : first + SLOTS_AHEAD; i < n && i < end; i++)
        PC_SUM_FETCH(table + at[i]);
}

static int check(int64_t n, const double *restrict amount)
{
    int64_t bad = 0; /* as wide as the numbers: so the comparisons stay in vectors */
    for (int64_t i = 0; i < n; i++) {
        const int64_t not_least = amount[i] >= 0.0 ? 0 : 1;
        const int64_t not_most = amount[i] <= DBL_MAX ? 0 : 1;
        const int64_t zero = amount[i] == 0.0 ? PC_SUM_ZERO : 0;
        bad |= not_least | not_most | zero;
    }
    return (int)bad;
}

static void scale(int64_t n, uint32_t factor, uint32_t shift, uint32_t *restrict code)
{
    for (int64_t i = 0; i < n; i++) code[i] = code[i] * factor + shift;
}

#ifndef PC_SUM_HAS_VECTORS

/* Weight, one row, and the weight of two flags; gives the number of rows. */
static inline double add_first(double weight, unsigned bits, double *slot)
{
    slot[0] += weight;
    slot[1] += 1.0;
    slot[2] += weight * (bits & 1);
    slot[3] += weight * (bits >> 1 & 1);
    return slot[1];
}

static inline void add_one_and_flag(double weight, unsigned bits, double *slot)
{
    slot[0] += weight;
    slot[1] += weight * (bits & 1);
}

/* A flag of 0 adds +0.0, which changes no sum that began at 0. */
static inline void add_four(double weight, unsigned bits, double *slot)
{
    slot[0] += weight * (bits & 1);
    slot[1] += weight * (bits >> 1 & 1);
    slot[2] += weight * (bits >> 2 & 1);
    slot[3] += weight * (bits >> 3 & 1);
}

#endif

static int64_t add_pairs(int64_t first, int64_t n, const uint32_t *restrict at,
                         const double *restrict weight, double most, double *restrict table,
                         const pc_sum_ahead *ahead)
{
    while (first < n) {
        const int64_t strip = first / STRIP_ROWS * STRIP_ROWS;
        const int64_t end = n - strip < STRIP_ROWS ? n : strip + STRIP_ROWS;
        if (first == strip) fetch_strip(first, ahead);
        if (first == strip) fetch_slots(first, n, at, table);
        for (int64_t i = first; i < end; i++) {
            double *pair = table + at[i];
            pair[0] += weight[i];
            pair[1] += 1.0;
            if (pair[1] >= most) return i + 1;
        }
        first = end;
    }
    return n;
}

#ifndef PC_SUM_HAS_VECTORS

/* Which of four pairs have a second number, from `first` on; returns how many. */
static inline int64_t find_four(const double *pairs, uint32_t first, uint32_t *found)
{
    int64_t n_found = 0;
    for (uint32_t i = 0; i < 4; i++) {
        found[n_found] = first + i;
        n_found += pairs[2 * i + 1] != 0;
    }
    return n_found;
}

#endif

static int64_t find_pairs(int64_t n, const double *restrict table, uint32_t first, uint32_t *restrict found)
{
    int64_t n_found = 0;
    for (int64_t i = 0; i < n; i += 4)
        n_found += find_four(table + 2 * i, first + (uint32_t)i, found + n_found);
    return n_found;
}

#ifndef PC_SUM_HAS_VECTORS

static void stream(void *to, const void *from, int64_t n_bytes)
{
    memcpy(to, from, (size_t)n_bytes);
}

static void settle(void)
{
}

#endif

typedef enum slot_form { FLAGS, CELLS } slot_form;

/* One row to one slot; gives the number of rows that the slot has had. */
static inline double add_row(slot_form form, int64_t n_parts, const uint8_t *const *bits,
                             int64_t i, double weight, double *slot)
{
    if (form == CELLS) {
        for (int64_t p = 0; p < n_parts; p++) slot[2 + 64 * p + bits[p][i]] += weight;
        slot[1] += 1.0;
        return slot[1];
    }
    for (int64_t p = 1; p < n_parts; p++) add_four(weight, bits[p][i], slot + 4 * p);
    return add_first(weight, bits[0][i], slot);
}

static inline int64_t add_rows(slot_form form, int64_t first, int64_t n,
                               const uint32_t *restrict at, int64_t n_parts,
                               const uint8_t *const *bits, const double *restrict weight,
                               double most, double *restrict table, const pc_sum_ahead *ahead)
{
    while (first < n) {
        const int64_t strip = first / STRIP_ROWS * STRIP_ROWS;
        const int64_t end = n - strip < STRIP_ROWS ? n : strip + STRIP_ROWS;
        if (first == strip) fetch_strip(first, ahead);
        for (int64_t i = first; i < end; i++) {
            if (add_row(form, n_parts, bits, i, weight[i], table + at[i]) >= most) return i + 1;
        }
        first = end;
    }
    return n;
}

/* A known number of parts is kept in registers and needs no inner loop. */
static int64_t add_flags(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const uint8_t *const *bits, const double *weight, double most,
                         double *table, const pc_sum_ahead *ahead)
{
    const uint8_t *here[4] = {NULL, NULL, NULL, NULL};
    for (int64_t p = 0; p < 4 && p < n_parts; p++) here[p] = bits[p];
    switch (n_parts) {
    case 1: return add_rows(FLAGS, first, n, at, 1, here, weight, most, table, ahead);
    case 4: return add_rows(FLAGS, first, n, at, 4, here, weight, most, table, ahead);
    default: return add_rows(FLAGS, first, n, at, n_parts, bits, weight, most, table, ahead);
    }
}

static int64_t add_cells(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const uint8_t *const *bits, const double *weight, double most,
                         double *table, const pc_sum_ahead *ahead)
{
    const uint8_t *here[2] = {bits[0], n_parts > 1 ? bits[1] : NULL};
    switch (n_parts) {
    case 1: return add_rows(CELLS, first, n, at, 1, here, weight, most, table, ahead);
    case 2: return add_rows(CELLS, first, n, at, 2, here, weight, most, table, ahead);
    default: return add_rows(CELLS, first, n, at, n_parts, bits, weight, most, table, ahead);
    }
}

static inline int64_t add_lean_rows(int64_t first, int64_t n, const uint32_t *restrict at, int64_t width,
                                    const uint8_t *restrict bits, const double *restrict weight, uint16_t most,
                                    double *restrict table, uint16_t *restrict count, const pc_sum_ahead *ahead)
{
    while (first < n) {
        const int64_t strip = first / STRIP_ROWS * STRIP_ROWS;
        const int64_t end = n - strip < STRIP_ROWS ? n : strip + STRIP_ROWS;
        if (first == strip) fetch_strip(first, ahead);
        for (int64_t i = first; i < end; i++) {
            double *slot = table + width * at[i];
            if (width == 1) slot[0] += weight[i];
            else if (width == 2) add_one_and_flag(weight[i], bits[i], slot);
            else add_four(weight[i], 2u * bits[i] + 1, slot); /* the first of four flags, always 1, is the weight */
            if (++count[at[i]] >= most) return i + 1;
        }
        first = end;
    }
    return n;
}

static int64_t add_lean(int64_t first, int64_t n, const uint32_t *at, int64_t width, const uint8_t *bits,
                        const double *weight, uint16_t most, double *table, uint16_t *count,
                        const pc_sum_ahead *ahead)
{
    if (width == 1) return add_lean_rows(first, n, at, 1, bits, weight, most, table, count, ahead);
    if (width == 2) return add_lean_rows(first, n, at, 2, bits, weight, most, table, count, ahead);
    return add_lean_rows(first, n, at, 4, bits, weight, most, table, count, ahead);
}

static void add_record(int64_t n, const uint32_t *restrict at, const double *restrict x,
                       int64_t width, double *restrict table)
{
    for (int64_t i = 0; i < n; i++) {
        double *restrict sum = table + at[i];
        double *restrict error = sum + width;
        const double *restrict row = x + i * width;
        for (int64_t k = 0; k < width; k++) {
            const double old = sum[k], total = old + row[k], part = total - old;
            error[k] += (old - (total - part)) + (row[k] - part);
            sum[k] = total;
        }
    }
}

static void interleave(int64_t n, const double *const *column, double *restrict out)
{
    const double *restrict a = column[0], *restrict b = column[1];
    const double *restrict c = column[2], *restrict d = column[3];
    int64_t i = 0;
#ifdef PC_SUM_HAS_VECTORS
    for (; i + 4 <= n; i += 4) interleave_four(a + i, b + i, c + i, d + i, out + 4 * i);
#endif
    for (; i < n; i++) {
        out[4 * i] = a[i];
        out[4 * i + 1] = b[i];
        out[4 * i + 2] = c[i];
        out[4 * i + 3] = d[i];
    }
}

static inline int64_t add_part_rows(int64_t first, int64_t n, const uint32_t *restrict at,
                                    int64_t n_parts, const double *const *part,
                                    const double *restrict rest, double most,
                                    double *restrict table)
{
    for (int64_t i = first; i < n; i++) {
        double *restrict slot = table + at[i];
        if (rest != NULL) slot[4 * n_parts] += rest[i];
        for (int64_t p = n_parts - 1; p >= 0; p--)
            for (int64_t k = 0; k < 4; k++) slot[4 * p + k] += part[p][4 * i + k];
        if (slot[1] >= most) return i + 1;
    }
    return n;
}

/* A known number of parts is kept in registers. */
static int64_t add_parts(int64_t first, int64_t n, const uint32_t *at, int64_t n_parts,
                         const double *const *part, const double *rest, double most,
                         double *table)
{
    const double *here[2] = {part[0], n_parts > 1 ? part[1] : NULL};
    if (n_parts == 1 && rest != NULL) return add_part_rows(first, n, at, 1, here, rest, most, table);
    if (n_parts == 1) return add_part_rows(first, n, at, 1, here, NULL, most, table);
    if (n_parts == 2) return add_part_rows(first, n, at, 2, here, rest, most, table);
    return add_part_rows(first, n, at, n_parts, part, rest, most, table);
}

static const pc_sum_kernels kernels = {pack,      fetch,      check,     scale,     add_pairs,
                                       find_pairs, stream,    settle,    add_flags, add_lean,
                                       add_cells, interleave, add_parts, add_record};
