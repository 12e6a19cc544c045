/* Records: layouts, adding, reading, against sums on paper. */
#include "pc_record.h"
#include "pc_test.h"

#include <math.h>
#include <string.h>

static void wide_parts_are_for_few_groups(void)
{
    for (int64_t n_flags = 0; n_flags <= 64; n_flags++) {
        const pc_record_layout few = pc_record_cells(n_flags, 1);
        const pc_record_layout many = pc_record_cells(n_flags, 1000000);
        EXPECT(few.bits == (n_flags < 6 ? n_flags : 6));
        EXPECT(many.bits == (n_flags < 3 ? n_flags : 3));
        int64_t flags = 0;
        for (int64_t p = 0; p < few.n_parts; p++) flags += pc_record_flags_in_part(&few, p);
        EXPECT(flags == n_flags);
        EXPECT(few.stride % 2 == 0 && few.stride > 2);
    }
}

/* Flags a, b, c in one part: combination m holds a where m & 1, b where m & 2, c where m & 4. */
static void sums_of_flags_are_read_off_the_cells(void)
{
    const pc_record_layout layout = pc_record_cells(3, 1);
    double record[2 + 16] = {0}, weight, score_weight[3], sum[3];
    int64_t n, score_n[3];
    record[0] = 36;
    for (int m = 0; m < 8; m++) record[2 + 2 * m] = m + 1; /* weights 1 .. 8 */
    record[3] = 0.5;                                       /* lo of combination 0 */
    pc_record_read(&layout, record, &n, &weight, 1, score_n, score_weight, sum);
    EXPECT(n == 36 && weight == 36.5);
    EXPECT(sum[0] == 2 + 4 + 6 + 8 && sum[1] == 3 + 4 + 7 + 8 && sum[2] == 5 + 6 + 7 + 8);
    EXPECT(score_n[2] == 36 && score_weight[2] == 36.5);
}

static void a_part_of_fewer_flags_comes_last(void)
{
    const pc_record_layout layout = pc_record_cells(7, 1);
    double record[2 + 2 * 2 * 64] = {0}, weight, score_weight[7], sum[7];
    int64_t n, score_n[7];
    EXPECT(layout.n_parts == 2 && pc_record_flags_in_part(&layout, 1) == 1);
    record[2 + 2 * 63] = 5; /* five households with the first six flags */
    record[pc_record_first_of_part(&layout, 1) + 2] = 3;
    record[pc_record_first_of_part(&layout, 1)] = 2; /* three of them with the seventh */
    pc_record_read(&layout, record, &n, &weight, 1, score_n, score_weight, sum);
    for (int j = 0; j < 6; j++) EXPECT(sum[j] == 5);
    EXPECT(sum[6] == 3 && weight == 5);
}

static void a_sum_never_exceeds_its_weight(void)
{
    const pc_record_layout layout = pc_record_cells(7, 1);
    double record[2 + 2 * 2 * 64] = {0}, weight, score_weight[7], sum[7];
    int64_t n, score_n[7];
    record[2] = 1.0;
    record[pc_record_first_of_part(&layout, 1) + 2] = nextafter(1.0, 2.0); /* rounding in another order */
    pc_record_read(&layout, record, &n, &weight, 1, score_n, score_weight, sum);
    EXPECT(sum[6] == weight);
}

/* 1e16 + 1 + 1 - 1e16: each record alone rounds, together they give 2 */
static void adding_records_keeps_rounding_errors(void)
{
    const pc_record_layout layouts[] = {pc_record_cells(1, 1000000), pc_record_sums(1, 1, 1000000)};
    static const double x[] = {1e16, 1.0, 1.0, -1e16};
    for (int k = 0; k < 2; k++) {
        const pc_record_layout *layout = &layouts[k];
        const int64_t at = k == 0 ? 2 : 4; /* a cell; the sum of the only score */
        const int64_t error = k == 0 ? 3 : layout->width + 4;
        double total[64] = {0};
        for (int i = 0; i < 4; i++) {
            double record[64] = {0};
            record[0] = 1;
            record[at] = x[i];
            pc_record_add(layout, total, record);
        }
        EXPECT(total[0] == 4 && total[at] + total[error] == 2.0);
    }
}

/* Rows that took turns: the copies of one record, folded, are the record of all rows. */
static void copies_of_few_groups_are_folded_into_one(void)
{
    const pc_record_layout layout = pc_record_cells(1, 1);
    double record[1024] = {0}, weight, score_weight, sum;
    int64_t n, score_n;
    EXPECT(layout.n_copies > 1 && layout.stride == layout.n_copies * layout.copy);
    EXPECT(layout.stride <= 1024 && pc_record_cells(1, 100000).n_copies == 1);
    EXPECT(!pc_record_has_rows(&layout, record));
    for (int64_t c = 1; c < layout.n_copies; c++) {
        double *copy = record + c * layout.copy;
        copy[0] = 3;            /* three households of weight 1, 1 and c, the last one poor */
        copy[2] = 2;
        copy[4] = (double)c;
    }
    EXPECT(pc_record_has_rows(&layout, record));
    pc_record_fold(&layout, record);
    pc_record_read(&layout, record, &n, &weight, 1, &score_n, &score_weight, &sum);
    const int64_t m = layout.n_copies - 1;
    EXPECT(n == 3 * m && sum == (double)(m * (m + 1) / 2) && weight == sum + 2.0 * (double)m);
}

static void sums_are_read_with_their_errors(void)
{
    const pc_record_layout layout = pc_record_sums(2, 3, 1000000);
    double record[64] = {0}, weight, score_weight[4], sum[6];
    int64_t n, score_n[4];
    EXPECT(layout.width == 12);
    for (int64_t k = 0; k < 9; k++) {
        record[k] = (double)(k + 1);
        record[layout.width + k] = 0.25;
    }
    record[0] = 7;
    pc_record_read(&layout, record, &n, &weight, 2, score_n, score_weight, sum);
    EXPECT(n == 7 && weight == 2.25);
    EXPECT(score_n[0] == 3 && score_weight[0] == 4.25 && score_n[2] == 5 && score_weight[2] == 6.25);
    EXPECT(sum[0] == 7.25 && sum[2] == 8.25 && sum[4] == 9.25);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(wide_parts_are_for_few_groups),
        CLAIM(sums_of_flags_are_read_off_the_cells),
        CLAIM(a_part_of_fewer_flags_comes_last),
        CLAIM(a_sum_never_exceeds_its_weight),
        CLAIM(adding_records_keeps_rounding_errors),
        CLAIM(copies_of_few_groups_are_folded_into_one),
        CLAIM(sums_are_read_with_their_errors),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
