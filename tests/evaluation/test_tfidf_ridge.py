"""The ridge regression against scikit-learn's."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from product_length.evaluation.tfidf_ridge import ridge


@pytest.mark.parametrize("shape", [(300, 80), (80, 300), (5, 1)])
def test_equals_scikit_learn(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    dense = random.normal(size=shape) * (random.random(shape) < 0.2)
    target = 7 + dense @ random.normal(size=shape[1]) + random.normal(size=shape[0])
    coefficients, intercept = ridge(sparse.csr_matrix(dense.astype(np.float32)), target, 1e-6)
    expected = Ridge(alpha=1.0, solver="cholesky").fit(dense, target)
    np.testing.assert_allclose(coefficients, expected.coef_, atol=1e-4)
    assert intercept == pytest.approx(expected.intercept_, abs=1e-4)


def test_where_nothing_is_known_the_mean_is_left() -> None:
    nothing = sparse.csr_matrix(np.zeros((4, 3), dtype=np.float32))
    coefficients, intercept = ridge(nothing, np.arange(4.0), 0.1)
    assert not coefficients.any()
    assert intercept == 1.5
