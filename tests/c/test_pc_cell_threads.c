/* Sums over cells by group: on paper, in long double, in the order that the header promises. */
#include "pc_cell.h"
#include "pc_made.h"
#include "pc_test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_OF_GROUP = PC_BLOCK + 700, GROUPS = 9, MOST_CELLS = GROUPS * MOST_OF_GROUP };
enum { MOST_PROFILES = 1 << 16, FACTORS = 5 };

static const char *const types[] = {"uint32", "int32", "uint64", "int64", "uint16"};
enum { N_TYPES = sizeof types / sizeof *types };

/* A random table, its factors, and what the core says of it. */
typedef struct sample {
    int64_t n, n_bits, start[GROUPS + 1];
    uint32_t profile[MOST_CELLS];
    uint64_t wide[MOST_CELLS];
    uint16_t narrow[MOST_CELLS];
    double weight[MOST_CELLS], factor[FACTORS * MOST_PROFILES];
    uint64_t mask[MOST_PROFILES];
    double sum[GROUPS][FACTORS], bit[GROUPS * FACTORS * PC_CELL_MOST_BITS];
    pc_made made[2];
    pc_cells cells;
    pc_cell_factors factors;
} sample;

static const pc_column *column_of_type(sample *s, int type)
{
    static const pc_type of[] = {PC_UINT32, PC_INT32, PC_UINT64, PC_INT64, PC_UINT16};
    for (int64_t i = 0; i < s->n; i++) {
        s->wide[i] = s->profile[i];
        s->narrow[i] = (uint16_t)s->profile[i];
    }
    const void *data[] = {s->profile, s->profile, s->wide, s->wide, s->narrow};
    return pc_make_array(&s->made[0], of[type], data[type], s->n);
}

/* Some groups have no cells; of all cells a group's are distinct profiles in order, as in a table. Of the factors
 * the first is 1, the second 0 or 1, the third a small whole number, the others any number. */
static void draw_sample(sample *s, int64_t n_profiles, int64_t n_bits, bool has_mask, uint64_t seed)
{
    pc_draws draws = {seed};
    int64_t n = 0;
    s->n_bits = n_bits;
    for (int64_t g = 0; g < GROUPS; g++) {
        const int64_t one_in = 1 + pc_draw_below(&draws, 6);
        s->start[g] = n;
        for (int64_t p = 0; g % 4 != 3 && p < n_profiles && n - s->start[g] < MOST_OF_GROUP; p++) {
            if (pc_draw_below(&draws, one_in) > 0) continue;
            s->profile[n] = (uint32_t)p;
            s->weight[n++] = pc_draw_below(&draws, 10) ? 1e3 * pc_draw_unit(&draws) : 0.0;
        }
    }
    s->start[GROUPS] = s->n = n;
    for (int64_t p = 0; p < n_profiles; p++) {
        s->mask[p] = pc_draw(&draws);
        double *factor = s->factor + p;
        factor[0] = 1.0;
        factor[n_profiles] = (double)pc_draw_below(&draws, 2);
        factor[2 * n_profiles] = (double)pc_draw_below(&draws, 13);
        factor[3 * n_profiles] = pc_draw_unit(&draws);
        factor[4 * n_profiles] = pc_draw_unit(&draws) - 0.5;
    }
    s->cells = (pc_cells){.n_groups = GROUPS, .start = s->start};
    s->cells.profile = column_of_type(s, 0);
    s->cells.weight = pc_make_array(&s->made[1], PC_FLOAT64, s->weight, s->n);
    s->factors = (pc_cell_factors){n_profiles, FACTORS, s->factor, 3, n_bits, has_mask ? s->mask : NULL};
}

static bool has_bit(const sample *s, int64_t cell, int64_t j)
{
    const uint64_t bits = s->factors.mask == NULL ? s->profile[cell] : s->mask[s->profile[cell]];
    return bits >> j & 1;
}

static double factor_of(const sample *s, int64_t f, int64_t cell)
{
    return s->factor[f * s->factors.n_profiles + s->profile[cell]];
}

static double bit_of(const sample *s, int64_t g, int64_t f, int64_t j)
{
    return s->bit[(g * s->factors.n_by_bit + f) * s->n_bits + j];
}

