import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AuthOptions, actor, event } from "@holdfast/actors";
import { HoldfastError, isErrorCode, type StandardSchema, UserError } from "@holdfast/core";
import { actorsOf } from "@holdfast/testing/backends";
import { serverLimits } from "../src/index.ts";
import { Condition, serve } from "./support.ts";

const short: StandardSchema<unknown, string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "string" && value.length < 10
        ? { value: value.trim() }
        : { issues: [{ message: "too long" }] },
  },
};

const late: StandardSchema<unknown, string> = {
  "~standard": { version: 1, vendor: "test", validate: async (value) => ({ value: String(value) }) },
};

const lobby = actor({
  state: { connects: 0 },
  events: {
    said: event<string>(),
    checked: short,
    late: { schema: late },
    secret: event<string>({ canSubscribe: (c) => c.conn.params === "admin" }),
    odd: event<string>({ canSubscribe: () => "yes" as never }),
  },
  onConnect: (c) => {
    c.state.connects += 1;
  },
  actions: {
    join: (c, room: string) => c.conn.join(room),
    leave: (c, room: string) => c.conn.leave(room),
    say: (c, text: string) => c.broadcast("said", text),
    inRoom: (c, room: string, text: string) => c.broadcast({ event: "said", room }, text),
    others: (c, text: string) => c.broadcast({ event: "said", except: c.conn }, text),
    only: (c, id: string, text: string) => c.broadcast({ event: "said", to: [id] }, text),
    nobody: (c) => c.broadcast({ event: "said", to: 5 as never }, "x"),
    nameless: (c) => c.broadcast(5 as never, "x"),
    checked: (c, text: string) => c.broadcast("checked", text),
    late: (c) => c.broadcast("late", "x"),
    reserved: (c) => (c.broadcast as (name: string) => void)("$presence"),
    secret: (c) => c.broadcast("secret", "hush"),
    here: (c, value: unknown) => c.presence.set(c.conn, value),
    gone: (c) => c.presence.delete(c.conn),
    present: (c) => [...c.presence.all],
    size: (c) => c.conns.size,
    connects: (c) => c.state.connects,
    params: (c) => [c.conn.id === "", c.conns.has(c.conn.id), c.conn.isHibernatable],
  },
});

