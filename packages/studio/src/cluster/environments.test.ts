import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { HoldfastError, isErrorCode, silentLogger } from "@holdfast/core";
import { createNodeRoutes } from "../http/node-routes.ts";
import { ClusterEnvironments, type ClusterEnvironmentsOptions } from "./environments.ts";
import { OtherNodes } from "./other-nodes.ts";

type Environments = ClusterEnvironmentsOptions["environments"];

const none: Environments = {
  inspect: async () => assert.fail("inspected here"),
  prepare: async () => assert.fail("prepared here"),
  stop: async () => assert.fail("stopped here"),
  failedSteps: { openTerminal: async () => assert.fail("opened here"), route: () => undefined },
};

/** Two nodes: `a`, which does what it can here, and `b`, which is asked over HTTP. */
async function twoNodes(t: TestContext, here: Partial<Environments>, there: Partial<Environments>) {
  const actor = () => ({ preparedBy: async () => "b" });
  const alone = new OtherNodes(() => undefined);
  const b = new ClusterEnvironments({
    ...{ environments: { ...none, ...there }, node: "b", others: alone, actor },
  });
  const routes = createNodeRoutes({
    ...{ sandbox: () => undefined, agents: async () => [], log: silentLogger, environments: b },
    repositories: { answer: async () => assert.fail("no repository was asked for") },
  });
  const server = createServer(routes.request).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let isRunning = true;
  const others = new OtherNodes(() => ({
    ...{ id: "a", others: isRunning ? [{ id: "b", serves: [] }] : [], isHere: () => false },
    connect: async () => {
      if (isRunning) return connect(port, "127.0.0.1");
      throw new HoldfastError("cluster", "unknown_node", "No such node is running");
    },
  }));
  return {
    a: new ClusterEnvironments({ ...{ environments: { ...none, ...here }, node: "a", others, actor } }),
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

test("the node with the repository inspects and prepares", async (t) => {
  const { a } = await twoNodes(
    t,
    { inspect: elsewhere, prepare: elsewhere },
    {
      inspect: async (path, organization) => ({ repository: `${path} of ${organization}` }),
      prepare: async (path, organization, again) => `${path} ${organization} ${again}`,
    },
  );
  assert.deepEqual(await a.inspect("/r", "local"), { repository: "/r of local" });
  assert.equal(await a.prepare("/r", "local", true), "/r local true");
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
    { inspect: elsewhere },
    { inspect: elsewhere, failedSteps: { openTerminal: refuse, route: () => undefined } },
  );
  await assert.rejects(a.openTerminal("e"), (error) => isErrorCode(error, "environment", "not_kept"));
  await assert.rejects(a.inspect("/r", "local"), isElsewhere);
});
