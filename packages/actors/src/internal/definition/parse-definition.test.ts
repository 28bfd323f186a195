import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode, type StandardSchema } from "@holdfast/core";
import { event } from "../../event.ts";
import { optionDefaults } from "../../limits.ts";
import { queue } from "../../queue.ts";
import { parseDefinition } from "./parse-definition.ts";

const schema: StandardSchema = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) },
};
const fn = (): void => {};

function refused(config: unknown, says: RegExp): void {
  assert.throws(
    () => parseDefinition(config),
    (error) => isErrorCode(error, "actor", "invalid_definition") && says.test(error.message),
    String(says),
  );
}

test("all keys are accepted", () => {
  const definition = parseDefinition({
    state: {},
    stateSchema: schema,
    migrateState: [fn, fn],
    connState: {},
    vars: {},
    db: { createClient: fn },
    onCreate: fn,
    onMigrate: fn,
    onWake: fn,
    onSleep: fn,
    onDestroy: fn,
    run: { name: "Run", icon: "r", run: fn, inspector: { kind: "x" } },
    onStateChange: fn,
    onBeforeConnect: fn,
    onConnect: fn,
    onDisconnect: fn,
    onBeforeActionResponse: fn,
    onRequest: fn,
    onWebSocket: fn,
    actions: { one: fn, users: { add: fn, remove: fn } },
    actionInputSchemas: { one: schema, users: { add: schema }, "users.remove": schema },
    connParamsSchema: schema,
    events: { token: event(), plain: schema, options: { schema, canSubscribe: () => true } },
    queues: { token: queue(), plain: schema, options: { message: schema, complete: schema } },
    options: { icon: "o" },
    inspector: {
      tabs: [
        { id: "my-tab", label: "Mine", source: "./tab" },
        { id: "console", hidden: true },
      ],
    },
    types: {},
  });
  assert.equal(definition.displayName, "Run");
  assert.equal(definition.icon, "o", "options take precedence over run");
  assert.deepEqual([...definition.actions.keys()], ["one", "users.add", "users.remove"]);
  assert.deepEqual([...definition.events.keys()], ["token", "plain", "options"]);
  assert.equal(definition.events.get("plain")?.schema, schema);
  assert.equal(definition.queues.get("plain")?.message, schema);
  assert.deepEqual(
    definition.inspectorTabs.map(({ type, id }) => [type, id]),
    [
      ["custom", "my-tab"],
      ["hidden", "console"],
    ],
  );
  assert.equal(definition.migrateState.length, 2);
  assert.deepEqual(definition.warnings, []);
});

test("invalid values are rejected with a message that names them", () => {
  refused(undefined, /takes an object/);
  refused({ stat: {} }, /"stat"/);
  refused({ state: {}, createState: fn }, /"state" and "createState"/);
  refused({ connState: {}, createConnState: fn }, /"connState"/);
  refused({ vars: {}, createVars: fn }, /"vars"/);
  refused({ onWake: {} }, /"onWake"/);
  refused({ run: "later" }, /"run"/);
  refused({ run: { name: "x" } }, /"run.run"/);
  refused({ stateSchema: {} }, /"stateSchema"/);
  refused({ connParamsSchema: {} }, /"connParamsSchema"/);
  refused({ migrateState: fn }, /"migrateState"/);
  refused({ migrateState: [1] }, /"migrateState\[0\]"/);
  refused({ actions: { a: 1 } }, /actions\.a/);
  refused({ actions: { "": fn } }, /empty name/);
  refused({ events: { e: 1 } }, /"e"/);
  refused({ events: { e: { schema: 1 } } }, /events\.e\.schema/);
  refused({ events: { e: { canSubscribe: 1 } } }, /events\.e\.canSubscribe/);
  refused({ queues: { q: 1 } }, /"q"/);
  refused({ queues: { q: { message: 1 } } }, /queues\.q\.message/);
  refused({ inspector: { tab: [] } }, /"tab"/);
  refused({ inspector: { tabs: [{ id: "a b", label: "x", source: "." }] } }, /tabs\[0\]\.id/);
  refused({ inspector: { tabs: [{ id: "state" }] } }, /built in/);
  refused({ inspector: { tabs: [{ id: "mine", hidden: true }] } }, /no built-in tab/);
  refused({ inspector: { tabs: [{ id: "mine", label: "Mine" }] } }, /source/);
});

test("options have the documented defaults, limits and errors", () => {
  const { options } = parseDefinition({});
  for (const [name, value] of Object.entries(optionDefaults)) {
    assert.equal(options[name as keyof typeof optionDefaults], value, name);
  }
  assert.equal(options.durability, "gated");
  assert.equal(options.concurrency, "parallel");
  assert.equal(options.noSleep, false);
  const given = parseDefinition({
    options: { sleepTimeout: Number.POSITIVE_INFINITY, actionTimeout: 0, maxQueueSize: 0 },
  }).options;
  assert.deepEqual([given.sleepTimeout, given.actionTimeout, given.maxQueueSize], [2_147_483_647, 0, 0]);
  for (const name of Object.keys(optionDefaults)) {
    for (const value of [-1, Number.NaN, "1s", null, {}]) {
      if (value !== null) refused({ options: { [name]: value } }, new RegExp(`"${name}"`));
    }
  }
  refused({ options: { maxSchedules: 1.5 } }, /"maxSchedules"/);
  refused({ options: { noSleep: 1 } }, /"noSleep"/);
  refused({ options: { durability: "none" } }, /"durability"/);
  refused({ options: { concurrency: 2 } }, /"concurrency"/);
  refused({ options: { canHibernateWebSocket: "yes" } }, /"canHibernateWebSocket"/);
  refused({ options: { sleeptimeout: 1 } }, /"sleeptimeout"/);
});

test("options without effect are accepted with a warning", () => {
  const { warnings } = parseDefinition({
    options: {
      noSleep: true,
      onDestroyTimeout: 1,
      onSleepTimeout: 1,
      waitUntilTimeout: 1,
      runStopTimeout: 1,
      preloadMaxWorkflowBytes: 1,
      preloadMaxConnectionsBytes: 1,
      enableActorRuntimeSocket: true,
    },
  });
  assert.equal(warnings.length, 8);
  assert.match(warnings[0] ?? "", /noSleep/);
});

test("null is rejected for options, events and queues", () => {
  for (const key of ["options", "events", "queues", "actionInputSchemas"]) {
    refused({ [key]: null }, new RegExp(`"${key}" is not an object`));
  }
});

test("a key that nobody knows is refused, with the one that was probably meant", () => {
  refused({ onWakeup: fn }, /"onWakeup" is not a key of an actor definition\. Did you mean onWake\?/);
  refused({ action: {} }, /"action" is not .* Did you mean actions\?/);
  refused({ colour: "red" }, /"colour" is not a key of an actor definition\.$/);
});
