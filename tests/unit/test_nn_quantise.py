"""Quantised weights: ranges, scales, gradients."""

import numpy as np
import pytest
import torch

from s2nn_hw.ir import InputError
from s2nn_hw.nn import Dense
from s2nn_hw.nn.quantise import calibrate, fake_quantise, integers, limit


@pytest.mark.parametrize("bits", range(1, 9))
def test_integers_are_symmetric_and_within_the_bits(bits):
    weight = torch.randn(5, 1000, generator=torch.Generator().manual_seed(bits)) * 3
    weight[:, 0] = 0
    k = integers(weight, torch.full((5,), 0.05), bits)
    top = {1: 1, 2: 1}.get(bits, 2 ** (bits - 1) - 1)
    assert (k == k.round()).all()
    assert k.max() == top
    assert k.min() == -top
    assert (k[:, 0] == (1 if bits == 1 else 0)).all()
    if bits == 1:
        assert (k != 0).all()


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("per_neuron", [True, False])
def test_calibration_is_no_worse_than_the_whole_range(bits, per_neuron):
    weight = torch.randn(6, 400, generator=torch.Generator().manual_seed(0))
    scale = calibrate(weight, bits, per_neuron=per_neuron)
    assert scale.shape == ((6,) if per_neuron else (1,))
    assert (scale > 0).all()

    def error(scale):
        return (integers(weight, scale, bits) * scale[:, None] - weight).square().sum()

    rows = weight if per_neuron else weight.reshape(1, -1)
    assert error(scale) <= error(rows.abs().amax(dim=1) / limit(bits))


def test_one_bit_scale_is_the_mean_magnitude():
    weight = torch.tensor([[1.0, -3.0], [0.5, 0.5]])
    assert calibrate(weight, 1, per_neuron=True).tolist() == [2.0, 0.5]


def test_all_zero_weights_have_a_usable_scale():
    assert (calibrate(torch.zeros(3, 4), 4, per_neuron=True) > 0).all()


def test_gradients_follow_lsq():
    weight = torch.tensor([[0.26, -0.9, 5.0, -5.0]], requires_grad=True)
    scale = torch.tensor([0.5], requires_grad=True)
    out = fake_quantise(weight, scale, 3)  # -3…3
    assert out.detach().tolist() == [[0.5, -1.0, 1.5, -1.5]]
    upstream = np.array([1.0, 2.0, 4.0, 8.0])
    (out * torch.tensor(upstream, dtype=torch.float32)).sum().backward()
    assert weight.grad.tolist() == [[1.0, 2.0, 0.0, 0.0]]
    # round(w/s) - w/s inside, the clipped integer outside, over sqrt(weights · limit)
    slope = np.array([1 - 0.52, -2 + 1.8, 3.0, -3.0])
    assert scale.grad.item() == pytest.approx((slope * upstream).sum() / np.sqrt(4 * 3), rel=1e-5)


@pytest.mark.parametrize("bits", [0, 9, 2.0, True, None])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(InputError, match="weight bits must be 1…8"):
        Dense(4, 2, weight_bits=bits)


def test_fan_in_keeps_the_greatest_weights_and_lets_the_others_come_back():
    dense = Dense(20, 7, weight_bits=4, fan_in=5)
    scale = calibrate(dense.weight, 4, per_neuron=True).requires_grad_()
    k = dense.integers(scale)
    assert ((k != 0).sum(dim=1) <= 5).all()
    rest = k == 0
    least = dense.weight.detach().abs().masked_fill(rest, torch.inf).amin(dim=1)
    assert ((dense.weight.detach().abs() > least[:, None]) & rest).sum() == 0
    x = torch.rand(9, 20)
    assert torch.allclose(dense(x, scale), x @ (k * scale[:, None]).T, atol=1e-5)
    dense(x, scale).square().sum().backward()
    assert (dense.weight.grad[rest] != 0).any()


def test_fan_in_beyond_the_inputs_keeps_all_and_one_bit_has_none():
    whole, all_kept = Dense(6, 3, weight_bits=4), Dense(6, 3, weight_bits=4, fan_in=9)
    all_kept.load_state_dict(whole.state_dict())
    scale = calibrate(whole.weight, 4, per_neuron=True)
    assert torch.equal(whole.integers(scale), all_kept.integers(scale))
    with pytest.raises(InputError, match="fan-in must be left out where weights have one bit"):
        Dense(6, 3, weight_bits=1, fan_in=2)
    with pytest.raises(InputError, match="fan-in"):
        Dense(6, 3, fan_in=0)
