"""The Verilog around a core that does each cycle's work.

Python is woken once a run, not once a cycle; what the harness plays and what it saw are files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s2nn_hw.manifest import Manifest

#: Cycles of the sink's pattern in ``ready.txt``, which repeats.
READY_PERIOD = 4096
#: Cycles between a result and a frame that is to be alone.
SETTLE = 16

TOP = "s2nn_bench"
BEATS, READY, LOG = "beats.txt", "ready.txt", "log.txt"
#: Cycles between the last beat of weights and the first cycle that counts.
LOADED = 8
#: Cycles for which layers are watched at the most.
WATCHED = 20_000
#: What a layer does, by its number in the log.
WAITS, WORKS, HELD = 0, 1, 2


@dataclass(frozen=True)
class _Load:
    """What loads weights: its parts of the text, all empty where there is nothing to load."""

    started: str = ""
    ports: str = ""
    declared: str = ""
    played: str = ""


def _load(manifest: Manifest) -> _Load:
    if manifest.load is None:
        return _Load()
    bits = manifest.load.tdata_bits
    signals = ("tdata", "tvalid", "tready", "tlast")
    return _Load(
        started=" && !loading",
        ports="".join(f",\n    .w_axis_{name}(w_{name})" for name in signals)
        + ",\n    .loaded(w_loaded)",
        declared=f"""
  reg loading, w_last, w_found;
  reg [{bits - 1}:0] w_data, w_tdata;
  reg w_tvalid, w_tlast;
  wire w_tready, w_loaded;
  integer weights, settle;
  initial begin
    weights = $fopen("{manifest.load.file}", "r");
    loading = 1; w_tvalid = 0; w_tlast = 0; w_tdata = 0; settle = 0;
  end
""",
        played=f"""if (loading) begin
      if (!w_tvalid || w_tready) begin
        w_found = $fscanf(weights, "%b %h\\n", w_last, w_data) == 2;
        w_tvalid <= w_found;
        if (w_found) begin w_tdata <= w_data; w_tlast <= w_last; end
        else settle = settle + 1;
      end
      if (settle == {LOADED}) loading <= 0;
    end else """,
    )


@dataclass(frozen=True)
class _Watching:
    """What watches layers: its parts of the text, all empty where none can be."""

    declared: str = ""
    each_cycle: str = ""


def _watching(manifest: Manifest) -> _Watching:
    if not manifest.watches:
        return _Watching()
    doing = ",\n".join(
        # An unknown net counts as 0, as for toggles: so Verilator has it.
        f"          ({_any(w.works)}) === 1'b1 ? 2'd{WORKS} : "
        f"({_any(w.held)}) === 1'b1 ? 2'd{HELD} : 2'd{WAITS}"
        for w in manifest.watches
    )
    return _Watching(
        declared=f"""
  reg [{2 * len(manifest.watches) - 1}:0] doing, did;
  integer watch, watching;
  initial begin
    if (!$value$plusargs("watch=%d", watch)) watch = -1;
    watching = 0;
  end
