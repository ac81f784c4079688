"""The exactness of evaluation, where float32 would decide wrongly."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from s2nn_hw.ir import FrameFormat, InputError
from s2nn_hw.nn import Dense, Mlp, Neuron, Readout, SpikingLayer, SpikingNetwork, frame_format
from s2nn_hw.nn.exact import fires

rationals = st.fractions(min_value=-50, max_value=50, max_denominator=64)
positive = st.fractions(min_value=Fraction(1, 64), max_value=50, max_denominator=64)


@settings(deadline=None, max_examples=300)
@given(
    st.integers(-100, 100), positive, rationals, rationals, rationals, positive, rationals,
    st.booleans(),
)  # fmt: skip
def test_fires_agrees_with_a_hundred_digits(u, scale, gain, offset, mean, var, threshold, strict):
    found = fires(
        u, scale=scale, gain=gain, offset=offset, mean=mean, variance=var, threshold=threshold,
        strict=strict,
    )  # fmt: skip
    with localcontext() as context:
        context.prec = 100

        def d(value):
            return Decimal(value.numerator) / Decimal(value.denominator)

        root = d(var).sqrt()
        y = d(gain) * (d(scale) * u - d(mean)) + (d(offset) - d(threshold)) * root
        if abs(y) < Decimal(10) ** -80:  # equal: nothing that is not is this near
            assert found == (not strict)
        else:
            assert found == (y > 0)


def layer(strict=False, **parameters):
    """One neuron, one input of weight +1 and the scale; parameters of the normalisation."""
    made = SpikingLayer([Dense(1, 1, weight_bits=1)], Neuron(1.0, strict=strict))
    with torch.no_grad():
        made.projections[0].weight.fill_(1.0)
        made.scale = torch.full_like(made.scale, parameters.get("scale", 1.0))
        made.norm.weight.fill_(parameters.get("gain", 1.0))
        made.norm.bias.fill_(parameters.get("offset", 0.0))
        made.norm.running_mean.fill_(parameters.get("mean", 0.0))
        made.norm.running_var.fill_(parameters.get("variance", 1.0))
        made.norm.eps = parameters.get("eps", 0.0)
    return made.eval()


@pytest.mark.parametrize("strict", [False, True])
def test_a_tie_is_decided_over_the_reals(strict):
    # √2.25 = 1.5 exactly: the neuron meets its threshold at u = 3 and nowhere else.
    made = layer(strict, gain=0.75, variance=2.25, offset=-0.5)
    assert made(torch.arange(7.0)[:, None]).flatten().tolist() == [0, 0, 0, 1 - strict, 1, 1, 1]


def test_a_channel_without_gain_follows_its_offset():
    u = torch.arange(4.0)[:, None]
    assert layer(gain=0.0, offset=1.0)(u).sum() == 4
    assert layer(strict=True, gain=0.0, offset=1.0)(u).sum() == 0
    assert layer(gain=0.0, offset=0.5)(u).sum() == 0


def test_evaluation_gives_integers_and_training_gives_logits_in_their_order():
    torch.manual_seed(0)
    net = SpikingNetwork(
        FrameFormat(shape=(6,), bits=2),
        {
            "first": SpikingLayer([Dense(6, 5, weight_bits=3)]),
            # A residual connection is a second projection.
            "second": SpikingLayer(
                [Dense(5, 4, weight_bits=3), Dense(6, 4, weight_bits=3, source="input")]
            ),
            "scores": Readout([Dense(4, 3, weight_bits=3), Dense(5, 3, source="first")]),
        },
    )
    frames = torch.randint(0, 4, (50, 6))
    trace = {}
    scores = net.eval()(frames, trace)
    assert list(trace) == ["first", "second", "scores"]
    assert (scores == scores.round()).all()
    assert scores.dtype == torch.float64
    last = net.layers["scores"]
    logits = last.train()(trace["second"], trace["first"])
    torch.testing.assert_close(logits.double(), scores * last.scale.double())


def test_malformed_networks_are_refused():
    with pytest.raises(InputError, match="neurons of a dense projection must be 1 or more, not 0"):
        Mlp(FrameFormat(shape=(4,)), (0,), 2)
    with pytest.raises(InputError, match="last layer of a network, and no other, must be a Read"):
        SpikingNetwork(FrameFormat(shape=(4,)), {"a": SpikingLayer([Dense(4, 2)])})
    with pytest.raises(InputError, match="same number of neurons"):
        SpikingLayer([Dense(4, 2), Dense(4, 3)])


def test_cuts_divide_the_raw_range_evenly():
    assert frame_format((4,), 1, 255).cuts == (128,)
    assert frame_format((4,), 2, 255).cuts == (64, 128, 192)
    assert frame_format((4,), 8, 255).cuts == tuple(range(1, 256))
    assert frame_format((4,), 1, 16).cuts == (9,)
    assert frame_format((4,), 1, 255, threshold=40).cuts == (40,)


def test_inputs_that_cannot_be_cut_are_refused():
    with pytest.raises(InputError, match="at most 4 for raw pixels 0…16, not 5"):
        frame_format((4,), 5, 16)
    with pytest.raises(InputError, match="input bits must be 1…8, not 9"):
        frame_format((4,), 9, 255)
    with pytest.raises(InputError, match="threshold must be 1…255, not 256"):
        frame_format((4,), 1, 255, threshold=256)
    with pytest.raises(InputError, match="must go with 1-bit input, not 2-bit"):
        frame_format((4,), 2, 255, threshold=3)
