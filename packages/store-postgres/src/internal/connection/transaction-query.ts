/** Connections to the database: pipelined transactions and reads, retries, long work. */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import pg from "pg";
import type { Row } from "../rows.ts";

/** Parameter of a statement. Arrays are those of SQL, of integers or of text. */
export type SqlParameter =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly number[]
  | readonly string[];

/** SQL with its parameters. Each connection prepares equal text once. */
export interface Statement {
  readonly text: string;
  readonly values: readonly SqlParameter[];
  /** True if its rows are wanted. */
  readonly returns?: true;
}

/** The part of `pg`'s connection that a query uses. */
export interface WireConnection {
  readonly stream: Duplex;
  parse(query: { readonly text: string; readonly name: string }): void;
  bind(config: {
    readonly portal: string;
    readonly statement: string;
    readonly values: readonly SqlParameter[];
    readonly valueMapper: (value: SqlParameter) => string | Buffer | null;
  }): void;
  describe(message: { readonly type: "P"; readonly name: string }): void;
  execute(config: { readonly portal: string; readonly rows: number }): void;
  sync(): void;
}

/** Names of a connection's prepared statements, by their text. */
export type PreparedNames = Map<string, string>;

/**
 * Runs statements as one transaction by sending a single Sync after them, at which the server commits (the "implicit
 * transaction" of PostgreSQL's extended protocol). When one fails, the server skips the rest and rolls back. This
 * takes less than half of the CPU of BEGIN, statements and COMMIT.
 *
 * Extends `pg.Query`, because the pipelines of `pg` accept no other class.
 */
export class TransactionQuery extends pg.Query {
  readonly #statements: readonly Statement[];
  readonly #prepared: PreparedNames | undefined;
  readonly #done: (error: unknown, rows: readonly Row[]) => void;
  readonly #rows: Row[] = [];
  #columns: readonly { readonly name: string; readonly dataTypeID: number }[] = [];
  /** Index of the statement that is being answered. */
  #at = 0;
  #isDone = false;

  /** Without `prepared`, the text of each statement is sent every time. `done` receives the rows of all statements. */
  constructor(
    statements: readonly Statement[],
    prepared: PreparedNames | undefined,
    done: (error: unknown, rows: readonly Row[]) => void,
  ) {
    super({ text: "" }, undefined, () => {});
    this.#statements = statements;
    this.#prepared = prepared;
    this.#done = done;
  }

  /** `pg` declares it as a property. Sends everything in one write. */
  override readonly submit = (wire: unknown): void => {
    const connection = wire as WireConnection;
    connection.stream.cork();
    try {
      for (const statement of this.#statements) this.#prepare(connection, statement);
      for (const statement of this.#statements) this.#run(connection, statement);
      connection.sync();
    } finally {
      connection.stream.uncork();
    }
  };

  /** Prepared before any statement runs: the server skips everything behind a failure, also preparations. */
  #prepare(connection: WireConnection, { text }: Statement): void {
    if (this.#prepared === undefined || this.#prepared.has(text)) return;
    const name = statementName(text);
    connection.parse({ text, name });
    this.#prepared.set(text, name);
  }

  #run(connection: WireConnection, { text, values, returns }: Statement): void {
    const name = this.#prepared?.get(text) ?? "";
    if (name === "") connection.parse({ text, name });
    connection.bind({ portal: "", statement: name, values, valueMapper: wireValue });
    if (returns === true) connection.describe({ type: "P", name: "" });
    connection.execute({ portal: "", rows: 0 });
  }

  handleRowDescription(message: { readonly fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = message.fields;
  }

  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void {
    if (this.#statements[this.#at]?.returns !== true) return;
    const row: Row = {};
    for (const [at, { name, dataTypeID }] of this.#columns.entries()) {
      row[name] = decodeField(dataTypeID, message.fields[at] ?? null);
    }
    this.#rows.push(row);
  }

  handleCommandComplete(): void {
    this.#at += 1;
  }

  handleError(error: unknown): void {
    this.#finish(error);
  }

  handleReadyForQuery(): void {
    this.#finish(undefined);
  }

  #finish(error: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#done(error, this.#rows);
  }
}

const names = new Map<string, string>();

/** Two releases behind one pooler must not give one name to different texts, so the name is a hash of the text. */
function statementName(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `holdfast_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;
  names.set(text, name);
  return name;
}

/** Object ids of PostgreSQL's types. */
const types = { boolean: 16, bytea: 17, bigint: 20, smallint: 21, integer: 23 } as const;

export function decodeField(type: number, field: string | null): unknown {
  if (field === null) return null;
  switch (type) {
    case types.bigint:
    case types.integer:
    case types.smallint:
      return Number(field);
    case types.boolean:
      return field === "t";
    case types.bytea:
      // "\x" and two digits for each byte: the default output since PostgreSQL 9.0.
      return Buffer.from(field.slice(2), "hex");
    default:
      return field;
  }
}

function wireValue(value: SqlParameter): string | Buffer | null {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) {
    return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  return typeof value === "object" ? `{${value.map(elementOf).join(",")}}` : String(value);
}

/** Text is quoted: see "Array Input and Output Syntax" of PostgreSQL. */
function elementOf(value: string | number): string {
  return typeof value === "number" ? String(value) : `"${value.replace(/["\\]/g, "\\$&")}"`;
}
