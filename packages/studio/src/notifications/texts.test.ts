import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotificationMessage } from "../backend/notifications/port.ts";
import { mailOf, pushPayload, webhookBody } from "./texts.ts";

const payment: NotificationMessage = {
  ...{
    id: "m1",
    entry: "payment",
    kind: "payment",
    payment: "failed",
    at: 5,
    organization: "org0123456789ab",
  },
  text: "The plan goes on until 2026-12-10 (UTC).",
};

test("what is about a payment leads to billing of its organization, and names no task", () => {
  const page = "https://studio.example.org/o/org0123456789ab/settings/billing";
  const { subject, text } = mailOf("ada@example.org", [payment], "https://studio.example.org");
  assert.equal(subject, "Payment: A payment failed");
  assert.ok(text.includes(`${payment.text}\n${page}\n`), text);
  const body = JSON.parse(webhookBody(payment, "https://studio.example.org")) as Record<string, unknown>;
  assert.deepEqual(
    [body["kind"], body["payment"], body["task"], body["url"]],
    ["payment", "failed", undefined, page],
  );
  const paid = pushPayload([{ ...payment, payment: "paid" }]);
  assert.deepEqual([paid.title, paid.tag], ["Payment: The plan is paid again", "payment"]);
});
