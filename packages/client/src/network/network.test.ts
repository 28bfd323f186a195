import assert from "node:assert/strict";
import { test } from "node:test";
import { isHoldfastError } from "@holdfast/core";
import { createClient } from "../client.ts";

test("an invalid header fails immediately; the error has its name but not its value", async () => {
  const secret = "s3cret\nof-two-lines";
  for (const [header, headers, idempotencyKey] of [
    ["x-user", { "x-user": secret }, "a-key"],
    ["idempotency-key", {}, "ключ"],
  ] as const) {
    let attempts = 0;
    const client = createClient({
      endpoint: "http://127.0.0.1:1",
      headers,
      fetch: (...request) => {
        attempts++;
        return fetch(...request);
      },
    });
    const call = client.get("room", "a").action({ name: "say", idempotencyKey });
    await assert.rejects(call, (error) => {
      assert.ok(isHoldfastError(error));
      assert.equal(`${error.group}.${error.code}`, "client.invalid_header");
      assert.ok(error.message.includes(`"${header}"`));
      assert.equal(error.message.includes("s3cret"), false);
      return true;
    });
    assert.equal(attempts, 1);
    await client.dispose();
  }
});
