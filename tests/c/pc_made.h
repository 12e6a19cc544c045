/*
 * Columns made from C arrays, and numbers drawn the same way on every machine.
 */
#ifndef PC_MADE_H
#define PC_MADE_H

#include "pc_column.h"

#include <string.h>

/* A column of one chunk that owns nothing. */
typedef struct pc_made {
    pc_column column;
    pc_chunk chunk;
    int64_t starts[2];
} pc_made;

static inline const pc_column *pc_make(pc_made *made, pc_type type, const void *data,
                                       int64_t stride, int64_t n)
{
    memset(made, 0, sizeof *made);
    made->chunk.n = n;
    made->chunk.data = data;
    made->chunk.stride = stride;
    made->starts[1] = n;
    made->column.type = type;
    made->column.n = n;
    made->column.n_chunks = 1;
    made->column.chunks = &made->chunk;
    made->column.starts = made->starts;
    return &made->column;
}

/* Elements that touch. */
static inline const pc_column *pc_make_array(pc_made *made, pc_type type, const void *data,
                                             int64_t n)
{
    return pc_make(made, type, data, (int64_t)pc_type_size(type), n);
}

/* The same rows, from `first` on. */
static inline const pc_column *pc_make_part(pc_made *made, const pc_column *whole, int64_t first,
                                            int64_t n)
{
    const pc_chunk *chunk = &whole->chunks[0];
    const char *data = (const char *)chunk->data + first * chunk->stride;
    return pc_make(made, whole->type, data, chunk->stride, n);
}

typedef struct pc_draws {
    uint64_t state;
} pc_draws;

static inline uint64_t pc_draw(pc_draws *draws)
{
    draws->state = draws->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = draws->state;
    x ^= x >> 33;
    x *= 0xFF51AFD7ED558CCDu;
    return x ^ x >> 33;
}

/* 0 .. below-1 */
static inline int64_t pc_draw_below(pc_draws *draws, int64_t below)
{
    return (int64_t)(pc_draw(draws) % (uint64_t)below);
}

/* [0, 1) */
static inline double pc_draw_unit(pc_draws *draws)
{
    return (double)(pc_draw(draws) >> 11) * 0x1p-53;
}

#endif
