"""Tiny stand-in of measures/spec.py."""
import hashlib, json
from fractions import Fraction
from dataclasses import dataclass
from itertools import product

def as_fraction(v):
    if isinstance(v, Fraction): return v
    if isinstance(v, (int, str)): return Fraction(v)
    f = Fraction(v).limit_denominator(1000)
    return f if abs(float(f) - v) <= 1e-9 else Fraction(repr(v))

@dataclass(frozen=True)
class Indicator:
    id: str
    dimension: str
    column: str
    rule: object = None

class Spec:
    def __init__(self, dimensions, weights=None, *, name="", version="", k=None, schemes=None, source="", relative=False):
        self.indicators = tuple(i if isinstance(i, Indicator) else Indicator(i, d, i) for d, ii in dimensions.items() for i in ii)
        dimensions = {d: [i.id if isinstance(i, Indicator) else i for i in ii] for d, ii in dimensions.items()}
        self.ids = tuple(i.id for i in self.indicators)
        self.dimensions = {d: tuple(ii) for d, ii in dimensions.items()}
        self.name, self.version = name, version
        def read(w):
            if w is None:
                return tuple(Fraction(1, len(dimensions) * len(dimensions[i.dimension])) for i in self.indicators)
            w = {a: as_fraction(b) for a, b in w.items()}
            if set(w) == set(dimensions):
                return tuple(w[i.dimension] / len(dimensions[i.dimension]) for i in self.indicators)
            out = tuple(w[i] for i in self.ids)
            if relative: out = tuple(x / sum(out) for x in out)
            assert sum(out) == 1
            return out
        self.weights = read(weights)
        self.schemes = {"default": self.weights} if schemes is None else {n: read(w) for n, w in schemes.items()}
        self.k = None if k is None else tuple(as_fraction(x) for x in (k if isinstance(k, (list, tuple)) else [k]))
    def integer_weights(self, scheme="default"):
        from math import lcm
        w = self.schemes[scheme]
        D = lcm(*[x.denominator for x in w])
        return tuple(int(x * D) for x in w), D
    def columns(self, frame):
        import numpy as np
        from povertycore import _core
        out = []
        for i in self.indicators:
            m = frame.measured(i.column)
            if m.column.type.startswith("float"):
                a = np.asarray(frame.array(i.column), float)
                bad = np.isnan(a)
                out.append(_core.column_array(np.where(bad, 0, a).astype(np.int8), bad, i.column))
            else:
                out.append(m.column)
        return out
    def attainable(self, scheme="default"):
        s = {Fraction(0)}
        for w in self.schemes[scheme]: s |= {x + w for x in s}
        return tuple(sorted(s))
    def cutoff(self, k, scheme="default"):
        return as_fraction(k)
    @property
    def digest(self):
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()
    def to_dict(self):
        return {"dimensions": {d: list(i) for d, i in self.dimensions.items()}, "schemes": {n: dict(zip(self.ids, map(str, w))) for n, w in self.schemes.items()}, "k": None if self.k is None else list(map(str, self.k)), "name": self.name, "version": self.version}
    @classmethod
    def from_dict(cls, d):
        return cls(d["dimensions"], schemes=d["schemes"], k=d["k"], name=d["name"], version=d["version"])
