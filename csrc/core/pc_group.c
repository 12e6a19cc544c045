#include "pc_group.h"

#include "pc_parallel.h"

/* Scanning pays for threads from here on; a task is long enough not to notice its start. */
enum { SERIAL_ROWS = 200000, SCAN_TASKS = 32, STRIP = 512 };

static const uint64_t most_radix = (uint64_t)1 << 62;
static const int64_t most_direct = 1 << 19; /* 2 MiB of codes in each lane */

/* ---- scheme: what the keys look like ------------------------------------------------------- */

typedef struct range {
    int64_t low, high;
} range;

typedef struct scan_job {
    const pc_column *const *keys;
    int64_t n_keys, n, n_tasks;
    bool is_guess; /* a block for each task, spread over the rows */
    range *range;  /* [n_tasks x n_keys] */
} scan_job;

static pc_status scan_task(pc_worker *worker, int64_t task, void *arg, pc_error *err)
{
    const scan_job *job = arg;
    const int64_t blocks = (job->n + PC_BLOCK - 1) / PC_BLOCK;
    int64_t first = blocks * task / job->n_tasks * PC_BLOCK;
    int64_t end = blocks * (task + 1) / job->n_tasks * PC_BLOCK;
    if (job->is_guess) {
        first = job->n_tasks > 1 ? (blocks - 1) * task / (job->n_tasks - 1) * PC_BLOCK : 0;
        end = first + PC_BLOCK;
    }
    for (int64_t row = first; row < end && row < job->n; row += PC_BLOCK) {
        if (pc_worker_stopped(worker)) return pc_fail(err, PC_ERR_INTERRUPTED, "", -1, -1, "");
        const int64_t n = job->n - row < PC_BLOCK ? job->n - row : PC_BLOCK;
        for (int64_t k = 0; k < job->n_keys; k++) {
            range *r = &job->range[task * job->n_keys + k];
            if (pc_type_is_integer(job->keys[k]->type))
                pc_column_range(job->keys[k], row, n, &r->low, &r->high);
        }
    }
    return PC_OK;
}

static pc_status scan_ranges(pc_context *ctx, pc_group_scheme *scheme,
                             const pc_column *const *keys, int64_t n, bool is_guess)
{
    const int64_t n_tasks = n < SERIAL_ROWS && !is_guess ? 1 : SCAN_TASKS;
    range *found = pc_alloc(&ctx->memory, n_tasks * scheme->n_keys, sizeof *found);
    if (found == NULL) return pc_context_fail(ctx, PC_ERR_MEMORY, "key", -1, -1, "out of memory");
    for (int64_t i = 0; i < n_tasks * scheme->n_keys; i++) {
        found[i].low = INT64_MAX;
        found[i].high = INT64_MIN;
    }
    scan_job job = {keys, scheme->n_keys, n, n_tasks, is_guess, found};
    const int n_threads = n_tasks == 1 || is_guess ? 1 : ctx->n_threads;
    const pc_status status = pc_parallel_run(ctx, n_threads, n_tasks, scan_task, &job);
    for (int64_t i = 0; status == PC_OK && i < n_tasks * scheme->n_keys; i++) {
        pc_group_key *key = &scheme->key[i % scheme->n_keys];
        if (found[i].low > found[i].high) continue;
        if (!key->is_seen || found[i].low < key->low) key->low = found[i].low;
        if (!key->is_seen || found[i].high > key->high) key->high = found[i].high;
        key->is_seen = true;
    }
    pc_free(&ctx->memory, found);
    return status;
}

/* Values of a key; 0 also where they do not fit a number. */
static uint64_t n_values(const pc_group_key *key)
{
    return key->is_seen ? (uint64_t)key->high - (uint64_t)key->low + 1 : 0;
}

/* Digits as long as their product stays below 2^62; a key that does not fit becomes words. */
static void set_scales(pc_group_scheme *scheme, int64_t most_table)
{
    uint64_t product = 1;
    scheme->is_table = true;
    for (int64_t k = 0; k < scheme->n_keys; k++) {
        pc_group_key *key = &scheme->key[k];
        const uint64_t values = n_values(key);
        const bool too_far = key->is_seen && (values == 0 || values >= most_radix);
        const uint64_t radix = values + scheme->keep_missing;
        key->is_word = key->is_word || too_far || (radix > 0 && product > most_radix / radix);
        if (key->is_word) {
            scheme->is_table = false;
            continue;
        }
        key->scale = product;
        if (radix > 0) product *= radix;
    }
    scheme->n_radix = (int64_t)product;
    if (scheme->n_radix > most_table) scheme->is_table = false;
}

