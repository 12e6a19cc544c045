#include "pc_pack.h"
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

void pc_total_free_lane(pc_context *ctx, pc_total_lane *lane)
{
    pc_free(&ctx->memory, lane->table);
    pc_free(&ctx->memory, lane->count);
    pc_free(&ctx->memory, lane->seen);
    pc_free(&ctx->memory, lane->kept_at);
    pc_free(&ctx->memory, lane->kept);
    pc_free(&ctx->memory, lane->strip);
    pc_free(&ctx->memory, lane->made);
    pc_free(&ctx->memory, lane->made_part);
    pc_free(&ctx->memory, lane->bits);
    pc_free(&ctx->memory, lane->part);
    memset(lane, 0, sizeof *lane);
}

/* ---- room for groups ------------------------------------------------------------------------- */

int64_t pc_total_record_bytes(const pc_record_layout *layout)
{
    const int64_t counts = layout->form == PC_RECORD_LEAN ? (int64_t)sizeof(uint16_t) : 0;
    return layout->stride * (int64_t)sizeof(double) + counts;
}

uint16_t *pc_total_count(const pc_total_lane *lane, int64_t record)
{
    return lane->count == NULL ? NULL : lane->count + record;
}

static int64_t n_slots(const pc_total *total, int64_t room)
{
    return (room + 1) * total->layout.stride / total->layout.slot;
}

/* new_n elements of which the first old_n are those of *block, the others zero; *block is replaced. */
static pc_status grow(pc_context *ctx, void **block, int64_t old_n, int64_t new_n, size_t size,
                      pc_error *err)
{
    void *grown = pc_alloc_zeroed(&ctx->memory, new_n, size);
    if (grown == NULL) return pc_total_out_of_memory(err);
    if (*block != NULL) memcpy(grown, *block, (size_t)old_n * size);
    pc_free(&ctx->memory, *block);
    *block = grown;
    return PC_OK;
}

pc_status pc_total_make_room(pc_context *ctx, const pc_total *total, const pc_group *group,
                             pc_total_lane *lane, int64_t n_codes, pc_error *err)
{
    const int64_t stride = total->layout.stride;
    const size_t record = (size_t)stride * sizeof(double);
    const bool is_table = group->scheme.is_table;
    int64_t room = n_codes;
    pc_status status = PC_OK;

    if (total->deal != NULL) return PC_OK;
    if (n_codes <= lane->room && lane->table != NULL) return PC_OK;
    if (!is_table && room < lane->room * 3 / 2) room = lane->room * 3 / 2;
    if (!is_table && room < 16 && !total->plan.has_profile) room = 16;
    if (total->plan.has_profile && n_codes > pc_total_profile_bytes / (int64_t)record)
        return pc_fail(err, PC_ERR_LIMIT, "total", -1, -1, "has too many groups for a profile");
    if (room >= UINT32_MAX / stride - 1)
        return pc_fail(err, PC_ERR_LIMIT, "total", -1, -1, "has too many groups");
    const int64_t old = lane->table == NULL ? 0 : lane->room + 1;
    status = grow(ctx, (void **)&lane->table, old, room + 1, record, err);
    if (status == PC_OK && total->layout.form == PC_RECORD_LEAN)
        status = grow(ctx, (void **)&lane->count, old, room + 1, sizeof *lane->count, err);
    if (status == PC_OK && is_table && total->plan.has_where)
        status = grow(ctx, (void **)&lane->seen, lane->room, room, 1, err);
    if (status == PC_OK && lane->kept_at != NULL)
        status = grow(ctx, (void **)&lane->kept_at, n_slots(total, lane->room),
                      n_slots(total, room), sizeof *lane->kept_at, err);
    if (status == PC_OK) lane->room = room;
    return status;
}

