/*
 * Codes of integers whose elements touch: one source of the loops, included by pc_column.c and pc_column_avx2.c only,
 * each of which makes a table of its own copies.
 */
#include "pc_column.h"

#include <stddef.h>
#include <string.h>

/* As pc_column_load_code. All of low .. low + count - 1 are ordinals of the type, and differences are taken in its own
 * width. */
typedef int64_t (*pc_code_loop)(const char *p, int64_t n, int64_t low, uint32_t count, uint32_t scale, uint32_t *out);

#define DEFINE_CODE_LOOPS(NAME, CTYPE, WIDE, TURN, LEAST, MOST)                                    \
    static inline uint32_t code_loop_##NAME(const char *p, int64_t n, WIDE low, uint32_t count,    \
                                            uint32_t scale, uint32_t *restrict out)                \
    {                                                                                              \
        uint32_t outside = 0;                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                          \
            CTYPE v;                                                                               \
            memcpy(&v, p + i * (int64_t)sizeof v, sizeof v);                                       \
            const WIDE d = ((WIDE)v ^ (WIDE)(TURN)) - low;                                         \
            const uint32_t code = d < count ? (uint32_t)d : count;                                 \
            outside += code == count;                                                              \
            out[i] = scale == 0 ? code : out[i] + code * scale;                                    \
        }                                                                                          \
        return outside;                                                                            \
    }                                                                                              \
    static int64_t codes_of_##NAME(const char *p, int64_t n, int64_t low, uint32_t count,          \
                                   uint32_t scale, uint32_t *out)                                  \
    {                                                                                              \
        if (scale == 0) return code_loop_##NAME(p, n, (WIDE)low, count, 0, out);                   \
        return code_loop_##NAME(p, n, (WIDE)low, count, scale, out);                               \
    }

PC_INTEGER_TYPES(DEFINE_CODE_LOOPS)

#define CODE_LOOP_ENTRY(NAME, CTYPE, WIDE, TURN, LEAST, MOST) [NAME] = codes_of_##NAME,
static const pc_code_loop code_loops[PC_TYPE_END] = {PC_INTEGER_TYPES(CODE_LOOP_ENTRY)};
