/* The AVX2 build of the loops that make codes; NULL where the compiler does not make code for x86-64. */
#ifndef PC_COLUMN_AVX2_H
#define PC_COLUMN_AVX2_H

#include "pc_column.h"

/* By type; see pc_column_loops.h. */
typedef int64_t (*const *pc_code_loops)(const char *p, int64_t n, int64_t low, uint32_t count, uint32_t scale,
                                        uint32_t *out);
pc_code_loops pc_column_code_loops_avx2(void);

#endif
