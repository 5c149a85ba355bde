"""Pictures as packed sets of patches."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.image.patches import num_patches, patches
from attnlab.data.image.source import Pixels
from attnlab.data.prep.batching import Indices
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec


class PatchSets:
    """Packs pictures of these sides, each (n,), as the configuration says. lengths: (n,) patches of each."""

    def __init__(
        self, heights: NDArray[np.int32], widths: NDArray[np.int32], config: ImageData, spec: DataSpec
    ) -> None:
        self.heights, self.widths = heights, widths
        self.patch, self.stride = config.patch, config.stride or config.patch
        self.lengths = num_patches(heights, widths, config)
        self._means = np.array(spec.feature_mean, dtype=np.float32)
        self._rates = (1 / np.array(spec.feature_std)).astype(np.float32)

    def pack(self, indices: Indices, pixels: Callable[[Indices], Pixels]) -> VectorSets:
        """(B,) numbers of pictures -> their patches (N, F) in reading order, of mean 0 and standard deviation 1 over the
        training data, with row and column (N, 2). pixels: of pictures of one size, (B, height, width, C) bytes."""
        layout = Layout.of(self.lengths[indices].tolist())
        values = np.empty((layout.size, self.patch**2 * len(self._means)), dtype=np.float32)
        coords = np.empty((layout.size, 2), dtype=np.float32)
        starts = np.array(layout.starts[:-1])
        sizes = self.heights[indices].astype(np.int64) << 32 | self.widths[indices]
        for size in np.unique(sizes):
            # Pictures of one size are computed together; their vectors lie anywhere in the batch.
            members = np.flatnonzero(sizes == size)
            measured = (pixels(indices[members]) - self._means) * self._rates
            cut, positions = patches(measured, self.patch, self.stride)
            vectors = starts[members][:, None] + np.arange(len(positions))
            values[vectors], coords[vectors] = cut, positions
        return VectorSets(torch.from_numpy(values), layout, torch.from_numpy(coords))