static pc_status run(sample *s, pc_simd simd, int n_threads)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.simd = simd;
    ctx.n_threads = n_threads;
    memset(s->sum, 0xFF, sizeof s->sum);
    memset(s->bit, 0xFF, sizeof s->bit);
    return pc_cell_sums(&ctx, &s->cells, &s->factors, s->sum[0], s->bit);
}

/* ---- worked example ---- */

/* Two indicators. Group 0 has 2 without any, 3 deprived in the first, 1 in both; group 2 has 4 in the second. */
static void three_groups_on_paper(void)
{
    static const int64_t start[] = {0, 3, 3, 4};
    static const uint8_t profile[] = {0, 1, 3, 2};
    static const float weight[] = {2, 3, 1, 4};
    static const double factor[2][4] = {{0, 0, 0, 1}, {0, 1, 1, 2}}; /* both; how many */
    double sum[3][2], bit[3][1][2];
    pc_made made[2];
    const pc_cells cells = {3, start, pc_make_array(&made[0], PC_UINT8, profile, 4),
                            pc_make_array(&made[1], PC_FLOAT32, weight, 4)};
    const pc_cell_factors factors = {4, 2, factor[0], 1, 2, NULL};
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_cell_sums(&ctx, &cells, &factors, sum[0], bit[0][0]) == PC_OK);
    EXPECT(sum[0][0] == 1 && sum[0][1] == 5);
    EXPECT(sum[1][0] == 0 && sum[1][1] == 0);
    EXPECT(sum[2][0] == 0 && sum[2][1] == 4);
    EXPECT(bit[0][0][0] == 1 && bit[0][0][1] == 1);
    EXPECT(bit[1][0][0] == 0 && bit[2][0][1] == 0);
}

/* ---- oracle ---- */

static bool is_near(double found, long double expected, long double scale)
{
    return fabsl((long double)found - expected) <= 1.2e-13L * scale;
}

static void check_sums(const sample *s)
{
    for (int64_t g = 0; g < GROUPS; g++)
        for (int64_t f = 0; f < FACTORS; f++) {
            long double sum = 0, scale = 0, bit[PC_CELL_MOST_BITS] = {0};
            for (int64_t c = s->start[g]; c < s->start[g + 1]; c++) {
                const long double x = (long double)s->weight[c] * factor_of(s, f, c);
                sum += x;
                scale += fabsl(x);
                for (int64_t j = 0; j < s->n_bits; j++) bit[j] += has_bit(s, c, j) ? x : 0;
            }
            EXPECT(is_near(s->sum[g][f], sum, scale));
            for (int64_t j = 0; f < s->factors.n_by_bit && j < s->n_bits; j++)
                EXPECT(is_near(bit_of(s, g, f, j), bit[j], scale));
        }
}

static bool has_group(const sample *s, int64_t least, int64_t most)
{
    for (int64_t g = 0; g < GROUPS; g++) {
        const int64_t n = s->start[g + 1] - s->start[g];
        if (n >= least && n <= most) return true;
    }
    return false;
}

static void sums_are_those_of_a_loop_in_long_double(void)
{
    bool has_long = false, has_short = false;
    static const int64_t widths[] = {0, 1, 3, 4, 5, 8, 9, 12, 13, 16};
    static sample s;
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
        for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++) {
            draw_sample(&s, (int64_t)1 << widths[k], widths[k], false, k);
            EXPECT(run(&s, (pc_simd)simd, 1) == PC_OK);
            check_sums(&s);
            has_long = has_long || has_group(&s, PC_BLOCK + 1, INT64_MAX);
            has_short = has_short || has_group(&s, 1, 3);
            EXPECT(has_group(&s, 0, 0));
        }
    EXPECT(has_long && has_short);
}

static void masks_of_up_to_64_bits_are_looked_up(void)
{
    static const int64_t widths[] = {1, 12, 31, 32, 33, 45, 64};
    static sample s;
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
        for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++) {
            draw_sample(&s, 700, widths[k], true, 100 + k);
            EXPECT(run(&s, (pc_simd)simd, 1) == PC_OK);
            check_sums(&s);
        }
}

