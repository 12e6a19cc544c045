#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC target("avx2")
#include "pc_column_loops.h"
#define AVX2_LOOPS code_loops
#else
#include <stddef.h>
#define AVX2_LOOPS NULL
#endif

#include "pc_column_avx2.h"

pc_code_loops pc_column_code_loops_avx2(void)
{
    return AVX2_LOOPS;
}
