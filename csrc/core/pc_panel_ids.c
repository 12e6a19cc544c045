#include "pc_panel_ids.h"

#include "pc_parallel.h"

#include <stdatomic.h>

enum { SERIAL_ROWS = 200000, RANGE_TASKS = 64 };

/* ---- ranges ---------------------------------------------------------------------------------- */

typedef struct range_job {
    const pc_column *column;
    int64_t low[RANGE_TASKS], high[RANGE_TASKS];
} range_job;

static pc_status range_of_share(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    range_job *job = arg;
    const int64_t n = job->column->n, blocks = (n + PC_BLOCK - 1) / PC_BLOCK;
    const int64_t end = blocks * (task + 1) / RANGE_TASKS * PC_BLOCK;
    job->low[task] = INT64_MAX;
    job->high[task] = INT64_MIN;
    for (int64_t row = blocks * task / RANGE_TASKS * PC_BLOCK; row < end && row < n; row += PC_BLOCK) {
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        pc_column_range(job->column, row, n - row < PC_BLOCK ? n - row : PC_BLOCK,
                        &job->low[task], &job->high[task]);
    }
    return PC_OK;
}

pc_status pc_panel_range(pc_context *ctx, int64_t n_columns, const pc_column *const *columns,
                         int64_t *low, int64_t *high)
{
    *low = INT64_MAX;
    *high = INT64_MIN;
    for (int64_t k = 0; k < n_columns; k++) {
        range_job job = {.column = columns[k]};
        if (!pc_type_is_integer(columns[k]->type))
            return pc_context_fail(ctx, PC_ERR_TYPE, "column", k, -1, "is not of integers");
        const int n_threads = columns[k]->n < SERIAL_ROWS ? 1 : ctx->n_threads;
        const pc_status status = pc_parallel_run(ctx, n_threads, RANGE_TASKS, range_of_share, &job);
        if (status != PC_OK) return status;
        for (int64_t t = 0; t < RANGE_TASKS; t++) {
            if (job.low[t] < *low) *low = job.low[t];
            if (job.high[t] > *high) *high = job.high[t];
        }
    }
    return PC_OK;
}

/* ---- how ids are read ------------------------------------------------------------------------ */

static bool is_real(pc_type type)
{
    return type == PC_FLOAT32 || type == PC_FLOAT64;
}

static bool are_alike(pc_type x, pc_type y)
{
    return (pc_type_is_integer(x) && pc_type_is_integer(y)) || (is_real(x) && is_real(y)) ||
           (pc_type_is_text(x) && pc_type_is_text(y));
}

static pc_status check_columns(pc_context *ctx, const pc_panel_side *side)
{
    for (int64_t k = 0; k < side->n_ids; k++)
        if (side->ids[k].column->n != side->n)
            return pc_context_fail(ctx, PC_ERR_LENGTH, side->ids_name, k, -1,
                                   "has another number of rows than the data");
    for (int64_t k = 0; k <= side->n_digits; k++) {
        const pc_panel_digit *digit = k < side->n_digits ? &side->digits[k] : &side->state;
        if (digit->column == NULL) continue;
        if (digit->column->n != side->n)
            return pc_context_fail(ctx, PC_ERR_LENGTH, side->keys_name, k, -1,
                                   "has another number of rows than the data");
        if (!pc_type_is_integer(digit->column->type))
            return pc_context_fail(ctx, PC_ERR_TYPE, side->keys_name, k, -1, "is not of integers");
    }
    if (side->period != NULL && side->period->n != side->n)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "period", -1, -1,
                               "has another number of rows than the data");
    if (side->period != NULL && !pc_type_is_integer(side->period->type))
        return pc_context_fail(ctx, PC_ERR_TYPE, "period", -1, -1, "is not of integers");
    return PC_OK;
}

