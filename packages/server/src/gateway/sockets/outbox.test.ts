import assert from "node:assert/strict";
import { test } from "node:test";
import { joinFrames, prepareServerFrame } from "@holdfast/client";
import { Outbox } from "./outbox.ts";

const frame = (id: number) => prepareServerFrame("cbor", { type: "stream", id });

test("senders flush once, at the end of the turn, in order of arrival", async () => {
  const outbox = new Outbox();
  const flushed: string[] = [];
  outbox.add({ flush: () => flushed.push("first") });
  outbox.add({
    flush: () => {
      flushed.push("second");
      outbox.add({ flush: () => flushed.push("third") });
    },
  });
  assert.deepEqual(flushed, []);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(flushed, ["first", "second", "third"]);
});

test("equal frames are joined once, different ones again", () => {
  const outbox = new Outbox();
  const [one, two, three] = [frame(1), frame(2), frame(3)];
  const message = outbox.join([one, two]);
  assert.deepEqual(message.message, joinFrames([one, two]));
  assert.equal(outbox.join([one, two]), message);
  for (const frames of [[one], [one, three], [two, one], [one, two, three]]) {
    assert.deepEqual(outbox.join(frames).message, joinFrames(frames));
  }
});
