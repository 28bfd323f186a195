import { systemRandom, uuidv4 } from "@holdfast/core";
import { useState } from "react";

/**
 * The id under which something is sent: the same until it is known to have arrived, so that what is sent
 * again after its answer was lost is not done twice. Another text is another thing, with another id.
 */
export class Attempt {
  #id = "";
  #text: string | undefined;

  idFor(text: string): string {
    // Not `crypto.randomUUID`, which browsers leave out of pages that come over plain HTTP from elsewhere.
    if (this.#text !== text) this.#id = uuidv4(systemRandom);
    this.#text = text;
    return this.#id;
  }

  /** What is sent from now on is new, also when it is the same text. */
  arrived(): void {
    this.#text = undefined;
  }
}

export function useAttempt(): Attempt {
  return useState(() => new Attempt())[0];
}
