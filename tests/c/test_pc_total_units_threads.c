/* Totals by group and sampling unit against a literal oracle; layouts, tables and dictionaries, lanes, merges,
 * threads, edges, errors. */
#include "pc_made.h"
#include "pc_test.h"
#include "pc_total.h"
#include "pc_units.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_UNITS = 64, FOR_LEAN = 200000 };

/* Made rows: a PSU, two own keys (an integer and a text that follows from it), weight, flags, values. */
typedef struct sample {
    int64_t n, n_units;
    int32_t *psu, *unit, *district; /* the unit of each row, as the oracle knows it */
    int64_t *offset;
    char *text;
    double *weight, *value[2];
    uint8_t *where;
    int8_t *flag[3];
    pc_made made[16];
    const pc_column *psu_column, *keys[3], *flags[3], *values[2], *both[2];
    pc_context ctx; /* of the units */
    pc_units *units;
    pc_rows rows;
    double centre[2];
    pc_product product[3];
    pc_products products;
    pc_scores scores;
} sample;

static void *take(int64_t n, size_t size)
{
    void *block = calloc((size_t)n + 1, size);
    if (block == NULL) abort();
    return block;
}

/* PSU codes are 37 apart and not in the order of the units. */
static int64_t psu_code(int64_t unit, int64_t n_units)
{
    return 1000 + 37 * ((unit * 29 + 11) % n_units);
}

static void make_units(sample *s)
{
    int64_t value[MOST_UNITS], unit[MOST_UNITS];
    const int64_t *values[1] = {value};
    for (int64_t u = 0; u < s->n_units; u++) {
        value[u] = psu_code(u, s->n_units);
        unit[u] = u;
    }
    pc_context_init(&s->ctx);
    s->units = pc_units_new(&s->ctx, 1, &s->psu_column, s->n_units, values, unit, s->n_units);
    if (s->units == NULL) abort();
    s->keys[0] = pc_units_column(s->units);
}

static void make_sample(sample *s, int64_t n, int64_t n_units, int64_t n_districts, int64_t apart, uint64_t seed)
{
    pc_draws draws = {seed};
    memset(s, 0, sizeof *s);
    s->n = n;
    s->n_units = n_units;
    s->psu = take(n, sizeof *s->psu);
    s->unit = take(n, sizeof *s->unit);
    s->district = take(n, sizeof *s->district);
    s->offset = take(n + 1, sizeof *s->offset);
    s->text = take(3 * n, 1);
    s->weight = take(n, sizeof *s->weight);
    s->where = take(n, 1);
    for (int j = 0; j < 2; j++) s->value[j] = take(n, sizeof(double));
    for (int j = 0; j < 3; j++) s->flag[j] = take(n, 1);
    for (int64_t i = 0; i < n; i++) {
        s->unit[i] = (int32_t)pc_draw_below(&draws, n_units);
        s->psu[i] = (int32_t)psu_code(s->unit[i], n_units);
        const int64_t d = pc_draw_below(&draws, n_districts);
        s->district[i] = (int32_t)(d * apart - 5);
        memset(s->text + 3 * i, 'a' + (int)(d % 26), 3);
        s->offset[i + 1] = 3 * (i + 1);
        /* the last unit weighs nothing; a district has a row there all the same */
        const bool is_nothing = s->unit[i] == n_units - 1 || pc_draw_below(&draws, 8) == 0;
        s->weight[i] = is_nothing ? 0.0 : 1e3 * pc_draw_unit(&draws);
        s->where[i] = d > 0 && pc_draw_below(&draws, 3) > 0; /* the first district lies outside */
        s->value[0][i] = 1e6 * (pc_draw_unit(&draws) - 0.5);
        s->value[1][i] = pc_draw_below(&draws, 3) == 0 ? NAN : pc_draw_unit(&draws);
        for (int j = 0; j < 3; j++) s->flag[j][i] = pc_draw_below(&draws, 4) <= j;
    }
    pc_made *m = s->made;
    s->psu_column = pc_make_array(m++, PC_INT32, s->psu, n);
    s->keys[1] = pc_make_array(m++, PC_INT32, s->district, n);
    s->keys[2] = pc_make(m, PC_TEXT64, s->offset, 8, n);
    m->chunk.bytes = (const uint8_t *)s->text;
    m++->chunk.n_bytes = 3 * n;
    for (int j = 0; j < 3; j++) s->flags[j] = pc_make_array(m++, PC_INT8, s->flag[j], n);
    for (int j = 0; j < 2; j++) s->values[j] = pc_make_array(m++, PC_FLOAT64, s->value[j], n);
    make_units(s);
    s->rows = (pc_rows){.n = n, .n_keys = 2, .keys = s->keys, .flags = s->flags, .values = s->values};
    s->rows.weight = pc_make_array(m++, PC_FLOAT64, s->weight, n);
    s->rows.pairs = s->values;
    for (int j = 0; j < 2; j++) s->product[j] = (pc_product){j, j, -1};
    s->products = (pc_products){2, s->values, s->centre, 2, s->product};
    s->scores = pc_product_scores(&s->products);
}

