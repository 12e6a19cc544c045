/* Products of centred columns against the plainest loops. */
#include "pc_made.h"
#include "pc_score.h"
#include "pc_test.h"

#include <math.h>

enum { N = 100 };

/* Two columns around 1e9, some values missing, and what is made of them. */
typedef struct sample {
    double a[N], b[N], u[N], score[3 * PC_SCORE_ROWS];
    pc_made made[2];
    const pc_column *columns[2];
    double centre[2];
    pc_products products;
} sample;

static const pc_product wanted[] = {{0, -1, -1}, {0, 0, -1}, {1, 0, 0}};

static void make_sample(sample *s)
{
    pc_draws draws = {5};
    memset(s, 0, sizeof *s);
    for (int i = 0; i < N; i++) {
        s->a[i] = 1e9 + pc_draw_unit(&draws);
        s->b[i] = i % 7 == 0 ? NAN : 1e9 - pc_draw_unit(&draws);
        s->u[i] = pc_draw_unit(&draws);
    }
    s->a[3] = NAN;
    s->columns[0] = pc_make_array(&s->made[0], PC_FLOAT64, s->a, N);
    s->columns[1] = pc_make_array(&s->made[1], PC_FLOAT64, s->b, N);
    s->centre[0] = s->centre[1] = 1e9;
    s->products = (pc_products){2, s->columns, s->centre, 3, wanted};
}

static pc_status fill(const sample *s, int64_t row, int64_t n, double *score, pc_error *err)
{
    const pc_scores scores = pc_product_scores(&s->products);
    int64_t n_filled = 0;
    const pc_status status = scores.fill(scores.maker, PC_SIMD_PORTABLE, row, n, s->u + row, NULL,
                                         score, &n_filled, err);
    EXPECT(status != PC_OK || n_filled == 3);
    return status;
}

static void products_are_of_values_less_their_centres(void)
{
    sample s;
    make_sample(&s);
    if (!EXPECT(fill(&s, 10, N - 10, s.score, NULL) == PC_OK)) return;
    for (int i = 10; i < N; i++) {
        const double a = s.a[i] - 1e9, b = s.b[i] - 1e9;
        const double *score = s.score + i - 10;
        EXPECT(score[0] == s.u[i] * a);
        EXPECT(score[PC_SCORE_ROWS] == s.u[i] * (a * a));
        EXPECT(score[2 * PC_SCORE_ROWS] == (isnan(b) ? 0.0 : s.u[i] * (b * a)));
    }
}

static void a_missing_value_adds_nothing(void)
{
    static const pc_product known[] = {{0, -1, 1}};
    sample s;
    make_sample(&s);
    s.products.n_products = 1;
    s.products.products = known;
    const pc_scores scores = pc_product_scores(&s.products);
    int64_t n_filled = 0;
    EXPECT(scores.any_sign && scores.n_scores == 1);
    EXPECT(scores.fill(scores.maker, PC_SIMD_PORTABLE, 0, N, s.u, NULL, s.score, &n_filled, NULL) ==
           PC_OK);
    for (int i = 0; i < N; i++)
        EXPECT(s.score[i] == (i == 3 || i % 7 == 0 ? 0.0 : s.u[i] * (s.a[i] - 1e9)));
}

static void an_infinite_value_is_named(void)
{
    sample s;
    pc_error err = {0};
    make_sample(&s);
    s.b[42] = -INFINITY;
    EXPECT(fill(&s, 0, 40, s.score, &err) == PC_OK);
    EXPECT(fill(&s, 40, 40, s.score, &err) == PC_ERR_VALUE);
    EXPECT(err.index == 42 && err.which == 1 && strcmp(err.argument, "product") == 0);
}

static void columns_of_other_lengths_and_numbers_of_none_are_refused(void)
{
    static const pc_product wrong[] = {{2, -1, -1}, {0, 2, -1}, {0, -1, 2}, {-1, 0, 0}, {0, -2, 0}};
    sample s;
    pc_error err;
    make_sample(&s);
    const pc_scores scores = pc_product_scores(&s.products);
    EXPECT(scores.check(scores.maker, N, &err) == PC_OK);
    EXPECT(scores.check(scores.maker, N + 1, &err) == PC_ERR_LENGTH && err.which == 0);
    s.made[1].column.type = PC_TEXT32;
    EXPECT(scores.check(scores.maker, N, &err) == PC_ERR_TYPE && err.which == 1);
    s.made[1].column.type = PC_FLOAT64;
    s.products.n_products = 1;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        s.products.products = wrong + k;
        EXPECT(scores.check(scores.maker, N, &err) == PC_ERR_VALUE);
    }
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(products_are_of_values_less_their_centres),
        CLAIM(a_missing_value_adds_nothing),
        CLAIM(an_infinite_value_is_named),
        CLAIM(columns_of_other_lengths_and_numbers_of_none_are_refused),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
