#include "pc_score.h"

#include <math.h>

pc_status pc_score_check_column(const pc_column *column, int64_t n, const char *argument,
                                int64_t which, pc_error *err)
{
    if (column->n != n)
        return pc_fail(err, PC_ERR_LENGTH, argument, which, -1,
                       "has another number of rows than the data");
    if (pc_type_is_text(column->type))
        return pc_fail(err, PC_ERR_TYPE, argument, which, -1, "is text, not a number");
    return PC_OK;
}

static const char *const argument = "product";

static pc_status check_products(const void *maker, int64_t n, pc_error *err)
{
    const pc_products *made = maker;
    pc_status status = PC_OK;
    for (int64_t k = 0; status == PC_OK && k < made->n_columns; k++)
        status = pc_score_check_column(made->columns[k], n, argument, k, err);
    for (int64_t j = 0; status == PC_OK && j < made->n_products; j++) {
        const pc_product *p = &made->products[j];
        if (p->first < 0 || p->first >= made->n_columns || p->second < -1 ||
            p->second >= made->n_columns || p->known < -1 || p->known >= made->n_columns)
            status = pc_fail(err, PC_ERR_VALUE, argument, -1, -1, "names no column");
    }
    return status;
}

/* A column less its centre; number -1 gives ones. */
static pc_status load_centred(const pc_products *made, int64_t k, int64_t row, int64_t n,
                              double *out, pc_error *err)
{
    const double centre = k < 0 ? 0.0 : made->centre[k];
    if (k >= 0) pc_column_load_real(made->columns[k], row, n, out);
    else
        for (int64_t i = 0; i < n; i++) out[i] = 1.0;
    for (int64_t i = 0; i < n; i++) {
        if (isinf(out[i])) return pc_fail(err, PC_ERR_VALUE, argument, k, row + i, "is infinite");
        out[i] -= centre;
    }
    return PC_OK;
}

static pc_status fill_products(const void *maker, pc_simd simd, int64_t row, int64_t n,
                               const double *u, const uint8_t *inside, double *score,
                               int64_t *n_filled, pc_error *err)
{
    const pc_products *made = maker;
    double first[PC_SCORE_ROWS], second[PC_SCORE_ROWS], known[PC_SCORE_ROWS];
    pc_status status = PC_OK;
    (void)inside;
    (void)simd;
    *n_filled = made->n_products;
    for (int64_t j = 0; status == PC_OK && j < made->n_products; j++, score += PC_SCORE_ROWS) {
        const pc_product *p = &made->products[j];
        status = load_centred(made, p->first, row, n, first, err);
        if (status == PC_OK) status = load_centred(made, p->second, row, n, second, err);
        if (status == PC_OK) status = load_centred(made, p->known, row, n, known, err);
        if (status != PC_OK) return status;
        for (int64_t i = 0; i < n; i++) {
            const double product = first[i] * second[i];
            score[i] = isnan(product) || isnan(known[i]) ? 0.0 : u[i] * product;
        }
    }
    return status;
}

pc_scores pc_product_scores(const pc_products *products)
{
    return (pc_scores){.n_scores = products->n_products,
                       .any_sign = true,
                       .maker = products,
                       .check = check_products,
                       .fill = fill_products};
}
