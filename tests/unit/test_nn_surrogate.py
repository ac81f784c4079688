"""Surrogates against their formulas in numpy, and the spike they stand for."""

import numpy as np
import pytest
import torch

from s2nn_hw.ir import InputError
from s2nn_hw.nn import S2NN, SURROGATES, Neuron, surrogate

X = np.linspace(-5, 5, 2001)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def s2nn(x, alpha, beta):
    left = alpha * sigmoid(alpha * x) * (1 - sigmoid(alpha * x))
    return np.where(x < 0, left, beta / (np.maximum(x, 0) + 1))


EXPECTED = {
    "s2nn": s2nn(X, 4.0, 1.0),
    "boxcar": (np.abs(X) <= 1).astype(float),
    "slayer": np.exp(-2 * np.abs(X)),
    "sigmoid": 4 * sigmoid(4 * X) * (1 - sigmoid(4 * X)),
    "triangle": np.maximum(0, 1 - np.abs(X)),
    "bireal": np.where(np.abs(X) <= 1, 2 - 2 * np.abs(X), 0),
}


@pytest.mark.parametrize("name", SURROGATES)
def test_derivative_follows_the_formula(name):
    found = surrogate(name).derivative(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(found, EXPECTED[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("alpha", "beta"), [(4.0, 1.0), (2.0, 0.5), (3.0, 2.0)])
def test_s2nn_is_the_derivative_of_its_primitive(alpha, beta):
    x = X[np.abs(X) > 0.01]

    def primitive(x):
        return np.where(x < 0, sigmoid(alpha * x), beta * np.log(np.maximum(x, 0) + 1) + 0.5)

    h = 1e-6
    slope = (primitive(x + h) - primitive(x - h)) / (2 * h)
    found = S2NN(alpha=alpha, beta=beta).derivative(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-8)


def test_s2nn_never_vanishes_for_a_saturated_neuron():
    far = torch.tensor([1e3])
    assert S2NN().derivative(far).item() == pytest.approx(1 / 1001)
    assert all(surrogate(name).derivative(far).item() < 1e-3 / 2 for name in list(SURROGATES)[1:])


def test_equality_fires_unless_strict():
    y = torch.tensor([0.5, 1.0, 1.5])
    assert Neuron(1.0)(y).tolist() == [0, 1, 1]
    assert Neuron(1.0, strict=True)(y).tolist() == [0, 0, 1]


def test_the_gradient_of_a_spike_is_the_surrogate_of_the_distance():
    y = torch.tensor([-1.0, 0.9, 1.0, 3.0], requires_grad=True)
    Neuron(1.0, surrogate=S2NN(alpha=2.0, beta=0.5))(y).sum().backward()
    expected = s2nn(np.array([-2.0, -0.1, 0.0, 2.0]), 2.0, 0.5)
    np.testing.assert_allclose(y.grad.numpy(), expected, rtol=1e-5)


def test_parameters_reach_the_surrogate_that_has_them():
    assert surrogate("s2nn", alpha=3.0, beta=2.0) == S2NN(alpha=3.0, beta=2.0)
    assert surrogate("sigmoid", alpha=3.0, beta=2.0).alpha == 3.0


def test_bad_parameters_are_refused():
    with pytest.raises(InputError, match=r"must be one of s2nn, .* not 'relu'"):
        surrogate("relu")
    for value in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="alpha of the surrogate must be positive"):
            surrogate("s2nn", alpha=value)
