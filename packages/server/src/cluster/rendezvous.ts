/** Rendezvous hashing with weights: each shard goes to the node with the highest score. */

export interface Candidate {
  readonly id: string;
  /** Share of the shards, relative to other candidates; none at 0. */
  readonly weight: number;
}

/**
 * Chooses a candidate for each shard; undefined without candidates. When one is added or removed, only its own shards
 * move. Reference: Thaler and Ravishankar 1998; the weighted form is by Schindelhauer and Schomaker, 2005.
 */
export function chooseHolders<T extends Candidate>(
  candidates: readonly T[],
  scope: string,
  shards: number,
): readonly (T | undefined)[] {
  const eligible = candidates.filter(({ weight }) => weight > 0);
  const seeds = eligible.map(({ id }) => textHash(`${scope}\0${id}`));
  return Array.from({ length: shards }, (_, shard) => {
    let best: T | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const [at, candidate] of eligible.entries()) {
      // Uniform in (0, 1), so that the logarithm is finite and negative.
      const uniform = (mix((seeds[at] ?? 0) ^ mix(shard + 1)) + 0.5) / 2 ** 32;
      const score = -candidate.weight / Math.log(uniform);
      if (score > bestScore || (score === bestScore && best !== undefined && candidate.id < best.id)) {
        best = candidate;
        bestScore = score;
      }
    }
    return best;
  });
}

/**
 * Remembers the last choice for each scope: nodes look at their shares with each change and each reading of the leases,
 * and the candidates are nearly always the same.
 */
export class HolderChoice {
  readonly #shards: number;
  readonly #last = new Map<string, { readonly key: string; readonly chosen: readonly number[] }>();

  constructor(shards: number) {
    this.#shards = shards;
  }

  /** As {@link chooseHolders}. */
  of<T extends Candidate>(candidates: readonly T[], scope: string): readonly (T | undefined)[] {
    const key = candidates.map(({ id, weight }) => `${weight} ${id}`).join("\0");
    let last = this.#last.get(scope);
    if (last?.key !== key) {
      const chosen = chooseHolders(candidates, scope, this.#shards);
      const places = new Map<T | undefined, number>(candidates.map((each, at) => [each, at]));
      last = { key, chosen: chosen.map((each) => places.get(each) ?? -1) };
      this.#last.set(scope, last);
    }
    return last.chosen.map((at) => candidates[at]);
  }

  /** Forgets scopes that are no longer in use. */
  keep(scopes: readonly string[]): void {
    if (this.#last.size <= scopes.length) return;
    const used = new Set(scopes);
    for (const scope of this.#last.keys()) if (!used.has(scope)) this.#last.delete(scope);
  }
}

/** FNV-1a, 32 bits. */
function textHash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return mix(value);
}

/** Finaliser of MurmurHash3: every bit of the input changes about half of the output. */
function mix(input: number): number {
  let value = input >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