double *pc_total_kept(pc_context *ctx, const pc_total *total, pc_total_lane *lane, int64_t slot)
{
    const size_t size = 2 * (size_t)total->layout.kept * sizeof(double);
    if (lane->kept_at == NULL) {
        lane->kept_at =
            pc_alloc_zeroed(&ctx->memory, n_slots(total, lane->room), sizeof *lane->kept_at);
        if (lane->kept_at == NULL) return NULL;
    }
    if (lane->kept_at[slot] == 0) {
        if (lane->n_kept == lane->kept_room) {
            const int64_t room = 16 + lane->kept_room * 3 / 2;
            if (grow(ctx, (void **)&lane->kept, lane->n_kept, room, size, NULL) != PC_OK)
                return NULL;
            lane->kept_room = room;
        }
        lane->kept_at[slot] = (int32_t)++lane->n_kept;
    }
    return lane->kept + (lane->kept_at[slot] - 1) * 2 * total->layout.kept;
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
                               bool *has_zero, pc_error *err)
{
    const int found = b->kernels->check(b->n, amount);
    *has_zero = *has_zero || (found & PC_SUM_ZERO) != 0;
    if (!(found & PC_SUM_BAD)) return PC_OK;
    for (int64_t i = 0; i < b->n; i++)
        if (!(amount[i] >= 0.0 && amount[i] <= DBL_MAX))
            return fail_amount(argument, amount[i], b->row + i, err);
    return pc_fail(err, PC_ERR_VALUE, argument, -1, b->row, "changed while it was being read");
}

/* Rows in the domain that count nothing. */
static void count_zeros(const pc_total_block *b)
{
    for (int64_t i = 0; i < b->n; i++)
        b->lane->zero_weights += b->u[i] == 0.0 && (b->inside == NULL || b->inside[i]);
}

/* weight x size; each is checked on what was read. */
static pc_status load_weights(pc_total_block *b, pc_error *err)
{
    const pc_rows *rows = b->rows;
    double size[PC_BLOCK];
    pc_status status = PC_OK;
    bool has_zero = false;
    b->u = b->weight;
    if (rows->weight == NULL)
        for (int64_t i = 0; i < b->n; i++) b->weight[i] = 1.0;
    else b->u = pc_column_real(rows->weight, b->row, b->n, b->weight);
    if (rows->weight != NULL) status = check_amounts(b, "weight", b->u, &has_zero, err);
    if (status != PC_OK) return status;
    if (rows->size != NULL) {
        pc_column_load_real(rows->size, b->row, b->n, size);
        status = check_amounts(b, "size", size, &has_zero, err);
        if (status != PC_OK) return status;
        for (int64_t i = 0; i < b->n; i++) b->weight[i] = b->u[i] * size[i];
        b->u = b->weight;
        const int found = b->kernels->check(b->n, b->u);
        if ((found & PC_SUM_BAD) != 0)
            return pc_fail(err, PC_ERR_VALUE, "weight", -1, b->row, "times size is infinite");
        has_zero = has_zero || (found & PC_SUM_ZERO) != 0; /* the product may be too small */
    }
    if (has_zero) count_zeros(b);
    return PC_OK;
}

/* 1 for the rows in the domain, 0 for others; missing ones are counted. */
static pc_status load_inside(pc_total_block *b, pc_error *err)
{
    b->inside = b->rows->where == NULL ? NULL : b->where;
    if (b->rows->where == NULL) return PC_OK;
    pc_column_load_flag(b->rows->where, b->row, b->n, b->where);
    for (int64_t i = 0; i < b->n; i++) {
        if (b->where[i] == PC_FLAG_BAD)
            return pc_fail(err, PC_ERR_VALUE, "where", -1, b->row + i, "is neither 0 nor 1");
        b->lane->where_missing += b->where[i] == PC_FLAG_MISSING;
        b->where[i] = b->where[i] == 1;
    }
    return PC_OK;
}

/* Group c becomes record c + 1; rows outside the domain go to record 0. */
static void find_records(pc_total_block *b)
{
    const bool is_lean = b->total->layout.form == PC_RECORD_LEAN;
    const uint32_t stride = is_lean ? 1 : (uint32_t)b->total->layout.stride;
    if (b->inside == NULL) b->kernels->scale(b->n, stride, stride, b->code);
    for (int64_t i = 0; b->inside != NULL && i < b->n; i++) {
        if (b->lane->seen != NULL) b->lane->seen[b->code[i]] = 1;
        b->code[i] = b->inside[i] ? (b->code[i] + 1) * stride : 0;
    }
}

/* From records to slots: the row's position alone says to which copy it adds. */
static void take_turns(pc_total_block *b)
{
    const pc_record_layout *layout = &b->total->layout;
    if (layout->form == PC_RECORD_PROFILE || layout->n_slots == 1) return;
    const uint32_t last = (uint32_t)layout->n_slots - 1, slot = (uint32_t)layout->slot;
    const uint32_t first = (uint32_t)((b->total->n_rows + b->row) & last);
    for (int64_t i = 0; i < b->n; i++) b->code[i] += ((first + (uint32_t)i) & last) * slot;
}

