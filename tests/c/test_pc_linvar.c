/* Variances of parts by unit: sums on paper, labels shared, counts, bad indexes, memory. */
#include "pc_linvar.h"
#include "pc_made.h"
#include "pc_test.h"

#include <math.h>
#include <string.h>

/* Two strata of two and three units; the first has factor 2, the second 3/2 of which half is drawn. */
static const int64_t stratum[] = {0, 0, 1, 1, 1}, first[] = {0, 2, 5};
static const double factor[] = {2.0, 0.75};
static const pc_stage plain = {
    .n_units = 5, .n_strata = 2, .n_labels = 5, .stratum = stratum, .first = first, .factor = factor};

/* Row 0: 3, 5 | 6, 0, 0 (of the second only one unit);  row 1: nothing;  row 2: 1 in unit 1, 2 in 4. */
static const int64_t start[] = {0, 3, 3, 5}, unit[] = {0, 1, 2, 1, 4};
static const double value[] = {3.0, 5.0, 6.0, 1.0, 2.0};
static const pc_parts three = {
    .n_rows = 3, .n_parts = 5, .n_units = 5, .start = start, .unit = unit, .value = value};

static void variances_are_sums_over_strata(void)
{
    pc_context ctx;
    double v[3] = {-1, -1, -1};
    pc_context_init(&ctx);
    EXPECT(pc_linvar_variance(&ctx, &plain, &three, v) == PC_OK);
    EXPECT(v[0] == 2.0 * (1 + 1) + 0.75 * (16 + 4 + 4)); /* units without a part count as 0 */
    EXPECT(v[1] == 0.0);
    EXPECT(fabs(v[2] - (2.0 * 0.5 + 0.75 * 8.0 / 3.0)) < 1e-15);
}

static void covariances_are_products_of_centred_parts(void)
{
    pc_context ctx;
    double c[9], v[3];
    pc_context_init(&ctx);
    EXPECT(pc_linvar_cov(&ctx, &plain, &three, c) == PC_OK);
    EXPECT(pc_linvar_variance(&ctx, &plain, &three, v) == PC_OK);
    for (int a = 0; a < 3; a++) {
        EXPECT(fabs(c[4 * a] - v[a]) <= 1e-14 * v[a]);
        for (int b = 0; b < 3; b++) EXPECT(c[3 * a + b] == c[3 * b + a]);
    }
    /* (-1, 1) (-1/2, 1/2) 2 and (4, -2, -2) (-2/3, -2/3, 4/3) 3/4 */
    EXPECT(fabs(c[2] - (2.0 - 3.0)) < 1e-14);
    EXPECT(c[1] == 0.0 && c[4] == 0.0);
}

/* The same units as strata of two periods: 0, 1 are 2, 3 again. */
static void parts_of_one_label_are_added_before_they_are_squared(void)
{
    static const int64_t h[] = {0, 0, 1, 1}, f[] = {0, 2, 4}, label[] = {0, 1, 0, 1};
    static const double two[] = {2.0, 2.0};
    const pc_stage waves = {.n_units = 4, .n_strata = 2, .n_labels = 2, .stratum = h, .first = f,
                            .label = label, .factor = two};
    static const int64_t s[] = {0, 2, 4, 8}, u[] = {0, 1, 2, 3, 0, 1, 2, 3};
    static const double z[] = {3, 5, 1, 7, -3, -5, 1, 7}; /* a period, the other, their difference */
    const pc_parts rows = {
        .n_rows = 3, .n_parts = 8, .n_units = 4, .start = s, .unit = u, .value = z};
    pc_context ctx;
    double v[3], c[9];
    int64_t labels[3], strata[3];
    pc_context_init(&ctx);
    EXPECT(pc_linvar_variance(&ctx, &waves, &rows, v) == PC_OK);
    EXPECT(pc_linvar_cov(&ctx, &waves, &rows, c) == PC_OK);
    EXPECT(fabs(v[0] - 4) < 1e-14 && fabs(v[1] - 36) < 1e-13 && fabs(v[2] - 16) < 1e-13);
    EXPECT(fabs(c[1] - 12) < 1e-13 && fabs(c[2] - 8) < 1e-13 && fabs(c[5] - 24) < 1e-13);
    EXPECT(pc_linvar_count(&ctx, &waves, &rows, false, labels, strata) == PC_OK);
    EXPECT(labels[0] == 2 && labels[2] == 2);
    EXPECT(strata[0] == 1 && strata[2] == 1); /* shared: the stratum counts once */
}

