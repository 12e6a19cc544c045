#include "pc_fgt.h"

#include "pc_fgt_loops.h"

#include <math.h>
#include <string.h>

/* ---- check ---- */

static pc_status check_score(const pc_fgt *fgt, int64_t k, pc_error *err)
{
    const pc_fgt_score *s = &fgt->scores[k];
    const char *fault = NULL;
    if ((int)s->kind < 0 || s->kind >= PC_FGT_KIND_END) fault = "is of no known kind";
    else if (s->line < 0 || s->line >= fgt->n_lines) fault = "names no line";
    else if (s->kind == PC_FGT_POWER && !(s->parameter >= 0 && s->parameter <= DBL_MAX))
        fault = "has an alpha that is negative or not finite";
    else if (s->kind == PC_FGT_CHU && !(s->parameter > 0 && s->parameter <= 1))
        fault = "has a b outside 0 < b <= 1";
    else if (s->kind == PC_FGT_BELOW && !isfinite(s->parameter))
        fault = "is of incomes below an amount that is not finite";
    else if (s->undefined == PC_FGT_FLOOR && !(s->floor >= 0 && s->floor <= DBL_MAX))
        fault = "has a floor that is negative or not finite";
    else if (s->undefined == PC_FGT_FLOOR && s->kind == PC_FGT_WATTS && s->floor == 0)
        fault = "has a floor of 0, at which the Watts measure is not defined";
    return fault == NULL ? PC_OK : pc_fail(err, PC_ERR_VALUE, "score", k, -1, fault);
}

static pc_status check(const void *maker, int64_t n, pc_error *err)
{
    const pc_fgt *fgt = maker;
    pc_status status = pc_score_check_column(fgt->welfare, n, "welfare", -1, err);
    for (int64_t l = 0; status == PC_OK && l < fgt->n_lines; l++)
        status = pc_score_check_column(fgt->lines[l], n, "line", l, err);
    for (int64_t k = 0; status == PC_OK && k < fgt->n_scores; k++)
        status = check_score(fgt, k, err);
    return status;
}

/* ---- rows of one line ---- */

/* What all scores of a line share. */
typedef struct line_rows {
    const pc_fgt_kernels *kernels;
    int64_t row, n;
    const double *u, *welfare, *line;
    const uint8_t *inside;
    pc_poor_rule poor;
    bool is_plain; /* every welfare and line is above 0 and finite */
    bool has_powers;
    double gap[PC_SCORE_ROWS]; /* 0 for who is not poor */
    double *power[3]; /* u gap^0 (below the line), u gap, u gap^2 */
    double ones[PC_SCORE_ROWS], scratch[3][PC_SCORE_ROWS];
} line_rows;

static pc_status check_rows(const line_rows *r, int64_t l, pc_error *err)
{
    for (int64_t i = 0; i < r->n; i++) {
        const double line = r->line[i];
        if (isinf(r->welfare[i]))
            return pc_fail(err, PC_ERR_VALUE, "welfare", -1, r->row + i, "is infinite");
        if (line <= 0.0 || isinf(line))
            return pc_fail(err, PC_ERR_VALUE, "line", l, r->row + i,
                           line == 0.0  ? "is zero; lines must be finite and > 0"
                           : line < 0.0 ? "is negative; lines must be finite and > 0"
                                        : "is infinite; lines must be finite and > 0");
    }
    return PC_OK;
}

static const pc_fgt_kernels *kernels_for(pc_simd simd)
{
    const pc_fgt_kernels *avx2 = pc_fgt_kernels_avx2();
    return simd == PC_SIMD_AVX2 && avx2 != NULL ? avx2 : &kernels;
}

static void copy(int64_t n, const double *from, double *to)
{
    if (from != to) memcpy(to, from, (size_t)n * sizeof *to);
}

static double exponent(const pc_fgt_score *s)
{
    return s->is_squared ? 2 * s->parameter : s->parameter;
}

/* The first score that asks for a power of 0, 1 or 2 is where it is made. */
static void place_powers(const pc_fgt *fgt, int64_t l, line_rows *r, double *score)
{
    for (int p = 0; p < 3; p++) r->power[p] = NULL;
    for (int64_t k = 0; k < fgt->n_scores; k++) {
        const pc_fgt_score *s = &fgt->scores[k];
        const bool is_power = s->kind == PC_FGT_POWER && s->line == l && !s->is_count;
        for (int p = r->poor == PC_POOR_BELOW ? 0 : 1; is_power && p < 3; p++)
            if (exponent(s) == p && r->power[p] == NULL) r->power[p] = score + k * PC_SCORE_ROWS;
    }
    for (int p = 0; p < 3; p++)
        if (r->power[p] == NULL) r->power[p] = r->scratch[p];
}

