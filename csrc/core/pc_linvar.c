#include "pc_linvar.h"

#include "pc_parallel.h"

#include <math.h>
#include <string.h>

enum { STEP = 64 }; /* rows between two looks at the stop flag: each may use all units of its strata */
enum { FIGURE_TASKS = 8 }; /* shares of rows */

static pc_status out_of_memory(pc_error *err)
{
    return pc_fail(err, PC_ERR_MEMORY, "linvar", -1, -1, "out of memory");
}

static pc_status bad_index(pc_error *err, const char *argument, int64_t index)
{
    return pc_fail(err, PC_ERR_GROUP, argument, -1, index, "points outside its range");
}

static bool inside(int64_t index, int64_t n)
{
    return index >= 0 && index < n;
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* place[k] becomes how many keys are less than k; *place has n_keys + 1 zeros before. */
static pc_status count_keys(int64_t n, const int64_t *key, int64_t n_keys, const char *argument,
                            int64_t *place, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = key[i];
        if (!inside(k, n_keys)) return bad_index(err, argument, i);
        place[k + 1]++;
    }
    for (int64_t k = 0; k < n_keys; k++) place[k + 1] += place[k];
    return PC_OK;
}

/* By unit, then by row, each time in the order before: two passes of counting. */
static pc_status sort_cells(int64_t n, const int64_t *row, const int64_t *unit, int64_t n_rows,
                            int64_t n_units, int64_t *by_unit, int64_t *order, int64_t *place,
                            pc_error *err)
{
    pc_status status = count_keys(n, unit, n_units, "unit", place, err);
    for (int64_t i = 0; status == PC_OK && i < n; i++) {
        const int64_t u = unit[i];
        if (!inside(u, n_units)) return bad_index(err, "unit", i);
        const int64_t at = place[u]++;
        if (!inside(at, n)) return bad_index(err, "unit", i);
        by_unit[at] = i;
    }
    if (status != PC_OK) return status;
    memset(place, 0, (size_t)(n_rows + 1) * sizeof *place);
    status = count_keys(n, row, n_rows, "row", place, err);
    for (int64_t i = 0; status == PC_OK && i < n; i++) {
        const int64_t cell = by_unit[i], r = row[cell];
        if (!inside(r, n_rows)) return bad_index(err, "row", cell);
        const int64_t at = place[r]++;
        if (!inside(at, n)) return bad_index(err, "row", cell);
        order[at] = cell;
    }
    return status;
}

/* Rows and units ascending already, as a pass with few possible groups gives them. */
static bool is_in_order(int64_t n, const int64_t *row, const int64_t *unit)
{
    for (int64_t i = 1; i < n; i++)
        if (row[i] < row[i - 1] || (row[i] == row[i - 1] && unit[i] < unit[i - 1])) return false;
    return true;
}

/* Cells in this order (NULL: as they stand) as rows; equal cells become one. */
static pc_status write_rows(int64_t n, const int64_t *order, const int64_t *row,
                            const int64_t *unit, const double *value, int64_t n_rows,
                            int64_t n_units, int64_t *start, int64_t *unit_out, double *value_out, int64_t *n_parts,
                            pc_error *err)
{
    int64_t n_out = 0, r = -1, last_unit = -1;
    for (int64_t i = 0; i < n; i++) {
        const int64_t cell = order == NULL ? i : order[i];
        const int64_t its_row = row[cell], its_unit = unit[cell];
        if (its_row < 0 || its_row < r || its_row >= n_rows) return bad_index(err, "row", cell);
        if (!inside(its_unit, n_units)) return bad_index(err, "unit", cell);
        if (its_row > r) last_unit = -1;
        while (r < its_row) start[++r] = n_out;
        if (its_unit == last_unit) {
            value_out[n_out - 1] += value[cell];
            continue;
        }
        last_unit = unit_out[n_out] = its_unit;
        value_out[n_out++] = value[cell];
    }
    while (r < n_rows) start[++r] = n_out;
    *n_parts = n_out;
    return PC_OK;
}

static pc_status sort(pc_context *ctx, int64_t n_cells, const int64_t *row, const int64_t *unit,
                      const double *value, int64_t n_rows, int64_t n_units, int64_t *start,
                      int64_t *unit_out, double *value_out, int64_t *n_parts, pc_error *err)
{
    if (is_in_order(n_cells, row, unit))
        return write_rows(n_cells, NULL, row, unit, value, n_rows, n_units, start, unit_out, value_out,
                          n_parts, err);
    const int64_t n_places = 1 + (n_rows > n_units ? n_rows : n_units);
    int64_t *by_unit = pc_alloc(&ctx->memory, n_cells, sizeof *by_unit);
    int64_t *order = pc_alloc(&ctx->memory, n_cells, sizeof *order);
    int64_t *place = pc_alloc_zeroed(&ctx->memory, n_places, sizeof *place);
    pc_status status;
    if (by_unit == NULL || order == NULL || place == NULL) status = out_of_memory(err);
    else status = sort_cells(n_cells, row, unit, n_rows, n_units, by_unit, order, place, err);
    if (status == PC_OK)
        status = write_rows(n_cells, order, row, unit, value, n_rows, n_units, start, unit_out,
                            value_out, n_parts, err);
    pc_free(&ctx->memory, by_unit);
    pc_free(&ctx->memory, order);
    pc_free(&ctx->memory, place);
    return status;
}

