/* Records: layouts, putting aside, finishing, reading, against sums on paper. */
#include "pc_record.h"
#include "pc_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void few_groups_have_cells_and_many_have_flags(void)
{
    for (int64_t n_flags = 0; n_flags <= 64; n_flags++) {
        const pc_record_layout few = pc_record_flags(n_flags, 1);
        const pc_record_layout many = pc_record_flags(n_flags, 1000000);
        const bool is_lean = n_flags <= 1 || n_flags == 3;
        EXPECT(many.form == (is_lean ? PC_RECORD_LEAN : PC_RECORD_FLAGS) && many.n_slots == 1);
        EXPECT(is_lean ? many.stride == 1 + n_flags
                       : many.width % 4 == 0 && many.width >= 2 + n_flags && many.width <= 5 + n_flags);
        EXPECT(few.form == (n_flags > 2 ? PC_RECORD_CELLS : PC_RECORD_FLAGS));
        EXPECT(few.n_slots > 1 || few.width > 200);
    }
}

/* Half a second-level cache holds 16,384 records of four numbers. */
static void records_are_lean_where_others_would_leave_the_cache(void)
{
    EXPECT(pc_record_flags(1, 16384).form == PC_RECORD_FLAGS);
    EXPECT(pc_record_flags(1, 16385).form == PC_RECORD_LEAN);
    EXPECT(pc_record_flags(3, 8192).form == PC_RECORD_FLAGS);
    EXPECT(pc_record_flags(3, 8193).form == PC_RECORD_LEAN);
}

/* One slot of a layout, finished and read. */
typedef struct reading {
    int64_t n, score_n[16];
    double weight, score_weight[16], sum[16];
} reading;

static reading read_slot(const pc_record_layout *layout, const double *slot)
{
    double *record = calloc((size_t)layout->stride, sizeof *record);
    double *sum = calloc(2 * (size_t)layout->total, sizeof *sum);
    double *values = calloc((size_t)layout->n_values, sizeof *values);
    reading r = {0};
    if (record == NULL || sum == NULL || values == NULL) abort();
    memcpy(record, slot, (size_t)layout->slot * sizeof *record);
    EXPECT(pc_record_has_rows(layout, record, NULL) == (slot[1] > 0));
    pc_record_sum(layout, sum, record, NULL);
    pc_record_finish(layout, sum, values);
    pc_record_read(layout, 1, values, &r.n, &r.weight, r.score_n, r.score_weight, r.sum);
    free(record);
    free(sum);
    free(values);
    return r;
}

/* Flags a, b, c in one part: combination m holds a where m & 1, b where m & 2, c where m & 4. */
static void sums_of_flags_are_read_off_the_cells(void)
{
    const pc_record_layout layout = pc_record_flags(3, 1);
    double slot[2 + 64] = {0, 36};
    for (int m = 0; m < 8; m++) slot[2 + m] = m + 1; /* weights 1 .. 8 */
    const reading r = read_slot(&layout, slot);
    EXPECT(r.n == 36 && r.weight == 36);
    EXPECT(r.sum[0] == 2 + 4 + 6 + 8 && r.sum[1] == 3 + 4 + 7 + 8 && r.sum[2] == 5 + 6 + 7 + 8);
    EXPECT(r.score_n[2] == 36 && r.score_weight[2] == 36);
}

static void a_part_of_fewer_flags_comes_last(void)
{
    const pc_record_layout layout = pc_record_flags(7, 1);
    double slot[2 + 2 * 64] = {0, 5};
    slot[2 + 63] = 5;     /* five households with the first six flags */
    slot[2 + 64 + 1] = 3; /* three of them with the seventh */
    slot[2 + 64] = 2;
    const reading r = read_slot(&layout, slot);
    for (int j = 0; j < 6; j++) EXPECT(r.sum[j] == 5);
    EXPECT(r.sum[6] == 3 && r.weight == 5);
}

