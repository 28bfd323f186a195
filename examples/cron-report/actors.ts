/** A report every morning at eight in Berlin, whether or not anything runs in between. */
import { actor, event, setup } from "holdfast";

export const report = actor({
  state: { visits: 0, sent: [] as { day: number; visits: number }[] },
  events: { sent: event<number>() },
  onCreate: async (c) => {
    await c.cron.set({ name: "morning", expression: "0 8 * * *", timezone: "Europe/Berlin", action: "send" });
  },
  actions: {
    visit: (c) => {
      c.state.visits += 1;
    },
    send: (c, info?: { scheduledAt: number }) => {
      c.state.sent.push({ day: info?.scheduledAt ?? 0, visits: c.state.visits });
      c.state.visits = 0;
      c.broadcast("sent", c.state.sent.length);
    },
    sent: (c) => c.state.sent,
  },
});

export const registry = setup({ use: { report } });
if (import.meta.main) await registry.start();
