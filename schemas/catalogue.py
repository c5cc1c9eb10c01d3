"""The configuration as an event: the catalogue files and decision settings of one version."""

import msgspec


class CatalogueFile(msgspec.Struct, frozen=True):
    """One catalogue file, kept as its author wrote it."""

    name: str
    text: str


class Configuration(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="catalogue"):
    """A version of the configuration: its offset in `forestall.catalogue`, its files, and the salt.

    In the journal it is the `data` of a `forestall.catalogue` event; on the answers topic it stands as it is.
    """

    version: int
    files: list[CatalogueFile]
    salt: str
