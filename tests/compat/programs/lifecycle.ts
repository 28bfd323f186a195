/** The order of the hooks, input, vars, sleep and wake, destroy. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const seen: string[] = [];

const life = actor({
  createState: (_c: unknown, input: { title: string } | undefined) => {
    seen.push("createState");
    return { title: input?.title ?? "none", wakes: 0 };
  },
  onCreate: (_c: unknown, input: { title: string } | undefined) => {
    seen.push(`onCreate ${input?.title}`);
  },
  createVars: () => {
    seen.push("createVars");
    return { born: 1 };
  },
  onMigrate: (_c, isNew) => {
    seen.push(`onMigrate ${isNew}`);
  },
  onWake: (c) => {
    seen.push("onWake");
    c.state.wakes += 1;
  },
  onSleep: () => {
    seen.push("onSleep");
  },
  onDestroy: () => {
    seen.push("onDestroy");
  },
  onBeforeActionResponse: (_c, name, _args, output) => {
    seen.push(`response ${name}`);
    return output;
  },
  actions: {
    info: (c) => ({ title: c.state.title, wakes: c.state.wakes, born: c.vars.born }),
    nap: (c) => {
      c.sleep();
    },
    end: (c) => {
      c.destroy();
    },
  },
  options: { sleepTimeout: 60_000 },
});

export const registry = setup({ use: { life } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = await client.life.create(["one"], { input: { title: "first" } });
  assert.deepEqual(await handle.info(), { title: "first", wakes: 1, born: 1 });
  assert.deepEqual(seen, [
    "onMigrate true",
    "createState",
    "onCreate first",
    "createVars",
    "onWake",
    "response info",
  ]);
  await assert.rejects(client.life.create(["one"]), { code: "duplicate_key" });

  seen.length = 0;
  await handle.nap();
  assert.deepEqual(await handle.info(), { title: "first", wakes: 2, born: 1 });
  assert.deepEqual(seen, [
    "response nap",
    "onSleep",
    "onMigrate false",
    "createVars",
    "onWake",
    "response info",
  ]);

  seen.length = 0;
  const byId = client.life.getForId(await handle.resolve());
  await handle.end();
  await assert.rejects(byId.info(), { group: "actor", code: "not_found" });
  assert.deepEqual(seen, ["response end", "onDestroy"]);
  const again = client.life.getOrCreate(["one"], { createWithInput: { title: "second" } });
  assert.equal((await again.info()).title, "second");
  await client.dispose();
}
