/** The most senders whose attempts are counted; the one that was first is forgotten first. */
const maxCounted = 10_000;

interface Window {
  count: number;
  readonly endsAt: number;
}

/** Counts attempts to sign in or up by sender, in memory: a restart forgets them. */
export class Attempts {
  readonly #windows = new Map<string, Window>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records an attempt. `window` and `retryAfter` are seconds. */
  readonly consume = async (
    key: string,
    { window, max }: { readonly window: number; readonly max: number },
  ): Promise<{ allowed: boolean; retryAfter: number | null }> => {
    const now = this.#now();
    const present = this.#windows.get(key);
    if (present !== undefined && present.endsAt > now) {
      if (present.count >= max)
        return { allowed: false, retryAfter: Math.ceil((present.endsAt - now) / 1_000) };
      present.count += 1;
      return { allowed: true, retryAfter: null };
    }
    this.#windows.delete(key);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= maxCounted && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(key, { count: 1, endsAt: now + window * 1_000 });
    return { allowed: true, retryAfter: null };
  };
}
