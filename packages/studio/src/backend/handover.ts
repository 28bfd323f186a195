import { HoldfastError } from "@holdfast/core";

/**
 * Hands values to actors by reference, within this process. Two reasons: a call's arguments are bounded
 * to 64 KiB and an agent's envelope is not; and only code of this process can put something here, so an
 * actor whose creation needs a token cannot be made by a client, whatever input it sends.
 */
export class Handover {
  readonly #values = new Map<string, unknown>();
  readonly #newToken: () => string;

  constructor(newToken: () => string) {
    this.#newToken = newToken;
  }

  put(value: unknown): string {
    const token = this.#newToken();
    this.#values.set(token, value);
    return token;
  }

  /** Takes the value out if `is` recognises it. Throws `auth.forbidden` otherwise. */
  take<Value>(token: unknown, is: (value: unknown) => value is Value): Value {
    const value = typeof token === "string" ? this.#values.get(token) : undefined;
    if (typeof token === "string") this.#values.delete(token);
    if (!is(value)) throw new HoldfastError("auth", "forbidden", "Only the Studio itself may do this");
    return value;
  }

  /** Forgets a value that was not taken. */
  drop(token: string): void {
    this.#values.delete(token);
  }
}
