#include "pc_record.h"

#include "pc_two_sum.h"

#include <math.h>
#include <stddef.h>

enum { MOST_COPIES = 8, PAIR = 2 };
static const int64_t copies_bytes = 12 * 1024; /* fits a first-level cache beside the rows */
static const int64_t cells_bytes = 512 * 1024; /* fits a second-level cache */
static const int64_t flags_bytes = 512 * 1024; /* the same: beyond it records are lean */

static int64_t multiple_of_4(int64_t n)
{
    return (n + 3) / 4 * 4;
}

/* As many copies as stay in the first-level cache. */
static pc_record_layout with_copies(pc_record_layout layout, int64_t n_groups)
{
    const int64_t bytes = n_groups * layout.slot * (int64_t)sizeof(double);
    layout.n_slots = MOST_COPIES;
    while (layout.n_slots > 1 && bytes * layout.n_slots > copies_bytes) layout.n_slots /= 2;
    layout.stride = layout.n_slots * layout.slot;
    layout.kept = layout.total = layout.width;
    layout.n_values =
        layout.form == PC_RECORD_CELLS ? PC_RECORD_FIRST + layout.n_flags : layout.width;
    return layout;
}

static int64_t n_parts(int64_t n_flags)
{
    return (n_flags + PC_RECORD_PART - 1) / PC_RECORD_PART;
}

static pc_record_layout lean_flags(int64_t n_flags)
{
    pc_record_layout layout = {.form = PC_RECORD_LEAN, .n_flags = n_flags, .n_slots = 1};
    layout.n_scores = layout.n_sums = n_flags;
    layout.width = layout.slot = layout.stride = PC_RECORD_LEAN_FIRST + n_flags;
    layout.kept = layout.total = layout.n_values = PC_RECORD_FIRST + n_flags;
    return layout;
}

/* Records of one, two or four numbers, which a processor adds to at once. */
static bool may_be_lean(int64_t n_flags)
{
    return n_flags <= PC_RECORD_MOST_LEAN && n_flags != 2;
}

pc_record_layout pc_record_flags(int64_t n_flags, int64_t n_groups)
{
    enum { BESIDE_N = 2 }; /* so many flags are added together with weight and n */
    pc_record_layout layout = {.form = PC_RECORD_FLAGS, .n_flags = n_flags};
    layout.n_scores = n_flags;
    layout.n_sums = n_flags;
    layout.width = PC_RECORD_FIRST + n_parts(n_flags) * PC_RECORD_COMBINATIONS;
    if (n_flags > BESIDE_N && n_groups * layout.width * (int64_t)sizeof(double) <= cells_bytes)
        layout.form = PC_RECORD_CELLS;
    else layout.width = multiple_of_4(PC_RECORD_FIRST + n_flags);
    layout.slot = layout.width;
    if (may_be_lean(n_flags) && n_groups > flags_bytes / (layout.width * (int64_t)sizeof(double)))
        return lean_flags(n_flags);
    return with_copies(layout, n_groups);
}

pc_record_layout pc_record_scores(int64_t n_sums, int64_t n_groups)
{
    pc_record_layout layout = {.form = PC_RECORD_SCORES, .n_sums = n_sums};
    layout.width = multiple_of_4(PC_RECORD_FIRST + n_sums);
    layout.slot = layout.width;
    return with_copies(layout, n_groups);
}

pc_record_layout pc_record_sums(int64_t n_scores, int64_t n_sums, int64_t n_groups)
{
    pc_record_layout layout = {.n_scores = n_scores, .n_sums = n_sums};
    layout.width = multiple_of_4(2 + 2 * n_scores + n_sums);
    layout.slot = 2 * layout.width;
    return with_copies(layout, n_groups);
}

pc_record_layout pc_record_profile(int64_t n_indicators)
{
    /* Groups must not lie a power of two apart: the same combination of all groups would share one set
     * of the cache (measured: 2.5 times slower). */
    enum { GAP = 40 };
    pc_record_layout layout = {.form = PC_RECORD_PROFILE, .n_flags = n_indicators};
    layout.width = PAIR;
    layout.slot = PAIR;
    layout.n_slots = (int64_t)1 << n_indicators;
    layout.kept = PAIR;
    layout.total = layout.n_slots * PAIR;
    layout.n_values = layout.total;
    layout.stride = layout.total + GAP;
    return layout;
}

bool pc_record_has_rows(const pc_record_layout *layout, const double *record, const uint16_t *count)
{
    if (layout->form == PC_RECORD_LEAN) return *count > 0;
    for (int64_t s = 0; s < layout->n_slots; s++)
        if (record[s * layout->slot + PC_RECORD_N] > 0) return true;
    return false;
}

static void add_numbers(int64_t n, double *sum, double *error, const double *more)
{
    for (int64_t k = 0; k < n; k++) sum[k] = pc_two_sum(sum[k], more[k], &error[k]);
}

