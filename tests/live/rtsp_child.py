"""An RTSP server of its own process: clips in H.264, played in a loop as a camera would, with faults on demand.

It takes commands on standard input, a line of JSON each, and answers each with a line of JSON. See RFC 2326 for the
requests, RFC 3550 for RTP, RFC 6184 for H.264 in it, and RFC 2617 for the authentication.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import logging
import os
import re
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np

_PAYLOAD = 1400
_CLOCK = 90_000
_REALM, _NONCE = "camera", "5f2b9c"
_MOST_WAITING = 4 << 20
"""Bytes that wait for a client that does not read; beyond, pictures are dropped up to the next key frame."""
_RANDOM = np.random.default_rng(7)
_IDR, _SPS, _PPS = 5, 7, 8


@dataclass
class Clip:
    """The pictures of a file, each as its NAL units."""

    fps: float
    pictures: list[tuple[bool, list[bytes]]]
    sps: bytes
    pps: bytes

    @classmethod
    def read(cls, path: str) -> Clip:
        with av.open(path) as container:
            stream = container.streams.video[0]
            sps, pps = _parameter_sets(bytes(stream.codec_context.extradata))
            pictures = []
            for packet in container.demux(stream):
                if packet.size:
                    units = [unit for unit in _units(bytes(packet)) if unit[0] & 31 not in (_SPS, _PPS)]
                    key = any(unit[0] & 31 == _IDR for unit in units)
                    pictures.append((key, [sps, pps, *units] if key else units))
            return cls(float(stream.average_rate), pictures, sps, pps)


def _parameter_sets(extradata: bytes) -> tuple[bytes, bytes]:
    """Of an AVC decoder configuration record (ISO/IEC 14496-15)."""
    size = int.from_bytes(extradata[6:8])
    sps, rest = extradata[8 : 8 + size], extradata[8 + size :]
    return sps, rest[3 : 3 + int.from_bytes(rest[1:3])]


def _units(data: bytes) -> list[bytes]:
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


def _payloads(units: list[bytes]) -> list[bytes]:
    found = []
    for unit in units:
        if len(unit) <= _PAYLOAD:
            found.append(unit)
            continue
        header, kind = unit[0] & 0xE0 | 28, unit[0] & 31
        for at in range(1, len(unit), _PAYLOAD):
            begin, end = at == 1, at + _PAYLOAD >= len(unit)
            found.append(bytes([header, begin << 7 | end << 6 | kind]) + unit[at : at + _PAYLOAD])
    return found


@dataclass(eq=False)
class Client:
    """One connection."""

    writer: asyncio.StreamWriter
    session: str
    channel: int = 0
    udp: tuple[str, int] | None = None
    playing: bool = False
    waits_for_key: bool = True


@dataclass
class Server:
    """What it serves, and what is wrong with it."""

    clips: dict[str, Clip]
    clip: Clip
    user: str | None = None
    password: str | None = None
    scheme: str = "digest"
    paused: bool = False
    held: bool = False
    silent: bool = False
    frozen: bool = False
    status: int | None = None
    garbage: str | None = None
    damage: int = 0
    lose: float = 0.0
    clients: set[Client] = field(default_factory=set)
    sent: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=4096))
    seen: dict[str, Any] = field(default_factory=lambda: {"connections": 0, "refused": 0, "methods": [], "urls": []})
    backlog: list[tuple[bool, list[bytes]]] = field(default_factory=list)
    sequence: int = 0
    number: int = 0
    ticks: int = 0
    datagrams: Any = None

    # --- playing -----------------------------------------------------------------------------------------------------

    async def play(self) -> None:
        due = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            key, units = self.clip.pictures[self.number % len(self.clip.pictures)]
            if self.damage and not key:
                units, self.damage = [_noise(unit) for unit in units], self.damage - 1
            elif self.garbage == "pictures":
                units = [unit if unit[0] & 31 in (_SPS, _PPS) else _noise(unit) for unit in units]
            packets = self._packets(units)
            if self.held:
                self.backlog.append((key, packets))
            elif not self.paused:
                for waiting in self.backlog:
                    self._send(*waiting)
                self.backlog.clear()
                self._send(key, packets)
                self.sent.append((self.number % len(self.clip.pictures), time.monotonic()))
            self.number += 1
            step = 1 / self.clip.fps
            if not self.frozen:
                self.ticks += round(step * _CLOCK)
            due = max(due + step, time.monotonic() - 1)

    def _packets(self, units: list[bytes]) -> list[bytes]:
        payloads = _payloads(units)
        packets = []
        for at, payload in enumerate(payloads):
            last = at == len(payloads) - 1
            header = struct.pack(">BBHII", 0x80, last << 7 | 96, self.sequence, self.ticks & 0xFFFFFFFF, 0x1234)
            packets.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
        return packets

    def _send(self, key: bool, packets: list[bytes]) -> None:
        framed: dict[int, bytes] = {}
        for client in list(self.clients):
            if not client.playing or client.writer.is_closing():
                continue
            if client.writer.transport.get_write_buffer_size() > _MOST_WAITING:
                client.waits_for_key = True
            if client.waits_for_key and not key:
                continue
            client.waits_for_key = False
            if self.garbage == "bytes":
                client.writer.write(_RANDOM.bytes(3000))
                continue
            kept = [packet for packet in packets if not self.lose or _RANDOM.random() >= self.lose]
            if client.udp:
                for packet in kept:
                    self.datagrams.sendto(packet, client.udp)
                continue
            # Most clients have the same channel, and lose nothing: then what they get is put together once.
            key_of = client.channel if not self.lose else id(client)
            if key_of not in framed:
                framed[key_of] = b"".join(
                    struct.pack(">cBH", b"$", client.channel, len(packet)) + packet for packet in kept
                )
            client.writer.write(framed[key_of])

    # --- requests ----------------------------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen["connections"] += 1
        client = Client(writer, f"{self.seen['connections']:08x}")
        self.clients.add(client)
        try:
            while not self.silent:
                first = await reader.readexactly(1)
                if first == b"$":
                    _, size = struct.unpack(">BH", await reader.readexactly(3))
                    await reader.readexactly(size)
                    continue
                request = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                if self.silent:
                    break
                writer.write(self._answer(client, request).encode())
                await writer.drain()
                if request.startswith("TEARDOWN"):
                    return
            while not writer.is_closing():  # it is silent, until it is dropped
                await asyncio.sleep(0.05)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.clients.discard(client)
            writer.close()

    def _answer(self, client: Client, request: str) -> str:
        method, url, _ = request.split("\r\n")[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in request.split("\r\n")[1:])
        }
        self.seen["methods"] = [*self.seen["methods"], method][-50:]
        self.seen["urls"] = [*self.seen["urls"], url][-50:]
        tail = f"\r\nCSeq: {headers.get('cseq', '0')}\r\nSession: {client.session};timeout=60\r\n"
        if method == "OPTIONS":
            return f"RTSP/1.0 200 OK{tail}Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n\r\n"
        if method == "DESCRIBE" and self.status is not None:
            return f"RTSP/1.0 {self.status} No{tail}\r\n"
        if not self._admits(method, url, headers.get("authorization", "")):
            self.seen["refused"] += "authorization" in headers
            how = f'Digest realm="{_REALM}", nonce="{_NONCE}"' if self.scheme == "digest" else f'Basic realm="{_REALM}"'
            return f"RTSP/1.0 401 Unauthorized{tail}WWW-Authenticate: {how}\r\n\r\n"
        if method == "DESCRIBE":
            body = self._description()
            return (
                f"RTSP/1.0 200 OK{tail}Content-Base: {url}/\r\nContent-Type: application/sdp\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
        if method == "SETUP":
            return f"RTSP/1.0 200 OK{tail}Transport: {self._transport(client, headers['transport'])}\r\n\r\n"
        if method == "PLAY":
            client.playing = True
            return f"RTSP/1.0 200 OK{tail}Range: npt=0.000-\r\n\r\n"
        return f"RTSP/1.0 200 OK{tail}\r\n"

    def _transport(self, client: Client, asked: str) -> str:
        if "TCP" in asked:
            channels = re.search(r"interleaved=(\d+)-(\d+)", asked)
            client.channel = int(channels[1]) if channels else 0
            return f"RTP/AVP/TCP;unicast;interleaved={client.channel}-{client.channel + 1}"
        ports = re.search(r"client_port=(\d+)-(\d+)", asked)
        client.udp = (client.writer.get_extra_info("peername")[0], int(ports[1]))
        own = self.datagrams.get_extra_info("sockname")[1]
        return f"RTP/AVP;unicast;client_port={ports[1]}-{ports[2]};server_port={own}-{own + 1}"

    def _description(self) -> str:
        sets = ",".join(base64.b64encode(one).decode() for one in (self.clip.sps, self.clip.pps))
        return "\r\n".join(
            [
                "v=0",
                "o=- 0 0 IN IP4 127.0.0.1",
                "s=camera",
                "c=IN IP4 0.0.0.0",
                "t=0 0",
                "a=control:*",
                "m=video 0 RTP/AVP 96",
                "a=rtpmap:96 H264/90000",
                f"a=fmtp:96 packetization-mode=1;profile-level-id={self.clip.sps[1:4].hex()};"
                f"sprop-parameter-sets={sets}",
                "a=control:track1",
                "",
            ]
        )

    def _admits(self, method: str, url: str, authorization: str) -> bool:
        if self.user is None or method not in ("DESCRIBE", "SETUP", "PLAY"):
            return True
        if self.scheme == "basic":
            return authorization == "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        given = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        first = _md5(f"{self.user}:{_REALM}:{self.password}")
        second = _md5(f"{method}:{given.get('uri', '')}")
        wanted = _md5(f"{first}:{_NONCE}:{second}")
        return given.get("username") == self.user and given.get("response") == wanted

    # --- commands ----------------------------------------------------------------------------------------------------

    def obey(self, command: dict[str, Any]) -> Any:
        if "set" in command:
            for name, value in command["set"].items():
                setattr(self, name, value)
        if "clip" in command:
            self.clip, self.number = self.clips[command["clip"]], 0
        if command.get("drop"):
            for client in list(self.clients):
                client.writer.transport.abort()
        if command.get("forget"):
            self.seen.update(connections=0, refused=0, methods=[], urls=[])
            self.sent.clear()
            self.backlog.clear()
        if command.get("ask") == "sent":
            return list(self.sent)
        if command.get("ask") == "seen":
            return {**self.seen, "playing": sum(client.playing for client in self.clients)}
        return None


def _noise(unit: bytes) -> bytes:
    """A unit that claims to be what it was, and is not.

    Of small pictures one in a hundred that is made of chance decodes without complaint; of these, none does.
    """
    return unit[:2] + b"\x10" * max(0, len(unit) - 2)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what the standard wants


async def main() -> None:
    # That a client has gone is no fault.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    settings = json.loads(await commands.readline())
    clips = {name: Clip.read(path) for name, path in settings["clips"].items()}
    server = Server(clips, clips[settings["clip"]], settings["user"], settings["password"], settings["scheme"])
    server.datagrams, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", settings["port"])

    def answer(value: Any) -> None:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()

    answer(listening.sockets[0].getsockname()[1])
    playing = asyncio.create_task(server.play())
    while line := await commands.readline():
        answer(server.obey(json.loads(line)))
    playing.cancel()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
    os._exit(0)
