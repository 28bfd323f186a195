import { HoldfastError } from "@holdfast/core";
import { reservedPrefix } from "../schema.ts";
import { type Token, wordAt } from "./tokens.ts";

const transactionWords = new Set(["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"]);
const refusedWords = new Set(["ATTACH", "DETACH", "VACUUM"]);
const readWords = new Set(["SELECT", "VALUES", "EXPLAIN"]);
const writeWords = new Set(["INSERT", "UPDATE", "DELETE", "REPLACE"]);

/** Throws `db.not_allowed` for what the platform refuses, `db.reserved` for writes to the tables of the runtime. */
export function kindOf(tokens: readonly Token[]): "read" | "write" {
  const first = wordAt(tokens, 0);
  if (transactionWords.has(first)) {
    throw notAllowed(first, "Use c.db.transaction(): Durable Objects have no transactions in SQL.");
  }
  // Within a statement it would end the transaction of the platform: ON CONFLICT ROLLBACK, RAISE(ROLLBACK, ...).
  if (tokens.some((_, at) => wordAt(tokens, at) === "ROLLBACK")) {
    throw notAllowed("ROLLBACK", "Use ABORT, which undoes the statement.");
  }
  if (refusedWords.has(first)) throw notAllowed(first, "Durable Objects refuse it.");
  if (!isWrite(first, tokens)) return "read";
  if (tokens.some(isReserved)) throw reserved();
  return "write";
}

function isWrite(first: string, tokens: readonly Token[]): boolean {
  if (readWords.has(first)) return false;
  if (first === "PRAGMA") return tokens.some(({ text }) => text === "=") || wordAt(tokens, 1) === "OPTIMIZE";
  if (first !== "WITH") return true;
  let depth = 0;
  for (const [at, { text }] of tokens.entries()) {
    if (text === "(") depth++;
    else if (text === ")") depth--;
    else if (depth === 0 && writeWords.has(wordAt(tokens, at))) return true;
  }
  return false;
}

function isReserved({ type, text }: Token): boolean {
  if (type !== "word" && type !== "quoted") return false;
  const name = type === "quoted" ? text.slice(1, -1) : text;
  return name.toLowerCase().startsWith(reservedPrefix);
}

function reserved(): HoldfastError {
  return new HoldfastError(
    "db",
    "reserved",
    `Names that begin with ${reservedPrefix} are reserved for the runtime`,
  );
}

function notAllowed(what: string, cure: string): HoldfastError {
  return new HoldfastError(
    "db",
    "not_allowed",
    `${what} is not possible in the database of an actor. ${cure}`,
  );
}
