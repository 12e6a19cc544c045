#include "pc_af_loops.h"

#include "pc_af_avx2.h"

int64_t pc_af_row_words(int64_t n_groups)
{
    return (n_groups + 255) / 256 * 4;
}

int32_t pc_af_group_at(int64_t n_groups, const pc_af_order *order, int64_t i)
{
    return group_at(place_of(order->at, i), tag_bits(n_groups));
}

const pc_af_kernels *pc_af_kernels_for(pc_simd simd)
{
    const pc_af_kernels *avx2 = pc_af_kernels_avx2();
    return simd == PC_SIMD_AVX2 && avx2 != NULL ? avx2 : &kernels;
}
