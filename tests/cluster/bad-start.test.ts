import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { freePort } from "@holdfast/testing/free-port";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { setup } from "holdfast";
import { isHoldfastError } from "holdfast/errors";
import { type ClusterOptions, type InProcessNode, startInProcess } from "./in-process.ts";

const secrets = {
  ours: "the secret of this cluster",
  next: "the next secret of this cluster",
  theirs: "the secret of another cluster",
};

/** Nodes of this process over one server: each case takes a database of its own. */
describe("a node that must not start says why, and what to do", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const start = (t: TestContext, store: string, cluster: ClusterOptions): Promise<InProcessNode> =>
    startInProcess(t, store, { secret: secrets.ours, ...cluster });

  async function refuses(
    node: Promise<unknown>,
    expected: { readonly code: string; readonly message: RegExp },
  ): Promise<void> {
    await assert.rejects(node, (error) => {
      assert.ok(isHoldfastError(error), String(error));
      assert.equal(`${error.group}.${error.code}`, expected.code);
      assert.match(error.message, expected.message);
      return true;
    });
  }

  test("a URL of another kind of database", () => {
    const options = { use: {}, store: "mysql://root:hidden@127.0.0.1/app" };
    assert.throws(
      () => setup(options),
      (error: Error) => {
        assert.match(error.message, /not a URL of a PostgreSQL or Redis server.*postgres:\/\/user/);
        assert.ok(!error.message.includes("hidden"));
        return isHoldfastError(error);
      },
    );
  });

  test("the database of a cluster with another secret, until a node knows both", async (t) => {
    const store = server.createDatabase();
    await start(t, store, { node: "one" });
    const code = "cluster.secret_mismatch";
    const message = /belongs to a cluster with another secret.*a database of its own/;
    await refuses(start(t, store, { node: "two", secret: secrets.theirs }), { code, message });
    await start(t, store, { node: "three", secret: `${secrets.next},${secrets.ours}` });
    await start(t, store, { node: "four", secret: secrets.next });
    // Every node knows the next secret by then, and the old one is worth nothing any more.
    await refuses(start(t, store, { node: "five" }), { code, message });
  });

  test("of two clusters that start over one empty database together, one is refused", async (t) => {
    const store = server.createDatabase();
    const starts = await Promise.allSettled([
      start(t, store, { node: "one" }),
      start(t, store, { node: "two", secret: secrets.theirs }),
    ]);
    assert.deepEqual(starts.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });

  test("an address that the other nodes cannot reach", async (t) => {
    const store = server.createDatabase();
    const known = `http://127.0.0.1:${await freePort()}`;
    await start(t, store, { node: "one", advertise: known });
    const listen = `127.0.0.1:${await freePort()}`;
    const advertise = `http://127.0.0.1:${await freePort()}`;
    await refuses(start(t, store, { node: "two", advertise, listen }), {
      code: "cluster.address_unreachable",
      message: /The node "one" cannot reach this one at .*ECONNREFUSED.*Set HOLDFAST_ADVERTISE/,
    });
    await refuses(start(t, store, { node: "two", advertise: known, listen }), {
      code: "cluster.address_unreachable",
      message: /leads to the node "one"/,
    });
    // It has not joined: the id is free.
    const { warnings } = await start(t, store, { node: "two" });
    assert.deepEqual(warnings, []);
  });

  test("an address that only some of the others reach is said, and does not stop the node", async (t) => {
    const store = server.createDatabase();
    // Told to be elsewhere before anybody else was there to notice.
    const stray = {
      advertise: `http://127.0.0.1:${await freePort()}`,
      listen: `127.0.0.1:${await freePort()}`,
    };
    await start(t, store, { node: "stray", ...stray });
    const { warnings } = await start(t, store, { node: "two" });
    const [warning] = warnings.filter(({ message }) => message.includes("another node cannot be reached"));
    assert.equal(warning?.fields["node"], "stray");
    assert.match(String(warning?.fields["reason"]), /ECONNREFUSED/);
  });
});
