#include "pc_total_state.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STRIP_NUMBERS = 2048 }; /* numbers of record rows that are made at a time */

pc_status pc_total_out_of_memory(pc_error *err)
{
    return pc_fail(err, PC_ERR_MEMORY, "total", -1, -1, "out of memory");
}

pc_status pc_total_make_room(pc_context *ctx, const pc_total *total, const pc_group *group,
                             pc_total_lane *lane, int64_t n_codes, pc_error *err)
{
    const int64_t stride = total->layout.stride;
    const bool is_table = group->scheme.is_table;
    int64_t room = n_codes;
    double *table = NULL;
    uint8_t *seen = NULL;

    if (n_codes <= lane->room && lane->table != NULL) return PC_OK;
    if (!is_table && room < lane->room * 3 / 2) room = lane->room * 3 / 2;
    if (!is_table && room < 16 && !total->plan.has_profile) room = 16;
    if (total->plan.has_profile && n_codes > pc_total_profile_bytes / (stride * 8))
        return pc_fail(err, PC_ERR_LIMIT, "total", -1, -1, "has too many groups for a profile");
    if (room >= INT32_MAX / total->layout.n_copies)
        return pc_fail(err, PC_ERR_LIMIT, "total", -1, -1, "has too many groups");
    table = pc_alloc_zeroed(&ctx->memory, room + 1, (size_t)stride * sizeof *table);
    if (table == NULL) return pc_total_out_of_memory(err);
    if (is_table && total->plan.has_where) {
        seen = pc_alloc_zeroed(&ctx->memory, room, 1);
        if (seen == NULL) {
            pc_free(&ctx->memory, table);
            return pc_total_out_of_memory(err);
        }
    }
    if (lane->table != NULL)
        memcpy(table, lane->table, (size_t)((lane->room + 1) * stride) * sizeof *table);
    pc_free(&ctx->memory, lane->table);
    pc_free(&ctx->memory, lane->seen);
    lane->table = table;
    lane->seen = seen;
    lane->room = room;
    return PC_OK;
}

/* ---- weights and domain ---------------------------------------------------------------------- */

static pc_status fail_amount(const char *argument, double amount, int64_t row, pc_error *err)
{
    char message[80];
    const char *fault = isnan(amount) ? "missing" : amount < 0 ? "negative" : "infinite";
    snprintf(message, sizeof message, "is %s; %ss must be finite and >= 0", fault, argument);
    return pc_fail(err, isnan(amount) ? PC_ERR_MISSING : PC_ERR_VALUE, argument, -1, row, message);
}

static pc_status check_amounts(const pc_total_block *b, const char *argument, const double *amount,
                               pc_error *err)
{
    if (!b->kernels->check(b->n, amount)) return PC_OK;
    for (int64_t i = 0; i < b->n; i++)
        if (!(amount[i] >= 0.0 && amount[i] <= DBL_MAX))
            return fail_amount(argument, amount[i], b->row + i, err);
    return pc_fail(err, PC_ERR_VALUE, argument, -1, b->row, "changed while it was being read");
}

/* weight x size; each is checked on what was read. */
static pc_status load_weights(pc_total_block *b, pc_error *err)
{
    const pc_rows *rows = b->rows;
    double size[PC_BLOCK];
    pc_status status = PC_OK;
    b->u = b->weight;
    if (rows->weight == NULL)
        for (int64_t i = 0; i < b->n; i++) b->weight[i] = 1.0;
    else b->u = pc_column_real(rows->weight, b->row, b->n, b->weight);
    if (rows->weight != NULL) status = check_amounts(b, "weight", b->u, err);
    if (status != PC_OK || rows->size == NULL) return status;
    pc_column_load_real(rows->size, b->row, b->n, size);
    status = check_amounts(b, "size", size, err);
    for (int64_t i = 0; i < b->n; i++) b->weight[i] = b->u[i] * size[i];
    b->u = b->weight;
    if (status == PC_OK && b->kernels->check(b->n, b->u))
        return pc_fail(err, PC_ERR_VALUE, "weight", -1, b->row, "times size is infinite");
    return status;
}

/* Rows outside the domain go to record 0, group c to record c + 1. */
static pc_status apply_domain(pc_total_block *b, pc_error *err)
{
    uint8_t inside[PC_BLOCK];
    if (b->rows->where == NULL) {
        for (int64_t i = 0; i < b->n; i++) b->code[i]++;
        return PC_OK;
    }
    pc_column_load_flag(b->rows->where, b->row, b->n, inside);
    for (int64_t i = 0; i < b->n; i++) {
        if (inside[i] == PC_FLAG_BAD)
            return pc_fail(err, PC_ERR_VALUE, "where", -1, b->row + i, "is neither 0 nor 1");
        if (b->lane->seen != NULL) b->lane->seen[b->code[i]] = 1;
        b->lane->where_missing += inside[i] == PC_FLAG_MISSING;
        b->code[i] = inside[i] == 1 ? b->code[i] + 1 : 0;
    }
    return PC_OK;
}

