import type { DatabaseSync } from "node:sqlite";
import type { ActorStatement } from "@holdfast/actors";

const persistent = /^[\s;]*pragma\s+(foreign_keys)\b/i;

/**
 * Pragmas that the user has set on the connection of a file. SQLite forgets them with the connection, so they are
 * applied again when the store reopens the file for the same owner.
 */
export class UserPragmas {
  /** The last statement for each pragma, by its name. */
  readonly #statements = new Map<string, string>();

  /** Returns a statement that also records the pragma that it sets, once it has run. */
  recording(statement: ActorStatement | undefined, sql: string): ActorStatement | undefined {
    if (statement?.kind !== "alone") return statement;
    const record = <T>(result: T): T => {
      const name = persistent.exec(sql)?.[1];
      if (name !== undefined) {
        const text = statement.rest === "" ? sql : sql.slice(0, sql.length - statement.rest.length);
        this.#statements.set(name.toLowerCase(), text);
      }
      return result;
    };
    const { kind, rest, columns } = statement;
    return {
      ...{ kind, rest, columns },
      rows: (parameters) => record(statement.rows(parameters)),
      values: (parameters) => record(statement.values(parameters)),
    };
  }

  applyTo(database: DatabaseSync): void {
    for (const statement of this.#statements.values()) database.exec(statement);
  }

  clear(): void {
    this.#statements.clear();
  }
}