static void free_sample(sample *s)
{
    pc_units_free(&s->ctx, s->units);
    EXPECT(atomic_load(&s->ctx.memory.in_use) == 0);
    free(s->psu);
    free(s->unit);
    free(s->district);
    free(s->offset);
    free(s->text);
    free(s->weight);
    free(s->where);
    for (int j = 0; j < 2; j++) free(s->value[j]);
    for (int j = 0; j < 3; j++) free(s->flag[j]);
}

/* What was read of a finished state. */
typedef struct table {
    int64_t n_groups, n_cells, n_scores, n_sums, n_weights;
    int64_t *n, *score_n, *key, *start, *unit, *cell_n;
    bool has_cell_n;
    double *weight, *score_weight, *sum, *cell_weight, *cell_sum;
} table;

static void read_table(pc_context *ctx, const pc_total *total, const pc_total_plan *plan, table *t)
{
    t->n_groups = pc_total_n_groups(total);
    t->n_cells = pc_total_n_cells(total);
    t->n_scores = pc_total_n_scores(plan);
    t->n_sums = pc_total_n_sums(plan);
    t->n_weights = pc_total_n_cell_weights(plan);
    t->n = take(t->n_groups, 8);
    t->weight = take(t->n_groups, 8);
    t->score_n = take(t->n_groups * t->n_scores, 8);
    t->score_weight = take(t->n_groups * t->n_scores, 8);
    t->sum = take(t->n_groups * t->n_sums, 8);
    const pc_total_result result = {t->n, t->weight, t->score_n, t->score_weight, t->sum};
    pc_total_read(total, &result);
    t->start = take(t->n_groups + 1, 8);
    t->unit = take(t->n_cells, 8);
    t->cell_n = take(t->n_cells, 8);
    t->cell_weight = take(t->n_cells * t->n_weights, 8);
    t->cell_sum = take(t->n_cells * t->n_sums, 8);
    t->has_cell_n = plan->n_made > 0;
    const pc_total_cells cells = {t->start, t->unit, t->has_cell_n ? t->cell_n : NULL, t->cell_weight, t->cell_sum};
    EXPECT(pc_total_read_units(ctx, total, &cells) == PC_OK);
    uint8_t *missing = take(t->n_groups, 1);
    t->key = take(t->n_groups, 8);
    if (plan->n_keys > 1) pc_total_read_key(total, 0, t->key, missing);
    free(missing);
}

static void free_table(table *t)
{
    free(t->n);
    free(t->weight);
    free(t->score_n);
    free(t->score_weight);
    free(t->sum);
    free(t->start);
    free(t->unit);
    free(t->cell_n);
    free(t->cell_weight);
    free(t->cell_sum);
    free(t->key);
}

static pc_total_plan plan_for(const sample *s, int64_t expected_groups)
{
    pc_total_plan plan = pc_total_plan_for(&s->rows, false);
    plan.by_unit = true;
    plan.expected_groups = expected_groups;
    return plan;
}

