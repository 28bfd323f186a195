/** Nodes as processes over one PostgreSQL database: `holdfast start`, and commands beside each of them. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import type { PolicyRule } from "@holdfast/gate";
import { createRegistry, sharedStore } from "@holdfast/server";
import { ownImports } from "@holdfast/testing/own-imports";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { Client } from "pg";
import { startUpstream } from "../../packages/gate/tests/support.ts";
import {
  command,
  commandEach,
  type Finished,
  holdfast,
  startServer,
} from "../../packages/holdfast/tests/support.ts";
import { createGateActors } from "../../packages/studio/src/gate-state/actors.ts";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { newKey, temporaryDirectory } from "./shared-state.ts";

const secret = "canary-0123456789abcdef";
const key = newKey();

/** Rows of all tables of a database that contain a text. */
async function rowsWith(store: string, text: string): Promise<number> {
  const client = new Client({ connectionString: store });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    );
    let found = 0;
    const hex = Buffer.from(text).toString("hex");
    for (const { name } of tables.rows) {
      const rows = await client.query<{ count: string }>(
        `SELECT count(*) FROM ${name} AS t WHERE t::text LIKE $1 OR t::text LIKE $2`,
        [`%${text}%`, `%${hex}%`],
      );
      found += Number(rows.rows[0]?.count);
    }
    return found;
  } finally {
    await client.end();
  }
}

