/*
 * Loaders: every element type is widened here and nowhere else. A loader walks the chunks that hold
 * the asked rows, runs one typed loop per piece, and marks missing rows afterwards.
 */
#include "pc_column_loops.h"

#include "pc_column_avx2.h"

#include <math.h>
#include <string.h>

/* ---- rows of one chunk -------------------------------------------------------------------- */

typedef struct piece {
    const pc_chunk *chunk;
    int64_t first; /* first row within the chunk */
    int64_t n;
} piece;

static int64_t chunk_of(const pc_column *column, int64_t row)
{
    int64_t low = 0, high = column->n_chunks - 1;
    while (low < high) {
        const int64_t middle = low + (high - low + 1) / 2;
        if (column->starts[middle] <= row) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* The longest piece that starts at `row` and has at most n rows. */
static piece piece_at(const pc_column *column, int64_t row, int64_t n)
{
    const int64_t c = column->n_chunks == 1 ? 0 : chunk_of(column, row);
    piece p = {&column->chunks[c], row - column->starts[c], column->starts[c + 1] - row};
    if (p.n > n) p.n = n;
    return p;
}

static const char *element(const pc_chunk *chunk, int64_t i)
{
    return (const char *)chunk->data + i * chunk->stride;
}

static bool bit_at(const void *bits, int64_t i)
{
    return (((const uint8_t *)bits)[i >> 3] >> (i & 7)) & 1;
}

static bool has_validity(const pc_chunk *chunk)
{
    return chunk->valid != NULL || chunk->mask != NULL;
}

static bool is_missing(const pc_chunk *chunk, int64_t i)
{
    if (chunk->valid != NULL && !bit_at(chunk->valid, chunk->valid_offset + i)) return true;
    return chunk->mask != NULL && chunk->mask[i * chunk->mask_stride] != 0;
}

/* ---- types -------------------------------------------------------------------------------- */

bool pc_type_is_integer(pc_type type)
{
    return type <= PC_UINT64 || type == PC_BITS || type == PC_MADE;
}

bool pc_type_is_text(pc_type type)
{
    return type == PC_TEXT32 || type == PC_TEXT64 || type == PC_TEXT_VIEW;
}

static bool is_real(pc_type type)
{
    return type == PC_FLOAT32 || type == PC_FLOAT64;
}

size_t pc_type_size(pc_type type)
{
    switch (type) {
#define INTEGER_SIZE(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                         \
    case NAME:                                                                                     \
        return sizeof(CTYPE);
#define REAL_SIZE(NAME, CTYPE)                                                                     \
    case NAME:                                                                                     \
        return sizeof(CTYPE);
        PC_INTEGER_TYPES(INTEGER_SIZE)
        PC_REAL_TYPES(REAL_SIZE)
    default:
        return 0;
    }
}

bool pc_column_is_complete(const pc_column *column)
{
    if (is_real(column->type) || column->type == PC_MADE) return false;
    for (int64_t c = 0; c < column->n_chunks; c++)
        if (has_validity(&column->chunks[c])) return false;
    return true;
}

const char *pc_column_address(const pc_column *column, int64_t row)
{
    const int64_t size = (int64_t)pc_type_size(column->type);
    if (column->n_chunks != 1 || size == 0 || column->chunks->stride != size) return NULL;
    return (const char *)column->chunks->data + row * size;
}

/* ---- one typed loop per type and purpose ---------------------------------------------------
 *
 * Each loop is written once with the stride as an argument and called twice, with a constant stride
 * where the elements touch: then the compiler makes vector code of it. Elements are read by memcpy,
 * since a column may be unaligned. */

#define DEFINE_INTEGER_LOOPS(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                 \
    static inline int64_t ordinal_##NAME(const char *p)                                            \
    {                                                                                              \
        CTYPE v;                                                                                   \
        memcpy(&v, p, sizeof v);                                                                   \
        return (int64_t)((uint64_t)v ^ (TURN));                                                    \
    }                                                                                              \
    static inline void real_loop_##NAME(const char *p, int64_t stride, int64_t n, double *out)     \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            CTYPE v;                                                                               \
            memcpy(&v, p + i * stride, sizeof v);                                                  \
            out[i] = (double)v;                                                                    \
        }                                                                                          \
    }                                                                                              \
    static inline void flag_loop_##NAME(const char *p, int64_t stride, int64_t n, uint8_t *out)    \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            CTYPE v;                                                                               \
            memcpy(&v, p + i * stride, sizeof v);                                                  \
            out[i] = v == 0 ? 0 : v == 1 ? 1 : PC_FLAG_BAD;                                        \
        }                                                                                          \
    }                                                                                              \
    static inline void ordinal_loop_##NAME(const char *p, int64_t stride, int64_t n, int64_t *out) \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) out[i] = ordinal_##NAME(p + i * stride);                   \
    }                                                                                              \
    static inline void range_loop_##NAME(const char *p, int64_t stride, int64_t n, CTYPE *low,     \
                                         CTYPE *high)                                              \
    {                                                                                              \
        CTYPE least = *low, most = *high;                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            CTYPE v;                                                                               \
            memcpy(&v, p + i * stride, sizeof v);                                                  \
            least = v < least ? v : least;                                                         \
            most = v > most ? v : most;                                                            \
        }                                                                                          \
        *low = least;                                                                              \
        *high = most;                                                                              \
    }                                                                                              \
    static void real_##NAME(const char *p, int64_t stride, int64_t n, double *out)                 \
    {                                                                                              \
        if (stride == sizeof(CTYPE)) real_loop_##NAME(p, sizeof(CTYPE), n, out);                   \
        else real_loop_##NAME(p, stride, n, out);                                                  \
    }                                                                                              \
    static void flag_##NAME(const char *p, int64_t stride, int64_t n, uint8_t *out)                \
    {                                                                                              \
        if (stride == sizeof(CTYPE)) flag_loop_##NAME(p, sizeof(CTYPE), n, out);                   \
        else flag_loop_##NAME(p, stride, n, out);                                                  \
    }                                                                                              \
    static void ordinals_##NAME(const char *p, int64_t stride, int64_t n, int64_t *out)            \
    {                                                                                              \
        if (stride == sizeof(CTYPE)) ordinal_loop_##NAME(p, sizeof(CTYPE), n, out);                \
        else ordinal_loop_##NAME(p, stride, n, out);                                               \
    }                                                                                              \
    static void range_##NAME(const char *p, int64_t stride, int64_t n, int64_t *low,               \
                             int64_t *high)                                                        \
    {                                                                                              \
        CTYPE least, most;                                                                         \
        memcpy(&least, p, sizeof least);                                                           \
        most = least;                                                                              \
        if (stride == sizeof(CTYPE)) range_loop_##NAME(p, sizeof(CTYPE), n, &least, &most);        \
        else range_loop_##NAME(p, stride, n, &least, &most);                                       \
        const int64_t bottom = ordinal_##NAME((const char *)&least);                               \
        const int64_t top = ordinal_##NAME((const char *)&most);                                   \
        if (bottom < *low) *low = bottom;                                                          \
        if (top > *high) *high = top;                                                              \
    }                                                                                              \
    /* Elements apart, or a range that the type's own width cannot tell. */                        \
    static int64_t code_##NAME(const char *p, int64_t stride, int64_t n, int64_t low,              \
                               uint32_t count, uint32_t scale, uint32_t *out)                      \
    {                                                                                              \
        int64_t outside = 0;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const int64_t v = ordinal_##NAME(p + i * stride);                                      \
            const uint64_t d = (uint64_t)v - (uint64_t)low;                                        \
            const bool inside = v >= low && d < count;                                             \
            const uint32_t code = inside ? (uint32_t)d : count;                                    \
            outside += !inside;                                                                    \
            out[i] = scale == 0 ? code : out[i] + code * scale;                                    \
        }                                                                                          \
        return outside;                                                                            \
    }