pc_status pc_linvar_sort(pc_context *ctx, int64_t n_cells, const int64_t *row, const int64_t *unit,
                         const double *value, int64_t n_rows, int64_t n_units, int64_t *start,
                         int64_t *unit_out, double *value_out, int64_t *n_parts)
{
    return sort(ctx, n_cells, row, unit, value, n_rows, n_units, start, unit_out, value_out, n_parts,
                &ctx->error);
}

/* ---- parts from sources ------------------------------------------------------------------------ */

/* The cells of group g, from *begin to *end, and its row. */
static pc_status find_group(const pc_source *source, int64_t g, int64_t n_rows, int64_t *begin, int64_t *end,
                            int64_t *row, pc_error *err)
{
    *begin = source->start[g];
    *end = source->start[g + 1];
    *row = source->row[g];
    if (*begin < 0 || *end < *begin || *end > source->n_cells) return bad_index(err, "start", g);
    if (*row < -1 || *row >= n_rows) return bad_index(err, "row", g);
    return PC_OK;
}

/* place[r] becomes where the parts of row r start; *n_parts is how many there are. */
static pc_status count_parts(int64_t n_sources, const pc_source *sources, int64_t n_rows, int64_t *place,
                             int64_t *n_parts, pc_error *err)
{
    int64_t begin = 0, end = 0, row = 0, sum = 0;
    for (int64_t s = 0; s < n_sources; s++)
        for (int64_t g = 0; g < sources[s].n_groups; g++) {
            const pc_status status = find_group(&sources[s], g, n_rows, &begin, &end, &row, err);
            if (status != PC_OK) return status;
            int64_t n = 0;
            for (int64_t c = begin; c < end; c++) n += sources[s].weight[c] > 0;
            if (row >= 0) place[row] += n;
        }
    for (int64_t r = 0; r < n_rows; r++) {
        const int64_t n = place[r];
        place[r] = sum;
        sum += n;
    }
    *n_parts = sum;
    return PC_OK;
}

/* Write the parts of one group from *at on, which ends below `most`. False in *is_sorted: a unit is not above the one
 * before. */
static pc_status write_group(const pc_source *source, int64_t g, int64_t begin, int64_t end, int64_t n_units,
                             int64_t most, int64_t *at, int64_t *unit, double *value, bool *is_sorted,
                             pc_error *err)
{
    const double ratio = source->ratio == NULL ? 0.0 : source->ratio[g];
    const double divisor = source->divisor == NULL ? 1.0 : source->divisor[g];
    int64_t last = -1, k = *at;
    for (int64_t c = begin; c < end; c++) {
        if (!(source->weight[c] > 0)) continue;
        const int64_t its_unit = source->unit[c];
        if (!inside(its_unit, n_units)) return bad_index(err, "unit", c);
        if (k >= most) return bad_index(err, "weight", c);
        *is_sorted = *is_sorted && its_unit > last;
        last = unit[k] = its_unit;
        const double above = source->above[c];
        value[k++] = (source->below == NULL ? above : above - ratio * source->below[c]) / divisor;
    }
    *at = k;
    return PC_OK;
}

/* place[r] moves from the start of row r to its end. */
static pc_status write_parts(int64_t n_sources, const pc_source *sources, int64_t n_rows, int64_t n_units,
                             const int64_t *start, int64_t *place, int64_t *unit, double *value,
                             bool *is_sorted, pc_error *err)
{
    int64_t begin = 0, end = 0, row = 0;
    for (int64_t s = 0; s < n_sources; s++)
        for (int64_t g = 0; g < sources[s].n_groups; g++) {
            pc_status status = find_group(&sources[s], g, n_rows, &begin, &end, &row, err);
            if (status != PC_OK) return status;
            if (row < 0) continue;
            const int64_t before = place[row];
            status = write_group(&sources[s], g, begin, end, n_units, start[row + 1], &place[row], unit, value,
                                 is_sorted, err);
            if (status != PC_OK) return status;
            if (before > start[row] && place[row] > before) *is_sorted = false; /* a second group of the row */
        }
    for (int64_t r = 0; r < n_rows; r++)
        if (place[r] != start[r + 1]) return bad_index(err, "weight", r);
    return PC_OK;
}

