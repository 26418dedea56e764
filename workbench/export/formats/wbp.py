"""The network as a program of the bundled engine: runs with numpy alone."""

from collections.abc import Iterator
from pathlib import Path

from workbench.capture.compile import compile as compile_network
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.outputs import check_outputs
from workbench.export.report import Check, failed, passed


def write(network: Exportable, path: Path) -> None:
    """Compile for one thread and save the program."""
    compile_network(network, threads=1, check=False).save(path)


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Load the program (which checks its own checksums) and run it."""
    try:
        program = Program.load(path)
    except WorkbenchError as error:
        yield failed(
            "structure",
            error.found,
            expected=error.expected,
            next_step=error.next_step,
        )
        return
    yield passed("structure", "program file, checksums fit")
    shapes = program.graph.input_shapes
    yield check_outputs(lambda x: program.results(*x), against, shapes)


FORMAT = Format(
    name="wbp",
    label="Program for the bundled engine",
    suffixes=(".wbp",),
    write=write,
    check=check,
)
