/** What one connection of a jail may hold up: itself. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createGate, type Gate } from "@holdfast/gate";
import { brokerLimits, endpointLimits } from "../src/broker/broker-limits.ts";
import { endings, Guest } from "./broker-support.ts";
import { eventually, missing, provenJails, temporaryDirectory } from "./support.ts";

const unlimited = { calls: { perMinute: 1e9, burst: 1e9 }, bytes: { perMinute: 1e12, burst: 1e12 } };

describe("a connection of a jail", { skip: missing("bwrap") }, () => {
  let gate: Gate;
  let guest: Guest;
  const suite = endings();

  before(async () => {
    gate = await createGate({
      dataDir: temporaryDirectory(suite),
      jails: provenJails,
      vault: { env: {}, logins: false },
      broker: { rateLimits: { jail: unlimited, tool: unlimited, user: unlimited, organization: unlimited } },
    });
    suite.after(() => gate.close());
    guest = await Guest.start(suite, gate, { jailId: "one" });
    guest.open("other");
  });

  async function othersAreServed(): Promise<void> {
    const { payload } = await guest.call("other", "echo", { text: "served" });
    assert.deepEqual(payload.result, { echoed: "served" });
  }

  test("that says nothing is ended long before ZeroMQ would, which waits for 30 seconds", async () => {
    guest.order({ do: "connections", count: 1, greet: false });
    const ended = guest.take(({ name }) => name === "all closed").then(() => "ended");
    const late = new AbortController();
    const waited = delay(10 * endpointLimits.handshakeMs, "still there", { signal: late.signal });
    assert.equal(await Promise.race([ended, waited]), "ended");
    late.abort();
    await assert.rejects(waited, { name: "AbortError" });
  });

  test("that sends more than one message may hold is cut off, and nothing of it is read", async () => {
    guest.open("large");
    await guest.call("large", "echo", { text: "small" });
    guest.frame("large", Buffer.alloc(brokerLimits.maxReceiveBytes + 1, "x"));
    await guest.take(({ name }) => name === "large is cut off");
    await othersAreServed();
  });

  test("that reads none of its answers loses them, and keeps nobody waiting", async () => {
    const request = { topic: "tool.invoke.echo", correlation: "c", arguments: { text: "x".repeat(2_000) } };
    const base64 = Buffer.from(JSON.stringify(request)).toString("base64");
    guest.order({ do: "deaf", base64, count: 3 * endpointLimits.sendQueue });
    let problems: readonly unknown[] = [];
    await eventually("the answers that are lost are on record", async () => {
      const records = await gate.audit.query({ jailId: "one", type: "broker.endpoint_problem" });
      problems = records.map(({ data }) => data?.["problem"]);
      return problems.length > 0;
    });
    assert.equal(problems[0], "slow_reader");
    await othersAreServed();
  });
});
