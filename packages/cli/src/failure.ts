import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { getSystemErrorMap } from "node:util";
import { HoldfastError, isHoldfastError } from "@holdfast/core";

/** What SQLite calls a disk that takes no more: the one refusal of the system that it tells as its own. */
const sqliteFull = 13;

/** What was thrown, where it can be told in words: an error of ours, or a refusal of the operating system. */
export function describableError(thrown: unknown): HoldfastError | undefined {
  if (isHoldfastError(thrown)) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  if ("errcode" in thrown && thrown.errcode === sqliteFull) {
    return new HoldfastError("system", "enospc", "no space left on device", { cause: thrown });
  }
  const refusal: Refusal = thrown;
  const [code, reason] = getSystemErrorMap().get(refusal.errno ?? 0) ?? [];
  if (code === undefined || reason === undefined) return undefined;
  return new HoldfastError("system", code.toLowerCase(), messageOf(refusal, reason), { cause: thrown });
}

/** What Node makes of a refusal of the operating system. */
interface Refusal extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

function messageOf({ syscall, path, address, port }: Refusal, reason: string): string {
  // The name of a folder that was to be made there is of our own choice, and says nothing to anybody.
  if (syscall === "mkdtemp" && path !== undefined && dirname(resolve(path)) === resolve(tmpdir()))
    return `The folder for temporary files, ${tmpdir()}, cannot be used: ${reason}. Name another in TMPDIR`;
  const host = address === undefined || port === undefined ? address : `${address}:${port}`;
  // A write to an open file, as on a full disk, names no place.
  const where = path ?? host;
  return where === undefined ? reason : `${where}: ${reason}`;
}

/** A sentence with the code of what was thrown, for standard error. */
export function failureText(thrown: unknown): string {
  const told = describableError(thrown);
  return told === undefined ? String(thrown) : `${told.message} (${told.group}.${told.code})`;
}

/** The same for programs (`--json`): one line, the code apart from the sentence. */
export function failureJson(thrown: unknown): string {
  const { group, code, message } = describableError(thrown) ?? {
    group: "internal",
    code: "internal_error",
    message: String(thrown),
  };
  return JSON.stringify({ type: "error", error: { group, code, message } });
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
