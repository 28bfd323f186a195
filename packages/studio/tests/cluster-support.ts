/** Studios as nodes of a cluster, each in a process of its own. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { PostgresServer } from "@holdfast/testing/postgres";
import type { StudioClient, TaskView } from "../src/index.ts";
import {
  makeRepository,
  mentions,
  readLog,
  ServerProcess,
  temporaryFolder,
  untilEvent,
  Watch,
} from "./support.ts";

/** Token of the inspectors of the nodes. */
export const inspectorToken = "token-of-these-tests";

export interface TestNode {
  readonly name: string;
  readonly data: string;
  server: ServerProcess;
}

/** Starts nodes one after the other: all of them accept the sign-in at the first one. */
export async function startNodes(
  t: TestContext,
  postgres: PostgresServer,
  names: readonly string[],
  serves: Readonly<Record<string, string>> = {},
  prepare: (dataDirectory: string) => Promise<void> = async () => {},
  environment: Readonly<Record<string, string>> = {},
) {
  const folder = temporaryFolder(t);
  const store = postgres.createDatabase();
  let cookie: string | undefined;
  const start = async (name: string, data: string): Promise<ServerProcess> => {
    const serve = serves[name];
    const server = await ServerProcess.start(t, data, cookie, {
      ...(serve === undefined ? {} : { HOLDFAST_SERVE: serve }),
      HOLDFAST_STORE: store,
      HOLDFAST_NODE: name,
      HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
      HOLDFAST_CLUSTER_SECRET: "the secret of these tests",
      HOLDFAST_CLUSTER_KEY: "0123456789abcdef".repeat(4),
      HOLDFAST_TEST_AGENTS: folder,
      HOLDFAST_INSPECTOR_TOKEN: inspectorToken,
      ...environment,
    });
    cookie ??= server.cookie;
    return server;
  };
  const nodes: TestNode[] = [];
  for (const name of names) {
    const data = join(folder, name);
    await prepare(data);
    nodes.push({ name, data, server: await start(name, data) });
  }
  /** A node that was killed is refused under its id until its session has expired. */
  const sessionEnd = async (name: string): Promise<void> => {
    const expires = `SELECT extract(epoch FROM expires_at - clock_timestamp()) * 1000 FROM holdfast.node WHERE id = '${name}'`;
    for (;;) {
      const remainingMs = Number(postgres.execute(`\\connect ${basename(store)}`, expires));
      if (remainingMs <= 0) return;
      await delay(remainingMs + 1);
    }
  };
  return {
    nodes,
    repository: makeRepository(folder),
    restart: async (node: TestNode) => {
      await sessionEnd(node.name);
      node.server = await start(node.name, node.data);
    },
  };
}

/** The node that has begun to run the task, and the other one. */
export function ownerOf(nodes: readonly TestNode[], taskId: string): readonly [TestNode, TestNode] {
  const [one, other] = nodes as [TestNode, TestNode];
  return existsSync(join(one.data, "tasks", taskId)) ? [one, other] : [other, one];
}

/** Sends a prompt, and waits until its agent writes. */
export async function beginTurn(client: StudioClient, task: TaskView, file: string): Promise<void> {
  const { head } = await client.session(task.sessionId).events({ after: 0, limit: 1 });
  await client.task(task.id).prompt(`slowly write "kept" to ${file} without asking`);
  await untilEvent(client, task.sessionId, (event) => event.seq > head && mentions(event, "slowly"));
}

export async function finishTurn(
  client: StudioClient,
  id: string,
  turns: number,
): Promise<readonly string[]> {
  const watch = await Watch.open(client, id);
  await watch.status("idle", "failed");
  assert.equal(watch.latest.status, "idle", JSON.stringify(watch.latest.error));
  await watch.close();
  const log = await readLog(client, watch.latest.sessionId);
  assert.equal(log.filter(({ body }) => body.type === "turn-ended").length, turns);
  return log.flatMap(({ body }) => (body.type === "note" ? [body.text] : []));
}

export async function filesOf(client: StudioClient, id: string): Promise<readonly string[]> {
  return (await client.task(id).diff()).files.map(({ path }) => path);
}

export async function notesOf(
  client: StudioClient,
  { sessionId }: Pick<TaskView, "sessionId">,
): Promise<readonly string[]> {
  return (await readLog(client, sessionId)).flatMap(({ body }) => (body.type === "note" ? [body.text] : []));
}
