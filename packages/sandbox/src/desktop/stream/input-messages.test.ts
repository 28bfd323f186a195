import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeInput } from "./input-messages.ts";

const decode = (hex: string) => decodeInput(Buffer.from(hex.replaceAll(" ", ""), "hex"));

test("messages of the data channel are decoded as the peer encodes them", () => {
  assert.deepEqual(decode("01 0004 0102 00ff"), { type: "move", x: 258, y: 255 });
  assert.deepEqual(decode("02 0005 fff6 0078 01"), { type: "scroll", deltaX: -10, deltaY: 120, ctrl: true });
  assert.deepEqual(decode("03 0004 0000ff0d"), { type: "key", keysym: 0xff0d, down: true });
  assert.deepEqual(decode("04 0004 010020ac"), { type: "key", keysym: 0x0100_20ac, down: false });
  assert.deepEqual(decode("05 0004 00000001"), { type: "button", button: 1, down: true });
  assert.deepEqual(decode("06 0004 00000003"), { type: "button", button: 3, down: false });
});

test("messages of another length, opcode, key or button are refused", () => {
  for (const hex of [
    ...["", "01", "01 0004", "01 0004 0102", "01 0003 010200", "01 0004 0102 00ff 00", "02 0004 00000000"],
    ...["03 0004 00000000", "03 0004 20000000", "05 0004 00000000", "05 0004 00000004", "07 0004 00000001"],
  ]) {
    assert.equal(decode(hex), undefined, hex);
  }
});
