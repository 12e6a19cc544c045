#include "pc_record.h"

#include <stddef.h>

static const int64_t wide_bytes = 800 * 1024;   /* fits a second-level cache */
static const int64_t copies_bytes = 12 * 1024; /* fits a first-level cache beside the rows */
enum { MOST_COPIES = 8 };

int64_t pc_record_flags_in_part(const pc_record_layout *layout, int64_t part)
{
    const int64_t left = layout->n_flags - part * layout->bits;
    return left < layout->bits ? left : layout->bits;
}

int64_t pc_record_first_of_part(const pc_record_layout *layout, int64_t part)
{
    return 2 + part * 2 * ((int64_t)1 << layout->bits);
}

static void set_copies(pc_record_layout *layout, int64_t n_groups)
{
    const int64_t bytes = n_groups * layout->copy * (int64_t)sizeof(double);
    layout->n_copies = MOST_COPIES;
    while (layout->n_copies > 1 && bytes * layout->n_copies > copies_bytes) layout->n_copies /= 2;
    layout->stride = layout->n_copies * layout->copy;
}

static pc_record_layout cells_of(int64_t n_flags, int64_t bits)
{
    pc_record_layout layout = {.kind = PC_RECORD_CELLS, .n_flags = n_flags};
    layout.n_scores = n_flags;
    layout.n_sums = n_flags;
    layout.bits = n_flags < bits ? n_flags : bits;
    layout.n_parts = n_flags == 0 ? 1 : (n_flags + layout.bits - 1) / layout.bits;
    /* 2 + a power of two times the parts: groups never lie a power of two apart, which would put the
     * same cell of all groups into one set of the cache */
    layout.copy = pc_record_first_of_part(&layout, layout.n_parts);
    return layout;
}

pc_record_layout pc_record_cells(int64_t n_flags, int64_t n_groups)
{
    pc_record_layout layout = cells_of(n_flags, PC_RECORD_WIDE);
    const int64_t most = wide_bytes / (layout.copy * (int64_t)sizeof(double));
    if (n_groups > most) layout = cells_of(n_flags, PC_RECORD_NARROW);
    set_copies(&layout, n_groups);
    return layout;
}

pc_record_layout pc_record_sums(int64_t n_scores, int64_t n_sums, int64_t n_groups)
{
    pc_record_layout layout = {.kind = PC_RECORD_SUMS, .n_scores = n_scores, .n_sums = n_sums};
    layout.width = (2 + 2 * n_scores + n_sums + 3) / 4 * 4;
    layout.copy = 2 * layout.width;
    set_copies(&layout, n_groups);
    return layout;
}

/* Numbers between the records of groups, so that they do not lie a power of two apart: the same cell of all
 * groups would share one set of the cache (measured: 2.5 times slower). */
enum { PROFILE_GAP = 60 };

pc_record_layout pc_record_profile(int64_t n_indicators, int64_t n_groups)
{
    pc_record_layout layout = {.kind = PC_RECORD_PROFILE, .n_flags = n_indicators};
    layout.copy = 3 * ((int64_t)1 << n_indicators) + PROFILE_GAP;
    set_copies(&layout, n_groups);
    return layout;
}

/* s + x, its rounding error added to *error. */
static double two_sum(double s, double x, double *error)
{
    const double t = s + x, part = t - s;
    *error += (s - (t - part)) + (x - part);
    return t;
}

static void add_pair(double *to, const double *from)
{
    to[0] = two_sum(to[0], from[0], &to[1]);
    to[1] += from[1];
}

static void add_copy(const pc_record_layout *layout, double *to, const double *from)
{
    switch (layout->kind) {
    case PC_RECORD_CELLS:
        to[0] += from[0];
        for (int64_t k = 2; k < layout->copy; k += 2) add_pair(to + k, from + k);
        break;
    case PC_RECORD_SUMS:
        for (int64_t k = 0; k < layout->width; k++) {
            to[k] = two_sum(to[k], from[k], &to[layout->width + k]);
            to[layout->width + k] += from[layout->width + k];
        }
        break;
    case PC_RECORD_PROFILE:
        for (int64_t k = 0; k < layout->copy - PROFILE_GAP; k += 3) {
            if (from[k + 2] == 0) continue;
            add_pair(to + k, from + k);
            to[k + 2] += from[k + 2];
        }
        break;
    }
}

