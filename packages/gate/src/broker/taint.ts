/** Sessions into which content from outside has come. Once tainted, a session stays it. */
export class Taint {
  readonly #sessions = new Map<string, string>();

  has(session: string): boolean {
    return this.#sessions.has(session);
  }

  /** True when it was clean before. */
  mark(session: string, reason: string): boolean {
    if (this.#sessions.has(session)) return false;
    this.#sessions.set(session, reason);
    return true;
  }

  reason(session: string): string | undefined {
    return this.#sessions.get(session);
  }
}
