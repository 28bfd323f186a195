import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { freePort } from "@holdfast/testing/free-port";
import { type PostgresServer, startPgBouncer, startPostgres } from "@holdfast/testing/postgres";
import { atEnd } from "./at-end.ts";
import { CounterLoad } from "./counter-load.ts";
import { clientOf, eventually, haveShared, keyAt, startNode, startNodes, type TestNode } from "./nodes.ts";
import { type Proxy as NetworkProxy, startProxy } from "./proxy.ts";

const ttlMs = 2_000;
const env = { TEST_TTL_MS: String(ttlMs) };

describe("faults of the network and the database", () => {
  let server: PostgresServer;
  let store: string;
  /** Between the owner and the database. */
  let proxy: NetworkProxy;
  /** Two nodes that the first tests share. */
  let entry: TestNode;
  let owner: TestNode;

  before(async () => {
    server = await startPostgres();
    store = server.createDatabase();
    proxy = await startProxy(() => server.port);
    entry = await startNode("entry", { store, env });
    owner = await startNode("owner", { store: store.replace(`:${server.port}/`, `:${proxy.port}/`), env });
  });
  after(async () => {
    await Promise.all([entry?.stop(), owner?.stop()]);
    await proxy.close();
    await server.stop();
  });

  async function start(t: TestContext, name: string, store: string, more: Record<string, string> = {}) {
    const node = await startNode(name, { store, env: { ...env, ...more } });
    atEnd(t, () => node.stop());
    return node;
  }

  test("a node that loses the database stops to serve, others take over, and it gets its share again", async (t) => {
    const key = await keyAt(owner);
    const load = new CounterLoad(t, entry, key, 4);
    const own = new CounterLoad(t, owner, key, 2);
    await load.acknowledged(40);
    await own.acknowledged(25);
    proxy.cut();
    await load.acknowledgedMore(40);
    assert.equal((await fetch(`${owner.url}/readyz`)).status, 503);
    proxy.heal();
    await own.acknowledgedMore(25);
    await Promise.all([own.stop(), load.stop()]);
    assert.deepEqual(CounterLoad.repeated([own, load]), []);
    await load.check(own.count);
    await eventually("the owner serves the actor again", async () =>
      (await clientOf(entry).counter.getOrCreate([key]).process()) === owner.pid ? true : undefined,
    );
  });

  test("calls that wait at a node when it loses the database are answered when its session ends", async () => {
    const key = await keyAt(owner);
    assert.equal(await clientOf(owner).counter.getOrCreate([key]).add(1), 1);
    // Woken here, it looks up in the database whether a call has run before it came.
    const woken = await keyAt(owner);
    await clientOf(owner).counter.getOrCreate([woken]).add(1);
    await fetch(`${owner.url}/actors/counter/@${woken},/sleep`, { method: "POST" });
    assert.equal(await clientOf(owner).counter.getOrCreate([woken]).add(1), 2);
    const call = async (at: TestNode, actor: string, action: string) => {
      const answer = await fetch(`${at.url}/actors/counter/@${actor},/actions/${action}?create=true`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": `once-${actor}` },
        body: JSON.stringify({ args: action === "add" ? [1] : [] }),
      });
      return { status: answer.status, body: await answer.text() };
    };
    proxy.cut();
    // Actors that are not in memory wait for their rows, so that nothing of them has run.
    const unknown = Array.from({ length: 8 }, (_, at) => call(owner, `unknown-${at}`, "add"));
    // The second waits for its commit, which may have succeeded.
    const [lookedUp, waiting] = await Promise.all([call(owner, woken, "add"), call(owner, key, "add")]);
    assert.deepEqual([lookedUp.status, /"fenced"/.test(lookedUp.body)], [503, false], lookedUp.body);
    assert.equal(waiting.status, 503, waiting.body);
    assert.match(waiting.body, /"fenced"/);
    for (const { status, body } of await Promise.all(unknown)) {
      if (status !== 200) assert.match(body, /"unavailable"/);
    }
    assert.ok((await Promise.all(unknown)).some(({ status }) => status === 503));
    for (const at of unknown.keys()) assert.equal((await call(entry, `unknown-${at}`, "add")).status, 200);
    proxy.heal();
    const again = await call(entry, key, "add");
    assert.match(again.body, /\b2\b/);
    assert.match((await call(entry, woken, "add")).body, /\b3\b/);
    assert.equal(await clientOf(entry).counter.getOrCreate([key]).process(), entry.pid);
  });

  test("a node that others cannot reach keeps its actors, and requests for them wait, also for a takeover behind a proxy that accepts connections", async (t) => {
    const linkPort = await freePort();
    const linkProxy = await startProxy(() => linkPort);
    atEnd(t, () => linkProxy.close());
    const unreachable = await start(t, "unreachable", store, {
      HOLDFAST_ADVERTISE: `http://127.0.0.1:${linkProxy.port}`,
      HOLDFAST_LISTEN: `127.0.0.1:${linkPort}`,
    });
    const key = await keyAt(unreachable);
    assert.equal(await clientOf(entry).counter.getOrCreate([key]).add(1), 1);
    linkProxy.cut();
    const waiting = clientOf(entry).counter.getOrCreate([key]).add(1);
    assert.equal(await clientOf(unreachable).counter.getOrCreate([key]).process(), unreachable.pid);
    linkProxy.heal();
    assert.equal(await waiting, 2);
    // The proxy goes on to accept connections when the node has ended.
    const handle = clientOf(entry).counter.getOrCreate([key]);
    unreachable.kill("SIGKILL");
    assert.equal(await handle.add(1), 3);
    assert.ok([entry.pid, owner.pid].includes(await handle.process()));
  });

  test("look-ups at a node that has lost the database end with its session, and say so", async () => {
    await entry.stop();
    await eventually("it has all shards", () => haveShared([owner]));
    const id = await clientOf(owner).counter.getOrCreate(["a"]).resolve();
    const paths = [
      "/actors?name=counter",
      "/actors/count?name=counter",
      `/actors?id=${id}`,
      `/actors/counter/${id}/status`,
      "/actors/counter/~absent,/status",
    ];
    const lookUp = async (path: string) => {
      const answer = await fetch(`${owner.url}${path}`);
      return { path, status: answer.status, body: await answer.text() };
    };
    for (const path of paths.slice(0, 4)) assert.equal((await lookUp(path)).status, 200, path);
    proxy.cut();
    // The first ones begin with a session, the others after its end.
    for (const answers of [await Promise.all(paths.map(lookUp)), await Promise.all(paths.map(lookUp))]) {
      for (const { path, status, body } of answers) {
        assert.equal(status, 503, `${path}: ${body}`);
        assert.match(body, /"unavailable"/, path);
      }
    }
    proxy.heal();
    await eventually("the node looks up again", async () =>
      (await lookUp(`/actors?id=${id}`)).status === 200 ? true : undefined,
    );
  });

  test("the database crashes under load: nothing acknowledged is lost", async (t) => {
    const own = await startPostgres();
    atEnd(t, () => own.stop());
    const nodes = await startNodes(3, { store: own.url, env });
    atEnd(t, () => Promise.all(nodes.map((node) => node.stop())));
    const urls = nodes.map(({ url }) => url);
    const loads = Array.from({ length: 4 }, (_, index) => new CounterLoad(t, () => urls, `db-${index}`, 2));
    for (const load of loads) await load.acknowledged(25);
    await own.crash();
    await own.restart();
    for (const load of loads) await load.acknowledgedMore(25);
    for (const load of loads) {
      await load.stop();
      await load.check();
    }
  });

  test("nodes work through PgBouncer in transaction mode", async (t) => {
    const pooler = await startPgBouncer(server.port);
    atEnd(t, () => pooler.stop());
    const nodes = await startNodes(2, { store: pooler.url, env });
    atEnd(t, () => Promise.all(nodes.map((node) => node.stop())));
    const urls = nodes.map(({ url }) => url);
    const loads = Array.from(
      { length: 4 },
      (_, index) => new CounterLoad(t, () => urls, `pooled-${index}`, 2),
    );
    for (const load of loads) await load.acknowledged(25);
    for (const load of loads) {
      await load.stop();
      await load.check();
      assert.deepEqual(load.errors, []);
    }
  });
});
