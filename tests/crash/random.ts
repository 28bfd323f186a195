/** A seeded stream of numbers (mulberry32), so that a run that failed can be run again. */
export interface SeededRandom {
  readonly seed: number;
  /** From 0 up to 1. */
  next(): number;
  /** An integer from `low` up to and without `high`. */
  integer(low: number, high: number): number;
}

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { seed, next, integer: (low, high) => low + Math.floor(next() * (high - low)) };
}

/** The seed of HOLDFAST_SEED, or a new one. A test prints it. */
export function chooseSeed(): number {
  const given = process.env["HOLDFAST_SEED"];
  return given === undefined ? Math.floor(Math.random() * 4_294_967_296) : Number.parseInt(given, 10);
}
