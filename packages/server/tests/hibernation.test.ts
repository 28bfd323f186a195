import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { actor, event, queue } from "@holdfast/actors";
import type { ResumePoint, ServerFrame } from "@holdfast/client";
import { systemPorts } from "@holdfast/core";
import { actorsOf, embeddedOnly } from "@holdfast/testing/backends";
import type { GatewayOptions } from "../src/gateway/options.ts";
import { LocalDriver } from "../src/local/local-driver.ts";
import { Condition, cuttableProxy, serve, storedRegistry, temporaryDirectory } from "./support.ts";

function hall() {
  const log: string[] = [];
  const changed = new Condition();
  /** Who left, and what `onDisconnect` saw of it. */
  const hibernated = new Map<string, boolean>();
  const note = (text: string): void => {
    log.push(text);
    changed.changed();
  };
  const definition = actor({
    state: { said: 0 },
    createConnState: (_c, params: { name: string }) => ({ name: params.name, seen: 0 }),
    events: { said: event<string>(), told: event<number>() },
    onWake: (c) => note(`wake ${[...c.conns.values()].map((conn) => conn.state.name).join()}`),
    onConnect: (_c, conn) => note(`connect ${conn.params.name}`),
    onDisconnect: (_c, conn) => {
      hibernated.set(conn.state.name, conn.isHibernatable);
      note(`disconnect ${conn.state.name} ${conn.state.seen}`);
    },
    onSleep: () => note("sleep"),
    options: { sleepTimeout: 20 },
    actions: {
      enter: (c, room: string) => {
        c.conn.join(room);
        c.conn.state.seen += 1;
      },
      say: (c, text: string) => c.broadcast("said", text),
      tell: (c, room: string, count: number) => c.broadcast({ event: "told", room }, count),
      conns: (c) =>
        [...c.conns.values()].map((conn) => ({
          id: conn.id,
          name: conn.state.name,
          seen: conn.state.seen,
          rooms: [...conn.rooms],
          hibernates: conn.isHibernatable,
        })),
      mine: (c) => c.conn.state,
    },
  });
  return { definition, log, changed, hibernated };
}

