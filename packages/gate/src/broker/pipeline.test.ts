import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode, silentLogger, systemClock } from "@holdfast/core";
import { KnownSecrets } from "../vault/redaction/known-secrets.ts";
import { Catalog } from "./catalog.ts";
import { Executor } from "./executor.ts";
import { Sanitizer } from "./messages/sanitizer.ts";
import { assertRealStages, type Pipeline } from "./pipeline.ts";
import type { RateLimiter } from "./rates/rate-limiter.ts";
import { Refusal } from "./refusal.ts";
import { AuthorizeStage } from "./stages/authorize.ts";
import { ConfirmStage } from "./stages/confirm.ts";
import { ConstructStage } from "./stages/construct.ts";
import { PayloadStage } from "./stages/payload.ts";
import { RouteStage } from "./stages/route.ts";
import { type ConfirmedCall, stageNames } from "./stages/stage.ts";
import { TopicStage } from "./stages/topic.ts";
import { Taint } from "./taint.ts";
import type { ToolSource } from "./tool.ts";

const taint = new Taint();
const unused = () => assert.fail("not used");
const executor = new Executor({
  ...{ sanitizer: new Sanitizer(new KnownSecrets()), taint, log: silentLogger, timeoutMs: 1_000 },
  onUntrusted: unused,
});
const failing = {
  append: () => Promise.reject(new Error("disk full")),
  note: unused,
  verify: unused,
  query: unused,
};
const approvals = {
  request: unused,
  get: unused,
  list: unused,
  decide: unused,
  consume: unused,
  cancelSession: unused,
  wait: unused,
  onAsked: unused,
};

function pipeline(): Pipeline {
  return {
    construct: new ConstructStage(systemClock),
    topic: new TopicStage(new Catalog(silentLogger)),
    payload: new PayloadStage(),
    authorize: new AuthorizeStage({ policy: { decide: unused }, rates: {} as RateLimiter, taint }),
    confirm: new ConfirmStage({ approvals, waitMs: 1, policy: { decide: unused }, taint }),
    route: new RouteStage({ audit: failing, executor }),
  };
}

test("a gate starts with the real stages only", () => {
  assert.doesNotThrow(() => assertRealStages(pipeline(), executor));
  const missing = (error: unknown) => isErrorCode(error, "broker", "stage_missing");
  for (const name of stageNames) {
    const passes = { name, run: (call: unknown) => call };
    const pretends = Object.assign(Object.create(Object.getPrototypeOf(pipeline()[name])), {
      name,
      run: passes.run,
    });
    const derived = Object.setPrototypeOf({ name }, Object.create(Object.getPrototypeOf(pipeline()[name])));
    for (const stage of [passes, pretends, derived, undefined]) {
      const changed = { ...pipeline(), [name]: stage } as unknown as Pipeline;
      assert.throws(() => assertRealStages(changed, executor), missing, name);
    }
  }
  assert.throws(() => assertRealStages(pipeline(), Object.create(executor) as Executor), missing);
});

test("without a record before it, nothing is run", async () => {
  let runs = 0;
  const source: ToolSource = {
    name: "test",
    tools: () => [
      {
        ...{ name: "act", description: "", plugin: "test", pluginVersion: "1", riskLevel: "low" },
        argumentsSchema: { type: "object" },
      },
    ],
    invoke: async () => {
      runs += 1;
      return { ok: true, result: null };
    },
    onChange: () => () => {},
  };
  const catalog = new Catalog(silentLogger);
  catalog.register(source);
  const principal = { jailId: "j", session: "s", group: "g" };
  const frame = Buffer.from('{"topic":"tool.invoke.act","correlation":"c","arguments":{}}');
  const call = new ConstructStage(systemClock).run(frame, principal, { topic: null, correlation: null });
  const confirmed: ConfirmedCall = {
    ...new TopicStage(catalog).run(call),
    ...{ ask: undefined, rule: "", auditData: {}, approval: undefined },
  };
  const routed = pipeline().route.run(confirmed, new AbortController().signal, () => {});
  await assert.rejects(
    routed,
    (error) => error instanceof Refusal && error.payload.code === "PLUGIN_UNAVAILABLE",
  );
  assert.equal(runs, 0);
});
