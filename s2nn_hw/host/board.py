"""A board at the other end of a line, and what it can be asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.protocol import (
    ANSWER,
    ERROR,
    FLAG_NAMES,
    OVERHEAD,
    SYNC,
    ErrorCode,
    Identity,
    Request,
)

from .line import Line
from .packets import Packet, Parser

#: How often a packet is sent before we give up.
TRIES = 4
#: Packets one after another that answer nothing we asked, before that counts as silence.
STRAYS = 100

Progress = Callable[[int], None]


class Board:
    """Speaks s2nn_hw.protocol to a board.

    Semantics: packets that were lost or damaged on the way are sent again, TRIES times in all.
    Whatever else comes on the line is passed over.

    Parameters
    ----------
    line: its line.
    rate: of the line, for messages: "at 1000000 baud".

    Members
    -------
    resent: packets that were sent again.
    received: bytes that came.
    """

    def __init__(self, line: Line, *, rate: str = ""):
        self._line = line
        self._rate = f" {rate}" if rate else ""
        self._parser = Parser()
        self._tag = 0
        self.resent = 0
        self.received = 0

    def identify(self) -> Identity:
        """Who it is; InputError if nobody answers, or not as a board does."""
        # A byte whose start was missed ends within these.
        self._line.write(bytes([SYNC] * 4))
        answer = self._ask(Request.IDENTIFY)
        if answer is None:
            raise InputError(
                f"{self._line.name}: no answer{self._rate}: is there a board with this design, "
                "and is the baud rate its own?"
                if not self.received
                else f"{self._line.name}: {self.received} bytes came{self._rate} and no answer "
                "among them: is the baud rate the board's?"
            )
        try:
            return Identity.read(answer.payload)
        except InputError as error:
            raise InputError(f"{self._line.name}: {error}") from error

    def flags(self, *, clear: bool = False) -> tuple[str, ...]:
        """What went wrong since they were cleared; ``clear`` forgets it."""
        answer = self._ask(Request.CLEAR_FLAGS if clear else Request.READ_FLAGS)
        if answer is None:
            raise ToolError(f"{self._line.name}: the board does not answer any more{self._rate}")
        value = int.from_bytes(answer.payload, "little")
        return tuple(name for bit, name in FLAG_NAMES.items() if value >> bit & 1)

    def load(self, packets: Sequence[bytes], progress: Progress | None = None) -> None:
        """Send the weights, packet after packet; ToolError if they do not arrive."""
        for done, payload in enumerate(packets, start=1):
            self._line.allow(2 * (len(payload) + OVERHEAD))
            if self._ask(Request.LOAD, payload) is None:
                raise ToolError(
                    f"{self._line.name}: packet {done} of {len(packets)} of the weights was sent "
                    f"{TRIES} times and has no answer{self._rate}"
                )
            if progress:
                progress(done)

    def infer(
        self, frames: Sequence[bytes], identity: Identity, progress: Progress | None = None
    ) -> list[bytes]:
        """The results of frames, packed; as many at a time as the board's window has room for.

        Raises ToolError naming the frame that it would not answer.
        """
        # A slow line is silent while a window of frames, perhaps all stuffed, goes out.
        self._line.allow(2 * identity.window * (identity.frame_bytes + OVERHEAD))
        results: list[bytes | None] = [None] * len(frames)
        tries = [0] * len(frames)
        waiting = deque(range(len(frames)))
        under_way: dict[int, int] = {}  # tag → frame, in the order of sending

        def again(tag: int, why: str) -> None:
            frame = under_way.pop(tag)
            if tries[frame] == TRIES:
                raise ToolError(
                    f"{self._line.name}: frame {frame} was sent {TRIES} times and has no result: "
                    f"{why}"
                )
            self.resent += 1
            waiting.appendleft(frame)

        done = strays = 0
        while done < len(frames):
            while waiting and len(under_way) < identity.window:
                frame = waiting.popleft()
                tries[frame] += 1
                under_way[self._send(Request.INFER, frames[frame])] = frame
            heard = False
            for packet in self._packets():
                heard = True
                if packet.tag not in under_way:
                    strays += 1
                    continue
                strays = 0
                if packet.type == ERROR:
                    again(packet.tag, _error(packet))
                elif packet.type == ANSWER | Request.INFER:
                    # Results come in the order of their frames: those before have none.
                    for tag in list(under_way):
                        if tag == packet.tag:
                            break
                        again(tag, "its answer was lost")
                    if len(packet.payload) != identity.result_bytes:
                        again(packet.tag, f"a result of {len(packet.payload)} bytes came")
                        continue
                    results[under_way.pop(packet.tag)] = packet.payload
                    done += 1
            if not heard or strays > STRAYS:
                strays = 0
                for tag in reversed(list(under_way)):
                    again(tag, f"the board is silent{self._rate}")
            if progress:
                progress(done)
        return [result for result in results if result is not None]

    def _ask(self, kind: Request, payload: bytes = b"") -> Packet | None:
        """The answer to a request other than for a result; None if none comes."""
        for attempt in range(TRIES):
            self.resent += attempt > 0
            tag = self._send(kind, payload)
            # What the line waits for is silence; noise must not keep us here.
            for _ in range(100):
                packets = list(self._packets())
                for packet in packets:
                    if packet.type == ANSWER | kind and packet.tag == tag:
                        return packet
                if not packets:
                    break
        return None

    def _send(self, kind: Request, payload: bytes = b"") -> int:
        """Send a request; returns its tag."""
        self._tag = (self._tag + 1) % 256
        self._line.write(Packet(kind, self._tag, payload).encode())
        return self._tag

    def _packets(self) -> Iterator[Packet]:
        """What came next: a packet or more; none if the line is silent, or all noise."""
        found = False
        for _ in range(1000):
            data = self._line.read()
            self.received += len(data)
            for packet in self._parser.feed(data):
                found = True
                yield packet
            if found or not data:
                return


def _error(packet: Packet) -> str:
    code = packet.payload[0] if packet.payload else -1
    known = {int(c): FLAG_NAMES[c] for c in ErrorCode}
    return f"the board saw {known.get(code, f'error {code}')}"