""",
        each_cycle=f"""
      if (s_tvalid && s_tready && index == watch) watching = {WATCHED};
      if (watching != 0) begin
        doing = {{
{doing}
        }};
        if (watching == {WATCHED} || doing != did) $fwrite(log, "w %0d %b\\n", cycle, doing);
        did = doing;
        watching = watching - 1;
      end""",
    )


def _any(conditions: Sequence[Sequence[str]]) -> str:
    """Whether any of them holds, see Watch."""
    terms = [
        " && ".join(f"!dut.{net[1:]}" if net.startswith("!") else f"dut.{net}" for net in nets)
        for nets in conditions
    ]
    return " || ".join(f"({term})" for term in terms)


def harness(manifest: Manifest) -> str:
    """Verilog of the module ``s2nn_bench`` for a core.

    Cycle c is the c-th rising edge of clk after reset, and after weights were loaded if they are,
    the first being 0.

    Reads ``beats.txt``, a line a beat: ``wait need last data``.  A beat is offered wait + 1 cycles
    after the one before it was taken (the first at cycle wait); or, if need is not 0, wait + 1 +
    SETTLE cycles after the need-th beat of results was delivered.  Between beats the source shows
    garbage.  Reads ``ready.txt``: whether the sink is ready, cycle by cycle, again and again.

    Writes ``log.txt``, a line an event: ``i cycle`` beat taken; ``o cycle last data`` beat
    delivered; ``p k cycle data`` probe k; ``e cycle value`` frame_error changed; ``v cycle`` the
    core broke the stream's rules; ``n name value`` counter at the end; ``t cycle`` timed out;
    ``l valid ready last valid ready last`` of both streams in every cycle; ``w cycle doing`` what
    the layers do, two bits each, the first layer's first, where it changes.

    Plusargs: ``expect`` beats of results, ``timeout`` cycles without a handshake,
    ``quiet`` for how many the core must stay so after the last result, ``dump`` index
    of the beat with which the activity dump begins (none without), ``stop`` that of the beat with
    which the run ends early, ``clear`` to acknowledge errors, ``levels`` to write ``l``, ``watch``
    index of the beat from whose cycle on layers are watched, for WATCHED cycles (never without).
    """
    d_in, d_out = manifest.input.tdata_bits, manifest.output.tdata_bits
    probes = "\n".join(
        f'      if (dut.{probe.valid}) $fwrite(log, "p {k} %0d %h\\n", cycle, dut.{probe.data});'
        for k, probe in enumerate(manifest.probes)
    )
    counter_wires = "\n".join(f"  wire [31:0] {name};" for name in manifest.counters)
    counter_ports = "".join(f",\n    .{name}({name})" for name in manifest.counters)
    counters = "\n".join(
        f'        $fwrite(log, "n {name} %0d\\n", {name});' for name in manifest.counters
    )
    load, watching = _load(manifest), _watching(manifest)
    return f"""`timescale 1ns/1ps
module {TOP};
  reg clk /*verilator public_flat_rw*/;
  reg rst /*verilator public_flat_rw*/;
  reg done /*verilator public_flat_rw*/;
  initial begin clk = 0; rst = 1; done = 0; end

  reg [{d_in - 1}:0] s_tdata;
  reg s_tvalid, s_tlast;
  wire s_tready;
  wire [{d_out - 1}:0] m_tdata;
  wire m_tvalid, m_tlast;
  reg m_tready;
  wire [1:0] frame_error;
  reg clear;
{counter_wires}

  {manifest.top} dut (
    .clk(clk), .rst(rst),
    .s_axis_tdata(s_tdata), .s_axis_tvalid(s_tvalid && !rst{load.started}),
    .s_axis_tready(s_tready), .s_axis_tlast(s_tlast),
    .m_axis_tdata(m_tdata), .m_axis_tvalid(m_tvalid), .m_axis_tready(m_tready),
    .m_axis_tlast(m_tlast),
    .frame_error(frame_error), .frame_error_clear(clear){load.ports}{counter_ports}
  );
{load.declared}{watching.declared}
  integer beats, log, found, wait_, need, expect_, timeout, quiet, dump, stop, index, delivered;
  integer idle, counter;
  reg levels, clearing, pending, armed, held, last, was_held, was_last;
  reg [{d_in - 1}:0] data;
  reg [{d_out - 1}:0] was_data;
  reg [1:0] was_error;
  reg [31:0] cycle;
  reg ready [0:{READY_PERIOD - 1}];

  initial begin
    $readmemb("{READY}", ready);
    beats = $fopen("{BEATS}", "r");
    log = $fopen("{LOG}", "w");
    if (!$value$plusargs("expect=%d", expect_)) expect_ = 0;
    if (!$value$plusargs("timeout=%d", timeout)) timeout = 100000;
    if (!$value$plusargs("quiet=%d", quiet)) quiet = 64;
    if (!$value$plusargs("dump=%d", dump)) dump = -1;
    clearing = $test$plusargs("clear") != 0;
    levels = $test$plusargs("levels") != 0;
    if (!$value$plusargs("stop=%d", stop)) stop = -1;
    pending = 0; armed = 0; held = 0;
    index = 0; delivered = 0; idle = 0; counter = 0;
    s_tvalid = 0; s_tlast = 0; s_tdata = 0; m_tready = 0; clear = 0;
    cycle = 0; was_held = 0; was_last = 0; was_data = 0; was_error = 0;
    wait_ = 0; need = 0; last = 0; data = 0; found = 0;
  end

  // The next line: pending until it is offered, held back until need results are there.
  task fetch;
    begin
      found = $fscanf(beats, "%d %d %b %h\\n", wait_, need, last, data);
      pending = found == 4;
      held = pending && need != 0;
      counter = wait_;
    end
  endtask

  task offer;
    begin
      if (pending && !held && counter == 0) begin
        s_tvalid <= 1; s_tdata <= data; s_tlast <= last;
        pending = 0;
      end else begin
        s_tvalid <= 0; s_tdata <= ~data; s_tlast <= ~last;
        if (pending && !held) counter = counter - 1;
      end
    end
  endtask

  always @(posedge clk) begin
    if (rst) begin
      if (!armed) begin
        armed = 1;
        fetch;
        offer;
      end
      m_tready <= ready[0];
    end else {load.played}if (!done) begin
      idle = idle + 1;
      if (levels)
        $fwrite(log, "l %b %b %b %b %b %b\\n",
                s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast);{watching.each_cycle}
{probes}
      if (m_tvalid === 1'bx || (m_tvalid && (^m_tdata === 1'bx || m_tlast === 1'bx)))
        $fwrite(log, "v %0d\\n", cycle);
      if (was_held && !(m_tvalid === 1'b1 && m_tdata === was_data && m_tlast === was_last))
        $fwrite(log, "v %0d\\n", cycle);
      was_held <= m_tvalid && !m_tready;
      was_data <= m_tdata;
      was_last <= m_tlast;
      if (m_tvalid && m_tready) begin
        $fwrite(log, "o %0d %b %h\\n", cycle, m_tlast, m_tdata);
        delivered = delivered + 1;
        // A core that never stops answering must not keep the run alive.
        if (delivered <= expect_) idle = 0;
        if (held && delivered >= need) begin
          held = 0;
          counter = wait_ + {SETTLE};
        end
      end
      if (s_tvalid && s_tready) begin
        $fwrite(log, "i %0d\\n", cycle);
        if (index == dump) $dumpvars(0, dut);
        if (index == stop) $finish;
        index = index + 1;
        idle = 0;
        fetch;
        if (held && delivered >= need) begin
          held = 0;
          counter = wait_ + {SETTLE};
        end
        offer;
      end else if (!s_tvalid) offer;
      if (frame_error !== was_error) $fwrite(log, "e %0d %b\\n", cycle, frame_error);
      was_error <= frame_error;
      clear <= clearing && !clear && frame_error != 0;
      m_tready <= ready[(cycle + 1) % {READY_PERIOD}];
      cycle <= cycle + 1;
      if (idle > timeout || (idle > quiet && !pending && !s_tvalid && delivered >= expect_)) begin
        if (idle > timeout) $fwrite(log, "t %0d\\n", cycle);
{counters}
        $fclose(log);
        done <= 1;
      end
    end
  end

  initial $dumpfile("activity.dump");
endmodule
"""
