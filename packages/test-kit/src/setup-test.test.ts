import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { createRegistry, type GatewayOptions } from "@holdfast/server";
import { durationMs } from "./duration.ts";
import { setupTest } from "./setup-test.ts";
import { VirtualTime } from "./virtual-time.ts";

const seen: string[] = [];

const counter = actor({
  state: { n: 0 },
  onWake: () => void seen.push("wake"),
  onSleep: () => void seen.push("sleep"),
  actions: {
    add: (c, by: number) => (c.state.n += by),
    get: (c) => c.state.n,
  },
});

const store = (): never => {
  throw new Error("a test has its own store");
};
const registry = createRegistry({ use: { counter }, store });

test("each test has actors of its own", async (t) => {
  for (let i = 0; i < 2; i++) {
    const { client } = await setupTest(t, registry);
    assert.equal(await client.counter.getOrCreate(["a"]).add(1), 1);
  }
});

test("idle actors sleep when the clock advances, and wake again", async (t) => {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  const handle = client.counter.getOrCreate(["a"]);
  seen.length = 0;
  await handle.add(2);
  await clock.advance("29s");
  assert.deepEqual(seen, ["wake"]);
  await clock.advance("2s");
  assert.deepEqual(seen, ["wake", "sleep"]);
  assert.equal(await handle.get(), 2);
  assert.deepEqual(seen, ["wake", "sleep", "wake"]);
});

test("acknowledged changes survive a crash, which runs no hooks", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const handle = client.counter.getOrCreate(["a"]);
  await handle.add(3);
  seen.length = 0;
  await crash();
  assert.equal(await handle.get(), 3);
  assert.deepEqual(seen, ["wake"]);
});

test("a failed commit is an error for the caller, or a retry that runs once", async (t) => {
  const kit = await setupTest(t, registry);
  const handle = kit.client.counter.getOrCreate(["a"]);
  await handle.add(1);
  kit.failNextCommit();
  assert.equal(await handle.add(1), 2);
  kit.failNextCommit({ when: "after" });
  assert.equal(await handle.add(1), 3);
  kit.failNextCommit({ error: new Error("boom") });
  await assert.rejects(handle.add(1), (error) => isErrorCode(error, "internal", "internal_error"));
  assert.equal(await handle.get(), 3);
  assert.ok(kit.errors.length > 0);
});

test("callers see internal errors when the environment allows it", async (t) => {
  const failing = actor({
    actions: {
      fail: () => {
        throw new Error("disk on fire");
      },
    },
  });
  const before = process.env["HOLDFAST_EXPOSE_ERRORS"];
  t.after(() => {
    if (before === undefined) delete process.env["HOLDFAST_EXPOSE_ERRORS"];
    else process.env["HOLDFAST_EXPOSE_ERRORS"] = before;
  });
  for (const [exposed, message] of [
    ["1", "disk on fire"],
    ["0", "An internal error occurred"],
  ] as const) {
    process.env["HOLDFAST_EXPOSE_ERRORS"] = exposed;
    const { client } = await setupTest(t, createRegistry({ use: { failing }, store }));
    await assert.rejects(client.failing.getOrCreate("a").fail(), { code: "internal_error", message });
  }
});

test("a partition closes connections, which reconnect when it heals", async (t) => {
  const kit = await setupTest(t, registry);
  const conn = kit.client.counter.getOrCreate(["a"]).connect();
  await conn.ready;
  const lost = new Promise<void>((resolve) => conn.onClose(resolve));
  const heal = kit.partition();
  await lost;
  const back = new Promise<void>((resolve) => conn.onOpen(resolve));
  heal();
  await back;
  assert.equal(await conn.add(1), 1);
});

