"""What programmes promise: falls of poverty by period and class of area, with where it was read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import OptionError, unknown_option

FILE = Path(__file__).parent / "goals.toml"


@dataclass(frozen=True)
class Goal:
    """One goal of a programme; `target` takes it as a plan.

    Attributes
    ----------
    id : str
        "national", "minority", "poor_district", ...
    programme : str
        Id of the programme.
    kind : str
        As in `target`.
    plan : Fraction
        The fall, or level, promised at least; points are fractions.
    plan_to : Fraction or None
        The upper end where a range was printed.
    first_year, last_year : int
        The period of the programme.
    en, vi : str
        Whom it is for.
    verified : bool
        Whether it was read in the legal text itself.
    source, note : str
        Where it was read, and what to know about it.
    """

    id: str
    programme: str
    kind: str
    plan: Fraction
    plan_to: Fraction | None
    first_year: int
    last_year: int
    en: str
    vi: str
    verified: bool
    source: str
    note: str

    def __str__(self) -> str:
        """Name the goal, and say whether it is verified."""
        mark = "" if self.verified else ", not verified"
        return f"{self.programme} {self.id}{mark}"


def goals(programme: str) -> dict[str, Goal]:
    """Return the goals of a programme.

    Parameters
    ----------
    programme : str
        "vn-2021-2025", "vn-2026-2030", "lang-son-2021-2025".

    Returns
    -------
    dict of str to Goal
        By id. `povertycore.target` takes one as `plan`, or several by class with `classes`.

    Raises
    ------
    OptionError
        There is no such programme.

    Notes
    -----
    Every goal says where it was read. One that was not read in the legal text itself is marked, and
    a result that uses it says so in a footnote.

    Examples
    --------
    >>> promised = pc.goals("vn-2021-2025")
    >>> [(name, float(goal.plan), goal.verified) for name, goal in promised.items()]
    [('national', 0.01, False), ('minority', 0.03, False), ('poor_district', 0.04, False)]
    """
    known = {str(content["id"]): content for content in read_file()}
    if programme not in known:
        raise unknown_option("programme", programme, tuple(known))
    content = known[programme]
    return {goal["id"]: goal_of(content, goal) for goal in content["goal"]}


def read_file() -> list[dict[str, Any]]:
    """Return the programmes as the file has them."""
    content = tomllib.loads(FILE.read_text(encoding="utf-8"), parse_float=Decimal)
    return list(content["programme"])


def goal_of(programme: dict[str, Any], goal: dict[str, Any]) -> Goal:
    """Read one goal."""
    upper = goal.get("plan_to")
    return Goal(
        id=goal["id"],
        programme=programme["id"],
        kind=goal["kind"],
        plan=Fraction(goal["plan"]),
        plan_to=None if upper is None else Fraction(upper),
        first_year=programme["from"],
        last_year=programme["to"],
        en=goal["en"],
        vi=goal["vi"],
        verified=goal["verified"],
        source=goal["source"],
        note=goal.get("note", ""),
    )


def check_kind(goal: Goal, kind: str) -> None:
    """Refuse a goal of another kind than what is asked."""
    if goal.kind != kind:
        raise OptionError(f"the goal {goal.programme} {goal.id} is of kind {goal.kind!r}: say so")
