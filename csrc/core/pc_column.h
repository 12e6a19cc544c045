/*
 * A column as the host holds it, and loaders that widen one block of rows into canonical scratch.
 *
 * A column is a list of chunks (nearly always one). A chunk is (data, byte stride, validity); the
 * stride may be 0 (a constant), negative, or not a multiple of the element size (unaligned data are
 * read by memcpy). Values are in the machine's byte order. Validity is an Arrow bitmap with a bit
 * offset (1 = present), or a byte mask (1 = missing), or neither. Floats may also hold NaN = missing.
 *
 * Nothing here is owned: whoever made the column keeps the memory alive and unchanged in place.
 */
#ifndef PC_COLUMN_H
#define PC_COLUMN_H

#include "pc_cpu.h"
#include "pc_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whoever makes a column sees to it; so numbers of rows can be added up and rounded without a check. */
#define PC_MOST_ROWS ((int64_t)1 << 60)

enum { PC_BLOCK = 2048 }; /* rows per block: scratch of one block stays in the first-level cache */

/* The one list of fixed-width types. Integers: name, C type, unsigned type for differences, and the
 * bit that is turned to make an ordinal of it (below), smallest and largest ordinal. */
#define PC_TOP_BIT ((uint64_t)1 << 63)
#define PC_INTEGER_TYPES(X)                                                                        \
    X(PC_BOOL, uint8_t, uint32_t, 0, 0, UINT8_MAX)                                                 \
    X(PC_INT8, int8_t, uint32_t, 0, INT8_MIN, INT8_MAX)                                            \
    X(PC_INT16, int16_t, uint32_t, 0, INT16_MIN, INT16_MAX)                                        \
    X(PC_INT32, int32_t, uint32_t, 0, INT32_MIN, INT32_MAX)                                        \
    X(PC_INT64, int64_t, uint64_t, 0, INT64_MIN, INT64_MAX)                                        \
    X(PC_UINT8, uint8_t, uint32_t, 0, 0, UINT8_MAX)                                                \
    X(PC_UINT16, uint16_t, uint32_t, 0, 0, UINT16_MAX)                                             \
    X(PC_UINT32, uint32_t, uint32_t, 0, 0, UINT32_MAX)                                             \
    X(PC_UINT64, uint64_t, uint64_t, PC_TOP_BIT, INT64_MIN, INT64_MAX)
#define PC_REAL_TYPES(X)                                                                           \
    X(PC_FLOAT32, float)                                                                           \
    X(PC_FLOAT64, double)

typedef enum pc_type {
    PC_BOOL,      /* one byte, 0 or 1 */
    PC_INT8,
    PC_INT16,
    PC_INT32,
    PC_INT64,
    PC_UINT8,
    PC_UINT16,
    PC_UINT32,
    PC_UINT64,
    PC_FLOAT32,
    PC_FLOAT64,
    PC_BITS,      /* Arrow boolean: one bit a row, least significant first */
    PC_TEXT32,    /* Arrow string: int32 offsets into bytes (UTF-8) */
    PC_TEXT64,    /* Arrow large_string: int64 offsets */
    PC_TEXT_VIEW, /* Arrow string_view: 16-byte views into several buffers */
    PC_MADE,      /* numbers from 0 on that are made of other columns, block by block */
    PC_TYPE_END
} pc_type;

/* Who makes the numbers of a PC_MADE column. */
typedef struct pc_numbers {
    int64_t n_numbers; /* below 2^32 - 1 */
    const void *maker;

    /* number[i] of row row + i; n_numbers where the row has none. Returns how many have none. n <= PC_BLOCK. */
    int64_t (*fill)(const void *maker, int64_t row, int64_t n, uint32_t *number);

    int64_t n_sources; /* columns that it reads */
    const struct pc_column *const *sources;
} pc_numbers;

typedef struct pc_chunk {
    int64_t n;               /* rows */
    const void *data;        /* first row's element; offsets or views for text; bitmap for PC_BITS */
    int64_t stride;          /* bytes from row to row; not used by PC_BITS and text */
    int64_t bit_offset;      /* PC_BITS: bit of the first row in data */
    const uint8_t *valid;    /* Arrow bitmap, 1 = present, or NULL */
    int64_t valid_offset;    /* bit of the first row in valid */
    const uint8_t *mask;     /* byte mask, not 0 = missing, or NULL */
    int64_t mask_stride;     /* bytes from row to row of mask */
    const uint8_t *bytes;    /* PC_TEXT32, PC_TEXT64: the bytes that offsets point into */
    int64_t n_bytes;         /* length of bytes */
    const uint8_t *const *buffers; /* PC_TEXT_VIEW: the buffers that long views point into */
    const int64_t *buffer_sizes;   /* their lengths */
    int64_t n_buffers;
} pc_chunk;