/* Types whose values can stand in one column of labels. Ordinals of uint64 are not those of int64. */
static int kind_of(pc_type type)
{
    if (type == PC_UINT64) return 3;
    if (pc_type_is_integer(type)) return 0;
    return pc_type_is_text(type) ? 1 : 2;
}

static pc_status fail_kind(pc_context *ctx, int64_t k)
{
    return pc_context_fail(ctx, PC_ERR_TYPE, "key", k, -1,
                           "has another type than in the rows before");
}

static pc_status scan(pc_context *ctx, pc_group_scheme *scheme, const pc_column *const *keys,
                      int64_t n, bool is_guess, int64_t most_table)
{
    if (scheme->n_keys > PC_MAX_KEYS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "key", -1, -1, "has more than 32 columns");
    for (int64_t k = 0; k < scheme->n_keys; k++) {
        pc_group_key *key = &scheme->key[k];
        const bool is_new = !key->is_seen && !key->is_word;
        if (!is_new && kind_of(key->type) != kind_of(keys[k]->type)) return fail_kind(ctx, k);
        if (is_new) key->type = keys[k]->type;
        if (!pc_type_is_integer(key->type)) key->is_word = true;
    }
    if (scheme->n_keys > 0) {
        const pc_status status = scan_ranges(ctx, scheme, keys, n, is_guess);
        if (status != PC_OK) return status;
    }
    set_scales(scheme, most_table);
    return PC_OK;
}

pc_status pc_group_scan(pc_context *ctx, pc_group_scheme *scheme, const pc_column *const *keys,
                        int64_t n, int64_t most_table)
{
    return scan(ctx, scheme, keys, n, false, most_table);
}

pc_status pc_group_guess(pc_context *ctx, pc_group_scheme *scheme, const pc_column *const *keys,
                         int64_t n, int64_t most_table)
{
    return scan(ctx, scheme, keys, n, true, most_table);
}

pc_status pc_group_join_keys(pc_context *ctx, pc_group_scheme *scheme,
                             const pc_group_scheme *other)
{
    for (int64_t k = 0; k < scheme->n_keys; k++) {
        pc_group_key *key = &scheme->key[k];
        const pc_group_key *more = &other->key[k];
        const bool is_new = !key->is_seen && !key->is_word;
        if (!is_new && (more->is_seen || more->is_word) && kind_of(key->type) != kind_of(more->type))
            return fail_kind(ctx, k);
        if (is_new) *key = *more;
        if (more->is_word) key->is_word = true;
        if (!more->is_seen) continue;
        if (more->low < key->low) key->low = more->low;
        if (more->high > key->high) key->high = more->high;
    }
    set_scales(scheme, INT32_MAX);
    return PC_OK;
}

/* ---- groups and lanes ---------------------------------------------------------------------- */

void pc_group_free(pc_context *ctx, pc_group *group)
{
    if (group == NULL) return;
    for (int64_t l = 0; group->lane != NULL && l < group->n_lanes; l++) {
        pc_group_lane *lane = &group->lane[l];
        for (int64_t w = 0; lane->word != NULL && w < group->n_words; w++)
            pc_dictionary_free(&lane->word[w]);
        for (int64_t f = 0; lane->fold != NULL && f < group->n_folds; f++)
            pc_dictionary_free(&lane->fold[f]);
        pc_free(&ctx->memory, lane->word);
        pc_free(&ctx->memory, lane->fold);
        pc_free(&ctx->memory, lane->direct);
    }
    pc_free(&ctx->memory, group->lane);
    pc_free(&ctx->memory, group->scheme.key);
    pc_free(&ctx->memory, group);
}

pc_group *pc_group_new(pc_context *ctx, const pc_group_scheme *scheme, int64_t n_lanes)
{
    pc_group *group = pc_alloc_zeroed(&ctx->memory, 1, sizeof *group);
    if (group == NULL) return NULL;
    group->scheme = *scheme;
    group->n_lanes = n_lanes;
    group->scheme.key = pc_alloc(&ctx->memory, scheme->n_keys, sizeof *scheme->key);
    group->lane = pc_alloc_zeroed(&ctx->memory, n_lanes, sizeof *group->lane);
    if (group->scheme.key == NULL || group->lane == NULL) {
        pc_group_free(ctx, group);
        return NULL;
    }
    for (int64_t k = 0; k < scheme->n_keys; k++) {
        group->scheme.key[k] = scheme->key[k];
        group->n_words += scheme->key[k].is_word;
    }
    group->has_digits = group->n_words < scheme->n_keys || scheme->n_keys == 0;
    /* the first word key needs no fold when nothing stands before it */
    if (!scheme->is_table)
        group->n_folds = group->n_words == 0 ? 1 : group->n_words - !group->has_digits;
    return group;
}