/* Sort the parts of each row, and add up those of one unit. */
static pc_status sort_parts(pc_context *ctx, int64_t n, int64_t n_rows, int64_t n_units, int64_t *start,
                            int64_t *unit, double *value, int64_t *n_parts)
{
    int64_t *row = pc_alloc(&ctx->memory, n, sizeof *row);
    int64_t *its_unit = pc_alloc(&ctx->memory, n, sizeof *its_unit);
    double *its_value = pc_alloc(&ctx->memory, n, sizeof *its_value);
    pc_status status = PC_OK;
    if (row == NULL || its_unit == NULL || its_value == NULL) status = out_of_memory(&ctx->error);
    else {
        for (int64_t r = 0; r < n_rows; r++)
            for (int64_t k = start[r]; k < start[r + 1]; k++) row[k] = r;
        memcpy(its_unit, unit, (size_t)n * sizeof *unit);
        memcpy(its_value, value, (size_t)n * sizeof *value);
        status = pc_linvar_sort(ctx, n, row, its_unit, its_value, n_rows, n_units, start, unit, value, n_parts);
    }
    pc_free(&ctx->memory, row);
    pc_free(&ctx->memory, its_unit);
    pc_free(&ctx->memory, its_value);
    return status;
}

pc_status pc_linvar_parts(pc_context *ctx, int64_t n_sources, const pc_source *sources, int64_t n_rows,
                          int64_t n_units, int64_t n_cells, int64_t *start, int64_t *unit, double *value,
                          int64_t *n_parts)
{
    bool is_sorted = true;
    int64_t *place = pc_alloc_zeroed(&ctx->memory, n_rows, sizeof *place);
    if (place == NULL) return out_of_memory(&ctx->error);
    pc_status status = count_parts(n_sources, sources, n_rows, place, n_parts, &ctx->error);
    if (status == PC_OK && *n_parts > n_cells) status = bad_index(&ctx->error, "weight", n_cells);
    if (status == PC_OK) {
        if (n_rows > 0) memcpy(start, place, (size_t)n_rows * sizeof *start);
        start[n_rows] = *n_parts;
        status = write_parts(n_sources, sources, n_rows, n_units, start, place, unit, value, &is_sorted,
                             &ctx->error);
    }
    pc_free(&ctx->memory, place);
    if (status != PC_OK || is_sorted) return status;
    return sort_parts(ctx, *n_parts, n_rows, n_units, start, unit, value, n_parts);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The parts of a row, from *begin to *end. */
static pc_status find_row(const pc_parts *parts, int64_t r, int64_t *begin, int64_t *end,
                          pc_error *err)
{
    if (!inside(r, parts->n_rows)) return bad_index(err, "row", r);
    *begin = parts->start[r];
    *end = parts->start[r + 1];
    if (*begin < 0 || *end < *begin || *end > parts->n_parts) return bad_index(err, "start", r);
    return PC_OK;
}

static pc_status find_terms(int64_t n_terms, const int64_t *first, int64_t i, int64_t *begin,
                            int64_t *end, pc_error *err)
{
    *begin = first[i];
    *end = first[i + 1];
    if (*begin < 0 || *end < *begin || *end > n_terms) return bad_index(err, "first", i);
    return PC_OK;
}

pc_status pc_linvar_combine_cells(pc_context *ctx, const pc_parts *parts, int64_t n_combinations,
                                  const int64_t *first, int64_t n_terms, const int64_t *row,
                                  int64_t *n_cells)
{
    int64_t term = 0, last = 0, begin = 0, end = 0;
    *n_cells = 0;
    for (int64_t i = 0; i < n_combinations; i++) {
        pc_status status = find_terms(n_terms, first, i, &term, &last, &ctx->error);
        for (; status == PC_OK && term < last; term++) {
            status = find_row(parts, row[term], &begin, &end, &ctx->error);
            if (status == PC_OK) *n_cells += end - begin;
        }
        if (status != PC_OK) return status;
    }
    return PC_OK;
}

/* Write the cells of all combinations; there must be n_cells of them. */
static pc_status write_cells(const pc_parts *parts, int64_t n_combinations, const int64_t *first,
                             int64_t n_terms, const int64_t *row, const double *weight,
                             int64_t n_cells, int64_t *in_row, int64_t *unit, double *value,
                             pc_error *err)
{
    int64_t n = 0, term = 0, last = 0, begin = 0, end = 0;
    for (int64_t i = 0; i < n_combinations; i++) {
        pc_status status = find_terms(n_terms, first, i, &term, &last, err);
        for (; status == PC_OK && term < last; term++) {
            status = find_row(parts, row[term], &begin, &end, err);
            if (status == PC_OK && end - begin > n_cells - n) status = bad_index(err, "start", i);
            for (; status == PC_OK && begin < end; begin++, n++) {
                in_row[n] = i;
                unit[n] = parts->unit[begin];
                value[n] = weight[term] * parts->value[begin];
            }
        }
        if (status != PC_OK) return status;
    }
    return n == n_cells ? PC_OK : bad_index(err, "start", n_combinations);
}

pc_status pc_linvar_combine(pc_context *ctx, const pc_parts *parts, int64_t n_combinations,
                            const int64_t *first, int64_t n_terms, const int64_t *row,
                            const double *weight, int64_t n_cells, int64_t *start, int64_t *unit,
                            double *value, int64_t *n_parts)
{
    int64_t *in_row = pc_alloc(&ctx->memory, n_cells, sizeof *in_row);
    int64_t *cell_unit = pc_alloc(&ctx->memory, n_cells, sizeof *cell_unit);
    double *cell_value = pc_alloc(&ctx->memory, n_cells, sizeof *cell_value);
    pc_status status;
    if (in_row == NULL || cell_unit == NULL || cell_value == NULL)
        status = out_of_memory(&ctx->error);
    else
        status = write_cells(parts, n_combinations, first, n_terms, row, weight, n_cells, in_row,
                             cell_unit, cell_value, &ctx->error);
    if (status == PC_OK)
        status = pc_linvar_sort(ctx, n_cells, in_row, cell_unit, cell_value, n_combinations,
                                2 * parts->n_units, start, unit, value, n_parts);
    pc_free(&ctx->memory, in_row);
    pc_free(&ctx->memory, cell_unit);
    pc_free(&ctx->memory, cell_value);
    return status;
}

/* ---- strata of a row --------------------------------------------------------------------------- */

/* A stratum in which a row has parts: its units, where these parts are, and their mean. */
typedef struct stretch {
    int64_t h, first, n; /* the stratum, its first unit, its units */
    int64_t begin, end;  /* the row's parts in it */
    double mean, factor;
} stretch;

/* The stratum of the part at `begin`, whose row ends at `end`. */
static pc_status find_stretch(const pc_stage *stage, const pc_parts *parts, int64_t begin,
                              int64_t end, stretch *s, pc_error *err)
{
    const int64_t unit = parts->unit[begin];
    if (!inside(unit, stage->n_units)) return bad_index(err, "unit", begin);
    s->h = stage->stratum[unit];
    if (!inside(s->h, stage->n_strata)) return bad_index(err, "stratum", unit);
    const int64_t next = stage->first[s->h + 1];
    s->first = stage->first[s->h];
    if (s->first < 0 || next > stage->n_units || unit < s->first || unit >= next)
        return bad_index(err, "first", s->h);
    s->n = next - s->first;
    s->begin = begin;
    s->factor = stage->factor[s->h];
    double sum = 0.0;
    int64_t before = s->first - 1, k = begin;
    for (; k < end && parts->unit[k] < next; k++) {
        if (parts->unit[k] <= before) return bad_index(err, "unit", k);
        before = parts->unit[k];
        sum += parts->value[k];
    }
    s->end = k;
    s->mean = sum / (double)s->n;
    return PC_OK;
}

/* factor x sum of squares of z - mean over all units of the stratum. */
static double squares(const pc_parts *parts, const stretch *s)
{
    const int64_t n_zero = s->n - (s->end - s->begin);
    double sum = 0.0;
    for (int64_t k = s->begin; k < s->end; k++) {
        const double x = parts->value[k] - s->mean;
        sum += x * x;
    }
    return s->factor * (sum + (double)n_zero * (s->mean * s->mean));
}

static pc_status find_label(const pc_stage *stage, int64_t unit, int64_t *label, pc_error *err)
{
    *label = unit;
    if (!inside(unit, stage->n_units)) return bad_index(err, "unit", unit);
    if (stage->label != NULL) *label = stage->label[unit];
    return inside(*label, stage->n_labels) ? PC_OK : bad_index(err, "label", unit);
}

/* ---- one row over labels ----------------------------------------------------------------------- */

/* x of one row by label; `touched` lists the labels that are not known to be 0. */
typedef struct spread {
    double *x;        /* [n_labels] */
    uint8_t *is_used; /* [n_labels] */
    int64_t *touched; /* [n_labels] */
    int64_t n_touched;
} spread;

static pc_status spread_new(pc_context *ctx, const pc_stage *stage, spread *s, pc_error *err)
{
    s->x = pc_alloc_zeroed(&ctx->memory, stage->n_labels, sizeof *s->x);
    s->is_used = pc_alloc_zeroed(&ctx->memory, stage->n_labels, sizeof *s->is_used);
    s->touched = pc_alloc(&ctx->memory, stage->n_labels, sizeof *s->touched);
    s->n_touched = 0;
    return s->x == NULL || s->is_used == NULL || s->touched == NULL ? out_of_memory(err) : PC_OK;
}

static void spread_free(pc_context *ctx, spread *s)
{
    pc_free(&ctx->memory, s->x);
    pc_free(&ctx->memory, s->is_used);
    pc_free(&ctx->memory, s->touched);
}

static void spread_clear(spread *s)
{
    for (int64_t k = 0; k < s->n_touched; k++) {
        s->x[s->touched[k]] = 0.0;
        s->is_used[s->touched[k]] = 0;
    }
    s->n_touched = 0;
}

static pc_status spread_add(const pc_stage *stage, spread *s, int64_t unit, double x, pc_error *err)
{
    int64_t label;
    const pc_status status = find_label(stage, unit, &label, err);
    if (status != PC_OK) return status;
    if (!s->is_used[label]) {
        s->is_used[label] = 1;
        s->touched[s->n_touched++] = label;
    }
    s->x[label] += x;
    return PC_OK;
}

/* All units of a stratum. */
static pc_status spread_stretch(const pc_stage *stage, const pc_parts *parts, const stretch *h,
                                spread *s, pc_error *err)
{
    const double root = sqrt(h->factor);
    int64_t k = h->begin;
    pc_status status = PC_OK;
    for (int64_t i = 0; status == PC_OK && i < h->n; i++) {
        const int64_t unit = h->first + i;
        double z = 0.0;
        if (k < h->end && parts->unit[k] == unit) z = parts->value[k++];
        status = spread_add(stage, s, unit, root * (z - h->mean), err);
    }
    return status;
}

/* The unit of a part that is centred already. */
static pc_status find_centred(const pc_stage *stage, const pc_parts *parts, int64_t k, int64_t *unit,
                              pc_error *err)
{
    *unit = parts->unit[k];
    if (*unit < stage->n_units) return bad_index(err, "unit", k);
    *unit -= stage->n_units;
    return inside(*unit, stage->n_units) ? PC_OK : bad_index(err, "unit", k);
}

static pc_status spread_row(const pc_stage *stage, const pc_parts *parts, int64_t r, spread *s,
                            pc_error *err)
{
    int64_t begin, end, unit;
    stretch h;
    pc_status status = find_row(parts, r, &begin, &end, err);
    for (; status == PC_OK && begin < end && parts->unit[begin] < stage->n_units; begin = h.end) {
        status = find_stretch(stage, parts, begin, end, &h, err);
        if (status == PC_OK) status = spread_stretch(stage, parts, &h, s, err);
        if (status != PC_OK) return status;
    }
    for (; status == PC_OK && begin < end; begin++) {
        status = find_centred(stage, parts, begin, &unit, err);
        if (status == PC_OK) status = spread_add(stage, s, unit, parts->value[begin], err);
    }
    return status;
}

/* ---- variances --------------------------------------------------------------------------------- */

/* Labels can be shared, or a unit has a centred part beside: the sum over strata does not do. */
static bool needs_spread(const pc_stage *stage, const pc_parts *parts, int64_t begin, int64_t end)
{
    return begin < end && (stage->label != NULL || parts->unit[end - 1] >= stage->n_units);
}

static pc_status variance_of(const pc_stage *stage, const pc_parts *parts, int64_t r, spread *s,
                             double *variance, pc_error *err)
{
    int64_t begin = 0, end = 0;
    stretch h;
    double sum = 0.0;
    pc_status status = find_row(parts, r, &begin, &end, err);
    if (status == PC_OK && needs_spread(stage, parts, begin, end)) {
        status = spread_row(stage, parts, r, s, err);
        for (int64_t k = 0; k < s->n_touched; k++) sum += s->x[s->touched[k]] * s->x[s->touched[k]];
        spread_clear(s);
    } else {
        for (; status == PC_OK && begin < end; begin = h.end) {
            status = find_stretch(stage, parts, begin, end, &h, err);
            if (status != PC_OK) break;
            sum += squares(parts, &h);
        }
    }
    *variance = sum;
    return status;
}

pc_status pc_linvar_variance(pc_context *ctx, const pc_stage *stage, const pc_parts *parts,
                             double *variance)
{
    spread s;
    pc_status status = spread_new(ctx, stage, &s, &ctx->error);
    for (int64_t r = 0; status == PC_OK && r < parts->n_rows; r++) {
        if (r % STEP == 0 && pc_caller_stopped(ctx))
            status = pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        else status = variance_of(stage, parts, r, &s, &variance[r], &ctx->error);
    }
    spread_free(ctx, &s);
    return status;
}

/* ---- covariances ------------------------------------------------------------------------------- */

/* The sum of a row's x over the labels of each stratum, for rows that have no part in some units. */
static pc_status sums_by_stratum(const pc_stage *stage, const spread *s, double *sum, pc_error *err)
{
    int64_t label;
    memset(sum, 0, (size_t)stage->n_strata * sizeof *sum);
    for (int64_t unit = 0; unit < stage->n_units; unit++) {
        const pc_status status = find_label(stage, unit, &label, err);
        if (status != PC_OK) return status;
        const int64_t h = stage->stratum[unit];
        if (!inside(h, stage->n_strata)) return bad_index(err, "stratum", unit);
        sum[h] += s->x[label];
    }
    return PC_OK;
}

/* sum over all units of the stratum of sqrt(factor) (z - mean) x[label]. */
static pc_status product(const pc_stage *stage, const pc_parts *parts, const stretch *h,
                         const spread *s, const double *sum, double *result, pc_error *err)
{
    double centred = 0.0, seen = 0.0;
    int64_t label;
    for (int64_t k = h->begin; k < h->end; k++) {
        const pc_status status = find_label(stage, parts->unit[k], &label, err);
        if (status != PC_OK) return status;
        centred += (parts->value[k] - h->mean) * s->x[label];
        seen += s->x[label];
    }
    if (h->end - h->begin < h->n) centred -= h->mean * (sum[h->h] - seen);
    *result += sqrt(h->factor) * centred;
    return PC_OK;
}

static pc_status product_of_row(const pc_stage *stage, const pc_parts *parts, int64_t r,
                                const spread *s, const double *sum, double *result, pc_error *err)
{
    int64_t begin, end, unit, label;
    stretch h;
    *result = 0.0;
    pc_status status = find_row(parts, r, &begin, &end, err);
    for (; status == PC_OK && begin < end && parts->unit[begin] < stage->n_units; begin = h.end) {
        status = find_stretch(stage, parts, begin, end, &h, err);
        if (status == PC_OK) status = product(stage, parts, &h, s, sum, result, err);
        if (status != PC_OK) return status;
    }
    for (; status == PC_OK && begin < end; begin++) {
        status = find_centred(stage, parts, begin, &unit, err);
        if (status == PC_OK) status = find_label(stage, unit, &label, err);
        if (status == PC_OK) *result += parts->value[begin] * s->x[label];
    }
    return status;
}

typedef struct cov_job {
    const pc_stage *stage;
    const pc_parts *parts;
    double *cov;
    int64_t n_tasks;
} cov_job;

/* Every n_tasks-th row, against those from it on: so all tasks take about as long. */
static pc_status cov_rows(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const cov_job *job = arg;
    const int64_t n = job->parts->n_rows;
    spread s;
    double *sum = pc_alloc(&worker->ctx->memory, job->stage->n_strata, sizeof *sum);
    pc_status status = spread_new(worker->ctx, job->stage, &s, err);
    if (sum == NULL) status = out_of_memory(err);
    for (int64_t a = task; status == PC_OK && a < n; a += job->n_tasks) {
        status = spread_row(job->stage, job->parts, a, &s, err);
        if (status == PC_OK) status = sums_by_stratum(job->stage, &s, sum, err);
        for (int64_t b = a; status == PC_OK && b < n; b++)
            status = product_of_row(job->stage, job->parts, b, &s, sum, &job->cov[a * n + b], err);
        spread_clear(&s);
        if (status == PC_OK && pc_worker_stopped(worker))
            status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    }
    spread_free(worker->ctx, &s);
    pc_free(&worker->ctx->memory, sum);
    return status;
}

pc_status pc_linvar_cov(pc_context *ctx, const pc_stage *stage, const pc_parts *parts, double *cov)
{
    enum { TASKS = 16, MANY = 200 };
    const int64_t n = parts->n_rows;
    cov_job job = {.stage = stage, .parts = parts, .cov = cov, .n_tasks = n < MANY ? 1 : TASKS};
    const pc_status status =
        pc_parallel_run(ctx, n < MANY ? 1 : ctx->n_threads, job.n_tasks, cov_rows, &job);
    if (status != PC_OK) return status;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < a; b++) cov[a * n + b] = cov[b * n + a];
    return PC_OK;
}

