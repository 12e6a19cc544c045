"""The places of the synthetic Lạng Sơn register: 11 districts, 200 communes, 1,676 villages.

The district names are those in use until June 2025. The number of units is the published one
for 2021 and 2022 (11, 200, 1,676). Everything else here is invented so that the register looks
like a province: district codes and sizes, names and codes of communes and villages, how many
wards and townships a district has. None of it may be joined to a real map or list.

The places do not depend on the register's `rng`: they come from a stream of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ETHNICITIES", "KINH", "N_COMMUNES", "N_VILLAGES", "Places", "lang_son_places"]

Flags = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]
Numbers = NDArray[np.float64]
Texts = NDArray[np.object_]

N_COMMUNES = 200
N_VILLAGES = 1676

ETHNICITIES = ("Tày", "Nùng", "Kinh", "Dao", "Sán Chay", "Hoa", "Mông")
KINH = ETHNICITIES.index("Kinh")
_MINORITIES = ("Tày", "Nùng", "Dao", "Sán Chay", "Hoa", "Mông")

_PLACE_SEED = 2021
_LEAST_VILLAGES = 3
_LEAST_HOUSEHOLDS = 20


class _District(NamedTuple):
    name: str
    code: str
    households: int  # in 2021; they add up to the published 192,705
    wards: int
    townships: int
    communes: int
    kinh: float  # share of Kinh households, before the province's total is met
    need: float  # how likely a household is to be poor, relative to the province
    progress: float  # how likely a poor household is to escape, relative to the province
    minorities: tuple[int, ...]  # percent of minority households, in the order of _MINORITIES


_DISTRICTS = (
    _District("thành phố Lạng Sơn", "178", 28_604, 5, 0, 3, 0.48, 0.25, 1.3, (46, 49, 1, 0, 4, 0)),
    _District("Tràng Định", "180", 14_291, 0, 1, 21, 0.06, 1.25, 1.0, (52, 36, 8, 0, 1, 3)),
    _District("Bình Gia", "181", 12_337, 0, 1, 18, 0.02, 2.30, 1.3, (37, 45, 14, 0, 0, 4)),
    _District("Văn Lãng", "182", 12_482, 0, 1, 16, 0.05, 0.95, 1.1, (41, 57, 1, 0, 1, 0)),
    _District("Cao Lộc", "183", 19_876, 0, 2, 20, 0.13, 0.80, 1.0, (35, 57, 6, 0, 2, 0)),
    _District("Văn Quan", "184", 13_208, 0, 1, 16, 0.02, 2.10, 1.2, (40, 60, 0, 0, 0, 0)),
    _District("Bắc Sơn", "185", 17_315, 0, 1, 17, 0.10, 1.00, 0.9, (79, 11, 10, 0, 0, 0)),
    _District("Hữu Lũng", "186", 29_342, 0, 1, 23, 0.40, 0.95, 0.8, (21, 71, 4, 3, 1, 0)),
    _District("Chi Lăng", "187", 18_377, 0, 2, 18, 0.14, 0.90, 1.0, (42, 55, 3, 0, 0, 0)),
    _District("Lộc Bình", "188", 19_974, 0, 2, 19, 0.07, 1.30, 0.8, (59, 31, 7, 2, 1, 0)),
    _District("Đình Lập", "189", 6_899, 0, 2, 10, 0.08, 1.80, 0.9, (55, 11, 18, 15, 1, 0)),
)

# Invented commune names are pairs of these; pairs that were units of the province are left out.
_FIRST = (
    "An Bình Cẩm Châu Đại Đông Gia Hà Hòa Hưng Khánh Kim Lâm Long Minh Mỹ Nam Ngọc Phong Phú Phúc "
    "Quang Sơn Tam Thái Thanh Thượng Tiên Trung Tú Vân Vĩnh Xuân Yên"
).split()
_SECOND = (
    "Cường Dương Điền Giang Hải Khê Khoa Lạc Lĩnh Lộc Lương Mai Nghĩa Nguyên Ninh Phượng Quý Sa "
    "Tâm Thạch Thịnh Thủy Tiến Trà Trực Tường Vinh Xá"
).split()
_REAL = {
    "Gia Lộc", "Hòa Lạc", "Khánh Khê", "Minh Tiến", "Thượng Cường", "Vân Thủy", "Vĩnh Tiến",
    "Xuân Dương",
}  # fmt: skip

# Invented village names are pairs of a Tày-Nùng landscape word and one of these.
_LANDSCAPE = "Nà Bản Pò Khuổi Cốc Lũng Kéo Pác Khòn Tà Pá Thà Phai Còn Slí".split()
_VILLAGE = (
    "Áng Báng Bó Cà Cại Cái Cam Chang Chào Chè Chiêm Cọn Cù Dài Dào Dọ Đeng Đỏng Đồn Đuổn Én Gà "
    "Gằm Giàng Háo Hin Hoi Hòn Hú Kham Khau Khao Khe Khít Khon Khuông Lài Lầm Làng Lầu Lếch Liền "
    "Loỏng Lọong Lùng Luông Mạ Mạy Mèo Mò Mon Múc Mười Mươi Nái Ngàm Ngần Ngoã Ngườm Nhàn Nhùng "
    "Niềng Nim Noọc Nọi Nưa Óc Pàn Páng Peng Pheo Phja Piài Pinh Poọng Puộc Quang Quân Rằng Rọ Sa "
    "Sâu Sèn Sla Soong Sung Tậu Tằm Tao Tẻo Thin Thoong Thúm Tình Toòng Tre Tùm Vạc Vài Vằn Viền "
    "Vuông Xoong Xỏm Ỷ"
).split()


class Places(NamedTuple):
    """Districts, communes and villages in code order, with what the register needs to know.

    Attributes
    ----------
    district, district_code : ndarray of str, shape (11,)
    commune, commune_code : ndarray of str, shape (200,)
    village, village_code : ndarray of str, shape (1676,)
    commune_district : ndarray of int, shape (200,)
        Position of the commune's district.
    village_commune : ndarray of int, shape (1676,)
        Position of the village's commune.
    urban : ndarray of bool, shape (200,)
        Wards and townships.
    households : ndarray of int, shape (1676,)
        Households of the village in 2021.
    kinh, need, progress : ndarray of float, shape (11,)
        Weights by district, see `_District`.
    minorities : ndarray of float, shape (11, 7)
        Share of each of `ETHNICITIES` among the minority households of the district (Kinh: 0).
    """

    district: Texts
    district_code: Texts
    commune: Texts
    commune_code: Texts
    village: Texts
    village_code: Texts
    commune_district: Ints
    village_commune: Ints
    urban: Flags
    households: Ints
    kinh: Numbers
    need: Numbers
    progress: Numbers
    minorities: Numbers


def lang_son_places() -> Places:
    """Lay out the invented communes and villages of the eleven districts."""
    stream = np.random.Generator(np.random.PCG64(_PLACE_SEED))
    commune_district = np.repeat(np.arange(len(_DISTRICTS)), [_n_communes(d) for d in _DISTRICTS])
    urban = np.concatenate([np.arange(_n_communes(d)) < d.wards + d.townships for d in _DISTRICTS])
    commune_households = _commune_households(stream, urban)
    n_villages = _share_out(N_VILLAGES, commune_households, least=_LEAST_VILLAGES)
    village_commune = np.repeat(np.arange(N_COMMUNES), n_villages)
    commune = _commune_names(stream)
    commune_code = _text(f"{6003 + 3 * i:05d}" for i in range(N_COMMUNES))
    number = np.arange(N_VILLAGES) - np.repeat(np.cumsum(n_villages) - n_villages, n_villages) + 1
    return Places(
        district=_text(d.name for d in _DISTRICTS),
        district_code=_text(d.code for d in _DISTRICTS),
        commune=commune,
        commune_code=commune_code,
        village=_village_names(stream, commune, urban, village_commune, number),
        village_code=_text(
            f"{commune_code[c]}{n:05d}" for c, n in zip(village_commune, number, strict=True)
        ),
        commune_district=commune_district,
        village_commune=village_commune,
        urban=urban,
        households=_village_households(stream, commune_households, n_villages),
        kinh=np.array([d.kinh for d in _DISTRICTS]),
        need=np.array([d.need for d in _DISTRICTS]),
        progress=np.array([d.progress for d in _DISTRICTS]),
        minorities=_minority_shares(),
    )


def _share_out(total: int, weight: Numbers | Ints, least: int = 0) -> Ints:
    """Split a whole number by weight: largest remainders, each part at least `least`."""
    spare = (total - least * len(weight)) * (weight / weight.sum())
    part = np.floor(spare).astype(np.int64)
    left = total - least * len(weight) - int(part.sum())
    part[np.argsort(part - spare, kind="stable")[:left]] += 1
    return np.asarray(part + least)


def _text(words: Iterable[str]) -> Texts:
    """Return words as an object array of str, as pandas takes them."""
    return np.array(list(words), dtype=object)


def _n_communes(district: _District) -> int:
    return district.wards + district.townships + district.communes


def _commune_households(stream: np.random.Generator, urban: Flags) -> Ints:
    """Households of each commune; wards and townships are larger than communes."""
    weight = (0.55 + stream.random(N_COMMUNES)) * np.where(urban, 2.0, 1.0)
    first = np.cumsum([0] + [_n_communes(d) for d in _DISTRICTS])
    return np.concatenate(
        [
            _share_out(d.households, weight[a:b])
            for d, a, b in zip(_DISTRICTS, first[:-1], first[1:], strict=True)
        ]
    )


def _village_households(
    stream: np.random.Generator, commune_households: Ints, n_villages: Ints
) -> Ints:
    weight = np.split(0.5 + stream.random(N_VILLAGES), np.cumsum(n_villages)[:-1])
    return np.concatenate(
        [
            _share_out(int(n), w, least=_LEAST_HOUSEHOLDS)
            for n, w in zip(commune_households, weight, strict=True)
        ]
    )


def _commune_names(stream: np.random.Generator) -> Texts:
    pairs = [f"{a} {b}" for a in _FIRST for b in _SECOND if a != b]
    names = [name for name in pairs if name not in _REAL]
    return _text(names[i] for i in stream.permutation(len(names))[:N_COMMUNES])


def _village_names(
    stream: np.random.Generator, commune: Texts, urban: Flags, village_commune: Ints, number: Ints
) -> Texts:
    """Numbered blocks in wards and townships, landscape names elsewhere; no name occurs twice."""
    pairs = [f"{a} {b}" for a in _LANDSCAPE for b in _VILLAGE]
    rural = iter(stream.permutation(len(pairs)))
    return _text(
        f"Khối {n} {commune[c]}" if urban[c] else pairs[next(rural)]
        for c, n in zip(village_commune, number, strict=True)
    )


def _minority_shares() -> Numbers:
    share = np.zeros((len(_DISTRICTS), len(ETHNICITIES)))
    column = [ETHNICITIES.index(name) for name in _MINORITIES]
    share[:, column] = np.array([d.minorities for d in _DISTRICTS]) / 100
    return share
