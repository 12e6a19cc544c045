#include "pc_made.h"
#include "pc_pack.h"
#include "pc_test.h"

#include <math.h>
#include <stdlib.h>

enum { N = 5 * PC_BLOCK + 77, MOST = PC_PACK_MOST };

/* Columns of several types; of float64 some values are missing. */
typedef struct sample {
    int8_t byte[MOST][N];
    double real[MOST][N];
    pc_made made[MOST];
    const pc_column *columns[MOST];
    pc_pack_columns from;
} sample;

static void draw_sample(sample *s, int64_t n_columns, bool has_missing, uint64_t seed)
{
    pc_draws draws = {seed};
    for (int64_t j = 0; j < n_columns; j++) {
        for (int64_t i = 0; i < N; i++) {
            s->byte[j][i] = (int8_t)pc_draw_below(&draws, 2);
            s->real[j][i] = pc_draw_below(&draws, 5) ? s->byte[j][i] : NAN;
        }
        const bool is_real = has_missing && j % 3 == 1;
        s->columns[j] = is_real ? pc_make_array(&s->made[j], PC_FLOAT64, s->real[j], N)
                                : pc_make_array(&s->made[j], PC_INT8, s->byte[j], N);
    }
    s->from = (pc_pack_columns){n_columns, s->columns, "indicator"};
}

static uint64_t number_at(const void *numbers, int64_t width, int64_t i)
{
    if (width == 1) return ((const uint8_t *)numbers)[i];
    if (width == 2) return ((const uint16_t *)numbers)[i];
    if (width == 4) return ((const uint32_t *)numbers)[i];
    return ((const uint64_t *)numbers)[i];
}

static void check_rows(const sample *s, bool has_missing, const void *deprived, const void *missing)
{
    const int64_t width = pc_pack_width(s->from.n);
    for (int64_t i = 0; i < N; i++) {
        uint64_t ones = 0, gaps = 0;
        for (int64_t j = 0; j < s->from.n; j++) {
            const bool is_gap = has_missing && j % 3 == 1 && isnan(s->real[j][i]);
            if (is_gap) gaps |= (uint64_t)1 << j;
            else if (s->byte[j][i]) ones |= (uint64_t)1 << j;
        }
        EXPECT(number_at(deprived, width, i) == ones);
        EXPECT(missing == NULL || number_at(missing, width, i) == gaps);
    }
}

static void three_columns_on_paper(void)
{
    static const uint8_t a[] = {1, 0, 1}, b[] = {0, 0, 1};
    static const float c[] = {1, NAN, 0};
    uint8_t deprived[3], missing[3];
    bool any_missing = false;
    pc_made made[3];
    const pc_column *columns[] = {pc_make_array(&made[0], PC_BOOL, a, 3),
                                  pc_make_array(&made[1], PC_UINT8, b, 3),
                                  pc_make_array(&made[2], PC_FLOAT32, c, 3)};
    const pc_pack_columns from = {3, columns, "indicator"};
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_pack_rows(&ctx, &from, 3, deprived, missing, &any_missing) == PC_OK);
    EXPECT(deprived[0] == 5 && deprived[1] == 0 && deprived[2] == 3);
    EXPECT(missing[0] == 0 && missing[1] == 4 && missing[2] == 0 && any_missing);
}

static void masks_equal_the_oracle_for_any_number_of_columns(void)
{
    static const int64_t n_columns[] = {1, 7, 8, 9, 12, 16, 17, 32, 33, 63, 64};
    static sample s;
    static uint64_t deprived[N], missing[N];
    for (size_t k = 0; k < sizeof n_columns / sizeof *n_columns; k++)
        for (int has_missing = 0; has_missing <= 1; has_missing++)
            for (int simd = 0; simd <= (pc_cpu_simd() == PC_SIMD_AVX2); simd++) {
                bool any_missing = true;
                pc_context ctx;
                pc_context_init(&ctx);
                ctx.simd = simd ? PC_SIMD_AVX2 : PC_SIMD_PORTABLE;
                draw_sample(&s, n_columns[k], has_missing, k);
                void *gaps = has_missing ? missing : NULL;
                EXPECT(pc_pack_rows(&ctx, &s.from, N, deprived, gaps, &any_missing) == PC_OK);
                EXPECT(any_missing == (has_missing && n_columns[k] > 1));
                check_rows(&s, has_missing, deprived, gaps);
            }
}

static void threads_give_the_same_masks(void)
{
    enum { ROWS = 300000 };
    int8_t *flag = malloc(ROWS);
    uint8_t *one = calloc(ROWS, 1), *two = calloc(ROWS, 1);
    bool any_missing;
    pc_made made;
    pc_context ctx;
    pc_context_init(&ctx);
    if (EXPECT(flag != NULL && one != NULL && two != NULL)) {
        for (int64_t i = 0; i < ROWS; i++) flag[i] = i % 7 == 0;
        const pc_column *column = pc_make_array(&made, PC_INT8, flag, ROWS);
        const pc_pack_columns from = {1, &column, "indicator"};
        ctx.n_threads = 1;
        EXPECT(pc_pack_rows(&ctx, &from, ROWS, one, NULL, &any_missing) == PC_OK);
        ctx.n_threads = 3;
        EXPECT(pc_pack_rows(&ctx, &from, ROWS, two, NULL, &any_missing) == PC_OK);
        EXPECT(memcmp(one, two, ROWS) == 0 && memcmp(one, flag, ROWS) == 0);
    }
    free(flag);
    free(one);
    free(two);
}

static void the_smallest_bad_row_is_named(void)
{
    static sample s;
    static uint64_t deprived[N], missing[N];
    for (int is_real = 0; is_real <= 1; is_real++) {
        bool any_missing;
        pc_context ctx;
        pc_context_init(&ctx);
        draw_sample(&s, 12, true, 9);
        s.byte[2][5001] = -1;
        s.byte[11][5000] = 2;
        s.real[1][4999] = is_real ? 0.5 : 0;
        s.byte[0][N - 1] = 3;
        EXPECT(pc_pack_rows(&ctx, &s.from, N, deprived, missing, &any_missing) == PC_ERR_VALUE);
        EXPECT(ctx.error.index == 5000 - is_real);
        EXPECT(ctx.error.which == (is_real ? 1 : 11));
    }
}

static void other_lengths_types_and_too_many_columns_are_refused(void)
{
    static sample s;
    static uint64_t deprived[N];
    bool any_missing;
    pc_made shorter;
    pc_context ctx;
    pc_context_init(&ctx);
    draw_sample(&s, 64, false, 10);
    s.from.n = 65;
    EXPECT(pc_pack_rows(&ctx, &s.from, N, deprived, NULL, &any_missing) == PC_ERR_LIMIT);
    s.from.n = 2;
    s.columns[1] = pc_make_part(&shorter, s.columns[1], 0, N - 1);
    EXPECT(pc_pack_rows(&ctx, &s.from, N, deprived, NULL, &any_missing) == PC_ERR_LENGTH);
    shorter.column.type = PC_TEXT32;
    shorter.column.n = N;
    EXPECT(pc_pack_rows(&ctx, &s.from, N, deprived, NULL, &any_missing) == PC_ERR_TYPE);
    EXPECT(ctx.error.which == 1);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(three_columns_on_paper),
        CLAIM(masks_equal_the_oracle_for_any_number_of_columns),
        CLAIM(threads_give_the_same_masks),
        CLAIM(the_smallest_bad_row_is_named),
        CLAIM(other_lengths_types_and_too_many_columns_are_refused),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