static pc_status totals(pc_context *ctx, const sample *s, int64_t expected_groups, table *t)
{
    const pc_total_plan plan = plan_for(s, expected_groups);
    pc_total *total = pc_total_new(ctx, &plan);
    pc_status status = total == NULL ? PC_ERR_MEMORY : PC_OK;
    if (status == PC_OK) status = pc_total_update(ctx, total, &s->rows);
    if (status == PC_OK) status = pc_total_finish(ctx, total);
    if (status == PC_OK) read_table(ctx, total, &plan, t);
    pc_total_free(ctx, total);
    return status;
}

/* ---- oracle ---------------------------------------------------------------------------------- */

/* Sums over the rows of a district and a unit (-1: of all), by going through all rows. */
typedef struct sums {
    long double weight, score_weight[6], sum[10], scale;
    int64_t n, score_n[6], n_seen;
} sums;

static void add_score(sums *out, int64_t score, double u, bool is_known)
{
    out->score_n[score] += is_known;
    out->score_weight[score] += is_known ? (long double)u : 0;
}

static void add_row(const sample *s, int64_t i, sums *out)
{
    const double u = s->weight[i];
    const bool is_known[2] = {true, !isnan(s->value[1][i])};
    int64_t score = 0, k = 0;
    out->n++;
    out->weight += (long double)u;
    for (int64_t j = 0; j < s->rows.n_flags; j++) {
        add_score(out, score++, u, true);
        out->sum[k++] += s->flag[j][i] ? (long double)u : 0;
    }
    for (int64_t j = 0; j < s->rows.n_values; j++) {
        add_score(out, score++, u, is_known[j]);
        out->sum[k++] += is_known[j] ? (long double)(u * s->value[j][i]) : 0;
    }
    for (int64_t j = 0; j < s->rows.n_pairs; j++) {
        add_score(out, score++, u, is_known[1]);
        for (int part = 0; part < 2; part++)
            out->sum[k++] += is_known[1] ? (long double)(u * s->value[part][i]) : 0;
    }
    for (int j = 0; s->rows.made != NULL && j < 2; j++)
        out->sum[k++] += is_known[j] ? (long double)(u * s->value[j][i]) * s->value[j][i] : 0;
    out->scale += (long double)u * 1e12L * (s->rows.made != NULL) + (long double)u * 1e6L;
}

static sums of_rows(const sample *s, int64_t group_key, int64_t unit)
{
    sums out = {0};
    for (int64_t i = 0; i < s->n; i++) {
        if (s->rows.n_keys > 1 && s->district[i] != group_key) continue;
        if (unit >= 0 && s->unit[i] != unit) continue;
        out.n_seen++;
        if (s->rows.where != NULL && !s->where[i]) continue;
        add_row(s, i, &out);
    }
    return out;
}

static bool close_to(double found, long double expected, long double scale)
{
    return fabsl((long double)found - expected) <= 1e-13L * fmaxl(fabsl(expected), scale);
}

static void check_cell(const sample *s, const table *t, int64_t c, const sums *right)
{
    const bool has_amounts = s->rows.n_values + s->rows.n_pairs > 0 || s->rows.made != NULL;
    const bool may_differ = has_amounts && t->n_scores > 0; /* weights of scores */
    const long double scale = has_amounts ? right->scale : 0;
    if (t->has_cell_n) EXPECT(t->cell_n[c] == right->n);
    for (int64_t j = 0; j < t->n_weights; j++)
        EXPECT(close_to(t->cell_weight[j * t->n_cells + c],
                        may_differ ? right->score_weight[j] : right->weight, 0));
    for (int64_t k = 0; k < t->n_sums; k++)
        EXPECT(close_to(t->cell_sum[k * t->n_cells + c], right->sum[k], scale));
}

