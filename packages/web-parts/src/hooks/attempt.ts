import { systemRandom, uuidv4 } from "@holdfast/core";
import { useState } from "react";

/**
 * Idempotency key of a submission. It stays the same until the submission has arrived, so a retry after a lost
 * response is not applied twice. A different text gets a new key.
 */
export class Attempt {
  #id = "";
  #text: string | undefined;

  idFor(text: string): string {
    // `crypto.randomUUID` is missing on pages served over plain HTTP, except from localhost.
    if (this.#text !== text) this.#id = uuidv4(systemRandom);
    this.#text = text;
    return this.#id;
  }

  /** Marks the submission as delivered: the next one gets a new id, even for the same text. */
  arrived(): void {
    this.#text = undefined;
  }
}

export function useAttempt(): Attempt {
  return useState(() => new Attempt())[0];
}