PC_INTEGER_TYPES(DEFINE_INTEGER_LOOPS)

#define DEFINE_REAL_LOOPS(NAME, CTYPE)                                                             \
    static void real_##NAME(const char *p, int64_t stride, int64_t n, double *out)                 \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            CTYPE v;                                                                               \
            memcpy(&v, p + i * stride, sizeof v);                                                  \
            out[i] = (double)v;                                                                    \
        }                                                                                          \
    }

PC_REAL_TYPES(DEFINE_REAL_LOOPS)

/* ---- dispatch by type ---------------------------------------------------------------------- */

static void real_piece(pc_type type, const char *p, int64_t stride, int64_t n, double *out)
{
    switch (type) {
#define INTEGER_REAL(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                         \
    case NAME:                                                                                     \
        real_##NAME(p, stride, n, out);                                                            \
        break;
#define REAL_REAL(NAME, CTYPE)                                                                     \
    case NAME:                                                                                     \
        real_##NAME(p, stride, n, out);                                                            \
        break;
        PC_INTEGER_TYPES(INTEGER_REAL)
        PC_REAL_TYPES(REAL_REAL)
    default:
        break;
    }
}

static void flag_piece(pc_type type, const char *p, int64_t stride, int64_t n, uint8_t *out)
{
    switch (type) {
#define INTEGER_FLAG(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                         \
    case NAME:                                                                                     \
        flag_##NAME(p, stride, n, out);                                                            \
        break;
        PC_INTEGER_TYPES(INTEGER_FLAG)
    default:
        break;
    }
}