static void profiles_of_any_integer_type_are_read(void)
{
    static sample s, other;
    draw_sample(&s, 3000, 12, false, 7);
    EXPECT(run(&s, PC_SIMD_PORTABLE, 1) == PC_OK);
    for (int type = 1; type < N_TYPES; type++) {
        draw_sample(&other, 3000, 12, false, 7);
        other.cells.profile = column_of_type(&other, type);
        EXPECT(run(&other, PC_SIMD_PORTABLE, 1) == PC_OK);
        EXPECT(memcmp(s.sum, other.sum, sizeof s.sum) == 0);
        EXPECT(memcmp(s.bit, other.bit, sizeof s.bit) == 0);
    }
}

/* ---- the order of addition ---- */

/* As the header has it, of a group of one block. */
static double in_promised_order(const sample *s, int64_t g, int64_t f, int64_t bit)
{
    double part[4] = {0, 0, 0, 0};
    for (int64_t c = s->start[g]; c < s->start[g + 1]; c++)
        if (bit < 0 || has_bit(s, c, bit)) part[(c - s->start[g]) % 4] += s->weight[c] * factor_of(s, f, c);
    return (part[0] + part[1]) + (part[2] + part[3]);
}

static void the_order_of_addition_is_the_promised_one(void)
{
    static sample s;
    for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++)
        for (int64_t n_profiles = 1; n_profiles <= PC_BLOCK; n_profiles += 89) {
            draw_sample(&s, n_profiles, 11, false, (uint64_t)n_profiles);
            EXPECT(run(&s, (pc_simd)simd, 1) == PC_OK);
            for (int64_t g = 0; g < GROUPS; g++)
                for (int64_t f = 0; f < FACTORS; f++) {
                    EXPECT(s.sum[g][f] == in_promised_order(&s, g, f, -1));
                    for (int64_t j = 0; f < s.factors.n_by_bit && j < 11; j++)
                        EXPECT(bit_of(&s, g, f, j) == in_promised_order(&s, g, f, j));
                }
        }
}

/* Bit 0 is of all cells, bit 1 of those that the second factor keeps, bit 2 of some of these. */
static void the_same_cells_have_the_same_sum_and_fewer_no_larger_one(void)
{
    static sample s;
    for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            draw_sample(&s, 5000, 3, true, 50 + seed);
            for (int64_t p = 0; p < 5000; p++) {
                const bool is_kept = s.factor[5000 + p] == 1.0;
                s.mask[p] = 1 | (uint64_t)is_kept << 1 | (uint64_t)(is_kept && p % 17) << 2;
            }
            EXPECT(run(&s, (pc_simd)simd, 1) == PC_OK);
            for (int64_t g = 0; g < GROUPS; g++) {
                EXPECT(bit_of(&s, g, 0, 0) == s.sum[g][0]);
                EXPECT(bit_of(&s, g, 1, 0) == s.sum[g][1]);
                EXPECT(bit_of(&s, g, 0, 1) == s.sum[g][1]);
                EXPECT(bit_of(&s, g, 0, 2) == bit_of(&s, g, 1, 2));
                EXPECT(bit_of(&s, g, 0, 2) <= s.sum[g][1] && s.sum[g][1] <= s.sum[g][0]);
            }
        }
}

/* ---- many cells ---- */

typedef struct many {
    int64_t n, n_groups, *start;
    uint32_t *profile;
    double *weight, *sum, *bit;
} many;

/* Group g has about g times as many cells as the first. */
static bool draw_many(many *m, int64_t n, int64_t n_groups)
{
    pc_draws draws = {(uint64_t)n};
    *m = (many){.n = n, .n_groups = n_groups};
    m->start = malloc((size_t)(n_groups + 1) * sizeof *m->start);
    m->profile = malloc((size_t)n * sizeof *m->profile);
    m->weight = malloc((size_t)n * sizeof *m->weight);
    m->sum = malloc((size_t)n_groups * 2 * sizeof *m->sum);
    m->bit = malloc((size_t)n_groups * 2 * 6 * sizeof *m->bit);
    if (!EXPECT(m->start && m->profile && m->weight && m->sum && m->bit)) return false;
    for (int64_t g = 0; g <= n_groups; g++)
        m->start[g] = (int64_t)((double)n * (double)(g * g) / (double)(n_groups * n_groups));
    for (int64_t i = 0; i < n; i++) {
        m->profile[i] = (uint32_t)pc_draw_below(&draws, 64);
        m->weight[i] = pc_draw_unit(&draws);
    }
    return true;
}