/* The cells of a group are the units with weight, ascending; the group is the sum of all rows. */
static void check_group(const sample *s, const table *t, int64_t g)
{
    const int64_t key = s->rows.n_keys > 1 ? t->key[g] : 0;
    const sums whole = of_rows(s, key, -1);
    const long double scale = s->rows.n_values + s->rows.n_pairs > 0 || s->rows.made != NULL ? whole.scale : 0;
    int64_t c = t->start[g];
    EXPECT(whole.n_seen > 0 || s->rows.n_keys == 1);
    EXPECT(t->n[g] == whole.n && close_to(t->weight[g], whole.weight, 0));
    for (int64_t j = 0; j < t->n_scores; j++) {
        EXPECT(t->score_n[j * t->n_groups + g] == whole.score_n[j]);
        EXPECT(close_to(t->score_weight[j * t->n_groups + g], whole.score_weight[j], 0));
    }
    for (int64_t k = 0; k < t->n_sums; k++) EXPECT(close_to(t->sum[k * t->n_groups + g], whole.sum[k], scale));
    for (int64_t u = 0; u < s->n_units; u++) {
        const sums right = of_rows(s, key, u);
        if (!(right.weight > 0)) continue;
        if (!EXPECT(c < t->start[g + 1] && t->unit[c] == u)) return;
        check_cell(s, t, c++, &right);
    }
    EXPECT(c == t->start[g + 1]);
}

static void check_all(const sample *s, const table *t)
{
    int64_t n_districts = 0;
    for (int64_t i = 0; i < s->n; i++) {
        bool is_new = true;
        for (int64_t k = 0; is_new && k < i; k++) is_new = s->district[k] != s->district[i];
        n_districts += is_new;
    }
    EXPECT(t->n_groups == (s->rows.n_keys == 1 ? 1 : n_districts));
    EXPECT(t->start[0] == 0 && t->start[t->n_groups] == t->n_cells);
    for (int64_t g = 0; g < t->n_groups; g++) check_group(s, t, g);
}

enum { TABLE, WORDS, FAR };

/* The rows of text are those of their first row, which says the district. */
static void name_districts(const sample *s, table *t, int way)
{
    for (int64_t g = 0; way == WORDS && g < t->n_groups; g++) t->key[g] = s->district[t->key[g]];
}

static void check_sample(int64_t n, int64_t n_units, int way, int64_t n_flags, int64_t n_values, int64_t n_pairs,
                         bool has_made, bool has_where, int64_t expected_groups)
{
    sample s;
    table t;
    pc_context ctx;
    pc_made where;
    make_sample(&s, n, n_units, 7, way == FAR ? 40000000 : 1, (uint64_t)(n + 10 * n_flags + way));
    s.rows.n_flags = n_flags;
    s.rows.n_values = n_values;
    s.rows.n_pairs = n_pairs;
    if (has_made) s.rows.made = &s.scores;
    if (has_where) s.rows.where = pc_make_array(&where, PC_BOOL, s.where, n);
    if (way == WORDS) s.keys[1] = s.keys[2];
    pc_context_init(&ctx);
    ctx.n_threads = 2;
    if (EXPECT(totals(&ctx, &s, expected_groups, &t) == PC_OK)) {
        name_districts(&s, &t, way);
        check_all(&s, &t);
        free_table(&t);
    }
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
    free_sample(&s);
}

