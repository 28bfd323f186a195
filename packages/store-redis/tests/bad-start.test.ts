import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { afterTest } from "@holdfast/testing";
import { create, newActor } from "@holdfast/testing/batches";
import { startRedis } from "@holdfast/testing/redis";
import { listeningPorts, openStore, refusal, tempDirectory } from "./support.ts";

const server = await startRedis();
after(() => server.stop());

describe("a store that cannot be opened says why, and what to do", () => {
  const urls: readonly (readonly [string, RegExp])[] = [
    ["http://host", /not that of a Redis or Valkey server/],
    ["no url", /not that of a Redis or Valkey server/],
    ["redis://host/name", /number of a database/],
    ["redis://host/0?prefx=a", /no parameter "prefx"/],
    ["redis://host/0?durability=high", /always, everysec or none, not "high"/],
    ["redis://host/0?prefix=a{b}", /letters, digits/],
  ];
  for (const [url, message] of urls) {
    test(`a wrong URL: ${url}`, async (t) => {
      await assert.rejects(openStore(t, { url }), refusal("invalid_options", message));
    });
  }

  test("a number of shards that is no power of two", async (t) => {
    const opened = openStore(t, { url: server.url(), shards: 3 });
    await assert.rejects(opened, refusal("invalid_options", /power of two/));
  });

  test("a host that nobody knows, and a port at which nobody listens", async (t) => {
    const unknown = openStore(t, { url: "redis://no-such-host.invalid" });
    await assert.rejects(unknown, refusal("unavailable", /Correct the host in the URL/));
    const silent = openStore(t, { url: "redis://127.0.0.1:1" });
    await assert.rejects(silent, refusal("unavailable", /ECONNREFUSED.*listens at this address/));
  });

  test("a database that the server does not have", async (t) => {
    const url = server.url().replace("/0", "/99");
    await assert.rejects(openStore(t, { url }), refusal("unavailable", /out of range/));
  });

  test("a wrong password, none, and a user who may not do everything", async (t) => {
    server.execute("ACL", "SETUSER", "guarded", "on", ">right", "~{test-*", "+@all");
    server.execute("ACL", "SETUSER", "reader", "on", ">right", "~*", "+@all", "-@scripting");
    server.execute("ACL", "SETUSER", "default", "resetpass", ">secret");
    const as = (login: string) => server.url().replace("//", `//${login}`);
    try {
      const wrong = openStore(t, { url: as("guarded:wrong@") });
      await assert.rejects(wrong, refusal("unavailable", /Check the user and the password/));
      await assert.rejects(
        openStore(t, { url: as("") }),
        refusal("unavailable", /Check the user and the password/),
      );
      await assert.rejects(openStore(t, { url: as("reader:right@") }), refusal("unavailable", /ACL SETUSER/));
      assert.equal(await (await openStore(t, { url: as("guarded:right@") })).count({}), 0);
      assert.equal(await (await openStore(t, { url: as(":secret@") })).count({}), 0);
    } finally {
      server.execute("--no-auth-warning", "-a", "secret", "ACL", "SETUSER", "default", "nopass");
    }
  });

  test("a server that removes keys when its memory is full", async (t) => {
    server.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    try {
      const opened = openStore(t, { url: server.url() });
      await assert.rejects(opened, refusal("evicts_data", /maxmemory-policy allkeys-lru.*noeviction/));
    } finally {
      server.execute("CONFIG", "SET", "maxmemory-policy", "noeviction");
    }
  });

  test("a replica", async (t) => {
    const replica = await startRedis({ replicaof: `127.0.0.1 ${server.port}` });
    afterTest(t, () => replica.stop());
    await assert.rejects(openStore(t, { url: replica.url() }), refusal("unavailable", /Name the primary/));
  });

  test("keys under its prefix that it has not made", async (t) => {
    for (const [key, ...command] of [
      ["actor:1", "SET", "text"],
      ["meta", "SET", "text"],
      ["meta", "HSET", "a", "b"],
    ] as const) {
      const url = server.url();
      const prefix = new URL(url).searchParams.get("prefix");
      const [name, ...values] = command;
      server.execute(name, `{${prefix}}:${key}`, ...values);
      await assert.rejects(openStore(t, { url }), refusal("foreign_keys", /that Holdfast has not made/));
    }
  });

  test("keys that a newer release has written", async (t) => {
    const url = server.url();
    await (await openStore(t, { url })).close();
    const prefix = new URL(url).searchParams.get("prefix");
    server.execute("HSET", `{${prefix}}:meta`, "layout", "2");
    await assert.rejects(openStore(t, { url }), refusal("format_too_new", /layout 2/));
  });

  test("a server of an older release", async (t) => {
    const url = await scriptedServer(t, (socket) => {
      const info = "redis_version:6.2.14\r\nrun_id:abc\r\n";
      socket.write(`$${info.length}\r\n${info}\r\n`);
    });
    await assert.rejects(openStore(t, { url }), refusal("server_too_old", /version 6\.2\.14/));
  });

  test("a server that accepts connections and answers nothing", async (t) => {
    const url = await scriptedServer(t, () => {});
    const opened = openStore(t, { url, connectTimeoutMs: 100 });
    await assert.rejects(opened, refusal("unavailable", /No answer for 100 ms/));
  });
});

