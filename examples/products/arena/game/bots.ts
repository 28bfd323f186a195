/** Bots, so that one person can play: they go for gems, shoot at who is near, and are a little slow to aim. */
import type { Fighter, Input, Point, World } from "./world.ts";

export const botNames = ["Iron", "Moss", "Ember", "Drift", "Pixel", "Echo", "Quill", "Sable"];

const sight = 420;

export function botInput(world: World, me: Fighter): Input {
  const enemies = world.fighters.filter(
    ({ slot, away, respawn }) => slot !== me.slot && !away && respawn === 0,
  );
  const enemy = nearest(me, enemies);
  const gem = nearest(me, world.gems);
  const isNear = enemy !== undefined && distance(me, enemy) < sight;
  const goal = isNear && me.health === 1 ? away(me, enemy) : (gem ?? enemy);
  // Two bots do not do the same in the same tick, and neither hits always.
  const sway = Math.sin(world.tick / 11 + me.slot * 2.1);
  const heading = goal === undefined ? sway : angle(me, goal) + around(me, sway);
  return {
    seq: me.seq,
    x: Math.cos(heading) * 0.8,
    y: Math.sin(heading) * 0.8,
    aim: isNear ? angle(me, enemy) + sway * 0.25 : heading,
    fire: isNear && world.tick % 24 === (me.slot * 5) % 24,
  };
}

/** A fighter that hardly moves stands before a wall, and goes round it. */
function around({ vx, vy }: Fighter, sway: number): number {
  return Math.hypot(vx, vy) < 3 ? (sway < 0 ? -1.6 : 1.6) : sway * 0.3;
}

function nearest<Place extends Point>(from: Point, places: readonly Place[]): Place | undefined {
  return places.toSorted((a, b) => distance(from, a) - distance(from, b))[0];
}

function away(from: Point, other: Point): Point {
  return { x: 2 * from.x - other.x, y: 2 * from.y - other.y };
}

function angle(from: Point, to: Point): number {
  return Math.atan2(to.y - from.y, to.x - from.x);
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** How many bots a room has beside its players. */
export function botsBeside(players: number, fighters: number): number {
  return players === 0 ? 0 : Math.max(0, fighters - players);
}
