#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include <immintrin.h>
#include <stdint.h>

#define PC_FGT_HAS_VECTORS

/* The compiler would make four passes: it keeps no quotient that a condition may not need. Memory is idle
 * while quotients are made, so rows of later blocks are fetched here (a sixth of the whole pass). */
static void powers(int64_t n, const double *restrict welfare, const double *restrict line,
                   const double *restrict u, double *restrict gap, double *restrict headcount,
                   double *restrict first, double *restrict second)
{
    enum { AHEAD = 1024 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __builtin_prefetch((i & 4 ? welfare : line) + i + AHEAD, 0, 2);
        const __m256d y = _mm256_loadu_pd(welfare + i), z = _mm256_loadu_pd(line + i);
        const __m256d weight = _mm256_loadu_pd(u + i), poor = _mm256_cmp_pd(y, z, _CMP_LT_OQ);
        const __m256d g = _mm256_and_pd(poor, _mm256_div_pd(_mm256_sub_pd(z, y), z));
        const __m256d one = _mm256_mul_pd(weight, g);
        _mm256_storeu_pd(gap + i, g);
        _mm256_storeu_pd(headcount + i, _mm256_and_pd(poor, weight));
        _mm256_storeu_pd(first + i, one);
        _mm256_storeu_pd(second + i, _mm256_mul_pd(one, g));
    }
    for (; i < n; i++) {
        gap[i] = welfare[i] < line[i] ? (line[i] - welfare[i]) / line[i] : 0.0;
        headcount[i] = welfare[i] < line[i] ? u[i] : 0.0;
        first[i] = u[i] * gap[i];
        second[i] = first[i] * gap[i];
    }
}

#include "pc_fgt_loops.h"
#define AVX2_KERNELS (&kernels)
#else
#include "pc_fgt_kernels.h"
#include <stddef.h>
#define AVX2_KERNELS NULL
#endif

const pc_fgt_kernels *pc_fgt_kernels_avx2(void)
{
    return AVX2_KERNELS;
}
