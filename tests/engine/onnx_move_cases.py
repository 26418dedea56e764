"""Cases of ONNX operations that move or resize, in the form of `onnx_cases`."""

from collections.abc import Mapping

from tests.engine.onnx_cases import FEATURES, NEW, Case

PIXEL = (2, 4, 1, 1)
SLICE = {"starts": [1], "ends": [3], "axes": [1]}
NN = {"scales": [1.0, 1.0, 2.0, 3.0]}

COORDINATES = (
    *("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners"),
    "asymmetric",
)
ROUNDED = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def resizes() -> list[Case]:
    """Return every mode with every way to say where a pixel lies."""
    found = []
    for where in COORDINATES:
        since = 19 if where == "half_pixel_symmetric" else 11
        base = {"coordinate_transformation_mode": where}
        sizes = [{"sizes": [2, 4, 5, 13]}, {"sizes": [2, 4, 1, 6]}]
        sizes.append({"scales": [1.0, 1.0, 0.65, 1.7]})
        for size in sizes:
            # The reference rounds no length before it looks for corners.
            if where == "align_corners" and "scales" in size:
                continue
            many = [{"mode": "linear"}, {"mode": "cubic"}]
            many += [{"mode": "nearest", "nearest_mode": how} for how in ROUNDED]
            found += [Case({**base, **size, **one}, since=since) for one in many]
    return found


SMALLER = {"scales": [1.0, 1.0, 0.6, 0.5]}
CROP = {
    "coordinate_transformation_mode": "tf_crop_and_resize",
    "sizes": [2, 4, 5, 6],
    "roi": [0.0, 0.0, 0.2, -0.3, 1.0, 1.0, 0.7, 0.8],
}

