import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { parseApprovalHooks } from "./approval-hooks.ts";

const file = (webhooks: unknown, version: unknown = 1) => JSON.stringify({ version, webhooks });

test("approvals.json lists programs that receive questions and may answer them", () => {
  assert.deepEqual(parseApprovalHooks('{"version":1}'), []);
  const phone = { secret: "hook-phone", url: "https://relay.example.com/ask?to=ada" };
  assert.deepEqual(parseApprovalHooks(file({ phone, desk: { secret: "desk" } })), [
    { name: "phone", ...phone },
    { name: "desk", secret: "desk" },
  ]);
  const here = { secret: "s", url: "http://127.0.0.1:9000/ask" };
  assert.equal(parseApprovalHooks(file({ here }))[0]?.url, here.url);
});

test("invalid values are rejected with their path", () => {
  const secret = "s";
  for (const [text, path] of [
    ["{", "/"],
    ["[]", "/"],
    [file({}, 2), "/version"],
    [JSON.stringify({ version: 1, hooks: {} }), "/"],
    [file([]), "/webhooks"],
    [file({ Phone: { secret } }), "/webhooks/Phone"],
    [file({ phone: {} }), "/webhooks/phone/secret"],
    [file({ phone: { secret: "../s" } }), "/webhooks/phone/secret"],
    [file({ phone: { secret, prompt: "x" } }), "/webhooks/phone"],
    [file({ phone: { secret, url: "http://relay.example.com/" } }), "/webhooks/phone/url"],
    [file({ phone: { secret, url: "https://a:b@relay.example.com/" } }), "/webhooks/phone/url"],
    [file({ phone: { secret, url: "relay" } }), "/webhooks/phone/url"],
    [file(Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`h${n}`, { secret }]))), "/webhooks"],
  ] as const) {
    assert.throws(
      () => parseApprovalHooks(text),
      (error) => isErrorCode(error, "approval", "invalid_file") && error.message.includes(` at ${path}:`),
      text,
    );
  }
});
