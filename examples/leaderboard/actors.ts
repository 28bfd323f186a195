/** A leaderboard in the ordered key-value store: the key is the rank, so that the top is a short read. */
import { actor, event, setup, UserError } from "holdfast";

/** The rank is made of as many digits. */
const highest = 999_999_999;

/** Higher scores come first; equal ones in the order of names. */
function rankKey(score: number, player: string): string {
  return `rank/${String(highest - score).padStart(9, "0")}/${player}`;
}

export const leaderboard = actor({
  events: { leader: event<string>() },
  // A score is compared with what is there before it is written: one after the other.
  options: { concurrency: "serial" },
  actions: {
    submit: async (c, player: string, score: number) => {
      if (!Number.isInteger(score) || score < 0 || score > highest) {
        throw new UserError(`A score is a whole number up to ${highest}`, { code: "invalid_score" });
      }
      const before = await c.kv.get(`best/${player}`);
      if (before !== null && Number(before) >= score) return;
      const [first] = await c.kv.list("rank/", { limit: 1 });
      if (before !== null) await c.kv.delete(rankKey(Number(before), player));
      await c.kv.put(`best/${player}`, String(score));
      await c.kv.put(rankKey(score, player), player);
      const [leader] = await c.kv.list("rank/", { limit: 1 });
      if (leader !== undefined && leader[1] !== first?.[1]) c.broadcast("leader", leader[1]);
    },
    top: async (c, count: number) => {
      const entries = await c.kv.list("rank/", { limit: count });
      return Promise.all(
        entries.map(async ([, player]) => ({ player, score: Number(await c.kv.get(`best/${player}`)) })),
      );
    },
  },
});

export const registry = setup({ use: { leaderboard } });
if (import.meta.main) await registry.start();
