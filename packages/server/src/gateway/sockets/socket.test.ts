import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { decodeServerMessage } from "@holdfast/client";
import { encodeValue } from "@holdfast/core";
import type { WebSocket } from "ws";
import { serverLimits } from "../../limits.ts";
import type { Session } from "../../sessions/session.ts";
import { Socket } from "./socket.ts";

test("the peer counts on from the last dropped event, also one dropped below the limit", async () => {
  const nothing = () => undefined;
  const below = { bufferedAmount: 0, readyState: 1, OPEN: 1, pause: nothing, resume: nothing };
  const webSocket = Object.assign(new EventEmitter(), below);
  const written: Buffer[] = [];
  let sent: (() => void) | undefined;
  const carrier = {
    write: (data: Buffer, callback: () => void) => {
      written.push(data);
      sent = callback;
      return true;
    },
  };
  const peer = webSocket as unknown as WebSocket;
  const socket = new Socket(peer, carrier as unknown as Duplex, "json", nothing);
  socket.attach({} as Session, 1_000, true);
  const event = (number: number) => socket.event({ name: "e", args: encodeValue([number]) }, number);
  event(1);
  await nextTurn();
  webSocket.bufferedAmount = serverLimits.maxSendBufferBytes / 2 + 1;
  event(2);
  webSocket.bufferedAmount = 1;
  event(3);
  webSocket.bufferedAmount = 0;
  sent?.();
  event(4);
  await nextTurn();
  // A short frame has a head of two bytes.
  const frames = written.flatMap((bytes) => decodeServerMessage("json", bytes.subarray(2)));
  assert.deepEqual(frames, [
    { type: "event", name: "e", args: [1] },
    { type: "gap", received: 3 },
    { type: "event", name: "e", args: [4] },
  ]);
});
