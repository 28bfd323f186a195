import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActorInstance, actor } from "@holdfast/actors";
import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import { callWithKey, turn, type World, world } from "./harness.ts";

const counter = actor({
  state: { n: 0, byKey: new Map<string, number>() },
  options: { noSleep: true },
  actions: {
    add: (c, key: string) => {
      c.state.n++;
      c.state.byKey.set(key, (c.state.byKey.get(key) ?? 0) + 1);
    },
    twice: async (c, key: string) => {
      c.state.byKey.set(key, (c.state.byKey.get(key) ?? 0) + 1);
      await turn();
      c.state.byKey.set(key, (c.state.byKey.get(key) ?? 0) + 1);
    },
    all: (c) => c.state.byKey,
  },
});

/** Makes some commits fail, before or after they are applied. */
function unreliable(w: World, random: () => number): void {
  const commit = w.store.commit.bind(w.store);
  w.store.commit = async (batch) => {
    const luck = batch.create === undefined ? random() : 1;
    if (luck < 0.1) throw new HoldfastError("store", "unavailable", "not written");
    await commit(batch);
    if (luck < 0.2) throw new HoldfastError("store", "indeterminate", "written, but nobody knows");
  };
}

/** Returns the running instance, and wakes the actor again after it has stopped. */
function keeper(w: World): () => Promise<ActorInstance> {
  let current = Promise.resolve(w.create(counter));
  return async () => {
    const instance = await current;
    if (instance.status === "starting" || instance.status === "ready") return instance;
    await instance.stopped;
    const before = current;
    // Another caller may have woken it since.
    if ((await before) === instance && before === current) current = w.wake(counter);
    return current;
  };
}

async function callUntilSettled(
  reach: () => Promise<ActorInstance>,
  key: string,
  name: string,
): Promise<string> {
  for (;;) {
    try {
      await callWithKey(await reach(), key, name, key);
      return "done";
    } catch (error) {
      if (isErrorCode(error, "action", "interrupted")) return "interrupted";
      const retry = isHoldfastError(error) && (error.group === "store" || error.code === "stopping");
      if (!retry && !isErrorCode(error, "actor", "fenced")) throw error;
    }
  }
}

test("each keyed call takes effect once despite failures; an incomplete one is reported", async () => {
  const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 30 }, (_, i) => i + 1);
  for (const seed of seeds) {
    let state = seed;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const w = world();
    unreliable(w, random);
    const reach = keeper(w);
    await (await reach()).ready;
    const outcomes = new Map<string, string>();
    const callers = Array.from({ length: 4 }, async (_, caller) => {
      for (let i = 0; i < 15; i++) {
        const name = random() < 0.5 ? "add" : "twice";
        const key = `${name}-${caller}-${i}`;
        outcomes.set(key, await callUntilSettled(reach, key, name));
        if (random() < 0.1) void (await reach()).sleep();
      }
    });
    await Promise.all(callers);
    w.store.commits.length = 0;
    await (await reach()).shutdown();
    const final = await w.wake(counter);
    const effects = (await callWithKey(final, "read", "all")) as Map<string, number>;
    for (const [key, outcome] of outcomes) {
      const expected = key.startsWith("add") ? 1 : outcome === "done" ? 2 : 1;
      assert.equal(effects.get(key), expected, `SEED=${seed} ${key} ${outcome}`);
    }
    assert.equal(outcomes.size, effects.size, `SEED=${seed}`);
  }
});
