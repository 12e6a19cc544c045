/* Units of rows: values on paper, any kind of key, what was not given, two units for one key, threads, memory. */
#include "pc_made.h"
#include "pc_parallel.h"
#include "pc_test.h"
#include "pc_units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 6 };
static const int64_t stratum[N] = {7, -3, 7, 7, -3, 5};
static const uint8_t psu[N] = {2, 9, 2, 1, 1, 1};

/* Three combinations: (7, 1) is unit 2, (7, 2) unit 0, (-3, 9) unit 1. Rows 4 and 5 have other values. */
static const int64_t strata[3] = {7, 7, -3}, psus[3] = {1, 2, 9}, unit[3] = {2, 0, 1};
static const uint32_t expected[N] = {0, 1, 0, 2, 3, 3};

static pc_units *make(pc_context *ctx, pc_made made[2])
{
    const pc_column *keys[2] = {pc_make_array(&made[0], PC_INT64, stratum, N),
                                pc_make_array(&made[1], PC_UINT8, psu, N)};
    const int64_t *values[2] = {strata, psus};
    return pc_units_new(ctx, 2, keys, 3, values, unit, 3);
}

static void rows_have_the_unit_of_their_combination(void)
{
    pc_context ctx;
    pc_made made[2];
    uint32_t code[N];
    int64_t ordinal[N], low = INT64_MAX, high = INT64_MIN;
    uint8_t valid[N];
    pc_context_init(&ctx);
    pc_units *units = make(&ctx, made);
    if (!EXPECT(units != NULL)) return;
    const pc_column *column = pc_units_column(units);
    EXPECT(column->n == N && pc_type_is_integer(column->type) && !pc_column_is_complete(column));
    EXPECT(pc_column_load_code(column, 0, N, 0, 3, 0, code) == 2);
    EXPECT(memcmp(code, expected, sizeof code) == 0);
    EXPECT(pc_column_load_code(column, 1, 4, 0, 3, 0, code) == 1 && memcmp(code, expected + 1, 4 * sizeof *code) == 0);
    pc_column_load_ordinal(column, 0, N, ordinal, valid);
    for (int64_t i = 0; i < N; i++)
        EXPECT(valid[i] == (expected[i] < 3) && ordinal[i] == (valid[i] ? (int64_t)expected[i] : 0));
    EXPECT(pc_column_range(column, 0, N, &low, &high) == 0 && low == 0 && high == 2);
    EXPECT(pc_column_address(column, 0) == NULL);
    pc_units_free(&ctx, units);
}

/* The column as any other: digits of a number, words, reals, flags. */
static void a_column_of_units_can_be_read_like_any_other(void)
{
    pc_context ctx;
    pc_made made[2];
    uint32_t code[N] = {100, 100, 100, 100, 100, 100};
    double real[N];
    uint8_t flag[N];
    pc_word word[N];
    int64_t bad_row = 0;
    pc_context_init(&ctx);
    pc_units *units = make(&ctx, made);
    if (!EXPECT(units != NULL)) return;
    const pc_column *column = pc_units_column(units);
    EXPECT(pc_column_load_code(column, 0, N, 1, 2, 10, code) == 4); /* units 1 and 2 only, times 10 */
    EXPECT(code[0] == 120 && code[1] == 100 && code[3] == 110 && code[4] == 120);
    pc_column_load_real(column, 0, N, real);
    pc_column_load_flag(column, 0, N, flag);
    EXPECT(pc_column_load_word(column, 0, N, word, &bad_row) == PC_OK);
    EXPECT(real[1] == 1.0 && real[3] == 2.0 && isnan(real[4]));
    EXPECT(flag[0] == 0 && flag[1] == 1 && flag[3] == PC_FLAG_BAD && flag[4] == PC_FLAG_MISSING);
    EXPECT(word[3].a == 2 && !pc_word_is_missing(word[3]) && pc_word_is_missing(word[4]));
    pc_units_free(&ctx, units);
}

/* Text, float and integers far apart go by dictionaries; of text and float a row stands for the value. */
static void keys_of_any_kind_tell_units_apart(void)
{
    static const char bytes[] = "a long name of a placeaba long name of a place";
    static const int32_t offset[N + 1] = {0, 22, 23, 24, 46, 46, 46};
    static const double real[N] = {1.5, 0.0, 1.5, 1.5, -0.0, (double)NAN};
    static const uint64_t far[N] = {UINT64_MAX, 3, 3, UINT64_MAX, 3, 3};
    static const int64_t rows[4] = {0, 1, 2, 4}, numbers[4] = {-1, 3, 3, 3}, own[4] = {5, 6, 7, 4};
    static const uint32_t right[N] = {5, 6, 7, 5, 4, 8};
    pc_context ctx;
    pc_made made[3];
    uint32_t code[N];
    pc_context_init(&ctx);
    const pc_column *keys[3] = {pc_make_array(&made[0], PC_TEXT32, offset, N),
                                pc_make_array(&made[1], PC_FLOAT64, real, N),
                                pc_make_array(&made[2], PC_UINT64, far, N)};
    made[0].chunk.bytes = (const uint8_t *)bytes;
    made[0].chunk.n_bytes = sizeof bytes - 1;
    const int64_t *values[3] = {rows, rows, numbers};
    pc_units *units = pc_units_new(&ctx, 3, keys, 4, values, own, 8);
    if (!EXPECT(units != NULL)) return;
    EXPECT(pc_column_load_code(pc_units_column(units), 0, N, 0, 8, 0, code) == 1);
    EXPECT(memcmp(code, right, sizeof code) == 0); /* row 4: empty text and -0.0; row 5: NaN */
    pc_units_free(&ctx, units);
}