static pc_status make_lane(pc_context *ctx, pc_group *group, int64_t l)
{
    pc_group_lane *lane = &group->lane[l];
    lane->word = pc_alloc_zeroed(&ctx->memory, group->n_words, sizeof *lane->word);
    if (lane->word == NULL) return PC_ERR_MEMORY;
    lane->fold = pc_alloc_zeroed(&ctx->memory, group->n_folds, sizeof *lane->fold);
    if (lane->fold == NULL) return PC_ERR_MEMORY;
    for (int64_t w = 0; w < group->n_words; w++)
        if (pc_dictionary_init(&lane->word[w], &ctx->memory) != PC_OK) return PC_ERR_MEMORY;
    for (int64_t f = 0; f < group->n_folds; f++)
        if (pc_dictionary_init(&lane->fold[f], &ctx->memory) != PC_OK) return PC_ERR_MEMORY;
    if (group->n_words == 0 && group->scheme.n_radix <= most_direct) {
        lane->direct = pc_alloc(&ctx->memory, group->scheme.n_radix, sizeof *lane->direct);
        if (lane->direct == NULL) return PC_ERR_MEMORY;
        for (int64_t r = 0; r < group->scheme.n_radix; r++) lane->direct[r] = PC_NO_CODE;
    }
    lane->is_made = true;
    return PC_OK;
}

static pc_status ready_lane(pc_context *ctx, pc_group *group, int64_t l)
{
    if (group->scheme.is_table || group->lane[l].is_made) return PC_OK;
    return make_lane(ctx, group, l);
}

int64_t pc_group_n_codes(const pc_group *group, int64_t lane)
{
    if (group->scheme.is_table) return group->scheme.n_radix;
    const pc_group_lane *l = &group->lane[lane];
    if (!l->is_made) return 0;
    return group->n_folds > 0 ? l->fold[group->n_folds - 1].n : l->word[0].n;
}

/* ---- codes of one block -------------------------------------------------------------------- */

static pc_status fail_insert(pc_error *err, pc_status status, int64_t k, int64_t row)
{
    if (status == PC_ERR_LIMIT)
        return pc_fail(err, status, "key", k, row, "has more than 2^31 groups");
    return pc_fail(err, status, "key", k, row, "out of memory");
}

/* Some row of the block has no digit: say which is the first, and whether it is missing. */
static pc_status fail_digits(const pc_group *group, const pc_column *const *keys, int64_t row,
                             int64_t n, pc_error *err)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < group->scheme.n_keys; k++) {
            int64_t ordinal = 0;
            uint8_t valid = 1;
            if (!group->scheme.key[k].is_word)
                pc_column_load_ordinal(keys[k], row + i, 1, &ordinal, &valid);
            if (!valid) return pc_fail(err, PC_ERR_MISSING, "key", k, row + i, "is missing");
        }
    return pc_fail(err, PC_ERR_GROUP, "key", -1, row, "changed while it was being read");
}

static pc_status table_codes(pc_simd simd, const pc_group *group, const pc_column *const *keys, int64_t row,
                             int64_t n, uint32_t *code, pc_error *err)
{
    int64_t outside = 0;
    for (int64_t i = 0; group->scheme.n_keys == 0 && i < n; i++) code[i] = 0;
    for (int64_t k = 0; k < group->scheme.n_keys; k++) {
        const pc_group_key *key = &group->scheme.key[k];
        outside += pc_column_load_code_by(simd, keys[k], row, n, key->low, (uint32_t)n_values(key),
                                       k == 0 ? 0 : (uint32_t)key->scale, code);
    }
    if (outside > 0 && !group->scheme.keep_missing) return fail_digits(group, keys, row, n, err);
    return PC_OK;
}

/* Digit of an ordinal, or the missing digit. False: it has none. */
static bool digit_of(const pc_group *group, const pc_group_key *key, bool is_valid,
                     int64_t ordinal, uint64_t *digit)
{
    const uint64_t values = n_values(key);
    *digit = (uint64_t)ordinal - (uint64_t)key->low;
    if (is_valid && *digit < values) return true;
    *digit = values;
    return group->scheme.keep_missing;
}