/* Two districts, three PSUs whose codes count down; weights 1, 2, 4, 8, 0; the second and the third row are poor. */
static void five_households_on_paper(void)
{
    static const int64_t psu[] = {30, 20, 20, 10, 10}, district[] = {7, 7, 7, 9, 7};
    static const double weight[] = {1, 2, 4, 8, 0};
    static const int8_t poor[] = {0, 1, 1, 0, 1};
    static const int64_t value[] = {30, 20, 10}, unit[] = {0, 1, 2};
    const int64_t *values[1] = {value};
    pc_made made[4];
    pc_context ctx;
    table t;
    pc_context_init(&ctx);
    const pc_column *codes = pc_make_array(&made[0], PC_INT64, psu, 5);
    pc_units *units = pc_units_new(&ctx, 1, &codes, 3, values, unit, 3);
    if (!EXPECT(units != NULL)) return;
    const pc_column *keys[2] = {pc_units_column(units), pc_make_array(&made[1], PC_INT64, district, 5)};
    const pc_column *flag = pc_make_array(&made[2], PC_INT8, poor, 5);
    pc_rows rows = {.n = 5, .n_keys = 2, .keys = keys, .n_flags = 1, .flags = &flag};
    rows.weight = pc_make_array(&made[3], PC_FLOAT64, weight, 5);
    pc_total_plan plan = pc_total_plan_for(&rows, false);
    plan.by_unit = true;
    pc_total *total = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, total, &rows) == PC_OK && pc_total_finish(&ctx, total) == PC_OK);
    read_table(&ctx, total, &plan, &t);
    EXPECT(t.n_groups == 2 && t.key[0] == 7 && t.key[1] == 9);
    EXPECT(t.n[0] == 4 && t.weight[0] == 7 && t.sum[0] == 6 && t.n[1] == 1 && t.weight[1] == 8 && t.sum[1] == 0);
    /* district 7: units 0 and 1; unit 2 weighs nothing there */
    if (EXPECT(t.n_cells == 3 && t.start[1] == 2)) {
        EXPECT(t.unit[0] == 0 && t.unit[1] == 1 && t.unit[2] == 2);
        EXPECT(t.cell_weight[0] == 1 && t.cell_weight[1] == 6 && t.cell_weight[2] == 8);
        EXPECT(t.cell_sum[0] == 0 && t.cell_sum[1] == 6 && t.cell_sum[2] == 0);
    }
    free_table(&t);
    pc_total_free(&ctx, total);
    pc_units_free(&ctx, units);
    EXPECT(atomic_load(&ctx.memory.in_use) == 0);
}

static void cells_and_groups_equal_the_oracle(void)
{
    for (int way = TABLE; way <= FAR; way++)
        for (int has_where = 0; has_where <= 1; has_where++) {
            for (int64_t n_flags = 0; n_flags <= 3; n_flags++) {
                check_sample(3000, 40, way, n_flags, 0, 0, false, has_where, 0);
                check_sample(3000, 40, way, n_flags, 0, 0, false, has_where, FOR_LEAN);
            }
            check_sample(2000, 40, way, 0, 2, 0, false, has_where, 0);
            check_sample(2000, 40, way, 1, 2, 1, true, has_where, 0);
            check_sample(2000, 40, way, 0, 0, 1, false, has_where, FOR_LEAN);
            check_sample(2000, 40, way, 0, 0, 0, true, has_where, 0);
        }
}

static void one_row_one_unit_and_no_keys_equal_the_oracle(void)
{
    check_sample(1, 1, TABLE, 1, 0, 0, false, false, 0);
    check_sample(1, 2, WORDS, 1, 0, 0, false, false, 0);
    check_sample(40, 1, TABLE, 0, 1, 0, false, true, 0);
    check_sample(40, 33, FAR, 1, 0, 0, false, true, FOR_LEAN);
    for (int64_t expected = 0; expected <= FOR_LEAN; expected += FOR_LEAN) {
        sample s;
        table t;
        pc_context ctx;
        pc_context_init(&ctx);
        make_sample(&s, 2000, 50, 7, 1, 3);
        s.rows.n_flags = 1;
        s.rows.n_keys = 1; /* the unit only */
        if (EXPECT(totals(&ctx, &s, expected, &t) == PC_OK)) {
            check_all(&s, &t);
            free_table(&t);
        }
        free_sample(&s);
    }
}

static void several_lanes_equal_the_oracle(void)
{
    enum { N = 2 * PC_RUN + 300 };
    sample s;
    table t;
    pc_context ctx;
    pc_context_init(&ctx);
    make_sample(&s, N, 9, 3, 1, 8);
    for (int form = 0; form <= 2; form++) {
        s.rows.n_flags = form < 2;
        s.rows.n_values = form == 2;
        if (!EXPECT(totals(&ctx, &s, form == 0 ? FOR_LEAN : 0, &t) == PC_OK)) break;
        EXPECT(t.n_groups == 3);
        for (int64_t g = 0; g < t.n_groups; g++) check_group(&s, &t, g); /* more rows in a cell than a slot takes */
        free_table(&t);
    }
    free_sample(&s);
}

/* ---- properties ------------------------------------------------------------------------------ */

