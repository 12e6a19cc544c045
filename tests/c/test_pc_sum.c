/* The hot loops, both builds, against the plainest loops. */
#include "pc_made.h"
#include "pc_sum.h"
#include "pc_test.h"

#include <float.h>
#include <math.h>

enum { N = 1003 }; /* not a multiple of any vector */

static const pc_sum_kernels *build(int k)
{
    return pc_sum_kernels_for(k == 0 ? PC_SIMD_PORTABLE : pc_cpu_simd());
}

static void packed_flags_are_the_bits_of_a_number(void)
{
    uint8_t flags[8][N], out[N];
    const uint8_t *column[8];
    pc_draws draws = {1};
    for (int j = 0; j < 8; j++) {
        column[j] = flags[j];
        for (int i = 0; i < N; i++) flags[j][i] = (uint8_t)pc_draw_below(&draws, 2);
    }
    for (int k = 0; k < 2; k++)
        for (int64_t n_columns = 0; n_columns <= 8; n_columns++) {
            EXPECT(build(k)->pack(N, n_columns, column, out) <= 1);
            for (int i = 0; i < N; i++)
                for (int64_t j = 0; j < 8; j++)
                    EXPECT((out[i] >> j & 1) == (j < n_columns ? flags[j][i] : 0));
        }
}

static void a_value_that_is_no_flag_shows(void)
{
    uint8_t flags[2][N] = {{0}}, out[N];
    const uint8_t *column[] = {flags[0], flags[1]};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i += 17) {
            flags[1][i] = (uint8_t)(i % 2 ? 2 : 255);
            EXPECT(build(k)->pack(N, 2, column, out) > 1);
            EXPECT(out[i] < 4); /* and stays a combination of two flags */
            flags[1][i] = 0;
        }
}

static void negative_infinite_and_missing_amounts_show(void)
{
    static const double bad[] = {-1.0, -DBL_TRUE_MIN, NAN, INFINITY, -INFINITY};
    double amount[N];
    for (int i = 0; i < N; i++) amount[i] = i % 3 ? 1e300 : i % 2 ? 0.0 : -0.0;
    for (int k = 0; k < 2; k++) {
        EXPECT(build(k)->check(N, amount) == 0);
        EXPECT(build(k)->check(0, amount) == 0);
        for (int i = 0; i < N; i += 13)
            for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
                const double good = amount[i];
                amount[i] = bad[b];
                EXPECT(build(k)->check(N, amount) != 0);
                amount[i] = good;
            }
    }
}

static void parts_of_a_split_weight_add_up_exactly(void)
{
    double weight[N], split[2 * N];
    pc_draws draws = {2};
    for (int i = 0; i < N; i++) weight[i] = ldexp(pc_draw_unit(&draws), (int)(i % 80) - 40);
    for (int k = 0; k < 2; k++) {
        const double anchor = pc_sum_anchor(1.0);
        build(k)->split(N, weight, anchor, split);
        for (int i = 0; i < N; i++) {
            EXPECT(split[2 * i] + split[2 * i + 1] == weight[i]);
            if (weight[i] < 1e6) EXPECT(fabs(split[2 * i + 1]) <= 0x1p-15);
        }
    }
    EXPECT(isfinite(pc_sum_anchor(DBL_MAX)) && pc_sum_anchor(DBL_TRUE_MIN) > 0);
}

static void rows_are_added_to_the_cells_of_their_groups(void)
{
    enum { GROUPS = 5, STRIDE = 2 + 2 * 4 };
    double split[2 * N];
    uint32_t code[N];
    uint8_t bits[N];
    pc_draws draws = {3};
    for (int i = 0; i < N; i++) {
        split[2 * i] = (double)pc_draw_below(&draws, 1000);
        split[2 * i + 1] = (double)pc_draw_below(&draws, 1000) / 1024;
        code[i] = (uint32_t)pc_draw_below(&draws, GROUPS);
        bits[i] = (uint8_t)pc_draw_below(&draws, 4);
    }
    for (int k = 0; k < 2; k++) {
        double table[GROUPS * STRIDE] = {0};
        build(k)->add_part(N, code, bits, split, STRIDE, 2, 1, table);
        for (uint32_t g = 0; g < GROUPS; g++) {
            double n = 0, sums[8] = {0};
            for (int i = 0; i < N; i++) {
                if (code[i] != g) continue;
                n++;
                sums[2 * bits[i]] += split[2 * i];
                sums[2 * bits[i] + 1] += split[2 * i + 1];
            }
            EXPECT(table[g * STRIDE] == n);
            EXPECT(memcmp(table + g * STRIDE + 2, sums, sizeof sums) == 0);
        }
        build(k)->add_part(N, code, bits, split, STRIDE, 2, 0, table);
        double n = 0;
        for (uint32_t g = 0; g < GROUPS; g++) n += table[g * STRIDE];
        EXPECT(n == N);
    }
}

static void records_keep_what_a_naive_sum_loses(void)
{
    enum { WIDTH = 4 };
    double x[N * WIDTH] = {0};
    uint32_t code[N];
    for (int i = 0; i < N; i++) {
        code[i] = (uint32_t)(i % 2);
        x[i * WIDTH] = i < 2 ? 1e16 : i >= N - 2 ? -1e16 : 1.0; /* 1e16 and -1e16 around many ones */
        x[i * WIDTH + 3] = 0.1;
    }
    for (int k = 0; k < 2; k++) {
        double table[2 * 2 * WIDTH] = {0};
        build(k)->add_record(N, code, x, WIDTH, table);
        const double first = table[0] + table[WIDTH];
        const double second = table[2 * WIDTH] + table[3 * WIDTH];
        EXPECT(first + second == N - 4);
        EXPECT(table[3] + table[WIDTH + 3] == 0.1 * (N / 2 + 1));
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(packed_flags_are_the_bits_of_a_number),
        CLAIM(a_value_that_is_no_flag_shows),
        CLAIM(negative_infinite_and_missing_amounts_show),
        CLAIM(parts_of_a_split_weight_add_up_exactly),
        CLAIM(rows_are_added_to_the_cells_of_their_groups),
        CLAIM(records_keep_what_a_naive_sum_loses),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
