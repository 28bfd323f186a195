import { actor, event, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { Loop, workflow } from "@holdfast/actors/workflow";
import { UserError } from "@holdfast/core";
import { emptyInbox, keptDrafts, me } from "./empty-inbox.ts";

/** Answers requests of every page's header; there are no tasks here. */
const organization = actor({
  state: {},
  events: { taskChanged: event<never>() },
  actions: {
    me,
    listTasks: () => ({ tasks: [], seen: {} }),
    countTasks: () => ({
      total: 0,
      unread: 0,
      repositories: [],
      agents: [],
      statuses: [],
      owners: [],
      labels: [],
    }),
    listAgents: () => [],
    system: () => ({
      version: "test",
      startedAt: 0,
      dataDirectory: "/nowhere",
      checks: [],
      sandboxes: [],
      tasks: { total: 0, active: 0 },
      memoryBytes: 0,
      unsafe: false,
    }),
  },
});

const counter = actor({
  createState: () => ({
    count: 0,
    total: 12n,
    since: new Date(0),
    labels: new Map([["colour", "green"]]),
    readings: Array.from({ length: 150 }, (_, index) => index),
    owner: { name: "Ada", roles: ["admin", "reader"] },
  }),
  events: { changed: event<{ count: number }>(), reset: event<{ by: string }>() },
  onCreate: async (c) => {
    await c.cron.every({ name: "tick", interval: 3_600_000, action: "increment", args: [100] });
    await c.cron.set({
      name: "report",
      expression: "0 8 * * 1-5",
      timezone: "Europe/Berlin",
      action: "broken",
    });
  },
  actions: {
    increment: (c, by = 1) => {
      c.state.count += by;
      c.log.info("counted", { by, count: c.state.count });
      c.broadcast("changed", { count: c.state.count });
      return c.state.count;
    },
    reset: (c, by: string) => {
      c.state.count = 0;
      c.log.warn("reset", { by });
      c.broadcast("reset", { by });
    },
    remember: async (c, key: string, text: string) => {
      await c.kv.put(key, text);
    },
    refuse: () => {
      throw new UserError("The counter does not do this", { code: "refused" });
    },
    broken: () => {
      throw new UserError("The printer is out of paper");
    },
  },
});

const mailer = actor({
  state: { sent: 0 },
  queues: { mail: queue<{ to: string }>({ maxAttempts: 1 }), print: queue<unknown>() },
  actions: {
    /** Takes a message and gives it back as failed: it is a dead letter then. */
    bounce: async (c) => {
      const message = await c.queue.next({ names: ["mail"], completable: true, timeout: 1_000 });
      await message?.fail(new Error("mailbox full"));
      return message?.id;
    },
  },
});

const order = actor({
  state: { status: "new" },
  queues: { payments: queue<{ amount: number }>() },
  run: workflow(async (ctx) => {
    await ctx.step("reserve", async (step) => {
      step.state.status = "reserved";
      return { shelf: 7 };
    });
    await ctx.loop({
      name: "payments",
      state: { sum: 0 },
      run: async (loop, { sum }) => {
        const payment = await loop.queue.next("payment", { names: ["payments"] });
        const total = sum + payment.body.amount;
        return total >= 100 ? Loop.break(total) : Loop.continue({ sum: total });
      },
    });
    await ctx.tryStep({
      name: "notify",
      maxRetries: 0,
      run: async () => {
        throw new Error("no mail server");
      },
    });
    await ctx.step("ship", async (step) => {
      step.state.status = "shipped";
    });
  }),
  actions: { status: (c) => c.state.status },
});

const notes = actor({
  state: {},
  db: db({
    onMigrate: async (database) => {
      await database.execute(
        "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body BLOB)",
      );
      await database.execute("CREATE TABLE IF NOT EXISTS tag (note INTEGER REFERENCES note (id), name TEXT)");
    },
  }),
  actions: {
    fill: async (c, count: number) => {
      for (let at = 1; at <= count; at++)
        await c.db.execute("INSERT INTO note (title) VALUES (?)", `Note ${at}`);
    },
  },
});

/** One actor for each part that the inspector shows. */
export const inspectedActors = {
  organization,
  inbox: emptyInbox,
  drafts: keptDrafts(),
  counter,
  mailer,
  order,
  notes,
};
