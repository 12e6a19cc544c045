#include "pc_parallel.h"
#include "pc_total_state.h"

enum { SERIAL_ROWS = 200000, LEAST_LANES = 2 };
/* The tables of all lanes together. Those of profiles are cleared and read whole, and should stay in cache. */
static const int64_t lanes_bytes = 48 * 1024 * 1024, profile_lanes_bytes = 32 * 1024 * 1024;
static const int64_t most_dealt = 32 * 1024 * 1024;  /* rows that are dealt before they are added */

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


void pc_total_set_layout(pc_total *total, int64_t n_groups)
{
    enum { LEAST_ROWS = 4 }; /* of a lane, per group */
    const int64_t rows = total->plan.expected_rows;
    total->layout = layout_for(&total->plan, n_groups);
    const int64_t bytes = n_groups * pc_total_record_bytes(&total->layout);
    const int64_t most = total->plan.has_profile ? profile_lanes_bytes : lanes_bytes;
    total->n_lanes = PC_LANES;
    while (total->n_lanes > 1 && bytes * total->n_lanes > most) total->n_lanes /= 2;
    if (total->plan.has_profile) return;
    while (total->n_lanes > 1 && rows > 0 && n_groups > rows / (LEAST_ROWS * total->n_lanes))
        total->n_lanes /= 2;
}

int64_t pc_total_most_table(const pc_total *total)
{
    const int64_t most = total->plan.has_profile ? pc_total_profile_bytes : lanes_bytes;
    return most / (pc_total_record_bytes(&total->layout) * total->n_lanes);
}

bool pc_total_can_deal(const pc_total *total, const pc_group_scheme *scheme)
{
    return scheme->is_table && scheme->n_radix <= pc_deal_most_keys() >> total->plan.n_flags;
}

/* Rows that were not counted may have more groups than tables of those that were have room for: a register
 * sorted by its groups begins with few of them. */
static bool may_outgrow_tables(const pc_total *total, const pc_group_scheme *scheme,
                               const pc_rows *rows)
{
    return total->plan.expected_groups == 0 && rows->n > PC_RUN &&
           scheme->n_radix > pc_total_most_table(total);
}

static bool is_better_dealt(const pc_total *total, const pc_group_scheme *scheme, const pc_rows *rows)
{
    return total->plan.has_profile && pc_total_can_deal(total, scheme) &&
           (total->n_lanes < LEAST_LANES || may_outgrow_tables(total, scheme, rows));
}

pc_status pc_total_start_deal(pc_context *ctx, pc_total *total, int64_t n_codes)
{
    const int64_t n_words = pc_total_dealt_words(n_codes);
    total->deal = pc_deal_new(ctx, n_codes << total->plan.n_flags);
    total->dealt = pc_alloc_zeroed(&ctx->memory, n_words, sizeof *total->dealt);
    if (total->deal != NULL && total->dealt != NULL) return PC_OK;
    pc_total_free_deal(ctx, total);
    return pc_total_out_of_memory(&ctx->error);
}

void pc_total_free_deal(pc_context *ctx, pc_total *total)
{
    pc_deal_free(ctx, total->deal);
    pc_free(&ctx->memory, (void *)total->dealt);
    total->deal = NULL;
    total->dealt = NULL;
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
    for (int64_t j = 0; rows->packed == NULL && j < rows->n_flags; j++)
        if (!pc_column_is_complete(rows->flags[j])) plan.flags_may_miss = true;
    return plan;
}

pc_total *pc_total_new(pc_context *ctx, const pc_total_plan *plan)
{
    if (plan->has_profile && (plan->n_flags < 0 || plan->n_flags > PC_RECORD_MOST_INDICATORS)) {
        pc_context_fail(ctx, PC_ERR_LIMIT, "total", -1, -1,
                        "has too many flags for a profile, or less than none");
        return NULL;
    }
    if (plan->by_unit && (plan->has_profile || plan->n_keys == 0)) {
        pc_context_fail(ctx, PC_ERR_TYPE, "total", -1, -1, "is by unit, and a profile or without a key for it");
        return NULL;
    }
    pc_total *total = pc_alloc_zeroed(&ctx->memory, 1, sizeof *total);
    if (total == NULL) {
        pc_total_out_of_memory(&ctx->error);
        return NULL;
    }
    total->plan = *plan;
    if (plan->expected_groups > INT32_MAX) total->plan.expected_groups = INT32_MAX; /* as codes */
    if (plan->expected_groups > 0) pc_total_set_layout(total, total->plan.expected_groups);
    return total;
}

