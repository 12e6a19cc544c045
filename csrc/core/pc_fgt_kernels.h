/*
 * Internal to pc_fgt: its loops over rows, in two builds (pc_fgt_loops.h).
 */
#ifndef PC_FGT_KERNELS_H
#define PC_FGT_KERNELS_H

#include "pc_cpu.h"

#include <stdint.h>

typedef struct pc_fgt_kernels {
    /* 0 when every welfare and line is above 0 and finite. */
    int64_t (*not_plain)(int64_t n, const double *welfare, const double *line);

    /* score = 0 where not welfare < line, and where not welfare <= line */
    void (*keep_poor)(int64_t n, const double *welfare, const double *line, double *score);
    void (*keep_poor_or_at_line)(int64_t n, const double *welfare, const double *line,
                                 double *score);

    /* gap = (line - welfare) / line; headcount = u, first = u gap, second = u gap gap where welfare <
     * line; all 0 elsewhere. The arrays are apart. */
    void (*powers)(int64_t n, const double *welfare, const double *line, const double *u,
                   double *gap, double *headcount, double *first, double *second);
} pc_fgt_kernels;

const pc_fgt_kernels *pc_fgt_kernels_avx2(void); /* NULL where there are none */

#endif