static bool same_numbers(int64_t n, const double *a, const double *b)
{
    return n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static bool same_bits(const table *a, const table *b)
{
    return a->n_groups == b->n_groups && a->n_cells == b->n_cells &&
           memcmp(a->start, b->start, (size_t)(a->n_groups + 1) * 8) == 0 &&
           memcmp(a->unit, b->unit, (size_t)a->n_cells * 8) == 0 && memcmp(a->key, b->key, (size_t)a->n_groups * 8) == 0 &&
           same_numbers(a->n_groups, a->weight, b->weight) && same_numbers(a->n_groups * a->n_sums, a->sum, b->sum) &&
           same_numbers(a->n_cells * a->n_weights, a->cell_weight, b->cell_weight) &&
           same_numbers(a->n_cells * a->n_sums, a->cell_sum, b->cell_sum);
}

/* Enough cells for threads to share them. */
static void any_number_of_threads_and_both_builds_give_the_same_bits(void)
{
    enum { N = PC_RUN + 40000, DISTRICTS = 500 };
    for (int form = 0; form <= 2; form++) {
        sample s;
        table first, t;
        make_sample(&s, N, 60, DISTRICTS, form == 2 ? 3000000 : 1, 5);
        s.rows.n_flags = 1;
        s.rows.n_values = form == 1;
        for (int run = 0; run < 4; run++) {
            pc_context ctx;
            pc_context_init(&ctx);
            ctx.n_threads = run == 0 ? 1 : run == 1 ? 2 : 7;
            if (run == 3) ctx.simd = PC_SIMD_PORTABLE;
            if (!EXPECT(totals(&ctx, &s, FOR_LEAN, run == 0 ? &first : &t) == PC_OK)) return;
            if (run == 0) EXPECT(first.n_groups == DISTRICTS && first.n_cells > 20000);
            if (run == 0) continue;
            EXPECT(same_bits(&first, &t));
            free_table(&t);
        }
        free_table(&first);
        free_sample(&s);
    }
}

/* The sums of a group are those of its cells, but for rounding; those of rows without weight are 0. */
static void cells_add_up_to_their_group(void)
{
    sample s;
    table t;
    pc_context ctx;
    pc_context_init(&ctx);
    make_sample(&s, 5000, 50, 9, 1, 6);
    s.rows.n_flags = 3;
    if (!EXPECT(totals(&ctx, &s, 0, &t) == PC_OK)) return;
    for (int64_t g = 0; g < t.n_groups; g++) {
        double weight = 0, sum = 0;
        for (int64_t c = t.start[g]; c < t.start[g + 1]; c++) {
            weight += t.cell_weight[c];
            sum += t.cell_sum[2 * t.n_cells + c];
            EXPECT(t.cell_sum[2 * t.n_cells + c] <= t.cell_weight[c]);
        }
        EXPECT(close_to(t.weight[g], (long double)weight, 0) && close_to(t.sum[2 * t.n_groups + g], (long double)sum, 0));
    }
    free_table(&t);
    free_sample(&s);
}

/* Rows first .. end-1, with a unit column of their own. */
static pc_status feed(pc_context *ctx, pc_total *total, const sample *s, int64_t first, int64_t end, pc_units **units)
{
    int64_t value[MOST_UNITS], unit[MOST_UNITS];
    const int64_t *values[1] = {value};
    pc_made made[5];
    pc_rows rows = s->rows;
    for (int64_t u = 0; u < s->n_units; u++) {
        value[u] = psu_code(u, s->n_units);
        unit[u] = u;
    }
    rows.n = end - first;
    const pc_column *psu = pc_make_part(&made[0], s->psu_column, first, rows.n);
    *units = pc_units_new(ctx, 1, &psu, s->n_units, values, unit, s->n_units);
    if (*units == NULL) return PC_ERR_MEMORY;
    const pc_column *keys[2] = {pc_units_column(*units), pc_make_part(&made[1], s->rows.keys[1], first, rows.n)};
    const pc_column *flag = pc_make_part(&made[2], s->flags[0], first, rows.n);
    const pc_column *value_column = pc_make_part(&made[3], s->values[0], first, rows.n);
    rows.keys = keys;
    rows.flags = &flag;
    rows.values = &value_column;
    rows.weight = pc_make_part(&made[4], s->rows.weight, first, rows.n);
    const pc_status status = pc_total_update(ctx, total, &rows);
    pc_units_free(ctx, *units);
    return status;
}

/* Two states of different rows and ranges, the first fed twice, joined. */
static pc_status joined(pc_context *ctx, const sample *s, int64_t expected_groups, table *t)
{
    const pc_total_plan plan = plan_for(s, expected_groups);
    pc_units *units = NULL;
    pc_total *a = pc_total_new(ctx, &plan), *b = pc_total_new(ctx, &plan);
    pc_status status = a == NULL || b == NULL ? PC_ERR_MEMORY : PC_OK;
    if (status == PC_OK) status = feed(ctx, a, s, 0, 300, &units);
    if (status == PC_OK) status = feed(ctx, a, s, 300, 800, &units);
    if (status == PC_OK) status = feed(ctx, b, s, 800, s->n, &units);
    if (status == PC_OK) status = pc_total_merge(ctx, a, b);
    if (status == PC_OK) status = pc_total_finish(ctx, a);
    if (status == PC_OK && t != NULL) read_table(ctx, a, &plan, t);
    pc_total_free(ctx, a);
    pc_total_free(ctx, b);
    return status;
}

static void merged_states_equal_the_oracle(void)
{
    for (int way = TABLE; way <= FAR; way += FAR)
        for (int form = 0; form <= 2; form++) {
            sample s;
            table t;
            pc_context ctx;
            pc_context_init(&ctx);
            make_sample(&s, 2000, 40, 5, way == FAR ? 40000000 : 1, 9);
            for (int64_t i = 500; i < s.n; i++) s.district[i] += 60;
            s.rows.n_flags = form < 2;
            s.rows.n_values = form == 2;
            if (EXPECT(joined(&ctx, &s, form == 0 ? FOR_LEAN : 30, &t) == PC_OK)) {
                check_all(&s, &t);
                free_table(&t);
            }
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            free_sample(&s);
        }
}

/* ---- edges and errors -------------------------------------------------------------------------- */

static void no_rows_give_no_groups_but_one_without_keys(void)
{
    for (int64_t n_keys = 1; n_keys <= 2; n_keys++) {
        sample s;
        table t;
        pc_context ctx;
        pc_context_init(&ctx);
        make_sample(&s, 0, 5, 6, 1, 1);
        s.rows.n_keys = n_keys;
        s.rows.n_flags = 1;
        if (EXPECT(totals(&ctx, &s, 0, &t) == PC_OK)) {
            EXPECT(t.n_groups == (n_keys == 1) && t.n_cells == 0 && t.start[0] == 0);
            if (n_keys == 1) EXPECT(t.n[0] == 0 && t.weight[0] == 0 && t.start[1] == 0);
            free_table(&t);
        }
        free_sample(&s);
    }
}

/* A PSU that was not there when the units were found: the data changed meanwhile. */
static void a_row_without_a_unit_is_an_error(void)
{
    for (int way = TABLE; way <= FAR; way++)
        for (int keep_missing = 0; keep_missing <= 1; keep_missing++) {
            sample s;
            pc_context ctx;
            pc_context_init(&ctx);
            make_sample(&s, 3000, 20, 5, way == FAR ? 40000000 : 1, 2);
            if (way == WORDS) s.keys[1] = s.keys[2];
            s.psu[1234] = 7;
            s.weight[1234] = 1;
            pc_total_plan plan = plan_for(&s, 0);
            plan.keep_missing = keep_missing;
            pc_total *total = pc_total_new(&ctx, &plan);
            pc_status status = pc_total_update(&ctx, total, &s.rows);
            EXPECT(status == (keep_missing ? PC_OK : PC_ERR_MISSING));
            if (status == PC_OK) EXPECT(pc_total_finish(&ctx, total) == PC_ERR_GROUP);
            else EXPECT(ctx.error.index == 1234 && strcmp(ctx.error.argument, "key") == 0 && ctx.error.which == 0);
            pc_total_free(&ctx, total);
            EXPECT(atomic_load(&ctx.memory.in_use) == 0);
            free_sample(&s);
        }
}

static void missing_keys_are_a_group_if_asked(void)
{
    static const uint8_t mask[6] = {0, 1, 0, 0, 1, 0};
    sample s;
    table t;
    pc_context ctx;
    uint8_t missing[8];
    int64_t key[8];
    pc_context_init(&ctx);
    make_sample(&s, 6, 3, 1, 1, 2);
    for (int i = 0; i < 6; i++) s.weight[i] = 1 + i;
    s.made[1].chunk.mask = mask;
    s.made[1].chunk.mask_stride = 1;
    pc_total_plan plan = plan_for(&s, 0);
    plan.keep_missing = true;
    pc_total *total = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_update(&ctx, total, &s.rows) == PC_OK && pc_total_finish(&ctx, total) == PC_OK);
    read_table(&ctx, total, &plan, &t);
    pc_total_read_key(total, 0, key, missing);
    if (EXPECT(t.n_groups == 2))
        for (int64_t g = 0; g < 2; g++)
            EXPECT(missing[g] ? t.n[g] == 2 && t.weight[g] == 2 + 5 : t.n[g] == 4 && t.weight[g] == 1 + 3 + 4 + 6);
    free_table(&t);
    pc_total_free(&ctx, total);
    free_sample(&s);
}

