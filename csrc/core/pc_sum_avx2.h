/* The AVX2 build of the hot loops; NULL where the compiler does not make code for x86-64. */
#ifndef PC_SUM_AVX2_H
#define PC_SUM_AVX2_H

#include "pc_sum.h"

const pc_sum_kernels *pc_sum_kernels_avx2(void);

#endif
