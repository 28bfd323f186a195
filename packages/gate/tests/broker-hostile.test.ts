import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { createGate, type Gate } from "@holdfast/gate";
import { Dealer } from "zeromq";
import { endpointLimits } from "../src/broker/broker-limits.ts";
import { endings, Guest, ok, TestTools } from "./broker-support.ts";
import { eventually, missing, openGate, provenJails, temporaryDirectory } from "./support.ts";

const needs = { skip: missing("bwrap") };
const unlimited = { calls: { perMinute: 1e9, burst: 1e9 }, bytes: { perMinute: 1e12, burst: 1e12 } };
const rateLimits = { jail: unlimited, tool: unlimited, user: unlimited, organization: unlimited };

/** The process that holds the sockets in `directory`. */
function endpointOf(directory: string): number | undefined {
  return readdirSync("/proc")
    .map(Number)
    .find((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return line[0] === process.execPath && line.includes(directory);
      } catch {
        return false;
      }
    });
}

/** Resolves with the records of `type` once there is one. */
async function recorded(gate: Gate, jailId: string, type: string) {
  let records: Awaited<ReturnType<Gate["audit"]["query"]>> = [];
  await eventually(`a record ${type}`, async () => {
    records = await gate.audit.query({ jailId, type });
    return records.length > 0;
  }).catch(async (cause: unknown) => {
    const others = await gate.audit.query({ jailId });
    throw new Error(`instead there is ${JSON.stringify(others)}`, { cause });
  });
  return records;
}

async function echoes(guest: Guest, name: string): Promise<void> {
  const { payload } = await guest.call(name, "echo", { text: "still here" });
  assert.deepEqual(payload.result, { echoed: "still here" });
}

