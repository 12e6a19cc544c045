"""Where: administrative units, and crosswalks from one of their vintages to another."""

from .crosswalk import Crosswalk, crosswalk
from .rebase import rebase

__all__ = ["Crosswalk", "crosswalk", "rebase"]
