import { HoldfastError } from "@holdfast/core";

/**
 * Passes values from the Studio's process to its actors under tokens. Only the Studio itself can make a token, so no
 * client can create an actor that requires one.
 */
export interface ValueTokens {
  /** Size in bytes from which on values should be split. */
  readonly maxBytes: number;
  put(value: unknown): string;
  /** Returns the value if `is` accepts it. Throws `auth.forbidden` otherwise. */
  take<Value>(token: unknown, is: (value: unknown) => value is Value): Value;
  /** Deletes a value that was not taken. */
  drop(token: string): void;
}

/**
 * Passes values by reference, within one process, under single-use tokens: arguments of a call are limited to 64 KiB,
 * which an agent's envelope can exceed.
 */
export class LocalValueTokens implements ValueTokens {
  readonly maxBytes = Number.POSITIVE_INFINITY;
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

  take<Value>(token: unknown, is: (value: unknown) => value is Value): Value {
    const value = typeof token === "string" ? this.#values.get(token) : undefined;
    if (typeof token === "string") this.#values.delete(token);
    if (!is(value)) throw unknownToken();
    return value;
  }

  drop(token: string): void {
    this.#values.delete(token);
  }
}

export function unknownToken(): HoldfastError {
  return new HoldfastError("auth", "forbidden", "Only the Studio itself can call this");
}
