import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { HoldfastError, isErrorCode, silentLogger } from "@holdfast/core";
import type { EnvironmentView } from "../contract.ts";
import type { EnvironmentSource } from "../environments/environment.ts";
import { createNodeRoutes } from "../http/node-routes.ts";
import { ClusterEnvironments, type ClusterEnvironmentsOptions } from "./environments.ts";
import { OtherNodes } from "./other-nodes.ts";

type Environments = ClusterEnvironmentsOptions["environments"];

const none: Environments = {
  source: async () => assert.fail("read here"),
  inspect: () => assert.fail("inspected here"),
  prepare: async () => assert.fail("prepared here"),
  stop: async () => assert.fail("stopped here"),
  failedSteps: { openTerminal: async () => assert.fail("opened here"), route: () => undefined },
};

/** Two nodes: `a`, which does what it can here, and `b`, which is asked over HTTP. Tasks run on the nodes of `runs`. */
async function twoNodes(
  t: TestContext,
  here: Partial<Environments>,
  there: Partial<Environments>,
  {
    runs = "b",
    startedAt = {},
    preparing = "",
  }: { runs?: string; startedAt?: Readonly<Record<string, number>>; preparing?: string } = {},
) {
  const actor = (id: string) => ({
    preparedBy: async () => "b",
    latest: async () =>
      startedAt[id] === undefined
        ? undefined
        : ({
            ...{ id, startedAt: startedAt[id] },
            status: id === preparing ? "preparing" : "ready",
          } as unknown as EnvironmentView),
  });
  const alone = new OtherNodes(() => undefined);
  const b = new ClusterEnvironments({
    ...{ environments: { ...none, ...there }, node: "b", servesTasks: runs.includes("b") },
    ...{ others: alone, actor, log: silentLogger },
  });
  const notAsked = { answer: async () => assert.fail("was asked for something else") };
  const routes = createNodeRoutes({
    ...{ sandbox: () => undefined, agents: async () => [], log: silentLogger, environments: b },
    ...{ repositories: notAsked, sandboxes: notAsked, organizationFiles: notAsked },
  });
  const server = createServer(routes.request).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let isRunning = true;
  const others = new OtherNodes(() => ({
    ...{
      id: "a",
      others: isRunning ? [{ id: "b", serves: runs.includes("b") ? ["task"] : [] }] : [],
      isHere: () => false,
    },
    connect: async () => {
      if (isRunning) return connect(port, "127.0.0.1");
      throw new HoldfastError("cluster", "unknown_node", "No such node is running");
    },
  }));
  return {
    a: new ClusterEnvironments({
      ...{ environments: { ...none, ...here }, node: "a", servesTasks: runs.includes("a"), others, actor },
      log: silentLogger,
    }),
    leave: () => {
      isRunning = false;
    },
  };
}

const elsewhere = async () => {
  const metadata = { node: "b" };
  throw new HoldfastError("environment", "elsewhere", "It is on node b", { statusCode: 409, metadata });
};
const isElsewhere = (error: unknown) => isErrorCode(error, "environment", "elsewhere");

/** The environment that repository `/r` of a node asks for. */
const sourceOf = (node: string): EnvironmentSource => ({
  repository: { path: "/r", node },
  found: {
    environment: {
      ...{ source: "env.yaml", required: true, inputs: [], variables: {}, checks: [], services: [] },
      ...{ network: [], caches: [], notSupported: [] },
      steps: [{ name: "build", run: "make", timeoutMs: 1 }],
    },
    ...{ commit: "c", inputsHash: "h" },
  },
});

const idAt =
  (node: string) =>
  ({ repository }: EnvironmentSource, organization: string) => ({
    id: `${node} for ${organization} from ${repository.node}`,
    isPrepared: true,
  });

test("the node with the repository reads it, and the one that runs tasks prepares", async (t) => {
  const prepare: Environments["prepare"] = async ({ repository }, organization, again) =>
    `${repository.path} of ${repository.node} ${organization} ${again}`;
  const here = await twoNodes(t, { source: async () => sourceOf("a") }, { inspect: idAt("b"), prepare });
  const found = await here.a.inspect("/r", "local");
  assert.deepEqual(
    [found.id, found.preparedBy, found.isPrepared, found.steps],
    ["b for local from a", "b", true, ["build"]],
  );
  assert.equal(await here.a.prepare("/r", "local", true), "/r of a local true");

  const there = await twoNodes(
    t,
    { source: elsewhere, inspect: idAt("a"), prepare },
    { source: async () => sourceOf("b") },
    { runs: "a" },
  );
  assert.equal((await there.a.inspect("/r", "local")).id, "a for local from b");
  assert.equal(await there.a.prepare("/r", "local", false), "/r of b local false");
});