static pc_status radix_numbers(const pc_group *group, const pc_column *const *keys, int64_t row,
                               int64_t n, uint64_t *radix, pc_error *err)
{
    int64_t ordinal[STRIP];
    uint8_t valid[STRIP];
    bool all = true;
    for (int64_t i = 0; i < n; i++) radix[i] = 0;
    for (int64_t k = 0; k < group->scheme.n_keys; k++) {
        const pc_group_key *key = &group->scheme.key[k];
        if (key->is_word) continue;
        pc_column_load_ordinal(keys[k], row, n, ordinal, valid);
        for (int64_t i = 0; i < n; i++) {
            uint64_t digit;
            all &= digit_of(group, key, valid[i], ordinal[i], &digit);
            radix[i] += digit * key->scale;
        }
    }
    return all ? PC_OK : fail_digits(group, keys, row, n, err);
}

static bool same_word(pc_word x, pc_word y)
{
    return x.a == y.a && x.b == y.b && x.bytes == NULL && y.bytes == NULL;
}

/* Codes of one word key. A word that is new is where a missing key is met first. */
static pc_status word_codes(const pc_group *group, pc_dictionary *dictionary, int64_t k,
                            const pc_word *word, int64_t row, int64_t n, int64_t row_offset,
                            uint32_t *code, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && same_word(word[i], word[i - 1])) {
            code[i] = code[i - 1];
            continue;
        }
        code[i] = pc_dictionary_find(dictionary, word[i]);
        if (code[i] != PC_NO_CODE) continue;
        if (pc_word_is_missing(word[i]) && !group->scheme.keep_missing)
            return pc_fail(err, PC_ERR_MISSING, "key", k, row + i, "is missing");
        const pc_status status =
            pc_dictionary_insert(dictionary, word[i], row_offset + row + i, &code[i]);
        if (status != PC_OK) return fail_insert(err, status, k, row + i);
    }
    return PC_OK;
}

static pc_status fold_codes(pc_dictionary *fold, const uint64_t *before, const uint32_t *next,
                            int64_t row, int64_t n, uint32_t *code, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        const pc_word pair = {before[i], next == NULL ? 0 : next[i], NULL};
        if (i > 0 && before[i] == before[i - 1] && (next == NULL || next[i] == next[i - 1])) {
            code[i] = code[i - 1];
            continue;
        }
        code[i] = pc_dictionary_find(fold, pair);
        if (code[i] != PC_NO_CODE) continue;
        const pc_status status = pc_dictionary_insert(fold, pair, row + i, &code[i]);
        if (status != PC_OK) return fail_insert(err, status, -1, row + i);
    }
    return PC_OK;
}

/* Dense codes of radix numbers by address; a number that is new gets its code from the dictionary. */
static pc_status direct_codes(pc_group_lane *l, const uint64_t *radix, int64_t row, int64_t n,
                              uint32_t *code, pc_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        code[i] = l->direct[radix[i]];
        if (code[i] != PC_NO_CODE) continue;
        const pc_status status = fold_codes(&l->fold[0], radix + i, NULL, row + i, 1, code + i, err);
        if (status != PC_OK) return status;
        l->direct[radix[i]] = code[i];
    }
    return PC_OK;
}

/* Words of one key are loaded in strips: a strip of pc_word must stay in the first-level cache. */
static pc_status load_words(const pc_column *column, int64_t k, int64_t row, int64_t n,
                            pc_word *word, pc_error *err)
{
    int64_t bad = row;
    const pc_status status = pc_column_load_word(column, row, n, word, &bad);
    if (status == PC_OK) return PC_OK;
    if (status == PC_ERR_LIMIT) return pc_fail(err, status, "key", k, bad, "is a text of 4 GiB");
    return pc_fail(err, status, "key", k, bad, "points outside its buffer of text");
}

