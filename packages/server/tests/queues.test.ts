import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "@holdfast/core";
import { mailbox, member, sender, worker } from "@holdfast/testing/actors";
import { cuttableProxy, serve } from "./support.ts";

const use = { worker, sender, mailbox, member };

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof HoldfastError && `${error.group}.${error.code}` === expected;
}

for (const transport of ["cbor", "json", "in process"] as const) {
  test(`a client sends, and waits for the completion (${transport})`, async (t) => {
    const { registry, client } = await serve(t, use);
    const actors = transport === "in process" ? registry.client : client({ encoding: transport });
    const handle = actors.worker.getOrCreate("a");
    assert.equal(await handle.send("jobs", "one"), undefined);
    assert.equal(await handle.send("jobs", "plain", null as unknown as undefined), undefined);
    assert.deepEqual(await handle.send("jobs", "two", { wait: true, timeout: 5_000 }), {
      status: "completed",
      response: { done: "two" },
    });
    assert.deepEqual(await handle.seen(), ["one", "plain", "two"]);
    assert.deepEqual(await handle.send("silent", "x", { wait: true, timeout: 50 }), { status: "timedOut" });
    assert.equal(await handle.takeSilent(), "x");
    await assert.rejects(handle.send("nobody" as "jobs", "x"), code("queue.not_defined"));
    await assert.rejects(handle.send("jobs", "x".repeat(70_000)), code("queue.message_too_large"));
    await assert.rejects(handle.send("jobs", "x", { delayMs: -1 }), code("queue.invalid_options"));
  });

  test(`canPublish lets a sender in, or not (${transport})`, async (t) => {
    const { registry, client } = await serve(t, use);
    const actors = transport === "in process" ? registry.client : client({ encoding: transport });
    const handle = actors.worker.getOrCreate("a", { params: { role: "sender" } });
    await assert.rejects(handle.send("locked", "x"), code("auth.forbidden"));
    await handle.send("truthy", "x");
    await assert.rejects(handle.send("falsy", "x"), code("auth.forbidden"));
    await assert.rejects(handle.send("broken", "x"), code("internal.internal_error"));
    await handle.send("guarded", "x", { wait: true });
    const stranger = actors.worker.getOrCreate("a");
    await assert.rejects(stranger.send("guarded", "x"), code("auth.forbidden"));
    const connection = stranger.connect({ role: "sender" });
    const sent = await connection.send("guarded", "y", { wait: true });
    assert.equal(sent.status, "completed");
    assert.equal(await connection.send("guarded", "z", null as unknown as undefined), undefined);
    await connection.dispose();
    await assert.rejects(connection.send("guarded", "y"), code("conn.disposed"));
  });

  test(`an aborted wait ends, and its message stays (${transport})`, async (t) => {
    const { registry, client } = await serve(t, use);
    const actors = transport === "in process" ? registry.client : client({ encoding: transport });
    const handle = actors.worker.getOrCreate("a");
    const abort = new AbortController();
    const waiting = handle.send("silent", "x", { wait: true, signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await handle.send("silent", "y");
    const taken = [await handle.takeSilent(), await handle.takeSilent()];
    assert.equal(taken.includes("y"), true);
  });
}

test("messages of one handle arrive in order, also when nobody waits for one before the next", async (t) => {
  const { client } = await serve(t, use);
  const handle = client().worker.getOrCreate("a");
  const bodies = Array.from({ length: 20 }, (_, index) => `${index}`);
  await Promise.all(bodies.map((body) => handle.send("jobs", body)));
  await handle.send("jobs", "last", { wait: true });
  assert.deepEqual(await handle.seen(), [...bodies, "last"]);
});

test("a sleeping actor is woken by a message, and a wait outlives its sleep", async (t) => {
  const { client } = await serve(t, use);
  const handle = client().worker.getOrCreate("a");
  await handle.send("jobs", "one", { wait: true });
  await handle.sleepNow();
  assert.deepEqual(await handle.send("jobs", "two", { wait: true }), {
    status: "completed",
    response: { done: "two" },
  });
  const silent = handle.send("silent", "x", { wait: true, timeout: 300 });
  await handle.send("jobs", "three", { wait: true });
  await handle.sleepNow();
  assert.deepEqual(await silent, { status: "timedOut" });
  assert.deepEqual(await handle.seen(), ["one", "two", "three"]);
});

test("what an actor sends to another arrives once, in order, and its errors come back", async (t) => {
  const { client } = await serve(t, use);
  const from = client().sender.getOrCreate("s");
  assert.equal(
    await from.send("jobs" as never, "x" as never).catch((error: HoldfastError) => error.code),
    "not_defined",
  );
  assert.equal(await from.action({ name: "send", args: ["w", "hello"] }), 1);
  await from.sendMany("w", 10);
  assert.deepEqual(await from.ask("w", "last"), { status: "completed", response: { done: "last" } });
  assert.equal(await from.refused("w"), "forbidden");
  const seen = await client().worker.getOrCreate("w").seen();
  assert.deepEqual(seen, ["hello", ...Array.from({ length: 10 }, (_, index) => `${index}`), "last"]);
});

test("the route speaks plain JSON, and refuses what it cannot read", async (t) => {
  const { url } = await serve(t, use);
  const post = (
    body: unknown,
    path = "/actors/worker/@w,/queues/jobs?create=true",
    type = "application/json",
  ) => fetch(url + path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": type } });
  const sent = await post({ body: "a", wait: true, timeout: 5_000 });
  assert.deepEqual(await sent.json(), { status: "completed", response: { done: "a" } });
  assert.deepEqual(await (await post({ body: "b" })).json(), { status: "completed" });
  const late = await post({ body: "c", wait: true, timeout: 20 }, "/actors/worker/@w,/queues/silent");
  assert.deepEqual(await late.json(), { status: "timedOut" });
  const refused = async (response: Promise<Response>): Promise<unknown> => {
    const problem = (await (await response).json()) as { group: string; code: string; status: number };
    return [problem.status, `${problem.group}.${problem.code}`];
  };
  assert.deepEqual(await refused(post([1])), [400, "message.malformed_request"]);
  assert.deepEqual(await refused(post({ body: 1, wait: "yes" })), [400, "message.malformed_request"]);
  assert.deepEqual(await refused(post({ body: 1, timeout: -1 })), [400, "message.malformed_request"]);
  assert.deepEqual(await refused(post({}, undefined, "text/plain")), [
    415,
    "gateway.unsupported_content_type",
  ]);
  assert.deepEqual(await refused(post({ body: 1 }, "/actors/worker/@w,/queues/nobody")), [
    404,
    "queue.not_defined",
  ]);
  assert.deepEqual(await refused(post({ body: 1 }, "/actors/worker/@gone,/queues/jobs")), [
    404,
    "actor.not_found",
  ]);
  assert.deepEqual(await refused(fetch(`${url}/actors/worker/@w,/queues/jobs`)), [
    405,
    "gateway.method_not_allowed",
  ]);
});

test("an actor reaches its own queue through its client, and a wait ends when it is destroyed", async (t) => {
  const { client } = await serve(t, use);
  const handle = client().mailbox.getOrCreate("m");
  assert.equal(await handle.sendToSelf("x"), true);
  assert.equal(await handle.take(1_000), "x");
  assert.equal(await handle.take(10), null);
  const waiting = handle.take(5_000);
  await client().mailbox.getOrCreate("m").send("mail", "y");
  assert.equal(await waiting, "y");
  await assert.rejects(handle.destroyWhileWaiting(), code("actor.aborted"));
});

for (const transport of ["cbor", "json", "in process"] as const) {
  test(`a connection sends over its socket, as itself and in the order of its calls (${transport})`, async (t) => {
    const { registry, client } = await serve(t, use);
    const actors = transport === "in process" ? registry.client : client({ encoding: transport });
    const connection = actors.member.getOrCreate("m").connect({ name: "ann" });
    // Before it is open: they wait, and keep their order.
    const early = [connection.send("notes", "a"), connection.note("b"), connection.send("notes", "c")];
    await Promise.all(early);
    assert.equal(await connection.log(), "send ann 1,call b,send ann 2");
    assert.equal(await connection.connections(), 1);
    await assert.rejects(connection.send("closed", "x"), code("auth.forbidden"));
    await assert.rejects(connection.send("nobody" as "notes", "x"), code("queue.not_defined"));
    await assert.rejects(connection.send("notes", "x", { delayMs: -1 }), code("queue.invalid_options"));
    // Too long for a frame: by a request, with the parameters of the connection.
    await connection.send("notes", "x".repeat(65_520));
    assert.equal(await connection.log(), "send ann 1,call b,send ann 2,send ann 3,send ann 1");
    assert.equal(await connection.connections(), 1, "the connection of the request was its own");
    assert.deepEqual(await connection.send("notes", "d", { wait: true, timeout: 20 }), {
      status: "timedOut",
    });
    const answered = connection.send("asked", "e", { wait: true });
    await connection.answer();
    assert.deepEqual(await answered, { status: "completed", response: "e!" });
    const abort = new AbortController();
    const waiting = connection.send("asked", "f", { wait: true, signal: abort.signal });
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(connection.send("asked", "g", { signal: abort.signal }), /enough/);
    await connection.dispose();
  });
}

test("what a connection sends arrives once over a cut, and a wait goes on after it", async (t) => {
  const { listening, client } = await serve(t, use);
  const proxy = await cuttableProxy(t, listening.port);
  const connection = client({ endpoint: proxy.url }).member.getOrCreate("m").connect({ name: "ann" });
  await connection.ready;
  const waiting = connection.send("asked", "one", { wait: true });
  const others = ["a", "b", "c"].map((body) => connection.send("notes", body));
  proxy.swallowReplies();
  // The server has taken them when a client of its own sees them.
  const direct = client().member.getOrCreate("m");
  while ((await direct.log()).split(",").length < 3) await new Promise(setImmediate);
  proxy.cut();
  await Promise.all(others);
  await connection.answer();
  assert.deepEqual(await waiting, { status: "completed", response: "one!" });
  assert.deepEqual(((await connection.bodies()) as string[]).toSorted(), ["a", "b", "c"]);
  await connection.dispose();
});