static void free_many(many *m)
{
    free(m->start);
    free(m->profile);
    free(m->weight);
    free(m->sum);
    free(m->bit);
}

static pc_status run_many(pc_context *ctx, const many *m)
{
    static double factor[2][64];
    pc_made made[2];
    for (int64_t p = 0; p < 64; p++) {
        factor[0][p] = 1.0;
        factor[1][p] = p % 3 ? (double)p / 7 : 0.0;
    }
    const pc_cells cells = {m->n_groups, m->start,
                            pc_make_array(&made[0], PC_UINT32, m->profile, m->n),
                            pc_make_array(&made[1], PC_FLOAT64, m->weight, m->n)};
    const pc_cell_factors factors = {64, 2, factor[0], 2, 6, NULL};
    return pc_cell_sums(ctx, &cells, &factors, m->sum, m->bit);
}

static void threads_and_builds_give_the_same_bits(void)
{
    enum { CELLS = 300000, MANY_GROUPS = 230 };
    static double sum[MANY_GROUPS * 2], bit[MANY_GROUPS * 12];
    many m;
    if (draw_many(&m, CELLS, MANY_GROUPS))
        for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++)
            for (int n_threads = 1; n_threads <= 7; n_threads += 2) {
                pc_context ctx;
                pc_context_init(&ctx);
                ctx.simd = (pc_simd)simd;
                ctx.n_threads = n_threads;
                EXPECT(run_many(&ctx, &m) == PC_OK);
                if (simd == 0 && n_threads == 1) {
                    memcpy(sum, m.sum, sizeof sum);
                    memcpy(bit, m.bit, sizeof bit);
                }
                EXPECT(memcmp(sum, m.sum, sizeof sum) == 0);
                EXPECT(memcmp(bit, m.bit, sizeof bit) == 0);
            }
    free_many(&m);
}

/* Plain sums of two million times 0.1 are off by more than 1e-11. */
static void many_cells_of_one_group_keep_their_precision(void)
{
    enum { CELLS = 2000003 };
    many m;
    pc_context ctx;
    pc_context_init(&ctx);
    if (draw_many(&m, CELLS, 1)) {
        int64_t n_odd = 0;
        for (int64_t i = 0; i < CELLS; i++) {
            m.weight[i] = 0.1;
            n_odd += m.profile[i] & 1;
        }
        EXPECT(run_many(&ctx, &m) == PC_OK);
        EXPECT(fabs(m.sum[0] / (CELLS * 0.1) - 1) < 6e-14);
        EXPECT(fabs(m.bit[0] / ((double)n_odd * 0.1) - 1) < 6e-14);
    }
    free_many(&m);
}

/* Of each block's sum, 20.48, a plain sum of blocks would keep nothing beside 2^60. */
static void small_blocks_beside_a_large_one_are_kept(void)
{
    enum { CELLS = 1000 * PC_BLOCK };
    many m;
    pc_context ctx;
    pc_context_init(&ctx);
    if (draw_many(&m, CELLS, 1)) {
        for (int64_t i = 0; i < CELLS; i++) m.weight[i] = i == 0 ? 0x1p60 : 0.01;
        EXPECT(run_many(&ctx, &m) == PC_OK);
        EXPECT(fabs(m.sum[0] - 0x1p60 - 0.01 * (CELLS - PC_BLOCK)) <= 0x1p8);
    }
    free_many(&m);
}

