/* Loaders against what was put in: every type, stride, alignment, validity, chunks. */
#include "pc_made.h"
#include "pc_test.h"

#include <math.h>
#include <stdlib.h>

enum { N = 300 };

/* What row i of every made integer column holds. */
static int64_t small_value(int64_t i)
{
    return i % 7;
}

static void put(pc_type type, void *at, int64_t value)
{
    switch (type) {
#define PUT_INTEGER(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                          \
    case NAME: {                                                                                   \
        const CTYPE v = (CTYPE)value;                                                              \
        memcpy(at, &v, sizeof v);                                                                  \
        break;                                                                                     \
    }
#define PUT_REAL(NAME, CTYPE)                                                                      \
    case NAME: {                                                                                   \
        const CTYPE v = (CTYPE)value;                                                              \
        memcpy(at, &v, sizeof v);                                                                  \
        break;                                                                                     \
    }
        PC_INTEGER_TYPES(PUT_INTEGER)
        PC_REAL_TYPES(PUT_REAL)
    default:
        break;
    }
}

/* Loads all rows by each loader and compares; missing rows by `is_missing`. */
static void check_rows(const pc_column *column, int64_t row, int64_t n, const uint8_t *is_missing)
{
    double real[N];
    uint8_t flag[N], valid[N];
    int64_t ordinal[N];
    uint32_t code[N] = {0};
    const bool is_integer = pc_type_is_integer(column->type);
    pc_column_load_real(column, row, n, real);
    pc_column_load_flag(column, row, n, flag);
    for (int64_t i = 0; i < n; i++) {
        const int64_t value = small_value(row + i);
        const bool missing = is_missing != NULL && is_missing[row + i];
        EXPECT(missing ? isnan(real[i]) : real[i] == (double)value);
        const int expected = value > 1 ? PC_FLAG_BAD : (int)value;
        EXPECT(flag[i] == (missing ? PC_FLAG_MISSING : expected));
    }
    if (!is_integer) return;
    const uint64_t turn = column->type == PC_UINT64 ? PC_TOP_BIT : 0;
    const int64_t low = (int64_t)(1u ^ turn);
    pc_column_load_ordinal(column, row, n, ordinal, valid);
    int64_t outside = 0, least = INT64_MAX, most = INT64_MIN, n_missing = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t value = small_value(row + i);
        const bool missing = is_missing != NULL && is_missing[row + i];
        EXPECT(valid[i] == !missing);
        EXPECT(ordinal[i] == (missing ? 0 : (int64_t)((uint64_t)value ^ turn)));
        n_missing += missing;
        outside += missing || value < 1 || value > 4;
    }
    EXPECT(pc_column_range(column, row, n, &least, &most) == n_missing);
    if (n >= 14 && n_missing == 0) {
        EXPECT(least == (int64_t)(0u ^ turn) && most == (int64_t)(6u ^ turn));
    }
    /* values 1 .. 4 get codes 0 .. 3, the others 4; added ten times as large, or put there */
    uint32_t plain[N];
    EXPECT(pc_column_load_code(column, row, n, low, 4, 0, plain) == outside);
    EXPECT(pc_column_load_code(column, row, n, low, 4, 10, code) == outside);
    for (int64_t i = 0; i < n; i++) {
        const int64_t value = small_value(row + i);
        const bool missing = is_missing != NULL && is_missing[row + i];
        const bool inside = !missing && value >= 1 && value <= 4;
        EXPECT(code[i] == (inside ? 10 * (uint32_t)(value - 1) : 40));
        EXPECT(plain[i] == code[i] / 10);
    }
}

