/** Schedules: hooks that set them, failing actions, dates and data as arguments, nested actions. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

let runs = 0;

const a = actor({
  state: { got: [] as unknown[], overlapping: 0 },
  onCreate: async (c) => {
    await c.schedule.after(5, "take", "from onCreate");
  },
  onWake: async (c) => {
    await c.schedule.at(Date.now() + 5, "take", "from onWake");
  },
  actions: {
    take: (c, value: unknown) => {
      c.state.got.push(value);
    },
    fails: () => {
      runs += 1;
      throw new UserError("no", { code: "no" });
    },
    deep: { inner: (c: { state: { got: unknown[] } }, value: unknown) => void c.state.got.push(value) },
    plan: async (c) => {
      const ids = await Promise.all([
        c.schedule.after(1, "take", new Date(9)),
        c.schedule.after(2, "take", new Uint8Array([1])),
        c.schedule.after(3, "take", { map: new Map([[1, 2]]), big: 5n }),
        c.schedule.after(0, "take", undefined),
        c.schedule.after(-50, "take", "negative"),
      ]);
      return new Set(ids).size;
    },
    planNested: (c) => c.schedule.after(1, "deep.inner", "nested"),
    planFail: (c) => c.schedule.after(1, "fails"),
    planMissing: (c) => c.schedule.after(1, "missing"),
    got: (c) => c.state.got,
    many: async (c) => {
      let code = "";
      for (let n = 0; n < 1_001; n++) {
        try {
          await c.schedule.after(3_600_000, "take", n);
        } catch (error) {
          code = `${n} ${(error as { group: string }).group}.${(error as { code: string }).code}`;
        }
      }
      for (const { id } of await c.schedule.list()) await c.schedule.cancel(id);
      return code;
    },
  },
});

export const registry = setup({ use: { a } });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.a.getOrCreate(["a"]);
  await until(async () => (await handle.got()).length === 2);
  assert.equal(await handle.plan(), 5);
  await until(async () => (await handle.got()).length === 7);
  const got = await handle.got();
  for (const value of [
    new Date(9),
    new Uint8Array([1]),
    { map: new Map([[1, 2]]), big: 5n },
    undefined,
    "negative",
  ]) {
    assert.ok(
      got.some((each) => {
        try {
          assert.deepEqual(each, value);
          return true;
        } catch {
          return false;
        }
      }),
      String(value),
    );
  }
  await handle.planNested();
  await until(async () => (await handle.got()).includes("nested"));
  await handle.planFail();
  await until(() => runs >= 1);
  await handle.planMissing();
  assert.match(await handle.many(), / schedule.max_schedules_exceeded$/);
  await client.dispose();
}
