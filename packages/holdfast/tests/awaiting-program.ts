/** Awaits actors of this process, where nothing else keeps it alive: `awaiting-program.ts DIRECTORY WHAT`. */
import { actor, queue, setup } from "holdfast";
import { durable } from "holdfast/workflow";

const [dataDirectory = "", what = ""] = process.argv.slice(2);

const napper = durable(async (ctx, n: number) => {
  await ctx.sleep("nap", 50);
  return n * 2;
});
const waiter = actor({
  queues: { jobs: queue<string>() },
  options: { sleepGracePeriod: 50 },
  onWake: (c) => c.schedule.after(50, "tick").then(() => undefined),
  onSleep: () => console.log("slept"),
  actions: {
    tick: (c) => c.broadcast("tick", 1),
    take: async (c) => (await c.queue.next({ timeout: 50 })) ?? "nothing",
    hang: () => new Promise(() => undefined),
    ping: () => "pong",
  },
});
const registry = setup({ use: { napper, waiter }, dataDirectory, noWelcome: true });
const handle = registry.client.waiter.getOrCreate("a");

switch (what) {
  case "call":
    console.log(await handle.take());
    break;
  case "workflow":
    console.log(await registry.client.napper.getOrCreate("a", { createWithInput: 2 }).result());
    break;
  case "send":
    console.log(await handle.send("jobs", "x", { wait: true, timeout: 50 }));
    break;
  case "event": {
    const conn = handle.connect();
    console.log(await new Promise((resolve) => conn.on("tick" as never, resolve)));
    await conn.dispose();
    break;
  }
  case "shutdown":
    handle.hang().catch((error: { code: string }) => console.log(error.code));
    await handle.ping();
    break;
  case "left":
    console.log(await handle.ping());
}
if (what !== "left") await registry.shutdown();
console.log("ended");
