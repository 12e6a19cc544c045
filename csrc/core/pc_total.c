#include "pc_total.h"

#include "pc_group.h"
#include "pc_parallel.h"
#include "pc_sum.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    SERIAL_ROWS = 200000,
    WIDE_BITS = 6,   /* flags per part while the wide cells of all groups fit the second-level cache */
    NARROW_BITS = 3, /* flags per part beyond */
    STRIP_NUMBERS = 2048 /* numbers of record rows that are made at a time */
};
static const int64_t wide_bytes = 800 * 1024;
static const int64_t lane_bytes = 6 * 1024 * 1024; /* a lane's table, while there are PC_LANES */
static const int64_t table_bytes = 48 * 1024 * 1024; /* all lanes' tables of direct codes */

/* ---- layout: what a group's record holds -----------------------------------------------------
 *
 * Cells (flags only, none can be missing): n, one unused number, then per part 2^bits cells (hi, lo).
 * Sums (everything else): width sums and width two-sum errors; the sums are n and weight of the domain,
 * n and weight of each score, then the scores' sums. */

typedef struct record_layout {
    bool has_cells;
    int64_t bits;    /* flags per part */
    int64_t n_parts;
    int64_t width;   /* numbers a row adds to a record of sums; a multiple of 4 */
    int64_t stride;  /* numbers per record */
    int64_t n_lanes;
} record_layout;

typedef struct total_lane {
    double *table;  /* record 0 takes the rows outside the domain, group c is record c + 1 */
    int64_t room;   /* groups that fit */
    uint8_t *seen;  /* [room] direct codes with a domain: 1 where a row was seen */
    double anchor;  /* 0 until a positive weight was met */
    int64_t where_missing;
    double *strip;  /* scratch of record rows */
    pc_error error; /* of the smallest bad row of this lane */
} total_lane;

struct pc_total {
    pc_total_plan plan;
    record_layout layout;
    bool has_layout;
    pc_group *group;
    total_lane lane[PC_LANES];
    int64_t n_rows;
    /* after finish: the groups are those of lane 0 */
    bool is_finished;
    int64_t n_groups;
    int64_t *live; /* [n_groups] direct codes of the groups; NULL: all codes */
};

int64_t pc_total_n_scores(const pc_total_plan *plan)
{
    return plan->n_flags + plan->n_values + plan->n_pairs;
}

int64_t pc_total_n_sums(const pc_total_plan *plan)
{
    return plan->n_flags + plan->n_values + 2 * plan->n_pairs;
}

static int64_t flags_in_part(const pc_total *total, int64_t part)
{
    const int64_t left = total->plan.n_flags - part * total->layout.bits;
    return left < total->layout.bits ? left : total->layout.bits;
}

/* Where the cells of a part start in a record. All parts but the last are full. */
static int64_t first_of_part(const record_layout *layout, int64_t part)
{
    return 2 + part * 2 * ((int64_t)1 << layout->bits);
}

static record_layout layout_of(const pc_total_plan *plan, int64_t n_groups)
{
    record_layout l = {0};
    l.has_cells = plan->n_values == 0 && plan->n_pairs == 0 && !plan->flags_may_miss;
    for (l.bits = WIDE_BITS;; l.bits = NARROW_BITS) {
        if (plan->n_flags < l.bits) l.bits = plan->n_flags;
        l.n_parts = plan->n_flags == 0 ? 1 : (plan->n_flags + l.bits - 1) / l.bits;
        l.stride = first_of_part(&l, l.n_parts);
        if (l.bits <= NARROW_BITS || n_groups * l.stride * 8 <= wide_bytes) break;
    }
    if (!l.has_cells) {
        l.width = 2 + 2 * pc_total_n_scores(plan) + pc_total_n_sums(plan);
        l.width = (l.width + 3) / 4 * 4;
        l.stride = 2 * l.width;
    }
    l.n_lanes = PC_LANES;
    while (l.n_lanes > 1 && n_groups * l.stride * 8 * l.n_lanes > lane_bytes * PC_LANES)
        l.n_lanes /= 2;
    return l;
}

static int64_t most_table(const record_layout *layout)
{
    return table_bytes / (layout->stride * 8 * layout->n_lanes);
}

/* ---- new and free ---------------------------------------------------------------------------- */

static pc_status out_of_memory(pc_error *err)
{
    return pc_fail(err, PC_ERR_MEMORY, "total", -1, -1, "out of memory");
}

