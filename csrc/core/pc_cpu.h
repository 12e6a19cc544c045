/*
 * What this processor can do, and so which build of the hot loops is used.
 *
 * The portable loops and the AVX2 ones come from one source and give the same bits (pc_sum_loops.h);
 * the environment variable POVERTYCORE_SIMD=portable forces the former.
 */
#ifndef PC_CPU_H
#define PC_CPU_H

typedef enum pc_simd { PC_SIMD_PORTABLE = 0, PC_SIMD_AVX2 } pc_simd;

/* The best that processor, operating system and environment variable allow. */
pc_simd pc_cpu_simd(void);

/* Threads worth starting: POVERTYCORE_NUM_THREADS if it is a number >= 1, else the processors this
 * process may run on; at most 8 by default, at most PC_MAX_THREADS if asked for by name. */
int pc_cpu_threads(void);

/* Ask for the line of the cache at an address, which need not be readable. Without effect but on time. */
enum { PC_CACHE_LINE = 64 };
void pc_cpu_fetch(const char *address);

enum { PC_DEFAULT_MAX_THREADS = 8, PC_MAX_THREADS = 64 };

#endif
