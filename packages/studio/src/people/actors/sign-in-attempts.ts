import { actor } from "@holdfast/actors";
import type { AttemptAnswer, AttemptRule } from "../auth/attempts.ts";
import type { PeopleHost } from "./host.ts";

export interface AttemptsState {
  version: 1;
  /** Attempts in the present window of each sender, by the hash of what identifies the sender. */
  windows: Record<string, { count: number; endsAt: number }>;
}

/** The most senders that one of these actors counts; those whose window ends first are forgotten first. */
const maxCounted = 1_000;

/**
 * Attempts to sign in of several nodes, keyed by the first digits of the sender's hash, so that there are at most 256 of
 * them. Clients cannot reach it.
 */
export function createSignInAttemptsActor(host: PeopleHost) {
  return actor({
    createState: (): AttemptsState => ({ version: 1, windows: {} }),
    options: { name: "Sign-in attempts", concurrency: "serial" },
    actions: {
      internal: {
        /** Records an attempt. */
        consume(c, sender: string, { window, max }: AttemptRule): AttemptAnswer {
          const { windows } = c.state;
          const now = host.ports.clock.now();
          const present = windows[sender];
          if (present !== undefined && present.endsAt > now) {
            if (present.count >= max)
              return { allowed: false, retryAfter: Math.ceil((present.endsAt - now) / 1_000) };
            present.count += 1;
            return { allowed: true, retryAfter: null };
          }
          const kept = Object.entries(windows)
            .filter(([other, { endsAt }]) => other !== sender && endsAt > now)
            .sort(([, one], [, other]) => other.endsAt - one.endsAt)
            .slice(0, maxCounted - 1);
          c.state.windows = Object.fromEntries([
            ...kept,
            [sender, { count: 1, endsAt: now + window * 1_000 }],
          ]);
          return { allowed: true, retryAfter: null };
        },
      },
    },
  });
}