for (const way of ["cbor", "json", "in process"] as const) {
  describe(`who hears what, ${way}`, () => {
    const open = async (t: Parameters<typeof serve>[0], count: number) => {
      const running = await serve(t, { lobby });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.lobby.getOrCreate("l");
      const heard: string[] = [];
      const conns = [...Array(count).keys()].map((index) => {
        const conn = handle.connect();
        conn.on("said", (text) => heard.push(`${index} ${text}`));
        return conn;
      });
      for (const conn of conns) await conn.connects();
      return { handle, conns, heard };
    };

    test("rooms, except and to", async (t) => {
      const { conns, heard } = await open(t, 3);
      const [a, b, c] = conns;
      assert.ok(a && b && c);
      const settle = async (): Promise<string[]> => {
        for (const conn of conns) await conn.connects();
        return heard.splice(0).sort();
      };
      await a.join("red");
      await b.join("red");
      await b.join("red");
      await c.inRoom("red", "1");
      assert.deepEqual(await settle(), ["0 1", "1 1"]);
      await b.leave("red");
      await b.leave("red");
      await c.inRoom("red", "2");
      await c.inRoom("empty", "3");
      assert.deepEqual(await settle(), ["0 2"]);
      await a.others("4");
      assert.deepEqual(await settle(), ["1 4", "2 4"]);
      await a.only(b.connId ?? "", "5");
      assert.deepEqual(await settle(), ["1 5"]);
      await assert.rejects(a.nobody(), (error) => isErrorCode(error, "event", "invalid_target"));
      await assert.rejects(a.nameless(), (error) => isErrorCode(error, "internal", "internal_error"));
      await a.dispose();
      await c.inRoom("red", "6");
      assert.deepEqual(
        await (async () => {
          await c.connects();
          return heard;
        })(),
        [],
      );
    });

    test("presence comes with the subscription, changes, and leaves with its connection", async (t) => {
      const { handle, conns } = await open(t, 2);
      const [a, b] = conns;
      assert.ok(a && b);
      await a.here({ at: 1 });
      const changed = new Condition();
      const seen: unknown[] = [];
      b.onPresence((present) => {
        seen.push(
          Object.fromEntries([...present].map(([id, value]) => [id === a.connId ? "a" : "b", value])),
        );
        changed.changed();
      });
      await changed.until(() => seen.length === 1);
      await a.here({ at: 2 });
      await b.here("b is here");
      await changed.until(() => seen.length === 3);
      assert.equal(b.presence().size, 2);
      assert.equal(await b.gone(), true);
      assert.equal(await b.gone(), false);
      await a.dispose();
      await changed.until(() => seen.length === 5);
      assert.deepEqual(seen, [
        { a: { at: 1 } },
        { a: { at: 2 } },
        { a: { at: 2 }, b: "b is here" },
        { a: { at: 2 } },
        {},
      ]);
      assert.deepEqual(await b.present(), []);
      await assert.rejects(handle.here(1), (error) => isErrorCode(error, "conn", "not_connected"));
    });

    test("a payload is checked when it is sent", async (t) => {
      const { handle, conns } = await open(t, 1);
      const heard: unknown[] = [];
      conns[0]?.on("checked", (text) => heard.push(text));
      await conns[0]?.connects();
      await handle.checked(" short ");
      await assert.rejects(handle.checked("much too long"), (error) =>
        isErrorCode(error, "actor", "validation_error"),
      );
      await assert.rejects(handle.late(), (error) => isErrorCode(error, "event", "async_schema"));
      await assert.rejects(handle.reserved(), (error) => isErrorCode(error, "event", "reserved_name"));
      await conns[0]?.connects();
      assert.deepEqual(heard, ["short"]);
    });

    test("canSubscribe closes the connection of who may not", async (t) => {
      const running = await serve(t, { lobby });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.lobby.getOrCreate("l");
      const admin = handle.connect("admin");
      const heard: string[] = [];
      admin.on("secret", (text) => heard.push(text));
      await admin.connects();
      await handle.secret();
      await admin.connects();
      assert.deepEqual(heard, ["hush"]);
      for (const [name, group, code] of [
        ["secret", "auth", "forbidden"],
        ["odd", "internal", "internal_error"],
      ] as const) {
        const guest = handle.connect("guest");
        const refused = new Promise<HoldfastError>((resolve) => guest.onError(resolve));
        guest.on(name, () => heard.push("guest"));
        assert.ok(isErrorCode(await refused, group, code), name);
        assert.equal(guest.connStatus, "disconnected");
      }
    });

    test("a stateless call has a connection of its own, in c.conns, with its hooks", async (t) => {
      const { handle } = await open(t, 0);
      assert.equal(await handle.size(), 1);
      assert.deepEqual(await handle.params(), [false, true, false]);
      assert.equal(await handle.connects(), 3);
    });
  });
}

function guarded(log: string[]) {
  return actor({
    onAuth: (c, { req, params, intents }) => {
      log.push(`${c.name} ${c.key?.join()} ${[...intents].sort().join()} ${params ?? ""}`);
      const user = req.headers.get("x-user");
      if (user === "crash") throw new Error("secret detail");
      if (user === null && params !== "letmein") {
        throw new HoldfastError("auth", "unauthorized", "Log in first");
      }
      return { user: user ?? "param" };
    },
    onCreate: () => void log.push("create"),
    onWake: () => void log.push("wake"),
    actions: { who: (c) => c.conn.auth?.user ?? null },
    onRequest: (c) => new Response(c.conn.auth.user),
  });
}