static void a_part_that_is_centred_already_is_added_as_it_is(void)
{
    static const int64_t s[] = {0, 2}, u[] = {0, 5 + 2};
    static const double z[] = {4.0, 3.0};
    const pc_parts row = {
        .n_rows = 1, .n_parts = 2, .n_units = 5, .start = s, .unit = u, .value = z};
    pc_context ctx;
    double v, c;
    int64_t labels, strata;
    pc_context_init(&ctx);
    EXPECT(pc_linvar_variance(&ctx, &plain, &row, &v) == PC_OK);
    EXPECT(fabs(v - (2.0 * 8 + 9)) < 1e-14);
    EXPECT(pc_linvar_cov(&ctx, &plain, &row, &c) == PC_OK);
    EXPECT(fabs(c - v) < 1e-14);
    EXPECT(pc_linvar_count(&ctx, &plain, &row, true, &labels, &strata) == PC_OK);
    EXPECT(labels == 2 && strata == 1); /* both units of the stratum; not the one beside */
}

static void units_and_strata_of_each_row_are_counted(void)
{
    pc_context ctx;
    int64_t labels[3], strata[3];
    pc_context_init(&ctx);
    EXPECT(pc_linvar_count(&ctx, &plain, &three, false, labels, strata) == PC_OK);
    EXPECT(labels[0] == 3 && labels[1] == 0 && labels[2] == 2);
    EXPECT(strata[0] == 2 && strata[1] == 0 && strata[2] == 2);
    EXPECT(pc_linvar_count(&ctx, &plain, &three, true, labels, strata) == PC_OK);
    EXPECT(labels[0] == 5 && labels[1] == 0 && labels[2] == 5);
}

static void totals_far_from_zero_keep_their_variance(void)
{
    static const int64_t s[] = {0, 2}, u[] = {0, 1};
    static const double z[] = {1e15 + 3.0, 1e15 + 5.0};
    const pc_parts row = {
        .n_rows = 1, .n_parts = 2, .n_units = 5, .start = s, .unit = u, .value = z};
    pc_context ctx;
    double v;
    pc_context_init(&ctx);
    EXPECT(pc_linvar_variance(&ctx, &plain, &row, &v) == PC_OK);
    EXPECT(v == 4.0);
}

static void cells_are_sorted_and_equal_ones_added_in_their_order(void)
{
    static const int64_t row[] = {2, 0, 2, 0, 2}, in[] = {4, 3, 0, 3, 4};
    static const double z[] = {1.0, 2.0, 3.0, 4.0, 5.0};
    int64_t s[5], u[5], n;
    double v[5];
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_linvar_sort(&ctx, 5, row, in, z, 4, 5, s, u, v, &n) == PC_OK);
    EXPECT(n == 3 && s[0] == 0 && s[1] == 1 && s[2] == 1 && s[3] == 3 && s[4] == 3);
    EXPECT(u[0] == 3 && v[0] == 6.0);
    EXPECT(u[1] == 0 && v[1] == 3.0 && u[2] == 4 && v[2] == 6.0);
    EXPECT(pc_linvar_sort(&ctx, 0, row, in, z, 2, 5, s, u, v, &n) == PC_OK);
    EXPECT(n == 0 && s[0] == 0 && s[1] == 0 && s[2] == 0);
    EXPECT(pc_linvar_sort(&ctx, 0, row, in, z, 0, 0, s, u, v, &n) == PC_OK && n == 0);
}

