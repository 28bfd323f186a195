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
  return { ...new TopicStage(catalog).run(call), ask, rule: "test", auditData: {} };
}

/** The same store with another way to do one thing. */
function withMember(approvals: ApprovalStore, member: string, instead: () => Promise<unknown>): Approvals {
  return new Proxy(approvals, {
    get: (target, name) => {
      if (name === member) return instead;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
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

test("a fault while an answer is used up is no reason to ask again", async (t) => {
  const approvals = storeFor(t);
  t.after(() => approvals.close());
  approvals.onAsked(({ id }) => void approvals.decide(id, "allow", "test"));
  let faults = 0;
  const broken = withMember(approvals, "consume", () => {
    faults += 1;
    // Once, so that asking again would get through.
    return faults === 1 ? Promise.reject(new Error("the disk is gone")) : Promise.resolve({ id: "x" });
  });
  await assert.rejects(
    stage(broken).run(callToAsk(), new AbortController().signal, () => {}),
    isFault,
  );
});

test("an answer is used once: who comes second asks again", async (t) => {
  const approvals = storeFor(t);
  t.after(() => approvals.close());
  const asked: string[] = [];
  approvals.onAsked(({ id }) => {
    asked.push(id);
    if (asked.length === 1) void approvals.decide(id, "allow", "test");
    else void approvals.decide(id, "deny", "test");
  });
  const both = [1, 2].map(() => stage(approvals).run(callToAsk(), new AbortController().signal, () => {}));
  const [first, second] = await Promise.allSettled(both);
  assert.equal(first?.status === "fulfilled" && first.value.approval, asked[0]);
  assert.ok(second?.status === "rejected" && second.reason instanceof Refusal);
  assert.equal(second.reason.payload.code, "CONFIRMATION_DENIED");
});

test("a fault while an answer is waited for is not the end of the time", async (t) => {
  const approvals = storeFor(t);
  t.after(() => approvals.close());
  const broken = withMember(approvals, "wait", () => Promise.reject(new Error("the disk is gone")));
  await assert.rejects(
    stage(broken).run(callToAsk(), new AbortController().signal, () => {}),
    isFault,
  );
});
