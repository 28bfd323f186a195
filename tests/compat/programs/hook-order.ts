/** Hooks of an actor's life in their order: first start, sleep, wake, destruction, and a second life of the key. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

/** Outside of the actor, since hooks run where its state is not there yet or no more. */
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

const diary = actor({
  createState: (_c: unknown, input: { title: string } | undefined) => {
    log(`createState ${input?.title}`);
    return { title: input?.title ?? "untitled", wakes: 0 };
  },
  createVars: (c) => {
    log(`createVars ${c.key.join("/")}`);
    return { started: true };
  },
  onCreate: (c, input: { title: string } | undefined) => {
    log(`onCreate ${c.state.title} ${input?.title}`);
  },
  onMigrate: (_c, isNew) => log(`onMigrate ${isNew}`),
  onWake: (c) => {
    c.state.wakes += 1;
    log(`onWake ${c.state.wakes} ${c.vars.started}`);
  },
  onSleep: (c) => log(`onSleep ${c.state.wakes} ${c.aborted}`),
  onDestroy: (c) => log(`onDestroy ${c.state.wakes} ${c.aborted}`),
  actions: {
    title: (c) => c.state.title,
    sleep: (c) => c.sleep(),
    destroy: (c) => c.destroy(),
  },
});

export const registry = setup({ use: { diary } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.diary.getOrCreate(["ann"], { createWithInput: { title: "Ann" } });
  assert.equal(await handle.title(), "Ann");
  const start = ["onMigrate true", "createState Ann", "onCreate Ann Ann", "createVars ann", "onWake 1 true"];
  assert.deepEqual(seen.splice(0).sort(), [...start].sort());

  await handle.sleep();
  await until("onSleep 1 true");
  assert.deepEqual(seen.splice(0), ["onSleep 1 true"]);
  assert.equal(await handle.title(), "Ann");
  assert.deepEqual(seen.splice(0), ["onMigrate false", "createVars ann", "onWake 2 true"]);

  await handle.destroy();
  await until("onDestroy 2 true");
  assert.deepEqual(seen.splice(0), ["onDestroy 2 true"]);
  const again = client.diary.getOrCreate(["ann"], { createWithInput: { title: "Anna" } });
  assert.equal(await again.title(), "Anna");
  assert.equal(seen[0], "onMigrate true");
  assert.ok(seen.includes("onWake 1 true"));
  await client.dispose();
}