describe("what a crash of the server can lose is said at the start", () => {
  test("nothing with appendfsync always", async (t) => {
    const { messages, ports } = listeningPorts();
    const store = await openStore(t, { url: server.url(), ports, durability: "always" });
    assert.equal(store.stats().durability, "always");
    assert.deepEqual(messages, []);
  });

  test("the last second with everysec, unless more is asked for", async (t) => {
    server.execute("CONFIG", "SET", "appendfsync", "everysec");
    try {
      const { messages, ports } = listeningPorts();
      const store = await openStore(t, { url: server.url(), ports });
      assert.equal(store.stats().durability, "everysec");
      assert.deepEqual(messages, [
        "a crash of the redis server can lose the last second of what was acknowledged",
      ]);
      const asking = openStore(t, { url: `${server.url()}&durability=always` });
      await assert.rejects(asking, refusal("not_durable", /appendfsync everysec, and the store asks for/));
    } finally {
      server.execute("CONFIG", "SET", "appendfsync", "always");
    }
  });

  test("everything without an append-only file, which has to be accepted", async (t) => {
    const volatile = await startRedis({ appendonly: "no" });
    afterTest(t, () => volatile.stop());
    const refused = openStore(t, { url: volatile.url() });
    await assert.rejects(refused, refusal("not_durable", /appendonly no.*durability=none/));
    const { messages, ports } = listeningPorts();
    const store = await openStore(t, { url: `${volatile.url()}&durability=none`, ports });
    assert.equal(store.stats().durability, "none");
    assert.match(messages.join(), /loses everything since its last snapshot/);
  });

  test("it is unknown where CONFIG is not allowed", async (t) => {
    server.execute("ACL", "SETUSER", "hosted", "on", ">right", "~*", "+@all", "-config");
    const url = server.url().replace("//", "//hosted:right@");
    const { messages, ports } = listeningPorts();
    assert.equal((await openStore(t, { url, ports })).stats().durability, "unknown");
    assert.match(messages.join(), /does not say what a crash of it can lose/);
    const asking = openStore(t, { url, durability: "always" });
    await assert.rejects(asking, refusal("not_durable", /does not say how durable it is/));
  });
});

test("a node of a Redis Cluster serves the store if it has its slot, and says so if not", async (t) => {
  const node = await startRedis({ "cluster-enabled": "yes" });
  afterTest(t, () => node.stop());
  const url = node.url();
  const incomplete = openStore(t, { url, retryForMs: 50 });
  await assert.rejects(incomplete, refusal("unavailable", /node of a Redis Cluster/));
  node.execute("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const store = await openStore(t, { url });
  const actor = newActor();
  const state = { type: "snapshot", bytes: Buffer.from("s") } as const;
  await store.commit(create(actor, { state, wakeAt: 5 }));
  assert.equal((await store.find(actor.name, actor.key))?.id, actor.id);
  assert.equal((await store.due(5, 1)).actors.length, 1);
  const image = await store.history.image(actor.id);
  const copy = { ...newActor(), createdAt: 1 };
  assert.equal((await store.history.restore(image, copy)).id, copy.id);
});

test("rediss:// speaks TLS with a server whose certificate is trusted, and with no other", async (t) => {
  const folder = tempDirectory(t);
  const self = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  execFileSync("openssl", [...self, ...names, "-keyout", "key.pem", "-out", "cert.pem"], {
    ...{ cwd: folder, stdio: "pipe" },
  });
  const cert = join(folder, "cert.pem");
  const secure = await startRedis({}, { cert, key: join(folder, "key.pem") });
  afterTest(t, () => secure.stop());
  const url = secure.url();
  assert.match(url, /^rediss:/);
  await assert.rejects(openStore(t, { url }), refusal("unavailable", /self-signed certificate/));
  const plain = openStore(t, { url: url.replace("rediss:", "redis:"), connectTimeoutMs: 500 });
  await assert.rejects(plain, refusal("unavailable", /./));
  // Node reads what it trusts when a process starts.
  const program = `const { openRedisStore } = await import("@holdfast/store-redis");
    const { systemPorts } = await import("@holdfast/core");
    const store = await openRedisStore({ url: ${JSON.stringify(url)}, cachePath: ${JSON.stringify(join(folder, "cache"))}, ports: systemPorts() });
    console.log(await store.count({}));
    await store.close();`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    ...{ cwd: import.meta.dirname, encoding: "utf8", env: { ...process.env, NODE_EXTRA_CA_CERTS: cert } },
  });
  assert.equal(printed.trim(), "0");
});

/** A server that does the same for whatever it gets. */
async function scriptedServer(t: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const scripted = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => answer(socket));
  });
  scripted.listen(0, "127.0.0.1");
  await once(scripted, "listening");
  afterTest(t, () => {
    for (const socket of sockets) socket.destroy();
    scripted.close();
  });
  return `redis://127.0.0.1:${(scripted.address() as AddressInfo).port}`;
}
