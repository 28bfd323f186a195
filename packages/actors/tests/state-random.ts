/** Random values and random changes of a state, deterministic for a seed. */

/** A random integer in [0, n). */
export type RandomBelow = (n: number) => number;

export function randomFrom(seed: number): RandomBelow {
  const random = mulberry(seed);
  return (n) => Math.floor(random() * n);
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

export function randomValue(below: RandomBelow, depth: number): unknown {
  const kind = below(depth > 0 ? 14 : 9);
  switch (kind) {
    case 0:
      return below(100);
    case 1:
      return `text ${below(10)}`;
    case 2:
      return BigInt(below(1_000));
    case 3:
      return undefined;
    case 4:
      return null;
    case 5:
      return below(2) === 0;
    case 6:
      return new Date(below(1_000));
    case 7:
      return new Uint8Array([below(256), below(256)]);
    case 8:
      return -0;
    case 9:
      return new Map([[`k${below(4)}`, randomValue(below, depth - 1)]]);
    case 10:
      return new Set([randomValue(below, depth - 1)]);
    case 11:
      return Array.from({ length: below(4) }, () => randomValue(below, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: below(4) }, (_, i) => [`k${i}`, randomValue(below, depth - 1)]),
      );
  }
}

/** As `randomValue`, plus kinds of values that are rare in a state. */
export function rareValue(below: RandomBelow, depth: number): unknown {
  switch (below(12)) {
    case 0:
      return new Float64Array([below(10), below(10) / 3]);
    case 1:
      return new BigInt64Array([BigInt(below(10))]);
    case 2:
      return new Uint8Array([below(9)]).buffer;
    case 3:
      return new Error(`error ${below(9)}`);
    case 4:
      return /x+/g;
    case 5:
      return depth > 0 ? new Map([[rareValue(below, 0), rareValue(below, depth - 1)]]) : Number.NaN;
    case 6:
      return depth > 0
        ? new Set([{ k0: rareValue(below, depth - 1) }, [rareValue(below, depth - 1)]])
        : new Date(below(9));
    case 7:
      return depth > 0 ? { ["__proto__"]: below(9), k1: rareValue(below, depth - 1), 3: [] } : {};
    default:
      return randomValue(below, depth);
  }
}

/** The items of a container. */
export function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.values(), ...value.keys()];
  if (value instanceof Set) return [...value];
  if (!isObject(value)) return [];
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}

/** A random container or leaf within `value`, at most `depth` levels down. */
export function randomDescendant(value: unknown, below: RandomBelow, depth: number): unknown {
  let target = value;
  for (let remaining = depth; remaining > 0; remaining--) {
    const children = childrenOf(target).filter(isObject);
    if (children.length === 0) break;
    target = children[below(children.length)];
  }
  return target;
}
