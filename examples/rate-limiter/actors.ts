/** A token bucket for every caller. Time comes with the call, so that the limiter needs no timer. */
import { actor, setup } from "holdfast";

export const limiter = actor({
  createState: (_c, input: { capacity: number; perSecond: number } | undefined) => {
    const { capacity, perSecond } = input ?? { capacity: 10, perSecond: 1 };
    return { capacity, perSecond, tokens: capacity, at: 0 };
  },
  actions: {
    /** Takes a token; otherwise says in how many milliseconds there will be one. */
    take: (c, now: number): { allowed: boolean; retryAfterMs: number } => {
      const { state } = c;
      const gained = ((now - state.at) / 1_000) * state.perSecond;
      state.tokens = state.at === 0 ? state.capacity : Math.min(state.capacity, state.tokens + gained);
      state.at = now;
      if (state.tokens >= 1) {
        state.tokens -= 1;
        return { allowed: true, retryAfterMs: 0 };
      }
      return { allowed: false, retryAfterMs: Math.ceil(((1 - state.tokens) / state.perSecond) * 1_000) };
    },
  },
});

export const registry = setup({ use: { limiter } });
if (import.meta.main) await registry.start();