/* The same units from integers near each other, by a table, and from the same ones far apart, by dictionaries: in
 * several blocks, and with numbers that no row has. */
static void table_and_dictionaries_give_the_same(void)
{
    enum { ROWS = 5000, UNITS = 40 };
    static int64_t near[2][ROWS], far[2][ROWS], value[2][2][UNITS], number[UNITS];
    static uint32_t code[2][ROWS];
    pc_draws draws = {5};
    pc_context ctx;
    int64_t n_none[2] = {0, 0}, n_expected = 0;
    pc_context_init(&ctx);
    for (int64_t i = 0; i < ROWS; i++) {
        for (int k = 0; k < 2; k++) near[k][i] = pc_draw_below(&draws, 8);
        for (int k = 0; k < 2; k++) far[k][i] = near[k][i] * ((int64_t)1 << 50) - 7;
        n_expected += near[0][i] >= 5;
    }
    for (int64_t c = 0; c < UNITS; c++) {
        number[c] = (c * 7 + 3) % UNITS;
        value[0][0][c] = c % 5;
        value[0][1][c] = c / 5;
        for (int k = 0; k < 2; k++) value[1][k][c] = value[0][k][c] * ((int64_t)1 << 50) - 7;
    }
    for (int way = 0; way < 2; way++) {
        pc_made made[2];
        const pc_column *keys[2];
        for (int k = 0; k < 2; k++) keys[k] = pc_make_array(&made[k], PC_INT64, way ? far[k] : near[k], ROWS);
        const int64_t *values[2] = {value[way][0], value[way][1]};
        pc_units *units = pc_units_new(&ctx, 2, keys, UNITS, values, number, UNITS);
        if (!EXPECT(units != NULL)) return;
        for (int64_t row = 0; row < ROWS; row += PC_BLOCK)
            n_none[way] += pc_column_load_code(pc_units_column(units), row,
                                               ROWS - row < PC_BLOCK ? ROWS - row : PC_BLOCK, 0, UNITS, 0,
                                               code[way] + row);
        pc_units_free(&ctx, units);
    }
    EXPECT(n_expected > 1000 && n_none[0] == n_expected && n_none[1] == n_expected);
    EXPECT(memcmp(code[0], code[1], sizeof code[0]) == 0);
    for (int64_t i = 0; i < ROWS; i++)
        EXPECT(code[0][i] == (near[0][i] < 5 ? (uint32_t)number[near[0][i] + 5 * near[1][i]] : UNITS));
}

static void a_combination_may_stand_twice_with_one_unit_only(void)
{
    static const int64_t value[3] = {1, 9, 1}, far[3] = {1, (int64_t)1 << 40, 1};
    static const int64_t same[3] = {0, 1, 0}, other[3] = {0, 1, 1};
    const int64_t *const values[2] = {value, far};
    pc_context ctx;
    pc_made made;
    pc_context_init(&ctx);
    const pc_column *key = pc_make_array(&made, PC_UINT8, psu, N);
    const pc_column *wide = pc_make_array(&made, PC_INT64, stratum, N);
    for (int way = 0; way < 2; way++) {
        const pc_column *keys[1] = {way ? wide : key};
        pc_units *units = pc_units_new(&ctx, 1, keys, 3, values + way, same, 2);
        EXPECT(units != NULL);
        pc_units_free(&ctx, units);
        EXPECT(pc_units_new(&ctx, 1, keys, 3, values + way, other, 2) == NULL);
        EXPECT(ctx.error.status == PC_ERR_GROUP && ctx.error.index == 2);
    }
}

static pc_status refusal(int64_t n_keys, const pc_column *const *keys, int64_t n, const int64_t *value,
                         const int64_t *number, int64_t n_units)
{
    const int64_t *values[9] = {value, value, value, value, value, value, value, value, value};
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_units_new(&ctx, n_keys, keys, n, values, number, n_units) == NULL);
    EXPECT(atomic_load(&ctx.memory.n_blocks) == 0);
    return ctx.error.status;
}

