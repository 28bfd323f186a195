/** The fighter of this page, ahead of the server: inputs take effect at once, and are repeated from what the server says. */
import type { SeenFighter } from "../game/wire.ts";
import { type Input, move, type Point } from "../game/world.ts";

/** A difference beyond this is a jump (a new life), not an error. */
const jump = 200;

/** More are not repeated: the connection is gone. */
const mostPending = 40;

export class Prediction {
  #pending: Input[] = [];
  #before: SeenFighter | undefined;
  #now: SeenFighter | undefined;
  /** What was shown minus what was right, which fades. */
  #error: { x: number; y: number } = { x: 0, y: 0 };

  get fighter(): SeenFighter | undefined {
    return this.#now;
  }

  /** An input of this page, at its own tick. */
  add(input: Input): void {
    this.#pending.push(input);
    if (this.#pending.length > mostPending) this.#pending.shift();
    this.#before = this.#now;
    if (this.#now !== undefined) this.#now = moved(this.#now, input);
  }

  /** The server's word: inputs that it has not seen yet are repeated from there. */
  correct(sent: SeenFighter): void {
    this.#pending = this.#pending.filter(({ seq }) => seq > sent.seq);
    let [before, now] = [sent, sent];
    for (const input of this.#pending) {
      before = now;
      now = moved(now, input);
    }
    const shown = this.#now;
    if (shown !== undefined) {
      this.#error.x += shown.x - now.x;
      this.#error.y += shown.y - now.y;
      if (Math.hypot(this.#error.x, this.#error.y) > jump) this.#error = { x: 0, y: 0 };
    }
    this.#before = before;
    this.#now = now;
  }

  /** Where to draw the fighter, between its last tick and its next one. */
  shown(share: number): Point | undefined {
    if (this.#now === undefined) return undefined;
    const { x, y } = this.#before ?? this.#now;
    this.#error.x *= 0.85;
    this.#error.y *= 0.85;
    return {
      x: x + (this.#now.x - x) * share + this.#error.x,
      y: y + (this.#now.y - y) * share + this.#error.y,
    };
  }

  /** The server counts the inputs of a new connection anew. */
  reset(): void {
    this.#pending = [];
  }
}

function moved(fighter: SeenFighter, input: Input): SeenFighter {
  if (fighter.respawn > 0 || fighter.away) return fighter;
  const copy = { ...fighter };
  move(copy, input);
  return copy;
}
