/** One-shot schedules: after, at, get, list, cancel, and the action's arguments. */
import assert from "node:assert/strict";
import { actor, event, type ScheduledFireInfo, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const clock = actor({
  state: { fired: [] as { text: string; kind: string; id: string; late: boolean; conn: boolean }[] },
  events: { fired: event<string>() },
  actions: {
    ring: (c, text: string, info?: ScheduledFireInfo) => {
      c.state.fired.push({
        text,
        kind: info?.kind ?? "none",
        id: info?.id ?? "",
        late: (info?.firedAt ?? 0) >= (info?.scheduledAt ?? 1),
        conn: c.conn !== undefined,
      });
      c.broadcast("fired", text);
    },
    bare: (c, ...args: unknown[]) => {
      c.state.fired.push({
        text: `bare ${args.length}`,
        kind: typeof args[0],
        id: "",
        late: true,
        conn: false,
      });
      c.broadcast("fired", "bare");
    },
    soon: (c, ms: number, text: string) => c.schedule.after(ms, "ring", text),
    at: (c, time: number, text: string) => c.schedule.at(time, "ring", text),
    bareSoon: (c) => c.schedule.after(1, "bare"),
    get: async (c, id: string) => (await c.schedule.get(id)) ?? null,
    list: (c) => c.schedule.list(),
    cancel: (c, id: string) => c.schedule.cancel(id),
    fired: (c) => c.state.fired,
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { clock } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.clock.getOrCreate(["c"]);
  const conn = handle.connect();
  const heard: string[] = [];
  const waiters: (() => void)[] = [];
  conn.on("fired", (text) => {
    heard.push(String(text));
    for (const waiter of waiters.splice(0)) waiter();
  });
  const hear = async (text: string): Promise<void> => {
    while (!heard.includes(text)) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  await conn.ready;

  const now = Date.now();
  const far = await handle.soon(3_600_000, "far");
  const later = await handle.at(now + 7_200_000, "later");
  assert.equal(typeof far, "string");
  const got = await handle.get(far);
  assert.deepEqual({ ...got, runAt: 0 }, { id: far, action: "ring", args: ["far"], runAt: 0 });
  assert.ok(got !== null && Math.abs(got.runAt - (now + 3_600_000)) < 60_000);
  assert.deepEqual(
    (await handle.list()).map((each) => each.id),
    [far, later],
  );
  assert.equal(await handle.cancel(far), true);
  assert.equal(await handle.cancel(far), false);
  assert.equal(await handle.cancel("nothing"), false);
  assert.equal(await handle.get(far), null);

  const id = await handle.soon(5, "soon");
  await hear("soon");
  await handle.at(now - 1_000, "past");
  await hear("past");
  await handle.bareSoon();
  await hear("bare");
  const fired = await handle.fired();
  assert.deepEqual(fired[0], { text: "soon", kind: "at", id, late: true, conn: false });
  assert.equal(fired[1]?.text, "past");
  assert.deepEqual(fired[2], { text: "bare 1", kind: "object", id: "", late: true, conn: false });
  assert.equal(await handle.get(id), null);

  await handle.soon(150, "woken");
  await handle.nap();
  await hear("woken");
  assert.deepEqual(
    (await handle.list()).map((each) => each.id),
    [later],
  );
  await conn.dispose();
  await client.dispose();
}
