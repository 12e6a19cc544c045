"""Plan fulfilment, read literally off its definition; all arguments are exact fractions."""


def planned_fall(kind, plan, base, years):
    """The fall planned within `years` of the base."""
    return {
        "points_per_year": plan * years,
        "level": base - plan,
        "relative": plan * base,
        "count": plan,
    }[kind]


def target(kind, plan, base, last, years, horizon=None):
    """Figures of one group; None where undefined. `horizon`: years from base to the plan's end."""
    achieved = base - last
    plan_years = years if horizon is None else min(years, horizon)  # nothing is planned after it
    planned = planned_fall(kind, plan, base, plan_years)
    whole = planned_fall(kind, plan, base, years if horizon is None else horizon)
    late = horizon is None or horizon <= years
    by_now = whole if late or whole <= 0 else whole * years / horizon  # no pace up to a level
    remaining = whole - achieved if whole > achieved else 0
    return {
        "planned": planned,
        "achieved": achieved,
        "fulfilment": achieved / planned if planned > 0 else None,
        "remaining": remaining,
        "required_pace": pace(remaining, years, horizon),
        "on_track": 1 if achieved >= by_now else 0,
    }


def pace(remaining, years, horizon):
    if horizon is None:
        return None
    if remaining == 0:
        return 0
    return remaining / (horizon - years) if horizon > years else None
