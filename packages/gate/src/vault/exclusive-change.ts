import { chmodSync, mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { toWriteError } from "./write-errors.ts";

/** Each change takes milliseconds: whoever waits longer waits for a process that was stopped in the middle. */
const patienceMs = 10_000;
const busy = 5;

/**
 * Makes a change that reads a file of `directory` and writes it anew while no other process does, since of
 * two at once one would be lost. It is made in one go, so that nothing of this process comes between either.
 * The lock is the kernel's, by way of SQLite, and ends with its process; its file lies beside the directory,
 * where no copy opens it. Throws `vault.busy`, `vault.unavailable`, and what the change throws.
 */
export function changeExclusively<Result>(directory: string, change: () => Result): Result {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return underLock(`${directory}.lock`, change);
  } catch (error) {
    throw isBusy(error) ? vaultBusy(error) : toWriteError(error, "vault", "The vault");
  }
}

function underLock<Result>(path: string, change: () => Result): Result {
  const lock = new DatabaseSync(path, { timeout: patienceMs });
  try {
    chmodSync(path, 0o600);
    lock.exec("BEGIN IMMEDIATE");
    return change();
  } finally {
    lock.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === busy;
}

function vaultBusy(cause: unknown): HoldfastError {
  const message = "Another program has been changing the vault for ten seconds: try again when it has ended";
  return new HoldfastError("vault", "busy", message, { statusCode: 503, cause });
}
