#define _GNU_SOURCE /* sched_getaffinity */

#include "pc_cpu.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

static int forced_portable(void)
{
    const char *simd = getenv("POVERTYCORE_SIMD");
    return simd != NULL && strcmp(simd, "portable") == 0;
}

pc_simd pc_cpu_simd(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (!forced_portable() && __builtin_cpu_supports("avx2")) return PC_SIMD_AVX2;
#else
    (void)forced_portable;
#endif
    return PC_SIMD_PORTABLE;
}

void pc_cpu_fetch(const char *address)
{
#ifdef __GNUC__
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

/* The number in POVERTYCORE_NUM_THREADS, at most PC_MAX_THREADS; 0 when there is none >= 1. */
static int threads_asked_for(void)
{
    const char *text = getenv("POVERTYCORE_NUM_THREADS");
    if (text == NULL || *text == '\0') return 0;
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (*end != '\0' || number < 1) return 0;
    return number > PC_MAX_THREADS ? PC_MAX_THREADS : (int)number;
}

/* Processors this process may run on; containers and taskset make them fewer than there are. */
static long processors(void)
{
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

int pc_cpu_threads(void)
{
    const int asked = threads_asked_for();
    if (asked > 0) return asked;
    const long found = processors();
    if (found < 1) return 1;
    return found > PC_DEFAULT_MAX_THREADS ? PC_DEFAULT_MAX_THREADS : (int)found;
}
