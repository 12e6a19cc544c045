#include "pc_panel_state.h"

#include "pc_sum.h"

#include <stdio.h>

enum { CHUNKS = PC_PANEL_LANES, LANES = PC_PANEL_LANES, MOST_BITS = 13, STAGE = 16 };
enum { BUCKET_ROWS = 24000 }; /* of both sides: their table has 128 or 256 KiB */
enum { LEAST_REST_BITS = 6 };
enum { STEP = 512 }; /* records of a bucket between two looks at the stop flag */

/*
 * Records, in numbers of 64 bits:
 *   NARROW  the number; the payload, row << code_bits | code
 *   WIDE    the first word; the payload; the second word
 *   PACKED  only counts are asked for, and numbers lie in a range of 2^number_bits: they are permuted
 *           within it, the highest bits of that are the bucket's, and the others stand before the code in one
 *           number. Half the memory, but the row is not known: when an id stands twice, all is done again
 *           with NARROW records, to name it.
 */
enum { PACKED = 1, NARROW = 2, WIDE = 3 };
enum { FIRST, PAYLOAD, SECOND };

/* Above the payload are two flags of slots. All ones is a free slot. */
#define MATCHED ((uint64_t)1 << 63)
#define OF_SECOND_SIDE ((uint64_t)1 << 62)
#define FREE (~(uint64_t)0)

/* The rows of one side. Each chunk takes memory of its own: clearing it is shared by the threads, and does
 * not take long at a time. */
typedef struct dealt {
    uint64_t *record[CHUNKS]; /* regions of the buckets, each from the start of a line on */
    int64_t *count, *start;   /* [CHUNKS x n_buckets] records, and first record of each region */
} dealt;

typedef struct repeat {
    int64_t row, first; /* the smallest row that repeats an id, and the row it repeats; INT64_MAX: none */
} repeat;

typedef struct deal_job {
    pc_panel_job *job;
    int bits, code_bits;
    int number_bits, rest_bits; /* PACKED: of a number, and without its bucket's */
    uint64_t low;               /* PACKED: the least number */
    int64_t width, n_buckets;
    dealt side[2];
    repeat repeated[LANES][2];
} deal_job;

/* One to one on numbers of number_bits bits: products with odd numbers and shifts have inverses. */
static inline uint64_t permuted(const deal_job *d, uint64_t number)
{
    const uint64_t mask = ~(uint64_t)0 >> (64 - d->number_bits);
    const int half = (d->number_bits + 1) / 2;
    uint64_t p = (number - d->low) & mask;
    p = ((p ^ p >> half) * 0xD6E8FEB86659FD93u) & mask;
    p = ((p ^ p >> half) * 0x9E3779B97F4A7C15u) & mask;
    return p ^ p >> half;
}

static inline uint64_t payload_of(const uint64_t *record, int64_t width)
{
    return record[width == PACKED ? FIRST : PAYLOAD];
}

static inline void set_payload(uint64_t *record, uint64_t payload, int64_t width)
{
    record[width == PACKED ? FIRST : PAYLOAD] = payload;
}

static inline uint64_t hash_of(const uint64_t *record, int64_t width)
{
    if (width == WIDE) return pc_dictionary_hash(record[FIRST], record[SECOND]);
    uint64_t h = record[FIRST];
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return h * 0xD6E8FEB86659FD93u;
}

static inline uint64_t hash_of_row(const pc_panel_block *block, int64_t j, int64_t width)
{
    const uint64_t record[WIDE] = {block->a[j], 0, width == WIDE ? block->b[j] : 0};
    return hash_of(record, width);
}

static int64_t cut(int64_t n, int64_t c)
{
    const int64_t blocks = (n + PC_BLOCK - 1) / PC_BLOCK, row = blocks * c / CHUNKS * PC_BLOCK;
    return row < n ? row : n;
}

/* ---- count ----------------------------------------------------------------------------------- */

