import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { encodeKey, HoldfastError, isErrorCode } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { clientOf, eventually, runCli, startNode, type TestNode } from "./nodes.ts";

const ttlMs = 2_000;

describe("nodes of two regions and a pool", () => {
  let server: PostgresServer;
  let east: TestNode;
  let gpu: TestNode;
  let west: TestNode;
  let everyNode: readonly TestNode[];

  before(async () => {
    server = await startPostgres();
    const start = (name: string, env: Readonly<Record<string, string>>): Promise<TestNode> =>
      startNode(name, { store: server.url, env: { TEST_TTL_MS: String(ttlMs), ...env } });
    [east, gpu, west] = await Promise.all([
      start("east-1", { HOLDFAST_REGION: "east" }),
      start("east-2", { HOLDFAST_REGION: "east", HOLDFAST_POOLS: "gpu,large" }),
      start("west-1", { HOLDFAST_REGION: "west" }),
    ]);
    everyNode = [east, gpu, west];
  });
  after(async () => {
    await Promise.all(everyNode.map((node) => node.stop()));
    await server.stop();
  });

  const counterAt = (node: TestNode, key: string) => clientOf(node).counter.get([key]);

  test("an actor runs in the region that it was created in, and every node finds it", async () => {
    const processes = new Set<number>();
    for (let at = 0; at < 12; at++) {
      const key = `east-${at}`;
      const creator = clientOf(everyNode[at % 3] ?? west);
      const handle =
        at % 2 === 0
          ? await creator.counter.create([key], { region: "east" })
          : creator.counter.getOrCreate([key], { createInRegion: "east" });
      assert.equal(await handle.region(), "east");
      const id = await handle.whoami();
      for (const node of everyNode) {
        assert.equal(await counterAt(node, key).region(), "east");
        assert.equal(await clientOf(node).counter.getForId(id).region(), "east");
        // A wish is for new actors.
        assert.equal(
          await clientOf(node).counter.getOrCreate([key], { createInRegion: "west" }).region(),
          "east",
        );
      }
      processes.add(await handle.process());
    }
    assert.deepEqual([...processes].sort(), [east.pid, gpu.pid].sort());
  });

  test("without a wish an actor runs anywhere, beside those of a region", async () => {
    const regions = new Set<string>();
    for (let at = 0; at < 24; at++) {
      regions.add(
        await clientOf(east)
          .counter.getOrCreate([`anywhere-${at}`])
          .region(),
      );
    }
    assert.deepEqual([...regions].sort(), ["east", "west"]);
  });

  test("a pool is a set of nodes, by itself and in a region", async () => {
    const client = createClient<ClusterRegistry>({ endpoint: west.url, poolName: "gpu" });
    for (let at = 0; at < 4; at++) {
      assert.equal(await client.counter.getOrCreate([`gpu-${at}`]).process(), gpu.pid);
      const large = await client.counter.create([`large-${at}`], { region: "east", poolName: "large" });
      assert.equal(await large.process(), gpu.pid);
    }
  });

  test("the error says what is missing where, and nothing is created", async () => {
    for (const [options, words] of [
      [{ createInRegion: "mars" }, /in region "mars".*"west-1" in region "west" serves/s],
      [{ createInRegion: "west", poolName: "gpu" }, /in region "west" and pool "gpu"/],
    ] as const) {
      await assert.rejects(clientOf(west).counter.getOrCreate(["nowhere"], options).read(), (error) => {
        assert.ok(error instanceof HoldfastError);
        assert.match(error.message, words);
        return isErrorCode(error, "actor", "no_node");
      });
    }
    await assert.rejects(counterAt(east, "nowhere").read(), (error) =>
      isErrorCode(error, "actor", "not_found"),
    );
  });

  test("a destroyed actor may come back in another region, and nobody is misled for long", async () => {
    for (const region of ["east", "west", "east", undefined]) {
      const options = region === undefined ? {} : { region };
      const made = await clientOf(west).counter.create(["phoenix"], options);
      if (region !== undefined) assert.equal(await made.region(), region);
      for (const node of everyNode) await counterAt(node, "phoenix").add(1);
      assert.equal(await made.read(), 3);
      await clientOf(gpu).counter.destroy(["phoenix"]);
    }
  });

  test("alarms and messages reach actors of a region", async () => {
    const client = clientOf(west);
    const sleeper = client.alarm.getOrCreate(["sleeper"], { createInRegion: "east" });
    await sleeper.set(300);
    const slept = await fetch(`${west.url}/actors/alarm/@${encodeKey(["sleeper"])}/sleep`, {
      method: "POST",
    });
    assert.equal(slept.status, 204);
    await eventually("the alarm", async () => ((await sleeper.fired()).length === 1 ? true : undefined));
    const [process] = await sleeper.fired();
    assert.ok(process === east.pid || process === gpu.pid);
    await client.adder.getOrCreate(["adder"], { createInRegion: "east" }).sum();
    await client.counter.getOrCreate(["sender"], { createInRegion: "west" }).sendElsewhere("adder", 4);
    await eventually("the message", async () =>
      (await client.adder.get(["adder"]).sum()) === 4 ? true : undefined,
    );
  });

  test("an actor moves under load: to a node, to a region, and back to where the leases say", async () => {
    const key = ["moving"];
    const load = new Load(everyNode, key);
    await load.running;
    const where = async (): Promise<number> => clientOf(east).counter.get(key).process();
    for (const [to, expected] of [
      ["west-1", [west.pid]],
      ["east-2", [gpu.pid]],
      ["east", [east.pid, gpu.pid]],
      ["west-1", [west.pid]],
      ["any", [east.pid, gpu.pid, west.pid]],
      ["east-1", [east.pid]],
    ] as const) {
      await load.progress();
      const moved = await fetch(`${gpu.url}/actors/counter/@${encodeKey(key)}/move?to=${to}`, {
        method: "POST",
      });
      assert.equal(moved.status, 204, await moved.text());
      assert.ok((expected as readonly number[]).includes(await where()), to);
    }
    await load.end();
    assert.match(
      await runCli(["cluster", "move", "counter/moving", "--to", "west-1", "--url", east.url]),
      /west-1/,
    );
    assert.equal(await where(), west.pid);
  });

  test("a move that cannot be is refused, and changes nothing", async () => {
    const made = await clientOf(east).counter.create(["stays"], { region: "west" });
    for (const [path, status, code] of [
      [`counter/@${encodeKey(["stays"])}/move?to=mars`, 404, "unknown_place"],
      [`counter/@${encodeKey(["stays"])}/move`, 400, "invalid_request"],
      [`counter/@${encodeKey(["nobody"])}/move?to=east`, 404, "not_found"],
    ] as const) {
      const response = await fetch(`${east.url}/actors/${path}`, { method: "POST" });
      const body = (await response.json()) as { readonly code: string };
      assert.deepEqual([response.status, body.code], [status, code], path);
    }
    assert.equal(await made.region(), "west");
  });

  test("a region is durable, and a binding to a node ends with the node, without a failed call", async () => {
    const bound = await clientOf(west).counter.create(["bound"], { region: "east" });
    const moved = await fetch(`${west.url}/actors/counter/@${encodeKey(["bound"])}/move?to=east-1`, {
      method: "POST",
    });
    assert.equal(moved.status, 204);
    assert.equal(await bound.process(), east.pid);
    const load = new Load([gpu, west], ["bound"]);
    await load.running;
    await east.stop();
    await load.progress();
    assert.equal(await bound.process(), gpu.pid);
    for (let at = 0; at < 12; at++) {
      assert.equal(await counterAt(west, `east-${at}`).process(), gpu.pid);
    }
    await load.end();

    gpu.kill("SIGKILL");
    // Nobody is left in its region.
    await assert.rejects(counterAt(west, "east-0").process(), (error) =>
      isErrorCode(error, "actor", "no_node"),
    );
    east = await startNode("east-1", { store: server.url, env: { HOLDFAST_REGION: "east" } });
    everyNode = [east, west];
    assert.equal(await bound.process(), east.pid);
    assert.equal(await bound.read(), load.total);
  });
});

