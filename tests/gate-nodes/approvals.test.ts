/** Approvals of several nodes: the gates of all of them see the same records. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, silentLogger, systemClock } from "@holdfast/core";
import { approvalLimits, ClusterKeys } from "@holdfast/gate";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { NodeApprovals } from "../../packages/gate/src/approvals/node-approvals.ts";
import { createGateActors } from "../../packages/studio/src/gate-state/actors.ts";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { createSharedGate } from "../../packages/studio/src/gate-state/shared-gate.ts";
import { newKey, openNode, openSharedState } from "./shared-state.ts";

describe("approvals", () => {
  const question = { session: "s", tool: "note_post", arguments: { text: "hello" } };
  const typed = (code: string) => (error: unknown) => isErrorCode(error, "approval", code);

  test("are answered at any node, the first answer counts, and one node uses it", async (t) => {
    const shared = openSharedState(t);
    const [a, b] = [await openNode(t, shared.of("a")), await openNode(t, shared.of("b"))];
    const heard: string[] = [];
    for (const [name, gate] of Object.entries({ a, b }))
      gate.approvals.onAsked(({ id }) => heard.push(`${name} ${id}`));
    const asked = await a.approvals.request({ ...question, origin: "a page" });
    assert.equal((await a.approvals.request(question)).id, asked.id);
    assert.deepEqual(heard, [`a ${asked.id}`]);
    // The task goes on at the other node: the call meets its question, which is shown there.
    const again = await b.approvals.request(question);
    assert.deepEqual([again.id, again.origin], [asked.id, "a page"]);
    assert.deepEqual(heard, [`a ${asked.id}`, `b ${asked.id}`]);
    assert.deepEqual(await b.approvals.list({ session: "s", state: "pending" }), [asked]);

    const waits = [a, b].map((gate) => gate.approvals.wait(asked.id));
    const answers = await Promise.allSettled([
      b.approvals.decide(asked.id, "allow", "ada"),
      a.approvals.decide(asked.id, "deny", "eve"),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const refused = answers.find((each) => each.status === "rejected");
    assert.ok(typed("not_pending")(refused?.reason));
    const [first] = answers.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const wait of waits) assert.deepEqual(await wait, first);
    if (first?.state === "denied") return;
    await assert.rejects(b.approvals.consume(asked.id, { ...question, arguments: {} }), typed("mismatch"));
    const uses = await Promise.allSettled([a, b].map((gate) => gate.approvals.consume(asked.id, question)));
    assert.deepEqual(uses.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await a.approvals.get(asked.id))?.state, "consumed");
    assert.notEqual((await b.approvals.request(question)).id, asked.id);
    assert.equal((await b.approvals.list({ session: "s" })).length, 2);
  });

  test("for a session and denials hold at all nodes; an end of the session or of its time wakes all", async (t) => {
    const shared = openSharedState(t);
    const [a, b] = [await openNode(t, shared.of("a")), await openNode(t, shared.of("b"))];
    const lasting = await a.approvals.request(question);
    await a.approvals.decide(lasting.id, "allow_for_session", "ada");
    for (const gate of [a, b])
      assert.equal((await gate.approvals.consume(lasting.id, question)).id, lasting.id);
    const denied = { ...question, arguments: { text: "no" }, denialHolds: true };
    const { id } = await a.approvals.request(denied);
    await a.approvals.decide(id, "deny", "ada");
    assert.deepEqual((await b.approvals.request(denied)).state, "denied");
    const pending = await a.approvals.request({ ...question, tool: "other" });
    const short = await a.approvals.request({ ...question, tool: "short", session: "s2", timeoutMs: 20 });
    const waits = [pending, short].map((each) => b.approvals.wait(each.id));
    assert.equal(await a.approvals.cancelSession("s"), 2);
    assert.deepEqual(
      (await Promise.all(waits)).map(({ state }) => state),
      ["cancelled", "expired"],
    );
    await assert.rejects(b.approvals.consume(lasting.id, question), typed("not_allowed"));
    await assert.rejects(b.approvals.wait("no-such"), typed("not_found"));
    const stopped = b.approvals.wait((await b.approvals.request(question)).id);
    await Promise.all([assert.rejects(stopped, (error) => isErrorCode(error, "gate", "closed")), b.close()]);
  });

  test("survive a crash of their actor, active and settled ones, and have the bounds of one gate", async (t) => {
    const store = (): never => {
      throw new Error("a test has its own store");
    };
    const gate = new LocalGate();
    const use = createGateActors({ clock: systemClock }, gate);
    const kit = await setupTest(t, createRegistry({ use, store }));
    const keys = ClusterKeys.parse(newKey());
    const shared = createSharedGate({
      node: "a",
      keys,
      client: () => kit.client,
      gate,
      groups: () => [],
      log: silentLogger,
    });
    const approvals = new NodeApprovals({ shared: shared.approvals, clock: systemClock, log: silentLogger });
    t.after(() => approvals.close());
    const open = await approvals.request(question);
    const other = { ...question, tool: "other" };
    const over = await approvals.request(other);
    await approvals.decide(over.id, "allow", "ada");
    await approvals.consume(over.id, other);
    const denied = { ...question, tool: "denied", denialHolds: true };
    const { id: deniedId } = await approvals.request(denied);
    await approvals.decide(deniedId, "deny", "ada");
    const { maxPendingOfSession } = approvalLimits;
    for (let n = 1; n < maxPendingOfSession; n++) await approvals.request({ ...question, arguments: n });
    await kit.crash();
    assert.equal((await approvals.request(question)).id, open.id);
    assert.equal((await approvals.get(over.id))?.state, "consumed");
    await assert.rejects(approvals.consume(over.id, other), typed("not_allowed"));
    assert.equal((await approvals.request(denied)).id, deniedId);
    const pending = await approvals.list({ state: "pending" });
    assert.equal(new Set(pending.map(({ id }) => id)).size, maxPendingOfSession);
    assert.equal((await approvals.list()).length, maxPendingOfSession + 2);
    await assert.rejects(approvals.request({ ...question, arguments: "more" }), typed("too_many"));
  });
});
