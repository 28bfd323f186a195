import type {
  AllowanceAnswer,
  AllowanceRequest,
  Allowances,
  BucketGrant,
  BucketRequest,
  BucketSubject,
  BudgetSubject,
  SealedEntries,
  SealedEntry,
  SealedList,
  SharedBuckets,
} from "@holdfast/gate";
import type { VaultPage } from "../vault.ts";
import { type GateActors, keyPart } from "./calls.ts";

export class ActorVault implements SealedEntries {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("gateVault", ["local"], action, ...args);
  }

  async get(name: string): Promise<SealedEntry | undefined> {
    return (await this.#call<SealedEntry | null>("get", name)) ?? undefined;
  }

  async list(prefix: string, since?: number): Promise<SealedList | undefined> {
    for (;;) {
      const first = await this.#call<VaultPage | null>("list", prefix, null, since ?? null);
      if (first === null) return undefined;
      const entries = await this.#rest(prefix, first);
      // Undefined: something changed between two pages.
      if (entries !== undefined) return { version: first.version, entries: new Map(entries) };
    }
  }

  async #rest(prefix: string, first: VaultPage) {
    const entries = [...first.entries];
    for (let page = first; page.more; ) {
      const after = page.entries.at(-1)?.[0] ?? null;
      const next = await this.#call<VaultPage | null>("list", prefix, after, null);
      if (next === null || next.version !== first.version) return undefined;
      entries.push(...next.entries);
      page = next;
    }
    return entries;
  }

  put(name: string, entry: SealedEntry, replaces?: string | null): Promise<boolean> {
    return this.#call("put", name, entry, ...(replaces === undefined ? [] : [replaces]));
  }

  delete(name: string): Promise<boolean> {
    return this.#call("delete", name);
  }
}

export class ActorAllowances implements Allowances {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  hold({ scope, id }: BudgetSubject, request: AllowanceRequest): Promise<AllowanceAnswer> {
    return this.#actors.call("gateBudget", [scope, keyPart(id)], "hold", request);
  }
}

export class ActorBuckets implements SharedBuckets {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  take({ kind, id }: BucketSubject, requests: readonly BucketRequest[]): Promise<readonly BucketGrant[]> {
    return this.#actors.call("gateRates", [kind, keyPart(id)], "take", requests);
  }
}