/* Group 0 of the first source has units 1, 3 and, without weight, 4; group 1 unit 0. Of the second source group 0 has
 * unit 2, and 1 is left out. (above - ratio x below) / divisor: (5 - 2 x 1)/4, (7 - 2 x 3)/4; (6 - 4 x 1)/8. */
static const int64_t cell_start[] = {0, 3, 4}, cell_unit[] = {1, 3, 4, 0}, rows_of_groups[] = {2, 0};
static const double cell_weight[] = {0.5, 1, 0, 2}, above[] = {5, 7, 9, 6}, below[] = {1, 3, 5, 1};
static const double ratio[] = {2, 4}, divisor[] = {4, 8};
static const int64_t other_start[] = {0, 1, 2}, other_unit[] = {2, 1}, other_rows[] = {1, -1};
static const double other_weight[] = {1, 1}, other_above[] = {11, 13};
static const pc_source figures[] = {
    {.n_groups = 2, .n_cells = 4, .start = cell_start, .unit = cell_unit, .row = rows_of_groups, .weight = cell_weight,
     .above = above, .below = below, .ratio = ratio, .divisor = divisor},
    {.n_groups = 2, .n_cells = 2, .start = other_start, .unit = other_unit, .row = other_rows, .weight = other_weight,
     .above = other_above}};

static void parts_are_made_of_the_sums_of_each_figure(void)
{
    pc_context ctx;
    int64_t s[5], u[6], n;
    double v[6];
    pc_context_init(&ctx);
    EXPECT(pc_linvar_parts(&ctx, 2, figures, 4, 5, 6, s, u, v, &n) == PC_OK);
    EXPECT(n == 4 && s[0] == 0 && s[1] == 1 && s[2] == 2 && s[3] == 4 && s[4] == 4);
    EXPECT(u[0] == 0 && v[0] == 0.25); /* row 0: the second group */
    EXPECT(u[1] == 2 && v[1] == 11);   /* row 1: a total */
    EXPECT(u[2] == 1 && v[2] == 0.75 && u[3] == 3 && v[3] == 0.25);
    EXPECT(pc_linvar_parts(&ctx, 0, NULL, 2, 5, 0, s, u, v, &n) == PC_OK && n == 0 && s[2] == 0);
}

/* Two groups of one source and one of another go to row 0; units in no order: 3, 1 | 1 | 3, 3. */
static void groups_of_one_row_are_sorted_and_added_in_their_order(void)
{
    static const int64_t st[] = {0, 2, 3}, un[] = {3, 1, 1}, to[] = {0, 0}, st2[] = {0, 2}, un2[] = {3, 3}, to2[] = {0};
    static const double w[] = {1, 1, 1}, z[] = {1, 2, 4}, z2[] = {1e16, -1e16};
    const pc_source sources[] = {{2, 3, st, un, to, w, z, NULL, NULL, NULL}, {1, 2, st2, un2, to2, w, z2, NULL, NULL, NULL}};
    pc_context ctx;
    int64_t s[2], u[5], n;
    double v[5];
    pc_context_init(&ctx);
    EXPECT(pc_linvar_parts(&ctx, 2, sources, 1, 4, 5, s, u, v, &n) == PC_OK);
    EXPECT(n == 2 && s[0] == 0 && s[1] == 2 && u[0] == 1 && v[0] == 6);
    EXPECT(u[1] == 3 && v[1] == (1 + 1e16) - 1e16); /* in their order: 1 is lost, or not, as the sum says */
}

/* What figures say of random sources is what the parts made of them say, to the last bit: groups of one row and of
 * several, units in order and not, labels shared, rows without parts. */