pc_total_plan pc_total_plan_for(const pc_rows *rows, bool keep_missing)
{
    pc_total_plan plan = {0};
    plan.n_keys = rows->n_keys;
    plan.n_flags = rows->n_flags;
    plan.n_values = rows->n_values;
    plan.n_pairs = rows->n_pairs;
    plan.has_where = rows->where != NULL;
    plan.keep_missing = keep_missing;
    for (int64_t j = 0; j < rows->n_flags; j++)
        if (!pc_column_is_complete(rows->flags[j])) plan.flags_may_miss = true;
    return plan;
}

pc_total *pc_total_new(pc_context *ctx, const pc_total_plan *plan)
{
    pc_total *total = pc_alloc_zeroed(&ctx->memory, 1, sizeof *total);
    if (total == NULL) {
        out_of_memory(&ctx->error);
        return NULL;
    }
    total->plan = *plan;
    if (plan->expected_groups > 0) {
        total->layout = layout_of(plan, plan->expected_groups);
        total->has_layout = true;
    }
    return total;
}

void pc_total_free(pc_context *ctx, pc_total *total)
{
    if (total == NULL) return;
    for (int64_t l = 0; l < PC_LANES; l++) {
        pc_free(&ctx->memory, total->lane[l].table);
        pc_free(&ctx->memory, total->lane[l].seen);
        pc_free(&ctx->memory, total->lane[l].strip);
    }
    pc_free(&ctx->memory, total->live);
    pc_group_free(ctx, total->group);
    pc_free(&ctx->memory, total);
}

/* ---- room for groups ------------------------------------------------------------------------- */