static void ordinal_piece(pc_type type, const char *p, int64_t stride, int64_t n, int64_t *out)
{
    switch (type) {
#define INTEGER_ORDINAL(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                      \
    case NAME:                                                                                     \
        ordinals_##NAME(p, stride, n, out);                                                        \
        break;
        PC_INTEGER_TYPES(INTEGER_ORDINAL)
    default:
        break;
    }
}

static void range_piece(pc_type type, const char *p, int64_t stride, int64_t n, int64_t *low,
                        int64_t *high)
{
    switch (type) {
#define INTEGER_RANGE(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                        \
    case NAME:                                                                                     \
        range_##NAME(p, stride, n, low, high);                                                     \
        break;
        PC_INTEGER_TYPES(INTEGER_RANGE)
    default:
        break;
    }
}

/* Whether all of low .. low + count - 1 are ordinals of the type. */
static bool fits_type(pc_type type, int64_t low, uint32_t count)
{
    switch (type) {
#define INTEGER_FITS(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                         \
    case NAME:                                                                                     \
        return low >= (int64_t)(LEAST) && low <= (int64_t)(MOST) &&                                \
               (uint64_t)count <= (uint64_t)(MOST) - (uint64_t)low + 1;
        PC_INTEGER_TYPES(INTEGER_FITS)
    default:
        return false;
    }
}

static int64_t code_piece(pc_type type, pc_code_loops loops, const char *p, int64_t stride, int64_t n, int64_t low,
                          uint32_t count, uint32_t scale, uint32_t *out)
{
    if (stride == (int64_t)pc_type_size(type) && fits_type(type, low, count))
        return loops[type](p, n, low, count, scale, out);
    switch (type) {
#define INTEGER_CODE(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                         \
    case NAME:                                                                                     \
        return code_##NAME(p, stride, n, low, count, scale, out);
        PC_INTEGER_TYPES(INTEGER_CODE)
    default:
        return n;
    }
}

/* ---- numbers that are made ------------------------------------------------------------------- */

static void made_ordinals(const pc_column *column, int64_t row, int64_t n, int64_t *out, uint8_t *valid)
{
    const pc_numbers *numbers = column->numbers;
    uint32_t number[PC_BLOCK];
    numbers->fill(numbers->maker, row, n, number);
    for (int64_t i = 0; i < n; i++) {
        valid[i] = number[i] < numbers->n_numbers;
        out[i] = valid[i] ? number[i] : 0;
    }
}

static void made_reals(const pc_column *column, int64_t row, int64_t n, double *out)
{
    int64_t ordinal[PC_BLOCK];
    uint8_t valid[PC_BLOCK];
    made_ordinals(column, row, n, ordinal, valid);
    for (int64_t i = 0; i < n; i++) out[i] = valid[i] ? (double)ordinal[i] : NAN;
}