static void figures_are_those_of_the_parts(void)
{
    enum { SOURCES = 3, GROUPS = 40, UNITS = 60, CELLS = GROUPS * UNITS, ROWS = 70, STRATA = 12, MOST = SOURCES * CELLS };
    static int64_t st[SOURCES][GROUPS + 1], un[SOURCES][CELLS], to[SOURCES][GROUPS], label[UNITS];
    static double w[SOURCES][CELLS], a[SOURCES][CELLS], b[SOURCES][CELLS], ra[GROUPS], di[GROUPS];
    static int64_t s[ROWS + 1], u[MOST], n_labels[2][ROWS], n_strata[2][ROWS];
    static double v[MOST], variance[2][ROWS], many[STRATA];
    int64_t h[UNITS], f[STRATA + 1], n = 0;
    pc_source sources[SOURCES];
    pc_draws draws = {11};
    for (int64_t i = 0; i < UNITS; i++) h[i] = i * STRATA / UNITS;
    for (int64_t i = 0; i <= STRATA; i++) f[i] = i * UNITS / STRATA;
    for (int64_t i = 0; i < UNITS; i++) label[i] = i / 3 * 3 + (i + 1) % 3 / 2; /* some are one unit */
    for (int64_t i = 0; i < STRATA; i++) many[i] = pc_draw_unit(&draws);
    for (int64_t g = 0; g < GROUPS; g++) ra[g] = pc_draw_unit(&draws);
    for (int64_t g = 0; g < GROUPS; g++) di[g] = 1 + pc_draw_unit(&draws);
    for (int64_t k = 0; k < SOURCES; k++) {
        int64_t c = 0;
        for (int64_t g = 0; g < GROUPS; g++) {
            st[k][g] = c;
            to[k][g] = k == 2 ? pc_draw_below(&draws, ROWS + 1) - 1 : 2 * g % ROWS; /* several in a row, or left out */
            for (int64_t i = 0; i < UNITS; i++) {
                if (g == 3 || pc_draw_below(&draws, 2)) continue;
                un[k][c] = k == 1 ? UNITS - 1 - i : i;
                w[k][c] = (double)pc_draw_below(&draws, 4);
                a[k][c] = pc_draw_unit(&draws) - 0.5;
                b[k][c++] = pc_draw_unit(&draws);
            }
        }
        st[k][GROUPS] = c;
        sources[k] = (pc_source){GROUPS, c, st[k], un[k], to[k], w[k], a[k], k == 0 ? b[k] : NULL, k == 0 ? ra : NULL,
                                 k < 2 ? di : NULL};
    }
    for (int is_shared = 0; is_shared <= 1; is_shared++) {
        const pc_stage stage = {.n_units = UNITS, .n_strata = STRATA, .n_labels = UNITS, .stratum = h, .first = f,
                                .label = is_shared ? label : NULL, .factor = many};
        for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
            pc_context ctx;
            pc_context_init(&ctx);
            ctx.n_threads = n_threads;
            EXPECT(pc_linvar_parts(&ctx, SOURCES, sources, ROWS, 2 * UNITS, MOST, s, u, v, &n) == PC_OK);
            const pc_parts parts = {ROWS, n, UNITS, s, u, v};
            EXPECT(pc_linvar_variance(&ctx, &stage, &parts, variance[0]) == PC_OK);
            EXPECT(pc_linvar_count(&ctx, &stage, &parts, false, n_labels[0], n_strata[0]) == PC_OK);
            EXPECT(pc_linvar_figures(&ctx, &stage, SOURCES, sources, ROWS, 2 * UNITS, variance[1], n_labels[1],
                                     n_strata[1]) == PC_OK);
            EXPECT(memcmp(variance[0], variance[1], sizeof variance[0]) == 0);
            EXPECT(memcmp(n_labels[0], n_labels[1], sizeof n_labels[0]) == 0);
            EXPECT(memcmp(n_strata[0], n_strata[1], sizeof n_strata[0]) == 0);
            EXPECT(n > 1500 && variance[0][0] > 0 && n_labels[0][0] > 20);
        }
    }
}

