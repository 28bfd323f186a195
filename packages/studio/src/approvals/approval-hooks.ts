/** Approval hooks and notices. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

/** The name of the file in a data directory. */
export const approvalsFile = "approvals.json";

/** A program elsewhere that shows a person what the gate asks, and brings the answer. */
export interface ApprovalHook {
  /** The last part of the address for its answers: `/approvals/NAME`. */
  readonly name: string;
  /** Name of a secret of the vault, by which each side knows the other. */
  readonly secret: string;
  /** Where each question is sent as it is asked; without it the program asks for nothing. */
  readonly url?: string;
}

function invalid(path: string, problem: string): HoldfastError {
  return new HoldfastError(
    "approval",
    "invalid_file",
    `${approvalsFile} cannot be used at ${path}: ${problem}`,
    {
      statusCode: 400,
      metadata: { path, problem },
    },
  );
}

/** The hooks of a data directory; none where there is no file. Throws `approval.invalid_file`. */
export async function readApprovalHooks(dataDirectory: string): Promise<readonly ApprovalHook[]> {
  try {
    return parseApprovalHooks(await readFile(join(dataDirectory, approvalsFile), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Reads `approvals.json`, strictly: an unknown field is an error. Throws `approval.invalid_file`. */
export function parseApprovalHooks(text: string): readonly ApprovalHook[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("/", "it is not JSON");
  }
  const { version, webhooks = {} } = fieldsOf(value, "/", ["version", "webhooks"]);
  if (version !== 1) throw invalid("/version", "the version is 1");
  const hooks = Object.entries(fieldsOf(webhooks, "/webhooks"));
  if (hooks.length > studioLimits.maxWebhooks)
    throw invalid("/webhooks", `there are at most ${studioLimits.maxWebhooks}`);
  return hooks.map(([name, each]) => hookOf(name, each, `/webhooks/${name}`));
}

function hookOf(name: string, value: unknown, path: string): ApprovalHook {
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(name))
    throw invalid(path, "a name has small letters, digits, dash and underscore");
  const { secret, url } = fieldsOf(value, path, ["secret", "url"]);
  if (typeof secret !== "string" || !/^[a-z0-9][a-z0-9._-]{0,99}$/.test(secret))
    throw invalid(`${path}/secret`, "it is missing, or not plainly named");
  return { name, secret, ...(url === undefined ? {} : { url: addressOf(url, `${path}/url`) }) };
}

/** A question tells what an agent wants to do: it leaves this machine encrypted or not at all. */
function addressOf(value: unknown, path: string): string {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const here = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url?.hostname ?? "");
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && here);
  if (url === undefined || !safe || url.username !== "" || url.password !== "")
    throw invalid(path, "it is an https address without a name or password, or an http one of this machine");
  return url.href;
}

function fieldsOf(
  value: unknown,
  path: string,
  known?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(path, "this is an object");
  const stranger = Object.keys(value).find((name) => known !== undefined && !known.includes(name));
  if (stranger !== undefined) throw invalid(path, `nothing of the name ${JSON.stringify(stranger)} is known`);
  return { ...value };
}
