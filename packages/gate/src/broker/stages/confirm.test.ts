import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isHoldfastError, silentLogger, systemClock } from "@holdfast/core";
import { ApprovalStore } from "../../approvals/approval-store.ts";
import type { Approvals } from "../../approvals/approvals.ts";
import { Catalog } from "../catalog.ts";
import { Refusal } from "../refusal.ts";
import { Taint } from "../taint.ts";
import { ConfirmStage } from "./confirm.ts";
import { ConstructStage } from "./construct.ts";
import type { AuthorizedCall } from "./stage.ts";
import { TopicStage } from "./topic.ts";

function storeFor(t: TestContext): ApprovalStore {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-confirm-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return ApprovalStore.open(join(directory, "approvals.db"), systemClock);
}

/** A call that a person has to allow. */
function callToAsk(): AuthorizedCall {
  const catalog = new Catalog(silentLogger);
  catalog.register({
    name: "test",
    tools: () => [
      {
        ...{ name: "act", description: "", plugin: "test", pluginVersion: "1", riskLevel: "high" },
        argumentsSchema: { type: "object" },
      },
    ],
    invoke: () => assert.fail("not asked to"),
    onChange: () => () => {},
  });
  const principal = { jailId: "j", session: "s", group: "g" };
  const frame = Buffer.from('{"topic":"tool.invoke.act","correlation":"c","arguments":{}}');
  const call = new ConstructStage(systemClock).run(frame, principal, { topic: null, correlation: null });
  const ask = { rule: "test", reason: "test" };
  return { ...new TopicStage(catalog).run(call), ask, rule: "test", onRecord: {} };
}

const stage = (approvals: Approvals) =>
  new ConfirmStage({
    ...{ approvals, taint: new Taint(), waitMs: 60_000 },
    policy: { decide: () => ({ action: "ask", rule: "test", reason: "test" }) },
  });

/** What the caller is not told in the words of a refusal: they would be those of a fault. */
const isFault = (error: unknown) => !(error instanceof Refusal) && !isHoldfastError(error);

test("a fault while a question is asked is no answer of a person", async (t) => {
  const approvals = storeFor(t);
  approvals.close();
  await assert.rejects(
    stage(approvals).run(callToAsk(), new AbortController().signal, () => {}),
    isFault,
  );
});

test("a fault while an answer is waited for is not the end of the time", async (t) => {
  const approvals = storeFor(t);
  t.after(() => approvals.close());
  const broken = new Proxy(approvals, {
    get: (target, name) => {
      if (name === "wait") return () => Promise.reject(new Error("the disk is gone"));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await assert.rejects(
    stage(broken).run(callToAsk(), new AbortController().signal, () => {}),
    isFault,
  );
});