/* A slot's numbers in the order of values. whole: room for those of a lean one. */
static const double *in_order(const pc_record_layout *layout, const double *slot, const uint16_t *count, double *whole)
{
    if (layout->form != PC_RECORD_LEAN) return slot;
    whole[PC_RECORD_WEIGHT] = slot[PC_RECORD_WEIGHT];
    whole[PC_RECORD_N] = *count;
    for (int64_t j = 0; j < layout->n_flags; j++) whole[PC_RECORD_FIRST + j] = slot[PC_RECORD_LEAN_FIRST + j];
    return whole;
}

void pc_record_put_aside(const pc_record_layout *layout, double *slot, uint16_t *count, double *kept)
{
    double whole[PC_RECORD_FIRST + PC_RECORD_MOST_LEAN];
    add_numbers(layout->kept, kept, kept + layout->kept, in_order(layout, slot, count, whole));
    for (int64_t k = 0; k < layout->width; k++) slot[k] = 0;
    if (count != NULL) *count = 0;
}

void pc_record_add_kept(const pc_record_layout *layout, double *kept, const double *more)
{
    add_numbers(layout->kept, kept, kept + layout->kept, more);
    for (int64_t k = layout->kept; k < 2 * layout->kept; k++) kept[k] += more[k];
}

void pc_record_add_slot(const pc_record_layout *layout, double *place, const double *slot, const uint16_t *count)
{
    double whole[PC_RECORD_FIRST + PC_RECORD_MOST_LEAN];
    add_numbers(layout->kept, place, place + layout->kept, in_order(layout, slot, count, whole));
    for (int64_t k = layout->width; k < layout->slot; k++) place[k] += slot[k];
}

static void sum_lean(const pc_record_layout *layout, double *sum, const double *record, const uint16_t *count)
{
    double whole[PC_RECORD_FIRST + PC_RECORD_MOST_LEAN];
    if (*count > 0) add_numbers(layout->total, sum, sum + layout->total, in_order(layout, record, count, whole));
}

void pc_record_sum(const pc_record_layout *layout, double *sum, const double *record, const uint16_t *count)
{
    if (layout->form == PC_RECORD_LEAN) {
        sum_lean(layout, sum, record, count);
        return;
    }
    for (int64_t s = 0; s < layout->n_slots; s++, record += layout->slot) {
        double *error = sum + layout->total; /* copies go to the same place */
        if (record[PC_RECORD_N] == 0) continue;
        add_numbers(layout->width, sum, error, record);
        for (int64_t k = layout->width; k < layout->slot; k++) error[k - layout->width] += record[k];
    }
}

void pc_record_sum_kept(const pc_record_layout *layout, double *sum, const double *kept)
{
    double *error = sum + layout->total;
    add_numbers(layout->kept, sum, error, kept);
    for (int64_t k = 0; k < layout->kept; k++) error[k] += kept[layout->kept + k];
}

/* Weight of the combinations of a part that hold its flag number `flag` (all of them: -1), in order. */
static double sum_of_part(const pc_record_layout *layout, const double *sum, int64_t part,
                          int64_t flag)
{
    const int64_t first = PC_RECORD_FIRST + part * PC_RECORD_COMBINATIONS;
    double total = 0, error = 0;
    for (int64_t m = 0; m < PC_RECORD_COMBINATIONS; m++) {
        if (flag >= 0 && !(m >> flag & 1)) continue;
        total = pc_two_sum(total, sum[first + m], &error);
        error += sum[first + m + layout->total];
    }
    return pc_with_error(total, error);
}

void pc_record_finish(const pc_record_layout *layout, const double *sum, double *values)
{
    if (layout->form != PC_RECORD_CELLS) {
        for (int64_t k = 0; k < layout->total; k++)
            values[k] = pc_with_error(sum[k], sum[k + layout->total]);
        return;
    }
    values[PC_RECORD_WEIGHT] = sum_of_part(layout, sum, 0, -1);
    values[PC_RECORD_N] = sum[PC_RECORD_N];
    for (int64_t j = 0; j < layout->n_flags; j++)
        values[PC_RECORD_FIRST + j] =
            sum_of_part(layout, sum, j / PC_RECORD_PART, j % PC_RECORD_PART);
}