/* ---- counts ------------------------------------------------------------------------------------ */

/* Which strata share a label: each points to another one of its kind, or to itself. */
typedef struct links {
    int64_t *stratum; /* [n_strata] */
    int64_t *owner;   /* [n_labels] 1 + the stratum that had the label first; 0: none */
    int64_t *touched; /* [n_labels] */
    int64_t n_touched, n_strata;
} links;

static pc_status links_new(pc_context *ctx, const pc_stage *stage, links *l, pc_error *err)
{
    l->stratum = pc_alloc(&ctx->memory, stage->n_strata, sizeof *l->stratum);
    l->owner = pc_alloc_zeroed(&ctx->memory, stage->n_labels, sizeof *l->owner);
    l->touched = pc_alloc(&ctx->memory, stage->n_labels, sizeof *l->touched);
    l->n_touched = 0;
    return l->stratum == NULL || l->owner == NULL || l->touched == NULL ? out_of_memory(err) : PC_OK;
}

static void links_free(pc_context *ctx, links *l)
{
    pc_free(&ctx->memory, l->stratum);
    pc_free(&ctx->memory, l->owner);
    pc_free(&ctx->memory, l->touched);
}

static int64_t root_of(links *l, int64_t h)
{
    while (l->stratum[h] != h) {
        l->stratum[h] = l->stratum[l->stratum[h]];
        h = l->stratum[h];
    }
    return h;
}

