#include "pc_parallel.h"
#include "pc_total_state.h"

#include <string.h>

enum { SERIAL_ROWS = 200000, FINISH_TASKS = 16, STEP = 64 /* groups between two looks at the stop flag */ };
static const int64_t lanes_bytes = 48 * 1024 * 1024; /* the tables of all lanes together */

int64_t pc_total_n_scores(const pc_total_plan *plan)
{
    return plan->n_flags + plan->n_values + plan->n_pairs;
}

int64_t pc_total_n_sums(const pc_total_plan *plan)
{
    return plan->n_flags + plan->n_values + 2 * plan->n_pairs + plan->n_made;
}

static pc_record_layout layout_for(const pc_total_plan *plan, int64_t n_groups)
{
    if (plan->has_profile) return pc_record_profile(plan->n_flags);
    const bool only_flags = plan->n_values == 0 && plan->n_pairs == 0 && plan->n_made == 0;
    if (only_flags && !plan->flags_may_miss) return pc_record_flags(plan->n_flags, n_groups);
    if (plan->n_made > 0 && pc_total_n_scores(plan) == 0 && !plan->made_any_sign)
        return pc_record_scores(plan->n_made, n_groups);
    return pc_record_sums(pc_total_n_scores(plan), pc_total_n_sums(plan), n_groups);
}

static int64_t most_bytes(const pc_total *total)
{
    return total->plan.has_profile ? pc_total_profile_bytes : lanes_bytes;
}

/* Lanes and layout for so many groups: fewer lanes where their tables would be too large to copy, or where
 * copying would cost more than adding rows. */
static void set_layout(pc_total *total, int64_t n_groups)
{
    enum { LEAST_ROWS = 4 }; /* of a lane, per group */
    const int64_t rows = total->plan.expected_rows;
    total->layout = layout_for(&total->plan, n_groups);
    const int64_t bytes = n_groups * total->layout.stride * (int64_t)sizeof(double);
    total->n_lanes = PC_LANES;
    while (total->n_lanes > 1 && bytes * total->n_lanes > most_bytes(total)) total->n_lanes /= 2;
    while (total->n_lanes > 1 && rows > 0 && n_groups > rows / (LEAST_ROWS * total->n_lanes))
        total->n_lanes /= 2;
}

/* Direct codes whose records fit. */
static int64_t most_table(const pc_total *total)
{
    return most_bytes(total) / (total->layout.stride * (int64_t)sizeof(double) * total->n_lanes);
}

/* ---- new and free ---------------------------------------------------------------------------- */

pc_total_plan pc_total_plan_for(const pc_rows *rows, bool keep_missing)
{
    pc_total_plan plan = {0};
    plan.n_keys = rows->n_keys;
    plan.n_flags = rows->n_flags;
    plan.n_values = rows->n_values;
    plan.n_pairs = rows->n_pairs;
    plan.n_made = rows->made == NULL ? 0 : rows->made->n_scores;
    plan.made_any_sign = rows->made != NULL && rows->made->any_sign;
    plan.has_where = rows->where != NULL;
    plan.keep_missing = keep_missing;
    for (int64_t j = 0; j < rows->n_flags; j++)
        if (!pc_column_is_complete(rows->flags[j])) plan.flags_may_miss = true;
    return plan;
}

pc_total *pc_total_new(pc_context *ctx, const pc_total_plan *plan)
{
    if (plan->has_profile && plan->n_flags > PC_RECORD_MOST_INDICATORS) {
        pc_context_fail(ctx, PC_ERR_LIMIT, "total", -1, -1, "has too many flags for a profile");
        return NULL;
    }
    pc_total *total = pc_alloc_zeroed(&ctx->memory, 1, sizeof *total);
    if (total == NULL) {
        pc_total_out_of_memory(&ctx->error);
        return NULL;
    }
    total->plan = *plan;
    if (plan->expected_groups > INT32_MAX) total->plan.expected_groups = INT32_MAX; /* as codes */
    if (plan->expected_groups > 0) set_layout(total, total->plan.expected_groups);
    return total;
}

