import { HoldfastError } from "@holdfast/core";

/**
 * Passes values to actors by reference, within this process, under single-use tokens. Arguments of a call are limited
 * to 64 KiB, which an agent's envelope can exceed. And only code of this process can obtain a token, so no client can
 * create an actor that requires one.
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

  /** Removes and returns the value if `is` accepts it. Throws `auth.forbidden` otherwise. */
  take<Value>(token: unknown, is: (value: unknown) => value is Value): Value {
    const value = typeof token === "string" ? this.#values.get(token) : undefined;
    if (typeof token === "string") this.#values.delete(token);
    if (!is(value)) throw new HoldfastError("auth", "forbidden", "Only the Studio itself can call this");
    return value;
  }

  /** Deletes a value that was not taken. */
  drop(token: string): void {
    this.#values.delete(token);
  }
}