/* From records to their copies: the row's position alone says which. */
static void take_turns(pc_total_block *b)
{
    const uint32_t n_copies = (uint32_t)b->total->layout.n_copies;
    const uint32_t first = (uint32_t)((b->total->n_rows + b->row) % n_copies);
    if (n_copies == 1) return;
    for (int64_t i = 0; i < b->n; i++)
        b->code[i] = b->code[i] * n_copies + ((first + (uint32_t)i) & (n_copies - 1));
}

/* ---- flags that cannot be missing: cells ----------------------------------------------------- */

static void set_anchor(pc_total_block *b)
{
    for (int64_t i = 0; b->lane->anchor == 0 && i < b->n; i++)
        if (b->u[i] > 0 && b->u[i] <= DBL_MAX) b->lane->anchor = pc_sum_anchor(b->u[i]);
}

static pc_status fail_flag(const pc_total_block *b, int64_t j, const uint8_t *flag, pc_error *err)
{
    for (int64_t i = 0; i < b->n; i++)
        if (flag[i] > 1)
            return pc_fail(err, PC_ERR_VALUE, "flag", j, b->row + i, "is neither 0 nor 1");
    return pc_fail(err, PC_ERR_VALUE, "flag", j, b->row, "changed while it was being read");
}

/* Flags first .. first+n_flags-1 of the block as numbers of as many bits. */
static pc_status pack_flags(const pc_total_block *b, int64_t first, int64_t n_flags, uint8_t *bits,
                            pc_error *err)
{
    uint8_t scratch[8][PC_BLOCK];
    const uint8_t *flag[8] = {NULL};
    for (int64_t j = 0; j < n_flags; j++) {
        flag[j] = pc_column_flag(b->rows->flags[first + j], b->row, b->n, scratch[j]);
        if (flag[j] != scratch[j]) b->kernels->fetch(flag[j] + b->n, PC_BLOCK);
    }
    if (b->kernels->pack(b->n, n_flags, flag, bits) <= 1) return PC_OK;
    for (int64_t j = 0; j < n_flags; j++)
        if (b->kernels->pack(b->n, 1, &flag[j], bits) > 1)
            return fail_flag(b, first + j, flag[j], err);
    return pc_fail(err, PC_ERR_VALUE, "flag", -1, b->row, "changed while it was being read");
}

static pc_status add_profile(pc_total_block *b, pc_error *err)
{
    const int64_t n_flags = b->total->layout.n_flags, n_low = n_flags < 8 ? n_flags : 8;
    uint8_t low[PC_BLOCK], high[PC_BLOCK];
    double split[2 * PC_BLOCK];
    pc_status status = pack_flags(b, 0, n_low, low, err);
    if (status == PC_OK) status = pack_flags(b, n_low, n_flags - n_low, high, err);
    if (status != PC_OK) return status;
    set_anchor(b);
    b->kernels->split(b->n, b->u, b->lane->anchor, split);
    b->kernels->add_profile(b->n, b->code, low, high, split, b->total->layout.copy, b->lane->table);
    return PC_OK;
}

static pc_status add_cells(pc_total_block *b, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    uint8_t bits[PC_BLOCK];
    double split[2 * PC_BLOCK];

    set_anchor(b);
    b->kernels->split(b->n, b->u, b->lane->anchor, split);
    for (int64_t p = 0; p < layout->n_parts; p++) {
        const int64_t n_flags = pc_record_flags_in_part(layout, p);
        const pc_status status = pack_flags(b, p * layout->bits, n_flags, bits, err);
        if (status != PC_OK) return status;
        b->kernels->add_part(b->n, b->code, bits, split, layout->copy,
                             pc_record_first_of_part(layout, p), p == 0, b->lane->table);
    }
    return PC_OK;
}

/* ---- any scores: sums ------------------------------------------------------------------------ */

static pc_status load_score(const char *argument, int64_t which, const pc_column *column,
                            int64_t row, int64_t n, double *value, pc_error *err)
{
    pc_column_load_real(column, row, n, value);
    for (int64_t i = 0; i < n; i++)
        if (isinf(value[i]))
            return pc_fail(err, PC_ERR_VALUE, argument, which, row + i, "is infinite");
    return PC_OK;
}

