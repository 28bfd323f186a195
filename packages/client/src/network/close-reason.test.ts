import assert from "node:assert/strict";
import { test } from "node:test";
import { closeReason } from "./close-reason.ts";

test("a reason is truncated to fit a close frame, between characters", () => {
  for (const fits of ["", "user.kicked", "x".repeat(123), "ü".repeat(61)])
    assert.equal(closeReason(fits), fits);
  assert.equal(closeReason("x".repeat(124)), "x".repeat(123));
  assert.equal(closeReason("ü".repeat(62)), "ü".repeat(61));
  assert.equal(closeReason(`x${"ü".repeat(62)}`), `x${"ü".repeat(61)}`);
  assert.equal(closeReason(`xx${"😀".repeat(31)}`), `xx${"😀".repeat(30)}`);
  assert.equal(closeReason(`\uFEFF${"x".repeat(200)}`), `\uFEFF${"x".repeat(120)}`);
});
