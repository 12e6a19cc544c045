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

#include "pc_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_BLOCK = 2048 }; /* rows per block: scratch of one block stays in the first-level cache */

/* The one list of fixed-width types: name, C type. */
#define PC_FIXED_TYPES(X)                                                                          \
    X(PC_BOOL, uint8_t)                                                                            \
    X(PC_INT8, int8_t)                                                                             \
    X(PC_INT16, int16_t)                                                                           \
    X(PC_INT32, int32_t)                                                                           \
    X(PC_INT64, int64_t)                                                                           \
    X(PC_UINT8, uint8_t)                                                                           \
    X(PC_UINT16, uint16_t)                                                                         \
    X(PC_UINT32, uint32_t)                                                                         \
    X(PC_UINT64, uint64_t)                                                                         \
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
    PC_TYPE_END
} pc_type;

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
    int64_t n;              /* rows in all */
    int64_t n_chunks;
    const pc_chunk *chunks; /* [n_chunks]; chunks of 0 rows are allowed */
    const int64_t *starts;  /* [n_chunks + 1] first row of each chunk, starts[n_chunks] = n */
} pc_column;

bool pc_type_is_integer(pc_type type); /* bool, bits, and all integer types */
bool pc_type_is_text(pc_type type);
size_t pc_type_size(pc_type type);     /* bytes per element; 0 for PC_BITS and text */

#endif
