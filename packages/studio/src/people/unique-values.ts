import { HoldfastError } from "@holdfast/core";
import type { PeopleActors } from "./actors/people-actors.ts";
import type { IndexKind } from "./actors/unique-index.ts";
import type { Condition, Row } from "./actors/where.ts";

/** A value that only one person may have. */
export interface UniqueValue {
  readonly kind: IndexKind;
  readonly text: string;
}

/** An e-mail address, whatever its case. */
export function emailValue(email: string): UniqueValue {
  return { kind: "email", text: email.normalize("NFC").trim().toLowerCase() };
}

/** An account at a provider. */
export function accountValue(provider: string, account: string): UniqueValue {
  return { kind: "account", text: JSON.stringify([provider, account]) };
}

/** Finds people by values that are unique, and keeps them so: reserve, write, confirm. */
export class UniqueValues {
  readonly #actors: PeopleActors;

  constructor(actors: PeopleActors) {
    this.#actors = actors;
  }

  /** The id of the person who has the value. */
  async find(value: UniqueValue): Promise<string | undefined> {
    const entry = await this.#actors.indexEntry(value.kind, value.text);
    if (entry === undefined) return undefined;
    if (entry.isConfirmed || (await this.#has(entry.owner, value))) return entry.owner;
    return undefined;
  }

  /**
   * Runs `write`, which gives `owner` the value, so that nobody else has it; `undo` takes back what it wrote if another
   * one got the value meanwhile. Throws `people.already_exists`, and what `write` throws.
   */
  async claim(
    value: UniqueValue,
    owner: string,
    write: () => Promise<void>,
    undo: () => Promise<void>,
  ): Promise<void> {
    await this.#reserve(value, owner);
    try {
      await write();
    } catch (error) {
      await this.release(value, owner);
      throw error;
    }
    if (await this.#call<boolean>(value, "confirm", owner)) return;
    await undo();
    throw alreadyExists(value);
  }

  /** Gives a value up. */
  async release(value: UniqueValue, owner: string): Promise<void> {
    await this.#call(value, "release", owner);
  }

  async #reserve(value: UniqueValue, owner: string): Promise<void> {
    if (await this.#call<boolean>(value, "reserve", owner)) return;
    const stale = await this.#call<string | null>(value, "expiredOwner");
    if (stale === null) throw alreadyExists(value);
    // The process of that owner ended between its write and the confirmation, or before the write.
    if (await this.#has(stale, value)) {
      await this.#call(value, "confirm", stale);
      throw alreadyExists(value);
    }
    if (!(await this.#call<boolean>(value, "reserve", owner, stale))) throw alreadyExists(value);
  }

  /** True if the person's own rows have the value. */
  async #has(person: string, { kind, text }: UniqueValue): Promise<boolean> {
    const where = conditionsOf({ kind, text });
    const table = kind === "email" ? "user" : "account";
    return (await this.#actors.knownUser<readonly Row[]>(person, [], "find", table, where)).length > 0;
  }

  #call<Result>({ kind, text }: UniqueValue, action: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#actors.index<Result>(kind, text, action, ...args);
  }
}

function conditionsOf({ kind, text }: UniqueValue): readonly Condition[] {
  if (kind === "email") return [{ column: "email", operator: "eq", value: text }];
  const [provider = "", account = ""] = JSON.parse(text) as readonly string[];
  return [
    { column: "provider_id", operator: "eq", value: provider },
    { column: "account_id", operator: "eq", value: account },
  ];
}

function alreadyExists({ kind }: UniqueValue): HoldfastError {
  const what = kind === "email" ? "e-mail address" : "account at this provider";
  return new HoldfastError("people", "already_exists", `Somebody has this ${what} already`, {
    statusCode: 409,
  });
}
