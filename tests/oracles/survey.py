"""Estimates of a sample and their covariance: the textbook sums over strata, in exact arithmetic.

A row is a dictionary: period, stratum, psu, ssu (labels), weight, and whatever is measured. Numbers
are read as the fractions they are, so only roots are rounded, at sixty digits.

Cochran (1977), Sampling Techniques, (11.24) for the two stages; Kish (1965), Survey Sampling, 12.4
for the covariance of two periods; Korn and Graubard (1999), Analysis of Health Surveys, 5.2 for
degrees of freedom.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product


def exact(number):
    """A number as the fraction that it is."""
    return Fraction(number if isinstance(number, int | Fraction) else float(number))


def root(fraction):
    """The square root, to sixty digits."""
    with localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(fraction.numerator) / Decimal(fraction.denominator)).sqrt())


def is_used(row, above, below, domain):
    """Whether a row is measured, inside the domain, and weighs something."""
    known = above(row) is not None and below(row) is not None
    return known and bool(domain(row)) and row["weight"] > 0


def one(_row):
    return 1


def everywhere(_row):
    return True


def ratio(rows, above, below=one, domain=everywhere):
    """The estimate, and z of each row: w (y - R x) / sum of w x, 0 where it is not used."""
    used = [is_used(row, above, below, domain) for row in rows]
    some = [row for row, use in zip(rows, used, strict=True) if use]
    numerator = sum(exact(row["weight"]) * exact(above(row)) for row in some)
    denominator = sum(exact(row["weight"]) * exact(below(row)) for row in some)
    estimate = numerator / denominator
    z = [
        exact(row["weight"]) * (exact(above(row)) - estimate * exact(below(row))) / denominator
        if use
        else Fraction(0)
        for row, use in zip(rows, used, strict=True)
    ]
    return estimate, z, used


def total(rows, above=one, domain=everywhere):
    """The estimate, and z of each row: w y, 0 where it is not used."""
    used = [is_used(row, above, one, domain) for row in rows]
    z = [
        exact(row["weight"]) * exact(above(row)) if use else Fraction(0)
        for row, use in zip(rows, used, strict=True)
    ]
    return sum(z), z, used


# ---- the units of a sample ----------------------------------------------------------------------


def psus(rows):
    """The PSUs of each stratum of each period: {(period, stratum): set of psu}."""
    found = {}
    for row in rows:
        found.setdefault((row["period"], row["stratum"]), set()).add(row["psu"])
    return found


def fraction_of(rows, key, word="fpc"):
    """The fraction drawn of a stratum (or PSU): as it is, or units in the sample over a count."""
    values = {row[word] for row in rows if unit_key(row)[: len(key)] == key and row.get(word)}
    if not values:
        return Fraction(0)
    (value,) = values
    if value <= 1:
        return exact(value)
    level = len(key)
    units = {unit_key(row)[level] for row in rows if unit_key(row)[:level] == key}
    return Fraction(len(units)) / exact(value)


def unit_key(row):
    return row["period"], row["stratum"], row["psu"], row.get("ssu")


def sums(rows, z, level):
    """Sums of z by the first `level` labels of period, stratum, psu, ssu; also those that are 0."""
    found = {}
    for row, part in zip(rows, z, strict=True):
        key = unit_key(row)[:level]
        found[key] = found.get(key, Fraction(0)) + part
    return found


def centred(rows, z, level):
    """By unit: the factor, and z minus the mean of the unit's stratum (or PSU)."""
    parts = sums(rows, z, level)
    found = {}
    for outer in {key[: level - 1] for key in parts}:
        inner = [key for key in parts if key[: level - 1] == outer]
        n = len(inner)
        mean = sum(parts[key] for key in inner) / n
        f = fraction_of(rows, outer, "fpc" if level == 3 else "fpc2")
        factor = Fraction(0) if n == 1 else (1 - f) * Fraction(n, n - 1)
        if level == 4:
            factor *= fraction_of(rows, outer[:2])
        for key in inner:
            found[key] = factor, parts[key] - mean
    return found


