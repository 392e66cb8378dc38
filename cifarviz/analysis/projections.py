"""High-dimensional features on a plane: principal components, t-SNE, and how they line up."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.read_only import read_only
from cifarviz.errors import ArtifactDamaged
from cifarviz.loading import HEAVY_IMPORTS

COMPONENTS: Final = 50
"""Principal components that neighbours are measured in, and that t-SNE is computed from."""
NEIGHBOURS: Final = 12
MIN_TSNE_IMAGES: Final = 10
"""With fewer there are no neighbourhoods to show."""
_PERPLEXITY = 30.0
_MANY_FEATURES = 1000

# As scikit-learn recommends, so that the first steps can rearrange all points.
_START_DEVIATION = 1e-4


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The first principal components of n centred feature vectors; arrays are read-only.

    ``scores`` float32 (n, k), k at most ``COMPONENTS``; ``explained`` float64 (k,): the share of
    the variance of each, 0 to 1, NaN where all vectors are equal; ``features``: how many there are.
    """

    scores: NDArray[np.float32]
    explained: NDArray[np.float64]
    features: int

    @property
    def plane(self) -> NDArray[np.float64]:
        """The first two components, (n, 2); the second is 0 where there is only one."""
        positions = np.zeros((len(self.scores), 2))
        columns = min(2, self.scores.shape[1])
        positions[:, :columns] = self.scores[:, :columns]
        return positions

    @property
    def is_constant(self) -> bool:
        """Whether all vectors are equal, so that there is nothing to see."""
        return bool(np.isnan(self.explained).any())


def principal_components(features: NDArray[np.floating]) -> PrincipalComponents:
    """Compute the principal components of ``features`` (n, d), n at least 2.

    Raises ``ArtifactDamaged`` if a feature is not a number.
    """
    broken = int((~np.isfinite(features)).any(axis=1).sum())
    if broken:
        raise ArtifactDamaged(
            "This network diverged: its last hidden layer is not a number for {broken:,} of "
            "{count:,} images. Choose another epoch or run.",
            broken=broken,
            count=len(features),
        )
    count = min(COMPONENTS, *features.shape)
    if not np.ptp(features, axis=0).any():
        scores, explained = np.zeros((len(features), count)), np.full(count, np.nan)
    else:
        with HEAVY_IMPORTS:
            from sklearn.decomposition import PCA

        fitted = PCA(count, svd_solver=_pca_solver(features.shape, count), random_state=0)
        scores = fitted.fit_transform(features.astype(np.float64))
        explained = fitted.explained_variance_ratio_
    return read_only(PrincipalComponents(scores.astype(np.float32), explained, features.shape[1]))


def _pca_solver(shape: tuple[int, ...], count: int) -> Literal["covariance_eigh", "full", "arpack"]:
    # All are exact; the fastest for the shape. ARPACK cannot compute all components.
    if shape[1] <= _MANY_FEATURES:
        return "covariance_eigh"
    return "full" if count == min(shape) else "arpack"


def align_positions(
    positions: NDArray[np.floating], reference: NDArray[np.floating] | None = None
) -> NDArray[np.float64]:
    """Centre ``positions`` (n, 2) and scale them to a mean square distance of 1 from the centre.

    With ``reference``, positions of the same n images, they are also rotated, and mirrored if that
    fits better, so that the sum of squared distances to it is least (orthogonal Procrustes).
    Positions that are all equal become 0.
    """
    scaled = _standardized(positions)
    if reference is None:
        return scaled
    with HEAVY_IMPORTS:
        from scipy.linalg import orthogonal_procrustes

    rotation, _ = orthogonal_procrustes(scaled, _standardized(reference))
    return scaled @ rotation


def _standardized(positions: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = positions - positions.mean(axis=0, dtype=np.float64)
    size = np.sqrt((centred**2).sum(axis=1).mean())
    return centred / size if size > 0 else centred


def embed_tsne(scores: NDArray[np.floating], start: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute t-SNE of ``scores`` (n, k) from the positions ``start`` (n, 2): (n, 2).

    After van der Maaten and Hinton, "Visualizing data using t-SNE", 2008. Takes seconds for 2,000
    points. Raises ``ValueError`` for fewer than ``MIN_TSNE_IMAGES``.
    """
    if len(scores) < MIN_TSNE_IMAGES:
        raise ValueError(f"t-SNE of {len(scores)} points, at least {MIN_TSNE_IMAGES} are needed")
    with HEAVY_IMPORTS:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits

    deviation = float(np.std(start[:, 0])) or 1.0
    perplexity = min(_PERPLEXITY, (len(scores) - 1) / 3)
    model = TSNE(
        perplexity=perplexity,
        init=(start / deviation * _START_DEVIATION).astype(np.float32),
        random_state=0,
    )
    # Threads that wait for each other in every step are ten times slower where others are at work.
    with threadpool_limits(1, "openmp"):
        return model.fit_transform(scores.astype(np.float32)).astype(np.float64)


def measure_trustworthiness(
    scores: NDArray[np.floating], positions: NDArray[np.floating]
) -> float | None:
    """How far neighbours on the plane are neighbours in ``scores`` too, 0 to 1.

    After Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", 2001, of
    ``NEIGHBOURS`` neighbours. ``None`` of too few points.
    """
    if len(scores) <= 2 * NEIGHBOURS:
        return None
    with HEAVY_IMPORTS:
        from sklearn.manifold import trustworthiness

    return float(trustworthiness(scores, positions, n_neighbors=NEIGHBOURS))