for (const way of ["websocket", "in process"] as const) {
  describe(`a connection outlives the actor's sleep, ${way}`, () => {
    test("with its id, state, rooms and subscriptions; a message wakes the actor", async (t) => {
      const { definition, log, changed } = hall();
      const running = await serve(t, { hall: definition });
      const client = way === "in process" ? running.registry.client : running.client();
      const actors = await actorsOf(running.registry);
      const handle = client.hall.getOrCreate("h", { params: { name: "ann" } });
      const conn = handle.connect();
      const heard: string[] = [];
      const told: number[] = [];
      conn.on("said", (text) => heard.push(text));
      conn.on("told", (count) => told.push(count));
      await conn.ready;
      await conn.enter("red");
      const id = conn.connId;
      await changed.until(() => log.includes("sleep"));
      await until(() => actors.size === 0);
      let statuses = 0;
      conn.onStatusChange(() => statuses++);
      await conn.say("awake again");
      assert.deepEqual(heard, ["awake again"]);
      await conn.tell("red", 1);
      await conn.tell("blue", 2);
      assert.deepEqual(told, [1]);
      assert.equal(conn.connId, id);
      assert.deepEqual(await conn.mine(), { name: "ann", seen: 1 });
      assert.deepEqual(await conn.conns(), [{ id, name: "ann", seen: 1, rooms: ["red"], hibernates: true }]);
      assert.equal(statuses, 0, "the client notices nothing");
      assert.deepEqual(log.slice(0, 4), ["wake ", "connect ann", "sleep", "wake ann"]);
      await conn.dispose();
      // On a busy machine it may sleep again by now: then it is told of it at its next wake.
      const bob = client.hall.getOrCreate("h", { params: { name: "bob" } });
      const deadline = Date.now() + 30_000;
      while (!log.includes("disconnect ann 1")) {
        assert.ok(Date.now() < deadline, "it is not told that ann left");
        await bob.conns();
      }
    });

    test("an actor that wakes for somebody else still reaches it", async (t) => {
      const { definition, log, changed } = hall();
      const running = await serve(t, { hall: definition });
      const client = way === "in process" ? running.registry.client : running.client();
      const actors = await actorsOf(running.registry);
      const conn = client.hall.getOrCreate("h", { params: { name: "ann" } }).connect();
      const heard: string[] = [];
      conn.on("said", (text) => {
        heard.push(text);
        changed.changed();
      });
      await conn.ready;
      for (let round = 1; round <= 5; round++) {
        // How often it sleeps is not counted: on a busy machine it may do so between any two calls.
        await until(() => actors.size === 0);
        await client.hall.getOrCreate("h", { params: { name: "bob" } }).say(`round ${round}`);
        await changed.until(() => heard.length === round);
      }
      assert.equal(log.filter((entry) => entry === "connect ann").length, 1);
      await conn.dispose();
    });

    test("who leaves while it sleeps is told of after the wake", async (t) => {
      const { definition, log, changed, hibernated } = hall();
      const running = await serve(t, { hall: definition });
      const client = way === "in process" ? running.registry.client : running.client();
      const actors = await actorsOf(running.registry);
      const conn = client.hall.getOrCreate("h", { params: { name: "ann" } }).connect();
      await conn.enter("red");
      await changed.until(() => log.includes("sleep"));
      await until(() => actors.size === 0);
      assert.equal(actors.hibernating, 1);
      await conn.dispose();
      await until(() => actors.hibernating === 0);
      assert.equal(log.includes("disconnect ann 1"), false);
      const conns = await client.hall.getOrCreate("h", { params: { name: "bob" } }).conns();
      assert.deepEqual(
        conns.map(({ name }) => name),
        ["bob"],
      );
      await changed.until(() => log.includes("disconnect ann 1"));
      assert.ok(log.indexOf("disconnect ann 1") > log.lastIndexOf("wake "));
      assert.equal(hibernated.get("ann"), true, "it is told as the connection that it was");
    });

    test("what it asks for while the actor falls asleep, the next instance does", async (t) => {
      const asleep = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      const dreaming = Promise.withResolvers<void>();
      const posted: number[] = [];
      const sleeper = actor({
        state: { wakes: 0 },
        queues: {
          letters: queue<string>({
            canPublish: (c) => {
              posted.push(c.state.wakes);
              return true;
            },
          }),
        },
        events: {
          mark: event<void>({
            // Subscriptions are taken at once, and in order: what was sent before has arrived.
            canSubscribe: () => {
              asked.resolve();
              return true;
            },
          }),
        },
        onWake: (c) => {
          c.state.wakes += 1;
        },
        onSleep: async () => {
          asleep.resolve();
          await dreaming.promise;
        },
        actions: {
          nap: (c) => c.sleep(),
          wakes: (c) => c.state.wakes,
        },
      });
      const running = await serve(t, { sleeper });
      const client = way === "in process" ? running.registry.client : running.client();
      const conn = client.sleeper.getOrCreate("s").connect();
      await conn.nap();
      await asleep.promise;
      const calls = Promise.all([conn.wakes(), conn.send("letters", "dear")]);
      conn.on("mark", () => undefined);
      await asked.promise;
      dreaming.resolve();
      assert.deepEqual(await calls, [2, undefined]);
      assert.deepEqual(posted, [2]);
      await conn.dispose();
    });
  });
}

