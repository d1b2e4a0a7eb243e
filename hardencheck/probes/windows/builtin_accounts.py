"""The names that Windows gives its built-in accounts: translated at installation, so the name says little by itself."""

from __future__ import annotations

#: Names of the accounts with RID 500 and 501 in the languages that Windows is installed in, in lower case.
_NAMES = {
    "Administrator": """
        administrator administrateur administrador administratör järjestelmänvalvoja rendszergazda администратор
        адміністратор administratorius administrators administraator amministratore beheerder správca διαχειριστής
    """,
    "Guest": """
        guest gast invité invitado convidado gäst gæst gjest vieras vendég gość гость гість гост konuk host hosť gost
        invitat svečias viesis külaline ospite επισκέπτης
    """,
}


def is_default_name(account: str, name: str) -> bool | None:
    """Tell whether a built-in account (`Administrator`, `Guest`) has a name of Windows' own.

    None when it could be one of a language that is not listed: a name with other letters than those of ASCII.
    """
    if name.strip().lower() in _NAMES[account].split():
        return True
    return False if name.isascii() else None


def is_default_name_of_any(account: str) -> bool:
    """Tell whether an account has a name that Windows gives one of its built-in accounts, in any language."""
    return any(account.strip().lower() in names.split() for names in _NAMES.values())