static void plans_that_make_no_sense_are_refused(void)
{
    sample s;
    pc_context ctx;
    pc_context_init(&ctx);
    make_sample(&s, 100, 5, 5, 1, 4);
    pc_total_plan plan = plan_for(&s, 0);
    plan.n_keys = 0;
    EXPECT(pc_total_new(&ctx, &plan) == NULL && ctx.error.status == PC_ERR_TYPE);
    plan = plan_for(&s, 0);
    plan.has_profile = true;
    EXPECT(pc_total_new(&ctx, &plan) == NULL && ctx.error.status == PC_ERR_TYPE);
    plan = plan_for(&s, 0);
    pc_total *total = pc_total_new(&ctx, &plan), *other = NULL;
    s.keys[0] = s.psu_column; /* numbers, but not of units */
    EXPECT(pc_total_update(&ctx, total, &s.rows) == PC_ERR_TYPE && ctx.error.which == 0);
    plan.by_unit = false;
    other = pc_total_new(&ctx, &plan);
    EXPECT(pc_total_merge(&ctx, total, other) == PC_ERR_LENGTH);
    pc_total_free(&ctx, total);
    pc_total_free(&ctx, other);
    free_sample(&s);
}

typedef struct life {
    sample *sample;
    int64_t expected_groups;
} life;

