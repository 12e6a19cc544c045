/*
 * A sum that keeps its rounding error. (Knuth, TAOCP 2, 4.2.2, theorem B.)
 */
#ifndef PC_TWO_SUM_H
#define PC_TWO_SUM_H

#include <math.h>

/* s + x, its rounding error added to *error. */
static inline double pc_two_sum(double s, double x, double *error)
{
    const double t = s + x, part = t - s;
    *error += (s - (t - part)) + (x - part);
    return t;
}

/* A sum beyond the largest number is infinite; the error of such a sum is no number. */
static inline double pc_with_error(double sum, double error)
{
    return isfinite(sum) ? sum + error : sum;
}

#endif
