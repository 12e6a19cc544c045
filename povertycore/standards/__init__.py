"""Who is poor: dated poverty standards as data, and the classes that follow from them."""

from .classify import classify
from .standard import Standard, standard

__all__ = ["Standard", "classify", "standard"]
