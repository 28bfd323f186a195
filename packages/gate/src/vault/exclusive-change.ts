import { chmodSync, mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { toWriteError } from "./write-errors.ts";

/** A change takes milliseconds; a longer wait means that the process with the lock is stopped. */
const lockTimeoutMs = 10_000;
const busy = 5;

/**
 * Runs a change of the files of `directory` under a lock between processes, so that no concurrent change is lost. The
 * change is synchronous, which excludes other changes of this process. The lock is a file lock of the kernel, held through
 * SQLite, and ends with its process; the lock file lies beside the directory, so that no copy of the directory has it.
 * Throws `vault.busy`, `vault.unavailable`, and what the change throws.
 */
export function changeExclusively<Result>(directory: string, change: () => Result): Result {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return withLock(`${directory}.lock`, change);
  } catch (error) {
    throw isBusy(error) ? vaultBusy(error) : toWriteError(error, "vault", "The vault");
  }
}

function withLock<Result>(path: string, change: () => Result): Result {
  const lock = new DatabaseSync(path, { timeout: lockTimeoutMs });
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
  const message = "Another program has locked the vault for ten seconds. Try again when it has ended";
  return new HoldfastError("vault", "busy", message, { statusCode: 503, cause });
}