describe("nodes over one database", () => {
  let postgres: PostgresServer;

  /** Accepts a rule as a person at a third node, which runs no actors. */
  async function acceptRule(t: TestContext, url: string, rule: PolicyRule): Promise<void> {
    const ports = systemPorts(silentLogger);
    const store = await sharedStore(url, { dataDirectory: join(temporaryDirectory(), "cache") }).open(ports);
    const registry = createRegistry({
      ...{ use: createGateActors(ports, new LocalGate()), store: () => store, ports },
      cluster: { node: "c", advertise: "http://127.0.0.1:0", secret: "the secret of these tests", weight: 0 },
    });
    t.after(async () => {
      await registry.shutdown();
      await store.close();
    });
    const rules = registry.client.getOrCreate("gateRules", ["local"]);
    await rules.action({ name: "internal.add", args: [rule] });
  }

  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  const environment = (store: string, node: string) => ({
    HOLDFAST_STORE: store,
    HOLDFAST_NODE: node,
    HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
    HOLDFAST_CLUSTER_SECRET: "the secret of these tests",
  });

  test("secrets and grants, rules and audit chains of one are those of the other", async (t) => {
    const store = postgres.createDatabase();
    const [a, b] = [join(temporaryDirectory(), "a"), join(temporaryDirectory(), "b")];
    const keyFile = join(temporaryDirectory(), "key");
    writeFileSync(keyFile, `${key}\n`);
    // A secret from before the data directory belonged to a node.
    const set = ["secrets", "set", "earlier", "--data", a];
    assert.equal((await holdfast(set, { input: `${secret}-earlier` })).code, 0);
    const first = await startServer(
      t,
      a,
      ["--unsafe-no-jail", "--cluster-key-file", keyFile],
      environment(store, "a"),
    );
    const env = { ...environment(store, "b"), HOLDFAST_CLUSTER_KEY: key };
    const second = await startServer(t, b, ["--unsafe-no-jail"], env);

    /** Runs commands one after the other, each on the node of a data directory. A process of its own reads the secret. */
    const run = async (...commands: readonly (readonly [data: string, ...args: string[]])[]) => {
      const lists = commands.map(([data, ...args]) => [...args, "--data", data, "--json"]);
      const finished: Finished[] = [];
      for (const list of lists)
        finished.push(list[1] === "set" ? await holdfast(list, { input: secret }) : await command(list));
      return finished.map(({ code, stdout, stderr }) => ({
        code,
        stderr,
        lines: stdout.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line))),
      }));
    };
    const grant = ["grants", "add", "--secret", "deploy", "--host", "api.example.com", "--for", "user=ada"];
    const [stored, listed, granted, grants, good, opened] = await run(
      [a, "secrets", "set", "deploy"],
      [b, "secrets", "list"],
      [b, ...grant],
      [a, "grants", "list"],
      [b, "audit", "verify"],
      [b, "audit", "query", "--type", "gate.open"],
    );
    assert.equal(stored?.code, 0);
    assert.deepEqual(listed?.lines.map(({ name }) => name).sort(), ["deploy", "earlier"], listed?.stderr);
    assert.equal(granted?.lines.length, 1, granted?.stderr);
    assert.deepEqual(
      grants?.lines.map(({ id }) => id),
      granted.lines.map(({ id }) => id),
    );
    assert.ok((await rowsWith(store, "deploy")) > 0, "the search finds names");
    for (const hidden of [secret, key, Buffer.from(key, "base64").toString("hex")])
      assert.equal(await rowsWith(store, hidden), 0);
    for (const output of [first.stderr(), second.stderr()])
      assert.ok(!output.includes(secret) && !output.includes(key));

    assert.deepEqual(
      good?.lines.map(({ node, ok, files }) => [node, ok, files?.ok]),
      [
        ["a", true, true],
        ["b", true, true],
      ],
      good?.stderr,
    );
    assert.equal(good.code, 0);
    assert.deepEqual(opened?.lines.map(({ node }) => node).sort(), ["a", "b"]);
    const log = join(a, "gate", "audit.log");
    writeFileSync(log, readFileSync(log, "utf8").replace("gate.open", "gate.opem"));
    const explain = ["policy", "explain", "--tool", "note_post"];
    const [rewritten, none, asks] = await run(
      [b, "audit", "verify"],
      [b, "policy", "accepted"],
      [b, ...explain],
    );
    assert.deepEqual(
      [rewritten?.code, rewritten?.lines.map(({ node, stored, files }) => [node, stored.ok, files.ok])],
      [
        1,
        [
          ["a", true, false],
          ["b", true, true],
        ],
      ],
    );
    assert.deepEqual(none?.lines, []);
    assert.equal(asks?.lines[0].action, "ask");
    await acceptRule(t, store, { id: "accepted", tools: ["note_post"], action: "allow", reason: "often" });
    const accepted = await run(
      [a, ...explain],
      [b, ...explain],
      [a, "policy", "check"],
      [b, "policy", "check"],
    );
    assert.deepEqual(
      accepted.map(({ lines: [line] }) => [line.action, line.rule, line.accepted]),
      [
        ["allow", "accepted", undefined],
        ["allow", "accepted", undefined],
        [undefined, undefined, 1],
        [undefined, undefined, 1],
      ],
    );
    // A rule of the node's own file contradicts it.
    const denial = { id: "closed", tools: ["note_post"], action: "deny", reason: "closed" };
    writeFileSync(join(b, "policy.json"), JSON.stringify({ version: 1, rules: [denial] }));
    const [denied] = await run([b, ...explain]);
    assert.equal(denied?.lines[0].rule, "closed");

    // The node is gone, its secrets are not, and what can be said about its files is.
    await first.stop("SIGKILL");
    const [refused, gone] = await commandEach([
      ["secrets", "list", "--data", a],
      ["audit", "verify", "--data", b],
    ]);
    assert.match(refused?.stderr ?? "", /vault.*node_not_running/s);
    assert.match(gone?.stdout ?? "", /^a +ok/m);
    assert.match(gone?.stdout ?? "", /files: not checked, because the node is not running/);
    assert.equal(gone?.code, 0, gone?.stdout);
    assert.equal(await second.stop(), 0);
  });

  test("a node without the key of the cluster does not start, and says why", async (t) => {
    const store = postgres.createDatabase();
    const data = join(temporaryDirectory(), "a");
    const start = (env: Readonly<Record<string, string>>, ...args: string[]) =>
      holdfast(["start", "--port", "0", "--unsafe-no-jail", "--data", data, ...args], {
        env: { ...environment(store, "b"), ...env },
      });
    const none = await start({});
    assert.match(none.stderr, /Set HOLDFAST_CLUSTER_KEY to the same key on all nodes/);
    const absent = await start({}, "--cluster-key-file", "/nonexistent/key");
    assert.match(absent.stderr, /cannot be read: \/nonexistent\/key/);
    const short = await start({ HOLDFAST_CLUSTER_KEY: "c2hvcnQ=" });
    assert.match(short.stderr, /is not 32 bytes/);
    assert.ok(!short.stderr.includes("c2hvcnQ="));
    const env = { ...environment(store, "a"), HOLDFAST_CLUSTER_KEY: key };
    const server = await startServer(t, join(temporaryDirectory(), "first"), ["--unsafe-no-jail"], env);
    const other = await start({ HOLDFAST_CLUSTER_KEY: newKey() });
    assert.match(other.stderr, /another cluster key than the other nodes/);
    assert.deepEqual([none.code, absent.code, short.code, other.code], [1, 1, 1, 1]);
    assert.equal(existsSync(join(data, "gate", "node.json")), false);
    assert.equal(await server.stop(), 0);
    // The way out when the key is lost: its secrets are, too.
    const client = new Client({ connectionString: store });
    await client.connect();
    await client.query("DELETE FROM holdfast.actor WHERE name = 'gateVault'");
    await client.end();
    const again = { ...environment(store, "b"), HOLDFAST_CLUSTER_KEY: newKey() };
    const fresh = await startServer(t, data, ["--unsafe-no-jail"], again);
    assert.equal(await fresh.stop(), 0);
  });

  test("a budget that two processes spend as fast as they can stops at its limit", async (t) => {
    const store = postgres.createDatabase();
    const upstream = await startUpstream(t, () => ({
      headers: { "content-type": "application/json" },
      chunks: [JSON.stringify({ model: "m", usage: { input_tokens: 10, output_tokens: 40 } })],
    }));
    const limit = 10_000;
    const nodes = await Promise.all(
      ["a", "b"].map(async (name) => {
        const child = fork(
          new URL("gate-node.ts", import.meta.url).pathname,
          [temporaryDirectory(), upstream.url, String(limit)],
          {
            execArgv: [...ownImports],
            env: { ...process.env, ...environment(store, name), HOLDFAST_CLUSTER_KEY: key },
          },
        );
        t.after(() => child.kill("SIGKILL"));
        await once(child, "message");
        return child;
      }),
    );
    const calls = await Promise.all(
      nodes.map(async (node) => {
        const spent = once(node, "message");
        node.send("spend");
        const [{ calls: own }] = (await spent) as [{ calls: number }];
        return own;
      }),
    );
    const total = calls.reduce((sum, each) => sum + each, 0) * 50;
    assert.ok(total <= limit && total > 0.9 * limit, `${total}`);
    assert.ok(
      calls.every((own) => own > 0),
      String(calls),
    );
    assert.equal(upstream.requests.length * 50, total);
    for (const node of nodes) {
      const ended = once(node, "exit");
      node.send("end");
      assert.deepEqual(await ended, [0, null]);
    }
  });
});