static pc_status link_unit(const pc_stage *stage, links *l, int64_t unit, int64_t h, pc_error *err)
{
    int64_t label;
    const pc_status status = find_label(stage, unit, &label, err);
    if (status != PC_OK) return status;
    if (l->owner[label] == 0) {
        l->owner[label] = h + 1;
        l->touched[l->n_touched++] = label;
        return PC_OK;
    }
    const int64_t a = root_of(l, l->owner[label] - 1), b = root_of(l, h);
    if (a != b) {
        l->stratum[b] = a;
        l->n_strata--;
    }
    return PC_OK;
}

static pc_status count_row(const pc_stage *stage, const pc_parts *parts, int64_t r, bool all_units,
                           links *l, int64_t *n_labels, int64_t *n_strata, pc_error *err)
{
    int64_t begin = 0, end = 0;
    stretch h;
    int64_t n_apart = 0; /* units, where each has a label of its own: there is nothing to link */
    pc_status status = find_row(parts, r, &begin, &end, err);
    l->n_touched = l->n_strata = 0;
    for (; status == PC_OK && begin < end && parts->unit[begin] < stage->n_units; begin = h.end) {
        status = find_stretch(stage, parts, begin, end, &h, err);
        if (status != PC_OK) break;
        l->stratum[h.h] = h.h;
        l->n_strata++;
        const int64_t n = all_units ? h.n : h.end - h.begin;
        if (stage->label == NULL) n_apart += n;
        for (int64_t i = 0; status == PC_OK && stage->label != NULL && i < n; i++)
            status = link_unit(stage, l, all_units ? h.first + i : parts->unit[h.begin + i], h.h, err);
    }
    for (; status == PC_OK && begin < end; begin++)
        if (!inside(parts->unit[begin], 2 * stage->n_units)) status = bad_index(err, "unit", begin);
    *n_labels = l->n_touched + n_apart;
    *n_strata = l->n_strata;
    for (int64_t k = 0; k < l->n_touched; k++) l->owner[l->touched[k]] = 0;
    return status;
}

