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
        EXPECT(build(k)->check(N, amount) == PC_SUM_ZERO);
        EXPECT(build(k)->check(0, amount) == 0);
        for (int i = 0; i < N; i += 13)
            for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
                const double good = amount[i];
                amount[i] = bad[b];
                EXPECT((build(k)->check(N, amount) & PC_SUM_BAD) != 0);
                amount[i] = good;
            }
    }
}

enum { GROUPS = 5 };

/* Rows of a few groups; what each row adds is known by its number. */
typedef struct rows {
    double weight[N];
    uint32_t group[N], at[N];
    uint8_t flag[12][N], bits[4][N];
    const uint8_t *part[4];
} rows;

static void make_rows(rows *r, int stride)
{
    pc_draws draws = {3};
    for (int i = 0; i < N; i++) {
        r->weight[i] = (double)pc_draw_below(&draws, 1000) / 1024; /* sums are exact in any order */
        r->group[i] = (uint32_t)pc_draw_below(&draws, GROUPS);
        r->at[i] = r->group[i] * (uint32_t)stride;
        for (int j = 0; j < 12; j++) r->flag[j][i] = (uint8_t)pc_draw_below(&draws, 2);
    }
    for (int p = 0; p < 4; p++) r->part[p] = r->bits[p];
}

/* Flags first .. first+n-1 of every row as one number. */
static void pack_rows(rows *r, int part, int first, int n)
{
    for (int i = 0; i < N; i++) {
        r->bits[part][i] = 0;
        for (int j = 0; j < n; j++) r->bits[part][i] |= (uint8_t)(r->flag[first + j][i] << j);
    }
}

static double sum_where(const rows *r, uint32_t group, int flag)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        if (r->group[i] == group && (flag < 0 || r->flag[flag][i])) sum += r->weight[i];
    return sum;
}

static double count_rows(const rows *r, uint32_t group)
{
    double n = 0;
    for (int i = 0; i < N; i++) n += r->group[i] == group;
    return n;
}

static void codes_are_scaled_and_shifted(void)
{
    uint32_t code[N];
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < N; i++) code[i] = i;
        build(k)->scale(N, 7, 3, code);
        for (uint32_t i = 0; i < N; i++) EXPECT(code[i] == 7 * i + 3);
    }
}

static void flags_get_the_weights_of_their_rows(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    for (int k = 0; k < 2; k++)
        for (int n_parts = 1; n_parts <= 4; n_parts++) {
            enum { STRIDE = 16 };
            static rows r;
            double table[GROUPS * STRIDE] = {0};
            make_rows(&r, STRIDE);
            pack_rows(&r, 0, 0, 2);
            for (int p = 1; p < n_parts; p++) pack_rows(&r, p, 4 * p - 2, p == 3 ? 2 : 4);
            EXPECT(build(k)->add_flags(0, N, r.at, n_parts, r.part, r.weight, 1e9, table,
                                       &nothing) == N);
            for (uint32_t g = 0; g < GROUPS; g++) {
                const double *slot = table + g * STRIDE;
                EXPECT(slot[0] == sum_where(&r, g, -1) && slot[1] == count_rows(&r, g));
                for (int j = 0; j < 4 * n_parts - 2 && j < 12; j++)
                    EXPECT(slot[2 + j] == sum_where(&r, g, j));
            }
        }
}

/* Records of one, two and four numbers; the rows of each are counted beside them. */
static void lean_records_get_the_weights_of_their_rows(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    for (int k = 0; k < 2; k++)
        for (int width = 1; width <= 4; width *= 2) {
            static rows r;
            double table[GROUPS * 4] = {0};
            uint16_t count[GROUPS] = {0};
            make_rows(&r, 1);
            pack_rows(&r, 0, 0, width - 1);
            EXPECT(build(k)->add_lean(0, N, r.at, width, r.part[0], r.weight, UINT16_MAX, table, count, &nothing) ==
                   N);
            for (uint32_t g = 0; g < GROUPS; g++) {
                const double *slot = table + g * (uint32_t)width;
                EXPECT(slot[0] == sum_where(&r, g, -1) && count[g] == count_rows(&r, g));
                for (int j = 0; j < width - 1; j++) EXPECT(slot[1 + j] == sum_where(&r, g, j));
            }
        }
}

