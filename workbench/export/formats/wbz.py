"""Deep-compressed weights: shared values, entropy coded, in one small file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from workbench.compression.compressed import CompressedNetwork
from workbench.compression.palette import Palette
from workbench.compression.wbz import WbzFile, read_wbz, to_wbz
from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.provenance import PREFIX, provenance
from workbench.export.report import Check, failed, passed
from workbench.export.tensors import check_digest, check_same, plain_state


def write(network: Exportable, path: Path) -> None:
    """Write the palettes of a compressed network; of any other, exact weights.

    A network without palettes loses nothing: zeros are left out, the rest is kept.
    """
    file = to_wbz(plain_state(network), _palettes(network), facts=provenance(network))
    path.write_bytes(file.data)


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Read the file back; compare with its own digest and with the network."""
    try:
        file = read_wbz(path)
    except WorkbenchError as error:
        yield failed(
            "structure",
            error.found,
            expected=error.expected,
            next_step=error.next_step,
        )
        return
    yield passed(
        "structure",
        f"checksum fits, {len(file.state)} tensors, {len(file.palettes)} palettes",
    )
    if PREFIX + "digest" in file.facts:
        yield check_digest(file.state, file.facts[PREFIX + "digest"])
    if against is not None:
        same = check_same(file.state, against.module.state_dict())
        yield same
        if same.ok and isinstance(against, CompressedNetwork):
            yield _same_palettes(file, against.palettes)


def _palettes(network: Exportable) -> Mapping[str, Palette]:
    return network.palettes if isinstance(network, CompressedNetwork) else {}


def _same_palettes(file: WbzFile, wanted: Mapping[str, Palette]) -> Check:
    for name, palette in wanted.items():
        found = file.palettes.get(name)
        if found is None or not (
            found.codebook.tobytes() == palette.codebook.tobytes()
            and found.codes.tobytes() == palette.codes.tobytes()
        ):
            return failed(
                "palettes",
                f"the palette of '{name}' differs from the network's",
                expected="the same shared values and codes",
                next_step="Export the network again.",
            )
    return passed("palettes", f"{len(wanted)} layers, same values and codes")


FORMAT = Format(
    name="wbz",
    label="Deep-compressed weights, smallest",
    suffixes=(".wbz",),
    write=write,
    check=check,
)