static void whole_numbers_are_added_exactly(void)
{
    enum { CELLS = 50000 };
    many m;
    pc_context ctx;
    pc_context_init(&ctx);
    if (draw_many(&m, CELLS, 3)) {
        for (int64_t i = 0; i < CELLS; i++) m.weight[i] = (double)(m.profile[i] * 977 + i % 1000);
        EXPECT(run_many(&ctx, &m) == PC_OK);
        for (int64_t g = 0; g < 3; g++) {
            int64_t sum = 0, bit = 0;
            for (int64_t i = m.start[g]; i < m.start[g + 1]; i++) {
                const int64_t weight = m.profile[i] * 977 + i % 1000;
                sum += weight;
                if (m.profile[i] >> 5 & 1) bit += weight;
            }
            EXPECT(m.sum[2 * g] == (double)sum);
            EXPECT(m.bit[12 * g + 5] == (double)bit);
        }
    }
    free_many(&m);
}

/* ---- edges ---- */

static void a_factor_of_0_takes_out_any_weight(void)
{
    static const int64_t start[] = {0, 5};
    static const uint32_t profile[] = {0, 1, 0, 1, 0};
    static const double weight[] = {INFINITY, 2, NAN, 3, INFINITY}, factor[2][2] = {{0, 1}, {1, 1}};
    pc_made made[2];
    const pc_cells cells = {1, start, pc_make_array(&made[0], PC_UINT32, profile, 5),
                            pc_make_array(&made[1], PC_FLOAT64, weight, 5)};
    const pc_cell_factors factors = {2, 2, factor[0], 2, 1, NULL};
    for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++) {
        double sum[2], bit[2];
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.simd = (pc_simd)simd;
        EXPECT(pc_cell_sums(&ctx, &cells, &factors, sum, bit) == PC_OK);
        EXPECT(sum[0] == 5 && bit[0] == 5);
        EXPECT(isnan(sum[1]) && bit[1] == 5);
    }
}

static void nothing_gives_nothing(void)
{
    static const int64_t start[] = {0, 0, 0};
    double sum[2] = {1, 1}, factor = 1;
    pc_made made[2];
    const pc_column *none = pc_make_array(&made[0], PC_INT64, start, 0);
    const pc_cells cells = {2, start, none, none}, no_groups = {0, start, none, none};
    const pc_cell_factors one = {0, 1, &factor, 1, 0, NULL}, no_factors = {1, 0, &factor, 0, 0, NULL};
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_cell_sums(&ctx, &no_groups, &one, NULL, NULL) == PC_OK);
    EXPECT(pc_cell_sums(&ctx, &cells, &no_factors, NULL, NULL) == PC_OK);
    EXPECT(pc_cell_sums(&ctx, &cells, &one, sum, NULL) == PC_OK);
    EXPECT(sum[0] == 0 && sum[1] == 0);
}

/* ---- errors ---- */

static void indexes_outside_their_range_are_named(void)
{
    static sample s;
    pc_context ctx;
    pc_context_init(&ctx);
    draw_sample(&s, 900, 12, false, 3);
    for (int type = 0; type < 4; type++) {
        s.profile[s.start[6] + 5] = s.profile[s.start[6] + 9] = 900;
        s.cells.profile = column_of_type(&s, type);
        EXPECT(pc_cell_sums(&ctx, &s.cells, &s.factors, s.sum[0], s.bit) == PC_ERR_GROUP);
        EXPECT(strcmp(ctx.error.argument, "profile") == 0 && ctx.error.index == s.start[6] + 5);
    }
    s.profile[s.start[6] + 5] = s.profile[s.start[6] + 9] = 0;
    s.cells.profile = column_of_type(&s, 0);
    s.start[4]--;
    EXPECT(s.start[4] < s.start[3]);
    EXPECT(pc_cell_sums(&ctx, &s.cells, &s.factors, s.sum[0], s.bit) == PC_ERR_GROUP);
    EXPECT(strcmp(ctx.error.argument, "start") == 0 && ctx.error.index == 3);
    s.start[4]++;
    s.start[GROUPS]++;
    EXPECT(pc_cell_sums(&ctx, &s.cells, &s.factors, s.sum[0], s.bit) == PC_ERR_GROUP);
    EXPECT(ctx.error.index == GROUPS - 1);
    s.start[GROUPS]--;
    s.start[0] = -1;
    EXPECT(pc_cell_sums(&ctx, &s.cells, &s.factors, s.sum[0], s.bit) == PC_ERR_GROUP);
    EXPECT(ctx.error.index == 0);
    s.start[0] = 0;
    EXPECT(pc_cell_sums(&ctx, &s.cells, &s.factors, s.sum[0], s.bit) == PC_OK);
}

