#include "pc_sum_loops.h"

#include "pc_sum_avx2.h"

#include <stddef.h>

const pc_sum_kernels *pc_sum_kernels_for(pc_simd simd)
{
    const pc_sum_kernels *avx2 = pc_sum_kernels_avx2();
    return simd == PC_SIMD_AVX2 && avx2 != NULL ? avx2 : &kernels;
}
