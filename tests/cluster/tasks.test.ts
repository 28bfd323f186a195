/** Tasks of a Studio on several nodes: a node that freezes, one that is drained, and commands beside one that runs none. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { command, git, makeRepository, start, startServer } from "../../packages/holdfast/tests/support.ts";
import {
  beginTurn,
  filesOf,
  finishTurn,
  inspectorToken,
  ownerOf,
  startNodes,
  type TestNode,
} from "../../packages/studio/tests/cluster-support.ts";
import { needsJail, readLog, temporaryFolder } from "../../packages/studio/tests/support.ts";
import { eventually } from "./nodes.ts";

/** True while processes of the task's jail run, which mounts its folder of this node. */
function hasJail({ name }: TestNode, taskId: string): boolean {
  const folder = `/${name}/tasks/${taskId}/`;
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(folder);
    } catch {
      // It has ended.
      return false;
    }
  });
}

describe("a task on several nodes", () => {
  let postgres: PostgresServer;

  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  test("goes on once elsewhere when its node freezes, which writes nothing when it thaws, and when its node is drained", async (t) => {
    if (!needsJail(t)) return;
    const { nodes, repository } = await startNodes(t, postgres, ["a", "b"]);
    const { client } = (nodes[0] as TestNode).server;
    const prompt = 'write "kept" to one.txt without asking';
    const { id } = await client.organization.createTask({ repository, agent: "demo", prompt });
    await finishTurn(client, id, 1);
    const [frozen, other] = ownerOf(nodes, id);
    const there = other.server.client;
    const task = await there.task(id).get();

    await beginTurn(there, task, "two.txt");
    frozen.server.signal("SIGSTOP");
    assert.deepEqual(await finishTurn(there, id, 2), [
      `This task continues on node ${other.name} from the snapshot of the end of turn 1. Files changed after it on node ${frozen.name} are lost.`,
    ]);
    const log = await readLog(there, task.sessionId);
    assert.equal(hasJail(frozen, id), true, "its agent was not stopped with it");
    frozen.server.signal("SIGCONT");
    const deadline = Date.now() + 60_000;
    while (hasJail(frozen, id)) {
      assert.ok(Date.now() < deadline, "the node that has thawed did not stop its agent");
      await delay(50);
    }
    // Through the node that has thawed, once it has joined again.
    const here = frozen.server.client;
    const { status } = await eventually("the node that has thawed finds the task", () =>
      here
        .task(id)
        .get()
        .catch((error: unknown) => {
          if (!isErrorCode(error, "actor", "no_node")) throw error;
          return undefined;
        }),
    );
    assert.equal(status, "idle");
    assert.deepEqual(await readLog(here, task.sessionId), log);
    assert.deepEqual(await filesOf(here, id), ["one.txt", "two.txt"]);

    await beginTurn(here, task, "three.txt");
    const seen = await readLog(here, task.sessionId);
    const isHere = seen.some(
      ({ seq, body }) =>
        seq > log.length && body.type === "note" && body.text.includes(`on node ${frozen.name} from`),
    );
    const [drained, next] = isHere ? [frozen, other] : [other, frozen];
    const drain = ["cluster", "drain", drained.name, "--url", next.server.url, "--token", inspectorToken];
    const asked = await command(drain);
    assert.equal(asked.code, 0, asked.stderr);
    const notes = await finishTurn(next.server.client, id, 3);
    assert.equal(
      notes.at(-1),
      `This task continues on node ${next.name} from the snapshot of the middle of turn 3.`,
    );
    // The drained node goes on to answer.
    assert.deepEqual(await filesOf(drained.server.client, id), ["one.txt", "three.txt", "two.txt"]);
    for (const { server } of nodes) await server.stop();
  });

  test("is run, shown, applied and stopped by commands beside a node that runs none", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const [front, runner] = [join(folder, "front"), join(folder, "runner")];
    const env = {
      HOLDFAST_STORE: postgres.createDatabase(),
      HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
      HOLDFAST_CLUSTER_SECRET: "the secret of these tests",
      HOLDFAST_CLUSTER_KEY: "0123456789abcdef".repeat(4),
    };
    const nodes = [
      await startServer(t, front, ["--node", "front", "--serve", "organization,session,access,group"], env),
      await startServer(t, runner, ["--node", "runner", "--serve", "task"], env),
    ];
    const repository = makeRepository(folder);
    const beside = async (...args: string[]) => {
      const { code, stdout, stderr } = await command([...args, "--data", front], { env });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const task = (prompt: string) => ["run", "--repo", repository, "--agent", "demo", prompt];
    assert.match(await beside(...task('write "kept" to kept.txt without asking')), /kept\.txt/);
    const [{ id, status } = { id: "", status: "" }] = jsonLines(await beside("tasks", "list", "--json"));
    assert.equal(status, "idle");
    assert.match(await beside("tasks", "show", id), /kept\.txt/);
    assert.match(await beside("tasks", "diff", id), /\+kept/);
    await beside("tasks", "apply", id, "--branch", "work");
    assert.equal(git(repository, "show", "work:kept.txt"), "kept\n");

    const running = start([...task("hang"), "--data", front], { env });
    t.after(() => running.kill("SIGKILL"));
    const ended = new Promise<number | null>((resolve) => running.on("close", resolve));
    const deadline = Date.now() + 60_000;
    for (;;) {
      const hanging = jsonLines(await beside("tasks", "list", "--json")).find(
        (each) => each.status === "running",
      );
      if (hanging !== undefined) {
        await beside("tasks", "stop", hanging.id);
        break;
      }
      assert.ok(Date.now() < deadline, "the task did not start");
    }
    assert.equal(await ended, 1);
    for (const node of nodes) assert.equal(await node.stop(), 0);
  });
});

function jsonLines(text: string): { readonly id: string; readonly status: string }[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}