static pc_status with(const sample *s, pc_cells cells, pc_cell_factors factors)
{
    static double sum[GROUPS][FACTORS], bit[GROUPS * FACTORS * PC_CELL_MOST_BITS];
    pc_context ctx;
    (void)s;
    pc_context_init(&ctx);
    return pc_cell_sums(&ctx, &cells, &factors, sum[0], bit);
}

static void other_lengths_types_and_sizes_are_refused(void)
{
    static sample s;
    pc_made made;
    draw_sample(&s, 500, 9, false, 4);
    EXPECT(with(&s, s.cells, s.factors) == PC_OK);
    pc_cells cells = s.cells;
    cells.weight = pc_make_part(&made, s.cells.weight, 0, s.n - 1);
    EXPECT(with(&s, cells, s.factors) == PC_ERR_LENGTH);
    made = s.made[1];
    made.column.type = PC_TEXT32;
    cells.weight = &made.column;
    EXPECT(with(&s, cells, s.factors) == PC_ERR_TYPE);
    cells = s.cells;
    cells.profile = s.cells.weight;
    EXPECT(with(&s, cells, s.factors) == PC_ERR_TYPE);
    pc_cell_factors factors = s.factors;
    factors.n_bits = PC_CELL_MOST_BITS + 1;
    EXPECT(with(&s, s.cells, factors) == PC_ERR_LIMIT);
    factors.n_bits = -1;
    EXPECT(with(&s, s.cells, factors) == PC_ERR_LIMIT);
    factors = s.factors;
    factors.n_by_bit = FACTORS + 1;
    EXPECT(with(&s, s.cells, factors) == PC_ERR_LIMIT);
    factors.n_by_bit = -1;
    EXPECT(with(&s, s.cells, factors) == PC_ERR_LIMIT);
    factors = s.factors;
    factors.n_profiles = (int64_t)PC_CELL_MOST_PROFILES + 1;
    EXPECT(with(&s, s.cells, factors) == PC_ERR_LIMIT);
}

static bool always(void *host)
{
    (void)host;
    return true;
}

static void a_stop_that_is_asked_for_is_obeyed(void)
{
    many m;
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.should_stop = always;
    ctx.next_poll_ns = 1;
    if (draw_many(&m, 300000, 50)) EXPECT(run_many(&ctx, &m) == PC_ERR_INTERRUPTED);
    free_many(&m);
}

/* ---- memory ---- */

static pc_status run_fallible(pc_context *ctx, void *arg)
{
    return run_many(ctx, arg);
}

static void memory_that_fails_is_an_error_and_all_is_given_back(void)
{
    many m;
    for (int n_threads = 1; n_threads <= 2; n_threads++) {
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.n_threads = n_threads;
        if (draw_many(&m, 210000, 40)) EXPECT(pc_test_failing_allocator(&ctx, run_fallible, &m) > 3);
        free_many(&m);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(three_groups_on_paper),
        CLAIM(sums_are_those_of_a_loop_in_long_double),
        CLAIM(masks_of_up_to_64_bits_are_looked_up),
        CLAIM(profiles_of_any_integer_type_are_read),
        CLAIM(the_order_of_addition_is_the_promised_one),
        CLAIM(the_same_cells_have_the_same_sum_and_fewer_no_larger_one),
        CLAIM(threads_and_builds_give_the_same_bits),
        CLAIM(many_cells_of_one_group_keep_their_precision),
        CLAIM(small_blocks_beside_a_large_one_are_kept),
        CLAIM(whole_numbers_are_added_exactly),
        CLAIM(a_factor_of_0_takes_out_any_weight),
        CLAIM(nothing_gives_nothing),
        CLAIM(indexes_outside_their_range_are_named),
        CLAIM(other_lengths_types_and_sizes_are_refused),
        CLAIM(a_stop_that_is_asked_for_is_obeyed),
        CLAIM(memory_that_fails_is_an_error_and_all_is_given_back),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