static pc_status whole_life(pc_context *ctx, void *arg)
{
    const life *its = arg;
    return joined(ctx, its->sample, its->expected_groups, NULL);
}

static void every_allocation_may_fail(void)
{
    for (int way = TABLE; way <= FAR; way++)
        for (int form = 0; form <= 2; form++) {
            sample s;
            pc_context ctx;
            life its = {&s, form == 0 ? FOR_LEAN : 30};
            pc_context_init(&ctx);
            ctx.n_threads = 1;
            make_sample(&s, 1200, 20, 5, way == FAR ? 40000000 : 1, 9);
            s.rows.n_flags = form < 2;
            s.rows.n_values = form == 2;
            EXPECT(pc_test_failing_allocator(&ctx, whole_life, &its) > 20);
            free_sample(&s);
        }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(five_households_on_paper),
        CLAIM(cells_and_groups_equal_the_oracle),
        CLAIM(one_row_one_unit_and_no_keys_equal_the_oracle),
        CLAIM(several_lanes_equal_the_oracle),
        CLAIM(any_number_of_threads_and_both_builds_give_the_same_bits),
        CLAIM(cells_add_up_to_their_group),
        CLAIM(merged_states_equal_the_oracle),
        CLAIM(no_rows_give_no_groups_but_one_without_keys),
        CLAIM(a_row_without_a_unit_is_an_error),
        CLAIM(missing_keys_are_a_group_if_asked),
        CLAIM(plans_that_make_no_sense_are_refused),
        CLAIM(every_allocation_may_fail),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