/* Weight 10 and flags of 1, 2 and 3 in 4 rows, after 1,024 rows of 1 each that were put aside. */
static void a_lean_record_has_its_rows_beside_it(void)
{
    const pc_record_layout layout = pc_record_flags(3, 1000000);
    double slot[4] = {1024, 1024, 0, 1024}, kept[10] = {0}, sum[10] = {0}, values[5], stored[4] = {0};
    uint16_t count = 1024;
    int64_t n, score_n[3];
    double weight, score_weight[3], sums[3], cell_weight, cell_sums[3 * 7];
    if (!EXPECT(layout.form == PC_RECORD_LEAN && layout.kept == 5 && layout.n_values == 5)) return;
    EXPECT(pc_record_has_rows(&layout, slot, &count));
    pc_record_put_aside(&layout, slot, &count, kept);
    EXPECT(slot[0] == 0 && slot[3] == 0 && count == 0 && !pc_record_has_rows(&layout, slot, &count));
    EXPECT(kept[0] == 1024 && kept[1] == 1024 && kept[2] == 1024 && kept[3] == 0 && kept[4] == 1024);
    slot[0] = 10;
    for (int j = 0; j < 3; j++) slot[1 + j] = j + 1;
    count = 4;
    pc_record_sum(&layout, sum, slot, &count);
    pc_record_sum_kept(&layout, sum, kept);
    pc_record_add_slot(&layout, kept, slot, &count);
    pc_record_finish(&layout, sum, values);
    pc_record_read(&layout, 1, values, &n, &weight, score_n, score_weight, sums);
    EXPECT(n == 1028 && weight == 1034 && sums[0] == 1025 && sums[1] == 2 && sums[2] == 1027);
    EXPECT(score_n[2] == 1028 && score_weight[1] == 1034);
    EXPECT(kept[0] == 1034 && kept[1] == 1028 && kept[2] == 1025);
    pc_record_store(&layout, values, stored);
    pc_record_read_cell(&layout, true, stored, 7, &cell_weight, cell_sums);
    EXPECT(cell_weight == 1034 && cell_sums[0] == 1025 && cell_sums[7] == 2 && cell_sums[14] == 1027);
    pc_record_read_cell(&layout, false, values, 7, &cell_weight, cell_sums);
    EXPECT(cell_weight == 1034 && cell_sums[0] == 1025 && cell_sums[7] == 2 && cell_sums[14] == 1027);
}

/* As what is read of all records, one by one. */
static void a_cell_is_read_as_a_group_is(void)
{
    const pc_record_layout layouts[4] = {pc_record_flags(5, 1000000), pc_record_sums(2, 3, 1000000),
                                         pc_record_scores(3, 1000000), pc_record_sums(0, 2, 1000000)};
    for (int k = 0; k < 4; k++) {
        const pc_record_layout *layout = &layouts[k];
        double values[64], stored[64], weight, score_weight[5], sums[5], cell_weight[5] = {0}, cell_sums[5];
        int64_t n, score_n[5];
        for (int64_t i = 0; i < layout->n_values; i++) values[i] = 20.0 - (double)i; /* the second is n */
        values[PC_RECORD_WEIGHT] = 17; /* below some of the flags, which it bounds */
        pc_record_read(layout, 1, values, &n, &weight, score_n, score_weight, sums);
        pc_record_store(layout, values, stored);
        pc_record_read_cell(layout, false, stored, 1, cell_weight, cell_sums);
        EXPECT(memcmp(sums, cell_sums, (size_t)layout->n_sums * sizeof *sums) == 0);
        EXPECT(k == 1 ? cell_weight[0] == 18 && cell_weight[1] == 16 : cell_weight[0] == 17);
    }
}

static void flags_lie_behind_weight_and_n(void)
{
    const pc_record_layout layout = pc_record_flags(5, 1000000);
    const double slot[8] = {10, 4, 1, 2, 3, 4, 5, 0};
    const reading r = read_slot(&layout, slot);
    EXPECT(layout.slot == 8 && r.n == 4 && r.weight == 10);
    for (int j = 0; j < 5; j++) EXPECT(r.sum[j] == j + 1 && r.score_weight[j] == 10);
}

static void a_sum_of_flags_never_exceeds_its_weight(void)
{
    const pc_record_layout layout = pc_record_flags(2, 1000000), lean = pc_record_flags(1, 1000000);
    const double slot[4] = {1.0, 3, nextafter(1.0, 2.0), 0}; /* rounded another way */
    double weight, sum;
    EXPECT(read_slot(&layout, slot).sum[0] == 1.0);
    pc_record_read_cell(&lean, false, slot, 1, &weight, &sum);
    EXPECT(weight == 1.0 && sum == 1.0);
}

static void scores_lie_behind_weight_and_n_and_may_exceed_the_weight(void)
{
    const pc_record_layout layout = pc_record_scores(3, 1000000);
    const double slot[8] = {10, 4, 1.5, 11, 0.25};
    const reading r = read_slot(&layout, slot);
    EXPECT(layout.width == 8 && layout.slot == 8 && r.n == 4 && r.weight == 10);
    EXPECT(r.sum[0] == 1.5 && r.sum[1] == 11 && r.sum[2] == 0.25);
}

static void sums_are_read_with_their_errors(void)
{
    const pc_record_layout layout = pc_record_sums(2, 3, 1000000);
    double slot[24] = {0};
    EXPECT(layout.width == 12 && layout.slot == 24);
    for (int k = 0; k < 9; k++) {
        slot[k] = k + 1;
        slot[layout.width + k] = 0.25;
    }
    const reading r = read_slot(&layout, slot);
    EXPECT(r.n == 2 && r.weight == 1.25);
    EXPECT(r.score_weight[0] == 3.25 && r.score_n[0] == 4);
    EXPECT(r.score_weight[1] == 5.25 && r.score_n[1] == 6);
    EXPECT(r.sum[0] == 7.25 && r.sum[1] == 8.25 && r.sum[2] == 9.25);
}