static void every_type_and_stride_is_loaded(void)
{
    static const int64_t steps[] = {1, 2, 3, -1, -2};
    char *memory = malloc(N * 8 * 8 + 64);
    for (int type = PC_BOOL; type <= PC_FLOAT64; type++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
            for (int64_t shift = 0; shift <= 1; shift++) { /* 1: unaligned */
                const int64_t size = (int64_t)pc_type_size((pc_type)type);
                const int64_t stride = steps[k] * size;
                char *first = memory + shift + (stride < 0 ? -stride * (N - 1) : 0);
                for (int64_t i = 0; i < N; i++)
                    put((pc_type)type, first + i * stride, small_value(i));
                pc_made made;
                const pc_column *column = pc_make(&made, (pc_type)type, first, stride, N);
                check_rows(column, 0, N, NULL);
                check_rows(column, 13, 100, NULL);
                check_rows(column, N - 1, 1, NULL);
            }
    free(memory);
}

static void masks_and_bitmaps_say_what_is_missing(void)
{
    int32_t data[N];
    uint8_t is_missing[N], mask[3 * N], bits[N / 8 + 3] = {0};
    for (int64_t i = 0; i < N; i++) {
        data[i] = (int32_t)small_value(i);
        is_missing[i] = i % 5 == 2;
        mask[3 * i] = is_missing[i] ? 255 : 0;
        if (!is_missing[i]) bits[(i + 11) / 8] |= (uint8_t)(1u << ((i + 11) % 8));
    }
    pc_made made;
    const pc_column *column = pc_make_array(&made, PC_INT32, data, N);
    EXPECT(pc_column_is_complete(column));
    made.chunk.mask = mask;
    made.chunk.mask_stride = 3;
    EXPECT(!pc_column_is_complete(column));
    check_rows(column, 0, N, is_missing);
    made.chunk.mask = NULL;
    made.chunk.valid = bits;
    made.chunk.valid_offset = 11;
    check_rows(column, 0, N, is_missing);
    check_rows(column, 17, 60, is_missing);
}

static void chunks_are_one_column(void)
{
    static const int64_t lengths[] = {0, 1, 100, 0, N - 101};
    enum { N_CHUNKS = sizeof lengths / sizeof *lengths };
    int16_t data[N];
    pc_chunk chunks[N_CHUNKS] = {{0}};
    int64_t starts[N_CHUNKS + 1] = {0};
    for (int64_t i = 0; i < N; i++) data[i] = (int16_t)small_value(i);
    for (int c = 0; c < N_CHUNKS; c++) {
        chunks[c].n = lengths[c];
        chunks[c].data = data + starts[c];
        chunks[c].stride = 2;
        starts[c + 1] = starts[c] + lengths[c];
    }
    const pc_column column = {PC_INT16, N, N_CHUNKS, chunks, starts, NULL};
    check_rows(&column, 0, N, NULL);
    for (int64_t row = 0; row + 5 < N; row++) check_rows(&column, row, 5, NULL);
}

static void bits_of_an_arrow_boolean_are_rows(void)
{
    uint8_t bits[N / 8 + 2] = {0};
    double real[N];
    uint8_t flag[N];
    for (int64_t i = 0; i < N; i++)
        if (i % 3 == 0) bits[(i + 5) / 8] |= (uint8_t)(1u << ((i + 5) % 8));
    pc_made made;
    const pc_column *column = pc_make(&made, PC_BITS, bits, 0, N);
    made.chunk.bit_offset = 5;
    pc_column_load_real(column, 1, N - 1, real);
    pc_column_load_flag(column, 1, N - 1, flag);
    for (int64_t i = 1; i < N; i++) EXPECT(flag[i - 1] == (i % 3 == 0) && real[i - 1] == flag[i - 1]);
}

static void extreme_integers_keep_their_order(void)
{
    static const int64_t signs[] = {INT64_MIN, -1, 0, INT64_MAX};
    static const uint64_t large[] = {0, INT64_MAX, PC_TOP_BIT, UINT64_MAX};
    pc_made made;
    int64_t ordinal[4], low = INT64_MAX, high = INT64_MIN;
    uint8_t valid[4];
    pc_column_load_ordinal(pc_make_array(&made, PC_INT64, signs, 4), 0, 4, ordinal, valid);
    for (int i = 0; i < 4; i++) EXPECT(ordinal[i] == signs[i]);
    pc_column_load_ordinal(pc_make_array(&made, PC_UINT64, large, 4), 0, 4, ordinal, valid);
    for (int i = 1; i < 4; i++) EXPECT(ordinal[i - 1] < ordinal[i]);
    pc_column_range(pc_make_array(&made, PC_UINT64, large, 4), 0, 4, &low, &high);
    EXPECT(low == INT64_MIN && high == INT64_MAX);
}

/* low and count need not be of the column's own type: an earlier batch may have had a wider one */
static void codes_outside_the_type_are_outside(void)
{
    static const int8_t data[] = {-128, -1, 0, 127};
    pc_made made;
    const pc_column *column = pc_make_array(&made, PC_INT8, data, 4);
    uint32_t code[4] = {0};
    EXPECT(pc_column_load_code(column, 0, 4, -1000, 1128, 1, code) == 0);
    for (int i = 0; i < 4; i++) EXPECT(code[i] == (uint32_t)(data[i] + 1000));
    memset(code, 0, sizeof code);
    EXPECT(pc_column_load_code(column, 0, 4, 200, 300, 1, code) == 4);
    memset(code, 0, sizeof code);
    EXPECT(pc_column_load_code(column, 0, 4, 0, 1000, 1, code) == 2);
    EXPECT(code[0] == 1000 && code[1] == 1000 && code[2] == 0 && code[3] == 127);
}

static void reals_equal_flags_only_when_exact(void)
{
    static const double data[] = {0.0, -0.0, 1.0, 1.0000000000000002, NAN, INFINITY};
    static const uint8_t expected[] = {0, 0, 1, PC_FLAG_BAD, PC_FLAG_MISSING, PC_FLAG_BAD};
    uint8_t flag[6];
    pc_made made;
    pc_column_load_flag(pc_make_array(&made, PC_FLOAT64, data, 6), 0, 6, flag);
    EXPECT(memcmp(flag, expected, 6) == 0);
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool equal_words(pc_word x, pc_word y)
{
    if (x.a != y.a || x.b != y.b || (x.bytes == NULL) != (y.bytes == NULL)) return false;
    return x.bytes == NULL || memcmp(x.bytes, y.bytes, (size_t)pc_word_length(x)) == 0;
}

static void words_are_equal_exactly_when_texts_are(void)
{
    static const char *texts[] = {"", "a", "b", "abc", "abcd", "abcde", "abcdefghijkl", "abcdefghijkm",
                                  "abcdefghijklm", "abcdefghijkln", "L\xE1\xBA\xA1ng S\xC6\xA1n"};
    enum { N_TEXTS = sizeof texts / sizeof *texts };
    char bytes[512] = "";
    int32_t narrow[2 * N_TEXTS + 1] = {0};
    int64_t wide[2 * N_TEXTS + 1] = {0};
    for (int i = 0; i < 2 * N_TEXTS; i++) {
        memcpy(bytes + narrow[i], texts[i % N_TEXTS], strlen(texts[i % N_TEXTS]));
        narrow[i + 1] = narrow[i] + (int32_t)strlen(texts[i % N_TEXTS]);
        wide[i + 1] = narrow[i + 1];
    }
    for (int is_wide = 0; is_wide <= 1; is_wide++) {
        pc_made made;
        pc_word word[2 * N_TEXTS];
        int64_t bad;
        const void *offsets = is_wide ? (const void *)wide : (const void *)narrow;
        const pc_column *column =
            pc_make(&made, is_wide ? PC_TEXT64 : PC_TEXT32, offsets, 0, 2 * N_TEXTS);
        made.chunk.bytes = (const uint8_t *)bytes;
        made.chunk.n_bytes = narrow[2 * N_TEXTS];
        EXPECT(pc_column_load_word(column, 0, 2 * N_TEXTS, word, &bad) == PC_OK);
        for (int i = 0; i < 2 * N_TEXTS; i++)
            for (int j = 0; j < 2 * N_TEXTS; j++)
                EXPECT(equal_words(word[i], word[j]) == (i % N_TEXTS == j % N_TEXTS));
    }
}

static void a_view_is_the_word_of_its_text(void)
{
    static const char *heap = "a text of more than twelve bytes";
    const int64_t length = (int64_t)strlen(heap);
    const uint8_t *buffers[] = {(const uint8_t *)"unused", (const uint8_t *)heap};
    const int64_t sizes[] = {6, length};
    char views[2][16] = {{0}};
    const int32_t parts[] = {(int32_t)length, 0, 1, 0}; /* length, prefix, buffer, offset */
    memcpy(views[0], "\x05\0\0\0short", 9);
    memcpy(views[1], parts, sizeof parts);
    memcpy(views[1] + 4, heap, 4);
    pc_made made;
    pc_word word[2];
    int64_t bad = -1;
    const pc_column *column = pc_make(&made, PC_TEXT_VIEW, views, 0, 2);
    made.chunk.buffers = buffers;
    made.chunk.buffer_sizes = sizes;
    made.chunk.n_buffers = 2;
    EXPECT(pc_column_load_word(column, 0, 2, word, &bad) == PC_OK);
    EXPECT(pc_word_length(word[0]) == 5 && word[0].bytes == NULL);
    EXPECT(pc_word_length(word[1]) == length && memcmp(word[1].bytes, heap, (size_t)length) == 0);
    made.chunk.n_buffers = 1;
    EXPECT(pc_column_load_word(column, 0, 2, word, &bad) == PC_ERR_VALUE && bad == 1);
    const int64_t too_short[] = {6, length - 1};
    made.chunk.n_buffers = 2;
    made.chunk.buffer_sizes = too_short;
    EXPECT(pc_column_load_word(column, 0, 2, word, &bad) == PC_ERR_VALUE && bad == 1);
}

static void offsets_outside_the_bytes_are_refused(void)
{
    static const int64_t cases[][3] = {{0, 2, 7}, {-1, 2, 3}, {0, 3, 2}};
    for (int k = 0; k < 3; k++) {
        pc_made made;
        pc_word word[2];
        int64_t bad = -1;
        const pc_column *column = pc_make(&made, PC_TEXT64, cases[k], 0, 2);
        made.chunk.bytes = (const uint8_t *)"abcdef";
        made.chunk.n_bytes = 6;
        EXPECT(pc_column_load_word(column, 0, 2, word, &bad) == PC_ERR_VALUE);
        EXPECT(bad == (k == 1 ? 0 : 1));
    }
}

static void zeros_of_both_signs_are_one_word_and_nan_is_missing(void)
{
    static const double data[] = {0.0, -0.0, NAN, 2021.0};
    pc_made made;
    pc_word word[4];
    int64_t bad;
    EXPECT(pc_column_load_word(pc_make_array(&made, PC_FLOAT64, data, 4), 0, 4, word, &bad) == PC_OK);
    EXPECT(equal_words(word[0], word[1]) && !equal_words(word[0], word[3]));
    EXPECT(pc_word_is_missing(word[2]) && !pc_word_is_missing(word[0]));
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(every_type_and_stride_is_loaded),
        CLAIM(masks_and_bitmaps_say_what_is_missing),
        CLAIM(chunks_are_one_column),
        CLAIM(bits_of_an_arrow_boolean_are_rows),
        CLAIM(extreme_integers_keep_their_order),
        CLAIM(codes_outside_the_type_are_outside),
        CLAIM(reals_equal_flags_only_when_exact),
        CLAIM(words_are_equal_exactly_when_texts_are),
        CLAIM(a_view_is_the_word_of_its_text),
        CLAIM(offsets_outside_the_bytes_are_refused),
        CLAIM(zeros_of_both_signs_are_one_word_and_nan_is_missing),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