void pc_total_free(pc_context *ctx, pc_total *total)
{
    if (total == NULL) return;
    for (int64_t l = 0; l < PC_LANES; l++) pc_total_free_lane(ctx, &total->lane[l]);
    pc_free(&ctx->memory, total->values);
    pc_free(&ctx->memory, total->live);
    pc_group_free(ctx, total->group);
    pc_free(&ctx->memory, total);
}

/* ---- room for groups ------------------------------------------------------------------------- */

/* A group of direct codes exists when a row of it was seen: outside the domain, in its record, or in what
 * was put aside of that, which leaves the record empty. */
static bool is_live(const pc_total *total, const pc_total_lane *lane, int64_t code)
{
    const int64_t n_slots = total->layout.stride / total->layout.slot;
    if (lane->seen != NULL && lane->seen[code]) return true;
    for (int64_t s = 0; lane->kept_at != NULL && s < n_slots; s++)
        if (lane->kept_at[(code + 1) * n_slots + s] > 0) return true;
    return pc_record_has_rows(&total->layout, lane->table + (code + 1) * total->layout.stride);
}

/* [room] 1 for each direct code that lives. */
static uint8_t *live_codes(pc_context *ctx, const pc_total *total, const pc_total_lane *lane)
{
    uint8_t *live = pc_alloc(&ctx->memory, lane->room, 1);
    if (live == NULL) {
        pc_total_out_of_memory(&ctx->error);
        return NULL;
    }
    for (int64_t c = 0; c < lane->room; c++) live[c] = is_live(total, lane, c);
    return live;
}

/* ---- update ---------------------------------------------------------------------------------- */

/* A block that fails is gone through again row by row: its checks come column by column, but the
 * error must name its first bad row. */