int64_t pc_record_finish_profile(const pc_record_layout *layout, int64_t n_parts,
                                 const pc_record_part *parts, double *values)
{
    int64_t n_cells = 0;
    for (int64_t s = 0; s < layout->n_slots; s++) {
        double weight = 0, error = 0, n = 0;
        for (int64_t p = 0; p < n_parts; p++) {
            const double *pair = parts[p].record + s * PAIR;
            const int32_t at = parts[p].kept_at == NULL ? 0 : parts[p].kept_at[s];
            if (pair[PC_RECORD_N] > 0) weight = pc_two_sum(weight, pair[PC_RECORD_WEIGHT], &error);
            n += pair[PC_RECORD_N];
            if (at == 0) continue;
            const double *kept = parts[p].kept + (at - 1) * 2 * PAIR;
            weight = pc_two_sum(weight, kept[PC_RECORD_WEIGHT], &error);
            error += kept[PAIR + PC_RECORD_WEIGHT];
            n += kept[PC_RECORD_N];
        }
        values[s * PAIR + PC_RECORD_WEIGHT] = pc_with_error(weight, error);
        values[s * PAIR + PC_RECORD_N] = n;
        n_cells += n > 0;
    }
    return n_cells;
}

/* Number k of every record. */
static void read_counts(const pc_record_layout *layout, int64_t n_groups, const double *values,
                        int64_t k, int64_t *count)
{
    for (int64_t g = 0; g < n_groups; g++) count[g] = (int64_t)values[g * layout->n_values + k];
}

static void read_numbers(const pc_record_layout *layout, int64_t n_groups, const double *values,
                         int64_t k, double *number)
{
    for (int64_t g = 0; g < n_groups; g++) number[g] = values[g * layout->n_values + k];
}

void pc_record_read(const pc_record_layout *layout, int64_t n_groups, const double *values,
                    int64_t *n, double *weight, int64_t *score_n, double *score_weight, double *sum)
{
    const bool is_sums = layout->form == PC_RECORD_SUMS;
    const bool are_flags = !is_sums && layout->form != PC_RECORD_SCORES;
    const int64_t first_sum = PC_RECORD_FIRST + (is_sums ? 2 * layout->n_scores : 0);
    read_counts(layout, n_groups, values, PC_RECORD_N, n);
    read_numbers(layout, n_groups, values, PC_RECORD_WEIGHT, weight);
    for (int64_t j = 0; j < layout->n_scores; j++) {
        const int64_t score = is_sums ? PC_RECORD_FIRST + 2 * j : 0;
        read_counts(layout, n_groups, values, score + PC_RECORD_N, score_n + j * n_groups);
        read_numbers(layout, n_groups, values, score + PC_RECORD_WEIGHT, score_weight + j * n_groups);
    }
    for (int64_t s = 0; s < layout->n_sums; s++) {
        double *its_sum = sum + s * n_groups;
        read_numbers(layout, n_groups, values, first_sum + s, its_sum);
        /* rounded another way than its weight; but a rate must not come out above 1 */
        for (int64_t g = 0; are_flags && g < n_groups; g++)
            if (its_sum[g] > weight[g]) its_sum[g] = weight[g];
    }
}

void pc_record_store(const pc_record_layout *layout, const double *values, double *record)
{
    const bool is_lean = layout->form == PC_RECORD_LEAN;
    record[PC_RECORD_WEIGHT] = values[PC_RECORD_WEIGHT];
    for (int64_t k = PC_RECORD_LEAN_FIRST; is_lean && k < layout->width; k++) record[k] = values[k + 1];
    for (int64_t k = 1; !is_lean && k < layout->n_values; k++) record[k] = values[k];
}

void pc_record_read_cell(const pc_record_layout *layout, bool is_lean, const double *numbers, int64_t n, double *weight,
                         double *sum)
{
    const bool is_sums = layout->form == PC_RECORD_SUMS;
    const bool are_flags = !is_sums && layout->form != PC_RECORD_SCORES;
    const int64_t first = is_lean ? PC_RECORD_LEAN_FIRST : PC_RECORD_FIRST + (is_sums ? 2 * layout->n_scores : 0);
    const double whole = numbers[PC_RECORD_WEIGHT];
    if (!is_sums || layout->n_scores == 0) weight[0] = whole;
    else
        for (int64_t j = 0; j < layout->n_scores; j++)
            weight[j * n] = numbers[PC_RECORD_FIRST + 2 * j + PC_RECORD_WEIGHT];
    for (int64_t s = 0; s < layout->n_sums; s++) {
        const double its_sum = numbers[first + s];
        sum[s * n] = are_flags && its_sum > whole ? whole : its_sum; /* as in pc_record_read */
    }
}

int64_t pc_record_read_cells(const pc_record_layout *layout, const double *values,
                             uint32_t *mask, int64_t *n, double *weight)
{
    int64_t n_cells = 0;
    for (int64_t m = 0; m < layout->n_slots; m++) {
        const double *cell = values + m * PAIR;
        if (cell[PC_RECORD_N] == 0) continue;
        if (mask != NULL) {
            mask[n_cells] = (uint32_t)m;
            n[n_cells] = (int64_t)cell[PC_RECORD_N];
            weight[n_cells] = cell[PC_RECORD_WEIGHT];
        }
        n_cells++;
    }
    return n_cells;
}