describe("a hostile jail", needs, () => {
  let gate: Gate;
  let calm: Guest;
  const suite = endings();

  before(async () => {
    gate = await createGate({
      dataDir: temporaryDirectory(suite),
      jails: provenJails,
      vault: { env: {}, logins: false },
      broker: { rateLimits },
    });
    suite.after(() => gate.close());
    calm = await Guest.start(suite, gate);
    calm.open("c");
  });

  test("is the only one whose processes may connect to its sockets", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "owner" });
    guest.open("a");
    await echoes(guest, "a");
    // The host itself, with the rights to the directory and the address of the socket.
    const stranger = new Dealer({ linger: 0, receiveTimeout: 10_000 });
    t.after(() => stranger.close());
    const refused = new Promise((resolve) => stranger.events.on("handshake:error:auth", resolve));
    stranger.connect(`ipc://${join(guest.broker.directory, "request.sock")}`);
    const answer = stranger.receive().catch(() => "none");
    void stranger
      .send(["", JSON.stringify({ topic: "tool.invoke.echo", correlation: "x", arguments: { text: "x" } })])
      .catch(() => {});
    await refused;
    stranger.close();
    assert.equal(await answer, "none");
    const [record] = await recorded(gate, "owner", "broker.peer_refused");
    assert.equal(record?.data?.["pid"], process.pid);
    assert.equal(record?.data?.["reason"], "not_of_the_jail");
    await echoes(guest, "a");
  });

  test("that has ended leaves sockets to which nobody may connect", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "ended" });
    await guest.jail.stop({ graceMs: 0 });
    const stranger = new Dealer({ linger: 0 });
    t.after(() => stranger.close());
    stranger.connect(`ipc://${join(guest.broker.directory, "request.sock")}`);
    const [record] = await recorded(gate, "ended", "broker.peer_refused");
    assert.equal(record?.data?.["reason"], "jail_not_running");
  });

  test("gains nothing by the sockets of another jail", async (t) => {
    const thief = await Guest.start(t, gate, { jailId: "thief", mounted: calm.broker.directory });
    thief.open("t");
    thief.send("t", "tool.invoke.echo", "stolen", { text: "x" });
    const refusals = await recorded(gate, calm.broker.jailId, "broker.peer_refused");
    assert.equal(refusals[0]?.data?.["reason"], "not_of_the_jail");
    assert.deepEqual(await gate.audit.query({ type: "tool.call", jailId: "thief" }), []);
  });

  test("is cut off when it sends half a frame, or one over the limit, and another jail is not", async (t) => {
    const guest = await Guest.start(t, gate);
    const overLimit = Buffer.alloc(9);
    overLimit[0] = 2;
    overLimit.writeBigUInt64BE(1n << 40n, 1);
    guest.order({ do: "connections", count: 3, greet: true, base64: overLimit.toString("base64") });
    await guest.take((event) => event.name === "all closed");
    guest.order({
      do: "connections",
      count: 3,
      greet: true,
      base64: Buffer.from([0, 200, 1]).toString("base64"),
    });
    await guest.take((event) => event.name === "all closed");
    // No greeting at all.
    guest.order({ do: "connections", count: 20, greet: false });
    await guest.take((event) => event.name === "all closed");
    guest.open("a");
    await echoes(guest, "a");
    await echoes(calm, "c");
  });

  test("with more connections than it may have loses them all, and can begin again", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "crowd" });
    guest.order({ do: "connections", count: 400, greet: true });
    const records = await recorded(gate, "crowd", "broker.endpoint_problem");
    assert.deepEqual(
      records.map((each) => each.data?.["problem"]),
      ["too_many_connections"],
    );
    await guest.take((event) => event.name === "all closed");
    guest.open("a");
    await echoes(guest, "a");
    await echoes(calm, "c");
  });

  test("with ten thousand connections, crowd after crowd, keeps nobody else from being served", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "crowds" });
    for (let crowd = 0; crowd < 25; crowd++) {
      guest.order({ do: "connections", count: 400, greet: crowd % 2 === 0 });
      await echoes(calm, "c");
      await guest.take((event) => event.name === "all closed");
    }
    guest.open("a");
    await echoes(guest, "a");
    const records = await gate.audit.query({ jailId: "crowds", limit: 1_000 });
    assert.ok(records.length < 200, `${records.length} records`);
  });

  test("with one connection more than are let in has it wait for room", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "full" });
    guest.order({ do: "connections", count: 40, greet: true });
    const [record] = await recorded(gate, "full", "broker.peer_refused");
    assert.equal(record?.data?.["reason"], "too_many_connections");
    // The others answer no heartbeat, so that there is room before long.
    guest.open("a");
    await echoes(guest, "a");
  });

  test("that sends an endless message has its endpoint restarted before memory runs out", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "endless" });
    guest.order({ do: "endless" });
    await guest.take((event) => event.name === "endless closed");
    const lost = await recorded(gate, "endless", "broker.endpoint_lost");
    assert.equal(lost.length, 1);
    const [problem] = await recorded(gate, "endless", "broker.endpoint_problem");
    assert.equal(problem?.data?.["problem"], "memory");
    // What comes between two looks is a part of the bound.
    const grown = Number.parseInt(String(problem?.data?.["detail"]), 10);
    const { maxGrowthBytes } = endpointLimits;
    assert.ok(grown >= maxGrowthBytes && grown < 4 * maxGrowthBytes, `${grown} bytes`);
    guest.open("a");
    await echoes(guest, "a");
    await echoes(calm, "c");
  });

  test("with a flood of tiny frames is answered each, and another jail is served meanwhile", async (t) => {
    const guest = await Guest.start(t, gate, { jailId: "flood" });
    guest.open("a");
    guest.order({ do: "flood", name: "a", base64: Buffer.from("{}").toString("base64"), count: 3_000 });
    for (let n = 0; n < 20; n++) await echoes(calm, "c");
    await guest.take((event) => event.name === "flooded");
    const answer = await guest.answer("a");
    assert.equal(answer.payload.error?.code, "VALIDATION_FAILED");
    // However many were refused, the audit log holds a bounded number of records of it.
    const notes = await gate.audit.query({ type: "tool.refused", jailId: "flood" });
    assert.ok(notes.length < 1_000, `${notes.length} records`);
  });

  test("has no more calls under way than it may", async (t) => {
    const tools = new TestTools({ stays: { handler: () => new Promise(() => {}) } });
    t.after(gate.tools.register(tools));
    const guest = await Guest.start(t, gate);
    guest.open("a");
    for (let n = 0; n < 257; n++) guest.send("a", "tool.invoke.stays", `n${n}`, {});
    const refused = await guest.answer("a");
    assert.equal(refused.correlation, "n256");
    assert.equal(refused.payload.error?.code, "RATE_LIMITED");
    // The jail alone: its broker is still open.
    await guest.jail.stop({ graceMs: 0 });
    await eventually("every call ends with its jail", () => tools.calls.every((each) => each.signal.aborted));
  });

  test("that kills its connection's other end by whatever means gets its answers after all", async (t) => {
    const held = Promise.withResolvers<void>();
    const tools = new TestTools({
      slow: {
        handler: async () => {
          await held.promise;
          return ok("kept");
        },
      },
    });
    t.after(gate.tools.register(tools));
    const guest = await Guest.start(t, gate, { jailId: "lost" });
    guest.open("named", "client-1").open("unnamed");
    guest.send("named", "tool.invoke.slow", "c1", {});
    guest.send("unnamed", "tool.invoke.slow", "c2", {});
    await eventually("both calls are under way", () => tools.calls.length === 2);
    const endpoint = endpointOf(guest.broker.directory);
    assert.ok(endpoint !== undefined);
    process.kill(endpoint, "SIGKILL");
    await recorded(gate, "lost", "broker.endpoint_lost");
    // Nobody can hear the answer to the one; the other's connection will be known by its name.
    const signals = new Map(tools.calls.map((each) => [each.correlation, each.signal]));
    assert.deepEqual([signals.get("c1")?.aborted, signals.get("c2")?.aborted], [false, true]);
    await echoes(guest, "named");
    held.resolve();
    assert.equal((await guest.answer("named", "c1")).payload.result, "kept");
  });
});