pc_status pc_linvar_count(pc_context *ctx, const pc_stage *stage, const pc_parts *parts,
                          bool all_units, int64_t *n_labels, int64_t *n_strata)
{
    links l;
    pc_status status = links_new(ctx, stage, &l, &ctx->error);
    for (int64_t r = 0; status == PC_OK && r < parts->n_rows; r++) {
        if (r % STEP == 0 && pc_caller_stopped(ctx))
            status = pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        else
            status = count_row(stage, parts, r, all_units, &l, &n_labels[r], &n_strata[r], &ctx->error);
    }
    links_free(ctx, &l);
    return status;
}

/* ---- variances and counts of sources -------------------------------------------------------------- */

/* The groups that go to each row, and what one thread needs for a row. */
typedef struct figures_job {
    const pc_stage *stage;
    const pc_source *sources;
    int64_t n_rows, n_units, most_cells; /* of a row */
    int64_t *first;                      /* [n_rows + 1] into the two below */
    int64_t *source, *group;
    double *variance;
    int64_t *n_labels, *n_strata;
} figures_job;

typedef struct row_scratch {
    int64_t *unit; /* [most_cells] */
    double *value;
    int64_t *row, *sorted_unit; /* the same, made when a row is to be sorted; row is of zeros */
    double *sorted_value;
    spread s;
    links l;
} row_scratch;