test("traffic stays blocked until the last of two partitions heals", async (t) => {
  const kit = await setupTest(t, registry);
  const handle = kit.client.counter.getOrCreate(["a"]);
  const healFirst = kit.partition();
  const healSecond = kit.partition();
  healFirst();
  healFirst();
  const gone = new AbortController();
  const call = handle.action({ name: "add", args: [1], signal: gone.signal });
  await kit.clock.settle();
  gone.abort();
  await assert.rejects(call);
  healSecond();
  assert.equal(await handle.add(1), 1);
});

const bell = actor({
  events: { rung: event<number>() },
  actions: {
    ring: (c, n: number) => c.broadcast("rung", n),
    ringLater: (c, n: number) => c.schedule.after(1_000, "ring", n),
  },
});

/** Events that a client receives when an actor emits before, and five seconds into, a partition. */
async function heardAcross(t: TestContext, gateway: GatewayOptions): Promise<unknown[]> {
  const kit = await setupTest(t, createRegistry({ use: { bell }, store, gateway }), { paused: true });
  const conn = kit.client.bell.getOrCreate("b").connect();
  const heard: unknown[] = [];
  conn.on("rung", (n: number) => heard.push(n));
  conn.onGap(() => heard.push("gap"));
  await conn.ready;
  await conn.ring(1);
  await conn.ringLater(2);
  const heal = kit.partition();
  await kit.clock.advance("5s");
  assert.deepEqual(heard, [1]);
  heal();
  await kit.clock.advance("1m");
  return heard;
}

test("events sent during a partition arrive after it, without a gap", async (t) => {
  assert.deepEqual(await heardAcross(t, {}), [1, 2]);
});

test("a partition that outlasts the resume window is reported as a gap", async (t) => {
  assert.deepEqual(await heardAcross(t, { resume: { windowMs: 500 } }), [1, "gap"]);
});

test("an evicted actor is out of memory", async (t) => {
  const kit = await setupTest(t, registry);
  const handle = kit.client.counter.getOrCreate(["a"]);
  await handle.add(1);
  seen.length = 0;
  await kit.evict(handle);
  assert.deepEqual(seen, ["sleep"]);
});

test("an actor has a gateway URL, which survives a crash", async (t) => {
  const web = actor({
    state: { n: 0 },
    onRequest: async (c, request) => Response.json({ path: new URL(request.url).pathname, n: ++c.state.n }),
  });
  const { client, crash } = await setupTest(
    t,
    createRegistry({ use: { web }, store: registry.settings.store }),
  );
  const handle = client.web.getOrCreate(["a"]);
  const url = await handle.getGatewayUrl();
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\//);
  assert.deepEqual(await (await fetch(`${url}/request/x`)).json(), { path: "/x", n: 1 });
  await crash();
  assert.equal(await handle.getGatewayUrl(), url);
  assert.deepEqual(await (await fetch(`${url}/request/y`)).json(), { path: "/y", n: 2 });
});

test("actors work under the fake timers of a test runner", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });
  const { client } = await setupTest(t, registry);
  const handle = client.counter.getOrCreate(["a"]);
  assert.equal(await handle.add(1), 1);
  const conn = handle.connect();
  assert.equal(await conn.add(1), 2);
  t.mock.timers.reset();
});

test("an invalid duration does not move the clock", async (t) => {
  const { clock } = await setupTest(t, registry);
  const before = clock.now();
  await assert.rejects(clock.advance("2 hours"), RangeError);
  await assert.rejects(clock.advance(`${"9".repeat(400)}d`), RangeError);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(clock.now() > before);
});

test("a timer with a NaN delay does not delay others", async () => {
  const time = new VirtualTime(() => true);
  const ran: string[] = [];
  time.pause();
  time.after(Number.NaN, () => void ran.push("nothing"));
  time.after(10, () => void ran.push("ten"));
  await time.advance(20);
  assert.deepEqual(ran, ["nothing", "ten"]);
  time.stop();
});

