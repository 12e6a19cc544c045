#include "pc_panel_state.h"

enum { PARTS = PC_PANEL_LANES, PROBES = 512 };

typedef struct merge_job {
    pc_panel_job *job;
    int64_t cut[2][PARTS + 1];
    _Atomic int is_unordered;
} merge_job;

/* A side's rows of one part, a block at a time. */
typedef struct reader {
    const pc_panel_plan *plan;
    const pc_panel_side *side;
    const pc_sum_kernels *kernels;
    int64_t row, next, end; /* first row of the block, of the next one, and the end of the part */
    bool is_first;
    int64_t last; /* number of the row before */
    pc_panel_block block;
} reader;

static pc_status number_at(const pc_panel_plan *plan, const pc_panel_side *side, int64_t row,
                           int64_t *number, pc_error *err)
{
    pc_panel_block one;
    const pc_status status = pc_panel_load(plan, side, row, 1, false, &one, err);
    if (status == PC_OK) *number = (int64_t)one.a[0];
    return status;
}

/* Some rows of a side, far apart and at the start: most files out of order show it here. */
static pc_status may_ascend(const pc_panel_plan *plan, const pc_panel_side *side, bool *may,
                            pc_error *err)
{
    int64_t last = 0, number = 0;
    const int64_t step = side->n / PROBES + 1;
    *may = true;
    for (int64_t row = 0; *may && row < side->n; row += row < PROBES ? 1 : step) {
        const pc_status status = number_at(plan, side, row, &number, err);
        if (status != PC_OK) return status;
        *may = row == 0 || number > last;
        last = number;
    }
    return PC_OK;
}

/* The first row with a number not below this one, if the side ascends. */
static pc_status find_cut(const pc_panel_plan *plan, const pc_panel_side *side, int64_t number,
                          int64_t *cut, pc_error *err)
{
    int64_t low = 0, high = side->n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        int64_t there = 0;
        const pc_status status = number_at(plan, side, middle, &there, err);
        if (status != PC_OK) return status;
        if (there < number) low = middle + 1;
        else high = middle;
    }
    *cut = low;
    return PC_OK;
}

static pc_status find_cuts(merge_job *m, pc_error *err)
{
    const pc_panel_side *side = m->job->side;
    for (int64_t p = 0; p <= PARTS; p++) {
        int64_t number = 0;
        m->cut[0][p] = side[0].n / PARTS * p + side[0].n % PARTS * p / PARTS;
        m->cut[1][p] = p == 0 ? 0 : side[1].n;
        if (p == 0 || m->cut[0][p] == side[0].n) continue;
        pc_status status = number_at(&m->job->plan, &side[0], m->cut[0][p], &number, err);
        if (status == PC_OK)
            status = find_cut(&m->job->plan, &side[1], number, &m->cut[1][p], err);
        if (status != PC_OK) return status;
        if (m->cut[1][p] < m->cut[1][p - 1]) m->cut[1][p] = m->cut[1][p - 1];
    }
    return PC_OK;
}

/* Whether each number is above the one before. Sign bits are gathered, which needs no comparison of
 * 64 bits; numbers more than 2^63 apart are taken for not ascending, which costs only time. */
static bool is_ascending(int64_t n, const uint64_t *a)
{
    uint64_t bad = 0;
    for (int64_t i = 1; i < n; i++) bad |= (a[i] - a[i - 1] - 1) | (a[i] & ~a[i - 1]);
    return bad >> 63 == 0;
}

/* The next block; *ascends becomes false when a number is not above the one before. */
static pc_status refill(reader *r, bool *ascends, pc_error *err)
{
    const int64_t left = r->end - r->next, n = left < PC_BLOCK ? left : PC_BLOCK;
    r->row = r->next;
    r->next += n;
    const pc_status status = pc_panel_load(r->plan, r->side, r->row, n, true, &r->block, err);
    if (status != PC_OK) return status;
    pc_panel_fetch(r->kernels, r->side, r->next, PC_BLOCK); /* comes in while this block is merged */
    const int64_t *a = (const int64_t *)r->block.a;
    if ((!r->is_first && a[0] <= r->last) || !is_ascending(n, r->block.a)) *ascends = false;
    r->is_first = false;
    r->last = a[n - 1];
    return PC_OK;
}

static pc_status open_reader(reader *r, const merge_job *m, pc_simd simd, int s, int64_t part,
                             pc_error *err)
{
    r->kernels = pc_sum_kernels_for(simd);
    r->plan = &m->job->plan;
    r->side = &m->job->side[s];
    r->next = m->cut[s][part];
    r->end = m->cut[s][part + 1];
    r->block.n = 0;
    r->is_first = r->next == 0;
    return r->is_first || r->next == r->end
               ? PC_OK
               : number_at(r->plan, r->side, r->next - 1, &r->last, err);
}

/* Count rows as moves, as left or as came. Most households are in both periods: the processor guesses so, and
 * is wrong about twice for each that is not. (Without jumps every step waits for the one before: measured
 * 6.5 ns a row against 5 with a tenth on either side alone.) Tables are taken by turns. */
