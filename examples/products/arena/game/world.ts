/** The world of one room and its next tick. The server decides with it, and pages predict their own fighter with it. */
import { field, rules, walls } from "./rules.ts";

/** What one player wants in one tick. */
export interface Input {
  /** Counts up; the server says which one it has seen last. */
  readonly seq: number;
  /** Direction, each from -1 to 1. */
  readonly x: number;
  readonly y: number;
  /** In radians. */
  readonly aim: number;
  readonly fire: boolean;
}

export interface Fighter {
  /** Place in the room, which names it in every tick. */
  readonly slot: number;
  x: number;
  y: number;
  vx: number;
  vy: number;
  aim: number;
  health: number;
  /** Ticks until the next shot, until health comes back, and until it is back in the field. */
  reload: number;
  heal: number;
  respawn: number;
  /** The latest input that has moved it. */
  seq: number;
  /** Out of the field: its player has lost the connection, or does nothing. */
  away: boolean;
}

export interface Shot {
  readonly id: number;
  readonly slot: number;
  x: number;
  y: number;
  readonly vx: number;
  readonly vy: number;
  ticks: number;
}

export interface Gem {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface World {
  tick: number;
  fighters: Fighter[];
  shots: Shot[];
  gems: Gem[];
  nextId: number;
}

/** What a tick has brought about, for points and messages. */
export type Happening =
  | { readonly type: "gem"; readonly by: number }
  | { readonly type: "knockout"; readonly by: number; readonly of: number };

export type Random = () => number;

export function newWorld(random: Random): World {
  const world: World = { tick: 0, fighters: [], shots: [], gems: [], nextId: 1 };
  while (world.gems.length < rules.gems) world.gems.push(newGem(world, random));
  return world;
}

export function newFighter(slot: number, random: Random): Fighter {
  const { x, y } = freePlace(random, rules.radius);
  const aim = rounded(random() * 2 * Math.PI, 100);
  return {
    slot,
    x,
    y,
    aim,
    vx: 0,
    vy: 0,
    health: rules.health,
    reload: 0,
    heal: 0,
    respawn: 0,
    seq: 0,
    away: false,
  };
}

/** Inputs of a fighter in one tick: mostly one, none or two where the network is uneven. */
export type Inputs = ReadonlyMap<number, readonly (Input | undefined)[]>;

/** Moves the world by one tick. A fighter moves once for each of its inputs; without an input, it glides. */
export function step(world: World, inputs: Inputs, random: Random): Happening[] {
  const happenings: Happening[] = [];
  world.tick += 1;
  for (const fighter of world.fighters) {
    if (fighter.away) continue;
    if (fighter.respawn > 0) {
      fighter.respawn -= 1;
      if (fighter.respawn === 0)
        Object.assign(fighter, freePlace(random, rules.radius), { health: rules.health });
      continue;
    }
    fighter.reload = Math.max(0, fighter.reload - 1);
    for (const input of inputs.get(fighter.slot) ?? []) {
      move(fighter, input);
      if (input?.fire && fighter.reload === 0) shoot(world, fighter);
    }
    recover(fighter);
  }
  moveShots(world, happenings);
  collectGems(world, happenings, random);
  return happenings;
}

/**
 * Moves a fighter by one tick. Positions and speeds are rounded to what is sent, so that a page that repeats the same
 * inputs comes to the same place.
 */
export function move(
  fighter: Pick<Fighter, "x" | "y" | "vx" | "vy" | "aim" | "seq">,
  input: Input | undefined,
): void {
  const { x, y } = direction(input);
  fighter.vx = rounded((fighter.vx + x * rules.push) * rules.drag, 100);
  fighter.vy = rounded((fighter.vy + y * rules.push) * rules.drag, 100);
  fighter.x = within(fighter.x + fighter.vx, field.width);
  fighter.y = within(fighter.y + fighter.vy, field.height);
  for (const wall of walls) pushOut(fighter, wall);
  fighter.x = rounded(fighter.x, 10);
  fighter.y = rounded(fighter.y, 10);
  if (input === undefined) return;
  fighter.aim = rounded(input.aim, 100);
  fighter.seq = input.seq;
}

/** At most of length 1, so that nobody is faster diagonally. */
function direction(input: Input | undefined): { x: number; y: number } {
  if (input === undefined) return { x: 0, y: 0 };
  const length = Math.max(1, Math.hypot(input.x, input.y));
  return { x: input.x / length, y: input.y / length };
}

function within(value: number, size: number): number {
  return Math.min(size - rules.radius, Math.max(rules.radius, value));
}

/** Out of a wall on the shortest way, and no further into it. */
function pushOut(
  fighter: Pick<Fighter, "x" | "y" | "vx" | "vy">,
  { x, y, width, height }: (typeof walls)[0],
): void {
  const nearest = {
    x: Math.min(x + width, Math.max(x, fighter.x)),
    y: Math.min(y + height, Math.max(y, fighter.y)),
  };
  const [dx, dy] = [fighter.x - nearest.x, fighter.y - nearest.y];
  const distance = Math.hypot(dx, dy);
  if (distance >= rules.radius || distance === 0) return;
  fighter.x = nearest.x + (dx / distance) * rules.radius;
  fighter.y = nearest.y + (dy / distance) * rules.radius;
  const into = (fighter.vx * dx + fighter.vy * dy) / distance;
  if (into >= 0) return;
  fighter.vx = rounded(fighter.vx - (into * dx) / distance, 100);
  fighter.vy = rounded(fighter.vy - (into * dy) / distance, 100);
}

function shoot(world: World, fighter: Fighter): void {
  const [cos, sin] = [Math.cos(fighter.aim), Math.sin(fighter.aim)];
  const start = rules.radius + rules.shotRadius;
  world.shots.push({
    id: world.nextId++,
    slot: fighter.slot,
    x: fighter.x + cos * start,
    y: fighter.y + sin * start,
    vx: cos * rules.shotSpeed,
    vy: sin * rules.shotSpeed,
    ticks: rules.shotTicks,
  });
  fighter.reload = rules.shotEvery;
}

function recover(fighter: Fighter): void {
  fighter.heal = fighter.health < rules.health ? fighter.heal + 1 : 0;
  if (fighter.heal < rules.healEvery) return;
  fighter.heal = 0;
  fighter.health += 1;
}

function moveShots(world: World, happenings: Happening[]): void {
  world.shots = world.shots.filter((shot) => {
    const from = { x: shot.x, y: shot.y };
    shot.x += shot.vx;
    shot.y += shot.vy;
    shot.ticks -= 1;
    const target = world.fighters.find(
      (fighter) =>
        fighter.slot !== shot.slot &&
        !fighter.away &&
        fighter.respawn === 0 &&
        distanceToLine(fighter, from, shot) < rules.radius + rules.shotRadius,
    );
    if (target !== undefined) hit(target, shot, happenings);
    return target === undefined && shot.ticks > 0 && !isBlocked(shot);
  });
}

function hit(target: Fighter, shot: Shot, happenings: Happening[]): void {
  target.health -= 1;
  target.heal = 0;
  target.vx = rounded(target.vx + shot.vx / 4, 100);
  target.vy = rounded(target.vy + shot.vy / 4, 100);
  if (target.health > 0) return;
  target.respawn = rules.respawnTicks;
  target.vx = 0;
  target.vy = 0;
  happenings.push({ type: "knockout", by: shot.slot, of: target.slot });
}

/** A shot crosses more than a fighter in one tick: its way counts, not only where it ends. */
function distanceToLine(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = ((point.x - from.x) * dx + (point.y - from.y) * dy) / (dx * dx + dy * dy);
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - share * dx, point.y - from.y - share * dy);
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

function isBlocked({ x, y }: Point): boolean {
  if (x < 0 || y < 0 || x > field.width || y > field.height) return true;
  return walls.some(
    (wall) => x > wall.x && x < wall.x + wall.width && y > wall.y && y < wall.y + wall.height,
  );
}

function collectGems(world: World, happenings: Happening[], random: Random): void {
  const reach = rules.radius + rules.gemRadius;
  world.gems = world.gems.map((gem) => {
    const by = world.fighters.find(
      ({ away, respawn, x, y }) => !away && respawn === 0 && Math.hypot(x - gem.x, y - gem.y) < reach,
    );
    if (by === undefined) return gem;
    happenings.push({ type: "gem", by: by.slot });
    return newGem(world, random);
  });
}

function newGem(world: World, random: Random): Gem {
  return { id: world.nextId++, ...freePlace(random, rules.gemRadius) };
}

/** A random place that no wall covers. */
function freePlace(random: Random, radius: number): Point {
  for (;;) {
    const x = Math.round(radius + random() * (field.width - 2 * radius));
    const y = Math.round(radius + random() * (field.height - 2 * radius));
    const isFree = walls.every(
      (wall) =>
        x < wall.x - radius ||
        y < wall.y - radius ||
        x > wall.x + wall.width + radius ||
        y > wall.y + wall.height + radius,
    );
    if (isFree) return { x, y };
  }
}

function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