void pc_total_free(pc_context *ctx, pc_total *total)
{
    if (total == NULL) return;
    for (int64_t l = 0; l < PC_LANES; l++) pc_total_free_lane(ctx, &total->lane[l]);
    pc_free(&ctx->memory, total->values);
    pc_free(&ctx->memory, total->start);
    pc_free(&ctx->memory, total->live);
    pc_total_free_deal(ctx, total);
    pc_total_free_units(ctx, &total->units);
    pc_group_free(ctx, total->group);
    pc_free(&ctx->memory, total);
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
    int64_t first, n;          /* rows that are dealt */
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

/* A lane's share of the rows that are dealt: one after the other, so that cells have them in row order. */
static pc_status deal_lane(pc_worker *worker, int64_t l, void *arg, pc_error *err)
{
    update_job *job = arg;
    pc_total_block b = {.ctx = worker->ctx,
               .total = job->total,
               .lane = &job->total->lane[l],
               .lane_number = l,
               .rows = job->rows,
               .kernels = pc_sum_kernels_for(worker->ctx->simd)};
    const int64_t first = job->first + job->n * l / PC_DEAL_LANES;
    const int64_t end = job->first + job->n * (l + 1) / PC_DEAL_LANES;
    const pc_status status = add_run(worker, job, &b, first, end);
    pc_deal_close(b.kernels);
    if (status == PC_ERR_INTERRUPTED) return pc_fail(err, status, "", -1, -1, "interrupted");
    if (status == PC_OK || is_of_a_row(status)) return PC_OK;
    *err = b.lane->error;
    return status;
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

static pc_status check_columns(pc_context *ctx, bool is_by_unit, const pc_rows *rows)
{
    pc_status status = check_column(ctx, rows->weight, rows->n, "weight", -1, false);
    if (status == PC_OK) status = check_column(ctx, rows->size, rows->n, "size", -1, false);
    if (status == PC_OK) status = check_column(ctx, rows->where, rows->n, "where", -1, false);
    for (int64_t k = 0; status == PC_OK && k < rows->n_keys; k++)
        status = check_column(ctx, rows->keys[k], rows->n, "key", k, true);
    if (status == PC_OK && is_by_unit && rows->keys[0]->type != PC_MADE)
        status = pc_context_fail(ctx, PC_ERR_TYPE, "key", 0, -1, "is not of sampling units");
    status = status == PC_OK ? check_column(ctx, rows->packed, rows->n, "packed", -1, false) : status;
    if (status == PC_OK && rows->packed != NULL && !pc_type_is_integer(rows->packed->type))
        status = pc_context_fail(ctx, PC_ERR_TYPE, "packed", -1, -1, "is no integer");
    for (int64_t j = 0; status == PC_OK && rows->packed == NULL && j < rows->n_flags; j++)
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
                      (plan->has_profile || rows->packed == NULL) &&
                      (plan->flags_may_miss || !found.flags_may_miss);
    if (total->is_finished)
        return pc_context_fail(ctx, PC_ERR_LENGTH, "total", -1, -1, "is finished");
    if (fits) return check_columns(ctx, plan->by_unit, rows);
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

/* Learn the keys of the new rows, from a few of them or from all. */
static pc_status prepare(pc_context *ctx, pc_total *total, const pc_rows *rows, bool is_guess)
{
    const int64_t n_keys = total->plan.n_keys;
    pc_group_scheme scheme = {.n_keys = n_keys, .keep_missing = total->plan.keep_missing};
    pc_status status = PC_OK;

    scheme.key = pc_alloc_zeroed(&ctx->memory, n_keys, sizeof *scheme.key);
    if (scheme.key == NULL) return pc_total_out_of_memory(&ctx->error);
    for (int64_t k = 0; total->group != NULL && k < n_keys; k++)
        scheme.key[k] = total->group->scheme.key[k];
    status = (is_guess ? pc_group_guess : pc_group_scan)(ctx, &scheme, rows->keys, rows->n, INT32_MAX);
    if (status == PC_OK && total->n_lanes == 0) {
        int64_t n_groups = 0;
        status = count_groups(ctx, &scheme, rows, &n_groups);
        if (status == PC_OK) pc_total_set_layout(total, n_groups);
    }
    if (status == PC_OK && total->group == NULL && is_better_dealt(total, &scheme, rows)) {
        total->n_lanes = PC_LANES;
        status = pc_total_start_deal(ctx, total, scheme.n_radix);
    }
    if (status == PC_OK && total->deal == NULL) {
        if (scheme.n_radix > pc_total_most_table(total)) scheme.is_table = false;
        if (total->group != NULL && !total->group->scheme.is_table) scheme.is_table = false;
    }
    if (status == PC_OK) status = pc_total_widen(ctx, total, &scheme);
    pc_free(&ctx->memory, scheme.key);
    return status;
}

/* Groups with cells have been seen; those with rows outside the domain alone were noted row by row. */
static void note_cells(pc_total *total)
{
    const int64_t n_buckets = pc_deal_n_buckets(total->deal);
    for (int64_t b = 0; b < n_buckets; b++) {
        const int64_t n = pc_deal_read(total->deal, b, NULL, NULL, NULL);
        for (int64_t c = 0, code = 0; c < n;) {
            c = pc_deal_run_end(total->deal, b, c, (int)total->plan.n_flags, &code);
            pc_total_note_dealt(total, code);
        }
    }
}

/* Deal the rows first .. first+n-1, and add them. */
static pc_status run_deal(pc_context *ctx, update_job *job, int n_threads, int64_t first, int64_t n)
{
    pc_deal *deal = job->total->deal;
    pc_status status = pc_deal_open(ctx, deal, n);
    job->first = first;
    job->n = n;
    if (status == PC_OK) status = pc_parallel_run(ctx, n_threads, PC_DEAL_LANES, deal_lane, job);
    if (status == PC_OK && atomic_load(&job->first_bad) == INT64_MAX)
        status = pc_deal_add(ctx, deal, n_threads);
    if (status == PC_OK) note_cells(job->total);
    return status;
}

static pc_status run_dealt(pc_context *ctx, update_job *job, int n_threads)
{
    const int64_t n_rows = job->rows->n;
    pc_status status = PC_OK;
    for (int64_t first = 0; status == PC_OK && first < n_rows; first += most_dealt) {
        if (atomic_load(&job->first_bad) < first) return PC_OK;
        const int64_t n = n_rows - first < most_dealt ? n_rows - first : most_dealt;
        status = run_deal(ctx, job, n_threads, first, n);
    }
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
    const pc_status status =
        total->deal == NULL ? pc_parallel_run(ctx, n_threads, total->n_lanes, update_lane, &job)
                            : run_dealt(ctx, &job, n_threads);
    if (status != PC_OK) return status;
    for (int64_t l = 0; l < total->n_lanes; l++) {
        const pc_error *error = &total->lane[l].error;
        if (error->status != PC_OK && (first == NULL || error->index < first->index)) first = error;
    }
    if (first == NULL) return PC_OK;
    ctx->error = *first;
    return first->status;
}

/* A few blocks of rows tell the ranges of the keys, unless another row lies outside: then its digit is
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
    if (total->deal == NULL) return;
    pc_total_free_deal(ctx, total);
    total->n_lanes = 1; /* as tables would have: to be decided again */
}

pc_status pc_total_update(pc_context *ctx, pc_total *total, const pc_rows *rows)
{
    pc_status status = check_plan(ctx, total, rows);
    if (status != PC_OK || rows->n == 0) return status; /* no row: layout and key types stay open */
    if (can_guess(total, rows)) {
        status = prepare(ctx, total, rows, true);
        if (status == PC_OK) status = run_lanes(ctx, total, rows);
        if (status == PC_ERR_GROUP) forget_rows(ctx, total);
        else if (status != PC_OK) return status;
    } else status = PC_ERR_GROUP;
    if (status == PC_ERR_GROUP) {
        status = prepare(ctx, total, rows, false);
        if (status == PC_OK) status = run_lanes(ctx, total, rows);
    }
    if (status == PC_OK) total->n_rows += rows->n;
    return status;
}