typedef struct pc_column {
    pc_type type;
    int64_t n;              /* rows in all, at most PC_MOST_ROWS */
    int64_t n_chunks;
    const pc_chunk *chunks; /* [n_chunks]; chunks of 0 rows are allowed */
    const int64_t *starts;  /* [n_chunks + 1] first row of each chunk, starts[n_chunks] = n */
    const pc_numbers *numbers; /* of PC_MADE, which has no chunks and whose rows without a number are missing */
} pc_column;

bool pc_type_is_integer(pc_type type); /* bool, bits, all integer types, and numbers that are made */
bool pc_type_is_text(pc_type type);
size_t pc_type_size(pc_type type); /* bytes per element; 0 for PC_BITS and text */

/* True when no row can be missing: not a float, nor made, and no chunk has validity or a mask. */
bool pc_column_is_complete(const pc_column *column);

/*
 * The loaders. Rows row .. row+n-1 must lie in the column, and n <= PC_BLOCK; out holds n elements.
 * They read each element once, so that what was checked is what is used even if another thread
 * writes to the column meanwhile.
 */

/* Real values; NaN = missing. Any type but text. Integers beyond 2^53 are rounded. */
void pc_column_load_real(const pc_column *column, int64_t row, int64_t n, double *out);

/* The same, without a copy where the column holds contiguous float64 without validity. */
const double *pc_column_real(const pc_column *column, int64_t row, int64_t n, double *scratch);

/* 0, 1, PC_FLAG_MISSING, or PC_FLAG_BAD for any other value. Any type but text. */
enum { PC_FLAG_MISSING = 2, PC_FLAG_BAD = 3 };
void pc_column_load_flag(const pc_column *column, int64_t row, int64_t n, uint8_t *out);

/* The same, without a copy where the column holds contiguous one-byte integers without validity:
 * then any other value than 0 and 1 stands for itself. */
const uint8_t *pc_column_flag(const pc_column *column, int64_t row, int64_t n, uint8_t *scratch);

/* Ordinals of an integer column: its values as int64, in order; a uint64 v becomes v - 2^63. A
 * missing row has valid 0 and ordinal 0. */
void pc_column_load_ordinal(const pc_column *column, int64_t row, int64_t n, int64_t *out,
                            uint8_t *valid);

/* Smallest and largest ordinal of the rows that are not missing, joined with what *low and *high
 * hold already (start with INT64_MAX, INT64_MIN). Returns the number of missing rows. Of numbers that are made
 * no row is read: 0 and the largest one there could be. */
int64_t pc_column_range(const pc_column *column, int64_t row, int64_t n, int64_t *low,
                        int64_t *high);

/* The code of a row is its ordinal - low; of a row outside low .. low+count-1, and of a missing one, it is
 * count. scale 0: out = code; else out += scale * code. Returns the number of rows with code count. */
int64_t pc_column_load_code(const pc_column *column, int64_t row, int64_t n, int64_t low,
                            uint32_t count, uint32_t scale, uint32_t *out);

/* The same numbers by the loops of a build. */
int64_t pc_column_load_code_by(pc_simd simd, const pc_column *column, int64_t row, int64_t n, int64_t low,
                               uint32_t count, uint32_t scale, uint32_t *out);

/* Where the elements of rows row, row + 1 ... touch in memory; NULL where they do not, or have no bytes of their
 * own. To be asked for ahead of time, not to be read. */
const char *pc_column_address(const pc_column *column, int64_t row);

/* The key of a row as two words that are equal exactly when the values are, together
 * with the bytes of a text of more than PC_TEXT_INLINE bytes (then the second word is their hash,
 * and equal words still need equal bytes). -0.0 equals 0.0. Of an integer, a is its ordinal. */
typedef struct pc_word {
    uint64_t a, b;
    const uint8_t *bytes; /* NULL where the words say all */
} pc_word;
enum { PC_TEXT_INLINE = 12 };
pc_word pc_word_missing(void);
pc_word pc_word_ordinal(int64_t ordinal);
bool pc_word_is_missing(pc_word word);
int64_t pc_word_length(pc_word word); /* bytes of a text */

/* PC_ERR_VALUE for offsets outside the buffers, PC_ERR_LIMIT for a text of 4 GiB. */
pc_status pc_column_load_word(const pc_column *column, int64_t row, int64_t n, pc_word *out,
                              int64_t *bad_row);

#endif
