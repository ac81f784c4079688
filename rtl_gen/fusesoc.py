"""The core for FuseSoC: a description in its CAPI2 format."""

import json

from s2nn_hw.ir import Network
from s2nn_hw.manifest import Manifest

from .header import shapes

_TEXT = """CAPI=2:
name: {name}
description: {description}

filesets:
  rtl:
    files:
      - {verilog}: {{file_type: verilogSource}}
{memories}
targets:
  default: &default
    filesets: [{filesets}]
    toplevel: {top}
  lint:
    <<: *default
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
"""


#: Of a core that has any: of one whose weights are all loaded there are none.
_MEMORIES = """  # Read with $readmemh: copied to where the tools are run.
  memories:
    files:
{files}
"""


def fusesoc(network: Network, manifest: Manifest) -> str:
    """Text of ``<top>.core``.

    Semantics: the core is ``s2nn-hw::<top>:0``.  Its target ``default`` is what a design that
    depends on it takes, ``lint`` runs Verilator's lint.  The memories are of FuseSoC's type
    ``user``, which no tool compiles, and have ``copyto``: Verilog looks for them in the folder
    where the tool is run, which is never the one where they lie.
    """
    # JSON's strings are YAML's; unquoted, a core of the name ``no`` were a truth value.
    quoted = json.dumps
    memories = [name for name in sorted(manifest.files) if name.endswith(".hex")]
    return _TEXT.format(
        name=quoted(f"s2nn-hw::{manifest.top}:0"),
        description=quoted(
            f"Single-step spiking network {shapes(network)}, build {manifest.digest[:12]}"
        ),
        verilog=quoted(manifest.verilog),
        memories=_MEMORIES.format(
            files="\n".join(
                f"      - {quoted(name)}: {{file_type: user, copyto: {quoted(name)}}}"
                for name in memories
            )
        )
        if memories
        else "",
        filesets="rtl, memories" if memories else "rtl",
        top=quoted(manifest.top),
    )
