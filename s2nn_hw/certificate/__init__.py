"""Proofs that unrolled layers compute their integer matrices, for all inputs, and their checking.

The generator writes a certificate; nothing of what it says is believed here.  What is checked is
the emitted Verilog against the network, by means that are as plain as can be, and the certificate
is but a list of hints.

**Signals** of a layer are numbered: 0 is nothing, 1…n the bits of the pipeline's port ``i``, and
every other the output of the look-up table that is instance ``tN`` of the pipeline's module, or of
a ``helper``, which is not built but defined in the certificate.  A **literal** is
2 · signal + inverted, 0 and 1 being the constants.

**An identity** is a linear form of signals, Σ factor · signal + constant (the factor of signal 0),
that is 0 whatever the signals of its ``cut`` are.  It is checked on all their values.

**A neuron's proof.** Its sum F = Σ weight · input + constant is a linear form, too.  Less the
identities that it ``uses``, by their factors, and less Σ 2**c · outputs[c] but for the last of its
outputs, there is a form R left whose coefficients are all multiples of 2**n, n being the number of
these outputs, which are 0 or 1 each.  So for all inputs F is R and a number below 2**n.  With T the
place of the bit that is wanted, at least n, the last output must be bit T of R, on all values of
the neuron's ``cut``.  A neuron that fires has constant = 2**T - threshold, and
0 <= F < 2**(T + 1): bit T says whether the sum reaches the threshold.  A score has constant = 0,
n = T and -(2**T) <= F < 2**T: its outputs are F in two's complement.

**The file**, JSON: ``format``; ``network``, ``verilog``: digests of what it is about; ``layers``,
each with ``layer``, its name; ``module`` of its pipeline; ``stages`` between ``i`` and ``o``;
``helpers`` (signal, inputs, hexadecimal table); ``identities`` (``terms`` of signal and factor,
``cut``); ``neurons`` (``outputs``, ``constant``, ``uses`` of identity and factor, ``cut``).

Bits of ``i`` are those of the layer's projections one after the other, of each plane by plane: bit
b of its values, of which value c · taps + t of a window is channel c at tap t.  Those of ``o`` are
whether each neuron fires, or the bits of every score.
"""

#: Of the file.
FORMAT = 1


def file(top: str) -> str:
    """Name of the certificate beside a core's Verilog."""
    return f"{top}_certificate.json"
