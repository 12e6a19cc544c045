/*
 * Poverty scores of one block of rows: each compares welfare y with a line z, and is 0 for who is not
 * poor. In symbols, with gap g = (z - y) / z of the poor:
 *
 *   power       g^alpha   alpha 0 headcount, 1 gap, 2 severity; any real >= 0 (0^0 is 1)
 *   watts       ln(z / y)                     y > 0
 *   chu         (1 - (y / z)^b) / b           y >= 0, 0 < b <= 1; b = 1 is the gap
 *   shortfall   z - y                         in the unit of welfare
 *
 * and 1 for everybody whose
 *
 *   below         welfare is < parameter
 *   missing       welfare or line is missing; all other scores are 0 then
 *   not_positive  welfare is <= 0
 *   negative      welfare is < 0
 *
 * The last three are rare: last in the list they cost nothing while nobody is such.
 *
 * Poor is y < z, or y <= z: the numbers are compared as they stand, so that who is exactly at the line
 * falls on the side that the rule says. A negative income counts as it is: its gap is above 1.
 *
 * Where it is hard: close to the line ln(z / y) loses all figures if the quotient is rounded first, so it is
 * log1p((z - y) / y), z - y being exact there (Sterbenz); CHU likewise by expm1. Sums of these scores have one
 * sign, so they may be plain for a thousand rows (pc_record).
 *
 * Foster, Greer and Thorbecke (1984), Econometrica 52(3) 761-766; Watts (1968), "An economic definition
 * of poverty", in Moynihan (ed.), On Understanding Poverty, 316-329; Clark, Hemming and Ulph (1981),
 * Economic Journal 91(362) 515-526, second family, with b their beta.
 */
#ifndef PC_FGT_H
#define PC_FGT_H

#include "pc_score.h"

typedef enum pc_poor_rule { PC_POOR_BELOW, PC_POOR_AT_OR_BELOW } pc_poor_rule;

typedef enum pc_fgt_kind {
    PC_FGT_POWER,
    PC_FGT_WATTS,
    PC_FGT_CHU,
    PC_FGT_SHORTFALL,
    PC_FGT_BELOW,
    PC_FGT_MISSING,
    PC_FGT_NOT_POSITIVE,
    PC_FGT_NEGATIVE,
    PC_FGT_KIND_END
} pc_fgt_kind;

/* What happens to an income for which watts (y <= 0) or chu (y < 0) is not defined. */
typedef enum pc_fgt_undefined {
    PC_FGT_REFUSE, /* an error, if the row is in the domain */
    PC_FGT_ZERO,   /* its score is 0 */
    PC_FGT_FLOOR   /* no such income: every income below `floor` counts as `floor` */
} pc_fgt_undefined;

typedef struct pc_fgt_score {
    pc_fgt_kind kind;
    int64_t line;               /* number of the line */
    double parameter;           /* power: alpha; chu: b; below: a finite amount */
    pc_fgt_undefined undefined; /* watts, chu */
    double floor;               /* in the unit of welfare; watts > 0, chu >= 0 */
    bool is_count;              /* times 1, not times the weight */
    bool is_squared;            /* the square of the score */
} pc_fgt_score;

typedef struct pc_fgt {
    const pc_column *welfare; /* currency; NaN = missing, never infinite; may be <= 0 */
    int64_t n_lines;
    const pc_column *const *lines; /* [n_lines] unit of welfare; > 0 and finite, or missing. One line
                                    * for all is a column of stride 0 */
    pc_poor_rule poor;
    int64_t n_scores;
    const pc_fgt_score *scores; /* [n_scores] */
} pc_fgt;

/*
 * The scores of `fgt`, which is borrowed; all are >= 0. A row whose welfare or line is missing has score 0.
 * check fails with PC_ERR_VALUE for a parameter outside its range; fill with PC_ERR_VALUE for an infinite
 * welfare, a line <= 0 or infinite (also outside the domain), and an income for which a score is not
 * defined. Errors are about "welfare", "line" (which: its number) or "score" (which: its number).
 * O(rows x scores); log, exp or a real power only for the poor. Allocates nothing.
 */
pc_scores pc_fgt_scores(const pc_fgt *fgt);

#endif
