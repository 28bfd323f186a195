/** Holdfast server with one durable counter definition, on SQLite in the directory of its first argument. */
import { join } from "node:path";
import { actor, event } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { wallMs } from "./clock.ts";
import { serveTarget } from "./target.ts";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
    get: (c) => c.state.count,
  },
});

const ticker = actor({
  events: { tick: event<number>() },
  actions: {
    burst: (c, events: number) => {
      for (let n = 0; n < events; n++) c.broadcast("tick", 1);
    },
  },
});

const [directory = ""] = process.argv.slice(2);
const registry = createRegistry({
  use: { counter, ticker },
  store: () => openSqliteStore({ path: join(directory, "store"), ports: systemPorts() }),
});
const { port } = await registry.listen({ port: 0 });
serveTarget({
  port,
  count: (key) => registry.client.counter.getOrCreate(key).get(),
  burst: (events) => {
    const startedAt = wallMs();
    void registry.client.ticker.getOrCreate("bench").burst(events);
    return startedAt;
  },
  stop: () => registry.shutdown(),
});