test("of several nodes that run tasks, the one that has prepared last is shown", async (t) => {
  const source = async () => sourceOf("a");
  const shown = async (startedAt: Readonly<Record<string, number>>, preparing = "") => {
    const { a } = await twoNodes(
      t,
      { source, inspect: idAt("a") },
      { inspect: idAt("b") },
      { runs: "ab", startedAt, preparing },
    );
    return (await a.inspect("/r", "local")).preparedBy;
  };
  const [a, b] = ["a for local from a", "b for local from a"];
  assert.equal(await shown({}), "a", "the node with the repository");
  assert.equal(await shown({ [a]: 1, [b]: 2 }), "b");
  assert.equal(await shown({ [a]: 2, [b]: 1 }), "a");
  assert.equal(await shown({ [a]: 2, [b]: 1 }, b), "b", "the one that can be stopped");
});

test("every node that runs tasks prepares, and one that cannot is no obstacle", async (t) => {
  const prepared: string[] = [];
  const at =
    (node: string): Environments["prepare"] =>
    async (_source, organization, again) => {
      prepared.push(`${node} ${organization} ${again}`);
      return node;
    };
  const source = async () => sourceOf("a");
  const startedAt = { "b for local from a": 1 };
  const here = { source, inspect: idAt("a"), prepare: at("a") };
  const there = { inspect: idAt("b"), prepare: at("b") };
  const { a, leave } = await twoNodes(t, here, there, { runs: "ab", startedAt });
  assert.equal(await a.prepare("/r", "local", true), "b", "the one that is shown");
  assert.deepEqual(prepared.splice(0), ["b local true", "a local true"]);
  const full = async () => {
    throw new HoldfastError("environment", "disk_full", "The disk is full");
  };
  const other = await twoNodes(t, here, { ...there, prepare: full }, { runs: "ab" });
  assert.equal(await other.a.prepare("/r", "local", false), "a");
  leave();
  assert.equal(await a.prepare("/r", "local", false), "a");
  assert.deepEqual(prepared, ["a local false", "a local false"]);
});

test("without a node that runs tasks, nothing is prepared, and the description is shown", async (t) => {
  const { a, leave } = await twoNodes(t, { source: async () => sourceOf("a") }, {});
  leave();
  const { id, source, steps } = await a.inspect("/r", "local");
  assert.deepEqual([id, source, steps], [undefined, "env.yaml", ["build"]]);
  await assert.rejects(a.prepare("/r", "local", false), isElsewhere);
});

test("the node that prepares an environment stops it, and opens terminals on its failed step", async (t) => {
  const stopped: string[] = [];
  const { a, leave } = await twoNodes(
    t,
    {},
    {
      stop: async (id) => void stopped.push(id),
      failedSteps: { openTerminal: async (id) => `terminal of ${id}`, route: () => undefined },
    },
  );
  await a.stop("e", "b");
  assert.deepEqual(stopped, ["e"]);
  assert.equal(await a.openTerminal("e"), "terminal of e");
  assert.equal((await a.failedStep("e"))?.prefix, "/node/failed-step/e");
  leave();
  await assert.rejects(a.openTerminal("e"), isElsewhere);
  await assert.rejects(a.failedStep("e"), isElsewhere);
  await assert.rejects(a.stop("e", "b"), isElsewhere);
});

test("what is refused there is refused here, and no node asks a third one", async (t) => {
  const refuse = async () => {
    throw new HoldfastError("environment", "not_kept", "Prepare it again", { statusCode: 410 });
  };
  const { a } = await twoNodes(
    t,
    { source: elsewhere },
    { source: elsewhere, failedSteps: { openTerminal: refuse, route: () => undefined } },
  );
  await assert.rejects(a.openTerminal("e"), (error) => isErrorCode(error, "environment", "not_kept"));
  await assert.rejects(a.inspect("/r", "local"), isElsewhere);
});
