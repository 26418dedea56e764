"""The kernel mosaic: every kernel of a layer as one zoomable picture."""

from workbench.ui.components.mosaic.component import Pick, mosaic
from workbench.ui.components.mosaic.pack import KernelView, pack

__all__ = ["KernelView", "Pick", "mosaic", "pack"]