/* ---- reals and flags ----------------------------------------------------------------------- */

static void real_in_chunk(pc_type type, const piece p, double *out)
{
    const pc_chunk *chunk = p.chunk;
    if (type == PC_BITS)
        for (int64_t i = 0; i < p.n; i++)
            out[i] = bit_at(chunk->data, chunk->bit_offset + p.first + i);
    else real_piece(type, element(chunk, p.first), chunk->stride, p.n, out);
    if (has_validity(chunk))
        for (int64_t i = 0; i < p.n; i++)
            if (is_missing(chunk, p.first + i)) out[i] = NAN;
}

void pc_column_load_real(const pc_column *column, int64_t row, int64_t n, double *out)
{
    if (column->type == PC_MADE) {
        made_reals(column, row, n, out);
        return;
    }
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        real_in_chunk(column->type, p, out);
        row += p.n;
        n -= p.n;
        out += p.n;
    }
}

const double *pc_column_real(const pc_column *column, int64_t row, int64_t n, double *scratch)
{
    if (column->type == PC_FLOAT64 && n > 0) {
        const piece p = piece_at(column, row, n);
        const char *start = element(p.chunk, p.first);
        const bool touching = p.chunk->stride == sizeof(double) && p.n == n;
        if (touching && !has_validity(p.chunk) && (uintptr_t)start % sizeof(double) == 0)
            return (const double *)(const void *)start;
    }
    pc_column_load_real(column, row, n, scratch);
    return scratch;
}

static uint8_t flag_of(double value)
{
    if (isnan(value)) return PC_FLAG_MISSING;
    if (value == 0.0) return 0;
    return value == 1.0 ? 1 : PC_FLAG_BAD;
}

static void flag_in_chunk(pc_type type, const piece p, uint8_t *out)
{
    const pc_chunk *chunk = p.chunk;
    if (is_real(type)) {
        for (int64_t i = 0; i < p.n; i++) {
            double value = 0;
            real_piece(type, element(chunk, p.first + i), 0, 1, &value);
            out[i] = flag_of(value);
        }
    } else if (type == PC_BITS) {
        for (int64_t i = 0; i < p.n; i++)
            out[i] = bit_at(chunk->data, chunk->bit_offset + p.first + i);
    } else flag_piece(type, element(chunk, p.first), chunk->stride, p.n, out);
    if (has_validity(chunk))
        for (int64_t i = 0; i < p.n; i++)
            if (is_missing(chunk, p.first + i)) out[i] = PC_FLAG_MISSING;
}

static void made_flags(const pc_column *column, int64_t row, int64_t n, uint8_t *out)
{
    double value[PC_BLOCK];
    made_reals(column, row, n, value);
    for (int64_t i = 0; i < n; i++) out[i] = flag_of(value[i]);
}

void pc_column_load_flag(const pc_column *column, int64_t row, int64_t n, uint8_t *out)
{
    if (column->type == PC_MADE) {
        made_flags(column, row, n, out);
        return;
    }
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        flag_in_chunk(column->type, p, out);
        row += p.n;
        n -= p.n;
        out += p.n;
    }
}

const uint8_t *pc_column_flag(const pc_column *column, int64_t row, int64_t n, uint8_t *scratch)
{
    if (pc_type_size(column->type) == 1 && n > 0) {
        const piece p = piece_at(column, row, n);
        if (p.chunk->stride == 1 && p.n == n && !has_validity(p.chunk))
            return (const uint8_t *)p.chunk->data + p.first;
    }
    pc_column_load_flag(column, row, n, scratch);
    return scratch;
}

/* ---- ordinals ------------------------------------------------------------------------------ */