/* ---- flags that cannot be missing -------------------------------------------------------------- */

static void look_ahead(pc_sum_ahead *ahead, const char *start, int64_t row_bytes)
{
    if (start == NULL || ahead->n == PC_SUM_STREAMS) return;
    ahead->start[ahead->n] = start;
    ahead->row_bytes[ahead->n++] = row_bytes;
}

static void look_ahead_column(const pc_total_block *b, const pc_column *column, pc_sum_ahead *ahead)
{
    look_ahead(ahead, pc_column_address(column, b->row + b->n), (int64_t)pc_type_size(column->type));
}

static void look_ahead_key(const pc_total_block *b, const pc_column *key, pc_sum_ahead *ahead)
{
    if (key->type != PC_MADE) look_ahead_column(b, key, ahead);
    for (int64_t s = 0; key->type == PC_MADE && s < key->numbers->n_sources; s++)
        look_ahead_column(b, key->numbers->sources[s], ahead);
}

/* Where the block after this one has its weights, its keys, and its flags. */
static pc_sum_ahead next_block(const pc_total_block *b)
{
    const pc_rows *rows = b->rows;
    pc_sum_ahead ahead = {.n = 0};
    if (b->u != b->weight) look_ahead(&ahead, (const char *)(b->u + b->n), sizeof(double));
    for (int64_t k = 0; k < rows->n_keys; k++) look_ahead_key(b, rows->keys[k], &ahead);
    if (rows->packed != NULL) look_ahead_column(b, rows->packed, &ahead);
    for (int64_t j = 0; rows->packed == NULL && j < rows->n_flags; j++)
        look_ahead_column(b, rows->flags[j], &ahead);
    return ahead;
}

/* Flags first .. first+n_flags-1 of the block as numbers of as many bits. */
static pc_status pack_flags(const pc_total_block *b, int64_t first, int64_t n_flags, uint8_t *bits,
                            pc_error *err)
{
    const pc_pack_columns flags = {b->rows->n_flags, b->rows->flags, "flag"};
    return pc_pack_block(b->kernels, &flags, first, n_flags, b->row, b->n, bits, NULL, err);
}

/* The slot that a row filled is put aside. */
static pc_status put_aside(pc_total_block *b, int64_t row, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    const bool is_lean = layout->form == PC_RECORD_LEAN;
    const int64_t number = is_lean ? b->code[row] : b->code[row] / layout->slot;
    double *slot = b->lane->table + number * layout->slot;
    uint16_t *count = pc_total_count(b->lane, number);
    const double n_rows = is_lean ? *count : slot[PC_RECORD_N];
    if (n_rows < PC_RECORD_MOST_ROWS) return PC_OK;
    double *kept = pc_total_kept(b->ctx, b->total, b->lane, number);
    if (kept == NULL) return pc_total_out_of_memory(err);
    pc_record_put_aside(layout, slot, count, kept);
    return PC_OK;
}

/* The combination of flags of each row, from a column of them. */
static pc_status load_packed(const pc_total_block *b, uint32_t *mask, pc_error *err)
{
    const uint32_t n_masks = (uint32_t)1 << b->total->layout.n_flags;
    const pc_column *packed = b->rows->packed;
    const int64_t zero = packed->type == PC_UINT64 ? INT64_MIN : 0; /* as an ordinal */
    if (pc_column_load_code(packed, b->row, b->n, zero, n_masks, 0, mask) == 0) return PC_OK;
    for (int64_t i = 0; i < b->n; i++)
        if (mask[i] == n_masks)
            return pc_fail(err, PC_ERR_VALUE, "packed", -1, b->row + i,
                           "is missing, or not a combination of the flags");
    return pc_fail(err, PC_ERR_VALUE, "packed", -1, b->row, "changed while it was being read");
}

static pc_status load_masks(const pc_total_block *b, uint32_t *mask, pc_error *err)
{
    enum { BYTE = 8 };
    const int64_t n_flags = b->total->layout.n_flags, n_low = n_flags < BYTE ? n_flags : BYTE;
    uint8_t low[PC_BLOCK], high[PC_BLOCK] = {0};
    if (b->rows->packed != NULL) return load_packed(b, mask, err);
    pc_status status = pack_flags(b, 0, n_low, low, err);
    if (status == PC_OK && n_flags > BYTE)
        status = pack_flags(b, BYTE, n_flags - BYTE, high, err);
    for (int64_t i = 0; i < b->n; i++) mask[i] = low[i] + ((uint32_t)high[i] << BYTE);
    return status;
}