static inline void count_blocks(const pc_panel_tables *t, _Atomic int64_t *table, bool is_shared,
                                int bits, const reader *x, const reader *y, int64_t *at_x,
                                int64_t *at_y)
{
    const int64_t *const a = (const int64_t *)x->block.a, *const b = (const int64_t *)y->block.a;
    const uint32_t *const from = x->block.code, *const to = y->block.code;
    const int64_t n_a = x->block.n, n_b = y->block.n;
    const uint64_t low = ((uint64_t)1 << bits) - 1;
    _Atomic int64_t *const left = table + t->n_moves, *const came = left + t->n_states;
    _Atomic int64_t *const other = is_shared || t->n_copies == 1 ? table : table + t->n_cells;
    int64_t i = *at_x, j = *at_y;
    while (i < n_a && j < n_b) {
        if (a[i] == b[j]) {
            const uint64_t move = (uint64_t)from[i] << bits | (to[j] & low);
            pc_panel_add(i % 2 == 0 ? &table[move] : &other[move], 1, is_shared);
            i++;
            j++;
        } else if (a[i] < b[j]) pc_panel_add(&left[from[i++]], 1, is_shared);
        else pc_panel_add(&came[to[j++]], 1, is_shared);
    }
    *at_x = i;
    *at_y = j;
}

static void count_rest(const pc_panel_tables *t, _Atomic int64_t *table, const reader *r,
                       int64_t first, int64_t at)
{
    for (int64_t i = at; i < r->block.n; i++)
        pc_panel_add(&table[first + r->block.code[i]], 1, t->is_shared);
}

static void pair_blocks(int64_t *const partner[2], const reader *x, const reader *y, int64_t *at_x,
                        int64_t *at_y)
{
    const int64_t *a = (const int64_t *)x->block.a, *b = (const int64_t *)y->block.a;
    int64_t i = *at_x, j = *at_y;
    while (i < x->block.n && j < y->block.n) {
        const bool is_before = a[i] < b[j], is_behind = a[i] > b[j];
        if (!is_behind) partner[0][x->row + i] = is_before ? -1 : y->row + j;
        if (!is_before) partner[1][y->row + j] = is_behind ? -1 : x->row + i;
        i += !is_behind;
        j += !is_before;
    }
    *at_x = i;
    *at_y = j;
}

/* Rows of a side behind the end of the other one. */
static void settle_rest(const pc_panel_job *job, int64_t lane, int s, const reader *r, int64_t at)
{
    if (job->partner != NULL)
        for (int64_t i = at; i < r->block.n; i++) job->partner[s][r->row + i] = -1;
    if (!job->plan.has_counts) return;
    const pc_panel_tables *t = &job->tables;
    count_rest(t, pc_panel_table(t, lane), r, t->n_moves + (s == 0 ? 0 : t->n_states), at);
}

static void merge_blocks(const pc_panel_job *job, int64_t lane, const reader read[2], int64_t at[2])
{
    const pc_panel_tables *t = &job->tables;
    const int64_t start[2] = {at[0], at[1]};
    if (job->partner != NULL) pair_blocks(job->partner, &read[0], &read[1], &at[0], &at[1]);
    if (!job->plan.has_counts) return;
    _Atomic int64_t *table = pc_panel_table(t, lane);
    at[0] = start[0];
    at[1] = start[1];
    if (t->is_shared)
        count_blocks(t, table, true, job->plan.state_bits, &read[0], &read[1], &at[0], &at[1]);
    else count_blocks(t, table, false, job->plan.state_bits, &read[0], &read[1], &at[0], &at[1]);
}

static pc_status merge_part(pc_worker *worker, int64_t part, void *arg, pc_error *err)
{
    merge_job *m = arg;
    reader read[2];
    int64_t at[2] = {0, 0};
    bool ascends = true;
    for (int s = 0; s < 2; s++) {
        const pc_status status = open_reader(&read[s], m, worker->ctx->simd, s, part, err);
        if (status != PC_OK) return status;
    }
    for (;;) {
        bool has_rows = false;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        if (atomic_load_explicit(&m->is_unordered, memory_order_relaxed)) return PC_OK;
        for (int s = 0; s < 2; s++) {
            if (at[s] == read[s].block.n && read[s].next < read[s].end) {
                const pc_status status = refill(&read[s], &ascends, err);
                if (status != PC_OK) return status;
                at[s] = 0;
            }
            has_rows = has_rows || at[s] < read[s].block.n;
        }
        if (!ascends) atomic_store(&m->is_unordered, 1);
        if (!ascends || !has_rows) return PC_OK;
        merge_blocks(m->job, part, read, at);
        for (int s = 0; s < 2; s++) {
            const reader *other = &read[1 - s];
            if (at[1 - s] < other->block.n || other->next < other->end) continue;
            settle_rest(m->job, part, s, &read[s], at[s]);
            at[s] = read[s].block.n;
        }
    }
}

pc_status pc_panel_merge(pc_context *ctx, pc_panel_job *job, bool *is_done)
{
    merge_job m = {.job = job};
    const pc_panel_side *side = job->side;
    *is_done = false;
    if (job->plan.kind != PC_PANEL_NUMBER) return PC_OK;
    for (int s = 0; s < 2; s++) {
        bool may = true;
        if (side[s].period != NULL) return PC_OK;
        const pc_status status = may_ascend(&job->plan, &side[s], &may, &ctx->error);
        if (status == PC_ERR_MISSING) return PC_OK; /* dealing finds the first one */
        if (status != PC_OK || !may) return status;
    }
    const pc_status found = find_cuts(&m, &ctx->error);
    if (found != PC_OK) return found == PC_ERR_MISSING ? PC_OK : found;
    atomic_init(&m.is_unordered, 0);
    const int n_threads = side[0].n + side[1].n < PC_PANEL_SERIAL_ROWS ? 1 : ctx->n_threads;
    const pc_status status = pc_parallel_run(ctx, n_threads, PARTS, merge_part, &m);
    if (status == PC_ERR_MISSING) return PC_OK;
    *is_done = !atomic_load(&m.is_unordered);
    return status;
}
