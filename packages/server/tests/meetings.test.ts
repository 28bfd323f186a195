import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import type { ActorHandle } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { serve } from "./support.ts";

/** Where the hooks below wait, and what they tell when they get there. */
let reached: (hook: string) => void = () => undefined;
let go: Promise<void> = Promise.resolve();

async function pass(hook: string): Promise<void> {
  reached(hook);
  await go;
}

const meeting = actor({
  state: { log: [] as string[] },
  queues: { jobs: queue<string>() },
  onWake: () => pass("wake"),
  onSleep: () => pass("sleep"),
  onDestroy: () => pass("destroy"),
  onRequest: (c) => {
    c.state.log.push("request");
    return new Response("done");
  },
  onWebSocket: (c, socket) => {
    c.state.log.push("socket");
    socket.send("hello");
  },
  actions: {
    act: (c) => c.state.log.push("act"),
    log: (c) => c.state.log.toSorted().join(),
    take: async (c) => (await c.queue.tryNext({ names: ["jobs"] }))?.body,
    rest: (c) => c.sleep(),
    end: (c) => c.destroy(),
  },
});

/** The next time a hook is there, held until `release`. */
function hold(hook: string): { readonly there: Promise<void>; readonly release: () => void } {
  const there = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  go = held.promise;
  reached = (name) => {
    if (name === hook) there.resolve();
  };
  const release = (): void => {
    go = Promise.resolve();
    reached = () => undefined;
    held.resolve();
  };
  return { there: there.promise, release };
}

/** Every way in, at once. */
function everyWay(handle: ActorHandle<typeof meeting>): readonly Promise<unknown>[] {
  const connection = handle.connect();
  const overConnection = connection.act().finally(() => connection.dispose());
  const socket = handle.webSocket().then(
    (opened) =>
      new Promise((resolve, reject) => {
        opened.addEventListener("message", ({ data }) => {
          resolve(data);
          opened.close();
        });
        opened.addEventListener("close", ({ reason }) => reject(new Error(reason)));
      }),
  );
  const request = handle.fetch("/").then(async (response) => {
    const body = await response.text();
    if (response.ok) return body;
    throw new Error(response.headers.get("x-holdfast-error") ?? body);
  });
  return [handle.act(), handle.send("jobs", "job"), overConnection, request, socket];
}

for (const transport of ["network", "in process"] as const) {
  test(`every way in waits for a start, and goes on after a sleep (${transport})`, async (t) => {
    const { registry, client } = await serve(t, { meeting });
    const handle = (transport === "network" ? client() : registry.client).meeting.getOrCreate("a");
    const start = hold("wake");
    const first = everyWay(handle);
    await start.there;
    start.release();
    await Promise.all(first);
    assert.equal(await handle.log(), "act,act,request,socket");
    const sleep = hold("sleep");
    await handle.rest();
    await sleep.there;
    const second = everyWay(handle);
    sleep.release();
    await Promise.all(second);
    assert.equal(await handle.log(), "act,act,act,act,request,request,socket,socket");
    assert.deepEqual(
      [await handle.take(), await handle.take(), await handle.take()],
      ["job", "job", undefined],
    );
  });

  test(`a destruction ends every way in to that life, and a new one can begin (${transport})`, async (t) => {
    const { registry, client } = await serve(t, { meeting });
    const actors = (transport === "network" ? client() : registry.client).meeting;
    await actors.getOrCreate("a").act();
    const destroy = hold("destroy");
    await actors.get("a").end();
    await destroy.there;
    const late = everyWay(actors.get("a")).map((way) =>
      way.then(
        () => "done",
        (error: unknown) =>
          error instanceof HoldfastError ? `${error.group}.${error.code}` : (error as Error).message,
      ),
    );
    destroy.release();
    assert.deepEqual(new Set(await Promise.all(late)), new Set(["actor.not_found"]));
    assert.equal(await actors.getOrCreate("a").log(), "", "a life of its own");
  });
}