/** Looks again at each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 30 s: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a destroyed actor takes its sleeping connections with it", async (t) => {
  const { definition, log, changed } = hall();
  const { client, registry } = await serve(t, { hall: definition });
  const conn = client()
    .hall.getOrCreate("h", { params: { name: "ann" } })
    .connect();
  const closed = new Promise<void>((resolve) => conn.onClose(resolve));
  await conn.ready;
  await changed.until(() => log.includes("sleep"));
  const directory = await registry.directory();
  await directory.destroy({ type: "get", name: "hall", key: ["h"] });
  await closed;
  await changed.until(() => log.includes("disconnect ann 0"));
});

test("connections of a process that crashed are told of with the next wake", async (t) => {
  const { definition, log, changed } = hall();
  const path = temporaryDirectory(t);
  const first = storedRegistry({ hall: definition }, path);
  const conn = first.client.hall.getOrCreate("h", { params: { name: "ann" } }).connect();
  await conn.ready;
  await changed.until(() => log.includes("sleep"));
  const actors = await actorsOf(first);
  await until(() => actors.size === 0);
  // Held connections are nobody's when the process is gone.
  await first.shutdown();
  assert.equal(log.includes("disconnect ann 0"), false);
  const second = storedRegistry({ hall: definition }, path);
  t.after(() => second.shutdown());
  await second.client.hall.getOrCreate("h", { params: { name: "bob" } }).conns();
  await changed.until(() => log.includes("disconnect ann 0"));
});

/** A client of a hall over a line that can be cut, what it has heard, and a neighbour on a line of its own. */
async function cuttableListener(t: TestContext, gateway: GatewayOptions = {}) {
  const { definition, changed } = hall();
  const { listening, client, registry } = await serve(t, { hall: definition }, { gateway });
  const proxy = await cuttableProxy(t, listening.port);
  const conn = client({ endpoint: proxy.url })
    .hall.getOrCreate("h", { params: { name: "ann" } })
    .connect();
  const told = { heard: [] as string[], gaps: 0 };
  conn.onGap(() => {
    told.gaps++;
    changed.changed();
  });
  conn.onStatusChange(() => changed.changed());
  conn.on("said", (text) => {
    told.heard.push(text);
    changed.changed();
  });
  await conn.ready;
  const other = client().hall.getOrCreate("h", { params: { name: "bob" } });
  return { conn, told, proxy, other, changed, actors: await actorsOf(registry) };
}

test("a cut client gets what it missed once and in order, also across a sleep", async (t) => {
  const { conn, told, proxy, other, changed, actors } = await cuttableListener(t);
  await conn.enter("red");
  await other.say("1");
  await changed.until(() => told.heard.length === 1);
  // The server goes on sending to a client that hears nothing any more.
  proxy.swallowReplies();
  await other.say("2");
  proxy.cut();
  await changed.until(() => conn.connStatus === "disconnected");
  await other.say("3");
  await until(() => actors.size === 0);
  await other.say("4");
  await changed.until(() => conn.connStatus === "connected" && told.heard.length === 4);
  await other.say("5");
  await changed.until(() => told.heard.length === 5);
  assert.deepEqual(told, { heard: ["1", "2", "3", "4", "5"], gaps: 0 });
  assert.ok(
    (await conn.conns()).some(({ rooms }) => rooms.includes("red")),
    "rooms go with it",
  );
  await conn.dispose();
});

test("a client that comes back too late, or after too much, is told of the gap", async (t) => {
  const gateway = { resume: { maxEvents: 3 } };
  const { conn, told, proxy, other, changed } = await cuttableListener(t, gateway);
  await conn.mine();
  // It may not come back before all is said, however long that takes.
  proxy.open = false;
  proxy.cut();
  await changed.until(() => conn.connStatus === "disconnected");
  for (let i = 0; i < 4; i++) await other.say(String(i));
  proxy.open = true;
  await changed.until(() => told.gaps === 1);
  await conn.mine();
  await other.say("after");
  await changed.until(() => told.heard.length > 0);
  assert.deepEqual(told, { heard: ["after"], gaps: 1 });
  await conn.dispose();
});

/** Its frames are sent to the directory that has the actor. */
const ofOneDirectory = embeddedOnly("drives the sessions of its own directory");

