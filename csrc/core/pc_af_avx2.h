/* The AVX2 build of the hot loops; NULL where the compiler does not make code for x86-64. */
#ifndef PC_AF_AVX2_H
#define PC_AF_AVX2_H

#include "pc_af_order.h"

const pc_af_kernels *pc_af_kernels_avx2(void);

#endif
