import type { KvInspection } from "../../ports/inspection.ts";
import { afterPrefix } from "../kv/entry-buffer.ts";
import type { InspectionDependencies, Turn } from "./dependencies.ts";

const binary = { type: "binary", keyType: "binary" } as const;

/** The inspector's view of `c.kv`, with keys and values as bytes. */
export class KvView implements KvInspection {
  readonly #actor: InspectionDependencies;
  readonly #turn: Turn;

  constructor(actor: InspectionDependencies, turn: Turn) {
    this.#actor = actor;
    this.#turn = turn;
  }

  async list(query: Parameters<KvInspection["list"]>[0]): ReturnType<KvInspection["list"]> {
    const { prefix, after, limit, reverse = false } = query;
    const end = afterPrefix(prefix);
    const from = after === undefined || reverse ? prefix : successor(after);
    const to = after === undefined || !reverse ? end : after;
    const pairs = await this.#actor.kv.listRange(from, to, { ...binary, limit, reverse });
    return pairs.map(([key, value]) => ({ key, value }));
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.#actor.kv.get(key, { type: "binary" })) ?? undefined;
  }

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.#turn(() => this.#actor.kv.put(key, value));
  }

  delete(key: Uint8Array): Promise<void> {
    return this.#turn(() => this.#actor.kv.delete(key));
  }
}

/** The smallest key after this one. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
