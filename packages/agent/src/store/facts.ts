import { HoldfastError } from "@holdfast/core";
import { agentLimits } from "../limits.ts";
import type { AgentDatabase } from "./database.ts";

/** Something that an agent was told to remember. */
export interface Fact {
  readonly id: number;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Bounds of the memory; the size of a fact is in bytes. */
export interface MemoryLimits {
  readonly maxFacts: number;
  readonly maxFactBytes: number;
}

/** Facts of an agent, in the actor's database, found by their words. */
export class Facts {
  readonly #database: AgentDatabase;
  readonly #limits: MemoryLimits;

  constructor(database: AgentDatabase, limits: MemoryLimits) {
    this.#database = database;
    this.#limits = limits;
  }

  /** Keeps a fact once. Throws `agent.invalid_fact`, `agent.too_many_facts`. */
  async remember(given: unknown, createdAt: number): Promise<Fact> {
    const { maxFacts, maxFactBytes } = this.#limits;
    const text = typeof given === "string" ? given.trim() : "";
    if (text === "" || Buffer.byteLength(text) > maxFactBytes) {
      const message = `A fact is a text of 1 to ${maxFactBytes} bytes`;
      throw new HoldfastError("agent", "invalid_fact", message, { statusCode: 400 });
    }
    const known = this.#database.get<FactRow>("SELECT * FROM agent_facts WHERE text = ?", text);
    if (known) return factOf(known);
    const count = this.#database.get<{ n: number }>("SELECT count(*) AS n FROM agent_facts")?.n ?? 0;
    if (count >= maxFacts) {
      const message = `The memory holds ${maxFacts} facts already: forget some of them first`;
      throw new HoldfastError("agent", "too_many_facts", message, { statusCode: 409 });
    }
    const [row] = await this.#database.execute<FactRow>(
      "INSERT INTO agent_facts (text, created_at) VALUES (?, ?) RETURNING *",
      ...[text, createdAt],
    );
    if (row === undefined) throw new Error("The database returned no row for a fact");
    await this.#database.execute(
      "INSERT INTO agent_facts_index (rowid, text) VALUES (?, ?)",
      row.id,
      row.text,
    );
    return factOf(row);
  }

  /** The facts with any of these words, best first; the newest ones without words. */
  recall(query = "", limit: number = agentLimits.maxFoundFacts): Fact[] {
    const words = query.match(/[\p{L}\p{N}]+/gu) ?? [];
    if (words.length === 0) {
      return this.#database
        .query<FactRow>("SELECT * FROM agent_facts ORDER BY id DESC LIMIT ?", limit)
        .map(factOf);
    }
    // Quoted words are never operators of the query language.
    const match = words.map((word) => `"${word}"*`).join(" OR ");
    return this.#database
      .query<FactRow>(
        `SELECT f.* FROM agent_facts_index i JOIN agent_facts f ON f.id = i.rowid
         WHERE agent_facts_index MATCH ? ORDER BY rank LIMIT ?`,
        match,
        limit,
      )
      .map(factOf);
  }

  /** Returns false if there is no such fact. */
  async forget(id: number): Promise<boolean> {
    const row = this.#database.get<FactRow>("SELECT * FROM agent_facts WHERE id = ?", id);
    if (row === undefined) return false;
    await this.#database.execute(
      "INSERT INTO agent_facts_index (agent_facts_index, rowid, text) VALUES ('delete', ?, ?)",
      ...[row.id, row.text],
    );
    await this.#database.execute("DELETE FROM agent_facts WHERE id = ?", id);
    return true;
  }
}

interface FactRow {
  readonly id: number;
  readonly text: string;
  readonly created_at: number;
}

function factOf({ id, text, created_at }: FactRow): Fact {
  return { id, text, createdAt: created_at };
}
