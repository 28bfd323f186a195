/** How often somebody may try in a window of this many seconds. */
export interface AttemptRule {
  readonly window: number;
  readonly max: number;
}

/** `retryAfter` is in seconds. */
export interface AttemptAnswer {
  readonly allowed: boolean;
  readonly retryAfter: number | null;
}

/** Counts attempts to sign in or up by sender. */
export interface AttemptCounter {
  /** Records an attempt. */
  readonly consume: (sender: string, rule: AttemptRule) => Promise<AttemptAnswer>;
}

/** The most senders whose attempts are counted; the one that was first is forgotten first. */
const maxCounted = 10_000;

interface Window {
  count: number;
  readonly endsAt: number;
}

/** Counts attempts of one process, in memory: a restart forgets them. */
export class Attempts implements AttemptCounter {
  readonly #windows = new Map<string, Window>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly consume = async (sender: string, { window, max }: AttemptRule): Promise<AttemptAnswer> => {
    const now = this.#now();
    const present = this.#windows.get(sender);
    if (present !== undefined && present.endsAt > now) {
      if (present.count >= max)
        return { allowed: false, retryAfter: Math.ceil((present.endsAt - now) / 1_000) };
      present.count += 1;
      return { allowed: true, retryAfter: null };
    }
    this.#windows.delete(sender);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= maxCounted && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(sender, { count: 1, endsAt: now + window * 1_000 });
    return { allowed: true, retryAfter: null };
  };
}