static pc_status load_flag_score(const pc_total_block *b, int64_t j, int64_t row, int64_t n,
                                 double *value, pc_error *err)
{
    uint8_t flag[PC_BLOCK];
    pc_column_load_flag(b->rows->flags[j], row, n, flag);
    for (int64_t i = 0; i < n; i++) {
        if (flag[i] == PC_FLAG_BAD)
            return pc_fail(err, PC_ERR_VALUE, "flag", j, row + i, "is neither 0 nor 1");
        value[i] = flag[i] == PC_FLAG_MISSING ? NAN : flag[i];
    }
    return PC_OK;
}

/* Row i's numbers of one score: used, weight, weight x value(s); all 0 where a value is missing. */
static void put_score(int64_t n, const double *u, const double *first, const double *second,
                      int64_t width, double *used, double *sums)
{
    for (int64_t i = 0; i < n; i++) {
        const bool is_missing = isnan(first[i]) || (second != NULL && isnan(second[i]));
        used[i * width] = is_missing ? 0.0 : 1.0;
        used[i * width + 1] = is_missing ? 0.0 : u[i];
        sums[i * width] = is_missing ? 0.0 : u[i] * first[i];
        if (second != NULL) sums[i * width + 1] = is_missing ? 0.0 : u[i] * second[i];
    }
}

/* The numbers of rows first .. first+n-1 of the block. */
static pc_status fill_strip(const pc_total_block *b, int64_t first, int64_t n, pc_error *err)
{
    const pc_total_plan *plan = &b->total->plan;
    const int64_t width = b->total->layout.width, row = b->row + first;
    const double *u = b->u + first;
    double value[PC_BLOCK], other[PC_BLOCK];
    double *x = b->lane->strip, *used = x + 2, *sums = x + 2 + 2 * pc_total_n_scores(plan);
    pc_status status = PC_OK;

    memset(x, 0, (size_t)(n * width) * sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        x[i * width] = 1.0;
        x[i * width + 1] = u[i];
    }
    for (int64_t j = 0; status == PC_OK && j < plan->n_flags; j++, used += 2, sums++) {
        status = load_flag_score(b, j, row, n, value, err);
        if (status == PC_OK) put_score(n, u, value, NULL, width, used, sums);
    }
    for (int64_t j = 0; status == PC_OK && j < plan->n_values; j++, used += 2, sums++) {
        status = load_score("value", j, b->rows->values[j], row, n, value, err);
        if (status == PC_OK) put_score(n, u, value, NULL, width, used, sums);
    }
    for (int64_t j = 0; status == PC_OK && j < plan->n_pairs; j++, used += 2, sums += 2) {
        const pc_column *const *pair = b->rows->pairs + 2 * j;
        status = load_score("pair", 2 * j, pair[0], row, n, value, err);
        if (status == PC_OK)
            status = load_score("pair", 2 * j + 1, pair[1], row, n, other, err);
        if (status == PC_OK) put_score(n, u, value, other, width, used, sums);
    }
    return status;
}

static int64_t strip_rows(const pc_record_layout *layout)
{
    return layout->width < STRIP_NUMBERS ? STRIP_NUMBERS / layout->width : 1;
}

static pc_status add_records(pc_total_block *b, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    const int64_t most = strip_rows(layout);
    if (b->lane->strip == NULL) {
        b->lane->strip = pc_alloc(&b->ctx->memory, most * layout->width, sizeof(double));
        if (b->lane->strip == NULL) return pc_total_out_of_memory(err);
    }
    for (int64_t first = 0; first < b->n; first += most) {
        const int64_t n = b->n - first < most ? b->n - first : most;
        const pc_status status = fill_strip(b, first, n, err);
        if (status != PC_OK) return status;
        b->kernels->add_record(n, b->code + first, b->lane->strip, layout->width, b->lane->table);
    }
    return PC_OK;
}

pc_status pc_total_add_block(pc_total_block *block, pc_error *err)
{
    pc_total_block *b = block;
    pc_total *total = b->total;
    const int64_t offset = total->n_rows;
    pc_status status = pc_group_block(b->ctx, total->group, b->lane_number, b->rows->keys, b->row,
                                      b->n, offset, b->code, err);
    if (status != PC_OK) return status;
    status = pc_total_make_room(b->ctx, total, total->group, b->lane,
                                pc_group_n_codes(total->group, b->lane_number), err);
    if (status != PC_OK) return status;
    status = apply_domain(b, err);
    if (status == PC_OK) status = load_weights(b, err);
    if (status != PC_OK) return status;
    take_turns(b);
    if (total->layout.kind == PC_RECORD_PROFILE) return add_profile(b, err);
    return total->layout.kind == PC_RECORD_CELLS ? add_cells(b, err) : add_records(b, err);
}

