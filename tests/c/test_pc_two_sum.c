#include "pc_test.h"
#include "pc_two_sum.h"

static void what_a_sum_loses_is_its_error(void)
{
    double error = 0;
    const double sum = pc_two_sum(0x1p53, 1.0, &error); /* 2^53 + 1 is no double */
    EXPECT(sum == 0x1p53 && error == 1.0);
    EXPECT(pc_two_sum(sum, 1.0, &error) == 0x1p53 && error == 2.0);
    EXPECT(pc_with_error(sum, error) == 0x1p53 + 2.0);
}

static void the_smaller_number_may_come_first(void)
{
    double error = 0;
    EXPECT(pc_two_sum(1.0, 0x1p53, &error) == 0x1p53 && error == 1.0);
}

static void a_sum_beyond_the_largest_number_is_infinite(void)
{
    double error = 0;
    const double sum = pc_two_sum(1.7e308, 1.7e308, &error);
    EXPECT(isinf(sum) && isinf(pc_with_error(sum, error)));
}

int main(void)
{
    static const pc_claim claims[] = {
        CLAIM(what_a_sum_loses_is_its_error),
        CLAIM(the_smaller_number_may_come_first),
        CLAIM(a_sum_beyond_the_largest_number_is_infinite),
    };
    return pc_test_run(claims, sizeof claims / sizeof *claims);
}