static void ordinal_in_chunk(pc_type type, const piece p, int64_t *out, uint8_t *valid)
{
    const pc_chunk *chunk = p.chunk;
    if (type == PC_BITS)
        for (int64_t i = 0; i < p.n; i++)
            out[i] = bit_at(chunk->data, chunk->bit_offset + p.first + i);
    else ordinal_piece(type, element(chunk, p.first), chunk->stride, p.n, out);
    for (int64_t i = 0; i < p.n; i++) valid[i] = 1;
    if (!has_validity(chunk)) return;
    for (int64_t i = 0; i < p.n; i++)
        if (is_missing(chunk, p.first + i)) {
            valid[i] = 0;
            out[i] = 0;
        }
}

void pc_column_load_ordinal(const pc_column *column, int64_t row, int64_t n, int64_t *out,
                            uint8_t *valid)
{
    if (column->type == PC_MADE) {
        made_ordinals(column, row, n, out, valid);
        return;
    }
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        ordinal_in_chunk(column->type, p, out, valid);
        row += p.n;
        n -= p.n;
        out += p.n;
        valid += p.n;
    }
}

static int64_t range_by_row(const pc_column *column, int64_t row, int64_t n, int64_t *low,
                            int64_t *high)
{
    int64_t ordinal[PC_BLOCK], n_missing = 0;
    uint8_t valid[PC_BLOCK];
    pc_column_load_ordinal(column, row, n, ordinal, valid);
    for (int64_t i = 0; i < n; i++) {
        n_missing += !valid[i];
        if (valid[i] && ordinal[i] < *low) *low = ordinal[i];
        if (valid[i] && ordinal[i] > *high) *high = ordinal[i];
    }
    return n_missing;
}

static void made_range(const pc_column *column, int64_t n, int64_t *low, int64_t *high)
{
    const int64_t last = column->numbers->n_numbers - 1;
    if (n == 0 || last < 0) return;
    if (*low > 0) *low = 0;
    if (*high < last) *high = last;
}

int64_t pc_column_range(const pc_column *column, int64_t row, int64_t n, int64_t *low,
                        int64_t *high)
{
    int64_t n_missing = 0;
    if (column->type == PC_MADE) {
        made_range(column, n, low, high);
        return 0;
    }
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        if (column->type == PC_BITS || has_validity(p.chunk))
            n_missing += range_by_row(column, row, p.n, low, high);
        else range_piece(column->type, element(p.chunk, p.first), p.chunk->stride, p.n, low, high);
        row += p.n;
        n -= p.n;
    }
    return n_missing;
}

static int64_t code_by_row(const pc_column *column, int64_t row, int64_t n, int64_t low,
                           uint32_t count, uint32_t scale, uint32_t *out)
{
    int64_t ordinal[PC_BLOCK], outside = 0;
    uint8_t valid[PC_BLOCK];
    pc_column_load_ordinal(column, row, n, ordinal, valid);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t d = (uint64_t)ordinal[i] - (uint64_t)low;
        const bool inside = valid[i] && ordinal[i] >= low && d < count;
        const uint32_t code = inside ? (uint32_t)d : count;
        outside += !inside;
        out[i] = scale == 0 ? code : out[i] + code * scale;
    }
    return outside;
}

/* What a maker fills is the code already where all numbers have one. */
static int64_t made_code(const pc_column *column, int64_t row, int64_t n, int64_t low, uint32_t count,
                         uint32_t scale, uint32_t *out)
{
    const pc_numbers *numbers = column->numbers;
    if (low == 0 && count == numbers->n_numbers && scale == 0)
        return numbers->fill(numbers->maker, row, n, out);
    return code_by_row(column, row, n, low, count, scale, out);
}

int64_t pc_column_load_code(const pc_column *column, int64_t row, int64_t n, int64_t low,
                           uint32_t count, uint32_t scale, uint32_t *out)
{
    return pc_column_load_code_by(PC_SIMD_PORTABLE, column, row, n, low, count, scale, out);
}

