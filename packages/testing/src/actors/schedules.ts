import { actor, type ScheduledFireInfo } from "@holdfast/actors";

/** An actor that counts its runs, once for each due time that its id and time name. */
export const clockwork = actor({
  state: { runs: 0, seen: [] as string[], twice: 0, cut: 0 },
  options: { sleepTimeout: 30 },
  actions: {
    in: (c, ms: number) => c.schedule.after(ms, "run"),
    slowlyIn: (c, ms: number, forMs: number) => c.schedule.after(ms, "slow", forMs),
    each: (c, expression: string) =>
      c.cron.set({ name: "each", expression, action: "run", maxHistory: 1_000 }),
    run: (c, info: ScheduledFireInfo) => {
      const id = `${info.id} ${info.scheduledAt}`;
      if (c.state.seen.includes(id)) c.state.twice++;
      c.state.seen.push(id);
      if (c.state.seen.length > 100) c.state.seen.shift();
      c.state.runs++;
    },
    slow: async (c, forMs: number, info: ScheduledFireInfo) => {
      if (info.attempt !== undefined) c.state.cut++;
      await new Promise((resolve) => setTimeout(resolve, info.attempt === undefined ? forMs : 0));
      c.state.runs++;
    },
    counts: (c) => ({ runs: c.state.runs, twice: c.state.twice, cut: c.state.cut }),
    pending: async (c) => (await c.schedule.list()).length,
  },
});