static void what_makes_no_sense_is_refused(void)
{
    static const double real[N] = {0};
    static const int64_t value[2] = {1, 2}, number[2] = {0, 1}, beyond[2] = {0, N}, below[2] = {-1, 0};
    static const int32_t bad_offset[N + 1] = {0, 99, 99, 99, 99, 99, 99};
    const pc_column *keys[9], *shorter[2];
    pc_made made[9];
    for (int k = 0; k < 9; k++) keys[k] = pc_make_array(&made[k], PC_INT64, stratum, N);
    EXPECT(refusal(0, keys, 2, value, number, 2) == PC_ERR_LIMIT);
    EXPECT(refusal(9, keys, 2, value, number, 2) == PC_ERR_LIMIT);
    EXPECT(refusal(1, keys, 2, value, number, 1) == PC_ERR_GROUP);
    EXPECT(refusal(1, keys, 2, value, below, 2) == PC_ERR_GROUP);
    EXPECT(refusal(1, keys, 2, value, number, (int64_t)INT32_MAX + 1) == PC_ERR_LIMIT);
    shorter[0] = keys[0];
    shorter[1] = pc_make_array(&made[1], PC_INT64, stratum, N - 1);
    EXPECT(refusal(2, shorter, 2, value, number, 2) == PC_ERR_LENGTH);
    keys[0] = pc_make_array(&made[0], PC_FLOAT64, real, N);
    EXPECT(refusal(1, keys, 2, beyond, number, 2) == PC_ERR_GROUP);
    EXPECT(refusal(1, keys, 2, below, number, 2) == PC_ERR_GROUP);
    keys[0] = pc_make_array(&made[0], PC_TEXT32, bad_offset, N);
    EXPECT(refusal(1, keys, 1, number, number, 2) == PC_ERR_VALUE);
}

static void no_combination_gives_no_row_a_unit(void)
{
    static const double real[N] = {0};
    pc_context ctx;
    pc_made made;
    uint32_t code[N];
    int64_t low = INT64_MAX, high = INT64_MIN;
    pc_context_init(&ctx);
    for (int way = 0; way < 2; way++) {
        const pc_column *key = way ? pc_make_array(&made, PC_FLOAT64, real, N)
                                   : pc_make_array(&made, PC_INT64, stratum, N);
        const int64_t *values[1] = {strata};
        pc_units *units = pc_units_new(&ctx, 1, &key, 0, values, unit, 0);
        if (!EXPECT(units != NULL)) return;
        EXPECT(pc_column_load_code(pc_units_column(units), 0, N, 0, 0, 0, code) == N);
        EXPECT(pc_column_range(pc_units_column(units), 0, N, &low, &high) == 0 && low > high);
        pc_units_free(&ctx, units);
    }
}

typedef struct reading {
    const pc_column *column;
    _Atomic int64_t n_wrong;
} reading;

static pc_status read_all(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    reading *job = arg;
    uint32_t code[N];
    (void)worker, (void)task, (void)err;
    pc_column_load_code(job->column, 0, N, 0, 3, 0, code);
    job->n_wrong += memcmp(code, expected, sizeof code) != 0;
    return PC_OK;
}

static void threads_read_the_same_units(void)
{
    pc_context ctx;
    pc_made made[2];
    reading job = {NULL, 0};
    pc_context_init(&ctx);
    pc_units *units = make(&ctx, made);
    if (!EXPECT(units != NULL)) return;
    job.column = pc_units_column(units);
    EXPECT(pc_parallel_run(&ctx, 4, 200, read_all, &job) == PC_OK && job.n_wrong == 0);
    pc_units_free(&ctx, units);
}

static pc_status make_both(pc_context *ctx, void *arg)
{
    static const double real[N] = {0, 1, 2, 3, 4, 5};
    static const int64_t rows[N] = {0, 1, 2, 3, 4, 5};
    pc_made made[2], single;
    (void)arg;
    pc_units *units = make(ctx, made);
    if (units == NULL) return ctx->error.status;
    pc_units_free(ctx, units);
    const pc_column *key = pc_make_array(&single, PC_FLOAT64, real, N), *keys[2] = {key, key};
    const int64_t *values[2] = {rows, rows};
    units = pc_units_new(ctx, 2, keys, N, values, rows, N);
    if (units == NULL) return ctx->error.status;
    pc_units_free(ctx, units);
    return PC_OK;
}

static void memory_that_runs_out_is_reported_and_given_back(void)
{
    pc_context ctx;
    pc_context_init(&ctx);
    EXPECT(pc_test_failing_allocator(&ctx, make_both, NULL) == 10);
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(rows_have_the_unit_of_their_combination),
        CLAIM(a_column_of_units_can_be_read_like_any_other),
        CLAIM(keys_of_any_kind_tell_units_apart),
        CLAIM(table_and_dictionaries_give_the_same),
        CLAIM(a_combination_may_stand_twice_with_one_unit_only),
        CLAIM(what_makes_no_sense_is_refused),
        CLAIM(no_combination_gives_no_row_a_unit),
        CLAIM(threads_read_the_same_units),
        CLAIM(memory_that_runs_out_is_reported_and_given_back),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