static pc_status count_chunk(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    deal_job *d = arg;
    const int64_t s = task / CHUNKS, c = task % CHUNKS;
    const pc_panel_side *side = &d->job->side[s];
    int64_t *count = d->side[s].count + c * d->n_buckets;
    pc_panel_block block;
    for (int64_t row = cut(side->n, c), end = cut(side->n, c + 1); row < end; row += PC_BLOCK) {
        const int64_t n = end - row < PC_BLOCK ? end - row : PC_BLOCK;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        const pc_status status = pc_panel_load(&d->job->plan, side, row, n, false, &block, err);
        if (status != PC_OK) return status;
        const int shift = 64 - d->bits;
        if (d->width == WIDE)
            for (int64_t j = 0; j < block.n; j++) count[hash_of_row(&block, j, WIDE) >> shift]++;
        else if (d->width == NARROW)
            for (int64_t j = 0; j < block.n; j++) count[hash_of_row(&block, j, NARROW) >> shift]++;
        else
            for (int64_t j = 0; j < block.n; j++) count[permuted(d, block.a[j]) >> d->rest_bits]++;
    }
    return PC_OK;
}

/* Where each region of a chunk starts; returns the number of records there is room for. */
static int64_t place_regions(const int64_t *count, int64_t n_buckets, int64_t *start)
{
    int64_t at = 0;
    for (int64_t b = 0; b < n_buckets; b++) {
        start[b] = at;
        at += (count[b] + STAGE - 1) / STAGE * STAGE;
    }
    return at;
}

/* ---- deal ------------------------------------------------------------------------------------ */

typedef struct dealer {
    const deal_job *d;
    const pc_sum_kernels *kernels;
    uint64_t *stage;  /* [n_buckets x STAGE x width] */
    int64_t *at;      /* [n_buckets] where the next record of each bucket goes */
    const int64_t *start, *count; /* of the chunk */
    uint64_t *record;
} dealer;

static inline bool deal_block(const dealer *l, const pc_panel_block *block, int64_t row, bool has_codes,
                              int64_t width)
{
    const deal_job d = *l->d; /* a copy: what is written below cannot be this */
    const int shift = width == PACKED ? d.rest_bits : 64 - d.bits;
    const uint64_t rest = ((uint64_t)1 << d.rest_bits) - 1;
    uint64_t *restrict stage = l->stage;
    int64_t *restrict at = l->at;
    for (int64_t j = 0; j < block->n; j++) {
        const uint64_t p = width == PACKED ? permuted(&d, block->a[j]) : hash_of_row(block, j, width);
        const uint64_t b = p >> shift, here = (uint64_t)at[b], fill = here % STAGE;
        const uint64_t code = has_codes ? block->code[j] : 0;
        uint64_t *slot = stage + (b * STAGE + fill) * (uint64_t)width;
        at[b] = (int64_t)here + 1;
        if (width == PACKED) slot[FIRST] = (p & rest) << d.code_bits | code;
        else {
            slot[FIRST] = block->a[j];
            slot[PAYLOAD] = (uint64_t)(row + block->at[j]) << d.code_bits | code;
        }
        if (width == WIDE) slot[SECOND] = block->b[j];
        if (fill < STAGE - 1) continue;
        if ((int64_t)here >= l->start[b] + l->count[b]) return false;
        l->kernels->stream(l->record + ((int64_t)(here - fill)) * width, slot - fill * (uint64_t)width,
                           STAGE * width * (int64_t)sizeof *slot);
    }
    return true;
}

/* What is left on the stages; false when a region does not end where it was said. */
static bool clear_stages(const dealer *l)
{
    const int64_t width = l->d->width;
    for (int64_t b = 0; b < l->d->n_buckets; b++) {
        const int64_t at = l->at[b], fill = at % STAGE;
        if (at != l->start[b] + l->count[b]) return false;
        if (fill > 0)
            memcpy(l->record + (at - fill) * width, l->stage + b * STAGE * width,
                   (size_t)(fill * width) * sizeof *l->stage);
    }
    return true;
}

/* Rows of the first side by group and state; the matched ones are taken off in the end. */
static void count_rows(const pc_panel_job *job, int64_t lane, const pc_panel_block *block)
{
    const pc_panel_tables *t = &job->tables;
    _Atomic int64_t *total = pc_panel_table(t, lane) + t->n_moves;
    if (t->is_shared)
        for (int64_t j = 0; j < block->n; j++) pc_panel_add(&total[block->code[j]], 1, true);
    else
        for (int64_t j = 0; j < block->n; j++) pc_panel_add(&total[block->code[j]], 1, false);
}

