"""Hand-made rows of a sweep, for tests of plans."""

from workbench.analysis.sensitivity.rows import Base, Sweep, SweepRow

BASE = Base(
    top1=0.9,
    top5=1.0,
    loss=0.3,
    n=1000,
    low=0.88,
    high=0.92,
    macs=1000,
    bytes=4000,
    network_ms=9.0,
    measured_ms=10.0,
)


def row(subject: str, sparsity: float, **changes: object) -> SweepRow:
    values: dict[str, object] = {
        "subject": subject,
        "layers": (subject,),
        "method": "magnitude",
        "granularity": "element",
        "sparsity": sparsity,
        "reached": sparsity,
        "top1": 0.9,
        "top5": 1.0,
        "loss": 0.3,
        "n": 1000,
        "low": 0.88,
        "high": 0.92,
        "output_l2": 0.1,
        "output_kl": None,
        "weights": 100,
        "weights_removed": int(100 * sparsity),
        "kernels_removed": 0,
        "filters_removed": 0,
        "dense_macs": 1000,
        "macs": 1000 - int(400 * sparsity),
        "bytes": 4000 - int(1000 * sparsity),
        "network_ms": 9.0,
    }
    return SweepRow(**{**values, **changes})  # type: ignore[arg-type]


def sweep(*rows: SweepRow) -> Sweep:
    return Sweep("net", "digest", "made", "digest", "val", "measure", BASE, rows)
