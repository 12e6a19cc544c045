#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#define PC_SUM_FETCH(address) __builtin_prefetch(address)
#include "pc_sum_loops.h"
#define AVX2_KERNELS (&kernels)
#else
#include "pc_sum.h"
#include <stddef.h>
#define AVX2_KERNELS NULL
#endif

#include "pc_sum_avx2.h"

const pc_sum_kernels *pc_sum_kernels_avx2(void)
{
    return AVX2_KERNELS;
}
