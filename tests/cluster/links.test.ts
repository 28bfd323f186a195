import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { text } from "node:stream/consumers";
import { after, before, describe, type TestContext, test } from "node:test";
import { freePort } from "@holdfast/testing/free-port";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { clientOf, startNode, type TestNode } from "./nodes.ts";

describe("the port for other nodes", () => {
  let server: PostgresServer;
  let node: TestNode;
  let port: number;

  before(async () => {
    server = await startPostgres();
    port = await freePort();
    const env = { HOLDFAST_ADVERTISE: `http://127.0.0.1:${port}` };
    node = await startNode("one", { store: server.url, env });
    await clientOf(node).counter.getOrCreate(["k"]).add(1);
  });
  after(async () => {
    await node.stop();
    await server.stop();
  });

  function session(t: TestContext): ClientHttp2Session {
    const opened = connect(`http://127.0.0.1:${port}`);
    opened.on("error", () => undefined);
    t.after(() => opened.destroy());
    return opened;
  }

  async function ask(opened: ClientHttp2Session, kind: string, body: unknown, path = "/") {
    const stream = opened.request({ ":method": "POST", ":path": path, "x-holdfast-link": kind });
    stream.end(JSON.stringify(body));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    return { status: headers[":status"], body: await text(stream) };
  }

  const action = "/actors/counter/@k/actions/add";

  test("answers nothing to a peer that has not proved the secret", async (t) => {
    const opened = session(t);
    for (const kind of ["request", "internal", "socket", "internal-socket", "revision", "proof"]) {
      assert.equal((await ask(opened, kind, { args: [1] }, action)).status, 401, kind);
    }
    assert.equal(await clientOf(node).counter.getOrCreate(["k"]).read(), 1);
  });

  test("ends the connection of a peer with a wrong proof", async (t) => {
    const opened = session(t);
    const hello = { protocol: 1, node: "other", nonce: "n", keys: [] as string[] };
    assert.equal((await ask(opened, "hello", hello)).body, '{"error":"secret_mismatch"}');
    assert.equal((await ask(opened, "proof", { proof: "" })).status, 401);

    // The id of a secret is no secret: whoever has seen one still has to prove that.
    const second = session(t);
    const seen = await import("../../packages/server/src/cluster/links/handshake.ts");
    const { secret } = await import("./nodes.ts");
    const { keys } = new seen.ClusterSecrets(secret);
    const welcome = JSON.parse((await ask(second, "hello", { ...hello, keys })).body) as {
      readonly proof: string;
    };
    const closed = once(second, "close");
    // The accepter's own proof is not the caller's.
    void ask(second, "proof", { proof: welcome.proof });
    await closed;
  });

  test("greets once in each session", async (t) => {
    const opened = session(t);
    const hello = { protocol: 1, node: "other", nonce: "n", keys: [] as string[] };
    assert.equal((await ask(opened, "hello", hello)).status, 200);
    assert.equal((await ask(opened, "hello", hello)).status, 400);
  });
});