static pc_status add_profile(pc_total_block *b, pc_error *err)
{
    const pc_sum_ahead ahead = next_block(b);
    uint32_t mask[PC_BLOCK];
    pc_status status = load_masks(b, mask, err);
    for (int64_t i = 0; i < b->n; i++) b->code[i] += 2 * mask[i];
    for (int64_t row = 0; status == PC_OK && row < b->n;) {
        row = b->kernels->add_pairs(row, b->n, b->code, b->u, PC_RECORD_MOST_ROWS, b->lane->table,
                                    &ahead);
        status = put_aside(b, row - 1, err);
    }
    return status;
}

int64_t pc_total_dealt_words(int64_t n_codes)
{
    return (n_codes + PC_TOTAL_WORD - 1) / PC_TOTAL_WORD;
}

bool pc_total_is_dealt(const pc_total *total, int64_t code)
{
    const uint64_t word = atomic_load_explicit(&total->dealt[code / PC_TOTAL_WORD], memory_order_relaxed);
    return word >> code % PC_TOTAL_WORD & 1;
}

void pc_total_note_dealt(const pc_total *total, int64_t code)
{
    if (pc_total_is_dealt(total, code)) return;
    atomic_fetch_or_explicit(&total->dealt[code / PC_TOTAL_WORD], (uint64_t)1 << code % PC_TOTAL_WORD,
                             memory_order_relaxed);
}

/* Deal the rows of the domain. Nothing is dealt of a block with a bad row. */
static pc_status deal_profile(pc_total_block *b, pc_error *err)
{
    const int64_t n_flags = b->total->layout.n_flags;
    const pc_sum_ahead ahead = next_block(b);
    uint32_t mask[PC_BLOCK];
    const pc_status status = load_masks(b, mask, err);
    if (status != PC_OK) return status;
    for (int64_t k = 0; k < ahead.n; k++)
        b->kernels->fetch(ahead.start[k], b->n * ahead.row_bytes[k]);
    int64_t n = b->n;
    const double *weight = b->u;
    if (b->inside == NULL) {
        for (int64_t i = 0; i < n; i++) b->code[i] = b->code[i] << n_flags | mask[i];
    } else {
        n = 0;
        for (int64_t i = 0; i < b->n; i++) {
            if (!b->inside[i]) pc_total_note_dealt(b->total, b->code[i]);
            if (!b->inside[i]) continue;
            b->code[n] = b->code[i] << n_flags | mask[i];
            b->weight[n++] = b->u[i];
        }
        weight = b->weight;
    }
    return pc_deal_rows_unchecked(b->total->deal, b->lane_number, b->kernels, n, b->code, weight, err);
}

/* Scratch for the flags of every part, made once per lane. */
static pc_status make_parts(pc_total_block *b, int64_t n_parts, pc_error *err)
{
    if (b->lane->part != NULL) return PC_OK;
    b->lane->bits = pc_alloc(&b->ctx->memory, n_parts, PC_BLOCK);
    if (b->lane->bits == NULL) return pc_total_out_of_memory(err);
    b->lane->part = pc_alloc(&b->ctx->memory, n_parts, sizeof *b->lane->part);
    if (b->lane->part == NULL) return pc_total_out_of_memory(err);
    for (int64_t p = 0; p < n_parts; p++) b->lane->part[p] = b->lane->bits + p * PC_BLOCK;
    return PC_OK;
}

/* Cells: parts of six flags. Flags: parts of four, the first of two, since weight and n lie beside. */
static pc_status pack_parts(pc_total_block *b, int64_t n_parts, pc_error *err)
{
    const bool is_cells = b->total->layout.form == PC_RECORD_CELLS;
    const int64_t n_flags = b->total->layout.n_flags;
    pc_status status = make_parts(b, n_parts, err);
    for (int64_t p = 0, j = 0; status == PC_OK && p < n_parts; p++) {
        const int64_t most = is_cells ? PC_RECORD_PART : p == 0 ? 2 : 4;
        const int64_t n = n_flags - j < most ? n_flags - j : most;
        status = pack_flags(b, j, n, b->lane->bits + p * PC_BLOCK, err);
        j += n;
    }
    return status;
}