test("onAuth runs before an actor is looked for, woken or made, on every way in", async (t) => {
  const log: string[] = [];
  const { client, url, registry } = await serve(t, { vault: guarded(log) });
  const unauthorized = (error: unknown): boolean => isErrorCode(error, "auth", "unauthorized");
  const stranger = client().vault.getOrCreate("v");
  await assert.rejects(stranger.who(), unauthorized);
  await assert.rejects(stranger.resolve(), unauthorized);
  await assert.rejects(client().vault.create("v"), unauthorized);
  const refused = stranger.connect();
  await assert.rejects(refused.ready, unauthorized);
  await assert.rejects(stranger.reload(), unauthorized);
  assert.equal((await fetch(`${url}/actors/vault/~v,/reload`, { method: "PUT" })).status, 401);
  assert.equal((await fetch(`${url}/actors/vault/@v,/request/x`)).status, 401);
  assert.equal((await fetch(`${url}/actors/vault/@v,/events?event=a&create=true`)).status, 401);
  assert.equal(log.includes("wake"), false);
  assert.equal(log.includes("create"), false);
  assert.equal((await actorsOf(registry)).size, 0);
  const crashed = client({ headers: { "x-user": "crash" } }).vault.getOrCreate("v");
  await assert.rejects(crashed.who(), (error) => {
    assert.ok(isErrorCode(error, "internal", "internal_error"));
    assert.equal(String(error).includes("secret"), false);
    return true;
  });
  const known = client({ headers: { "x-user": "ann" } }).vault.getOrCreate("v");
  assert.equal(await known.who(), "ann");
  await known.reload();
  const conn = client().vault.getOrCreate("v").connect("letmein");
  assert.equal(await conn.who(), "param");
  assert.equal(
    await (await fetch(`${url}/actors/vault/@v,/request/x`, { headers: { "x-user": "bob" } })).text(),
    "bob",
  );
  assert.equal(
    await registry.client.vault.getOrCreate("v").who(),
    null,
    "within the process nobody is asked",
  );
  assert.ok(log.includes("vault v action,create "));
  assert.ok(log.includes("vault v connect,create letmein"));
  await conn.dispose();
});

for (const encoding of ["cbor", "json"] as const) {
  test(`onAuth is told the parameters by every request of a handle that has some, with ${encoding}`, async (t) => {
    const log: string[] = [];
    const { client } = await serve(t, { vault: guarded(log) });
    const { vault } = client({ encoding });
    const own = { params: "letmein" };
    const input = { createWithInput: { size: 1 } };
    assert.equal(await (await vault.create("a", { ...own, input: 1 })).who(), "param");
    const handle = vault.getOrCreate("b", { ...own, ...input });
    assert.equal(await handle.who(), "param");
    assert.equal(await vault.get("b", own).resolve(), await handle.resolve());
    await handle.reload();
    const made = vault.getOrCreate("c", { ...own, ...input });
    assert.equal(await (await made.fetch("/")).text(), "param");
    for (const connection of [
      vault.getOrCreate("d", input).connect("letmein"),
      vault.getOrCreate("e", { ...input, getParams: async () => "letmein" }).connect(),
    ]) {
      assert.equal(await connection.who(), "param");
      await connection.dispose();
    }
    assert.deepEqual(
      log.filter((line) => /vault \w (get|create) /.test(line)),
      [..."abbbcde"].map((key, at) => `vault ${key} ${at === 2 ? "get" : "create"} letmein`),
    );
  });
}

test("what a client sends before an asynchronous onAuth has answered is kept, and handled in order", async (t) => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const slow = actor({
    state: { heard: "" },
    onAuth: async () => {
      asked.resolve();
      await answer.promise;
    },
    actions: {
      say: (c, text: string) => {
        c.state.heard += text;
        return c.state.heard;
      },
    },
  });
  const { url } = await serve(t, { slow });
  const address = `${url.replace("http", "ws")}/actors/slow/~a,/connect`;
  const socket = new WebSocket(address, ["holdfast.v1", "holdfast.encoding.json"]);
  t.after(() => socket.close());
  const results: unknown[] = [];
  const answered = new Promise<void>((resolve) => {
    socket.onmessage = ({ data }) => {
      const frames: [number, ...unknown[]][] = JSON.parse(data);
      results.push(...frames.filter(([kind]) => kind === 1));
      if (results.length === 2) resolve();
    };
  });
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  await asked.promise;
  socket.send('[[1,1,"say",["a"],"first"]]');
  socket.send('[[1,2,"say",["b"],"second"]]');
  // A round trip behind them shows that they have arrived.
  assert.equal((await fetch(`${url}/health`)).status, 200);
  answer.resolve();
  await answered;
  assert.deepEqual(results, [
    [1, 1, "a"],
    [1, 2, "ab"],
  ]);
});