MOVE_CASES: Mapping[str, list[Case]] = {
    "Concat": [
        Case({"inputs": 2, "axis": 1}),
        Case({"inputs": 2, "axis": -3}),
        Case({"inputs": 2, "axis": 2}),
        Case({"inputs": 3, "axis": -1}),
        Case({"inputs": 2, "axis": 0}, refused=True),
        Case({"inputs": 2, "axis": -1}, FEATURES),
        Case({"inputs": 2, "axis": 9}, refused=True),
    ],
    "Split": [
        Case({"axis": 1}, outputs=2, until=17),
        Case({"axis": 1, "num_outputs": 2}, outputs=2, since=18),
        Case({"axis": 1, "num_outputs": 3}, (2, 5, 3, 3), outputs=3, since=18),
        Case({"axis": -3, "split": [1, 3]}, outputs=2),
        Case({"split": [1, 1]}, outputs=2, refused=True),
        Case({"axis": 2, "split": [4, 3]}, outputs=2),
        Case({"axis": 1, "split": [1, 2]}, outputs=2, refused=True),
    ],
    "Slice": [
        Case(SLICE),
        Case({**SLICE, "starts": [-3], "ends": [2**63 - 1], "axes": [-3]}),
        Case({"starts": [0, 1], "ends": [2**31 - 1, 3]}),
        Case({**SLICE, "steps": [2]}, since=10),
        Case({**SLICE, "ends": [0], "starts": [3], "steps": [-1]}, since=10),
        Case({**SLICE, "ends": [-99], "starts": [9], "steps": [-2]}, since=10),
        Case({**SLICE, "steps": [1]}, since=10),
        Case({**SLICE, "axes": [2]}),
        Case({"starts": [1, -2], "ends": [-1, 99], "axes": [3, 2]}),
        Case({**SLICE, "starts": [3], "ends": [3]}, refused=True),
        Case({**SLICE, "axes": [0], "starts": [0], "ends": [1]}, refused=True),
        Case({**SLICE, "axes": [7]}, refused=True),
    ],
    "Flatten": [
        Case(),
        Case({"axis": -3}, since=11),
        Case({"axis": 0}, refused=True),
        Case({"axis": 2}, refused=True),
        Case({"axis": 1}, FEATURES),
        Case({"axis": -2}, (1, 1, 7, 6), since=11),
    ],
    "Reshape": [
        Case({"shape": [-1, 168]}),
        Case({"shape": [0, -1]}),
        Case({"shape": [2, 168]}),
        Case({"shape": [0, 0, 7, -1]}),
        Case({"shape": [2, 168], "allowzero": 1}, since=14),
        Case({"shape": [0, -1], "allowzero": 1}, refused=True, since=14),
        Case({"shape": [-1]}, refused=True),
        Case({"shape": [8, 42]}, refused=True),
        Case({"shape": [0, 7, 4, 6]}),
    ],
    "Transpose": [
        Case({"perm": [0, 1, 2, 3]}),
        Case({"perm": [0, 2, 3, 1]}),
        Case(shape=(1, 4, 1)),
        Case(refused=True),
    ],
    "Squeeze": [
        Case({"axes": [2, 3]}, PIXEL),
        Case({"axes": [-1, 2]}, PIXEL),
        Case({"axes": [2]}, PIXEL),
        Case({}, PIXEL),
        Case({"axes": [1]}, PIXEL, refused=True),
    ],
    "Unsqueeze": [
        Case({"axes": [1]}),
        Case({"axes": [-1, 2]}, since=11),
        Case({"axes": [4, 2, 5]}, FEATURES, refused=True),
        Case({"axes": [3, 2]}, FEATURES),
    ],
    "Resize": [
        Case(NN, since=10, until=10),
        Case({**NN, "coordinate_transformation_mode": "half_pixel"}, **NEW),
        Case({**NN, "coordinate_transformation_mode": "pytorch_half_pixel"}, **NEW),
        Case(
            {
                **NN,
                "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor",
            },
            **NEW,
        ),
        Case({**NN, "nearest_mode": "round_prefer_ceil"}, **NEW),
        Case({**NN, "nearest_mode": "floor"}, **NEW),
        Case({**NN, "nearest_mode": "ceil"}, **NEW),
        Case({**NN, "coordinate_transformation_mode": "align_corners"}, **NEW),
        Case(
            {**NN, "coordinate_transformation_mode": "half_pixel_symmetric"}, since=19
        ),
        Case({"sizes": [2, 4, 14, 18]}, **NEW),
        Case({"sizes": [2, 4, 13, 18]}, **NEW),
        Case({"sizes": [14, 18], "axes": [2, 3]}, since=18),
        Case({"scales": [2.0, 3.0], "axes": [-2, -1]}, since=18),
        Case({"scales": [1.0, 1.0, 0.5, 1.0]}, since=10),
        Case({**NN, "mode": "linear"}, since=10),
        Case({**NN, "mode": "cubic", "cubic_coeff_a": -0.5}, **NEW),
        Case({"sizes": [3, 4, 14, 18]}, refused=True, **NEW),
        *resizes(),
        Case({**SMALLER, "mode": "linear", "antialias": 1}, since=18),
        Case({**SMALLER, "mode": "cubic", "antialias": 1}, since=18),
        Case({**SMALLER, "mode": "cubic", "exclude_outside": 1}, **NEW),
        Case({**CROP, "mode": "linear"}, **NEW),
        Case({**CROP, "mode": "nearest", "extrapolation_value": 3.0}, **NEW),
        Case({"sizes": [2, 4, 7, 12]}, **NEW),
        Case({"sizes": [2, 4, 9]}, (2, 4, 7), **NEW),
        Case({**NN, "extrapolation_value": 3.0}, **NEW),
        Case({**NN, "cubic_coeff_a": -0.5}, **NEW),
        Case(
            {
                "sizes": [14, 18],
                "axes": [2, 3],
                "keep_aspect_ratio_policy": "not_larger",
            },
            since=18,
        ),
    ],
    "Upsample": [
        Case(NN, until=9),
        Case({**NN, "mode": "linear"}, until=9),
    ],
}
