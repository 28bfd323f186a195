/** The numbers of the game. Lengths are in units of the field, which is drawn at any size; times in ticks. */
export const ticksPerSecond = 20;
export const tickMs = 1_000 / ticksPerSecond;

export const field = { width: 1_600, height: 900 } as const;

export interface Wall {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const walls: readonly Wall[] = [
  { x: 300, y: 200, width: 40, height: 200 },
  { x: 300, y: 500, width: 40, height: 200 },
  { x: 1_260, y: 200, width: 40, height: 200 },
  { x: 1_260, y: 500, width: 40, height: 200 },
  { x: 620, y: 150, width: 360, height: 40 },
  { x: 620, y: 710, width: 360, height: 40 },
  { x: 760, y: 410, width: 80, height: 80 },
];

export const rules = {
  radius: 24,
  /** Units per tick, gained in each tick, and the share of speed that is left after it. */
  push: 5,
  drag: 0.75,
  shotSpeed: 34,
  shotRadius: 7,
  shotTicks: 26,
  shotEvery: 8,
  health: 3,
  healEvery: 100,
  respawnTicks: 40,
  gems: 10,
  gemRadius: 14,
  gemPoints: 1,
  knockoutPoints: 3,
  roundMs: 180_000,
} as const;
