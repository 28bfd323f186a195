import { getSystemErrorMap } from "node:util";
import { HoldfastError, isHoldfastError } from "@holdfast/core";

/** What SQLite calls a disk that takes no more: the one refusal of the system that it tells as its own. */
const sqliteFull = 13;

/** What was thrown, where it can be told in words: an error of ours, or a refusal of the operating system. */
export function toldError(thrown: unknown): HoldfastError | undefined {
  if (isHoldfastError(thrown)) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  if ("errcode" in thrown && thrown.errcode === sqliteFull) {
    return new HoldfastError("system", "enospc", "no space left on device", { cause: thrown });
  }
  const { errno, path, address, port }: NodeJS.ErrnoException & { address?: string; port?: number } = thrown;
  const [code, reason] = getSystemErrorMap().get(errno ?? 0) ?? [];
  const host = address === undefined || port === undefined ? address : `${address}:${port}`;
  if (code === undefined || reason === undefined) return undefined;
  // A write to an open file, as on a full disk, names no place.
  const where = path ?? host;
  const message = where === undefined ? reason : `${where}: ${reason}`;
  return new HoldfastError("system", code.toLowerCase(), message, { cause: thrown });
}

/** A sentence with the code of what was thrown, for standard error. */
export function failureText(thrown: unknown): string {
  const told = toldError(thrown);
  return told === undefined ? String(thrown) : `${told.message} (${told.group}.${told.code})`;
}

/**
 * What a wrong command line is answered: the reason, and as much of the usage as fits below it. A command
 * without anything behind it gets all of its usage, since that is what it asks for.
 */
export function wrongUsage(reason: string, usage: string, command: string, isBare: boolean): string {
  if (isBare) return `${reason}\n\n${usage}\n`;
  const [synopsis = ""] = usage.split("\n\n");
  return `${reason}\n\n${synopsis}\n\n${command} --help says more.\n`;
}