static pc_status name_first_bad_row(pc_total_block *b, int64_t row, int64_t n, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        b->row = row + i;
        b->n = 1;
        const pc_status status = pc_total_add_block(b, err);
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
static pc_status add_run(pc_worker *worker, update_job *job, pc_total_block *b, int64_t first, int64_t end)
{
    for (int64_t row = first; row < end; row += PC_BLOCK) {
        if (row > atomic_load_explicit(&job->first_bad, memory_order_relaxed)) return PC_OK;
        if (pc_worker_stopped(worker)) return PC_ERR_INTERRUPTED;
        b->row = row;
        b->n = end - row < PC_BLOCK ? end - row : PC_BLOCK;
        pc_error *err = &b->lane->error;
        const int64_t n = b->n;
        pc_status status = pc_total_add_block(b, err);
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
    const int64_t n_lanes = total->n_lanes, begin = total->n_rows;
    const int64_t end = begin + job->rows->n;
    pc_total_block b = {.ctx = worker->ctx,
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
    if (status == PC_OK && rows->made != NULL)
        status = rows->made->check(rows->made->maker, rows->n, &ctx->error);
    return status;
}

static pc_status check_plan(pc_context *ctx, const pc_total *total, const pc_rows *rows)
{
    const pc_total_plan *plan = &total->plan;
    const pc_total_plan found = pc_total_plan_for(rows, plan->keep_missing);
    const bool fits = plan->n_keys == found.n_keys && plan->n_flags == found.n_flags &&
                      plan->n_values == found.n_values && plan->n_pairs == found.n_pairs &&
                      plan->n_made == found.n_made && plan->made_any_sign == found.made_any_sign &&
                      plan->has_where == found.has_where &&
                      (!plan->has_profile || pc_total_n_sums(&found) == found.n_flags) &&
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
    pc_error err;
    pc_status status = PC_OK;
    if (group == NULL) return pc_total_out_of_memory(&ctx->error);
    /* a bad row ends the count: it comes again, and is named, when the rows are added */
    for (int64_t row = 0; status == PC_OK && row < n; row += PC_BLOCK) {
        const int64_t size = n - row < PC_BLOCK ? n - row : PC_BLOCK;
        status = pc_group_block(ctx, group, 0, rows->keys, row, size, 0, code, &err);
    }
    *n_groups = pc_group_n_codes(group, 0);
    pc_group_free(ctx, group);
    return status == PC_ERR_MEMORY ? pc_total_out_of_memory(&ctx->error) : PC_OK;
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

/* Add a slot to another one: into an empty place as it is, so that nothing is rounded; else to what is
 * kept of the place, or by two-sum. */
static pc_status join_slot(pc_context *ctx, const pc_total *total, const pc_total_lane *from,
                           int64_t from_slot, pc_total_lane *to, int64_t to_slot)
{
    const pc_record_layout *layout = &total->layout;
    double *more = from->table + from_slot * layout->slot, *place = to->table + to_slot * layout->slot;
    const int32_t from_kept = from->kept_at == NULL ? 0 : from->kept_at[from_slot];
    const bool is_empty = place[PC_RECORD_N] == 0;
    double *kept = NULL;
    if (from_kept > 0 || (!is_empty && layout->form != PC_RECORD_SUMS)) {
        kept = pc_total_kept(ctx, total, to, to_slot);
        if (kept == NULL) return pc_total_out_of_memory(&ctx->error);
    }
    if (from_kept > 0)
        pc_record_add_kept(layout, kept, from->kept + (from_kept - 1) * 2 * layout->width);
    if (is_empty) memcpy(place, more, (size_t)layout->slot * sizeof *place);
    else pc_record_add_slot(layout, kept == NULL ? place : kept, more);
    return PC_OK;
}

/* Add the groups of lane l of `from` to lane `to`, which has the codes of lane to_lane of `group`. */
static pc_status join_lane(pc_context *ctx, const pc_total *from, int64_t l, int64_t row_offset,
                           pc_group *group, int64_t to_lane, pc_total_lane *to)
{
    const int64_t n_codes = pc_group_n_codes(from->group, l);
    const int64_t n_slots = from->layout.stride / from->layout.slot;
    const pc_total_lane *source = &from->lane[l];
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
        pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    status = pc_group_transfer(ctx, from->group, l, live, row_offset, group, to_lane, map);
    if (status == PC_OK)
        status = pc_total_make_room(ctx, from, group, to, pc_group_n_codes(group, to_lane),
                                    &ctx->error);
    for (int64_t c = 0; c < n_codes; c++) {
        if (status == PC_OK && c % PC_BLOCK == 0 && pc_caller_stopped(ctx))
            status = pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
        if (status != PC_OK) goto done;
        if (map[c] < 0) continue;
        for (int64_t s = 0; status == PC_OK && s < n_slots; s++)
            status = join_slot(ctx, from, source, (c + 1) * n_slots + s, to,
                               (map[c] + 1) * n_slots + s);
        if (status != PC_OK) goto done;
        if (to->seen != NULL) to->seen[map[c]] = 1;
    }
    to->where_missing += source->where_missing;
    to->zero_weights += source->zero_weights;
done:
    pc_free(&ctx->memory, live);
    pc_free(&ctx->memory, map);
    return status;
}

/* Give a lane the codes of a wider scheme. */
static pc_status move_lane(pc_context *ctx, pc_total *total, int64_t l, pc_group *wider)
{
    pc_total_lane moved = {0};
    const pc_status status = join_lane(ctx, total, l, 0, wider, l, &moved);
    if (status != PC_OK) {
        pc_total_free_lane(ctx, &moved);
        return status;
    }
    pc_total_free_lane(ctx, &total->lane[l]);
    total->lane[l] = moved;
    return PC_OK;
}

/* Take the scheme over; the lanes follow when codes change. */
static pc_status widen(pc_context *ctx, pc_total *total, const pc_group_scheme *scheme)
{
    if (total->group != NULL && same_scheme(&total->group->scheme, scheme)) return PC_OK;
    pc_group *wider = pc_group_new(ctx, scheme, total->n_lanes);
    if (wider == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t l = 0; total->group != NULL && l < total->n_lanes; l++) {
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

/* Learn the keys of the first n_scanned new rows. */
static pc_status prepare(pc_context *ctx, pc_total *total, const pc_rows *rows, int64_t n_scanned)
{
    const int64_t n_keys = total->plan.n_keys;
    pc_group_scheme scheme = {.n_keys = n_keys, .keep_missing = total->plan.keep_missing};
    pc_status status = PC_OK;

    scheme.key = pc_alloc_zeroed(&ctx->memory, n_keys, sizeof *scheme.key);
    if (scheme.key == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t k = 0; total->group != NULL && k < n_keys; k++)
        scheme.key[k] = total->group->scheme.key[k];
    status = pc_group_scan(ctx, &scheme, rows->keys, n_scanned, INT32_MAX);
    if (status == PC_OK && total->n_lanes == 0) {
        int64_t n_groups = 0;
        status = count_groups(ctx, &scheme, rows, &n_groups);
        if (status == PC_OK) set_layout(total, n_groups);
    }
    if (status == PC_OK) {
        if (scheme.n_radix > most_table(total)) scheme.is_table = false;
        if (total->group != NULL && !total->group->scheme.is_table) scheme.is_table = false;
        status = widen(ctx, total, &scheme);
    }
    pc_free(&ctx->memory, scheme.key);
    return status;
}

/* Hand out the lanes; the error is that of the smallest bad row. */
static pc_status run_lanes(pc_context *ctx, pc_total *total, const pc_rows *rows)
{
    update_job job = {.total = total, .rows = rows};
    const pc_error *first = NULL;
    atomic_init(&job.first_bad, INT64_MAX);
    for (int64_t l = 0; l < PC_LANES; l++) total->lane[l].error.status = PC_OK;
    const int n_threads = rows->n < SERIAL_ROWS ? 1 : ctx->n_threads;
    const pc_status status = pc_parallel_run(ctx, n_threads, total->n_lanes, update_lane, &job);
    if (status != PC_OK) return status;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        const pc_error *error = &total->lane[l].error;
        if (error->status != PC_OK && (first == NULL || error->index < first->index)) first = error;
    }
    if (first == NULL) return PC_OK;
    ctx->error = *first;
    return first->status;
}

/* The first run of rows tells the ranges of the keys, unless a later row lies outside: then its digit is
 * missing, and the pass must be made again. Worth trying where scanning all keys costs a good part of
 * the pass; not where a digit outside would pass for a missing key. */
static bool can_guess(const pc_total *total, const pc_rows *rows)
{
    bool all_integers = rows->n_keys > 0;
    for (int64_t k = 0; k < rows->n_keys; k++)
        all_integers = all_integers && pc_type_is_integer(rows->keys[k]->type);
    return all_integers && total->group == NULL && !total->plan.keep_missing &&
           rows->n >= 2 * PC_RUN;
}

static void forget_rows(pc_context *ctx, pc_total *total)
{
    for (int64_t l = 0; l < PC_LANES; l++) pc_total_free_lane(ctx, &total->lane[l]);
    pc_group_free(ctx, total->group);
    total->group = NULL;
}

pc_status pc_total_update(pc_context *ctx, pc_total *total, const pc_rows *rows)
{
    pc_status status = check_plan(ctx, total, rows);
    if (status != PC_OK || rows->n == 0) return status; /* no row: layout and key types stay open */
    if (can_guess(total, rows)) {
        status = prepare(ctx, total, rows, PC_RUN);
        if (status == PC_OK) status = run_lanes(ctx, total, rows);
        if (status == PC_ERR_GROUP) forget_rows(ctx, total);
        else if (status != PC_OK) return status;
    } else status = PC_ERR_GROUP;
    if (status == PC_ERR_GROUP) {
        status = prepare(ctx, total, rows, rows->n);
        if (status == PC_OK) status = run_lanes(ctx, total, rows);
    }
    if (status == PC_OK) total->n_rows += rows->n;
    return status;
}

/* ---- merge and finish ------------------------------------------------------------------------ */

/* The scheme that holds the keys of both. */
static pc_status join_schemes(pc_context *ctx, const pc_total *a, const pc_total *b,
                              pc_group_scheme *joined)
{
    *joined = a->group->scheme;
    joined->key = pc_alloc(&ctx->memory, joined->n_keys, sizeof *joined->key);
    if (joined->key == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t k = 0; k < joined->n_keys; k++) joined->key[k] = a->group->scheme.key[k];
    const pc_status status = pc_group_join_keys(ctx, joined, &b->group->scheme);
    if (joined->n_radix > most_table(a) || !a->group->scheme.is_table)
        joined->is_table = false;
    return status;
}

static bool same_plan(const pc_total_plan *a, const pc_total_plan *b)
{
    return a->n_keys == b->n_keys && a->n_flags == b->n_flags && a->n_values == b->n_values &&
           a->n_pairs == b->n_pairs && a->n_made == b->n_made &&
           a->made_any_sign == b->made_any_sign && a->has_where == b->has_where &&
           a->keep_missing == b->keep_missing && a->flags_may_miss == b->flags_may_miss &&
           a->has_profile == b->has_profile;
}

static bool same_layout(const pc_total *a, const pc_total *b)
{
    return a->layout.stride == b->layout.stride && a->layout.slot == b->layout.slot &&
           a->n_lanes == b->n_lanes;
}

pc_status pc_total_merge(pc_context *ctx, pc_total *into, const pc_total *other)
{
    if (!same_plan(&into->plan, &other->plan) || into->is_finished || other->is_finished)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with an unfinished state of the same plan");
    if (other->group == NULL) return PC_OK;
    if (into->n_lanes == 0) {
        into->layout = other->layout;
        into->n_lanes = other->n_lanes;
    }
    if (!same_layout(into, other))
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1,
                               "can be merged only with a state of the same expected_groups");
    pc_group_scheme joined = {0};
    pc_status status = into->group == NULL ? widen(ctx, into, &other->group->scheme)
                                           : join_schemes(ctx, into, other, &joined);
    if (status == PC_OK && joined.key != NULL) status = widen(ctx, into, &joined);
    pc_free(&ctx->memory, joined.key);
    for (int64_t l = 0; status == PC_OK && l < into->n_lanes; l++)
        status = join_lane(ctx, other, l, into->n_rows, into->group, l, &into->lane[l]);
    if (status == PC_OK) into->n_rows += other->n_rows;
    return status;
}

/* What finishing needs to know of the groups. */
typedef struct finish_job {
    pc_total *total;
    uint8_t *live; /* direct codes: [n_radix] 1 for each that lives in some lane */
    int64_t *code; /* else: the code of each group in each lane [n_lanes x n_groups]; -1: none */
} finish_job;

/* A share of the direct codes. */
static pc_status find_live(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const finish_job *job = arg;
    const pc_total *total = job->total;
    const int64_t n = total->group->scheme.n_radix;
    const int64_t begin = n * task / FINISH_TASKS, end = n * (task + 1) / FINISH_TASKS;
    if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    for (int64_t l = 0; l < total->n_lanes; l++)
        for (int64_t c = begin; c < end && c < total->lane[l].room; c++)
            if (!job->live[c]) job->live[c] = is_live(total, &total->lane[l], c);
    return PC_OK;
}

static int finish_threads(const pc_context *ctx, const pc_total *total, int64_t n_groups)
{
    return n_groups * total->layout.total < 10000 ? 1 : ctx->n_threads;
}

/* Direct codes are the same in all lanes. */
static pc_status find_direct(pc_context *ctx, pc_total *total, finish_job *job)
{
    const int64_t n = total->group->scheme.n_radix;
    job->live = pc_alloc_zeroed(&ctx->memory, n, 1);
    if (job->live == NULL) return pc_total_out_of_memory(&ctx->error);
    if (total->plan.n_keys == 0) job->live[0] = 1; /* without keys there is always one group */
    const pc_status status =
        pc_parallel_run(ctx, finish_threads(ctx, total, n), FINISH_TASKS, find_live, job);
    if (status != PC_OK) return status;
    total->n_groups = 0;
    for (int64_t c = 0; c < n; c++) total->n_groups += job->live[c];
    total->live = pc_alloc(&ctx->memory, total->n_groups, sizeof *total->live);
    if (total->live == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t c = 0, g = 0; g < total->n_groups; c++)
        if (job->live[c]) total->live[g++] = c;
    return PC_OK;
}

/* The groups of all lanes get codes of lane 0, after its own ones. */
static pc_status find_words(pc_context *ctx, pc_total *total, finish_job *job)
{
    int64_t most = 0, own[PC_LANES], *map = NULL;
    pc_status status = PC_ERR_MEMORY;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        own[l] = pc_group_n_codes(total->group, l);
        most += own[l];
    }
    map = pc_alloc(&ctx->memory, most, sizeof *map);
    if (map == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t l = 0, at = 0; l < total->n_lanes; at += own[l++]) {
        for (int64_t c = 0; l == 0 && c < own[0]; c++) map[c] = c;
        status = l == 0 ? PC_OK
                        : pc_group_transfer(ctx, total->group, l, NULL, 0, total->group, 0,
                                            map + at);
        if (status != PC_OK) goto done;
    }
    total->n_groups = pc_group_n_codes(total->group, 0);
    job->code = pc_alloc(&ctx->memory, total->n_groups * total->n_lanes, sizeof *job->code);
    if (job->code == NULL) {
        status = pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    for (int64_t k = 0; k < total->n_groups * total->n_lanes; k++) job->code[k] = -1;
    for (int64_t l = 0, at = 0; l < total->n_lanes; at += own[l++])
        for (int64_t c = 0; c < own[l]; c++) job->code[l * total->n_groups + map[at + c]] = c;
done:
    pc_free(&ctx->memory, map);
    return status;
}

static void sum_record(const pc_total *total, const pc_total_lane *lane, int64_t code, double *sum)
{
    const pc_record_layout *layout = &total->layout;
    const int64_t n_slots = layout->stride / layout->slot;
    pc_record_sum(layout, sum, lane->table + (code + 1) * layout->stride);
    for (int64_t s = 0; lane->kept_at != NULL && s < layout->n_slots; s++) {
        const int32_t kept = lane->kept_at[(code + 1) * n_slots + s];
        if (kept > 0)
            pc_record_sum_kept(layout, sum, s, lane->kept + (kept - 1) * 2 * layout->width);
    }
}

/* The lanes with records, when there are at most two, each of one slot without errors of its own and with
 * nothing put aside: the sum of two numbers is then rounded once, as it is with its error. Else false. */
static bool find_plain_lanes(const pc_total *total, const pc_total_lane *plain[2])
{
    int n = 0;
    plain[0] = plain[1] = NULL;
    if (total->layout.form == PC_RECORD_CELLS || total->layout.n_slots != 1 ||
        total->layout.slot != total->layout.n_values || total->layout.stride != total->layout.slot)
        return false;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        if (total->lane[l].table == NULL) continue;
        if (n == 2 || total->lane[l].kept_at != NULL) return false;
        plain[n++] = &total->lane[l];
    }
    return n > 0;
}

static void finish_plain(const pc_total *total, const pc_total_lane *const plain[2], int64_t g)
{
    const int64_t width = total->layout.slot, code = total->live[g];
    double *values = total->values + g * width;
    for (int64_t k = 0; k < width; k++) values[k] = 0.0;
    for (int l = 0; l < 2 && plain[l] != NULL; l++) {
        if (code >= plain[l]->room) continue;
        const double *record = plain[l]->table + (code + 1) * width;
        for (int64_t k = 0; k < width; k++) values[k] += record[k];
    }
}

/* A share of the groups: the records of all lanes are added in lane order. */
static pc_status finish_groups(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const finish_job *job = arg;
    const pc_total *total = job->total;
    const int64_t n = total->n_groups, end = n * (task + 1) / FINISH_TASKS;
    const size_t bytes = 2 * (size_t)total->layout.total * sizeof(double);
    pc_status status = PC_OK;
    const pc_total_lane *plain[2];
    if (job->code == NULL && find_plain_lanes(total, plain)) {
        for (int64_t g = n * task / FINISH_TASKS; g < end; g++) {
            finish_plain(total, plain, g);
            if (g % STEP == 0 && pc_worker_stopped(worker))
                return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
        }
        return PC_OK;
    }
    double *sum = pc_alloc(&worker->ctx->memory, 1, bytes);
    if (sum == NULL) return pc_total_out_of_memory(err);
    for (int64_t g = n * task / FINISH_TASKS; status == PC_OK && g < end; g++) {
        memset(sum, 0, bytes);
        for (int64_t l = 0; l < total->n_lanes; l++) {
            const int64_t code = job->code == NULL ? total->live[g] : job->code[l * n + g];
            if (code >= 0 && code < total->lane[l].room)
                sum_record(total, &total->lane[l], code, sum);
        }
        pc_record_finish(&total->layout, sum, total->values + g * total->layout.n_values);
        if (g % STEP == 0 && pc_worker_stopped(worker))
            status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "interrupted");
    }
    pc_free(&worker->ctx->memory, sum);
    return status;
}

/* A state that never saw a row has no groups, or without keys one. */
static pc_status make_empty(pc_context *ctx, pc_total *total)
{
    const pc_group_scheme empty = {.is_table = true, .n_radix = total->plan.n_keys == 0};
    if (total->n_lanes == 0) set_layout(total, 1);
    total->group = pc_group_new(ctx, &empty, total->n_lanes);
    return total->group == NULL ? pc_total_out_of_memory(&ctx->error) : PC_OK;
}

pc_status pc_total_finish(pc_context *ctx, pc_total *total)
{
    finish_job job = {.total = total};
    pc_status status = PC_OK;

    if (total->is_finished) return PC_OK;
    if (total->group == NULL) status = make_empty(ctx, total);
    if (status != PC_OK) return status;
    status = total->group->scheme.is_table ? find_direct(ctx, total, &job)
                                           : find_words(ctx, total, &job);
    if (status != PC_OK) goto done;
    total->values = pc_alloc(&ctx->memory, total->n_groups,
                             (size_t)total->layout.n_values * sizeof(double));
    if (total->values == NULL) {
        status = pc_total_out_of_memory(&ctx->error);
        goto done;
    }
    status = pc_parallel_run(ctx, finish_threads(ctx, total, total->n_groups), FINISH_TASKS,
                             finish_groups, &job);
    if (status != PC_OK) goto done;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        total->where_missing += total->lane[l].where_missing;
        total->zero_weights += total->lane[l].zero_weights;
        pc_total_free_lane(ctx, &total->lane[l]);
    }
    total->is_finished = true;
done:
    pc_free(&ctx->memory, job.live);
    pc_free(&ctx->memory, job.code);
    return status;
}

/* ---- read ------------------------------------------------------------------------------------ */

int64_t pc_total_n_rows(const pc_total *total)
{
    return total->n_rows;
}

int64_t pc_total_where_missing(const pc_total *total)
{
    return total->where_missing;
}

int64_t pc_total_zero_weights(const pc_total *total)
{
    return total->zero_weights;
}

int64_t pc_total_n_groups(const pc_total *total)
{
    return total->n_groups;
}

static const double *values_of(const pc_total *total, int64_t g)
{
    return total->values + g * total->layout.n_values;
}

void pc_total_read(const pc_total *total, const pc_total_result *result)
{
    pc_record_read(&total->layout, total->n_groups, total->values, result->n, result->weight,
                   result->score_n, result->score_weight, result->sum);
}

int64_t pc_total_n_cells(const pc_total *total)
{
    int64_t n_cells = 0;
    for (int64_t g = 0; total->plan.has_profile && g < total->n_groups; g++)
        n_cells += pc_record_read_cells(&total->layout, values_of(total, g), NULL, NULL, NULL);
    return n_cells;
}

void pc_total_read_cells(const pc_total *total, int64_t *group, uint64_t *mask, int64_t *n,
                         double *weight)
{
    int64_t at = 0;
    for (int64_t g = 0; total->plan.has_profile && g < total->n_groups; g++) {
        const int64_t n_cells = pc_record_read_cells(&total->layout, values_of(total, g),
                                                     mask + at, n + at, weight + at);
        for (int64_t c = 0; c < n_cells; c++) group[at + c] = g;
        at += n_cells;
    }
}

void pc_total_read_key(const pc_total *total, int64_t k, int64_t *value, uint8_t *missing)
{
    pc_group_key_values(total->group, 0, total->n_groups, total->live, k, value, missing);
}