static pc_status strip_codes(pc_group *group, int64_t lane, const pc_column *const *keys,
                             int64_t row, int64_t n, int64_t row_offset, uint32_t *code,
                             pc_error *err)
{
    pc_group_lane *l = &group->lane[lane];
    uint64_t before[STRIP];
    uint32_t next[STRIP];
    pc_word word[STRIP];
    int64_t w = 0, f = 0;
    pc_status status = PC_OK;

    if (group->has_digits) status = radix_numbers(group, keys, row, n, before, err);
    if (status == PC_OK && l->direct != NULL) return direct_codes(l, before, row, n, code, err);
    if (status == PC_OK && group->n_words == 0)
        return fold_codes(&l->fold[0], before, NULL, row, n, code, err);
    for (int64_t k = 0; status == PC_OK && k < group->scheme.n_keys; k++) {
        if (!group->scheme.key[k].is_word) continue;
        const bool is_first = w == 0 && !group->has_digits;
        status = load_words(keys[k], k, row, n, word, err);
        if (status != PC_OK) return status;
        status = word_codes(group, &l->word[w++], k, word, row, n, row_offset,
                            is_first ? code : next, err);
        if (status == PC_OK && !is_first)
            status = fold_codes(&l->fold[f++], before, next, row, n, code, err);
        for (int64_t i = 0; status == PC_OK && i < n; i++) before[i] = code[i];
    }
    return status;
}

pc_status pc_group_block(pc_context *ctx, pc_group *group, int64_t lane,
                         const pc_column *const *keys, int64_t row, int64_t n, int64_t row_offset,
                         uint32_t *code, pc_error *err)
{
    if (group->scheme.is_table) return table_codes(ctx->simd, group, keys, row, n, code, err);
    if (ready_lane(ctx, group, lane) != PC_OK) return fail_insert(err, PC_ERR_MEMORY, -1, row);
    for (int64_t i = 0; i < n; i += STRIP) {
        const int64_t strip = n - i < STRIP ? n - i : STRIP;
        const pc_status status =
            strip_codes(group, lane, keys, row + i, strip, row_offset, code + i, err);
        if (status != PC_OK) return status;
    }
    return PC_OK;
}

/* ---- from lane to lane --------------------------------------------------------------------- */

/* One key of one group, free of any lane. */
typedef struct part {
    pc_word word; /* of integers the ordinal */
    int64_t row;  /* of words: first row that had it */
} part;

static part part_of_digit(const pc_group *group, const pc_group_key *key, uint64_t radix)
{
    const uint64_t values = n_values(key);
    const uint64_t size = values + group->scheme.keep_missing;
    const uint64_t digit = size > 0 ? radix / key->scale % size : 0;
    part p = {pc_word_missing(), -1};
    if (digit < values) p.word = pc_word_ordinal((int64_t)((uint64_t)key->low + digit));
    return p;
}

static part part_of_word(const pc_dictionary *dictionary, int64_t code)
{
    const part p = {pc_dictionary_word(dictionary, code), dictionary->entry[code].row};
    return p;
}

static void decode(const pc_group *group, int64_t lane, int64_t code, part *parts)
{
    const pc_group_lane *l = &group->lane[lane];
    uint64_t before = (uint64_t)code;
    int64_t w = group->n_words, f = group->n_folds;
    if (!group->scheme.is_table && group->n_words == 0) before = l->fold[0].entry[code].a;
    for (int64_t k = group->scheme.n_keys - 1; k >= 0; k--) {
        if (!group->scheme.key[k].is_word) continue;
        int64_t next = (int64_t)before;
        w--;
        if (f > 0) {
            const pc_entry *pair = &l->fold[--f].entry[before];
            next = (int64_t)pair->b;
            before = pair->a;
        }
        parts[k] = part_of_word(&l->word[w], next);
    }
    for (int64_t k = 0; k < group->scheme.n_keys; k++)
        if (!group->scheme.key[k].is_word)
            parts[k] = part_of_digit(group, &group->scheme.key[k], before);
}

static pc_status find_or_insert(pc_dictionary *dictionary, pc_word word, int64_t row,
                                uint64_t *code)
{
    uint32_t found = pc_dictionary_find(dictionary, word);
    pc_status status = PC_OK;
    if (found == PC_NO_CODE) status = pc_dictionary_insert(dictionary, word, row, &found);
    else if (row < dictionary->entry[found].row) dictionary->entry[found].row = row;
    *code = found;
    return status;
}