/* 1e16 + 1 + 1 - 1e16 + 0.5: each addition alone rounds, together they give 2.5 */
static void what_is_put_aside_keeps_its_rounding_errors(void)
{
    const pc_record_layout layout = pc_record_flags(2, 1000000);
    static const double x[] = {1e16, 1.0, 1.0, -1e16};
    double kept[8] = {0}, sum[8] = {0}, values[4], slot[4] = {0};
    for (int i = 0; i < 4; i++) {
        slot[0] = x[i];
        slot[1] = 1024;
        slot[2] = x[i];
        pc_record_put_aside(&layout, slot, NULL, kept);
        EXPECT(slot[0] == 0 && slot[1] == 0 && slot[2] == 0);
    }
    slot[0] = slot[2] = 0.5;
    slot[1] = 1;
    pc_record_sum(&layout, sum, slot, NULL);
    pc_record_sum_kept(&layout, sum, kept);
    pc_record_finish(&layout, sum, values);
    EXPECT(values[1] == 4 * 1024 + 1 && values[0] == 2.5 && values[2] == 2.5);
}

/* Rows that took turns: the copies of one record, finished, are the record of all rows. */
static void copies_of_few_groups_are_one_in_the_end(void)
{
    const pc_record_layout layout = pc_record_flags(1, 1);
    double record[64] = {0}, total[8] = {0}, values[4], weight, score_weight, sum;
    int64_t n, score_n;
    if (!EXPECT(layout.n_slots == 8 && layout.stride == 8 * layout.slot)) return;
    EXPECT(!pc_record_has_rows(&layout, record, NULL));
    for (int64_t c = 1; c < 8; c++) {
        record[c * layout.slot] = 2.0 + (double)c; /* three households of weight 1, 1 and c, */
        record[c * layout.slot + 1] = 3;
        record[c * layout.slot + 2] = (double)c; /* the last one poor */
    }
    EXPECT(pc_record_has_rows(&layout, record, NULL));
    pc_record_sum(&layout, total, record, NULL);
    pc_record_finish(&layout, total, values);
    pc_record_read(&layout, 1, values, &n, &weight, &score_n, &score_weight, &sum);
    EXPECT(n == 21 && sum == 28 && weight == 42);
}

static void a_profile_gives_the_combinations_that_occur(void)
{
    const pc_record_layout layout = pc_record_profile(3);
    double record[16 + 64] = {0}, values[16], weight[8];
    const double kept[8] = {7, 7, 7, 7, 2.5, 1024, 0.25, 0};
    const int32_t kept_at[8] = {0, 0, 0, 0, 0, 2, 0, 0};
    const pc_record_part parts[2] = {{record, NULL, NULL}, {record, kept_at, kept}};
    uint32_t mask[8];
    int64_t n[8];
    EXPECT(layout.n_slots == 8 && layout.slot == 2 && layout.stride <= 80);
    record[2 * 5] = 1.5;
    record[2 * 5 + 1] = 2;
    record[2 * 1] = 0.0; /* a weight of 0 is a row all the same */
    record[2 * 1 + 1] = 1;
    EXPECT(pc_record_finish_profile(&layout, 2, parts, values) == 2);
    EXPECT(pc_record_read_cells(&layout, values, NULL, NULL, NULL) == 2);
    EXPECT(pc_record_read_cells(&layout, values, mask, n, weight) == 2);
    EXPECT(mask[0] == 1 && n[0] == 2 && weight[0] == 0);
    EXPECT(mask[1] == 5 && n[1] == 4 + 1024 && weight[1] == 3.0 + 2.75);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(few_groups_have_cells_and_many_have_flags),
        CLAIM(records_are_lean_where_others_would_leave_the_cache),
        CLAIM(sums_of_flags_are_read_off_the_cells),
        CLAIM(a_part_of_fewer_flags_comes_last),
        CLAIM(flags_lie_behind_weight_and_n),
        CLAIM(a_lean_record_has_its_rows_beside_it),
        CLAIM(a_cell_is_read_as_a_group_is),
        CLAIM(a_sum_of_flags_never_exceeds_its_weight),
        CLAIM(scores_lie_behind_weight_and_n_and_may_exceed_the_weight),
        CLAIM(sums_are_read_with_their_errors),
        CLAIM(what_is_put_aside_keeps_its_rounding_errors),
        CLAIM(copies_of_few_groups_are_one_in_the_end),
        CLAIM(a_profile_gives_the_combinations_that_occur),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