test("a second advance starts where the first one ends", async () => {
  const time = new VirtualTime(() => true);
  time.pause();
  const start = time.now();
  const ran: number[] = [];
  for (const at of [1_000, 5_000, 9_000, 11_500]) time.after(at, () => void ran.push(time.now() - start));
  const ends: number[] = [];
  await Promise.all([
    time.advance("10s").then(() => ends.push(time.now() - start)),
    time.advance("2s").then(() => ends.push(time.now() - start)),
    assert.rejects(time.advance("soon"), RangeError),
  ]);
  assert.deepEqual(ran, [1_000, 5_000, 9_000, 11_500]);
  assert.deepEqual(ends, [10_000, 12_000]);
  time.stop();
});

test("durations", () => {
  assert.equal(durationMs("1h30m"), 5_400_000);
  assert.equal(durationMs("250ms"), 250);
  assert.equal(durationMs(7), 7);
  assert.throws(() => durationMs("soon"), RangeError);
  assert.throws(() => durationMs(-1), RangeError);
});

test("a test may end during a partition", async () => {
  const kit = await setupTest(undefined, registry);
  const conn = kit.client.counter.getOrCreate(["a"]).connect();
  await conn.ready;
  kit.partition();
  await kit.client.dispose();
  await kit.dispose();
});

test("a crash and a partition close raw WebSockets, and none opens during a partition", async (t) => {
  const left: number[] = [];
  const echo = actor({
    onWebSocket: (_c, socket) => {
      socket.addEventListener("message", ({ data }) => socket.send(data));
      socket.addEventListener("close", ({ code }) => left.push(code));
    },
  });
  const kit = await setupTest(t, createRegistry({ use: { echo }, store }));
  const open = async () => {
    const socket = await kit.client.echo.getOrCreate().webSocket();
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener("close", ({ code }) => resolve(code)),
    );
    return { socket, closed };
  };
  const first = await open();
  await kit.crash();
  assert.equal(await first.closed, 1006);
  assert.deepEqual(left, []);
  const second = await open();
  const heal = kit.partition();
  assert.equal(await second.closed, 1006);
  const third = await open();
  assert.equal(third.socket.readyState, third.socket.CLOSED);
  assert.equal(await third.closed, 1006);
  heal();
  const fourth = await open();
  const answered = new Promise((resolve) =>
    fourth.socket.addEventListener("message", ({ data }) => resolve(data)),
  );
  fourth.socket.send("back");
  assert.equal(await answered, "back");
  assert.deepEqual(left, [1006]);
});

test("a crash and a partition end streamed results and response bodies with an error", async (t) => {
  const teller = actor({
    actions: {
      count: async function* () {
        for (let n = 0; ; n++) yield n;
      },
    },
    onRequest: () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }), {
        status: 203,
        headers: { "x-kind": "endless" },
      }),
  });
  const kit = await setupTest(t, createRegistry({ use: { teller }, store }));
  const handle = kit.client.teller.getOrCreate("a");
  /** Reads on after the first chunk, far beyond the stream's window. */
  const drained = async (reader: ReadableStreamDefaultReader<unknown>): Promise<void> => {
    for (let pieces = 0; pieces < 1_000; pieces++) await reader.read();
  };
  const readers = async () => {
    const response = await handle.fetch("/");
    assert.deepEqual([response.status, response.headers.get("x-kind")], [203, "endless"]);
    assert.match(response.url, /\/request\/$/);
    const streams = [await handle.count(), response.body ?? assert.fail("no body")];
    const begun = streams.map((stream) => stream.getReader());
    for (const reader of begun) assert.equal((await reader.read()).done, false);
    return begun;
  };
  const lost = (error: unknown): boolean => isErrorCode(error, "client", "network_error");
  const before = await readers();
  await kit.crash();
  for (const reader of before) await assert.rejects(drained(reader), lost);
  const after = await readers();
  const heal = kit.partition();
  for (const reader of after) await assert.rejects(drained(reader), lost);
  heal();
});