static pc_status deal_rows(pc_worker *worker, dealer *l, int64_t s, int64_t c, pc_error *err)
{
    const pc_panel_job *job = l->d->job;
    const pc_panel_side *side = &job->side[s];
    pc_panel_block block;
    for (int64_t row = cut(side->n, c), end = cut(side->n, c + 1); row < end; row += PC_BLOCK) {
        const int64_t n = end - row < PC_BLOCK ? end - row : PC_BLOCK;
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        if (job->partner != NULL)
            for (int64_t i = 0; i < n; i++) job->partner[s][row + i] = -1;
        const pc_status status = pc_panel_load(&job->plan, side, row, n, true, &block, err);
        if (status != PC_OK) return status;
        const bool has_codes = job->plan.has_counts;
        if (s == 0 && has_codes) count_rows(job, c, &block);
        const bool fits = l->d->width == WIDE     ? deal_block(l, &block, row, has_codes, WIDE)
                          : l->d->width == NARROW ? deal_block(l, &block, row, has_codes, NARROW)
                                                  : deal_block(l, &block, row, true, PACKED);
        if (!fits)
            return pc_fail(err, PC_ERR_GROUP, side->ids_name, -1, -1, "changed while it was being read");
    }
    l->kernels->settle();
    if (!clear_stages(l))
        return pc_fail(err, PC_ERR_GROUP, side->ids_name, -1, -1, "changed while it was being read");
    return PC_OK;
}

