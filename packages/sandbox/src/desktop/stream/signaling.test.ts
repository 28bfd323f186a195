import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMessage } from "./signaling.ts";

test("messages of clients are read as the peer sends them, and unknown events are ignored", () => {
  const parse = (event: string, payload: unknown) => parseMessage(JSON.stringify({ event, payload }));
  assert.deepEqual(parse("signal/request", { video: {}, audio: {} }), { event: "signal/request" });
  const sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
  assert.deepEqual(parse("signal/answer", { sdp }), { event: "signal/answer", sdp });
  const candidate = { candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0 };
  assert.deepEqual(parse("signal/candidate", { ...candidate, usernameFragment: "x" }), {
    event: "signal/candidate",
    candidate,
  });
  assert.deepEqual(parse("frames/request", undefined), { event: "frames/request" });
  assert.deepEqual(parse("control/request", {}), { event: "ignored" });
});

test("what is no message is refused", () => {
  for (const text of ["", "{", "null", "[]", '"x"', "{}", '{"event":1}', '{"event":"signal/answer"}']) {
    assert.throws(() => parseMessage(text), { code: "invalid_request" }, text);
  }
  const answer = (payload: object) => parseMessage(JSON.stringify({ event: "signal/answer", payload }));
  for (const payload of [{}, { sdp: 1 }]) assert.throws(() => answer(payload), /no sdp/);
  for (const sdp of ["", "nonsense", "v=0\r\nm=audio 9 x"])
    assert.throws(() => answer({ sdp }), /with video/);
  assert.throws(
    () => answer({ sdp: "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\n" }),
    /another streamVideoCodec/,
  );
  assert.throws(
    () => parseMessage('{"event":"signal/candidate","payload":{"candidate":null}}'),
    /no candidate/,
  );
});