static pc_status scratch_new(pc_context *ctx, const figures_job *job, row_scratch *r, pc_error *err)
{
    const int64_t n = job->most_cells;
    const pc_status spread_made = spread_new(ctx, job->stage, &r->s, err);
    const pc_status links_made = links_new(ctx, job->stage, &r->l, err);
    r->unit = pc_alloc(&ctx->memory, n, sizeof *r->unit);
    r->value = pc_alloc(&ctx->memory, n, sizeof *r->value);
    if (r->unit == NULL || r->value == NULL) return out_of_memory(err);
    return spread_made == PC_OK ? links_made : spread_made;
}

/* Room to sort a row in. */
static pc_status scratch_more(pc_context *ctx, int64_t n, row_scratch *r, pc_error *err)
{
    if (r->row != NULL) return PC_OK;
    r->sorted_unit = pc_alloc(&ctx->memory, n, sizeof *r->sorted_unit);
    if (r->sorted_unit == NULL) return out_of_memory(err);
    r->sorted_value = pc_alloc(&ctx->memory, n, sizeof *r->sorted_value);
    if (r->sorted_value == NULL) return out_of_memory(err);
    r->row = pc_alloc_zeroed(&ctx->memory, n, sizeof *r->row);
    return r->row == NULL ? out_of_memory(err) : PC_OK;
}

static void scratch_free(pc_context *ctx, row_scratch *r)
{
    spread_free(ctx, &r->s);
    links_free(ctx, &r->l);
    pc_free(&ctx->memory, r->row);
    pc_free(&ctx->memory, r->unit);
    pc_free(&ctx->memory, r->sorted_unit);
    pc_free(&ctx->memory, r->value);
    pc_free(&ctx->memory, r->sorted_value);
}

/* The parts of a row, in the scratch; sorted where they have to be. */
static pc_status make_row(pc_context *ctx, const figures_job *job, int64_t r, row_scratch *scratch, int64_t *start,
                          pc_parts *parts, pc_error *err)
{
    int64_t begin = 0, end = 0, row = 0, n = 0;
    bool is_sorted = job->first[r + 1] - job->first[r] < 2;
    pc_status status = PC_OK;
    for (int64_t k = job->first[r]; status == PC_OK && k < job->first[r + 1]; k++) {
        const pc_source *source = &job->sources[job->source[k]];
        status = find_group(source, job->group[k], job->n_rows, &begin, &end, &row, err);
        if (status == PC_OK)
            status = write_group(source, job->group[k], begin, end, job->n_units, job->most_cells, &n, scratch->unit,
                                 scratch->value, &is_sorted, err);
    }
    start[0] = 0;
    start[1] = n;
    *parts = (pc_parts){1, n, job->n_units / 2, start, scratch->unit, scratch->value};
    if (status == PC_OK && !is_sorted) status = scratch_more(ctx, job->most_cells, scratch, err);
    if (status != PC_OK || is_sorted) return status;
    parts->unit = scratch->sorted_unit;
    parts->value = scratch->sorted_value;
    return sort(ctx, n, scratch->row, scratch->unit, scratch->value, 1, job->n_units, start, scratch->sorted_unit,
                scratch->sorted_value, &parts->n_parts, err);
}