describe("an approval in the broker", needs, () => {
  const waitsFor = (gate: Gate, session: string) => gate.approvals.list({ session, state: "pending" });

  async function open(t: TestContext, tools: TestTools, dataDir: string, confirmWaitMs: number) {
    const gate = await openGate(t, { dataDir, broker: { confirmWaitMs } });
    gate.tools.register(tools);
    const guest = await Guest.start(t, gate, { session: "asks" });
    guest.open("a");
    return { gate, guest };
  }

  test("is asked for, used once, and asked for again; survives a restart; belongs to a version", async (t) => {
    const run = ({ arguments: args }: { arguments: Readonly<Record<string, unknown>> }) => ok(args["value"]);
    const tools = new TestTools({ send: { riskLevel: "high", handler: run } });
    const dataDir = temporaryDirectory(t);
    const first = await open(t, tools, dataDir, 50);
    const told = await first.guest.refused("a", "send", { value: "mail" });
    assert.deepEqual([told.code, told.stage, told.retriable], ["CONFIRMATION_TIMEOUT", 5, true]);
    const [asked] = await waitsFor(first.gate, "asks");
    assert.ok(asked !== undefined && told.message.includes(asked.id));
    // The same call meets the same question; another one asks its own.
    await first.guest.refused("a", "send", { value: "mail" });
    await first.guest.refused("a", "send", { value: "other" });
    assert.equal((await waitsFor(first.gate, "asks")).length, 2);
    assert.equal(tools.calls.length, 0);
    await first.guest.stop();
    await first.gate.close();

    const { gate, guest } = await open(t, tools, dataDir, 50);
    await gate.approvals.decide(asked.id, "allow", "ada");
    const executed = await guest.call("a", "send", { value: "mail" });
    assert.equal(executed.payload.result, "mail");
    assert.equal(tools.calls.length, 1);
    const [call] = await gate.audit.query({ type: "tool.call", session: "asks" });
    assert.equal(call?.data?.["approval"], asked.id);
    // A second identical call asks again.
    assert.equal((await guest.refused("a", "send", { value: "mail" })).code, "CONFIRMATION_TIMEOUT");
    const again = (await waitsFor(gate, "asks")).find((each) => each.detail.includes("mail"));
    assert.ok(again !== undefined && again.id !== asked.id);
    // What was allowed of one version is not of the next.
    await gate.approvals.decide(again.id, "allow", "ada");
    tools.change({ send: { riskLevel: "high", handler: run, pluginVersion: "2.0.0" } });
    assert.equal((await guest.refused("a", "send", { value: "mail" })).code, "CONFIRMATION_TIMEOUT");
    assert.equal(tools.calls.length, 1);
  });

  test("is waited for, and tells the agent so; a denial is one", async (t) => {
    const tools = new TestTools({ send: { riskLevel: "high", handler: () => ok("sent") } });
    const { gate, guest } = await open(t, tools, temporaryDirectory(t), 60_000);
    guest.order({ do: "subscribe", topics: ["tool.confirmation."] });
    await guest.take((event) => event.text === "subscribed");
    await guest.call("a", "echo", { text: "x" });
    for (const [decision, correlation] of [
      ["allow", "c1"],
      ["deny", "c2"],
    ] as const) {
      guest.send("a", "tool.invoke.send", correlation, { value: correlation });
      const event = await guest.take(({ name }) => name === `tool.confirmation.${correlation}`);
      const { payload } = JSON.parse(event.text) as { payload: { approval: string } };
      await gate.approvals.decide(payload.approval, decision, "ada");
      const answer = await guest.answer("a", correlation);
      assert.equal(
        answer.payload.error?.code ?? answer.payload.result,
        decision === "allow" ? "sent" : "CONFIRMATION_DENIED",
      );
    }
    assert.equal(tools.calls.length, 1);
    // Who no longer wants it takes nothing from the question.
    guest.send("a", "tool.invoke.send", "c3", { value: "c3" });
    await guest.take(({ name }) => name === "tool.confirmation.c3");
    guest.send("a", "tool.cancel", "c4", { correlation: "c3" });
    assert.equal((await guest.answer("a", "c3")).payload.error?.code, "HANDLER_ERROR");
    assert.equal((await waitsFor(gate, "asks")).length, 1);
  });

  test("is needed for more once untrusted content is in the session", async (t) => {
    const tools = new TestTools({ look: { handler: () => ok("seen") } });
    const { gate, guest } = await open(t, tools, temporaryDirectory(t), 20);
    assert.equal((await guest.call("a", "look", {})).payload.result, "seen");
    await guest.broker.taint("a page was fetched");
    assert.equal((await guest.refused("a", "look", {})).code, "CONFIRMATION_TIMEOUT");
    assert.deepEqual(
      (await waitsFor(gate, "asks")).map((each) => each.origin),
      ["a page was fetched"],
    );
  });

  test("is needed for more once a tool was called that returns untrusted content", async (t) => {
    const seen: unknown[] = [];
    const tools = new TestTools({
      look: { handler: () => ok("seen") },
      page: {
        untrusted: true,
        handler: ({ tainted }) => {
          seen.push(tainted);
          throw new Error("even when it fails");
        },
      },
    });
    const { guest } = await open(t, tools, temporaryDirectory(t), 20);
    assert.equal((await guest.call("a", "look", {})).payload.result, "seen");
    assert.equal((await guest.refused("a", "page", {})).code, "PLUGIN_ERROR");
    assert.deepEqual(seen, [false]);
    assert.equal((await guest.refused("a", "look", {})).code, "CONFIRMATION_TIMEOUT");
  });

  test("is denied for the same call for a while, and taint is not forgotten, also after a restart", async (t) => {
    const dataDir = temporaryDirectory(t);
    for (let start = 0; start < 2; start++) {
      const tools = new TestTools({ look: { handler: () => ok("seen") } });
      const { gate, guest } = await open(t, tools, dataDir, 20);
      if (start === 0) await gate.taint("asks", "mail was read");
      // A person is asked at the first start, and answers no; the second start remembers both.
      const first = await guest.refused("a", "look", {});
      if (start === 0) {
        assert.equal(first.code, "CONFIRMATION_TIMEOUT");
        const [asked] = await gate.approvals.list({ session: "asks", state: "pending" });
        await gate.approvals.decide(asked?.id ?? "", "deny", "ada");
      }
      assert.equal((await guest.refused("a", "look", {})).code, "CONFIRMATION_DENIED");
      assert.equal((await gate.approvals.list({ session: "asks" })).length, 1, "nobody is asked again");
      await guest.stop();
      await gate.close();
    }
  });
});

test("what a session has used up is used up after a restart", needs, async (t) => {
  const dataDir = temporaryDirectory(t);
  const broker = { rateLimits: { tool: { calls: { perMinute: 0.001, burst: 2 } } } };
  const codes: (string | undefined)[] = [];
  for (let start = 0; start < 2; start++) {
    const gate = await openGate(t, { dataDir, broker });
    const guest = await Guest.start(t, gate, { session: "same" });
    guest.open("a");
    for (let n = 0; n < 2 - start; n++) {
      codes.push((await guest.call("a", "echo", { text: "x" })).payload.error?.code);
    }
    await guest.stop();
    await gate.close();
  }
  assert.deepEqual(codes, [undefined, undefined, "RATE_LIMITED"]);
});
