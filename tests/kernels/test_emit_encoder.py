"""Every instruction of the generator, byte by byte, against a real disassembler."""

import itertools
from typing import Any

import pytest

capstone = pytest.importorskip("capstone")
native = pytest.importorskip("workbench.kernels._native")

XMM, YMM, ZMM = 0, 1, 2
WIDTHS = {XMM: "xmmword", YMM: "ymmword", ZMM: "zmmword"}
GPR = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"]
GPR += [f"r{n}" for n in range(8, 16)]
BASES = [n for n, name in enumerate(GPR) if name not in ("rsp", "r12")]
OPERATIONS = {
    name: (number, *rest)
    for number, (name, *rest) in enumerate(native.emit_operations())
}
DISPLACEMENTS = (0, 4, -4, 64, -64, 124, 128, -128, -512, 508, 512, 8128, 8192, -8192)
FAR = (-8256, 1 << 20, -(1 << 20) + 4, (1 << 31) - 4, -(1 << 31))


def decode(code: bytes) -> str:
    """Return the one instruction that `code` is, as text."""
    machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found = list(machine.disasm(code, 0))
    assert sum(i.size for i in found) == len(code), code.hex()
    assert len(found) == 1, code.hex()
    return f"{found[0].mnemonic} {found[0].op_str}".strip()


def register(width: int, number: int) -> str:
    return f"{'xyz'[width]}mm{number}"


def address(base: int, disp: int) -> str:
    if disp == 0:
        return f"[{GPR[base]}]"
    sign, size = ("-", -disp) if disp < 0 else ("+", disp)
    text = f"{size}" if size < 10 else f"0x{size:x}"
    return f"[{GPR[base]} {sign} {text}]"


def expected(name: str, width: int, regs: tuple[int, int], how: dict[str, Any]) -> str:
    """Write the instruction as capstone does."""
    _, mnemonic, sources, has_imm, _, _ = OPERATIONS[name]
    first = register(width, regs[0])
    if how.get("mask"):
        mask = f" {{k{how['mask']}}}" + (" {z}" if how.get("zero") else "")
    else:
        mask = ""
    if "last" in how:
        last = register(width, how["last"])
    else:
        scalar = how.get("broadcast") or name == "BROADCAST"
        size = "dword" if scalar else WIDTHS[width]
        last = f"{size} ptr {address(how['base'], how['disp'])}"
        last += f"{{1to{4 << width}}}" if how.get("broadcast") else ""
    if name == "STORE":
        return f"{mnemonic} {last}{mask}, {first}"
    operands = [first + mask]
    operands += [register(width, regs[1])] if sources == 2 else []
    operands += [last]
    if has_imm:
        imm = how.get("imm", 0)
        operands += [f"{imm}" if imm < 10 else f"0x{imm:x}"]
    return f"{mnemonic} {', '.join(operands)}"


def same(name: str, width: int, regs: tuple[int, int], how: dict[str, Any]) -> None:
    code = native.emit_vector(OPERATIONS[name][0], width, regs, how)
    assert decode(code) == expected(name, width, regs, how), (code.hex(), how)


EVEX = [name for name, row in OPERATIONS.items() if row[5]]
VEX = [name for name, row in OPERATIONS.items() if row[4]]
ANY_WIDTH = [n for n in EVEX if n != "PERMUTE"]  # vpermps has no xmm form
MEMORY_ONLY = ("LOAD", "STORE", "BROADCAST")
BROADCASTING = [n for n in ANY_WIDTH if n not in (*MEMORY_ONLY, "ALIGN", "XORD")]


def sources(name: str, choices: list[int]) -> list[int]:
    """Registers to try as first source; 0 where there is none."""
    return choices if OPERATIONS[name][2] == 2 else [0]


@pytest.mark.parametrize("name", [n for n in EVEX if n not in MEMORY_ONLY])
def test_evex_registers(name: str) -> None:
    some = [0, 1, 7, 8, 15, 16, 23, 24, 31]
    for dst, src, last in itertools.product(some, sources(name, some), some):
        imm = 8 if name == "ROUNDSCALE" else (dst * 7 + last) % 16
        how = {"last": last, "imm": imm if OPERATIONS[name][3] else 0}
        same(name, ZMM, (dst, src), how)


@pytest.mark.parametrize("name", EVEX)
def test_every_evex_register_in_each_place(name: str) -> None:
    for number in range(32):
        same(name, ZMM, (number, 0), {"base": 7, "disp": 64, "imm": 1})
        for src in sources(name, [number]):
            same(name, ZMM, (3, src), {"base": 6, "disp": 4, "imm": 1})


