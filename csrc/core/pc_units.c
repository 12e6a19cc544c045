#include "pc_units.h"

#include "pc_dictionary.h"

enum { STRIP = 512 };                           /* rows of words at a time */
static const int64_t most_numbers = 1 << 22;    /* 16 MiB */
static const int64_t few_numbers = 1 << 16;     /* a table that is made without thought */

typedef struct digit {
    int64_t low;
    uint32_t count, scale; /* the digit after the last value stands for all others */
} digit;

struct pc_units {
    pc_column column;
    pc_numbers numbers;
    pc_simd simd;
    int64_t n_keys;
    const pc_column *key[PC_UNITS_MOST_KEYS];
    digit digit[PC_UNITS_MOST_KEYS];
    uint32_t *number; /* by radix number of the digits; NULL: by code, of the last dictionary */
    bool is_table, is_itself; /* numbers of a table are those that it is read at */
    pc_dictionary word[PC_UNITS_MOST_KEYS]; /* of each key */
    pc_dictionary fold[PC_UNITS_MOST_KEYS]; /* from the second key on: (code of the keys before, code of its word) */
};

typedef struct combinations {
    int64_t n;
    const int64_t *const *value;
    const int64_t *unit;
} combinations;

static pc_status out_of_memory(pc_error *err)
{
    return pc_fail(err, PC_ERR_MEMORY, "units", -1, -1, "out of memory");
}

static uint32_t none_of(const pc_units *units)
{
    return (uint32_t)units->numbers.n_numbers;
}

/* ---- numbers of rows --------------------------------------------------------------------------- */

static int64_t fill_by_table(const void *maker, int64_t row, int64_t n, uint32_t *number)
{
    const pc_units *units = maker;
    const uint32_t none = none_of(units);
    int64_t n_none = 0;
    for (int64_t k = 0; k < units->n_keys; k++) {
        const digit *d = &units->digit[k];
        pc_column_load_code_by(units->simd, units->key[k], row, n, d->low, d->count, k == 0 ? 0 : d->scale, number);
    }
    for (int64_t i = 0; i < n && !units->is_itself; i++) number[i] = units->number[number[i]];
    for (int64_t i = 0; i < n; i++) n_none += number[i] == none;
    return n_none;
}

/* Codes of the rows by all keys; PC_NO_CODE where a row has other values than those given. False: a column cannot
 * be read. */
static bool codes_of_strip(const pc_units *units, int64_t row, int64_t n, uint32_t *code)
{
    pc_word word[STRIP];
    int64_t bad_row = 0;
    for (int64_t k = 0; k < units->n_keys; k++) {
        if (pc_column_load_word(units->key[k], row, n, word, &bad_row) != PC_OK) return false;
        for (int64_t i = 0; i < n; i++) {
            const uint32_t own = pc_dictionary_find(&units->word[k], word[i]);
            const pc_word pair = {code[i], own, NULL};
            if (k == 0) code[i] = own;
            else code[i] = pc_dictionary_find(&units->fold[k], pair);
        }
    }
    return true;
}

static int64_t fill_by_word(const void *maker, int64_t row, int64_t n, uint32_t *number)
{
    const pc_units *units = maker;
    const uint32_t none = none_of(units);
    int64_t n_none = 0;
    for (int64_t first = 0; first < n; first += STRIP) {
        const int64_t strip = n - first < STRIP ? n - first : STRIP;
        uint32_t *code = number + first;
        const bool is_read = codes_of_strip(units, row + first, strip, code);
        for (int64_t i = 0; i < strip; i++) {
            const bool is_known = is_read && code[i] != PC_NO_CODE;
            code[i] = is_known ? units->number[code[i]] : none;
            n_none += code[i] == none;
        }
    }
    return n_none;
}

/* ---- a table ----------------------------------------------------------------------------------- */

static int64_t ordinal_of(const pc_column *key, int64_t value)
{
    return key->type == PC_UINT64 ? (int64_t)((uint64_t)value ^ PC_TOP_BIT) : value;
}

