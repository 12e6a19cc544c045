"""Data that come with the package: a synthetic register and survey, and published tables."""

from povertycore.datasets.lang_son import LANG_SON_PLAN, lang_son_register
from povertycore.datasets.lang_son_survey import lang_son_survey
from povertycore.datasets.published import published

__all__ = ["LANG_SON_PLAN", "lang_son_register", "lang_son_survey", "published"]