static pc_status deal_chunk(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    deal_job *d = arg;
    pc_memory *memory = &worker->ctx->memory;
    const int64_t s = task / CHUNKS, c = task % CHUNKS;
    const int64_t *count = d->side[s].count + c * d->n_buckets;
    int64_t *start = d->side[s].start + c * d->n_buckets;
    const int64_t n_records = place_regions(count, d->n_buckets, start);
    dealer l = {.d = d, .kernels = pc_sum_kernels_for(worker->ctx->simd), .start = start, .count = count};
    pc_status status = pc_fail(err, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
    l.record = pc_alloc(memory, n_records, (size_t)d->width * sizeof *l.record);
    if (l.record == NULL) goto done;
    d->side[s].record[c] = l.record; /* stays until all are matched */
    l.stage = pc_alloc(memory, d->n_buckets * STAGE * d->width, sizeof *l.stage);
    if (l.stage == NULL) goto done;
    l.at = pc_alloc(memory, d->n_buckets, sizeof *l.at);
    if (l.at == NULL) goto done;
    memcpy(l.at, l.start, (size_t)d->n_buckets * sizeof *l.at);
    status = deal_rows(worker, &l, s, c, err);
done:
    pc_free(memory, l.stage);
    pc_free(memory, l.at);
    return status;
}

/* ---- join ------------------------------------------------------------------------------------ */

typedef struct joiner {
    const deal_job *d;
    uint64_t *slot; /* [n_slots x width] */
    int slot_bits;  /* of the bucket at hand */
    _Atomic int64_t *table;
    repeat *repeated; /* [2] */
} joiner;

static int64_t rows_of_bucket(const deal_job *d, int64_t s, int64_t b)
{
    int64_t n = 0;
    for (int64_t c = 0; c < CHUNKS; c++) n += d->side[s].count[c * d->n_buckets + b];
    return n;
}

/* Slots for so many rows: three quarters of them at most are taken. */
static int slot_bits_for(int64_t n_rows)
{
    int bits = 6;
    while (((int64_t)3 << bits) / 4 < n_rows + 1) bits++;
    return bits;
}

static int64_t row_of(const deal_job *d, uint64_t payload)
{
    return (int64_t)((payload & ~(MATCHED | OF_SECOND_SIDE)) >> d->code_bits);
}

/* Whether a record has the id in a slot. */
static inline bool is_same(const joiner *j, const uint64_t *slot, const uint64_t *record, int64_t s,
                           int64_t width)
{
    const pc_panel_plan *plan = &j->d->job->plan;
    if (width == PACKED)
        return ((slot[FIRST] ^ record[FIRST]) & ~(MATCHED | OF_SECOND_SIDE)) >> j->d->code_bits == 0;
    if (slot[FIRST] != record[FIRST]) return false;
    if (width == NARROW) return true;
    if (slot[SECOND] != record[SECOND]) return false;
    if (plan->kind == PC_PANEL_WORD &&
        (!plan->may_need_bytes || (record[FIRST] & UINT32_MAX) <= PC_TEXT_INLINE))
        return true;
    const pc_panel_side *side = j->d->job->side;
    return pc_panel_same(&side[(slot[PAYLOAD] & OF_SECOND_SIDE) != 0], row_of(j->d, slot[PAYLOAD]),
                         &side[s], row_of(j->d, record[PAYLOAD]));
}

/* The slot that holds the id of a record, or a free one. */
static inline uint64_t *find_slot(const joiner *j, const uint64_t *record, int64_t s, int64_t width)
{
    const uint64_t mask = ((uint64_t)1 << j->slot_bits) - 1;
    const int unused = j->d->rest_bits > j->slot_bits ? j->d->rest_bits - j->slot_bits : 0;
    uint64_t at = width == PACKED ? record[FIRST] >> j->d->code_bits >> unused
                                  : hash_of(record, width) << j->d->bits >> (64 - j->slot_bits);
    for (;; at = (at + 1) & mask) {
        uint64_t *slot = j->slot + (int64_t)at * width;
        if (payload_of(slot, width) == FREE || is_same(j, slot, record, s, width)) return slot;
    }
}

static void put_record(uint64_t *slot, const uint64_t *record, uint64_t flags, int64_t width)
{
    slot[FIRST] = record[FIRST];
    set_payload(slot, payload_of(record, width) | flags, width);
    if (width == WIDE) slot[SECOND] = record[SECOND];
}

static void note_repeat(repeat *r, int64_t row, int64_t first)
{
    if (row < r->row) *r = (repeat){row, first};
}

static inline void insert_region(joiner *j, const uint64_t *record, int64_t n, int64_t width)
{
    for (int64_t i = 0; i < n; i++, record += width) {
        uint64_t *slot = find_slot(j, record, 0, width);
        if (payload_of(slot, width) == FREE) put_record(slot, record, 0, width);
        else
            note_repeat(&j->repeated[0], row_of(j->d, payload_of(record, width)),
                        row_of(j->d, payload_of(slot, width)));
    }
}

static inline void count_match(const joiner *j, uint64_t from, uint64_t to, bool is_shared)
{
    const int bits = j->d->job->plan.state_bits;
    const uint64_t codes = ((uint64_t)1 << j->d->code_bits) - 1, low = ((uint64_t)1 << bits) - 1;
    pc_panel_add(&j->table[(from & codes) << bits | (to & low)], 1, is_shared);
}

/* The first record of the second side with this id, which an earlier one has matched. */
static int64_t first_of_second(const joiner *j, int64_t b, const uint64_t *record, int64_t width)
{
    const deal_job *d = j->d;
    for (int64_t c = 0; c < CHUNKS; c++) {
        const int64_t region = c * d->n_buckets + b;
        const uint64_t *other = d->side[1].record[c] + d->side[1].start[region] * width;
        for (int64_t i = 0; i < d->side[1].count[region]; i++, other += width) {
            uint64_t as_slot[WIDE] = {other[FIRST], 0, width == WIDE ? other[SECOND] : 0};
            set_payload(as_slot, payload_of(other, width) | OF_SECOND_SIDE, width);
            if (is_same(j, as_slot, record, 1, width)) return row_of(d, payload_of(other, width));
        }
    }
    return -1;
}

static inline void match_region(joiner *j, int64_t b, const uint64_t *record, int64_t n,
                                bool is_shared, int64_t width)
{
    const pc_panel_job *job = j->d->job;
    const uint64_t codes = ((uint64_t)1 << j->d->code_bits) - 1;
    const int64_t came = job->tables.n_moves + job->tables.n_states;
    for (int64_t i = 0; i < n; i++, record += width) {
        uint64_t *slot = find_slot(j, record, 1, width);
        const uint64_t found = payload_of(slot, width), own = payload_of(record, width);
        if (found == FREE) {
            put_record(slot, record, OF_SECOND_SIDE, width);
            if (job->plan.has_counts)
                pc_panel_add(&j->table[came + (int64_t)(own & codes)], 1, is_shared);
            continue;
        }
        const int64_t row = row_of(j->d, own);
        if (found & OF_SECOND_SIDE) note_repeat(&j->repeated[1], row, row_of(j->d, found));
        else if (found & MATCHED) {
            if (row < j->repeated[1].row)
                note_repeat(&j->repeated[1], row, first_of_second(j, b, record, width));
        } else {
            set_payload(slot, found | MATCHED, width);
            if (job->plan.has_counts) count_match(j, found, own, is_shared);
            if (job->partner == NULL) continue;
            job->partner[0][row_of(j->d, found)] = row;
            job->partner[1][row] = row_of(j->d, found);
        }
    }
}

/* False when the host asked to stop. A bucket is small; but ids that were made to meet in one slot take the
 * square of their number, and so a look is taken within a bucket too. */
static inline bool join_bucket(joiner *j, pc_worker *worker, int64_t b, bool is_shared, int64_t width)
{
    const deal_job *d = j->d;
    for (int64_t i = 0; i < (int64_t)1 << j->slot_bits; i++)
        set_payload(j->slot + i * width, FREE, width);
    for (int64_t s = 0; s < 2; s++)
        for (int64_t c = 0; c < CHUNKS; c++) {
            const int64_t region = c * d->n_buckets + b;
            const uint64_t *record = d->side[s].record[c] + d->side[s].start[region] * width;
            const int64_t n = d->side[s].count[region];
            for (int64_t i = 0; i < n; i += STEP) {
                const int64_t n_next = n - i < STEP ? n - i : STEP;
                if (pc_worker_stopped(worker)) return false;
                if (s == 0) insert_region(j, record + i * width, n_next, width);
                else match_region(j, b, record + i * width, n_next, is_shared, width);
            }
        }
    return true;
}

static pc_status join_lane(pc_worker *worker, int64_t lane, void *arg, pc_error *err)
{
    deal_job *d = arg;
    const pc_panel_tables *t = &d->job->tables;
    const int64_t first = d->n_buckets * lane / LANES, end = d->n_buckets * (lane + 1) / LANES;
    joiner j = {.d = d, .table = pc_panel_table(t, lane), .repeated = d->repeated[lane]};
    pc_status status = PC_OK;
    int64_t most = 0;
    for (int64_t b = first; b < end; b++) {
        const int64_t n = rows_of_bucket(d, 0, b) + rows_of_bucket(d, 1, b);
        most = n > most ? n : most;
    }
    j.slot = pc_alloc(&worker->ctx->memory, d->width << slot_bits_for(most), sizeof *j.slot);
    if (j.slot == NULL) return pc_fail(err, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
    for (int64_t b = first; status == PC_OK && b < end; b++) {
        j.slot_bits = slot_bits_for(rows_of_bucket(d, 0, b) + rows_of_bucket(d, 1, b));
        const bool is_joined = d->width == WIDE     ? join_bucket(&j, worker, b, t->is_shared, WIDE)
                               : d->width == NARROW ? join_bucket(&j, worker, b, t->is_shared, NARROW)
                               : t->is_shared       ? join_bucket(&j, worker, b, true, PACKED)
                                                    : join_bucket(&j, worker, b, false, PACKED);
        if (!is_joined) status = pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
    }
    pc_free(&worker->ctx->memory, j.slot);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int bits_for(uint64_t most)
{
    int bits = 0;
    while (bits < 64 && most >> bits > 0) bits++;
    return bits;
}

/* Numbers in a short range become packed records, where rows are not asked for. */
static pc_status choose_packing(pc_context *ctx, deal_job *d)
{
    const pc_panel_job *job = d->job;
    const pc_column *const ids[2] = {job->side[0].ids[0].column, job->side[1].ids[0].column};
    int64_t low = 0, high = (int64_t)job->plan.n_numbers - 1;
    if (job->plan.kind != PC_PANEL_NUMBER || job->partner != NULL) return PC_OK;
    if (job->side[0].n_ids == 1) {
        const pc_status status = pc_panel_range(ctx, 2, ids, &low, &high);
        if (status != PC_OK) return status;
    }
    if (low > high) return PC_OK;
    d->low = (uint64_t)low;
    d->number_bits = bits_for((uint64_t)high - (uint64_t)low);
    if (d->number_bits < d->bits + LEAST_REST_BITS) d->number_bits = d->bits + LEAST_REST_BITS;
    d->rest_bits = d->number_bits - d->bits;
    if (d->rest_bits + d->code_bits <= 62) d->width = PACKED;
    return PC_OK;
}

static pc_status choose_sizes(pc_context *ctx, deal_job *d)
{
    const pc_panel_job *job = d->job;
    const int64_t n = job->side[0].n > job->side[1].n ? job->side[0].n : job->side[1].n;
    const uint64_t n_codes = job->plan.has_counts ? (uint64_t)job->tables.n_states : 1;
    d->width = job->plan.kind == PC_PANEL_NUMBER ? NARROW : WIDE;
    d->bits = 1;
    while (d->bits < MOST_BITS && (job->side[0].n + job->side[1].n) >> d->bits > BUCKET_ROWS) d->bits++;
    d->n_buckets = (int64_t)1 << d->bits;
    d->code_bits = bits_for(n_codes - 1);
    if (bits_for((uint64_t)n) + d->code_bits > 62)
        return pc_context_fail(ctx, PC_ERR_LIMIT, job->side[0].keys_name, -1, -1,
                               "has too many groups for so many rows");
    for (int64_t lane = 0; lane < LANES; lane++)
        for (int s = 0; s < 2; s++) d->repeated[lane][s] = (repeat){INT64_MAX, -1};
    return PC_OK;
}

static pc_status out_of_memory(pc_context *ctx)
{
    return pc_context_fail(ctx, PC_ERR_MEMORY, "panel", -1, -1, "out of memory");
}

static pc_status take_counts(pc_context *ctx, deal_job *d)
{
    for (int s = 0; s < 2; s++) {
        d->side[s].count =
            pc_alloc_zeroed(&ctx->memory, CHUNKS * d->n_buckets, sizeof *d->side[s].count);
        if (d->side[s].count == NULL) return out_of_memory(ctx);
        d->side[s].start = pc_alloc(&ctx->memory, CHUNKS * d->n_buckets, sizeof *d->side[s].start);
        if (d->side[s].start == NULL) return out_of_memory(ctx);
    }
    return PC_OK;
}

static bool has_repeats(const deal_job *d)
{
    for (int64_t lane = 0; lane < LANES; lane++)
        if (d->repeated[lane][0].row < INT64_MAX || d->repeated[lane][1].row < INT64_MAX) return true;
    return false;
}

static pc_status fail_repeats(pc_context *ctx, const deal_job *d)
{
    for (int s = 0; s < 2; s++) {
        repeat least = {INT64_MAX, -1};
        for (int64_t lane = 0; lane < LANES; lane++)
            note_repeat(&least, d->repeated[lane][s].row, d->repeated[lane][s].first);
        if (least.row == INT64_MAX) continue;
        char message[128];
        snprintf(message, sizeof message,
                 "is that of row %lld again; a household stands once in a period",
                 (long long)least.first);
        return pc_context_fail(ctx, PC_ERR_VALUE, d->job->side[s].ids_name, -1, least.row, message);
    }
    return PC_OK;
}

static void free_rows(pc_context *ctx, deal_job *d)
{
    for (int s = 0; s < 2; s++) {
        for (int64_t c = 0; c < CHUNKS; c++) pc_free(&ctx->memory, d->side[s].record[c]);
        pc_free(&ctx->memory, d->side[s].count);
        pc_free(&ctx->memory, d->side[s].start);
    }
}

static pc_status deal_and_join(pc_context *ctx, deal_job *d)
{
    const int64_t n = d->job->side[0].n + d->job->side[1].n;
    const int n_threads = n < PC_PANEL_SERIAL_ROWS ? 1 : ctx->n_threads;
    pc_status status = take_counts(ctx, d);
    if (status == PC_OK) status = pc_parallel_run(ctx, n_threads, 2 * CHUNKS, count_chunk, d);
    if (status == PC_OK) status = pc_parallel_run(ctx, n_threads, 2 * CHUNKS, deal_chunk, d);
    if (status == PC_OK) status = pc_parallel_run(ctx, n_threads, LANES, join_lane, d);
    free_rows(ctx, d);
    return status;
}

pc_status pc_panel_deal(pc_context *ctx, pc_panel_job *job)
{
    deal_job d = {.job = job}, again = {.job = job};
    pc_status status = choose_sizes(ctx, &d);
    if (status == PC_OK) status = choose_packing(ctx, &d);
    if (status == PC_OK) status = deal_and_join(ctx, &d);
    if (status != PC_OK || !has_repeats(&d)) return status;
    if (d.width != PACKED) return fail_repeats(ctx, &d);
    status = choose_sizes(ctx, &again); /* what was counted so far is of no use now */
    if (status == PC_OK) status = deal_and_join(ctx, &again);
    if (status == PC_OK && !has_repeats(&again))
        status = pc_context_fail(ctx, PC_ERR_GROUP, job->side[0].ids_name, -1, -1,
                                 "changed while it was being read");
    return status == PC_OK ? fail_repeats(ctx, &again) : status;
}
