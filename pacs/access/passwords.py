"""Which passwords are fit to be one: long enough, and not what is guessed first.

What everybody tries is taken away before a password is judged: the account's name, common passwords, neighbours on the
keyboard or in an alphabet, and repetitions. What is left has to be of some length and variety.
"""

from __future__ import annotations

from typing import Final

from pacs.errors import SuretError
from pacs.settings import PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN

CHARACTERS_OWN_MIN: Final = 5
"""Different ones that have to be left."""

RUN_MIN: Final = 3
_GUESSED: Final = """
password passwort passw0rd p@ssw0rd p@ssword pass1234 parol пароль пароли құпиясөз сырсөз letmein welcome login admin
administrator administrador root user guest test demo secret changeme default master hospital clinic doctor radiology
radiologist pacs dicom suret клиника больница врач доктор админ администратор секрет привет iloveyou dragon monkey
football baseball superman batman sunshine princess qazwsx 1q2w3e4r 1qaz2wsx zaq12wsx trustno любовь солнышко наташа
марина андрей алматы астана бишкек казахстан қазақстан кыргызстан almaty astana bishkek kazakhstan kyrgyzstan
"""
_COMMON: Final = sorted(_GUESSED.split(), key=len, reverse=True)
_NEIGHBOURS: Final = tuple(
    text
    for row in (
        "01234567890",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "йцукенгшщзхъ",
        "фывапролджэ",
        "ячсмитьбю",
        "abcdefghijklmnopqrstuvwxyz",
        "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    )
    for text in (row, row[::-1])
)


class PasswordRefused(SuretError):
    """It is not fit to be a password; the code is too_short, too_long or too_easy."""


def checked(password: str, name: str) -> str:
    """`password` when it is fit to be one of the account `name`. Raises PasswordRefused."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise PasswordRefused(
            f"the password has {len(password)} characters",
            f"use {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX}; a few unrelated words are easy to remember",
            "too_short" if len(password) < PASSWORD_CHARACTERS_MIN else "too_long",
        )
    if len(set(_own(password.casefold(), name.casefold()))) < CHARACTERS_OWN_MIN:
        hint = "use more than the account's name, common passwords, neighbouring keys and repetitions"
        raise PasswordRefused("the password is easy to guess", hint, "too_easy")
    return password


def _own(password: str, name: str) -> str:
    """What is left of it without what everybody tries."""
    for word in (name, *_COMMON):
        password = password.replace(word, "")
    left, at = "", 0
    while at < len(password):
        length = _run(password, at)
        left += password[at : at + 1] if length < RUN_MIN else ""
        at += 1 if length < RUN_MIN else length
    period = next(size for size in range(1, len(left) + 2) if left[size:] == left[: len(left) - size])
    return left[:period]


def _run(text: str, at: int) -> int:
    """How many characters from `at` on are neighbours in a row."""
    length = 1
    while at + length < len(text) and any(text[at : at + length + 1] in row for row in _NEIGHBOURS):
        length += 1
    return length
