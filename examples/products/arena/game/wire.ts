/** What is sent of a world in each tick: whole numbers in short lists, a few hundred bytes for a full room. */
import type { World } from "./world.ts";

/** Slot, ten times x and y, a hundred times both speeds and the aim, health, respawn, seq, away. */
export type FighterOnWire = readonly [
  slot: number,
  x: number,
  y: number,
  vx: number,
  vy: number,
  aim: number,
  health: number,
  respawn: number,
  seq: number,
  away: number,
];

export interface Frame {
  readonly tick: number;
  readonly fighters: readonly FighterOnWire[];
  readonly shots: readonly (readonly [id: number, slot: number, x: number, y: number])[];
  readonly gems: readonly (readonly [id: number, x: number, y: number])[];
}

export function frameOf({ tick, fighters, shots, gems }: World): Frame {
  return {
    tick,
    fighters: fighters.map((fighter) => [
      fighter.slot,
      Math.round(fighter.x * 10),
      Math.round(fighter.y * 10),
      Math.round(fighter.vx * 100),
      Math.round(fighter.vy * 100),
      Math.round(fighter.aim * 100),
      fighter.health,
      fighter.respawn,
      fighter.seq,
      fighter.away ? 1 : 0,
    ]),
    shots: shots.map(({ id, slot, x, y }) => [id, slot, Math.round(x), Math.round(y)]),
    gems: gems.map(({ id, x, y }) => [id, x, y]),
  };
}

/** A fighter as a page knows it. */
export interface SeenFighter {
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  readonly vx: number;
  readonly vy: number;
  readonly aim: number;
  readonly health: number;
  readonly respawn: number;
  readonly seq: number;
  readonly away: boolean;
}

export function fighterOf([slot, x, y, vx, vy, aim, health, respawn, seq, away]: FighterOnWire): SeenFighter {
  const place = { x: x / 10, y: y / 10, vx: vx / 100, vy: vy / 100, aim: aim / 100 };
  return { slot, ...place, health, respawn, seq, away: away === 1 };
}
