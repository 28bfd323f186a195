import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { HoldfastError, silentLogger } from "@holdfast/core";
import type { RunningJail } from "@holdfast/gate";
import { OtherNodes } from "../other-nodes.ts";
import { OrganizationFiles } from "./organization-files.ts";
import { ClusterSandboxes } from "./sandboxes.ts";

const own = "org0123456789ab";
const other = "orgba9876543210";

const jail = (id: string, session: string, startedAt: number): RunningJail => ({
  ...{ id, session, startedAt, usage: {} as RunningJail["usage"] },
});

test("the sandboxes of an organization are those of all nodes; one that does not answer is named", async (t) => {
  const there = new ClusterSandboxes({
    ...{ node: "b", others: new OtherNodes(() => undefined) },
    running: () => [jail("theirs", `${other}_1`, 1), jail("second", `${own}_2`, 2)],
  });
  const serve = async (listener: (request: IncomingMessage, response: ServerResponse) => void) => {
    const server = createServer(listener).listen(0, "127.0.0.1");
    t.after(() => server.close().closeAllConnections());
    await new Promise((resolve) => server.once("listening", resolve));
    return (server.address() as AddressInfo).port;
  };
  const ports: Readonly<Record<string, number>> = {
    b: await serve((request, response) => void there.answer(request, response)),
    // It takes the question, and says nothing.
    frozen: await serve(() => {}),
  };
  const nodesOf = (ids: readonly string[], answerMs?: number) =>
    new OtherNodes(
      () => ({
        ...{ id: "a", isHere: () => false, others: ids.map((id) => ({ id, serves: [] })) },
        connect: async (to) => {
          const port = "node" in to ? ports[to.node] : undefined;
          if (port === undefined) throw new HoldfastError("cluster", "node_lost", "It is gone");
          return connect(port, "127.0.0.1");
        },
      }),
      answerMs,
    );
  const running = () => [jail("third", `${own}_3`, 3), jail("local", "4", 4)];
  const found = await new ClusterSandboxes({ running, node: "a", others: nodesOf(["gone", "b"]) }).of(own);
  assert.deepEqual(
    found.jails.map(({ id, node }) => `${id} on ${node}`),
    ["second on b", "third on a"],
  );
  assert.deepEqual(found.unanswered, ["gone"]);
  const late = new ClusterSandboxes({ running, node: "a", others: nodesOf(["gone", "frozen"], 20) });
  assert.deepEqual((await late.of(own)).unanswered, ["frozen", "gone"]);

  const alone = new ClusterSandboxes({ running, node: undefined, others: new OtherNodes(() => undefined) });
  assert.deepEqual(await alone.of("local"), { jails: running().slice(1), unanswered: [] });
});

test("a start removes what is left of deleted organizations, and nothing else", async (t) => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "holdfast-files-"));
  t.after(() => rmSync(dataDirectory, { recursive: true }));
  const task = `${own}_00000000-0000-0000-0000-000000000000`;
  const kept = `${other}_00000000-0000-0000-0000-000000000000`;
  for (const path of [`tasks/${task}`, `tasks/${kept}`, "tasks/unnamed", `mirrors/${own}_r.git`])
    mkdirSync(join(dataDirectory, path), { recursive: true });
  const removed: string[] = [];
  const files = new OrganizationFiles({
    ...{ dataDirectory, log: silentLogger, others: new OtherNodes(() => undefined) },
    environments: { removeAll: async (organization) => void removed.push(organization) },
    mirrors: { remove: async (id) => void removed.push(id) },
    removeRecord: async () => {},
    deletedOf: async (organizations) => {
      assert.deepEqual([...organizations].sort(), [own, other]);
      return [own];
    },
  });
  files.beginSweep();
  await files.swept;
  assert.deepEqual(removed, [own, `${own}_r`]);
  assert.deepEqual(
    [task, kept, "unnamed"].map((name) => existsSync(join(dataDirectory, "tasks", name))),
    [false, true, true],
  );

  // The other nodes do the same at once.
  await files.answer(
    Readable.from([JSON.stringify({ organization: other })]) as IncomingMessage,
    { end: () => {} } as unknown as ServerResponse,
  );
  assert.equal(existsSync(join(dataDirectory, "tasks", kept)), false);
  assert.equal(existsSync(join(dataDirectory, "tasks", "unnamed")), true);
});
