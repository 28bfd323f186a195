/** Settings of approval hooks. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

/** Name of the settings file in a data directory. */
export const approvalsFile = "approvals.json";

/** An external program that shows a person the gate's questions and returns the answers. */
export interface ApprovalHook {
  /** Last segment of the address for its answers: `/approvals/NAME`. */
  readonly name: string;
  /** Name of a secret in the vault. Both sides authenticate with it. */
  readonly secret: string;
  /** Receives each question. Without it, the program can only answer. */
  readonly url?: string;
}

function invalidFile(path: string, problem: string): HoldfastError {
  return new HoldfastError("approval", "invalid_file", `${approvalsFile} is invalid at ${path}: ${problem}`, {
    statusCode: 400,
    metadata: { path, problem },
  });
}

/** Loads the hooks of a data directory; empty if there is no file. Throws `approval.invalid_file`. */
export async function loadApprovalHooks(dataDirectory: string): Promise<readonly ApprovalHook[]> {
  try {
    return parseApprovalHooks(await readFile(join(dataDirectory, approvalsFile), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Parses `approvals.json` strictly: an unknown field is an error. Throws `approval.invalid_file`. */
export function parseApprovalHooks(text: string): readonly ApprovalHook[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFile("/", "the file is not valid JSON");
  }
  const { version, webhooks = {} } = requireFields(value, "/", ["version", "webhooks"]);
  if (version !== 1) throw invalidFile("/version", "must be 1");
  const hooks = Object.entries(requireFields(webhooks, "/webhooks"));
  if (hooks.length > studioLimits.maxWebhooks)
    throw invalidFile("/webhooks", `must have at most ${studioLimits.maxWebhooks} webhooks`);
  return hooks.map(([name, each]) => parseHook(name, each, `/webhooks/${name}`));
}

function parseHook(name: string, value: unknown, path: string): ApprovalHook {
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(name))
    throw invalidFile(path, "a webhook name can contain lower-case letters, digits, dashes and underscores");
  const { secret, url } = requireFields(value, path, ["secret", "url"]);
  if (typeof secret !== "string" || !/^[a-z0-9][a-z0-9._-]{0,99}$/.test(secret))
    throw invalidFile(`${path}/secret`, "is missing or contains characters that are not allowed");
  return { name, secret, ...(url === undefined ? {} : { url: parseAddress(url, `${path}/url`) }) };
}

/** A question reveals what an agent is about to do, so it leaves this machine only encrypted. */
function parseAddress(value: unknown, path: string): string {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url?.hostname ?? "");
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocal);
  if (url === undefined || !isSafe || url.username !== "" || url.password !== "")
    throw invalidFile(
      path,
      "must be an https address, or an http address of this machine, without a user name or password",
    );
  return url.href;
}

function requireFields(
  value: unknown,
  path: string,
  allowed?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidFile(path, "must be an object");
  const unknownField = Object.keys(value).find((name) => allowed !== undefined && !allowed.includes(name));
  if (unknownField !== undefined) throw invalidFile(path, `unknown field ${JSON.stringify(unknownField)}`);
  return { ...value };
}