/* Digits of all keys, and how many numbers they make; 0: a key is no integer, or there would be too many. */
static int64_t set_digits(pc_units *units, const combinations *all)
{
    const int64_t n_rows = units->column.n;
    const int64_t most = n_rows < (most_numbers - few_numbers) / 4 ? few_numbers + 4 * n_rows : most_numbers;
    int64_t product = 1;
    for (int64_t k = 0; k < units->n_keys; k++) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        if (!pc_type_is_integer(units->key[k]->type)) return 0;
        for (int64_t c = 0; c < all->n; c++) {
            const int64_t ordinal = ordinal_of(units->key[k], all->value[k][c]);
            if (ordinal < low) low = ordinal;
            if (ordinal > high) high = ordinal;
        }
        const uint64_t count = high < low ? 0 : (uint64_t)high - (uint64_t)low + 1;
        if ((count == 0 && high >= low) || count >= (uint64_t)(most / product)) return 0;
        units->digit[k] = (digit){high < low ? 0 : low, (uint32_t)count, (uint32_t)product};
        product *= (int64_t)count + 1;
    }
    return product;
}

static pc_status put_number(pc_units *units, int64_t at, int64_t unit, int64_t combination, pc_error *err)
{
    if (units->number[at] != none_of(units) && units->number[at] != (uint32_t)unit)
        return pc_fail(err, PC_ERR_GROUP, "unit", -1, combination, "is another one for the same keys");
    units->number[at] = (uint32_t)unit;
    return PC_OK;
}

static pc_status make_numbers(pc_context *ctx, pc_units *units, int64_t n)
{
    units->number = pc_alloc(&ctx->memory, n, sizeof *units->number);
    if (units->number == NULL) return out_of_memory(&ctx->error);
    for (int64_t i = 0; i < n; i++) units->number[i] = none_of(units);
    return PC_OK;
}

static pc_status make_table(pc_context *ctx, pc_units *units, const combinations *all, int64_t n_numbers)
{
    pc_status status = make_numbers(ctx, units, n_numbers);
    units->is_table = true;
    units->numbers.fill = fill_by_table;
    for (int64_t c = 0; status == PC_OK && c < all->n; c++) {
        int64_t at = 0;
        for (int64_t k = 0; k < units->n_keys; k++) {
            const digit *d = &units->digit[k];
            at += (ordinal_of(units->key[k], all->value[k][c]) - d->low) * d->scale;
        }
        status = put_number(units, at, all->unit[c], c, &ctx->error);
    }
    units->is_itself = status == PC_OK;
    for (int64_t i = 0; i < n_numbers && units->is_itself; i++) units->is_itself = units->number[i] == i;
    return status;
}

/* ---- dictionaries ------------------------------------------------------------------------------ */

static pc_status word_of(const pc_column *key, int64_t value, pc_word *word, pc_error *err)
{
    int64_t bad_row = 0;
    if (pc_type_is_integer(key->type)) {
        *word = pc_word_ordinal(ordinal_of(key, value));
        return PC_OK;
    }
    if (value < 0 || value >= key->n)
        return pc_fail(err, PC_ERR_GROUP, "key", -1, value, "is no row of the data");
    if (pc_column_load_word(key, value, 1, word, &bad_row) == PC_OK) return PC_OK;
    return pc_fail(err, PC_ERR_VALUE, "key", -1, value, "points outside its buffer of text");
}

static pc_status find_or_insert(pc_dictionary *dictionary, pc_word word, uint32_t *code)
{
    *code = pc_dictionary_find(dictionary, word);
    return *code != PC_NO_CODE ? PC_OK : pc_dictionary_insert(dictionary, word, 0, code);
}