/* ---- a score of all rows; u is the weight, or 1 ---- */

static void fill_power(line_rows *r, double alpha, bool is_count, const double *u, double *score)
{
    if (alpha == 0.0 && (is_count || r->poor == PC_POOR_AT_OR_BELOW)) {
        copy(r->n, u, score);
        (r->poor == PC_POOR_BELOW ? r->kernels->keep_poor : r->kernels->keep_poor_or_at_line)(
            r->n, r->welfare, r->line, score);
        return;
    }
    if (!r->has_powers) /* before anything is written where they go */
        r->kernels->powers(r->n, r->welfare, r->line, r->u, r->gap, r->power[0], r->power[1],
                           r->power[2]);
    r->has_powers = true;
    if (!is_count && (alpha == 0.0 || alpha == 1.0 || alpha == 2.0))
        copy(r->n, r->power[(int)alpha], score);
    else /* at the line the gap is 0, poor or not */
        for (int64_t i = 0; i < r->n; i++)
            score[i] = r->gap[i] > 0.0 && u[i] > 0.0 ? u[i] * pow(r->gap[i], alpha) : 0.0;
}

static void fill_shortfall(const line_rows *r, bool is_squared, const double *u, double *score)
{
    for (int64_t i = 0; i < r->n; i++) {
        const double shortfall = r->line[i] - r->welfare[i];
        score[i] = u[i] * (is_squared ? shortfall * shortfall : shortfall);
    }
    r->kernels->keep_poor(r->n, r->welfare, r->line, score);
}

static bool is_in(const pc_fgt_score *s, double welfare, double line)
{
    const bool is_missing = isnan(welfare) || isnan(line);
    switch (s->kind) {
    case PC_FGT_MISSING: return is_missing;
    case PC_FGT_NEGATIVE: return !is_missing && welfare < 0.0;
    case PC_FGT_NOT_POSITIVE: return !is_missing && welfare <= 0.0;
    default: return !is_missing && welfare < s->parameter;
    }
}

/* 1 for everybody who is in a class of incomes. */
static void fill_class(const line_rows *r, const pc_fgt_score *s, const double *u, double *score)
{
    for (int64_t i = 0; i < r->n; i++)
        score[i] = is_in(s, r->welfare[i], r->line[i]) ? u[i] : 0.0;
}

/* ---- scores that need a logarithm, row by row ---- */

/* ln(line / welfare) of 0 <= welfare < line */
static double log_ratio(double welfare, double line)
{
    const double amount = fabs(welfare); /* -0.0 as 0.0: infinite */
    const double quotient = (line - welfare) / amount;
    return quotient <= DBL_MAX ? log1p(quotient) : log(line) - log(amount);
}

static double chu(double welfare, double line, double b)
{
    return -expm1(-b * log_ratio(welfare, line)) / b; /* of welfare 0: 1 / b */
}

static bool is_undefined(pc_fgt_kind kind, double welfare)
{
    return kind == PC_FGT_WATTS ? welfare <= 0.0 : welfare < 0.0;
}

static double score_of(const pc_fgt_score *s, double welfare, double line)
{
    if (s->undefined == PC_FGT_FLOOR && welfare < s->floor) welfare = s->floor;
    if (is_undefined(s->kind, welfare) || !(welfare < line)) return 0.0; /* at the line: 0 */
    const double score =
        s->kind == PC_FGT_WATTS ? log_ratio(welfare, line) : chu(welfare, line, s->parameter);
    return s->is_squared ? score * score : score;
}

static const char *fault_of(pc_fgt_kind kind)
{
    return kind == PC_FGT_WATTS
               ? "is zero or negative, for which the Watts measure is not defined"
               : "is negative, for which the Clark-Hemming-Ulph measure is not defined";
}