/** Callers of one counter at several nodes, none of whose calls may fail. */
class Load {
  /** Resolves when every caller has had an answer. */
  readonly running: Promise<unknown>;
  readonly #callers: readonly Promise<void>[];
  readonly #first: readonly PromiseWithResolvers<void>[];
  #isEnded = false;
  #total = 0;
  #highest = 0;

  constructor(nodes: readonly TestNode[], key: readonly string[]) {
    this.#first = nodes.map(() => Promise.withResolvers<void>());
    this.#callers = nodes.map((node, at) => this.#call(node, key, this.#first[at]));
    this.running = Promise.race([Promise.all(this.#first.map(({ promise }) => promise)), ...this.#callers]);
  }

  get total(): number {
    return this.#total;
  }

  /** Resolves after some more answers. */
  async progress(): Promise<void> {
    const until = this.#total + 10;
    await Promise.race([
      eventually("answers", () => (this.#total >= until ? true : undefined)),
      Promise.all(this.#callers),
    ]);
  }

  /** Each call has taken effect once. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#callers);
    assert.equal(this.#highest, this.#total);
  }

  async #call(
    node: TestNode,
    key: readonly string[],
    first: PromiseWithResolvers<void> | undefined,
  ): Promise<void> {
    const counter = clientOf(node).counter.getOrCreate(key);
    while (!this.#isEnded) {
      const count = await counter.add(1);
      // Read after the answer: others may have had theirs in the meantime.
      this.#highest = Math.max(this.#highest, count);
      this.#total++;
      first?.resolve();
    }
  }
}