int64_t pc_column_load_code_by(pc_simd simd, const pc_column *column, int64_t row, int64_t n, int64_t low,
                               uint32_t count, uint32_t scale, uint32_t *out)
{
    const pc_code_loops avx2 = pc_column_code_loops_avx2();
    const pc_code_loops loops = simd == PC_SIMD_AVX2 && avx2 != NULL ? avx2 : code_loops;
    int64_t outside = 0;
    if (column->type == PC_MADE) return made_code(column, row, n, low, count, scale, out);
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        if (column->type == PC_BITS || has_validity(p.chunk))
            outside += code_by_row(column, row, p.n, low, count, scale, out);
        else
            outside += code_piece(column->type, loops, element(p.chunk, p.first), p.chunk->stride, p.n,
                                  low, count, scale, out);
        row += p.n;
        n -= p.n;
        out += p.n;
    }
    return outside;
}

/* ---- words --------------------------------------------------------------------------------- */

static const pc_word missing_word = {~(uint64_t)0, ~(uint64_t)0, NULL};

pc_word pc_word_missing(void)
{
    return missing_word;
}

pc_word pc_word_ordinal(int64_t ordinal)
{
    const pc_word word = {(uint64_t)ordinal, 0, NULL};
    return word;
}

bool pc_word_is_missing(pc_word word)
{
    return word.a == missing_word.a && word.b == missing_word.b;
}

int64_t pc_word_length(pc_word word)
{
    return (int64_t)(word.a & UINT32_MAX);
}

static pc_word real_word(double value)
{
    if (isnan(value)) return missing_word;
    pc_word word = {0, 0, NULL};
    const double unsigned_zero = value + 0.0; /* -0.0 + 0.0 is 0.0 */
    memcpy(&word.a, &unsigned_zero, sizeof word.a);
    return word;
}

static uint64_t hash_bytes(const uint8_t *bytes, int64_t n)
{
    uint64_t h = (uint64_t)n * 0x9E3779B97F4A7C15u;
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t part = 0;
        memcpy(&part, bytes + i, (size_t)(n - i < 8 ? n - i : 8));
        h = (h ^ part) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
    }
    return h;
}

/* A short text lies wholly in the words, as in an Arrow view: length, four bytes, eight bytes. A
 * long one keeps length and first four bytes, and a hash instead of the rest. */
static pc_word text_word(const uint8_t *bytes, int64_t n)
{
    pc_word word = {(uint64_t)n, 0, NULL};
    uint32_t first = 0;
    memcpy(&first, bytes, (size_t)(n < 4 ? n : 4));
    word.a |= (uint64_t)first << 32;
    if (n > PC_TEXT_INLINE) {
        word.b = hash_bytes(bytes, n);
        word.bytes = bytes;
    } else if (n > 4) memcpy(&word.b, bytes + 4, (size_t)(n - 4));
    return word;
}

/* Where 16 bytes may be read, a short text is loaded whole and cut by a mask: no calls, no
 * branches on its length. */
static inline pc_word padded_text_word(const uint8_t *bytes, uint64_t n)
{
    static const uint64_t keep[9] = {0,          0xFF,         0xFFFF,         0xFFFFFF,
                                     0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF,
                                     ~(uint64_t)0};
    uint32_t first;
    uint64_t rest;
    memcpy(&first, bytes, sizeof first);
    memcpy(&rest, bytes + 4, sizeof rest);
    const uint64_t head = n < 4 ? n : 4;
    const pc_word word = {n | (first & keep[head]) << 32, rest & keep[n - head], NULL};
    return word;
}

/* The smallest machine integer for offsets is int32; both widths share the loop. */
static inline int64_t offset_at(const void *offsets, int64_t i, bool wide)
{
    int32_t narrow_offset;
    int64_t wide_offset;
    if (wide) {
        memcpy(&wide_offset, (const char *)offsets + i * (int64_t)sizeof wide_offset,
               sizeof wide_offset);
        return wide_offset;
    }
    memcpy(&narrow_offset, (const char *)offsets + i * (int64_t)sizeof narrow_offset,
           sizeof narrow_offset);
    return narrow_offset;
}

