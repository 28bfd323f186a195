import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { Authority } from "./certificates.ts";
import { eventually, startNode, type TestNode } from "./nodes.ts";
import type { ServerlessRegistry } from "./serverless-actors.ts";
import { Platform } from "./serverless-platform.ts";

const ttlMs = 3_000;

describe("nodes behind scale-to-zero HTTP", () => {
  let server: PostgresServer;
  let platform: Platform;
  let url: string;
  let hub: TestNode;

  before(async () => {
    server = await startPostgres();
    const env = { HOLDFAST_STORE: server.url, TEST_TTL_MS: String(ttlMs), TEST_IDLE_MS: "1000" };
    const authority = new Authority();
    setDefaultCACertificates([...getCACertificates("default"), readFileSync(authority.ca, "utf8")]);
    platform = new Platform(env, authority.issue());
    url = await platform.listen();
    hub = await startNode("hub", {
      store: server.url,
      env: {
        HOLDFAST_SERVERLESS_POOLS: url,
        NODE_EXTRA_CA_CERTS: authority.ca,
        TEST_TTL_MS: String(ttlMs),
        TEST_POLL_MS: "500",
      },
    });
  });
  after(async () => {
    await hub?.stop();
    await platform.close();
    await server.stop();
  });

  const visitsAt = (at: string, key: string) =>
    createClient<ServerlessRegistry>(at).visits.getOrCreate([key]);

  /** Ids of the serverless nodes that are in the cluster. */
  async function members(): Promise<readonly string[]> {
    const response = await fetch(`${hub.url}/cluster`);
    const { nodes } = (await response.json()) as { readonly nodes: readonly { readonly id: string }[] };
    return nodes.map(({ id }) => id).filter((id) => id !== "hub");
  }

  async function scaleToZero(): Promise<void> {
    await eventually("all serverless nodes have left", async () =>
      (await members()).length === 0 && platform.open === 0 ? true : undefined,
    );
    await platform.end("SIGKILL");
  }

  test("a call starts one, which leaves when it is idle; its actors are as they were at the next start", async () => {
    assert.equal(await visitsAt(hub.url, "home").add(1), 1);
    const first = await visitsAt(hub.url, "home").process();
    assert.notEqual(first, hub.pid);
    await scaleToZero();
    const { starts } = platform;
    // Two at once start one node.
    const counts = await Promise.all([visitsAt(hub.url, "home").add(1), visitsAt(hub.url, "home").add(1)]);
    assert.deepEqual([...counts].sort(), [2, 3]);
    assert.equal(platform.starts, starts + 1);
    assert.notEqual(await visitsAt(hub.url, "home").process(), first);
  });

  test("the process itself is started again after it has left", async () => {
    await visitsAt(hub.url, "again").add(1);
    const { starts } = platform;
    await eventually("it has left", async () => ((await members()).length === 0 ? true : undefined));
    assert.equal(await visitsAt(hub.url, "again").add(1), 2);
    assert.equal(platform.starts, starts);
  });

  test("an actor that is due starts one", async () => {
    // Due when it has certainly left, however long that takes on this machine.
    await visitsAt(hub.url, "later").add(1);
    const before = performance.now();
    await scaleToZero();
    await visitsAt(hub.url, "later").remindAfter(1_000 + 2 * (performance.now() - before));
    await scaleToZero();
    const { starts } = platform;
    await eventually("the platform was asked", () => (platform.starts > starts ? true : undefined));
    const reminded = await eventually("it was reminded", async () => {
      const pid = await visitsAt(hub.url, "later").reminded();
      return pid === 0 ? undefined : pid;
    });
    assert.notEqual(reminded, hub.pid);
  });

  test("a request that it gets itself reaches actors of other nodes, and its own are started", async () => {
    await scaleToZero();
    const counter = createClient<ClusterRegistry>(url).counter.getOrCreate(["of the hub"]);
    assert.equal(await counter.process(), hub.pid);
    // It takes no actors before a request keeps it alive: the hub starts it for them.
    assert.equal(await visitsAt(url, "of its own").add(1), 1);
    assert.equal(platform.starts > 0, true);
  });

  test("two of them reach each other through a node that listens", async () => {
    const other = new Platform({
      HOLDFAST_STORE: server.url,
      TEST_TTL_MS: String(ttlMs),
      TEST_IDLE_MS: "2000",
    });
    try {
      const otherUrl = await other.listen();
      const owner = await visitsAt(hub.url, "shared").process();
      assert.equal(await visitsAt(otherUrl, "shared").process(), owner);
      assert.equal(await visitsAt(otherUrl, "shared").add(5), 5);
    } finally {
      await other.close();
    }
  });

  test("a call goes on at the next one when the process is killed under it", async () => {
    await visitsAt(hub.url, "killed").add(1);
    const { starts } = platform;
    const slow = visitsAt(hub.url, "killed").slowly(400);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await platform.end("SIGKILL");
    assert.equal(await slow, 2);
    assert.equal(platform.starts, starts + 1);
  });

  test("connections with their events, and WebSockets, reach it, and go on at the next one when it is killed", async () => {
    const visits = visitsAt(hub.url, "live").connect();
    const changes: number[] = [];
    visits.on("changed", (count: number) => void changes.push(count));
    try {
      assert.equal(await visits.add(1), 1);
      const socket = await visitsAt(hub.url, "live").webSocket("/");
      const echo = new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
      });
      if (socket.readyState !== socket.OPEN) {
        await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
      }
      socket.send("hello");
      const first = await visits.process();
      assert.notEqual(first, hub.pid);
      assert.equal(await echo, `${first} hello`);
      const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
      await platform.end("SIGKILL");
      await closed;
      assert.equal(await visits.add(1), 2);
      assert.notEqual(await visits.process(), first);
      await eventually("the event of the next one", () => (changes.length === 2 ? true : undefined));
      assert.deepEqual(changes, [1, 2]);
    } finally {
      await visits.dispose();
    }
  });

  test("no call fails when the platform stops the process", async () => {
    const load = { isOver: false, calls: 0 };
    const caller = async (key: string): Promise<number> => {
      const handle = visitsAt(hub.url, key);
      for (let count = 0; ; count++) {
        if (load.isOver) return count;
        assert.equal(await handle.add(1), count + 1);
        load.calls++;
      }
    };
    const callers = ["a", "b", "c", "d"].map((key) => caller(`stopped-${key}`));
    await eventually("calls", () => (load.calls > 20 ? true : undefined));
    const { starts } = platform;
    await platform.end("SIGTERM");
    const before = load.calls;
    await eventually("calls again", () => (load.calls > before + 20 ? true : undefined));
    load.isOver = true;
    await Promise.all(callers);
    assert.equal(platform.starts, starts + 1);
  });

  /** Runs `use` with a node of its own that starts programs for this long at a time. */
  async function withLifespan(
    lifespanMs: number,
    graceMs: number,
    use: (at: string, members: () => Promise<string>) => Promise<void>,
  ): Promise<void> {
    const env = { HOLDFAST_STORE: server.createDatabase(), TEST_TTL_MS: String(ttlMs) };
    const short = new Platform({ ...env, TEST_IDLE_MS: "60000" });
    const pools = [{ url: await short.listen(), lifespanMs, graceMs }];
    const starter = await startNode("starter", {
      store: env.HOLDFAST_STORE,
      env: { ...env, TEST_SERVERLESS_POOLS: JSON.stringify(pools) },
    });
    try {
      await use(starter.url, async () => {
        const response = await fetch(`${starter.url}/cluster`);
        const { nodes } = (await response.json()) as { readonly nodes: readonly { readonly id: string }[] };
        return JSON.stringify(nodes.map(({ id }) => id).sort());
      });
    } finally {
      await starter.stop();
      await short.close();
    }
  }

  test("a call in progress at the end of a lifespan ends within the grace period, once", () =>
    withLifespan(20_000, 18_000, async (at, members) => {
      const visits = visitsAt(at, "grace");
      await visits.add(1);
      const first = await members();
      // The node leaves 2 seconds after its start.
      assert.equal(await visits.slowly(3_000), 2);
      assert.equal(await visits.add(1), 3);
      assert.notEqual(await members(), first);
    }));

  test("a call that outlasts the grace period goes on at the next one, once", () =>
    withLifespan(6_000, 500, async (at, members) => {
      const visits = visitsAt(at, "outlasts");
      await visits.add(1);
      const first = await members();
      // More is left of no lifespan than the call takes, but of a new one.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      assert.equal(await visits.slowly(3_800), 2);
      assert.equal(await visits.add(1), 3);
      assert.notEqual(await members(), first);
    }));
});
