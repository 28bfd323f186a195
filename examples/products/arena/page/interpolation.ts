/** Others, a little in the past: between two ticks that have arrived, so that an uneven network is not seen. */
import { tickMs } from "../game/rules.ts";
import { type Frame, fighterOf, type SeenFighter } from "../game/wire.ts";

/** How far in the past, in ticks. */
const delayTicks = 2;
const mostFrames = 40;
/** What has moved further in a tick has jumped. */
const jump = 150;

export interface SeenShot {
  readonly id: number;
  readonly slot: number;
  readonly x: number;
  readonly y: number;
}

/** What is drawn at one moment. */
export interface Scene {
  readonly fighters: readonly SeenFighter[];
  readonly shots: readonly SeenShot[];
  readonly gems: Frame["gems"];
}

export class Interpolation {
  #frames: Frame[] = [];
  /** Local time of tick 0, by the frames that came fastest. */
  #start: number | undefined;

  add(frame: Frame, now: number): void {
    const last = this.#frames.at(-1);
    // The ticks of a server that was started again begin anew.
    if (last !== undefined && frame.tick <= last.tick) this.#frames = [];
    if (last === undefined || frame.tick <= last.tick || frame.tick > last.tick + mostFrames)
      this.#start = undefined;
    this.#frames.push(frame);
    if (this.#frames.length > mostFrames) this.#frames.shift();
    const start = now - frame.tick * tickMs;
    this.#start =
      this.#start === undefined || start < this.#start ? start : this.#start + (start - this.#start) * 0.02;
  }

  get latest(): Frame | undefined {
    return this.#frames.at(-1);
  }

  fighters(now: number): SeenFighter[] {
    const [from, to, share] = this.#around(now);
    return (to?.fighters ?? []).map((each) => {
      const fighter = fighterOf(each);
      const before = from?.fighters.find(([slot]) => slot === fighter.slot);
      return before === undefined ? fighter : { ...fighter, ...between(fighterOf(before), fighter, share) };
    });
  }

  shots(now: number): SeenShot[] {
    const [from, to, share] = this.#around(now);
    return (to?.shots ?? []).flatMap(([id, slot, x, y]) => {
      const before = from?.shots.find(([other]) => other === id);
      return before === undefined
        ? []
        : [{ id, slot, ...between({ x: before[2], y: before[3] }, { x, y }, share) }];
    });
  }

  #around(now: number): [from: Frame | undefined, to: Frame | undefined, share: number] {
    const last = this.#frames.at(-1);
    if (this.#start === undefined || last === undefined) return [undefined, undefined, 1];
    const tick = (now - this.#start) / tickMs - delayTicks;
    const at = this.#frames.findLastIndex((frame) => frame.tick <= tick);
    const [from, to] = [this.#frames[at], this.#frames[at + 1]];
    if (from === undefined || to === undefined) return [last, last, 1];
    return [from, to, (tick - from.tick) / (to.tick - from.tick)];
  }
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function between(from: Place, to: Place, share: number): Place {
  if (Math.hypot(to.x - from.x, to.y - from.y) > jump) return { x: to.x, y: to.y };
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}