@pytest.mark.parametrize("name", ANY_WIDTH)
@pytest.mark.parametrize("width", [XMM, YMM, ZMM])
def test_evex_memory(name: str, width: int) -> None:
    for base, disp in itertools.product(BASES, DISPLACEMENTS + FAR):
        how = {"base": base, "disp": disp, "imm": 1}
        same(name, width, (base * 2, sources(name, [31 - base])[0]), how)


@pytest.mark.parametrize("name", BROADCASTING)
@pytest.mark.parametrize("width", [XMM, YMM, ZMM])
def test_evex_broadcasts_one_float(name: str, width: int) -> None:
    for base, disp in itertools.product((6, 7, 8, 13), DISPLACEMENTS + FAR):
        how = {"base": base, "disp": disp, "broadcast": 1, "imm": 8}
        same(name, width, (30, sources(name, [31])[0]), how)


@pytest.mark.parametrize("name", EVEX)
def test_evex_masks(name: str) -> None:
    for mask, zero in itertools.product(range(1, 8), (0, 1)):
        if name == "STORE" and zero:
            continue
        how = {"base": 2, "disp": 128, "mask": mask, "zero": zero, "imm": 1}
        same(name, ZMM, (17, sources(name, [9])[0]), how)


@pytest.mark.parametrize("name", [n for n in VEX if n not in MEMORY_ONLY])
def test_vex_registers(name: str) -> None:
    for dst, src, last in itertools.product(range(16), (0, 7, 8, 15), (0, 7, 8, 15)):
        same(name, YMM, (dst, src), {"last": last, "vex": 1})


@pytest.mark.parametrize("name", VEX)
@pytest.mark.parametrize("width", [XMM, YMM])
def test_vex_memory(name: str, width: int) -> None:
    for base, disp in itertools.product(BASES, DISPLACEMENTS + FAR):
        how = {"base": base, "disp": disp, "vex": 1}
        same(name, width, (base, sources(name, [15 - base])[0]), how)


def test_multiply_add_takes_seven_bytes_within_reach() -> None:
    op = OPERATIONS["FMADD231"][0]
    for disp, size in ((-512, 7), (508, 7), (512, 10), (-516, 10)):
        how = {"base": 6, "disp": disp, "broadcast": 1}
        assert len(native.emit_vector(op, ZMM, (5, 31), how)) == size


def test_general_instructions() -> None:
    for reg in range(16):
        assert decode(native.emit_other("test", reg)) == f"test {GPR[reg]}, {GPR[reg]}"
        low = native.emit_other("mov_imm", reg, 0x7FFF)
        small = {"r": f"{GPR[reg]}d"} if reg > 7 else {"r": "e" + GPR[reg][1:]}
        assert decode(low) == f"mov {small['r']}, 0x7fff"
        add = native.emit_other("add_imm", reg, 1020)
        assert decode(add) == f"add {GPR[reg]}, 0x3fc"
        for mask in range(1, 8):
            code = native.emit_other("kmov_gpr", mask, reg)
            assert decode(code) == f"kmovw k{mask}, {small['r']}"
    assert decode(native.emit_other("add_imm", 7, -64)) == "add rdi, -0x40"
    assert decode(native.emit_other("vzeroupper")) == "vzeroupper"
    assert decode(native.emit_other("endbr")) == "endbr64"
    assert decode(native.emit_other("ret")) == "ret"


def test_general_loads() -> None:
    for base, disp in itertools.product(BASES, (0, 8, -128, 127, 128, 4096)):
        for reg in range(16):
            code = native.emit_other("mov_load", reg, base, disp)
            assert decode(code) == f"mov {GPR[reg]}, qword ptr {address(base, disp)}"
        code = native.emit_other("kmov_mem", 3, base, disp)
        assert decode(code) == f"kmovw k3, word ptr {address(base, disp)}"


def test_forward_jump_lands_after_what_it_skips() -> None:
    code = native.emit_other("jnz", 5)
    assert decode(code[:6]) == "jne 0xb"
    assert code[6:] == b"\xc3" * 5


def test_instruction_without_room_is_dropped() -> None:
    op = OPERATIONS["FMADD231"][0]
    how = {"base": 6, "disp": 4, "broadcast": 1}
    assert len(native.emit_vector(op, ZMM, (5, 31), how | {"room": 7})) == 7
    assert native.emit_vector(op, ZMM, (5, 31), how | {"room": 6}) is None
