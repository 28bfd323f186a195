import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { createGate, type Gate } from "@holdfast/gate";
import { brokerLimits } from "../src/broker/broker-limits.ts";
import { endings, Guest, ok, TestTools } from "./broker-support.ts";
import { missing, provenJails, temporaryDirectory } from "./support.ts";

const needs = { skip: missing("bwrap") };
const secret = "canary-9f27c1d0a4-secret-value";

function many() {
  return { calls: { perMinute: 1_000_000, burst: 1_000_000 } };
}

describe("the broker, from inside a jail", needs, () => {
  let gate: Gate;
  let guest: Guest;
  const suite = endings();
  const gathered: (() => void)[] = [];
  const tools = new TestTools({
    work: { handler: ({ arguments: args }) => ok(args["value"] ?? "done") },
    strict: {
      handler: () => ok(null),
      argumentsSchema: {
        type: "object",
        properties: { to: { type: "string", maxLength: 5 }, count: { type: "integer" } },
        required: ["to"],
      },
    },
    gather: {
      // Answers when three are here at once: one after the other would never end.
      handler: async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        gathered.push(resolve);
        if (gathered.length === 3) for (const each of gathered) each();
        await promise;
        return ok("together");
      },
    },
    elsewhere: { handler: () => ok(null), allowedGroups: ["others"] },
    hang: { handler: () => new Promise(() => {}), timeoutMs: 50 },
    endless: { handler: () => new Promise(() => {}) },
    gone: {
      handler: () => {
        throw new HoldfastError("plugin", "unavailable", `/srv/${secret} ended`);
      },
    },
    thrown: {
      handler: () => {
        throw new Error(`ENOENT: /home/ada/.ssh/id_rsa on 10.0.0.7 ${secret}`);
      },
    },
    declines: {
      handler: () => ({ ok: false, error: { code: "NO_SUCH_FILE", message: "no file", retriable: true } }),
    },
    pretends: { handler: () => ({ ok: false, error: { code: "RATE_LIMITED", message: "wait" } }) },
    large: { handler: () => ok("x".repeat(3 * 1024 * 1024)) },
    wrong: {
      handler: () => ok({ n: "one" }),
      outputSchema: { type: "object", properties: { n: { type: "number" } } },
    },
    nothing: { handler: () => undefined as never },
    tells: {
      handler: ({ onProgress }) => {
        onProgress?.({ progress: 1, total: 2, message: `half ${secret.slice(0, 12)}` });
        onProgress?.({ progress: 2, total: 2, message: `${secret.slice(12)} done` });
        return ok({ [secret]: [secret.slice(0, 9), secret.slice(9)], number: 1 });
      },
    },
    dear: { handler: () => ok("bought") },
    dear_try: { handler: () => ({ ok: false, error: { code: "SOLD_OUT", message: "none" } }) },
    risky: { handler: ({ arguments: args }) => ok(args["value"] ?? null), riskLevel: "high" },
  });

  before(async () => {
    gate = await createGate({
      dataDir: temporaryDirectory(suite),
      jails: provenJails,
      vault: { env: { ANTHROPIC_API_KEY: secret }, logins: false },
      broker: {
        confirmWaitMs: 100,
        rateLimits: {
          jail: many(),
          tool: { calls: { perMinute: 60, burst: 40 }, money: { perMinute: 0.001, burst: 10 } },
        },
        costOf: (tool, succeeded) => (tool.startsWith("dear") ? (succeeded ? 11 : 4) : 0),
      },
    });
    suite.after(() => gate.close());
    gate.tools.register(tools);
    guest = await Guest.start(suite, gate, { jailId: "one", session: "s1", group: "team", user: "ada" });
    guest.open("a").open("b");
  });

  test("answers a call in the peer's envelope, with a record before and one after", async () => {
    const answer = await guest.call("a", "echo", { text: "hello" }, "first");
    const { id, timestamp, ...rest } = answer;
    assert.match(String(id), /^[0-9a-f-]{36}$/);
    assert.equal(new Date(String(timestamp)).toISOString(), timestamp);
    assert.deepEqual(rest, {
      version: 1,
      type: "response",
      topic: "tool.invoke.echo",
      source: "core",
      correlation: "first",
      group: "team",
      payload: { result: { echoed: "hello" }, error: null },
    });
    const records = await gate.audit.query({ jailId: "one" });
    const types = records.filter((each) => each.data?.["correlation"] === "first").map((each) => each.type);
    assert.deepEqual(types, ["tool.call", "tool.result"]);
  });

  test("lists what this jail may call, and no more", async () => {
    guest.send("a", "tool.list", "list", {});
    const { payload } = await guest.answer("a", "list");
    const listed = (payload.result as { tools: { name: string }[] }).tools.map((each) => each.name);
    assert.ok(listed.includes("work") && listed.includes("get_diagnostics"));
    assert.ok(!listed.includes("elsewhere"));
    guest.send("a", "tool.list", "list-more", { group: "others" });
    assert.equal((await guest.answer("a", "list-more")).payload.error?.code, "VALIDATION_FAILED");
  });

  test("lists in one answer whatever a catalog can hold, and no catalog is larger", async () => {
    const described = (count: number) =>
      new TestTools(
        Object.fromEntries(
          Array.from({ length: count }, (_, n) => [
            `described_${n}`,
            { handler: () => ok(null), description: "x".repeat(64_000) },
          ]),
        ),
      );
    const tooLarge = (error: unknown) => isErrorCode(error, "broker", "catalog_too_large");
    assert.throws(() => gate.tools.register(described(140)), tooLarge);
    const stop = gate.tools.register(described(64));
    guest.send("a", "tool.list", "list-large", {});
    const { payload } = await guest.answer("a", "list-large");
    stop();
    const { tools: told } = payload.result as { tools: { name: string }[] };
    assert.equal(told.filter(({ name }) => name.startsWith("described_")).length, 64);
  });

  test("knows each of its codes", async () => {
    const told = async (tool: string, args: unknown = {}) => {
      const { code, stage, retriable, field } = await guest.refused("a", tool, args);
      return [code, stage, retriable, ...(field === undefined ? [] : [field])];
    };
    assert.deepEqual(await told("no_such_tool"), ["UNKNOWN_TOOL", 2, false]);
    assert.deepEqual(await told("strict", {}), ["VALIDATION_FAILED", 3, false, "to"]);
    assert.deepEqual(await told("strict", { to: "x", extra: 1 }), ["VALIDATION_FAILED", 3, false, "extra"]);
    assert.deepEqual(await told("strict", { to: "longer" }), ["VALIDATION_FAILED", 3, false, "to"]);
    // More often than its rate allows: who may not call uses up nothing.
    for (let n = 0; n < 42; n++) assert.deepEqual(await told("elsewhere"), ["UNAUTHORIZED", 4, false]);
    assert.deepEqual(await told("risky"), ["CONFIRMATION_TIMEOUT", 5, true]);
    assert.deepEqual(await told("hang"), ["PLUGIN_TIMEOUT", 6, true]);
    assert.deepEqual(await told("gone"), ["PLUGIN_UNAVAILABLE", 6, true]);
    assert.deepEqual(await told("thrown"), ["PLUGIN_ERROR", 6, false]);
    assert.deepEqual(await told("nothing"), ["PLUGIN_ERROR", 6, false]);
    assert.deepEqual(await told("wrong"), ["PLUGIN_ERROR", 6, false]);
    assert.deepEqual(await told("large"), ["HANDLER_ERROR", 6, false]);
    assert.deepEqual(await told("declines"), ["NO_SUCH_FILE", 6, true]);
    assert.deepEqual(await told("pretends"), ["HANDLER_ERROR", 6, false]);
    assert.match((await guest.refused("a", "hang", {})).message, /hang took longer than 50 ms/);
    assert.match((await guest.refused("a", "large", {})).message, /large exceeds size limit/);
    const topic = "tool.invoke.work.more";
    guest.send("a", topic, "topic", {});
    assert.equal((await guest.answer("a", "topic")).payload.error?.code, "UNKNOWN_TOOL");
  });

  test("limits the rate of a tool, says when to come back, and lets nobody else wait", async () => {
    const limited = async () => {
      for (let n = 0; n < 100; n++) {
        const { payload } = await guest.call("a", "work", {});
        if (payload.error !== null) return payload.error;
      }
      throw new Error("a hundred calls passed");
    };
    const { code, stage, retriable, retry_after: retryAfter } = await limited();
    assert.deepEqual([code, stage, retriable], ["RATE_LIMITED", 4, true]);
    assert.ok(Number.isInteger(retryAfter) && Number(retryAfter) >= 1);
    assert.equal((await guest.call("a", "echo", { text: "x" })).payload.error, null);
  });

  test("limits the rate of questions that no stage sees", async () => {
    for (let n = 0; ; n++) {
      assert.ok(n < 100, "a hundred questions passed");
      guest.send("b", "tool.list", `list-${n}`, {});
      const { error } = (await guest.answer("b", `list-${n}`)).payload;
      if (error === null) continue;
      assert.deepEqual([error.code, error.retriable], ["RATE_LIMITED", true]);
      assert.ok(Number(error.retry_after) >= 1);
      break;
    }
    for (const args of [{}, { correlation: 7 }, { correlation: "x", more: 1 }]) {
      guest.send("b", "tool.cancel", "cancel-what", args);
      const { error } = (await guest.answer("b", "cancel-what")).payload;
      assert.deepEqual([error?.code, error?.field], ["VALIDATION_FAILED", "correlation"]);
    }
  });

  test("charges the cost of calls, failed ones included, and refuses expensive ones after that", async () => {
    assert.equal((await guest.call("a", "dear", {})).payload.result, "bought");
    assert.equal((await guest.refused("a", "dear", {})).code, "RATE_LIMITED");
    for (let n = 0; n < 3; n++) assert.equal((await guest.refused("a", "dear_try", {})).code, "SOLD_OUT");
    const { code, message } = await guest.refused("a", "dear_try", {});
    assert.equal(code, "RATE_LIMITED");
    assert.match(message, /cost too much: the limit of the tool/);
  });

  test("tells nothing of what was thrown but an id", async () => {
    for (const tool of ["thrown", "gone"]) {
      const text = JSON.stringify(await guest.call("a", tool, {}));
      assert.doesNotMatch(text, /ENOENT|id_rsa|10\.0\.0\.7|srv|canary/);
      const incident = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text.slice(text.indexOf("payload")))?.[0];
      const records = await gate.audit.query({ type: "tool.result", jailId: "one" });
      assert.ok(records.some((each) => each.data?.["incident"] === incident));
    }
  });

  test("takes the vault's values out of results, keys and progress, also where they are cut in two", async () => {
    guest.order({ do: "subscribe", topics: ["tool.progress.secret"] });
    await guest.take((event) => event.text === "subscribed");
    // A subscription is on its way for a moment after the handshake.
    await guest.call("a", "echo", { text: "x" });
    const answer = await guest.call("a", "tells", {}, "secret");
    const events = [1, 2].map(() => guest.take((event) => event.name === "tool.progress.secret"));
    const text = JSON.stringify([answer, await Promise.all(events)]);
    assert.ok(!text.includes(secret) && !text.includes(secret.slice(12)) && !text.includes(secret.slice(9)));
    assert.deepEqual(answer.payload.result, {
      "[redacted]": ["[redacted]", "[redacted]"],
      number: 1,
    });
  });

  test("counts what a call gave in bytes, not in characters", async () => {
    const { result } = (await guest.call("a", "echo", { text: "é".repeat(10) })).payload;
    const [last] = await gate.audit.query({ type: "tool.result", jailId: "one", newest: true, limit: 1 });
    assert.equal(last?.data?.["bytes"], JSON.stringify(result).length + 10);
  });

  test("runs calls of one connection at the same time", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => guest.call("a", "gather", {})));
    assert.deepEqual(
      answers.map((each) => each.payload.result),
      ["together", "together", "together"],
    );
  });

  test("takes exactly three fields, read in one way only", async () => {
    const good = '"topic":"tool.invoke.echo","correlation":"f"';
    const args = '"arguments":{"text":"x"}';
    const deep = `${"[".repeat(70)}${"]".repeat(70)}`;
    const frames: [string | Uint8Array, string | null][] = [
      [`{${good},${args},"source":"core"}`, "f"],
      [`{${good},${args},"group":"others"}`, "f"],
      [`{${good},${args},"id":1,"version":1,"type":"request","timestamp":""}`, "f"],
      [`{${good}}`, "f"],
      [`{${good},"arguments":[]}`, "f"],
      [`{${good},"arguments":null}`, "f"],
      [`{"topic":1,"correlation":"f",${args}}`, "f"],
      [`{"topic":"tool.invoke.echo","correlation":7,${args}}`, null],
      [`{"topic":"tool.invoke.echo","correlation":"a b",${args}}`, null],
      [`{${good},${args},"topic":"tool.invoke.work"}`, "f"],
      [`{${good},"arguments":{"__proto__":{"a":1},"text":"x"}}`, "f"],
      [`{${good},"arguments":{"\\u005f_proto__":1}}`, "f"],
      [`{${good},"arguments":{"text":NaN}}`, "f"],
      [`{${good},"arguments":{"text":1e999}}`, "f"],
      [`{${good},"arguments":{"text":"\\ud800"}}`, "f"],
      [`{${good},"arguments":{"text":${deep}}}`, "f"],
      [`{"arguments":{"text":${deep}},${good}}`, "f"],
      [`{"topic":"tool.invoke.echo","correlation":"f","correlation":"g",${args}}`, null],
      [
        Buffer.concat([
          Buffer.from(`{${good},"arguments":{"text":"`),
          Buffer.from([0xff]),
          Buffer.from('"}}'),
        ]),
        null,
      ],
      ["", null],
      ["{", null],
      ["[]", null],
      [`\ufeff{${good},${args}}`, null],
      [" ".repeat(1024 * 1024 + 1), null],
    ];
    for (const [frame, correlation] of frames) {
      guest.frame("a", frame);
      const answer = await guest.answer("a");
      assert.equal(answer.correlation, correlation, String(frame).slice(0, 100));
      const { code, stage } = answer.payload.error ?? {};
      assert.deepEqual([code, stage], ["VALIDATION_FAILED", 1], String(frame).slice(0, 100));
    }
    guest.frame("a", `{${good},${args}}`, 2);
    assert.equal((await guest.answer("a")).payload.error?.code, "VALIDATION_FAILED");
    const large = await guest.refused("a", "echo", { text: "x".repeat(100 * 1024) });
    assert.deepEqual([large.code, large.field], ["VALIDATION_FAILED", "text"]);
    const fits = await guest.call("a", "echo", { text: "x".repeat(100 * 1024 - 2) });
    assert.equal(fits.payload.error, null);
  });

  test("a refused call is on record, however long the name of the argument is that it was refused for", async (t) => {
    const other = await Guest.start(t, gate, { jailId: "noted" });
    const name = "n".repeat(100_000);
    assert.equal((await other.open("a").refused("a", "strict", { to: "ada", [name]: 1 })).field, name);
    const [last] = await gate.audit.query({ type: "tool.refused", jailId: "noted" });
    const { code, topic, field } = last?.data ?? {};
    assert.deepEqual([code, topic], ["VALIDATION_FAILED", "tool.invoke.strict"]);
    assert.equal(field, name.slice(0, brokerLimits.maxNotedFieldCharacters));
  });

  test("runs a frame that comes again once, and refuses its correlation to another", async () => {
    const frame = JSON.stringify({ topic: "tool.invoke.declines", correlation: "again", arguments: {} });
    const before = tools.calls.length;
    for (let n = 0; n < 3; n++) guest.frame("a", frame);
    const answers = [
      await guest.answer("a", "again"),
      await guest.answer("a", "again"),
      await guest.answer("a", "again"),
    ];
    assert.equal(tools.calls.length - before, 1);
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
    const other = await guest.call("a", "echo", { text: "other" }, "again");
    assert.equal(other.payload.error?.code, "VALIDATION_FAILED");
  });

  test("keeps the correlations of one connection from another", async () => {
    guest.send("a", "tool.invoke.endless", "mine", {});
    const other = await guest.call("b", "echo", { text: "mine too" }, "mine");
    assert.deepEqual(other.payload.result, { echoed: "mine too" });
    guest.send("b", "tool.cancel", "c1", { correlation: "mine" });
    assert.deepEqual((await guest.answer("b", "c1")).payload.result, { cancelled: false });
    guest.send("a", "tool.cancel", "c2", { correlation: "mine" });
    assert.deepEqual((await guest.answer("a", "c2")).payload.result, { cancelled: true });
    assert.equal((await guest.answer("a", "mine")).payload.error?.code, "HANDLER_ERROR");
    assert.ok(tools.calls.at(-1)?.signal.aborted);
  });

  test("tells that the list of tools has changed", async () => {
    guest.order({ do: "subscribe", topics: ["tool.list_changed"] });
    await guest.take((event) => event.text === "subscribed");
    await guest.call("a", "echo", { text: "x" });
    const stolen = { handler: () => ok("stolen") };
    tools.change({ fresh: { handler: () => ok("fresh") }, get_session_info: stolen });
    await guest.take((event) => event.name === "tool.list_changed");
    assert.equal((await guest.call("a", "fresh", {})).payload.result, "fresh");
    // The name of a tool of the gate itself cannot be taken.
    assert.notEqual((await guest.call("a", "get_session_info", {})).payload.result, "stolen");
  });

  test("says in diagnostics how earlier calls ended, of the own session only", async () => {
    await guest.call("a", "thrown", {}, "diagnosed");
    const { payload } = await guest.call("a", "get_diagnostics", { correlation: "diagnosed", last_n: 5 });
    const { entries } = payload.result as { entries: { code: string; stage: number; outcome: string }[] };
    assert.deepEqual(
      entries.map(({ code, stage, outcome }) => [code, stage, outcome]),
      [["PLUGIN_ERROR", 6, "error"]],
    );
    const { payload: info } = await guest.call("a", "get_session_info", {});
    assert.deepEqual(info.result, { group: "team", session: "s1", jail: "one", tainted: false });
  });

  test("names every stage in the status", async () => {
    const broker = (await gate.status()).stages.find((each) => each.name === "broker");
    assert.equal(broker?.inForce, true);
    assert.match(broker?.detail ?? "", /construct, topic, payload, authorize, confirm, route/);
  });
});
