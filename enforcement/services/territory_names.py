"""The names of territories as people say them, in the languages that we write in."""

import gettext
from functools import cache

import pycountry

_CATALOGUE = {"zh-Hans": "zh_CN"}
_IN_BRACKETS = {"en": "{} ({})", "zh-Hans": "{}（{}）"}  # noqa: RUF001
# ISO turns names round to sort them, and some translations are not what a reader in mainland China expects.
_BETTER = {
    "en": {
        "BN": "Brunei", "CC": "Cocos Islands", "CD": "DR Congo", "CG": "Congo Republic", "FK": "Falkland Islands",
        "FM": "Micronesia", "MF": "Saint Martin", "PN": "Pitcairn Islands", "PS": "Palestine", "RU": "Russia",
        "SX": "Sint Maarten", "VA": "Vatican City", "VG": "British Virgin Islands", "VI": "U.S. Virgin Islands",
        "UA-09": "Luhansk", "UA-14": "Donetsk", "UA-23": "Zaporizhzhia", "UA-40": "Sevastopol", "UA-43": "Crimea",
        "UA-65": "Kherson",
    },
    "zh-Hans": {
        "BD": "孟加拉国", "CC": "科科斯群岛", "CG": "刚果共和国", "FK": "福克兰群岛", "GT": "危地马拉", "IM": "马恩岛",
        "KG": "吉尔吉斯斯坦", "UA-09": "卢甘斯克", "UA-14": "顿涅茨克", "UA-23": "扎波罗热", "UA-40": "塞瓦斯托波尔",
        "UA-43": "克里米亚", "UA-65": "赫尔松",
    },
}  # fmt: skip
_NAMES = {each.alpha_2: getattr(each, "common_name", each.name) for each in pycountry.countries}
_NAMES |= {each.code: each.name for each in pycountry.subdivisions}


def territory_name(code: str, language: str) -> str:
    """The short name of a country, or of a part with its country; a code without a name stands for itself."""
    if "-" not in code:
        return _name(code, "iso3166-1", language)
    return _IN_BRACKETS[language].format(_name(code, "iso3166-2", language), territory_name(code[:2], language))


def _name(code: str, domain: str, language: str) -> str:
    return _BETTER[language].get(code) or _catalogue(domain, language).gettext(_NAMES.get(code, code))


@cache
def _catalogue(domain: str, language: str) -> gettext.NullTranslations:
    languages = [_CATALOGUE[language]] if language in _CATALOGUE else []
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=languages, fallback=True)