/* A share of the rows. */
static pc_status figure_rows(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const figures_job *job = arg;
    row_scratch scratch = {0};
    int64_t start[2];
    pc_parts parts;
    pc_status status = scratch_new(worker->ctx, job, &scratch, err);
    for (int64_t r = job->n_rows * task / FIGURE_TASKS; r < job->n_rows * (task + 1) / FIGURE_TASKS; r++) {
        if (status == PC_OK && pc_worker_stopped(worker))
            status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        if (status == PC_OK) status = make_row(worker->ctx, job, r, &scratch, start, &parts, err);
        if (status == PC_OK) status = variance_of(job->stage, &parts, 0, &scratch.s, &job->variance[r], err);
        if (status == PC_OK)
            status = count_row(job->stage, &parts, 0, false, &scratch.l, &job->n_labels[r], &job->n_strata[r], err);
    }
    scratch_free(worker->ctx, &scratch);
    return status;
}

/* Which groups go to which row, in the order of the sources; most_cells. */
static pc_status place_groups(figures_job *job, int64_t n_sources, int64_t *n_cells, int64_t *cells_of_row,
                              pc_error *err)
{
    int64_t begin = 0, end = 0, row = 0;
    for (int64_t s = 0; s < n_sources; s++)
        for (int64_t g = 0; g < job->sources[s].n_groups; g++) {
            const pc_status status = find_group(&job->sources[s], g, job->n_rows, &begin, &end, &row, err);
            if (status != PC_OK) return status;
            if (row < 0) continue;
            job->first[row + 1]++;
            *n_cells += end - begin;
            cells_of_row[row] += end - begin;
            if (cells_of_row[row] > job->most_cells) job->most_cells = cells_of_row[row];
        }
    for (int64_t r = 0; r < job->n_rows; r++) {
        job->first[r + 1] += job->first[r];
        cells_of_row[r] = job->first[r]; /* from here on where its next group goes */
    }
    for (int64_t s = 0; s < n_sources; s++)
        for (int64_t g = 0; g < job->sources[s].n_groups; g++) {
            row = job->sources[s].row[g];
            if (row < 0) continue;
            if (row >= job->n_rows || cells_of_row[row] >= job->first[row + 1]) return bad_index(err, "row", g);
            job->source[cells_of_row[row]] = s;
            job->group[cells_of_row[row]++] = g;
        }
    for (int64_t r = 0; r < job->n_rows; r++)
        if (cells_of_row[r] != job->first[r + 1]) return bad_index(err, "row", r);
    return PC_OK;
}

pc_status pc_linvar_figures(pc_context *ctx, const pc_stage *stage, int64_t n_sources, const pc_source *sources,
                            int64_t n_rows, int64_t n_units, double *variance, int64_t *n_labels,
                            int64_t *n_strata)
{
    enum { SERIAL_CELLS = 20000 };
    figures_job job = {.stage = stage, .sources = sources, .n_rows = n_rows, .n_units = n_units,
                       .variance = variance, .n_labels = n_labels, .n_strata = n_strata};
    int64_t n_groups = 0, n_cells = 0;
    for (int64_t s = 0; s < n_sources; s++) n_groups += sources[s].n_groups;
    int64_t *cells_of_row = pc_alloc_zeroed(&ctx->memory, n_rows, sizeof *cells_of_row);
    job.first = pc_alloc_zeroed(&ctx->memory, n_rows + 1, sizeof *job.first);
    job.source = pc_alloc(&ctx->memory, n_groups, sizeof *job.source);
    job.group = pc_alloc(&ctx->memory, n_groups, sizeof *job.group);
    pc_status status = PC_OK;
    if (cells_of_row == NULL || job.first == NULL || job.source == NULL || job.group == NULL)
        status = out_of_memory(&ctx->error);
    if (status == PC_OK) status = place_groups(&job, n_sources, &n_cells, cells_of_row, &ctx->error);
    if (status == PC_OK)
        status = pc_parallel_run(ctx, n_cells < SERIAL_CELLS ? 1 : ctx->n_threads, FIGURE_TASKS, figure_rows, &job);
    pc_free(&ctx->memory, cells_of_row);
    pc_free(&ctx->memory, job.first);
    pc_free(&ctx->memory, job.source);
    pc_free(&ctx->memory, job.group);
    return status;
}
