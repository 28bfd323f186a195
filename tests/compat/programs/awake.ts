/** What keeps an actor awake: a short `sleepTimeout`, `keepAwake`, `waitUntil`, a `run` that works, connections. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const seen: string[] = [];
let heard: (() => void) | undefined;
function log(entry: string): void {
  seen.push(entry);
  heard?.();
}

async function until(entry: string): Promise<void> {
  while (!seen.includes(entry)) {
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const worker = actor({
  state: { done: 0 },
  options: { sleepTimeout: 100, sleepGracePeriod: 5_000 },
  onSleep: (c) => log(`${c.key[0]} sleeps`),
  actions: {
    ping: () => "pong",
    held: (c) => {
      void c.keepAwake(
        pause(300).then(() => {
          c.state.done += 1;
          log(`${c.key[0]} kept`);
        }),
      );
    },
    later: (c) => {
      c.waitUntil(
        pause(200).then(() => {
          c.state.done += 1;
          log(`${c.key[0]} waited`);
        }),
      );
      c.sleep();
    },
    done: (c) => c.state.done,
  },
});

let ticks = 0;

const ticker = actor({
  state: { stopped: 0 },
  options: { sleepTimeout: 50 },
  run: async (c) => {
    while (!c.aborted) {
      ticks += 1;
      await pause(10);
    }
    c.state.stopped += 1;
    log("ticker stopped");
  },
  onSleep: () => log("ticker sleeps"),
  actions: { ticks: () => ticks, stopped: (c) => c.state.stopped, sleep: (c) => c.sleep() },
});

export const registry = setup({ use: { worker, ticker } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  await client.worker.getOrCreate(["idle"]).ping();
  await until("idle sleeps");

  const held = client.worker.getOrCreate(["held"]);
  await held.held();
  await until("held sleeps");
  assert.ok(seen.indexOf("held kept") < seen.indexOf("held sleeps"));
  assert.equal(await held.done(), 1);

  const later = client.worker.getOrCreate(["later"]);
  await later.later();
  await until("later waited");
  assert.equal(await later.done(), 1);

  // Work in `run` keeps it awake; a sleep that is asked for lets it end first.
  const ticker = client.ticker.getOrCreate(["t"]);
  await ticker.ticks();
  // Longer than its `sleepTimeout`, without calls.
  const enough = Date.now() + 200;
  while (ticks <= 5 || Date.now() < enough) await pause(10);
  assert.ok((await ticker.ticks()) > 5);
  assert.ok(!seen.includes("ticker sleeps"));
  await ticker.sleep();
  await until("ticker stopped");
  assert.equal(await ticker.stopped(), 1);
  await client.dispose();
}