static void sources_that_point_outside_are_refused(void)
{
    static const int64_t long_start[] = {0, 3, 5}, back[] = {0, 3, 2}, far_row[] = {2, 4}, low_row[] = {-2, 0};
    static const int64_t far_unit[] = {1, 5, 4, 0};
    pc_context ctx;
    int64_t s[5], u[6], n;
    double v[6];
    pc_context_init(&ctx);
    for (int fault = 0; fault < 6; fault++) {
        pc_source source = figures[0];
        if (fault == 0) source.start = long_start;
        if (fault == 1) source.start = back;
        if (fault == 2) source.row = far_row;
        if (fault == 3) source.row = low_row;
        if (fault == 4) source.unit = far_unit;
        const int64_t room = fault == 5 ? 2 : 6; /* less than the cells with weight */
        EXPECT(pc_linvar_parts(&ctx, 1, &source, 4, 5, room, s, u, v, &n) == PC_ERR_GROUP);
        EXPECT(ctx.error.argument[0] != '\0' && ctx.error.index >= 0);
        if (fault == 5) continue;
        EXPECT(pc_linvar_figures(&ctx, &plain, 1, &source, 4, 5, v, s, u) == PC_ERR_GROUP);
        EXPECT(ctx.error.argument[0] != '\0' && ctx.error.index >= 0);
    }
}

static void combinations_have_the_weighted_parts_of_their_rows(void)
{
    static const int64_t begin[] = {0, 2, 2, 3}, which[] = {0, 2, 1};
    static const double weight[] = {2.0, -1.0, 7.0};
    int64_t s[4], u[5], n, n_cells;
    double v[5];
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_linvar_combine_cells(&ctx, &three, 3, begin, 3, which, &n_cells) == PC_OK);
    if (!EXPECT(n_cells == 5)) return;
    EXPECT(pc_linvar_combine(&ctx, &three, 3, begin, 3, which, weight, n_cells, s, u, v, &n) == PC_OK);
    EXPECT(n == 4 && s[1] == 4 && s[2] == 4 && s[3] == 4);
    EXPECT(v[0] == 6.0 && v[1] == 9.0 && v[2] == 12.0 && v[3] == -2.0 && u[3] == 4);
    EXPECT(pc_linvar_combine(&ctx, &three, 3, begin, 3, which, weight, 4, s, u, v, &n) == PC_ERR_GROUP);
}

static void an_unknown_part_makes_the_variance_unknown(void)
{
    static const double z[] = {3.0, NAN, 6.0, 1.0, 2.0};
    pc_parts rows = three;
    pc_context ctx;
    double v[3];
    rows.value = z;
    pc_context_init(&ctx);
    EXPECT(pc_linvar_variance(&ctx, &plain, &rows, v) == PC_OK);
    EXPECT(isnan(v[0]) && v[1] == 0.0 && !isnan(v[2]));
}

static void the_covariance_has_the_same_bits_for_any_number_of_threads(void)
{
    enum { ROWS = 250, UNITS = 40, PARTS = ROWS * 8 };
    static int64_t h[UNITS], f[] = {0, 10, 20, 30, 40}, s[ROWS + 1], u[PARTS];
    static double c1[ROWS * ROWS], c2[ROWS * ROWS], z[PARTS], g[] = {1.1, 1.2, 1.3, 1.4};
    uint64_t seed = 1;
    for (int c = 0; c < UNITS; c++) h[c] = c / 10;
    for (int i = 0; i < PARTS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        z[i] = (double)(seed >> 11) * 0x1p-53;
        u[i] = 5 * (i % 8) + (int64_t)(seed >> 60) % 5;
        s[i / 8 + 1] = (i / 8 + 1) * 8;
    }
    const pc_stage stage = {.n_units = UNITS, .n_strata = 4, .n_labels = UNITS, .stratum = h,
                            .first = f, .factor = g};
    const pc_parts rows = {
        .n_rows = ROWS, .n_parts = PARTS, .n_units = UNITS, .start = s, .unit = u, .value = z};
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_linvar_cov(&ctx, &stage, &rows, c1) == PC_OK);
    for (int n = 2; n <= 7; n += 5) {
        ctx.n_threads = n;
        EXPECT(pc_linvar_cov(&ctx, &stage, &rows, c2) == PC_OK);
        EXPECT(memcmp(c1, c2, sizeof c1) == 0);
    }
}