test("an attempt to come back that is cut off itself takes nothing from the next one", {
  skip: ofOneDirectory,
}, async (t) => {
  let entered = Promise.withResolvers<void>();
  let admitted: Promise<void> | undefined;
  let left = 0;
  const changed = new Condition();
  const room = actor({
    events: { said: event<string>() },
    onConnect: async () => {
      entered.resolve();
      await admitted;
    },
    onDisconnect: () => {
      left++;
      changed.changed();
    },
    actions: { say: (c, text: string) => c.broadcast("said", text), ready: () => true },
  });
  const { registry } = await serve(t, { room });
  const directory = await registry.directory();
  const driver = new LocalDriver(async () => directory, systemPorts(), directory.messageLimits);
  const handle = registry.client.room.getOrCreate("r");
  const target = { type: "getOrCreate", name: "room", key: ["r"] } as const;
  const frames: ServerFrame[] = [];
  const connect = (resume?: ResumePoint) =>
    driver.connect(
      target,
      undefined,
      {
        frame: (frame) => {
          frames.push(frame);
          changed.changed();
        },
        closed: () => undefined,
      },
      resume,
    );
  const link = connect();
  link.send(driver.prepare({ type: "subscribe", event: "said" }));
  link.send(driver.prepare({ type: "call", id: 1, name: "ready", args: [], idempotencyKey: "k" }));
  await changed.until(() => frames.some(({ type }) => type === "result"));
  const init = frames.find(({ type }) => type === "init");
  assert.ok(init?.type === "init" && init.resume !== undefined);
  const resume = { token: init.resume.token, received: 0 };
  frames.length = 0;

  entered = Promise.withResolvers();
  const admit = Promise.withResolvers<void>();
  admitted = admit.promise;
  const second = connect(resume);
  await entered.promise;
  await second.close();
  await new Promise((resolve) => setImmediate(resolve));
  admit.resolve();
  await changed.until(() => left === 2);
  await handle.say("missed");
  const third = connect(resume);
  await changed.until(() => frames.some(({ type }) => type === "init"));
  await handle.say("after");
  third.send(driver.prepare({ type: "call", id: 2, name: "ready", args: [], idempotencyKey: "l" }));
  await changed.until(() => frames.some(({ type }) => type === "result"));
  const again = frames.find(({ type }) => type === "init");
  assert.equal(again?.type === "init" && again.resume?.resumed, true);
  const heard = frames.flatMap((frame) => (frame.type === "event" ? frame.args : []));
  assert.deepEqual(heard, ["missed", "after"]);
});

test("who is cut off again before it has heard of its new connection goes on with the one it knows", {
  skip: ofOneDirectory,
}, async (t) => {
  const changed = new Condition();
  const room = actor({
    events: { said: event<string>() },
    actions: { say: (c, text: string) => c.broadcast("said", text), ready: () => true },
  });
  const { registry } = await serve(t, { room });
  const directory = await registry.directory();
  const driver = new LocalDriver(async () => directory, systemPorts(), directory.messageLimits);
  const handle = registry.client.room.getOrCreate("r");
  const target = { type: "getOrCreate", name: "room", key: ["r"] } as const;
  const connect = (resume?: ResumePoint) => {
    const frames: ServerFrame[] = [];
    const frame = (each: ServerFrame): void => {
      frames.push(each);
      changed.changed();
    };
    const listener = { frame, closed: () => undefined };
    const link = driver.connect(target, undefined, listener, resume, resume === undefined ? ["said"] : []);
    const opened = async (): Promise<boolean | undefined> => {
      await changed.until(() => frames.some(({ type }) => type === "init"));
      const init = frames.find(({ type }) => type === "init");
      assert.ok(init?.type === "init" && init.resume !== undefined);
      known ??= init.resume.token;
      return init.resume.resumed;
    };
    const heard = () => frames.flatMap((each) => (each.type === "event" ? each.args : []));
    return { link, opened, heard };
  };
  let known: string | undefined;
  const first = connect();
  await first.opened();
  await handle.say("heard");
  await changed.until(() => first.heard().length === 1);
  first.link.lose();
  const resume = { token: known ?? "", received: 1 };
  for (let round = 1; round <= 3; round++) {
    await handle.say(`missed ${round}`);
    // Its first frame is on its way when the socket is lost.
    const unheard = connect(resume);
    assert.equal(await unheard.opened(), true);
    unheard.link.lose();
  }
  await handle.say("missed 4");
  const last = connect(resume);
  assert.equal(await last.opened(), true);
  await changed.until(() => last.heard().length === 4);
  assert.deepEqual(last.heard(), ["missed 1", "missed 2", "missed 3", "missed 4"]);
  await last.link.close();
});