void pc_record_add(const pc_record_layout *layout, double *to, const double *from)
{
    for (int64_t c = 0; c < layout->n_copies; c++)
        add_copy(layout, to + c * layout->copy, from + c * layout->copy);
}

void pc_record_fold(const pc_record_layout *layout, double *record)
{
    for (int64_t c = 1; c < layout->n_copies; c++)
        add_copy(layout, record, record + c * layout->copy);
}

bool pc_record_has_rows(const pc_record_layout *layout, const double *record)
{
    for (int64_t c = 0; c < layout->n_copies; c++) {
        const double *copy = record + c * layout->copy;
        if (layout->kind == PC_RECORD_PROFILE) {
            if (pc_record_read_cells(layout, copy, NULL, NULL, NULL) > 0) return true;
        } else if (copy[0] > 0) return true;
    }
    return false;
}

int64_t pc_record_read_cells(const pc_record_layout *layout, const double *record, uint64_t *mask,
                             int64_t *n, double *weight)
{
    int64_t n_cells = 0;
    for (int64_t m = 0; m < (int64_t)1 << layout->n_flags; m++) {
        const double *cell = record + 3 * m;
        if (cell[2] == 0) continue;
        if (mask != NULL) {
            mask[n_cells] = (uint64_t)m;
            n[n_cells] = (int64_t)cell[2];
            weight[n_cells] = cell[0] + cell[1];
        }
        n_cells++;
    }
    return n_cells;
}

/* Sum of the cells whose combination holds the flag (all cells: flag -1), in their order. */
static double sum_of_cells(const double *cells, int64_t n_cells, int64_t flag)
{
    double sum = 0, error = 0;
    for (int64_t m = 0; m < n_cells; m++) {
        if (flag >= 0 && !(m >> flag & 1)) continue;
        sum = two_sum(sum, cells[2 * m], &error);
        error += cells[2 * m + 1];
    }
    return sum + error;
}

static double sum_of_part(const pc_record_layout *layout, const double *record, int64_t part,
                          int64_t flag)
{
    return sum_of_cells(record + pc_record_first_of_part(layout, part),
                        (int64_t)1 << pc_record_flags_in_part(layout, part), flag);
}

static void read_cells(const pc_record_layout *layout, const double *record, int64_t *n,
                       double *weight, int64_t step, int64_t *score_n, double *score_weight,
                       double *sum)
{
    *n = (int64_t)record[0];
    *weight = sum_of_part(layout, record, 0, -1);
    for (int64_t j = 0; j < layout->n_flags; j++) {
        const double total = sum_of_part(layout, record, j / layout->bits, j % layout->bits);
        score_n[j * step] = *n;
        score_weight[j * step] = *weight;
        /* the same weights, added in another order: a rate must not come out above 1 */
        sum[j * step] = total < *weight ? total : *weight;
    }
}

static void read_sums(const pc_record_layout *layout, const double *record, int64_t *n,
                      double *weight, int64_t step, int64_t *score_n, double *score_weight,
                      double *sum)
{
    const double *error = record + layout->width;
    const int64_t first_sum = 2 + 2 * layout->n_scores;
    *n = (int64_t)record[0];
    *weight = record[1] + error[1];
    for (int64_t j = 0; j < layout->n_scores; j++) {
        const int64_t at = 2 + 2 * j;
        score_n[j * step] = (int64_t)record[at];
        score_weight[j * step] = record[at + 1] + error[at + 1];
    }
    for (int64_t s = 0; s < layout->n_sums; s++)
        sum[s * step] = record[first_sum + s] + error[first_sum + s];
}

void pc_record_read(const pc_record_layout *layout, const double *record, int64_t *n,
                    double *weight, int64_t step, int64_t *score_n, double *score_weight,
                    double *sum)
{
    if (layout->kind == PC_RECORD_SUMS)
        read_sums(layout, record, n, weight, step, score_n, score_weight, sum);
    else read_cells(layout, record, n, weight, step, score_n, score_weight, sum);
}