static pc_status fill_by_row(const line_rows *r, const pc_fgt_score *s, const double *u,
                             double *score, pc_error *err)
{
    for (int64_t i = 0; i < r->n; i++) {
        const double y = r->welfare[i], z = r->line[i];
        const bool is_inside = r->inside == NULL || r->inside[i];
        if (s->undefined == PC_FGT_REFUSE && is_inside && !isnan(z) && is_undefined(s->kind, y))
            return pc_fail(err, PC_ERR_VALUE, "welfare", -1, r->row + i, fault_of(s->kind));
        score[i] = y < z ? u[i] * score_of(s, y, z) : 0.0;
    }
    return PC_OK;
}

/* ---- fill ---- */

static bool is_rare(pc_fgt_kind kind)
{
    return kind >= PC_FGT_MISSING;
}

/* Scores before this number may be other than 0 while all rows are plain. */
static int64_t n_common(const pc_fgt *fgt)
{
    int64_t n = fgt->n_scores;
    while (n > 0 && is_rare(fgt->scores[n - 1].kind)) n--;
    return n;
}

static pc_status fill_score(line_rows *r, const pc_fgt_score *s, double *score, pc_error *err)
{
    const double *u = s->is_count ? r->ones : r->u;
    for (int64_t i = 0; s->is_count && i < r->n; i++) r->ones[i] = 1.0;
    switch (s->kind) {
    case PC_FGT_POWER:
        fill_power(r, exponent(s), s->is_count, u, score);
        return PC_OK;
    case PC_FGT_SHORTFALL: fill_shortfall(r, s->is_squared, u, score); return PC_OK;
    case PC_FGT_WATTS:
    case PC_FGT_CHU: return fill_by_row(r, s, u, score, err);
    default: fill_class(r, s, u, score); return PC_OK;
    }
}

static pc_status fill_line(const pc_fgt *fgt, int64_t l, line_rows *r, double *score, pc_error *err)
{
    pc_status status = PC_OK;
    r->has_powers = false;
    place_powers(fgt, l, r, score);
    r->is_plain = r->kernels->not_plain(r->n, r->welfare, r->line) == 0;
    if (!r->is_plain) status = check_rows(r, l, err);
    const int64_t end = r->is_plain ? n_common(fgt) : fgt->n_scores;
    for (int64_t k = 0; status == PC_OK && k < end; k++)
        if (fgt->scores[k].line == l)
            status = fill_score(r, &fgt->scores[k], score + k * PC_SCORE_ROWS, err);
    return status;
}

/* Where rows are odd at one line, the rare scores of the lines at which they are plain are 0. */
static void clear_rare(const pc_fgt *fgt, int64_t l, line_rows *r, double *score)
{
    if (r->kernels->not_plain(r->n, r->welfare, r->line) != 0) return;
    for (int64_t k = n_common(fgt); k < fgt->n_scores; k++)
        if (fgt->scores[k].line == l)
            memset(score + k * PC_SCORE_ROWS, 0, (size_t)r->n * sizeof *score);
}

static pc_status fill(const void *maker, pc_simd simd, int64_t row, int64_t n, const double *u,
                      const uint8_t *inside, double *score, int64_t *n_filled, pc_error *err)
{
    const pc_fgt *fgt = maker;
    double welfare[PC_SCORE_ROWS], line[PC_SCORE_ROWS];
    bool is_plain = true;
    pc_status status = PC_OK;
    line_rows r; /* whose arrays are scratch: to clear them would take as long as to fill them */
    r.kernels = kernels_for(simd);
    r.row = row;
    r.n = n;
    r.u = u;
    r.inside = inside;
    r.poor = fgt->poor;
    r.welfare = pc_column_real(fgt->welfare, row, n, welfare);
    for (int64_t l = 0; status == PC_OK && l < fgt->n_lines; l++) {
        r.line = pc_column_real(fgt->lines[l], row, n, line);
        status = fill_line(fgt, l, &r, score, err);
        is_plain = is_plain && r.is_plain;
    }
    *n_filled = is_plain ? n_common(fgt) : fgt->n_scores;
    for (int64_t l = 0; status == PC_OK && !is_plain && l < fgt->n_lines; l++) {
        r.line = pc_column_real(fgt->lines[l], row, n, line);
        clear_rare(fgt, l, &r, score);
    }
    return status;
}

pc_scores pc_fgt_scores(const pc_fgt *fgt)
{
    return (pc_scores){
        .n_scores = fgt->n_scores, .any_sign = false, .maker = fgt, .check = check, .fill = fill};
}