def label_of(key, nest, independent):
    """What makes units of two periods one: their label, within their stratum unless told else."""
    period, stratum, *labels = key
    return (period if independent else None, stratum if nest else None, *labels)


def cov(rows, za, zb, *, nest=True, independent=False, two_stage=False):
    """Sum over the units that are one of root(factor a x factor b) x (za - mean) (zb - mean)."""
    whole = Fraction(0)
    for level in (3, 4) if two_stage else (3,):
        by_label = {}
        for side, z in enumerate((za, zb)):
            for key, (factor, part) in centred(rows, z, level).items():
                label = label_of(key, nest, independent)
                by_label.setdefault(label, ([], []))[side].append((factor, part))
        for a, b in by_label.values():
            for (factor_a, part_a), (factor_b, part_b) in product(a, b):
                if part_a and part_b:
                    same = factor_a == factor_b
                    weight = factor_a if same else root(factor_a * factor_b)
                    whole += weight * part_a * part_b
    return whole


# ---- lonely PSUs --------------------------------------------------------------------------------


def lonely_strata(rows):
    """Strata with one PSU, not drawn completely."""
    return {
        key for key, found in psus(rows).items() if len(found) == 1 and fraction_of(rows, key) < 1
    }


def strata_of(rows, used):
    return {(row["period"], row["stratum"]) for row, use in zip(rows, used, strict=True) if use}


def average_factor(rows, used):
    """(Strata with domain rows) / (those of them that are not lonely); None if there are none."""
    touched = strata_of(rows, used)
    varying = touched - lonely_strata(rows)
    return Fraction(len(touched), len(varying)) if varying else None


def adjustment(rows, za, zb):
    """What lonely strata bring when they are centred on the mean of all PSUs of their period."""
    whole = Fraction(0)
    parts_a, parts_b = sums(rows, za, 3), sums(rows, zb, 3)
    for period, stratum in lonely_strata(rows):
        (key,) = [key for key in parts_a if key[:2] == (period, stratum)]
        of_period = [key for key in parts_a if key[0] == period]
        mean_a, mean_b = (
            sum(parts[key] for key in of_period) / len(of_period) for parts in (parts_a, parts_b)
        )
        f = fraction_of(rows, (period, stratum))
        whole += (1 - f) * (parts_a[key] - mean_a) * (parts_b[key] - mean_b)
    return whole


# ---- degrees of freedom -------------------------------------------------------------------------


def df(rows, used, *, nest=True, independent=False, all_psus=False):
    """PSUs with a row that is used, minus strata: one per period in which it shares no PSU."""
    strata = strata_of(rows, used)
    keys = {
        unit_key(row)[:3]
        for row, use in zip(rows, used, strict=True)
        if use or (all_psus and (row["period"], row["stratum"]) in strata)
    }
    holders = {}
    for key in keys:
        holders.setdefault(label_of(key, nest, independent), set()).add(key[:2])
    clusters = [{stratum} for stratum in strata]
    for together in holders.values():
        joined = [cluster for cluster in clusters if cluster & together]
        clusters = [cluster for cluster in clusters if not cluster & together]
        clusters.append(set().union(*joined))
    return len(holders) - len(clusters)


def n_psu(rows, used, *, nest=True, independent=False):
    """PSUs with a row that is used, each once."""
    return len(
        {
            label_of(unit_key(row)[:3], nest, independent)
            for row, use in zip(rows, used, strict=True)
            if use
        }
    )


# ---- design effects -----------------------------------------------------------------------------


def simple_variance(rows, z, used, *, replace=False):
    """The variance of a simple random sample of as many rows, of scores z x N / w."""
    some = [(row, part) for row, part, use in zip(rows, z, used, strict=True) if use]
    n, weight = len(some), sum(exact(row["weight"]) for row, _ in some)
    scores = [(exact(row["weight"]), part * weight / exact(row["weight"])) for row, part in some]
    mean = sum(w * score for w, score in scores) / weight
    variance = sum(w * (score - mean) ** 2 for w, score in scores) / weight / (n - 1)
    return variance if replace else variance * (1 - n / weight)
