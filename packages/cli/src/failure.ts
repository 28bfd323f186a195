import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { getSystemErrorMap } from "node:util";
import { HoldfastError, isHoldfastError } from "@holdfast/core";

/** SQLITE_FULL: the one operating system error that SQLite reports under its own code. */
const sqliteFull = 13;

/**
 * The error to show to a user: a typed error itself, or one made from an operating system error. Undefined for others.
 */
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

/** An operating system error as Node reports it. */
interface Refusal extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

function messageOf({ syscall, path, address, port }: Refusal, reason: string): string {
  // The random name of the temporary folder would not help the user.
  if (syscall === "mkdtemp" && path !== undefined && dirname(resolve(path)) === resolve(tmpdir()))
    return `The folder for temporary files, ${tmpdir()}, cannot be used: ${reason}. Choose another one with TMPDIR`;
  const host = address === undefined || port === undefined ? address : `${address}:${port}`;
  // A write to an open file, as on a full disk, names no file.
  const where = path ?? host;
  return where === undefined ? reason : `${where}: ${reason}`;
}

/** The message of an error with its code, for standard error. */
export function failureText(thrown: unknown): string {
  const told = describableError(thrown);
  return told === undefined ? String(thrown) : `${told.message} (${told.group}.${told.code})`;
}

/** As {@link failureText}, for `--json`: one line of JSON with the code in fields of its own. */
export function failureJson(thrown: unknown): string {
  const { group, code, message } = describableError(thrown) ?? {
    group: "internal",
    code: "internal_error",
    message: String(thrown),
  };
  return JSON.stringify({ type: "error", error: { group, code, message } });
}

/**
 * The text for a wrong command line: the reason and the synopsis. A command without arguments (`isBare`) prints its
 * complete usage.
 */
export function wrongUsage(reason: string, usage: string, command: string, isBare: boolean): string {
  if (isBare) return `${reason}\n\n${usage}\n`;
  const [synopsis = ""] = usage.split("\n\n");
  return `${reason}\n\n${synopsis}\n\n${command} --help says more.\n`;
}