/* Every index outside its range is refused, and its argument named. */
static void indexes_outside_their_range_are_refused(void)
{
    static const int64_t bad_unit[] = {0, 1, 10, 1, 4}, back[] = {1, 0, 2, 1, 4};
    static const int64_t bad_start[] = {0, 3, 2, 5}, long_start[] = {0, 3, 3, 6};
    static const int64_t bad_stratum[] = {0, 0, 2, 1, 1}, bad_first[] = {0, 2, 6};
    static const int64_t far_back[] = {6, INT64_MIN, 2, 1, 4}, far_first[] = {INT64_MIN, INT64_MAX, 5};
    static const int64_t bad_label[] = {0, 1, 2, 3, 5}, minus[] = {-1, 0, 0, 0, 0};
    pc_context ctx;
    double v[3], c[9];
    int64_t n[3], m[3], s[4], u[5], k;
    pc_context_init(&ctx);
    for (int fault = 0; fault < 9; fault++) {
        pc_parts rows = three;
        pc_stage stage = plain;
        if (fault == 0) rows.unit = bad_unit;
        if (fault == 1) rows.unit = back;
        if (fault == 2) rows.start = bad_start;
        if (fault == 3) rows.start = long_start;
        if (fault == 4) stage.stratum = bad_stratum;
        if (fault == 5) stage.first = bad_first;
        if (fault == 6) stage.label = bad_label;
        if (fault == 7) stage.first = far_first;
        if (fault == 8) rows.unit = far_back;
        EXPECT(pc_linvar_variance(&ctx, &stage, &rows, v) == PC_ERR_GROUP);
        EXPECT(ctx.error.argument[0] != '\0' && ctx.error.index >= 0);
        EXPECT(pc_linvar_cov(&ctx, &stage, &rows, c) == PC_ERR_GROUP);
        EXPECT(pc_linvar_count(&ctx, &stage, &rows, false, n, m) == PC_ERR_GROUP);
    }
    EXPECT(pc_linvar_sort(&ctx, 5, minus, unit, value, 3, 5, s, u, v, &k) == PC_ERR_GROUP);
    EXPECT(pc_linvar_sort(&ctx, 5, unit, minus, value, 5, 5, s, u, v, &k) == PC_ERR_GROUP);
    EXPECT(pc_linvar_combine_cells(&ctx, &three, 3, start, 5, unit, &k) == PC_ERR_GROUP);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static pc_status use_all(pc_context *ctx, void *arg)
{
    static const int64_t begin[] = {0, 2}, which[] = {0, 2};
    static const double weight[] = {1.0, 1.0};
    double v[5], c[9], q[6];
    int64_t n[3], m[3], s[4], u[5], w[5], p[6], k;
    (void)arg;
    pc_status status = pc_linvar_variance(ctx, &plain, &three, v);
    if (status == PC_OK) status = pc_linvar_cov(ctx, &plain, &three, c);
    if (status == PC_OK) status = pc_linvar_count(ctx, &plain, &three, true, n, m);
    if (status == PC_OK) status = pc_linvar_combine(ctx, &three, 1, begin, 2, which, weight, 5, s, u, v, &k);
    if (status == PC_OK) EXPECT(k == 4);
    if (status == PC_OK) status = pc_linvar_parts(ctx, 2, figures, 4, 5, 6, w, p, q, &k);
    const pc_source twice[] = {figures[1], figures[1]}; /* two groups of one row, which are sorted */
    if (status == PC_OK) status = pc_linvar_parts(ctx, 2, twice, 4, 5, 4, w, p, q, &k);
    if (status == PC_OK) status = pc_linvar_figures(ctx, &plain, 2, twice, 4, 10, q, w, p);
    return status;
}

static void memory_that_runs_out_is_reported_and_given_back(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.n_threads = 1;
    EXPECT(pc_test_failing_allocator(&ctx, use_all, NULL) >= 30);
}

static bool always(void *host)
{
    (void)host;
    return true;
}

static void the_host_can_stop_long_work(void)
{
    enum { ROWS = 100000 };
    static int64_t s[ROWS + 1];
    static double v[ROWS];
    const pc_parts rows = {
        .n_rows = ROWS, .n_parts = 5, .n_units = 5, .start = s, .unit = unit, .value = value};
    pc_context ctx;
    pc_context_init(&ctx);
    ctx.should_stop = always;
    EXPECT(pc_linvar_variance(&ctx, &plain, &rows, v) == PC_ERR_INTERRUPTED);
}

static bool from_the_second_time_on(void *host)
{
    int *n_asked = host;
    return ++*n_asked > 1;
}

static void a_few_rows_over_many_units_can_be_stopped_too(void)
{
    enum { ROWS = 3000, UNITS = 20000 };
    static int64_t s[ROWS + 1], where[ROWS], h[UNITS], each[UNITS], n[ROWS], m[ROWS];
    static double z[ROWS], v[ROWS];
    const int64_t ends[] = {0, UNITS};
    const double one = 1.0;
    for (int64_t r = 0; r <= ROWS; r++) s[r] = r;
    for (int64_t k = 0; k < UNITS; k++) each[k] = k;
    const pc_parts rows = {
        .n_rows = ROWS, .n_parts = ROWS, .n_units = UNITS, .start = s, .unit = where, .value = z};
    const pc_stage stage = {.n_units = UNITS, .n_strata = 1, .n_labels = UNITS, .stratum = h, .first = ends,
                            .label = each, .factor = &one};
    for (int is_count = 0; is_count < 2; is_count++) {
        int n_asked = 0;
        pc_context ctx;
        pc_context_init(&ctx);
        ctx.should_stop = from_the_second_time_on;
        ctx.host = &n_asked;
        const pc_status status = is_count ? pc_linvar_count(&ctx, &stage, &rows, true, n, m)
                                          : pc_linvar_variance(&ctx, &stage, &rows, v);
        EXPECT(status == PC_ERR_INTERRUPTED);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(variances_are_sums_over_strata),
        CLAIM(covariances_are_products_of_centred_parts),
        CLAIM(parts_of_one_label_are_added_before_they_are_squared),
        CLAIM(a_part_that_is_centred_already_is_added_as_it_is),
        CLAIM(units_and_strata_of_each_row_are_counted),
        CLAIM(totals_far_from_zero_keep_their_variance),
        CLAIM(cells_are_sorted_and_equal_ones_added_in_their_order),
        CLAIM(parts_are_made_of_the_sums_of_each_figure),
        CLAIM(groups_of_one_row_are_sorted_and_added_in_their_order),
        CLAIM(figures_are_those_of_the_parts),
        CLAIM(sources_that_point_outside_are_refused),
        CLAIM(combinations_have_the_weighted_parts_of_their_rows),
        CLAIM(an_unknown_part_makes_the_variance_unknown),
        CLAIM(the_covariance_has_the_same_bits_for_any_number_of_threads),
        CLAIM(indexes_outside_their_range_are_refused),
        CLAIM(memory_that_runs_out_is_reported_and_given_back),
        CLAIM(the_host_can_stop_long_work),
        CLAIM(a_few_rows_over_many_units_can_be_stopped_too),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