test("a call that was cut off before it ran is run for the connection that sends it again", {
  skip: ofOneDirectory,
}, async (t) => {
  const seen: unknown[] = [];
  const changed = new Condition();
  let sleeps = 0;
  const desk = actor({
    createConnState: (_c, params: { name: string }) => ({ name: params.name }),
    onSleep: () => {
      sleeps++;
      changed.changed();
    },
    actions: {
      nap: (c) => c.sleep(),
      sign: (c) => {
        seen.push(c.conn.state);
        return true;
      },
    },
  });
  const { registry } = await serve(t, { desk });
  const directory = await registry.directory();
  const driver = new LocalDriver(async () => directory, systemPorts(), directory.messageLimits);
  const target = { type: "getOrCreate", name: "desk", key: ["d"] } as const;
  const frames: ServerFrame[] = [];
  const connect = (name: string, resume?: ResumePoint) => {
    const frame = (received: ServerFrame): void => {
      frames.push(received);
      changed.changed();
    };
    return driver.connect(target, { name }, { frame, closed: () => undefined }, resume);
  };
  const call = (id: number, name: string) =>
    driver.prepare({ type: "call", id, name, args: [], idempotencyKey: name });
  const link = connect("first");
  link.send(call(1, "nap"));
  await changed.until(() => sleeps === 1);
  await until(() => directory.size === 0);
  const init = frames.find(({ type }) => type === "init");
  assert.ok(init?.type === "init" && init.resume !== undefined);
  const resume = { token: init.resume.token, received: 0 };

  // It wakes the actor, and is cut off before that is there.
  link.send(call(2, "sign"));
  link.lose();
  await until(() => directory.size === 1);
  frames.length = 0;
  const next = connect("second", resume);
  next.send(call(2, "sign"));
  await changed.until(() => frames.some(({ type }) => type === "result"));
  assert.deepEqual(seen, [{ name: "second" }]);
});

test("a thousand reconnects lose and repeat nothing", { skip: ofOneDirectory }, async (t) => {
  const { definition, changed } = hall();
  const { registry } = await serve(t, { hall: definition });
  const directory = await registry.directory();
  const driver = new LocalDriver(async () => directory, systemPorts(), directory.messageLimits);
  const handle = registry.client.hall.getOrCreate("h", { params: { name: "bob" } });
  const target = { type: "getOrCreate", name: "hall", key: ["h"] } as const;
  const heard: string[] = [];
  let received = 0;
  let resume: { token: string; received: number } | undefined;
  let current = 0;
  for (let round = 0; round < 1_000; round++) {
    current = round;
    const open = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const link = driver.connect(
      target,
      { name: "ann" },
      {
        frame: (frame) => {
          // As a client does: what an old link still gives is not looked at.
          if (current !== round) return;
          if (frame.type === "init") {
            assert.equal(frame.resume?.resumed, round > 0);
            received = frame.resume?.received ?? 0;
            resume = { token: frame.resume?.token ?? "", received };
            open.resolve();
          } else if (frame.type === "result") {
            answered.resolve();
          } else if (frame.type === "event") {
            received++;
            heard.push(String(frame.args[0]));
            changed.changed();
          }
        },
        closed: () => undefined,
      },
      resume,
    );
    await open.promise;
    if (round === 0) {
      link.send(driver.prepare({ type: "subscribe", event: "said" }));
      // The answer comes after the subscription that was sent before it.
      link.send(driver.prepare({ type: "call", id: 1, name: "mine", args: [], idempotencyKey: "k" }));
      await answered.promise;
    }
    await handle.say(String(round));
    if (round % 2 === 0) await changed.until(() => heard.length === round + 1);
    resume = { token: resume?.token ?? "", received };
  }
  await changed.until(() => heard.length === 1_000);
  assert.deepEqual(heard, [...Array(1_000).keys()].map(String));
});
