/** Inputs of one player that have arrived and wait for their tick. */
import type { Input } from "./world.ts";

/** More than this come from a network that has caught up, or a page that sends too fast: the oldest are dropped. */
const mostWaiting = 6;
const mostInTick = 2;
/** After so many ticks without an input, its page is slow or gone, and the fighter glides. */
const glidesAfter = 5;

export class InputQueue {
  #waiting: Input[] = [];
  #owed = 0;
  #missed = 0;

  add(input: Input): void {
    this.#waiting.push(input);
    if (this.#waiting.length > mostWaiting) this.#waiting.shift();
  }

  /**
   * The inputs of this tick. What came late is made up for, so that a page that has predicted its inputs was right; but
   * never more than one input for each tick that has passed, so that nobody is faster than others.
   */
  take(): readonly (Input | undefined)[] {
    this.#owed = Math.min(this.#owed + 1, mostWaiting);
    const inputs = this.#waiting.splice(0, Math.min(mostInTick, this.#owed));
    this.#owed -= inputs.length;
    this.#missed = inputs.length > 0 ? 0 : this.#missed + 1;
    return this.#missed > glidesAfter ? [undefined] : inputs;
  }
}

/** Checks what a page has sent. Undefined for what is no input. */
export function checkedInput(value: unknown): Input | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { seq, x, y, aim, fire } = value as Record<string, unknown>;
  if (![seq, x, y, aim].every((each) => typeof each === "number" && Number.isFinite(each))) return undefined;
  const limited = (each: unknown, most: number) => Math.min(most, Math.max(-most, Number(each)));
  return {
    seq: Math.trunc(limited(seq, 1e9)),
    x: limited(x, 1),
    y: limited(y, 1),
    aim: limited(aim, 10),
    fire: fire === true,
  };
}
