import { EventEmitter, once } from "node:events";
import { actor, event } from "@holdfast/actors";
import { UserError } from "@holdfast/core";

/** Reports to the test when the last client has disconnected. */
export const departures = new EventEmitter();

export const counter = actor({
  state: { count: 0 },
  onDisconnect: (c) => {
    if (c.conns.size === 0) departures.emit("empty");
  },
  events: { changed: event<number>(), reset: event<[]>() },
  actions: {
    add: (c, by: number) => {
      if (by > 100) throw new UserError("too much", { code: "too_much" });
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
    /** Responds when the test releases it. */
    addWhenTold: async (c, by: number) => {
      await new Promise<void>((resolve) => {
        gates.push(resolve);
        arrivals.emit("one");
      });
      c.state.count += by;
      c.broadcast("changed", c.state.count);
    },
    /** The call of a page may still be pending. */
    tell: async () => {
      if (gates.length === 0) await once(arrivals, "one");
      for (const gate of gates.splice(0)) gate();
    },
    /** Excludes the connection of this call. */
    connections: (c) => [...c.conns.keys()].filter((id) => id !== c.conn.id).length,
    refuse: () => {
      throw new UserError("no", { code: "no" });
    },
  },
});

const gates: (() => void)[] = [];
const arrivals = new EventEmitter();

export const locked = actor({
  state: {},
  onBeforeConnect: () => {
    throw new UserError("locked", { code: "locked" });
  },
  actions: { ping: () => "pong" },
});

/** Controls and state of `visits`, for the tests. */
export const door = { closed: false, connects: 0, params: [] as unknown[] };

export const visits = actor({
  state: { count: 0 },
  events: { visited: event<number>() },
  onBeforeConnect: (_c, params: unknown) => {
    if (door.closed) throw new UserError("closed", { code: "closed" });
    door.params.push(params);
  },
  onConnect: (_c, conn) => {
    if (conn.isHibernatable) door.connects++;
  },
  // Calls open short-lived connections, too.
  onDisconnect: (c, conn) => {
    if (conn.isHibernatable) departures.emit(`left ${c.key[0]}`);
  },
  actions: {
    visit: (c) => {
      c.broadcast("visited", ++c.state.count);
    },
    count: (c) => c.state.count,
    remove: (c) => c.destroy(),
    connections: (c) => [...c.conns.keys()].filter((id) => id !== c.conn.id).length,
  },
});