static void adding_stops_behind_the_row_that_fills_a_lean_record(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    enum { MOST = 10 };
    for (int k = 0; k < 2; k++) {
        static rows r;
        double table[GROUPS] = {0};
        uint16_t count[GROUPS] = {0};
        int n[GROUPS] = {0};
        make_rows(&r, 1);
        for (int64_t row = 0; row < N;) {
            row = build(k)->add_lean(row, N, r.at, 1, r.part[0], r.weight, MOST, table, count, &nothing);
            const uint32_t g = r.at[row - 1];
            if (!EXPECT(row == N || count[g] == MOST)) return;
            if (count[g] < MOST) continue;
            n[g] += MOST;
            count[g] = 0;
        }
        for (uint32_t g = 0; g < GROUPS; g++) EXPECT(n[g] + count[g] == count_rows(&r, g));
    }
}

static void cells_get_the_weights_of_their_combinations(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    enum { STRIDE = 2 + 2 * 64 };
    for (int k = 0; k < 2; k++)
        for (int n_parts = 1; n_parts <= 2; n_parts++) {
            static rows r;
            double table[GROUPS * STRIDE] = {0};
            make_rows(&r, STRIDE);
            for (int p = 0; p < n_parts; p++) pack_rows(&r, p, 6 * p, 6);
            EXPECT(build(k)->add_cells(0, N, r.at, n_parts, r.part, r.weight, 1e9, table,
                                       &nothing) == N);
            for (uint32_t g = 0; g < GROUPS; g++) {
                EXPECT(table[g * STRIDE + 1] == count_rows(&r, g));
                for (int j = 0; j < 6 * n_parts; j++) {
                    double sum = 0;
                    for (int m = 0; m < 64; m++)
                        if (m >> j % 6 & 1) sum += table[g * STRIDE + 2 + 64 * (uint32_t)(j / 6) + (uint32_t)m];
                    EXPECT(sum == sum_where(&r, g, j));
                }
            }
        }
}

static void pairs_get_weight_and_row(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    for (int k = 0; k < 2; k++) {
        static rows r;
        double table[GROUPS * 2] = {0};
        make_rows(&r, 2);
        EXPECT(build(k)->add_pairs(0, N, r.at, r.weight, 1e9, table, &nothing) == N);
        for (uint32_t g = 0; g < GROUPS; g++)
            EXPECT(table[2 * g] == sum_where(&r, g, -1) && table[2 * g + 1] == count_rows(&r, g));
    }
}

static void pairs_with_a_second_number_are_found(void)
{
    enum { PAIRS = 64, FIRST = 1000 };
    for (int k = 0; k < 2; k++)
        for (uint32_t bits = 0; bits < 256; bits++) { /* every way of eight, again and again */
            double table[2 * PAIRS];
            uint32_t found[PAIRS + 4];
            int64_t n = 0;
            for (uint32_t i = 0; i < PAIRS; i++) {
                table[2 * i] = i % 3; /* which does not matter */
                table[2 * i + 1] = bits >> i % 8 & 1 ? (i % 2 ? -1.0 : 1024.0) : 0.0;
            }
            const int64_t n_found = build(k)->find_pairs(PAIRS, table, FIRST, found);
            for (uint32_t i = 0; i < PAIRS; i++)
                if (bits >> i % 8 & 1) n += n < n_found && found[n] == FIRST + i;
            EXPECT(n == n_found);
            int64_t expected = 0;
            for (uint32_t i = 0; i < PAIRS; i++) expected += bits >> i % 8 & 1;
            EXPECT(n == expected);
        }
}

static void four_columns_are_interleaved(void)
{
    static double column[4][N], out[4 * N];
    const double *four[] = {column[0], column[1], column[2], column[3]};
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 4; j++) column[j][i] = 10 * i + j;
    for (int k = 0; k < 2; k++)
        for (int64_t n = 0; n <= N; n += 59) {
            memset(out, 0, sizeof out);
            build(k)->interleave(n, four, out);
            for (int64_t i = 0; i < N; i++)
                for (int j = 0; j < 4; j++)
                    EXPECT(out[4 * i + j] == (i < n ? column[j][i] : 0));
        }
}

