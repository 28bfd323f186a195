/** The Studio as a cluster: its nodes are processes over one PostgreSQL database. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { openVault } from "@holdfast/gate";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import {
  beginTurn,
  filesOf,
  finishTurn,
  notesOf,
  ownerOf,
  startNodes,
  type TestNode,
} from "./cluster-support.ts";
import {
  commit,
  environmentFile,
  openTerminal,
  requestTerminal,
  untilEnvironment,
} from "./environments/support.ts";
import { mentions, needsJail, readLog, sh, untilEvent, Watch } from "./support.ts";
import { installPost } from "./tool-support.ts";

describe("a Studio of several nodes", () => {
  let postgres: PostgresServer;

  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  test("a task goes on elsewhere from its last snapshot: after a kill, and after a stop in the middle of a turn", async (t) => {
    if (!needsJail(t)) return;
    const cluster = await startNodes(t, postgres, ["a", "b"]);
    const { repository, nodes } = cluster;
    const [{ server: first }] = nodes as [TestNode, TestNode];
    const { client } = first;
    const prompt = 'write "kept" to one.txt without asking';
    const { id } = await client.organization.createTask({ repository, agent: "demo", prompt });
    assert.deepEqual(await finishTurn(client, id, 1), []);
    const task = await client.task(id).get();
    // From now on, only the snapshot has the repository.
    renameSync(repository, `${repository}-gone`);

    const [killed, survivor] = ownerOf(nodes, id);
    await beginTurn(survivor.server.client, task, "two.txt");
    await killed.server.kill();
    const notes = await finishTurn(survivor.server.client, id, 2);
    const lost = `This task continues on node ${survivor.name} from the snapshot of the end of turn 1. Files changed after it on node ${killed.name} are lost.`;
    assert.deepEqual(notes, [lost]);
    assert.deepEqual(await filesOf(survivor.server.client, id), ["one.txt", "two.txt"]);

    // It still has the files of the first turn, which are out of date.
    await cluster.restart(killed);
    await beginTurn(killed.server.client, task, "three.txt");
    const before = await notesOf(killed.server.client, task);
    const last = before.at(-1) ?? "";
    const [stopped, next] = last.includes(`on node ${killed.name} from`)
      ? [killed, survivor]
      : [survivor, killed];
    await stopped.server.stop();
    const after = await finishTurn(next.server.client, id, 3);
    assert.deepEqual(after.slice(before.length), [
      `This task continues on node ${next.name} from the snapshot of the middle of turn 3.`,
    ]);
    assert.deepEqual(await filesOf(next.server.client, id), ["one.txt", "three.txt", "two.txt"]);
    // The repository is back, and the node that has it: the branch gets there, whichever node runs the task.
    renameSync(`${repository}-gone`, repository);
    await cluster.restart(stopped);
    const { branch } = await next.server.client.task(id).apply();
    assert.equal(sh(repository, "show", `${branch}:two.txt`), "kept");
    await stopped.server.stop();
    await next.server.stop();
  });

  test("an approval is answered at any node, once, and found again where its task goes on", async (t) => {
    if (!needsJail(t)) return;
    const secret = "s3cret-of-the-phone";
    const cluster = await startNodes(t, postgres, ["a", "b"], {}, async (dataDirectory) => {
      installPost(dataDirectory);
      const webhooks = { phone: { secret: "hook-phone" } };
      writeFileSync(join(dataDirectory, "approvals.json"), JSON.stringify({ version: 1, webhooks }));
      // The vault of the first node becomes that of all.
      await openVault(dataDirectory).setSecret({ name: "hook-phone", owner: {} }, secret);
    });
    const { repository, nodes } = cluster;
    const [first] = nodes as [TestNode, TestNode];
    const prompt = 'mcp note_post {"text":"first"}';
    const create = { repository, agent: "tools", prompt };
    const { id } = await first.server.client.organization.createTask(create);
    const asked = await Watch.open(first.server.client, id);
    const {
      sessionId,
      approvals: [question],
    } = await asked.until((view) => view.approvals.length > 0, "a card");
    await asked.close();
    assert.ok(question !== undefined);

    // The answer comes while no node runs the task.
    const [killed, survivor] = ownerOf(nodes, id);
    await killed.server.kill();
    const answer = (node: TestNode) =>
      fetch(`${node.server.url}/approvals/phone`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}` },
        body: JSON.stringify({ approval: question.id, answer: "allow" }),
      });
    const answered = await answer(survivor);
    assert.deepEqual(
      [answered.status, await answered.json()],
      [200, { approval: question.id, state: "allowed" }],
    );
    const { client } = survivor.server;
    await untilEvent(client, sessionId, (event) => mentions(event, '\\"posted\\":1'));
    await finishTurn(client, id, 1);
    const outcomes = async (): Promise<readonly string[]> =>
      (await readLog(killed.server.client, sessionId)).flatMap(({ body }) =>
        body.type === "approval-requested" || body.type === "approval-settled" ? [body.type] : [],
      );
    await cluster.restart(killed);
    assert.deepEqual(await outcomes(), ["approval-requested", "approval-settled"], "nobody is asked twice");

    // It waits while the task moves; then two people answer it at two nodes.
    assert.equal((await answer(killed)).status, 409);
    await client.task(id).prompt('mcp note_post {"text":"second"}');
    const waiting = await Watch.open(client, id);
    const [second] = (await waiting.until((view) => view.approvals.length > 0, "a second card")).approvals;
    await waiting.close();
    const last = (await notesOf(client, { sessionId })).at(-1) ?? "";
    const [owner, other] = last.includes(`on node ${killed.name} from`)
      ? [killed, survivor]
      : [survivor, killed];
    const { length } = await readLog(client, sessionId);
    await owner.server.stop();
    await untilEvent(
      other.server.client,
      sessionId,
      ({ seq, body }) => seq > length && body.type === "agent-started",
    );
    await cluster.restart(owner);
    const people = await Promise.allSettled(
      [owner, other].map(({ server }) => server.client.task(id).answer(second?.id ?? "", "allow")),
    );
    assert.deepEqual(people.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const refused = people.find((each) => each.status === "rejected");
    assert.ok(isErrorCode(refused?.reason, "approval", "already_settled"), String(refused?.reason));
    await finishTurn(other.server.client, id, 2);
    assert.equal((await outcomes()).length, 4);
    for (const { server } of nodes) await server.stop();
  });

  test("a node without tasks shows those of another one: agents, repositories, sandboxes, branches, failed steps", async (t) => {
    if (!needsJail(t)) return;
    const { nodes, repository, restart } = await startNodes(t, postgres, ["front", "runner"], {
      front: "organization,session,access,group,environment",
      runner: "task",
    });
    const [front, runner] = nodes as [TestNode, TestNode];
    const { client, url, cookie } = front.server;
    const found = await client.organization.checkRepository(repository);
    assert.equal(found.node, "front");
    const agents = await client.organization.listAgents();
    assert.ok(agents.some(({ id, installed }) => id === "demo" && installed));
    const prompt = 'write "kept" to kept.txt without asking';
    const { id } = await client.organization.createTask({ repository, agent: "demo", prompt });
    await finishTurn(client, id, 1);
    assert.deepEqual(
      [existsSync(join(front.data, "tasks")), existsSync(join(runner.data, "tasks", id))],
      [false, true],
    );

    const sandbox = `${url}/tasks/${id}/sandbox/v1`;
    const file = await fetch(`${sandbox}/fs/file?path=/workspace/kept.txt`, { headers: { cookie } });
    assert.deepEqual([file.status, await file.text()], [200, "kept\n"]);
    assert.equal((await fetch(`${sandbox}/processes`)).status, 401);
    const system = await client.organization.system();
    const running = system.sandboxes.find((each) => each.id.startsWith(id));
    assert.deepEqual(
      [system.node, running?.node, running?.task?.id, system.unanswered],
      ["front", "runner", id, undefined],
    );
    const started = await fetch(`${sandbox}/processes`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json" },
      body: JSON.stringify({ command: "sh", args: ["-c", "read line; echo got $line"], tty: true }),
    });
    const { id: shell } = (await started.json()) as { readonly id: string };
    const address = `${sandbox.replace("http", "ws")}/processes/${shell}/terminal/ws`;
    const terminal = new WebSocket(address, { headers: { cookie } } as unknown as string[]);
    terminal.binaryType = "arraybuffer";
    await once(terminal, "open");
    let output = "";
    const answered = new Promise<void>((resolve) => {
      terminal.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") output += Buffer.from(data as ArrayBuffer).toString("utf8");
        if (output.includes("got this")) resolve();
      });
    });
    terminal.send(JSON.stringify({ type: "input", data: "this\r" }));
    await answered;
    terminal.close();

    // The repository is the front's: the branch reaches it through a request between the nodes.
    const { branch } = await client.task(id).apply();
    assert.equal(sh(repository, "show", `${branch}:kept.txt`), "kept");

    // A step fails where the task runs; a terminal on it is opened at any node.
    const failing = "setup: [{name: build, run: 'echo half > made.txt; exit 3'}]";
    commit(repository, { [environmentFile]: failing });
    const second = await client.organization.createTask({ repository, agent: "demo", prompt });
    const watch = await Watch.open(client, second.id);
    const { error } = await watch.status("failed");
    await watch.close();
    const environment = error?.environment ?? "";
    const step = await openTerminal(t, url, cookie, environment);
    step.send('echo "$(cat made.txt) works"');
    await step.shown("half works");
    // The page of the environment shows it, and prepares the next one there.
    const failed = await client.organization.environment(repository);
    assert.deepEqual(
      [failed.id, failed.preparedBy, failed.isPrepared, failed.latest?.status],
      [environment, "runner", false, "failed"],
    );
    commit(repository, { [environmentFile]: "setup: [{name: build, run: 'echo all > made.txt'}]" });
    const begun = await client.organization.prepareEnvironment(repository);
    const next = begun.id ?? "";
    await untilEnvironment(client, next, ({ status }) => status === "ready");
    assert.equal((await client.organization.environment(repository)).isPrepared, true);
    assert.deepEqual(
      nodes.map(({ data }) => existsSync(join(data, "environments", next, "snapshot"))),
      [false, true],
    );
    // It goes on after a restart, although another node has the repository.
    commit(repository, { [environmentFile]: "setup: [{name: build, run: 'echo begun; sleep 2'}]" });
    const slow = (await client.organization.prepareEnvironment(repository)).id ?? "";
    await untilEnvironment(client, slow, ({ steps }) => steps[0]?.output === "begun\n");
    await runner.server.stop();
    await step.closed;
    await restart(runner);
    await untilEnvironment(client, slow, ({ status }) => status === "ready");
    await runner.server.stop();
    const gone = await requestTerminal(url, cookie, environment);
    assert.deepEqual([gone.status, ((await gone.json()) as { code: string }).code], [503, "elsewhere"]);
    assert.equal((await client.organization.environment(repository)).id, undefined);
    await assert.rejects(client.organization.prepareEnvironment(repository), (error) =>
      isErrorCode(error, "environment", "elsewhere"),
    );
    await front.server.stop();
  });
});