static pc_status add_flags(pc_total_block *b, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    const bool is_cells = layout->form == PC_RECORD_CELLS;
    const int64_t n_parts = is_cells ? layout->width / PC_RECORD_COMBINATIONS : layout->width / 4;
    const pc_sum_ahead ahead = next_block(b);
    pc_status status = pack_parts(b, n_parts, err);
    for (int64_t row = 0; status == PC_OK && row < b->n;) {
        row = (is_cells ? b->kernels->add_cells : b->kernels->add_flags)(
            row, b->n, b->code, n_parts, b->lane->part, b->u, PC_RECORD_MOST_ROWS, b->lane->table,
            &ahead);
        status = put_aside(b, row - 1, err);
    }
    return status;
}

static pc_status add_lean(pc_total_block *b, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    const pc_sum_ahead ahead = next_block(b);
    pc_status status = make_parts(b, 1, err);
    if (status == PC_OK && layout->n_flags > 0) status = pack_flags(b, 0, layout->n_flags, b->lane->bits, err);
    for (int64_t row = 0; status == PC_OK && row < b->n;) {
        row = b->kernels->add_lean(row, b->n, b->code, layout->width, b->lane->bits, b->u, PC_RECORD_MOST_ROWS,
                                   b->lane->table, b->lane->count, &ahead);
        status = put_aside(b, row - 1, err);
    }
    return status;
}

/* ---- made scores of one sign --------------------------------------------------------------------- */

/* Scratch of a lane, made once: weight, ones, the scores and idle columns; then the same in parts of four. */
static pc_status make_columns(pc_total_block *b, int64_t width, pc_error *err)
{
    if (b->lane->made_part != NULL) return PC_OK;
    const size_t column = PC_SCORE_ROWS * sizeof(double);
    b->lane->made = pc_alloc_zeroed(&b->ctx->memory, 2 * width, column);
    if (b->lane->made == NULL) return pc_total_out_of_memory(err);
    b->lane->made_part = pc_alloc(&b->ctx->memory, width / 4, sizeof *b->lane->made_part);
    if (b->lane->made_part == NULL) return pc_total_out_of_memory(err);
    for (int64_t p = 0; p < width / 4; p++)
        b->lane->made_part[p] = b->lane->made + (width + 4 * p) * PC_SCORE_ROWS;
    for (int64_t i = 0; i < PC_SCORE_ROWS; i++) b->lane->made[PC_SCORE_ROWS + i] = 1.0;
    return PC_OK;
}

/* Columns first .. end-1 of the scratch become 0. */
static void clear_columns(double *column, int64_t first, int64_t end)
{
    memset(column + first * PC_SCORE_ROWS, 0,
           (size_t)((end - first) * PC_SCORE_ROWS) * sizeof *column);
}

/* Weight, 1 and the scores of rows first .. first+n-1 of the block, in parts of four; *n_numbers is how many of
 * them are not all 0. */
static pc_status fill_parts(const pc_total_block *b, int64_t first, int64_t n, int64_t *n_numbers,
                            pc_error *err)
{
    const pc_scores *made = b->rows->made;
    const int64_t width = b->total->layout.width;
    const uint8_t *inside = b->inside == NULL ? NULL : b->inside + first;
    double *column = b->lane->made, *part = b->lane->made + width * PC_SCORE_ROWS;
    const pc_status status =
        made->fill(made->maker, b->ctx->simd, b->row + first, n, b->u + first, inside,
                   column + PC_RECORD_FIRST * PC_SCORE_ROWS, n_numbers, err);
    if (status != PC_OK) return status;
    *n_numbers += PC_RECORD_FIRST;
    for (int64_t k = 0; k + 1 < *n_numbers; k += 4) {
        const double *four[4];
        for (int64_t j = 0; j < 4; j++)
            four[j] = k + j == 0 ? b->u + first : column + (k + j) * PC_SCORE_ROWS;
        if (k + 4 > *n_numbers) clear_columns(column, *n_numbers, k + 4);
        b->kernels->interleave(n, four, part + k * PC_SCORE_ROWS);
    }
    return status;
}