/* Several integers become one number where their ranges allow it. */
static pc_status plan_several(pc_context *ctx, const pc_panel_side side[2], pc_panel_plan *plan)
{
    uint64_t scale = 1;
    plan->kind = PC_PANEL_HASH;
    for (int64_t k = side[0].n_ids - 1; k >= 0; k--) {
        const pc_column *both[2] = {side[0].ids[k].column, side[1].ids[k].column};
        int64_t high;
        const bool is_mixed = (both[0]->type == PC_UINT64) != (both[1]->type == PC_UINT64);
        if (!pc_type_is_integer(both[0]->type) || is_mixed) return PC_OK;
        const pc_status status = pc_panel_range(ctx, 2, both, &plan->low[k], &high);
        if (status != PC_OK) return status;
        if (plan->low[k] > high) plan->low[k] = high = 0;
        const uint64_t width = (uint64_t)high - (uint64_t)plan->low[k];
        if (width >= ((uint64_t)INT64_MAX - 1) / scale) return PC_OK;
        plan->scale[k] = scale;
        scale *= width + 1;
    }
    plan->kind = PC_PANEL_NUMBER;
    plan->n_numbers = scale;
    return PC_OK;
}

pc_status pc_panel_plan_ids(pc_context *ctx, const pc_panel_side side[2], pc_panel_plan *plan)
{
    for (int s = 0; s < 2; s++) {
        const pc_status status = check_columns(ctx, &side[s]);
        if (status != PC_OK) return status;
    }
    const int64_t n_ids = side[0].n_ids;
    if (n_ids != side[1].n_ids || n_ids < 1 || n_ids > PC_PANEL_MOST_IDS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, side[0].ids_name, -1, -1,
                               "has no column, too many, or another number than the other side");
    for (int64_t k = 0; k < n_ids; k++) {
        const pc_type x = side[0].ids[k].column->type, y = side[1].ids[k].column->type;
        if (!are_alike(x, y))
            return pc_context_fail(ctx, PC_ERR_TYPE, side[1].ids_name, k, -1,
                                   "is of another kind than in the earlier period");
        plan->may_need_bytes = plan->may_need_bytes || pc_type_is_text(x);
    }
    if (n_ids > 1) return plan_several(ctx, side, plan);
    const pc_type x = side[0].ids[0].column->type, y = side[1].ids[0].column->type;
    const bool is_number = pc_type_is_integer(x) && (x == PC_UINT64) == (y == PC_UINT64);
    plan->kind = is_number ? PC_PANEL_NUMBER : PC_PANEL_WORD;
    plan->low[0] = 0;
    plan->scale[0] = 1;
    return PC_OK;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static pc_status fail_missing(const char *name, int64_t which, int64_t row, pc_error *err)
{
    return pc_fail(err, PC_ERR_MISSING, name, which, row, "is missing");
}

/* The rows of the block that belong to the side. */
static void find_rows(const pc_panel_side *side, int64_t row, int64_t n, pc_panel_block *block)
{
    if (side->period == NULL) {
        for (int64_t i = 0; i < n; i++) block->at[i] = (int32_t)i;
        block->n = n;
        return;
    }
    int64_t value[PC_BLOCK], m = 0;
    uint8_t valid[PC_BLOCK];
    pc_column_load_ordinal(side->period, row, n, value, valid);
    for (int64_t i = 0; i < n; i++) {
        block->at[m] = (int32_t)i;
        m += valid[i] && value[i] == side->value;
    }
    block->n = m;
}

/* Smallest missing row of the side's in this column; -1: none is. */
static int64_t first_missing(const pc_panel_id *id, const pc_panel_block *block, const int64_t *value,
                             const uint8_t *valid)
{
    if (pc_column_is_complete(id->column) && !id->has_missing_code) return -1;
    for (int64_t j = 0; j < block->n; j++) {
        const int32_t i = block->at[j];
        if (!valid[i] || (id->has_missing_code && value[i] == id->missing_code)) return i;
    }
    return -1;
}

static pc_status load_numbers(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row,
                              int64_t n, pc_panel_block *block, pc_error *err)
{
    int64_t scratch[PC_BLOCK];
    uint8_t valid[PC_BLOCK];
    const bool is_as_loaded = side->n_ids == 1 && block->n == n;
    int64_t *value = is_as_loaded ? (int64_t *)block->a : scratch;
    for (int64_t k = 0; k < side->n_ids; k++) {
        const uint64_t scale = plan->scale[k], low = (uint64_t)plan->low[k];
        pc_column_load_ordinal(side->ids[k].column, row, n, value, valid);
        const int64_t gap = first_missing(&side->ids[k], block, value, valid);
        if (gap >= 0) return fail_missing(side->ids_name, k, row + gap, err);
        for (int64_t j = 0; !is_as_loaded && j < block->n; j++) {
            const uint64_t digit = scale * ((uint64_t)value[block->at[j]] - low);
            block->a[j] = k == 0 ? digit : block->a[j] + digit;
        }
    }
    return PC_OK;
}

/* Words of one column; integers of any two types are equal as numbers. */
static pc_status load_words(const pc_panel_side *side, int64_t k, int64_t row, int64_t n,
                            pc_word *word, pc_error *err)
{
    const pc_panel_id *id = &side->ids[k];
    int64_t bad = row;
    const pc_status status = pc_column_load_word(id->column, row, n, word, &bad);
    if (status != PC_OK)
        return pc_fail(err, status, side->ids_name, k, bad, "holds a text that lies outside its buffers");
    if (!pc_type_is_integer(id->column->type)) return PC_OK;
    for (int64_t i = 0; i < n; i++) {
        if (pc_word_is_missing(word[i])) continue;
        if (id->has_missing_code && (int64_t)word[i].a == id->missing_code)
            word[i] = pc_word_missing();
        else if (id->column->type == PC_UINT64) {
            word[i].a ^= PC_TOP_BIT;
            word[i].b = word[i].a >> 63;
        }
    }
    return PC_OK;
}

static uint64_t mixed(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static pc_status load_hashes(const pc_panel_side *side, int64_t row, int64_t n, bool is_one,
                             pc_panel_block *block, pc_error *err)
{
    pc_word word[PC_BLOCK];
    for (int64_t k = 0; k < side->n_ids; k++) {
        const pc_status status = load_words(side, k, row, n, word, err);
        if (status != PC_OK) return status;
        for (int64_t j = 0; j < block->n; j++) {
            const pc_word w = word[block->at[j]];
            if (pc_word_is_missing(w))
                return fail_missing(side->ids_name, k, row + block->at[j], err);
            if (is_one) {
                block->a[j] = w.a;
                block->b[j] = w.b;
                continue;
            }
            const uint64_t a = k == 0 ? 0x9E3779B97F4A7C15u : block->a[j];
            const uint64_t b = k == 0 ? 0x7F4A7C159E3779B9u : block->b[j];
            block->a[j] = mixed(mixed(a, w.a), w.b);
            block->b[j] = mixed(mixed(b, w.b), w.a + 1);
        }
    }
    return PC_OK;
}

/* The digits of one column, times their scale; -1, or the first row of the side that is missing. */
static int64_t load_digit(const pc_panel_digit *digit, const pc_panel_block *block, int64_t row,
                          int64_t n, uint32_t *out)
{
    const int64_t n_outside =
        pc_column_load_code(digit->column, row, n, digit->low, digit->count, 0, out);
    if (n_outside > 0)
        for (int64_t j = 0; j < block->n; j++)
            if (out[block->at[j]] == digit->count) return block->at[j];
    if (digit->map != NULL)
        for (int64_t i = 0; i < n; i++) out[i] = out[i] < digit->count ? digit->map[out[i]] : 0;
    return -1;
}

static pc_status load_groups(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row,
                             int64_t n, uint32_t *group, const pc_panel_block *block, pc_error *err)
{
    uint32_t digit[PC_BLOCK];
    const uint32_t most = (uint32_t)plan->n_groups - 1;
    for (int64_t i = 0; i < n; i++) group[i] = 0;
    for (int64_t k = 0; k < side->n_digits; k++) {
        const int64_t gap = load_digit(&side->digits[k], block, row, n, digit);
        if (gap >= 0) return fail_missing(side->keys_name, k, row + gap, err);
        for (int64_t i = 0; i < n; i++) group[i] += side->digits[k].scale * digit[i];
    }
    for (int64_t i = 0; i < n; i++) group[i] = group[i] < most ? group[i] : most;
    return PC_OK;
}

static pc_status load_codes(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row,
                            int64_t n, pc_panel_block *block, pc_error *err)
{
    uint32_t group[PC_BLOCK], state[PC_BLOCK];
    const pc_panel_digit *own = &side->state;
    const uint32_t missing = (uint32_t)plan->n_states;
    if (side->n_digits > 0) {
        const pc_status status = load_groups(plan, side, row, n, group, block, err);
        if (status != PC_OK) return status;
    }
    if (side->n_digits == 0 && block->n == n && own->map == NULL && own->count == missing) {
        pc_column_load_code(own->column, row, n, own->low, own->count, 0, block->code);
        return PC_OK;
    }
    pc_column_load_code(own->column, row, n, own->low, own->count, 0, state);
    if (own->map != NULL)
        for (int64_t i = 0; i < n; i++)
            state[i] = state[i] < own->count ? own->map[state[i]] : missing;
    for (int64_t i = 0; i < n; i++) state[i] = state[i] < missing ? state[i] : missing;
    if (side->n_digits == 0 && block->n == n) {
        memcpy(block->code, state, (size_t)n * sizeof *state);
        return PC_OK;
    }
    for (int64_t j = 0; j < block->n; j++) {
        const int32_t i = block->at[j];
        block->code[j] = (side->n_digits > 0 ? group[i] << plan->state_bits : 0) | state[i];
    }
    return PC_OK;
}

pc_status pc_panel_load(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row, int64_t n,
                        bool with_codes, pc_panel_block *block, pc_error *err)
{
    find_rows(side, row, n, block);
    if (block->n == 0) return PC_OK;
    const pc_status status =
        plan->kind == PC_PANEL_NUMBER
            ? load_numbers(plan, side, row, n, block, err)
            : load_hashes(side, row, n, plan->kind == PC_PANEL_WORD, block, err);
    if (status != PC_OK || !with_codes || !plan->has_counts) return status;
    return load_codes(plan, side, row, n, block, err);
}

static void fetch_column(const pc_sum_kernels *kernels, const pc_column *column, int64_t row, int64_t n)
{
    if (column == NULL || column->n_chunks != 1 || pc_type_size(column->type) == 0) return;
    const pc_chunk *chunk = &column->chunks[0];
    if (chunk->stride != (int64_t)pc_type_size(column->type)) return;
    kernels->fetch((const char *)chunk->data + row * chunk->stride, n * chunk->stride);
}

void pc_panel_fetch(const pc_sum_kernels *kernels, const pc_panel_side *side, int64_t row, int64_t n)
{
    const int64_t left = side->n - row;
    if (left <= 0) return;
    if (left < n) n = left;
    for (int64_t k = 0; k < side->n_ids; k++) fetch_column(kernels, side->ids[k].column, row, n);
    for (int64_t k = 0; k < side->n_digits; k++)
        fetch_column(kernels, side->digits[k].column, row, n);
    fetch_column(kernels, side->state.column, row, n);
}

bool pc_panel_same(const pc_panel_side *x, int64_t row_x, const pc_panel_side *y, int64_t row_y)
{
    for (int64_t k = 0; k < x->n_ids; k++) {
        pc_word u, v;
        if (load_words(x, k, row_x, 1, &u, NULL) != PC_OK) return false;
        if (load_words(y, k, row_y, 1, &v, NULL) != PC_OK) return false;
        if (u.a != v.a || u.b != v.b) return false;
        if ((u.bytes == NULL) != (v.bytes == NULL)) return false;
        if (u.bytes != NULL && memcmp(u.bytes, v.bytes, (size_t)pc_word_length(u)) != 0) return false;
    }
    return true;
}