test("a hook onAuth with one argument finds the request, params and intents there", async (t) => {
  const vault = actor({
    onAuth: ({ req, params, intents }: AuthOptions<string>) => ({
      user: req.headers.get("x-user"),
      asked: `${params} ${[...intents].sort().join()}`,
    }),
    actions: { who: (c) => [c.conn.auth.user, c.conn.auth.asked] },
  });
  const { client } = await serve(t, { vault });
  const known = client({ headers: { "x-user": "ann" } }).vault.getOrCreate("v", { params: "p" });
  assert.deepEqual(await known.who(), ["ann", "p action,create"]);
});

test("server-sent events: in order, with resume, and no more than was asked for", async (t) => {
  const { client, url } = await serve(t, { lobby });
  const handle = client().lobby.getOrCreate("l");
  const open = async (lastEventId?: string) => {
    const abort = new AbortController();
    const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const response = await fetch(`${url}/actors/lobby/@l,/events?create=true&event=said`, {
      headers,
      signal: abort.signal,
    });
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (condition: (text: string) => boolean): Promise<string> => {
      while (!condition(text)) text += (await reader?.read())?.value ?? assert.fail(`ended: ${text}`);
      return text;
    };
    return { until, leave: () => abort.abort() };
  };
  const first = await open();
  await first.until((text) => text.includes("event: $open"));
  await handle.say("one");
  await handle.checked("unasked");
  const text = await first.until((so) => so.includes('["one"]'));
  assert.match(text, /id: [0-9a-f-]+\.1\nevent: said\ndata: \["one"\]\n\n/);
  assert.equal(text.includes("unasked"), false);
  const id = /id: ([0-9a-f-]+\.1)\n/.exec(text)?.[1];
  first.leave();
  await handle.say("two");
  await handle.say("three");
  const second = await open(id);
  const missed = await second.until((so) => so.includes('["three"]'));
  assert.match(missed, /"resumed":true/);
  assert.deepEqual(missed.match(/data: \["\w+"\]/g), ['data: ["two"]', 'data: ["three"]']);
  second.leave();
  const unknown = await open("00000000-0000-4000-8000-000000000000.7");
  assert.match(await unknown.until((so) => so.includes("$open")), /"resumed":false/);
  unknown.leave();
  assert.equal((await fetch(`${url}/actors/lobby/@l,/events`)).status, 400);
  assert.equal((await fetch(`${url}/actors/lobby/@nobody,/events?event=a`)).status, 404);
  assert.equal((await fetch(`${url}/actors/lobby/@l,/events?event=a`, { method: "POST" })).status, 405);
});

test("a refused subscriber of server-sent events gets the error", async (t) => {
  const picky = actor({
    onBeforeConnect: () => {
      throw new UserError("No", { code: "no" });
    },
  });
  const { url } = await serve(t, { picky });
  const response = await fetch(`${url}/actors/picky/@l,/events?create=true&event=a`);
  assert.equal(response.status, 400);
  assert.equal(((await response.json()) as { code: string }).code, "no");
});

test("server-sent events: as many as a connection may subscribe to", async (t) => {
  const board = actor({ actions: { post: (c, event: string) => c.broadcast(event, "news") } });
  const { client, url } = await serve(t, { board });
  const listen = (count: number, signal: AbortSignal | null = null): Promise<Response> => {
    const names = Array.from({ length: count }, (_, at) => `event=e${at}`);
    // One that is named twice is one subscription.
    return fetch(`${url}/actors/board/@b,/events?create=true&event=e0&${names.join("&")}`, { signal });
  };
  const refused = await listen(serverLimits.maxSubscriptions + 1);
  assert.equal(((await refused.json()) as { code: string }).code, "too_many_subscriptions");
  await assert.rejects(client().board.get("b").resolve(), { code: "not_found" }, "nobody was made");
  const abort = new AbortController();
  const reader = (await listen(serverLimits.maxSubscriptions, abort.signal)).body
    ?.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  const until = async (part: string): Promise<void> => {
    while (!text.includes(part)) text += (await reader?.read())?.value ?? assert.fail(`ended: ${text}`);
  };
  await until("event: $open");
  await client()
    .board.get("b")
    .post(`e${serverLimits.maxSubscriptions - 1}`);
  await until(`event: e${serverLimits.maxSubscriptions - 1}\ndata: ["news"]`);
  abort.abort();
});