static inline pc_status text_words(const piece p, bool wide, pc_word *out, int64_t *bad)
{
    const pc_chunk *chunk = p.chunk;
    int64_t start = offset_at(chunk->data, p.first, wide);
    for (int64_t i = 0; i < p.n; i++) {
        const int64_t end = offset_at(chunk->data, p.first + i + 1, wide);
        const int64_t length = end - start;
        *bad = i;
        if (start < 0 || end < start || end > chunk->n_bytes) {
            if (has_validity(chunk) && is_missing(chunk, p.first + i)) {
                start = end;
                continue; /* an offset under a missing row is nobody's text */
            }
            return PC_ERR_VALUE;
        }
        if (length >= (int64_t)UINT32_MAX) return PC_ERR_LIMIT;
        if (length <= PC_TEXT_INLINE && start + 12 <= chunk->n_bytes)
            out[i] = padded_text_word(chunk->bytes + start, (uint64_t)length);
        else out[i] = text_word(chunk->bytes + start, length);
        start = end;
    }
    return PC_OK;
}

static pc_status view_words(const piece p, pc_word *out, int64_t *bad)
{
    const pc_chunk *chunk = p.chunk;
    for (int64_t i = 0; i < p.n; i++) {
        uint64_t view[2];
        memcpy(view, (const char *)chunk->data + 16 * (p.first + i), sizeof view);
        const int64_t length = (int64_t)(view[0] & UINT32_MAX);
        *bad = i;
        if (length <= PC_TEXT_INLINE) {
            out[i] = padded_text_word((const uint8_t *)view + 4, (uint64_t)length);
            continue;
        }
        if (has_validity(chunk) && is_missing(chunk, p.first + i)) continue;
        const int64_t buffer = (int64_t)(view[1] & UINT32_MAX);
        const int64_t start = (int64_t)(view[1] >> 32);
        if (length > INT32_MAX || buffer >= chunk->n_buffers) return PC_ERR_VALUE;
        if (start + length > chunk->buffer_sizes[buffer]) return PC_ERR_VALUE;
        out[i] = text_word(chunk->buffers[buffer] + start, length);
    }
    return PC_OK;
}

static void real_words(pc_type type, const piece p, pc_word *out)
{
    double value[PC_BLOCK];
    real_in_chunk(type, p, value);
    for (int64_t i = 0; i < p.n; i++) out[i] = real_word(value[i]);
}

/* An ordinal is a word of its own; ~0 in both halves stays free for missing. */
static void ordinal_words(pc_type type, const piece p, pc_word *out)
{
    int64_t ordinal[PC_BLOCK];
    uint8_t valid[PC_BLOCK];
    ordinal_in_chunk(type, p, ordinal, valid);
    for (int64_t i = 0; i < p.n; i++) out[i] = pc_word_ordinal(ordinal[i]);
}

static void made_words(const pc_column *column, int64_t row, int64_t n, pc_word *out)
{
    int64_t ordinal[PC_BLOCK];
    uint8_t valid[PC_BLOCK];
    made_ordinals(column, row, n, ordinal, valid);
    for (int64_t i = 0; i < n; i++) out[i] = valid[i] ? pc_word_ordinal(ordinal[i]) : missing_word;
}

pc_status pc_column_load_word(const pc_column *column, int64_t row, int64_t n, pc_word *out,
                              int64_t *bad_row)
{
    if (column->type == PC_MADE) {
        made_words(column, row, n, out);
        return PC_OK;
    }
    while (n > 0) {
        const piece p = piece_at(column, row, n);
        pc_status status = PC_OK;
        int64_t bad = 0;
        if (column->type == PC_TEXT32) status = text_words(p, false, out, &bad);
        else if (column->type == PC_TEXT64) status = text_words(p, true, out, &bad);
        else if (column->type == PC_TEXT_VIEW) status = view_words(p, out, &bad);
        else if (is_real(column->type)) real_words(column->type, p, out);
        else ordinal_words(column->type, p, out);
        if (status != PC_OK) {
            *bad_row = row + bad;
            return status;
        }
        if (has_validity(p.chunk))
            for (int64_t i = 0; i < p.n; i++)
                if (is_missing(p.chunk, p.first + i)) out[i] = missing_word;
        row += p.n;
        n -= p.n;
        out += p.n;
    }
    return PC_OK;
}
