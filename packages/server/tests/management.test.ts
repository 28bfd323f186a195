import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@holdfast/client";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { allActors } from "@holdfast/testing/actors";
import { actorsOf, embeddedOnly } from "@holdfast/testing/backends";
import type { GatewayOptions, ManageInfo, Registry } from "../src/index.ts";
import { serve, storedRegistry, temporaryDirectory } from "./support.ts";

async function get(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

test("actors are listed, filtered, paged and counted, over the network and in the process", async (t) => {
  const { registry, client } = await serve(t, allActors);
  const network = client();
  for (const key of [["a", "1"], ["a", "2"], ["ab"], ["a,b"], []]) {
    await network.counter.getOrCreate(key).increment(1);
  }
  await network.echo.getOrCreate("other").none();
  for (const each of [network, registry.client]) {
    const all = await each.counter.list();
    assert.deepEqual(
      all.actors.map(({ key }) => key),
      [["a", "1"], ["a", "2"], ["ab"], ["a,b"], []],
    );
    assert.equal(all.cursor, undefined);
    assert.equal(all.actors[0]?.name, "counter");
    assert.equal(all.actors[0]?.status, "running");
    assert.equal(typeof all.actors[0]?.createdAt, "number");
    const keys = async (options: Parameters<typeof each.counter.list>[0]) =>
      (await each.counter.list(options)).actors.map(({ key }) => key.join("|"));
    assert.deepEqual(await keys({ prefix: ["a"] }), ["a|1", "a|2"]);
    assert.deepEqual(await keys({ prefix: "a" }), ["a|1", "a|2", "ab", "a,b"]);
    assert.deepEqual(await keys({ prefix: "a,b" }), ["a,b"]);
    const after = all.actors[2]?.createdAt ?? 0;
    assert.equal((await keys({ createdAfter: after })).includes("ab"), false);
    const first = await each.counter.list({ limit: 2 });
    const rest = await each.counter.list({ limit: 1_000, cursor: first.cursor ?? "" });
    assert.deepEqual([first.actors.length, rest.actors.length], [2, 3]);
    assert.equal(await each.counter.count(), 5);
    assert.equal(await each.counter.count({ prefix: ["a"] }), 2);
    assert.equal(await each.echo.count(), 1);
  }
});

test("running and sleeping actors are told apart", async (t) => {
  const { registry, url, client } = await serve(t, allActors);
  const { counter } = client();
  for (const key of ["a", "b", "c"]) await counter.getOrCreate(key).increment(1);
  const slept = await fetch(`${url}/actors/counter/@b,/sleep`, { method: "POST" });
  assert.equal(slept.status, 204);
  const keys = async (status: "running" | "sleeping") =>
    (await counter.list({ status, limit: 2 })).actors.map(({ key }) => key.join());
  assert.deepEqual(await keys("sleeping"), ["b"]);
  assert.deepEqual(await keys("running"), ["a", "c"]);
  assert.equal(await counter.count({ status: "running" }), 2);
  assert.equal(await counter.count({ status: "sleeping" }), 1);
  const page = await counter.list({ status: "running", limit: 1 });
  assert.deepEqual(
    (await counter.list({ status: "running", cursor: page.cursor ?? "" })).actors.map(({ key }) => key),
    [["c"]],
  );
  const status = await get(`${url}/actors/counter/@b,/status`);
  assert.equal(status.body["status"], "sleeping");
  assert.equal((await actorsOf(registry)).size, 2);
});

test("an actor is destroyed by key, and many by a filter", async (t) => {
  const { url, client } = await serve(t, allActors);
  const { counter } = client();
  for (const key of [["t", "1"], ["t", "2"], ["u"]]) await counter.getOrCreate(key).increment(1);
  await counter.destroy(["u"]);
  await assert.rejects(counter.get(["u"]).get(), (error) => isErrorCode(error, "actor", "not_found"));
  await assert.rejects(counter.destroy(["u"]), (error) => isErrorCode(error, "actor", "not_found"));
  const capped = await counter.destroyMany({ prefix: ["t"], limit: 1 });
  assert.deepEqual(capped, { destroyed: 1, failed: [], more: true });
  assert.deepEqual(await counter.destroyMany({ prefix: ["t"] }), { destroyed: 1, failed: [], more: false });
  assert.equal(await counter.count(), 0);
  await counter.getOrCreate("v").increment(1);
  const nameless = await get(`${url}/actors`, { method: "DELETE" });
  assert.equal(nameless.status, 400);
  const gone = await fetch(`${url}/actors/counter/@v,`, { method: "DELETE" });
  assert.equal(gone.status, 204);
  assert.equal(await counter.count(), 0);
});

test("a limit that is undefined is none: as many are destroyed as one call may", async (t) => {
  const { registry } = await serve(t, allActors);
  const { counter } = registry.client;
  await Promise.all(Array.from({ length: 101 }, (_, index) => counter.getOrCreate(`${index}`).increment(1)));
  const options = { limit: undefined as unknown as number };
  assert.deepEqual(await counter.destroyMany(options), { destroyed: 101, failed: [], more: false });
});

test("a filter that makes no sense is refused, at, below and above each limit", async (t) => {
  const { url, client } = await serve(t, allActors);
  const { counter } = client();
  const refused = (error: unknown): boolean => isErrorCode(error, "actor", "invalid_filter");
  await assert.rejects(counter.list({ limit: 0 }), refused);
  await assert.rejects(counter.list({ limit: 1_001 }), refused);
  await assert.rejects(counter.list({ limit: 1.5 }), refused);
  await assert.rejects(counter.list({ status: "dead" as "running" }), refused);
  await assert.rejects(counter.list({ createdAfter: Number.NaN }), refused);
  assert.deepEqual(await counter.list({ limit: 1 }), { actors: [] });
  assert.deepEqual(await counter.list({ limit: 1_000 }), { actors: [] });
  for (const query of [
    "limit=0",
    "limit=",
    "limit=x",
    "status=dead",
    "createdAfter=soon",
    "keyPrefix=a",
    "cursor=x",
    "cursor=",
  ]) {
    assert.equal((await get(`${url}/actors?name=counter&${query}`)).status, 400, query);
  }
  assert.equal((await get(`${url}/actors?name=nobody`)).status, 200);
  assert.equal((await get(`${url}/actors`, { method: "PUT" })).status, 405);
  assert.equal((await get(`${url}/actors/counter/@x,/sleep`, { method: "POST" })).status, 404);
  assert.equal((await get(`${url}/actors/counter/@x,/sleep`)).status, 405);
});

test("actors are found by id, and kinds of actors by name", async (t) => {
  const { url, client } = await serve(t, allActors);
  const id = await client().counter.getOrCreate("x").resolve();
  const found = await get(`${url}/actors?id=${id}&id=none`);
  assert.deepEqual(
    (found.body["actors"] as { id: string }[]).map((actor) => actor.id),
    [id],
  );
  const { names } = (await get(`${url}/actors/names`)).body as {
    names: Record<string, { actions: string[] }>;
  };
  assert.deepEqual(Object.keys(names), ["counter", "echo"]);
  assert.ok(names["counter"]?.actions.includes("nested.deep.double"));
});

test("an actor is forked, exported and imported", async (t) => {
  const { url, client } = await serve(t, allActors);
  const { counter } = client();
  await counter.getOrCreate("a").increment(5);
  const json = { "content-type": "application/json" };
  const post = (path: string, body: unknown) =>
    get(`${url}${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  const forked = await post("/actors/counter/@a,/fork", { key: ["b", "c"] });
  assert.equal(forked.status, 201);
  const original = await counter.get("a").resolve();
  // The version of the UUID says whether it carries the shard.
  assert.equal(String(forked.body["id"])[14], original[14]);
  await counter.get("a").increment(1);
  assert.equal(await counter.get(["b", "c"]).get(), 5);
  assert.equal((await post("/actors/counter/@a,/fork", { key: ["b", "c"] })).status, 409);
  assert.equal((await post("/actors/counter/@a,/fork", {})).status, 400);
  const tokenOf = async (actor: string) =>
    (await get(`${url}/actors/counter/${actor}/inspector/token`)).body["token"];
  const token = await tokenOf("@a,");
  await post("/actors/counter/@a,/fork", { key: "e" });
  // A copy has a token of its own: who may look into one may not look into the other.
  assert.notEqual(await tokenOf("@e,"), token);
  const file = await (await fetch(`${url}/actors/counter/@a,/export`)).arrayBuffer();
  const imported = await get(`${url}/actors/import?key=d,`, { method: "POST", body: file });
  assert.equal(imported.status, 201, JSON.stringify(imported.body));
  assert.equal(String(imported.body["id"])[14], original[14]);
  assert.equal(await counter.get("d").get(), 6);
  assert.notEqual(await tokenOf("@d,"), token);
  // Nobody could reach it, nor destroy it.
  const nameless = await get(`${url}/actors/import?name=nobody&key=f,`, { method: "POST", body: file });
  assert.deepEqual([nameless.status, nameless.body["code"]], [400, "invalid_import"]);
  assert.equal((await get(`${url}/actors/count?name=nobody`)).body["count"], 0);
  const damaged = await get(`${url}/actors/import?key=g,`, { method: "POST", body: file.slice(0, -3) });
  assert.equal(damaged.status, 400);
  assert.equal(damaged.body["code"], "invalid_import");
});

test("strangers manage nothing", { skip: embeddedOnly("asks the gateway of one server only") }, async (t) => {
  const paths: [method: string, path: string][] = [
    ["GET", "/actors"],
    ["GET", "/actors/count"],
    ["GET", "/actors/names"],
    ["DELETE", "/actors?name=counter"],
    ["DELETE", "/actors/counter/@a,"],
    ["GET", "/actors/counter/@a,/status"],
    ["POST", "/actors/counter/@a,/sleep"],
    ["POST", "/actors/counter/@a,/fork"],
    ["GET", "/actors/counter/@a,/export"],
    ["GET", "/actors/counter/@a,/inspector/state"],
    ["GET", "/metrics"],
    ["GET", "/openapi.json"],
    ["GET", "/asyncapi.json"],
    ["GET", "/docs"],
  ];
  const refused = async (options: GatewayOptions, headers: Record<string, string>) => {
    const { url, client } = await serve(t, allActors, { gateway: options });
    await client().counter.getOrCreate("a").increment(1);
    for (const [method, path] of paths) {
      const { status, body } = await get(url + path, { method, headers });
      assert.equal(status, 401, `${method} ${path}`);
      assert.deepEqual([body["group"], body["code"]], ["inspector", "unauthorized"]);
    }
    assert.equal(await client().counter.get("a").get(), 1);
  };
  // Through a proxy nobody knows who it is; another page must not; a wrong token, or none, is none.
  await refused({}, { "x-forwarded-for": "10.0.0.1" });
  await refused({}, { "sec-fetch-site": "cross-site" });
  await refused({ loopbackOrigins: true }, { origin: "http://localhost:5173" });
  await refused({}, { authorization: "Bearer guess" });
  await refused({ inspector: { token: "secret" } }, {});
  await refused({ inspector: { token: "secret" } }, { authorization: "Bearer secre" });
  const manage = (): never => {
    throw new HoldfastError("auth", "unauthorized", "Log in");
  };
  await refused({ manage }, {});
});

test("the hook hears what is asked, and decides", async (t) => {
  const asked: string[] = [];
  const manage = ({ kind, actor, key, method }: ManageInfo): void => {
    asked.push([kind, actor, key?.join("|"), method].join(" "));
    if (kind === "destroy") throw new HoldfastError("auth", "forbidden", "Not that");
  };
  const { url, client } = await serve(t, allActors, { gateway: { manage } });
  await client().counter.getOrCreate(["a", "b"]).increment(1);
  // Also from where no default would let anybody in.
  const headers = { "x-forwarded-for": "10.0.0.1" };
  assert.equal((await get(`${url}/actors`, { headers })).status, 200);
  assert.equal((await get(`${url}/actors/counter/@a,b,/inspector/state`, { headers })).status, 200);
  assert.equal((await get(`${url}/actors/counter/@a,b,`, { headers, method: "DELETE" })).status, 403);
  assert.deepEqual(asked, ["list   GET", "inspect counter a|b GET", "destroy counter a|b DELETE"]);
});

test("the token of the server lets its bearer in, also a client that has it in its endpoint", async (t) => {
  const { url } = await serve(t, allActors, { gateway: { inspector: { token: "secret" } } });
  const headers = { authorization: "Bearer secret", "x-forwarded-for": "10.0.0.1" };
  assert.equal((await get(`${url}/actors`, { headers })).status, 200);
  const client = createClient<Registry<typeof allActors>>(url.replace("http://", "http://default:secret@"));
  t.after(() => client.dispose());
  assert.equal(await client.counter.count(), 0);
  const stranger = createClient<Registry<typeof allActors>>(url);
  t.after(() => stranger.dispose());
  await assert.rejects(stranger.counter.count(), (error) => isErrorCode(error, "inspector", "unauthorized"));
});

test("the token of scrapers reads the metrics, and nothing else", async (t) => {
  const headers = { authorization: "Bearer scraper", "x-forwarded-for": "10.0.0.1" };
  for (const inspector of [{ metricsToken: "scraper" }, { token: "secret", metricsToken: "scraper" }]) {
    const { url } = await serve(t, allActors, { gateway: { inspector } });
    const status = async (path: string, sent = headers) =>
      (await fetch(url + path, { headers: sent })).status;
    assert.equal(await status("/metrics"), 200);
    for (const path of ["/actors", "/actors/counter/@a,/inspector/state", "/docs"])
      assert.equal(await status(path), 401, path);
    assert.equal(await status("/metrics", { ...headers, authorization: "Bearer scrape" }), 401);
  }
});

test("a profile of CPU time names what ran, one at a time, and a heap snapshot what is there", async (t) => {
  const { url, client } = await serve(t, allActors, { gateway: { inspector: { token: "secret" } } });
  const headers = { authorization: "Bearer secret" };
  const profile = (query: string) => fetch(`${url}/profile/${query}`, { headers });
  assert.equal((await fetch(`${url}/profile/heap`)).status, 401);
  for (const seconds of ["0", "61", "x"])
    assert.equal(
      (await get(`${url}/profile/cpu?seconds=${seconds}`, { headers })).body["code"],
      "invalid_duration",
    );
  const measured = profile("cpu?seconds=1");
  let busy = await profile("cpu?seconds=1");
  // The first may not have begun.
  const [first, second] = busy.status === 409 ? [await measured, busy] : [busy, await measured];
  assert.equal(((await second.json()) as { code?: string }).code, "busy");
  const { nodes, samples } = (await first.json()) as CpuProfile;
  assert.ok(samples.length > 0 && nodes.some(({ callFrame }) => callFrame.url.startsWith("node:")));
  await client()
    .counter.getOrCreate("a")
    .increment(1)
    .catch(() => undefined);
  busy = await profile("heap");
  const { snapshot, strings } = (await busy.json()) as HeapSnapshot;
  assert.ok(snapshot.node_count > 1_000 && strings.includes("ManagementHttp"));
});

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly url: string } }[];
  readonly samples: readonly number[];
}

interface HeapSnapshot {
  readonly snapshot: { readonly node_count: number };
  readonly strings: readonly string[];
}

test("turned off, there is nothing", async (t) => {
  const { url } = await serve(t, allActors, { gateway: { inspector: { enabled: false } } });
  for (const path of ["/actors", "/actors/counter/@a,/inspector/state", "/metrics", "/docs"]) {
    assert.equal((await get(url + path)).status, 404, path);
  }
});

test("a handler in a server of one's own asks for the token, and keeps filters", async (t) => {
  const { registry, client } = await serve(t, allActors, { gateway: { inspector: { token: "secret" } } });
  for (const key of ["a", "b"]) await client().counter.getOrCreate(key).increment(1);
  const ask = (path: string, headers: Record<string, string> = {}) =>
    registry.handler(new Request(`http://localhost/api/own${path}`, { headers }));
  const bearer = { authorization: "Bearer secret" };
  assert.equal((await ask("/actors?name=counter&prefix=a")).status, 401);
  const { actors } = (await (await ask("/actors?name=counter&prefix=a", bearer)).json()) as {
    actors: unknown[];
  };
  assert.equal(actors.length, 1);
  assert.equal((await ask("/actors/counter/@a,/inspector/state", bearer)).status, 200);
  const open = storedRegistry(allActors, temporaryDirectory(t));
  t.after(() => open.shutdown());
  // Nobody knows where its requests come from: without a token there is no owner.
  assert.equal((await open.handler(new Request("http://localhost/actors"))).status, 401);
});
