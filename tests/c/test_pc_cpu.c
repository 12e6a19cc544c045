#define _POSIX_C_SOURCE 200809L /* setenv */

#include "pc_cpu.h"
#include "pc_test.h"

#include <stdlib.h>

static int threads_when(const char *value)
{
    setenv("POVERTYCORE_NUM_THREADS", value, 1);
    const int threads = pc_cpu_threads();
    unsetenv("POVERTYCORE_NUM_THREADS");
    return threads;
}

static void a_number_of_threads_asked_for_is_kept(void)
{
    EXPECT(threads_when("1") == 1);
    EXPECT(threads_when("3") == 3);
    EXPECT(threads_when("12") == 12); /* more than the default most */
}

static void too_many_threads_asked_for_are_the_most_there_can_be(void)
{
    EXPECT(threads_when("65") == PC_MAX_THREADS);
    EXPECT(threads_when("99999999999999999999999") == PC_MAX_THREADS);
}

static void by_default_there_are_between_one_and_eight_threads(void)
{
    unsetenv("POVERTYCORE_NUM_THREADS");
    EXPECT(pc_cpu_threads() >= 1);
    EXPECT(pc_cpu_threads() <= PC_DEFAULT_MAX_THREADS);
}

static void what_is_not_a_number_of_at_least_one_is_as_if_unset(void)
{
    static const char *const texts[] = {"", "0", "-2", "two", "2x", "1.5", "-99999999999999999999"};
    unsetenv("POVERTYCORE_NUM_THREADS");
    const int unset = pc_cpu_threads();
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        EXPECT(threads_when(texts[k]) == unset);
    }
}

static void portable_loops_can_be_forced(void)
{
    setenv("POVERTYCORE_SIMD", "portable", 1);
    EXPECT(pc_cpu_simd() == PC_SIMD_PORTABLE);
    unsetenv("POVERTYCORE_SIMD");
}

static void another_word_forces_nothing(void)
{
    unsetenv("POVERTYCORE_SIMD");
    const pc_simd unset = pc_cpu_simd();
    EXPECT(unset == PC_SIMD_PORTABLE || unset == PC_SIMD_AVX2);
    setenv("POVERTYCORE_SIMD", "fastest", 1);
    EXPECT(pc_cpu_simd() == unset);
    unsetenv("POVERTYCORE_SIMD");
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(a_number_of_threads_asked_for_is_kept),
        CLAIM(too_many_threads_asked_for_are_the_most_there_can_be),
        CLAIM(by_default_there_are_between_one_and_eight_threads),
        CLAIM(what_is_not_a_number_of_at_least_one_is_as_if_unset),
        CLAIM(portable_loops_can_be_forced),
        CLAIM(another_word_forces_nothing),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
