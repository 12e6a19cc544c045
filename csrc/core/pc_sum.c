#include "pc_sum_loops.h"

#include "pc_sum_avx2.h"

#include <math.h>
#include <stddef.h>

const pc_sum_kernels *pc_sum_kernels_for(pc_simd simd)
{
    const pc_sum_kernels *avx2 = pc_sum_kernels_avx2();
    return simd == PC_SIMD_AVX2 && avx2 != NULL ? avx2 : &kernels;
}

double pc_sum_anchor(double weight)
{
    enum { UNIT_BITS = 14, MANTISSA_BITS = 52 };
    int exponent = 0;
    frexp(weight, &exponent);
    if (exponent > 900) exponent = 900; /* the anchor itself must stay finite */
    if (exponent < -900) exponent = -900;
    return ldexp(1.5, exponent - 1 - UNIT_BITS + MANTISSA_BITS);
}