static pc_status encode(pc_group *group, int64_t lane, const part *parts, int64_t row_offset,
                        int64_t *code)
{
    pc_group_lane *l = &group->lane[lane];
    uint64_t before = 0, next = 0;
    int64_t w = 0, f = 0;
    pc_status status = PC_OK;
    for (int64_t k = 0; k < group->scheme.n_keys; k++) {
        const pc_group_key *key = &group->scheme.key[k];
        uint64_t digit;
        if (key->is_word) continue;
        const bool is_valid = !pc_word_is_missing(parts[k].word);
        if (!digit_of(group, key, is_valid, (int64_t)parts[k].word.a, &digit))
            return PC_ERR_INTERNAL;
        before += digit * key->scale;
    }
    if (!group->scheme.is_table && group->n_words == 0) {
        const pc_word number = {before, 0, NULL};
        status = find_or_insert(&l->fold[0], number, 0, &before);
        if (status == PC_OK && l->direct != NULL) l->direct[number.a] = (uint32_t)before;
    }
    for (int64_t k = 0; status == PC_OK && k < group->scheme.n_keys; k++) {
        if (!group->scheme.key[k].is_word) continue;
        const bool is_first = w == 0 && !group->has_digits;
        status = find_or_insert(&l->word[w++], parts[k].word, row_offset + parts[k].row, &next);
        const pc_word pair = {before, next, NULL};
        if (is_first) before = next;
        else if (status == PC_OK) status = find_or_insert(&l->fold[f++], pair, 0, &before);
    }
    *code = (int64_t)before;
    return status;
}

pc_status pc_group_transfer(pc_context *ctx, const pc_group *from, int64_t from_lane,
                            const uint8_t *live, int64_t row_offset, pc_group *to,
                            int64_t to_lane, int64_t *map)
{
    const int64_t n = pc_group_n_codes(from, from_lane);
    part parts[PC_MAX_KEYS];
    if (ready_lane(ctx, to, to_lane) != PC_OK)
        return pc_context_fail(ctx, PC_ERR_MEMORY, "key", -1, -1, "out of memory");
    for (int64_t code = 0; code < n; code++) {
        if (code % PC_BLOCK == 0 && pc_caller_stopped(ctx))
            return pc_context_fail(ctx, PC_ERR_INTERRUPTED, "", -1, -1, "stopped by the host");
        map[code] = -1;
        if (live != NULL && !live[code]) continue;
        decode(from, from_lane, code, parts);
        const pc_status status = encode(to, to_lane, parts, row_offset, &map[code]);
        if (status == PC_ERR_INTERNAL)
            return pc_context_fail(ctx, status, "key", -1, -1, "lies outside its own range");
        if (status != PC_OK) return fail_insert(&ctx->error, status, -1, -1);
    }
    return PC_OK;
}

int64_t pc_group_key_value(const pc_group *group, int64_t lane, int64_t code, int64_t k,
                           bool *is_missing)
{
    const pc_group_key *key = &group->scheme.key[k];
    part parts[PC_MAX_KEYS];
    part p;
    if (group->scheme.is_table && !key->is_word) p = part_of_digit(group, key, (uint64_t)code);
    else {
        decode(group, lane, code, parts);
        p = parts[k];
    }
    *is_missing = pc_word_is_missing(p.word);
    if (*is_missing) return 0;
    if (!pc_type_is_integer(key->type)) return p.row;
    if (key->type == PC_UINT64) return (int64_t)(p.word.a ^ PC_TOP_BIT);
    return (int64_t)p.word.a;
}

/* A digit of direct codes: all of them fit 32 bits. */
static void digit_values(const pc_group *group, int64_t n, const int64_t *code,
                         const pc_group_key *key, int64_t *value, uint8_t *missing)
{
    const uint64_t values = n_values(key);
    const uint32_t scale = (uint32_t)key->scale;
    const uint32_t size = (uint32_t)(values + group->scheme.keep_missing);
    const uint64_t low = (uint64_t)key->low ^ (key->type == PC_UINT64 ? PC_TOP_BIT : 0);
    for (int64_t i = 0; i < n; i++) {
        const uint32_t digit = (uint32_t)(code == NULL ? i : code[i]) / scale % size;
        missing[i] = digit >= values;
        value[i] = digit < values ? (int64_t)(low + digit) : 0;
    }
}

void pc_group_key_values(const pc_group *group, int64_t lane, int64_t n, const int64_t *code,
                         int64_t k, int64_t *value, uint8_t *missing)
{
    if (n == 0) return; /* a group that never saw a row knows no keys */
    const pc_group_key *key = &group->scheme.key[k];
    const uint64_t size = n_values(key) + group->scheme.keep_missing;
    const bool is_small = size > 0 && size <= UINT32_MAX && key->scale > 0 && key->scale <= UINT32_MAX;
    if (group->scheme.is_table && !key->is_word && is_small && pc_type_is_integer(key->type)) {
        digit_values(group, n, code, key, value, missing);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_missing = false;
        value[i] = pc_group_key_value(group, lane, code == NULL ? i : code[i], k, &is_missing);
        missing[i] = is_missing;
    }
}