/* The code of a combination, made where it is new. */
static pc_status code_of(pc_units *units, const combinations *all, int64_t c, uint32_t *code, pc_error *err)
{
    for (int64_t k = 0; k < units->n_keys; k++) {
        pc_word word;
        uint32_t own = 0;
        pc_status status = word_of(units->key[k], all->value[k][c], &word, err);
        if (status != PC_OK) return status;
        status = find_or_insert(&units->word[k], word, &own);
        const pc_word pair = {*code, own, NULL};
        if (k == 0) *code = own;
        else if (status == PC_OK) status = find_or_insert(&units->fold[k], pair, code);
        if (status != PC_OK) return out_of_memory(err);
    }
    return PC_OK;
}

static pc_status make_dictionaries(pc_context *ctx, pc_units *units, const combinations *all)
{
    pc_status status = make_numbers(ctx, units, all->n);
    units->numbers.fill = fill_by_word;
    for (int64_t k = 0; status == PC_OK && k < units->n_keys; k++) {
        if (pc_dictionary_init(&units->word[k], &ctx->memory) != PC_OK ||
            (k > 0 && pc_dictionary_init(&units->fold[k], &ctx->memory) != PC_OK))
            status = out_of_memory(&ctx->error);
    }
    for (int64_t c = 0; status == PC_OK && c < all->n; c++) {
        uint32_t code = 0;
        status = code_of(units, all, c, &code, &ctx->error);
        if (status == PC_OK) status = put_number(units, code, all->unit[c], c, &ctx->error);
    }
    return status;
}

/* ---- new, free, column --------------------------------------------------------------------------- */

static pc_status check(pc_context *ctx, int64_t n_keys, const pc_column *const *keys,
                       const combinations *all, int64_t n_units)
{
    if (n_keys < 1 || n_keys > PC_UNITS_MOST_KEYS)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "key", -1, -1, "are too many columns, or none");
    if (n_units < 0 || n_units > INT32_MAX || all->n > INT32_MAX)
        return pc_context_fail(ctx, PC_ERR_LIMIT, "unit", -1, -1, "are more than 2^31");
    for (int64_t k = 0; k < n_keys; k++)
        if (keys[k]->n != keys[0]->n)
            return pc_context_fail(ctx, PC_ERR_LENGTH, "key", k, -1,
                                   "has another number of rows than the first one");
    for (int64_t c = 0; c < all->n; c++)
        if (all->unit[c] < 0 || all->unit[c] >= n_units)
            return pc_context_fail(ctx, PC_ERR_GROUP, "unit", -1, c, "points outside its range");
    return PC_OK;
}

pc_units *pc_units_new(pc_context *ctx, int64_t n_keys, const pc_column *const *keys,
                       int64_t n_combinations, const int64_t *const *value, const int64_t *unit,
                       int64_t n_units)
{
    const combinations all = {n_combinations, value, unit};
    if (check(ctx, n_keys, keys, &all, n_units) != PC_OK) return NULL;
    pc_units *units = pc_alloc_zeroed(&ctx->memory, 1, sizeof *units);
    if (units == NULL) {
        out_of_memory(&ctx->error);
        return NULL;
    }
    units->n_keys = n_keys;
    units->simd = ctx->simd;
    for (int64_t k = 0; k < n_keys; k++) units->key[k] = keys[k];
    units->numbers = (pc_numbers){.n_numbers = n_units, .maker = units, .n_sources = n_keys, .sources = units->key};
    units->column = (pc_column){.type = PC_MADE, .n = keys[0]->n, .numbers = &units->numbers};
    const int64_t n_numbers = set_digits(units, &all);
    const pc_status status = n_numbers > 0 ? make_table(ctx, units, &all, n_numbers)
                                           : make_dictionaries(ctx, units, &all);
    if (status == PC_OK) return units;
    pc_units_free(ctx, units);
    return NULL;
}

void pc_units_free(pc_context *ctx, pc_units *units)
{
    if (units == NULL) return;
    for (int64_t k = 0; !units->is_table && k < units->n_keys; k++) {
        pc_dictionary_free(&units->word[k]);
        pc_dictionary_free(&units->fold[k]);
    }
    pc_free(&ctx->memory, units->number);
    pc_free(&ctx->memory, units);
}

const pc_column *pc_units_column(const pc_units *units)
{
    return &units->column;
}