/* Numbers in parts of four, the second of the first part 1, and perhaps one behind them. */
static void parts_are_added_to_the_slots_of_their_rows(void)
{
    enum { MOST_PARTS = 4, STRIDE = 4 * MOST_PARTS + 4 };
    static double x[MOST_PARTS][4 * N], rest[N];
    static rows r;
    make_rows(&r, STRIDE);
    for (int i = 0; i < N; i++) {
        rest[i] = r.weight[(i + 5) % N];
        for (int p = 0; p < MOST_PARTS; p++)
            for (int j = 0; j < 4; j++) x[p][4 * i + j] = r.weight[(i + 17 * p + j) % N];
        x[0][4 * i + 1] = 1;
    }
    for (int variant = 0; variant < 4 * MOST_PARTS; variant++) {
        const double *part[] = {x[0], x[1], x[2], x[3]};
        const int n_parts = 1 + variant / 4;
        const bool has_rest = variant % 2;
        double table[GROUPS * STRIDE] = {0}, expected[GROUPS * STRIDE] = {0};
        EXPECT(build(variant / 2 % 2)->add_parts(0, N, r.at, n_parts, part,
                                                 has_rest ? rest : NULL, 1e9, table) == N);
        for (int i = 0; i < N; i++) {
            for (int m = 0; m < 4 * n_parts; m++) expected[r.at[i] + (uint32_t)m] += x[m / 4][4 * i + m % 4];
            if (has_rest) expected[r.at[i] + 4 * (uint32_t)n_parts] += rest[i];
        }
        EXPECT(memcmp(table, expected, sizeof table) == 0);
    }
}

/* The caller puts a full slot aside and goes on: nothing is skipped, nothing added twice. */
static void adding_stops_behind_the_row_that_fills_a_slot(void)
{
    static const pc_sum_ahead nothing = {.n = 0};
    enum { STRIDE = 130, MOST = 10 };
    for (int k = 0; k < 2; k++)
        for (int form = 0; form < 4; form++) {
            static rows r;
            static double ones[4 * N];
            const double *part[] = {ones};
            double table[GROUPS * STRIDE] = {0}, n[GROUPS] = {0};
            make_rows(&r, STRIDE);
            for (int i = 0; i < 4 * N; i++) ones[i] = 1;
            pack_rows(&r, 0, 0, form == 0 ? 2 : 6);
            for (int64_t row = 0; row < N;) {
                const int64_t next =
                    form == 0   ? build(k)->add_flags(row, N, r.at, 1, r.part, r.weight, MOST, table, &nothing)
                    : form == 1 ? build(k)->add_cells(row, N, r.at, 1, r.part, r.weight, MOST, table, &nothing)
                    : form == 2 ? build(k)->add_pairs(row, N, r.at, r.weight, MOST, table, &nothing)
                                : build(k)->add_parts(row, N, r.at, 1, part, NULL, MOST, table);
                if (!EXPECT(next > row && next <= N)) return;
                double *slot = table + r.at[next - 1];
                EXPECT(next == N || slot[1] == MOST);
                if (slot[1] == MOST) {
                    n[r.group[next - 1]] += MOST;
                    slot[1] = 0;
                }
                for (int g = 0; g < GROUPS; g++) EXPECT(table[g * STRIDE + 1] < MOST);
                row = next;
            }
            for (uint32_t g = 0; g < GROUPS; g++)
                EXPECT(n[g] + table[g * STRIDE + 1] == count_rows(&r, g));
        }
}

static void records_keep_what_a_naive_sum_loses(void)
{
    enum { WIDTH = 4 };
    double x[N * WIDTH] = {0};
    uint32_t at[N];
    for (int i = 0; i < N; i++) {
        at[i] = (uint32_t)(i % 2) * 2 * WIDTH;
        x[i * WIDTH] = i < 2 ? 1e16 : i >= N - 2 ? -1e16 : 1.0; /* 1e16 and -1e16 around many ones */
        x[i * WIDTH + 3] = 0.1;
    }
    for (int k = 0; k < 2; k++) {
        double table[2 * 2 * WIDTH] = {0};
        build(k)->add_record(N, at, x, WIDTH, table);
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
        CLAIM(codes_are_scaled_and_shifted),
        CLAIM(flags_get_the_weights_of_their_rows),
        CLAIM(lean_records_get_the_weights_of_their_rows),
        CLAIM(adding_stops_behind_the_row_that_fills_a_lean_record),
        CLAIM(cells_get_the_weights_of_their_combinations),
        CLAIM(pairs_get_weight_and_row),
        CLAIM(pairs_with_a_second_number_are_found),
        CLAIM(four_columns_are_interleaved),
        CLAIM(parts_are_added_to_the_slots_of_their_rows),
        CLAIM(adding_stops_behind_the_row_that_fills_a_slot),
        CLAIM(records_keep_what_a_naive_sum_loses),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