static pc_status add_scores(pc_total_block *b, pc_error *err)
{
    const pc_sum_ahead ahead = next_block(b);
    pc_status status = make_columns(b, b->total->layout.width, err);
    for (int64_t first = 0; status == PC_OK && first < b->n; first += PC_SCORE_ROWS) {
        const int64_t n = b->n - first < PC_SCORE_ROWS ? b->n - first : PC_SCORE_ROWS;
        int64_t n_numbers = 0;
        for (int64_t k = 0; k < ahead.n; k++)
            b->kernels->fetch(ahead.start[k] + first * ahead.row_bytes[k], n * ahead.row_bytes[k]);
        status = fill_parts(b, first, n, &n_numbers, err);
        /* one number behind whole parts is added by itself */
        const bool has_rest = n_numbers % 4 == 1;
        const double *rest = has_rest ? b->lane->made + (n_numbers - 1) * PC_SCORE_ROWS : NULL;
        const int64_t n_parts = has_rest ? n_numbers / 4 : (n_numbers + 3) / 4;
        for (int64_t row = 0; status == PC_OK && row < n;) {
            row = b->kernels->add_parts(row, n, b->code + first, n_parts, b->lane->made_part, rest,
                                        PC_RECORD_MOST_ROWS, b->lane->table);
            status = put_aside(b, first + row - 1, err);
        }
    }
    return status;
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
        used[i * width + PC_RECORD_WEIGHT] = is_missing ? 0.0 : u[i];
        used[i * width + PC_RECORD_N] = is_missing ? 0.0 : 1.0;
        sums[i * width] = is_missing ? 0.0 : u[i] * first[i];
        if (second != NULL) sums[i * width + 1] = is_missing ? 0.0 : u[i] * second[i];
    }
}

/* Row i's made scores, from `sums` on. */
static pc_status put_made(const pc_total_block *b, int64_t first, int64_t n, double *sums,
                          pc_error *err)
{
    const pc_scores *made = b->rows->made;
    const int64_t width = b->total->layout.width;
    const uint8_t *inside = b->inside == NULL ? NULL : b->inside + first;
    int64_t n_filled = 0;
    const pc_status status = made->fill(made->maker, b->ctx->simd, b->row + first, n, b->u + first,
                                        inside, b->lane->made, &n_filled, err);
    for (int64_t k = 0; status == PC_OK && k < n_filled; k++)
        for (int64_t i = 0; i < n; i++)
            sums[i * width + k] = b->lane->made[k * PC_SCORE_ROWS + i];
    return status;
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
        x[i * width + PC_RECORD_WEIGHT] = u[i];
        x[i * width + PC_RECORD_N] = 1.0;
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
    if (status == PC_OK && plan->n_made > 0) status = put_made(b, first, n, sums, err);
    return status;
}

static int64_t strip_rows(const pc_total *total)
{
    const int64_t width = total->layout.width;
    const int64_t most = width < STRIP_NUMBERS ? STRIP_NUMBERS / width : 1;
    return total->plan.n_made > 0 && most > PC_SCORE_ROWS ? PC_SCORE_ROWS : most;
}

static pc_status make_strip(pc_total_block *b, pc_error *err)
{
    pc_total_lane *lane = b->lane;
    const int64_t width = b->total->layout.width, n_made = b->total->plan.n_made;
    if (lane->made != NULL) return PC_OK;
    if (lane->strip == NULL) {
        lane->strip = pc_alloc(&b->ctx->memory, strip_rows(b->total) * width, sizeof(double));
        if (lane->strip == NULL) return pc_total_out_of_memory(err);
    }
    if (n_made == 0) return PC_OK;
    lane->made = pc_alloc(&b->ctx->memory, n_made, PC_SCORE_ROWS * sizeof(double));
    return lane->made == NULL ? pc_total_out_of_memory(err) : PC_OK;
}

static pc_status add_records(pc_total_block *b, pc_error *err)
{
    const pc_record_layout *layout = &b->total->layout;
    const int64_t most = strip_rows(b->total);
    pc_status status = make_strip(b, err);
    for (int64_t first = 0; status == PC_OK && first < b->n; first += most) {
        const int64_t n = b->n - first < most ? b->n - first : most;
        status = fill_strip(b, first, n, err);
        if (status == PC_OK)
            b->kernels->add_record(n, b->code + first, b->lane->strip, layout->width,
                                   b->lane->table);
    }
    return status;
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
    status = load_inside(b, err);
    if (status == PC_OK) status = load_weights(b, err);
    if (status != PC_OK) return status;
    if (total->deal != NULL) return deal_profile(b, err);
    find_records(b);
    take_turns(b);
    switch (total->layout.form) {
    case PC_RECORD_PROFILE: return add_profile(b, err);
    case PC_RECORD_SCORES: return add_scores(b, err);
    case PC_RECORD_SUMS: return add_records(b, err);
    case PC_RECORD_LEAN: return add_lean(b, err);
    default: return add_flags(b, err);
    }
}