/* A table for n_codes groups of `group`; twice as large as before where codes come one by one. */
static pc_status make_room(pc_context *ctx, const pc_total *total, const pc_group *group,
                           total_lane *lane, int64_t n_codes, pc_error *err)
{
    const int64_t stride = total->layout.stride;
    const bool is_table = group->scheme.is_table;
    int64_t room = n_codes;
    double *table = NULL;
    uint8_t *seen = NULL;

    if (n_codes <= lane->room && lane->table != NULL) return PC_OK;
    if (!is_table && room < 2 * lane->room) room = 2 * lane->room;
    if (!is_table && room < 16) room = 16;
    table = pc_alloc_zeroed(&ctx->memory, room + 1, (size_t)stride * sizeof *table);
    if (table == NULL) return out_of_memory(err);
    if (is_table && total->plan.has_where) {
        seen = pc_alloc_zeroed(&ctx->memory, room, 1);
        if (seen == NULL) {
            pc_free(&ctx->memory, table);
            return out_of_memory(err);
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

/* A group of direct codes exists when a row of it was seen. Without keys there is always one. */
static bool is_live(const pc_total *total, const total_lane *lane, int64_t code)
{
    if (total->plan.n_keys == 0) return true;
    if (lane->seen != NULL && lane->seen[code]) return true;
    return lane->table[(code + 1) * total->layout.stride] > 0; /* n comes first in both layouts */
}

/* [room] 1 for each direct code that lives. */
static uint8_t *live_codes(pc_context *ctx, const pc_total *total, const total_lane *lane)
{
    uint8_t *live = pc_alloc(&ctx->memory, lane->room, 1);
    if (live == NULL) {
        out_of_memory(&ctx->error);
        return NULL;
    }
    for (int64_t c = 0; c < lane->room; c++) live[c] = is_live(total, lane, c);
    return live;
}

/* ---- the rows of one block ------------------------------------------------------------------- */

typedef struct block {
    pc_context *ctx;
    pc_total *total;
    total_lane *lane;
    int64_t lane_number;
    const pc_rows *rows;
    int64_t row, n;
    const pc_sum_kernels *kernels;
    uint32_t code[PC_BLOCK]; /* record numbers, once the domain is known */
    double weight[PC_BLOCK];
    const double *u; /* weight x size of each row */
} block;

static pc_status fail_amount(const char *argument, double amount, int64_t row, pc_error *err)
{
    if (isnan(amount))
        return pc_fail(err, PC_ERR_MISSING, argument, -1, row,
                       "is missing; it must be finite and >= 0");
    return pc_fail(err, PC_ERR_VALUE, argument, -1, row,
                   amount < 0 ? "is negative; it must be finite and >= 0"
                              : "is infinite; it must be finite and >= 0");
}

static pc_status check_amounts(const block *b, const char *argument, const double *amount,
                               pc_error *err)
{
    if (!b->kernels->check(b->n, amount)) return PC_OK;
    for (int64_t i = 0; i < b->n; i++)
        if (!(amount[i] >= 0.0 && amount[i] <= DBL_MAX))
            return fail_amount(argument, amount[i], b->row + i, err);
    return pc_fail(err, PC_ERR_VALUE, argument, -1, b->row, "changed while it was being read");
}

/* weight x size; each is checked on what was read. */
static pc_status load_weights(block *b, pc_error *err)
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
    return status;
}

/* Codes become record numbers; rows outside the domain go to record 0. */
static pc_status apply_domain(block *b, pc_error *err)
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

/* ---- flags that cannot be missing: cells ----------------------------------------------------- */

static void set_anchor(block *b)
{
    for (int64_t i = 0; b->lane->anchor == 0 && i < b->n; i++)
        if (b->u[i] > 0 && b->u[i] <= DBL_MAX) b->lane->anchor = pc_sum_anchor(b->u[i]);
}

static pc_status fail_flag(const block *b, int64_t j, const uint8_t *flag, pc_error *err)
{
    for (int64_t i = 0; i < b->n; i++)
        if (flag[i] > 1)
            return pc_fail(err, PC_ERR_VALUE, "flag", j, b->row + i, "is neither 0 nor 1");
    return pc_fail(err, PC_ERR_VALUE, "flag", j, b->row, "changed while it was being read");
}

static pc_status add_cells(block *b, pc_error *err)
{
    const record_layout *layout = &b->total->layout;
    uint8_t scratch[WIDE_BITS][PC_BLOCK], bits[PC_BLOCK];
    double split[2 * PC_BLOCK];

    set_anchor(b);
    b->kernels->split(b->n, b->u, b->lane->anchor, split);
    for (int64_t p = 0; p < layout->n_parts; p++) {
        const uint8_t *flag[WIDE_BITS];
        const int64_t n_flags = flags_in_part(b->total, p), first = p * layout->bits;
        for (int64_t j = 0; j < n_flags; j++) {
            flag[j] = pc_column_flag(b->rows->flags[first + j], b->row, b->n, scratch[j]);
            if (flag[j] != scratch[j]) b->kernels->fetch(flag[j] + b->n, PC_BLOCK);
        }
        if (b->kernels->pack(b->n, n_flags, flag, bits) > 1)
            for (int64_t j = 0; j < n_flags; j++)
                if (b->kernels->pack(b->n, 1, &flag[j], bits) > 1)
                    return fail_flag(b, first + j, flag[j], err);
        b->kernels->add_part(b->n, b->code, bits, split, layout->stride,
                             first_of_part(layout, p), p == 0, b->lane->table);
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

static pc_status load_flag_score(const block *b, int64_t j, int64_t row, int64_t n,
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
static pc_status fill_strip(const block *b, int64_t first, int64_t n, pc_error *err)
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

static int64_t strip_rows(const record_layout *layout)
{
    return layout->width < STRIP_NUMBERS ? STRIP_NUMBERS / layout->width : 1;
}

static pc_status add_records(block *b, pc_error *err)
{
    const record_layout *layout = &b->total->layout;
    const int64_t most = strip_rows(layout);
    if (b->lane->strip == NULL) {
        b->lane->strip = pc_alloc(&b->ctx->memory, most * layout->width, sizeof(double));
        if (b->lane->strip == NULL) return out_of_memory(err);
    }
    for (int64_t first = 0; first < b->n; first += most) {
        const int64_t n = b->n - first < most ? b->n - first : most;
        const pc_status status = fill_strip(b, first, n, err);
        if (status != PC_OK) return status;
        b->kernels->add_record(n, b->code + first, b->lane->strip, layout->width, b->lane->table);
    }
    return PC_OK;
}

/* ---- update ---------------------------------------------------------------------------------- */

static pc_status add_block(block *b, pc_error *err)
{
    pc_total *total = b->total;
    const int64_t offset = total->n_rows;
    pc_status status = pc_group_block(b->ctx, total->group, b->lane_number, b->rows->keys, b->row,
                                      b->n, offset, b->code, err);
    if (status != PC_OK) return status;
    status = make_room(b->ctx, total, total->group, b->lane,
                       pc_group_n_codes(total->group, b->lane_number), err);
    if (status != PC_OK) return status;
    status = apply_domain(b, err);
    if (status == PC_OK) status = load_weights(b, err);
    if (status != PC_OK) return status;
    return total->layout.has_cells ? add_cells(b, err) : add_records(b, err);
}

/* A block that fails is gone through again row by row: its checks come column by column, but the
 * error must name its first bad row. */
static pc_status name_first_bad_row(block *b, int64_t row, int64_t n, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        b->row = row + i;
        b->n = 1;
        const pc_status status = add_block(b, err);
        if (status != PC_OK) return status;
    }
    return err->status; /* it was right the second time: the data changed meanwhile */
}

static bool is_of_a_row(pc_status status)
{
    return status != PC_OK && status != PC_ERR_MEMORY && status != PC_ERR_LIMIT;
}

typedef struct update_job {
    pc_total *total;
    const pc_rows *rows;
    _Atomic int64_t first_bad; /* smallest bad row known; lanes need not look beyond it */
} update_job;

static void note_bad_row(update_job *job, int64_t row)
{
    int64_t known = atomic_load(&job->first_bad);
    while (row < known && !atomic_compare_exchange_weak(&job->first_bad, &known, row)) {
    }
}

/* The part of a run of rows that belongs to one lane and to this update. */
static pc_status add_run(pc_worker *worker, update_job *job, block *b, int64_t first, int64_t end)
{
    for (int64_t row = first; row < end; row += PC_BLOCK) {
        if (row > atomic_load_explicit(&job->first_bad, memory_order_relaxed)) return PC_OK;
        if (pc_worker_stopped(worker)) return PC_ERR_INTERRUPTED;
        b->row = row;
        b->n = end - row < PC_BLOCK ? end - row : PC_BLOCK;
        pc_error *err = &b->lane->error;
        const int64_t n = b->n;
        pc_status status = add_block(b, err);
        if (is_of_a_row(status)) {
            status = name_first_bad_row(b, row, n, err);
            note_bad_row(job, err->index < 0 ? row : err->index);
        }
        if (status != PC_OK) return status;
    }
    return PC_OK;
}

/* All runs of one lane, in row order. A bad row is kept in the lane's record: another lane may have
 * an earlier one, so it is no failure of the task. */
static pc_status update_lane(pc_worker *worker, int64_t l, void *arg, pc_error *err)
{
    update_job *job = arg;
    pc_total *total = job->total;
    const int64_t n_lanes = total->layout.n_lanes, begin = total->n_rows;
    const int64_t end = begin + job->rows->n;
    block b = {.ctx = worker->ctx,
               .total = total,
               .lane = &total->lane[l],
               .lane_number = l,
               .rows = job->rows,
               .kernels = pc_sum_kernels_for(worker->ctx->simd)};
    int64_t run = begin / PC_RUN;
    run += ((l - run) % n_lanes + n_lanes) % n_lanes;
    for (; run * PC_RUN < end; run += n_lanes) {
        const int64_t first = run * PC_RUN < begin ? begin : run * PC_RUN;
        const int64_t last = (run + 1) * PC_RUN < end ? (run + 1) * PC_RUN : end;
        const pc_status status = add_run(worker, job, &b, first - begin, last - begin);
        if (status == PC_ERR_INTERRUPTED) return pc_fail(err, status, "", -1, -1, "interrupted");
        if (is_of_a_row(status)) return PC_OK;
        if (status != PC_OK) {
            *err = total->lane[l].error;
            return status;
        }
    }
    return PC_OK;
}

static pc_status check_column(pc_context *ctx, const pc_column *column, int64_t n,
                              const char *argument, int64_t which, bool takes_text)
{
    if (column == NULL) return PC_OK;
    if (column->n != n)
        return pc_context_fail(ctx, PC_ERR_LENGTH, argument, which, -1,
                               "has another number of rows than the data");
    if (pc_type_is_text(column->type) && !takes_text)
        return pc_context_fail(ctx, PC_ERR_TYPE, argument, which, -1, "is text, not a number");
    return PC_OK;
}

static pc_status check_columns(pc_context *ctx, const pc_rows *rows)
{
    pc_status status = check_column(ctx, rows->weight, rows->n, "weight", -1, false);
    if (status == PC_OK) status = check_column(ctx, rows->size, rows->n, "size", -1, false);
    if (status == PC_OK) status = check_column(ctx, rows->where, rows->n, "where", -1, false);
    for (int64_t k = 0; status == PC_OK && k < rows->n_keys; k++)
        status = check_column(ctx, rows->keys[k], rows->n, "key", k, true);
    for (int64_t j = 0; status == PC_OK && j < rows->n_flags; j++)
        status = check_column(ctx, rows->flags[j], rows->n, "flag", j, false);
    for (int64_t j = 0; status == PC_OK && j < rows->n_values; j++)
        status = check_column(ctx, rows->values[j], rows->n, "value", j, false);
    for (int64_t j = 0; status == PC_OK && j < 2 * rows->n_pairs; j++)
        status = check_column(ctx, rows->pairs[j], rows->n, "pair", j, false);
    return status;
}

static pc_status check_plan(pc_context *ctx, const pc_total *total, const pc_rows *rows)
{
    const pc_total_plan *plan = &total->plan;
    const pc_total_plan found = pc_total_plan_for(rows, plan->keep_missing);
    const bool fits = plan->n_keys == found.n_keys && plan->n_flags == found.n_flags &&
                      plan->n_values == found.n_values && plan->n_pairs == found.n_pairs &&
                      plan->has_where == found.has_where &&
                      (plan->flags_may_miss || !found.flags_may_miss);
    if (total->is_finished)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1, "is finished");
    if (fits) return check_columns(ctx, rows);
    return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                           "was planned for other columns than these");
}

/* Groups among the first rows, which set lanes and layout of a state made without a number. */
static pc_status count_groups(pc_context *ctx, const pc_group_scheme *scheme, const pc_rows *rows,
                              int64_t *n_groups)
{
    const int64_t n = rows->n < PC_RUN ? rows->n : PC_RUN;
    pc_group_scheme counting = *scheme;
    counting.is_table = false; /* a dictionary counts what is there, whatever the range */
    pc_group *group = pc_group_new(ctx, &counting, 1);
    uint32_t code[PC_BLOCK];
    pc_error ignored;
    if (group == NULL) return out_of_memory(&ctx->error);
    /* an error here comes again, with its right row, when the rows are added */
    for (int64_t row = 0; row < n; row += PC_BLOCK) {
        const int64_t size = n - row < PC_BLOCK ? n - row : PC_BLOCK;
        if (pc_group_block(ctx, group, 0, rows->keys, row, size, 0, code, &ignored) != PC_OK) break;
    }
    *n_groups = pc_group_n_codes(group, 0);
    pc_group_free(ctx, group);
    return PC_OK;
}

static bool same_scheme(const pc_group_scheme *a, const pc_group_scheme *b)
{
    bool same = a->is_table == b->is_table && a->n_radix == b->n_radix;
    for (int64_t k = 0; k < a->n_keys; k++)
        same = same && a->key[k].is_word == b->key[k].is_word && a->key[k].low == b->key[k].low &&
               a->key[k].scale == b->key[k].scale && a->key[k].is_seen == b->key[k].is_seen &&
               a->key[k].high == b->key[k].high;
    return same;
}

/* s + x, its rounding error added to *error. */
static double two_sum(double s, double x, double *error)
{
    const double t = s + x, part = t - s;
    *error += (s - (t - part)) + (x - part);
    return t;
}

static void add_to_record(const record_layout *layout, double *to, const double *from)
{
    if (layout->has_cells) {
        to[0] += from[0];
        for (int64_t k = 2; k < layout->stride; k += 2) {
            to[k] = two_sum(to[k], from[k], &to[k + 1]);
            to[k + 1] += from[k + 1];
        }
        return;
    }
    for (int64_t k = 0; k < layout->width; k++) {
        to[k] = two_sum(to[k], from[k], &to[layout->width + k]);
        to[layout->width + k] += from[layout->width + k];
    }
}

/* Add the groups of lane l of `from` to lane `to`, which has the codes of lane to_lane of `group`. */
static pc_status join_lane(pc_context *ctx, const pc_total *from, int64_t l, int64_t row_offset,
                           pc_group *group, int64_t to_lane, total_lane *to)
{
    const int64_t n_codes = pc_group_n_codes(from->group, l), stride = from->layout.stride;
    const total_lane *source = &from->lane[l];
    uint8_t *live = NULL;
    int64_t *map = NULL;
    pc_status status = PC_ERR_MEMORY;

    if (source->table == NULL) return PC_OK;
    if (from->group->scheme.is_table) {
        live = live_codes(ctx, from, source);
        if (live == NULL) goto done;
    }
    map = pc_alloc(&ctx->memory, n_codes, sizeof *map);
    if (map == NULL) {
        out_of_memory(&ctx->error);
        goto done;
    }
    status = pc_group_transfer(ctx, from->group, l, live, row_offset, group, to_lane, map);
    if (status != PC_OK) goto done;
    status = make_room(ctx, from, group, to, pc_group_n_codes(group, to_lane), &ctx->error);
    if (status != PC_OK) goto done;
    add_to_record(&from->layout, to->table, source->table);
    for (int64_t c = 0; c < n_codes; c++) {
        if (map[c] < 0) continue;
        add_to_record(&from->layout, to->table + (map[c] + 1) * stride,
                      source->table + (c + 1) * stride);
        if (to->seen != NULL) to->seen[map[c]] = 1;
    }
    to->where_missing += source->where_missing;
    if (to->anchor == 0) to->anchor = source->anchor;
done:
    pc_free(&ctx->memory, live);
    pc_free(&ctx->memory, map);
    return status;
}

/* Give a lane the codes of a wider scheme. Adding to an empty record copies it. */
static pc_status move_lane(pc_context *ctx, pc_total *total, int64_t l, pc_group *wider)
{
    total_lane *old = &total->lane[l];
    total_lane moved = {.strip = old->strip};
    const pc_status status = join_lane(ctx, total, l, 0, wider, l, &moved);
    if (status != PC_OK || old->table == NULL) {
        pc_free(&ctx->memory, moved.table);
        pc_free(&ctx->memory, moved.seen);
        return status;
    }
    pc_free(&ctx->memory, old->table);
    pc_free(&ctx->memory, old->seen);
    *old = moved;
    return PC_OK;
}

/* Take the scheme over; the lanes follow when codes change. */
static pc_status widen(pc_context *ctx, pc_total *total, const pc_group_scheme *scheme)
{
    if (total->group != NULL && same_scheme(&total->group->scheme, scheme)) return PC_OK;
    pc_group *wider = pc_group_new(ctx, scheme, total->layout.n_lanes);
    if (wider == NULL) return out_of_memory(&ctx->error);
    for (int64_t l = 0; total->group != NULL && l < total->layout.n_lanes; l++) {
        const pc_status status = move_lane(ctx, total, l, wider);
        if (status != PC_OK) {
            pc_group_free(ctx, wider);
            return status;
        }
    }
    pc_group_free(ctx, total->group);
    total->group = wider;
    return PC_OK;
}

/* Learn the keys of new rows. */
static pc_status prepare(pc_context *ctx, pc_total *total, const pc_rows *rows)
{
    const int64_t n_keys = total->plan.n_keys;
    pc_group_scheme scheme = {.n_keys = n_keys, .keep_missing = total->plan.keep_missing};
    pc_status status = PC_OK;

    scheme.key = pc_alloc_zeroed(&ctx->memory, n_keys, sizeof *scheme.key);
    if (scheme.key == NULL) return out_of_memory(&ctx->error);
    for (int64_t k = 0; total->group != NULL && k < n_keys; k++)
        scheme.key[k] = total->group->scheme.key[k];
    status = pc_group_scan(ctx, &scheme, rows->keys, rows->n, INT32_MAX);
    if (status == PC_OK && !total->has_layout) {
        int64_t n_groups = 0;
        status = count_groups(ctx, &scheme, rows, &n_groups);
        total->layout = layout_of(&total->plan, n_groups);
        total->has_layout = true;
    }
    if (status == PC_OK) {
        if (scheme.n_radix > most_table(&total->layout)) scheme.is_table = false;
        if (total->group != NULL && !total->group->scheme.is_table) scheme.is_table = false;
        status = widen(ctx, total, &scheme);
    }
    pc_free(&ctx->memory, scheme.key);
    return status;
}

pc_status pc_total_update(pc_context *ctx, pc_total *total, const pc_rows *rows)
{
    pc_status status = check_plan(ctx, total, rows);
    if (status != PC_OK) return status;
    status = prepare(ctx, total, rows);
    if (status != PC_OK) return status;

    update_job job = {.total = total, .rows = rows};
    atomic_init(&job.first_bad, INT64_MAX);
    for (int64_t l = 0; l < PC_LANES; l++) total->lane[l].error.status = PC_OK;
    const int n_threads = rows->n < SERIAL_ROWS ? 1 : ctx->n_threads;
    status = pc_parallel_run(ctx, n_threads, total->layout.n_lanes, update_lane, &job);
    if (status != PC_OK) return status;

    const pc_error *first = NULL;
    for (int64_t l = 0; l < total->layout.n_lanes; l++) {
        const pc_error *error = &total->lane[l].error;
        if (error->status != PC_OK && (first == NULL || error->index < first->index)) first = error;
    }
    if (first != NULL) {
        ctx->error = *first;
        return first->status;
    }
    total->n_rows += rows->n;
    return PC_OK;
}

/* ---- merge and finish ------------------------------------------------------------------------ */

/* The scheme that holds the keys of both. */
static pc_status join_schemes(pc_context *ctx, const pc_total *a, const pc_total *b,
                              pc_group_scheme *joined)
{
    *joined = a->group->scheme;
    joined->key = pc_alloc(&ctx->memory, joined->n_keys, sizeof *joined->key);
    if (joined->key == NULL) return out_of_memory(&ctx->error);
    for (int64_t k = 0; k < joined->n_keys; k++) joined->key[k] = a->group->scheme.key[k];
    const pc_status status = pc_group_join_keys(ctx, joined, &b->group->scheme);
    if (joined->n_radix > most_table(&a->layout) || !a->group->scheme.is_table)
        joined->is_table = false;
    return status;
}

static bool same_plan(const pc_total_plan *a, const pc_total_plan *b)
{
    return a->n_keys == b->n_keys && a->n_flags == b->n_flags && a->n_values == b->n_values &&
           a->n_pairs == b->n_pairs && a->has_where == b->has_where &&
           a->keep_missing == b->keep_missing && a->flags_may_miss == b->flags_may_miss;
}

static bool same_layout(const record_layout *a, const record_layout *b)
{
    return a->has_cells == b->has_cells && a->bits == b->bits && a->stride == b->stride &&
           a->n_lanes == b->n_lanes;
}

pc_status pc_total_merge(pc_context *ctx, pc_total *into, const pc_total *other)
{
    if (!same_plan(&into->plan, &other->plan) || into->is_finished || other->is_finished)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with an unfinished state of the same plan");
    if (other->group == NULL) return PC_OK;
    if (!into->has_layout) into->layout = other->layout;
    into->has_layout = true;
    if (!same_layout(&into->layout, &other->layout))
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with a state of the same expected_groups");
    pc_group_scheme joined = {0};
    pc_status status = into->group == NULL ? widen(ctx, into, &other->group->scheme)
                                           : join_schemes(ctx, into, other, &joined);
    if (status == PC_OK && joined.key != NULL) status = widen(ctx, into, &joined);
    pc_free(&ctx->memory, joined.key);
    for (int64_t l = 0; status == PC_OK && l < into->layout.n_lanes; l++)
        status = join_lane(ctx, other, l, into->n_rows, into->group, l, &into->lane[l]);
    if (status == PC_OK) into->n_rows += other->n_rows;
    return status;
}

enum { JOIN_TASKS = 16 };

/* A share of the direct codes: all lanes are added to lane 0, in lane order. */
static pc_status join_codes(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    pc_total *total = arg;
    const int64_t stride = total->layout.stride, n = total->lane[0].room + 1;
    (void)worker;
    (void)err;
    for (int64_t r = n * task / JOIN_TASKS; r < n * (task + 1) / JOIN_TASKS; r++)
        for (int64_t l = 1; l < total->layout.n_lanes; l++) {
            const total_lane *from = &total->lane[l];
            if (from->table == NULL) continue;
            add_to_record(&total->layout, total->lane[0].table + r * stride,
                          from->table + r * stride);
            if (from->seen != NULL && r > 0 && from->seen[r - 1]) total->lane[0].seen[r - 1] = 1;
        }
    return PC_OK;
}

static pc_status list_live(pc_context *ctx, pc_total *total)
{
    const total_lane *lane = &total->lane[0];
    int64_t n = 0;
    for (int64_t c = 0; c < lane->room; c++) n += is_live(total, lane, c);
    total->live = pc_alloc(&ctx->memory, n, sizeof *total->live);
    if (total->live == NULL) return out_of_memory(&ctx->error);
    total->n_groups = 0;
    for (int64_t c = 0; c < lane->room; c++)
        if (is_live(total, lane, c)) total->live[total->n_groups++] = c;
    return PC_OK;
}

static pc_status finish_table(pc_context *ctx, pc_total *total)
{
    total_lane *first = &total->lane[0];
    pc_status status =
        make_room(ctx, total, total->group, first, total->group->scheme.n_radix, &ctx->error);
    if (status != PC_OK) return status;
    status = pc_parallel_run(ctx, first->room < 1000 ? 1 : ctx->n_threads, JOIN_TASKS, join_codes,
                             total);
    if (status != PC_OK) return status;
    for (int64_t l = 1; l < total->layout.n_lanes; l++)
        first->where_missing += total->lane[l].where_missing;
    return list_live(ctx, total);
}

pc_status pc_total_finish(pc_context *ctx, pc_total *total)
{
    pc_status status = PC_OK;
    if (total->is_finished) return PC_OK;
    if (total->group == NULL) {
        const pc_group_scheme empty = {.is_table = true, .n_radix = total->plan.n_keys == 0};
        if (!total->has_layout) total->layout = layout_of(&total->plan, 1);
        total->group = pc_group_new(ctx, &empty, total->layout.n_lanes);
        if (total->group == NULL) return out_of_memory(&ctx->error);
    }
    if (total->group->scheme.is_table) status = finish_table(ctx, total);
    for (int64_t l = 1; !total->group->scheme.is_table && l < total->layout.n_lanes; l++)
        if (status == PC_OK)
            status = join_lane(ctx, total, l, 0, total->group, 0, &total->lane[0]);
    if (status != PC_OK) return status;
    if (!total->group->scheme.is_table) total->n_groups = pc_group_n_codes(total->group, 0);
    total->is_finished = true;
    return PC_OK;
}

/* ---- read ------------------------------------------------------------------------------------ */

int64_t pc_total_n_rows(const pc_total *total)
{
    return total->n_rows;
}

int64_t pc_total_where_missing(const pc_total *total)
{
    return total->lane[0].where_missing;
}

int64_t pc_total_n_groups(const pc_total *total)
{
    return total->n_groups;
}

static int64_t code_of_group(const pc_total *total, int64_t g)
{
    return total->live == NULL ? g : total->live[g];
}

/* Sum of the cells of a part whose combination holds the flag (all cells: flag -1), in their order. */
static double sum_of_cells(const double *cells, int64_t n_cells, int64_t flag)
{
    double sum = 0, error = 0;
    for (int64_t m = 0; m < n_cells; m++) {
        if (flag >= 0 && !(m >> flag & 1)) continue;
        sum = two_sum(sum, cells[2 * m], &error);
        error += cells[2 * m + 1];
    }
    return sum + error;
}

static void read_cells(const pc_total *total, const double *record, int64_t g,
                       const pc_total_result *result)
{
    const int64_t n_groups = total->n_groups, bits = total->layout.bits;
    const double weight =
        sum_of_cells(record + 2, (int64_t)1 << flags_in_part(total, 0), -1);
    result->n[g] = (int64_t)record[0];
    result->weight[g] = weight;
    for (int64_t j = 0; j < total->plan.n_flags; j++) {
        const int64_t part = j / bits;
        const double sum =
            sum_of_cells(record + first_of_part(&total->layout, part),
                         (int64_t)1 << flags_in_part(total, part), j % bits);
        result->score_n[j * n_groups + g] = result->n[g];
        result->score_weight[j * n_groups + g] = weight;
        /* two orders of adding the same weights: a rate must not come out above 1 */
        result->sum[j * n_groups + g] = sum < weight ? sum : weight;
    }
}

static void read_sums(const pc_total *total, const double *record, int64_t g,
                      const pc_total_result *result)
{
    const int64_t n_groups = total->n_groups, width = total->layout.width;
    const int64_t n_scores = pc_total_n_scores(&total->plan), n_sums = pc_total_n_sums(&total->plan);
    result->n[g] = (int64_t)record[0];
    result->weight[g] = record[1] + record[width + 1];
    for (int64_t j = 0; j < n_scores; j++) {
        const int64_t at = 2 + 2 * j;
        result->score_n[j * n_groups + g] = (int64_t)record[at];
        result->score_weight[j * n_groups + g] = record[at + 1] + record[width + at + 1];
    }
    for (int64_t s = 0; s < n_sums; s++) {
        const int64_t at = 2 + 2 * n_scores + s;
        result->sum[s * n_groups + g] = record[at] + record[width + at];
    }
}

void pc_total_read(const pc_total *total, const pc_total_result *result)
{
    for (int64_t g = 0; g < total->n_groups; g++) {
        const double *record =
            total->lane[0].table + (code_of_group(total, g) + 1) * total->layout.stride;
        if (total->layout.has_cells) read_cells(total, record, g, result);
        else read_sums(total, record, g, result);
    }
}

void pc_total_read_key(const pc_total *total, int64_t k, int64_t *value, uint8_t *missing)
{
    for (int64_t g = 0; g < total->n_groups; g++) {
        bool is_missing = false;
        value[g] = pc_group_key_value(total->group, 0, code_of_group(total, g), k, &is_missing);
        missing[g] = is_missing;
    }
}
