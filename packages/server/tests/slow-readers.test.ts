import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { decodeServerMessage, type ServerFrame } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { EventLog } from "../src/sessions/event-log.ts";
import { Condition, serve } from "./support.ts";

const flood = actor({
  // The raw reader below answers no ping: on a busy machine it would be taken for gone.
  options: { connectionLivenessTimeout: 120_000 },
  actions: {
    push: (c, size: number) => c.broadcast("data", "x".repeat(size)),
    conns: (c) => c.conns.size,
  },
});

test("where events may be dropped, a slow reader stays, and is told what it missed", {
  timeout: 60_000,
}, async (t) => {
  const { listening, client } = await serve(t, { flood }, { gateway: { slowReaders: "drop-events" } });
  const slow = connect(listening.port, "127.0.0.1");
  t.after(() => slow.destroy());
  const changed = new Condition();
  const frames: ServerFrame[] = [];
  let upgraded = false;
  let rest = Buffer.alloc(0);
  slow.on("data", (chunk: Buffer) => {
    if (!upgraded) {
      const head = chunk.indexOf("\r\n\r\n");
      upgraded = true;
      rest = Buffer.from(chunk.subarray(head + 4));
    } else rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const message = cut(rest);
      if (message === undefined) break;
      rest = message.rest;
      if (message.opcode === 1) frames.push(...decodeServerMessage("json", message.payload));
    }
    changed.changed();
  });
  slow.write(
    "GET /actors/flood/@,/connect?create=true HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n" +
      "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
      "sec-websocket-protocol: holdfast.v1, holdfast.encoding.json\r\n\r\n",
  );
  const text = Buffer.from('[[3,"data"],[1,1,"conns",[],"k"]]');
  slow.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  await changed.until(() => frames.some(({ type }) => type === "result"));
  slow.pause();
  const handle = client().flood.getOrCreate("");
  for (let i = 0; i < 60; i++) await handle.push(400_000);
  assert.equal(await handle.conns(), 2, "it is still connected");
  slow.resume();
  await changed.until(() => frames.some(({ type }) => type === "gap"), 30_000);
  const events = frames.filter(({ type }) => type === "event").length;
  assert.ok(events < 60, "events were left out");
  const gap = frames.find((frame) => frame.type === "gap");
  assert.ok(gap?.type === "gap" && gap.received > events);
});

/** The first WebSocket frame of the bytes, if it is whole. */
function cut(bytes: Buffer): { opcode: number; payload: Uint8Array; rest: Buffer<ArrayBuffer> } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  const size =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < head + size) return undefined;
  return {
    opcode: (bytes[0] ?? 0) & 0x0f,
    payload: new Uint8Array(bytes.subarray(head, head + size)),
    rest: Buffer.from(bytes.subarray(head + size)),
  };
}

test("an event over the limit closes its connection with the reason", async (t) => {
  const { client } = await serve(t, { flood }, { gateway: { maxOutgoingMessageBytes: 1_000 } });
  const conn = client().flood.getOrCreate().connect();
  const changed = new Condition();
  const heard: unknown[] = [];
  let closes = 0;
  conn.onClose(() => {
    closes++;
    changed.changed();
  });
  conn.on("data", (text) => {
    heard.push(text);
    changed.changed();
  });
  await conn.conns();
  const exact = 1_000 - 1 - 3;
  await client().flood.getOrCreate().push(exact);
  await changed.until(() => heard.length === 1);
  await client()
    .flood.getOrCreate()
    .push(exact + 1);
  await changed.until(() => closes === 1);
  assert.equal(heard.length, 1);
  await conn.conns();
  await conn.dispose();
  await assert.rejects(conn.conns(), (error) => isErrorCode(error, "conn", "disposed"));
  await conn.dispose();
});

test("the log of a connection keeps what may be missing, within its bounds", () => {
  const event = (bytes: number) => ({ name: "e", args: new Uint8Array(bytes) });
  const log = new EventLog({ maxEvents: 3, maxBytes: 100 });
  assert.deepEqual(log.since(0), []);
  assert.equal(log.since(1), undefined, "nobody has received what was never sent");
  const events = [event(1), event(2), event(3), event(4)];
  for (const each of events.slice(0, 3)) log.push(each);
  assert.deepEqual(log.since(0), events.slice(0, 3));
  assert.deepEqual(log.since(3), []);
  for (const each of events.slice(3)) log.push(each);
  assert.equal(log.since(0), undefined);
  assert.deepEqual(log.since(1), events.slice(1));
  assert.equal(log.count, 4);
  log.acknowledge(3);
  assert.equal(log.since(2), undefined);
  assert.deepEqual(log.since(3), events.slice(3));
  log.push(event(97));
  assert.equal(log.since(3), undefined, "101 bytes are one too many");
  assert.equal(log.since(4)?.length, 1);
  log.push(event(101));
  assert.equal(log.since(5), undefined);
  assert.deepEqual(log.since(6), []);
  for (let i = 0; i < 1_000; i++) log.push(event(1));
  assert.equal(log.count, 1_006);
  assert.equal(log.since(1_003)?.length, 3);
});
