"""Data that come with the package: a synthetic register and published tables."""

from .lang_son import LANG_SON_PLAN, lang_son_register
from .published import published

__all__ = ["LANG_SON_PLAN", "lang_son_register", "published"]
