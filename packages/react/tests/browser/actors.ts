import { EventEmitter, once } from "node:events";
import { actor, event } from "@holdfast/actors";
import { UserError } from "@holdfast/core";

/** Tells the test when nobody is connected any more. */
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
    /** Answers when the test lets it. */
    addWhenTold: async (c, by: number) => {
      await new Promise<void>((resolve) => {
        gates.push(resolve);
        arrivals.emit("one");
      });
      c.state.count += by;
      c.broadcast("changed", c.state.count);
    },
    /** The call of a page may still be on its way. */
    tell: async () => {
      if (gates.length === 0) await once(arrivals, "one");
      for (const gate of gates.splice(0)) gate();
    },
    /** Without that of this call. */
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

/** What the tests do to `visits`, and see of it. */
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
  // The short-lived connections of calls come and go too.
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
