/** Settings of the bot, from variables. Each has a default with which it can be tried, except the forge's token. */
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const text = (name: string, standard: string) => process.env[name]?.trim() || standard;

function whole(name: string, standard: number): number {
  const value = Number(text(name, String(standard)));
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${name} must be a whole number above 0, not "${process.env[name]}"`);
}

export const dataDirectory = text("HOLDFAST_DATA", ".holdfast");

export const forge = {
  /** GitHub by default. Gitea and Forgejo: `https://HOST/api/v1` and `https://HOST`. */
  apiUrl: text("FORGE_API_URL", "https://api.github.com"),
  url: text("FORGE_URL", "https://github.com"),
  token: text("FORGE_TOKEN", ""),
  webhookSecret: text("WEBHOOK_SECRET", ""),
  /** "owner/name" of the repositories that are served; all that the token reaches by default. */
  repositories: text("BOT_REPOSITORIES", "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== ""),
};

export const triggers = {
  label: text("BOT_LABEL", "bot"),
  command: text("BOT_COMMAND", "/fix"),
};

export const limits = {
  concurrency: whole("BOT_CONCURRENCY", 2),
  jobsPerDay: whole("BOT_JOBS_PER_DAY", 50),
  /** Dollars a day, as agents report their cost. */
  dollarsPerDay: whole("BOT_DOLLARS_PER_DAY", 20),
  /** How long an agent may work on one attempt. */
  minutes: whole("BOT_JOB_MINUTES", 30),
  maxQueued: 200,
  maxShownJobs: 200,
  maxLogLines: 500,
  maxLineLength: 4_000,
  maxIssueLength: 20_000,
  maxRepositoryBytes: 256 * 1024 * 1024,
  maxPatchBytes: 512 * 1024,
  maxWebhookBytes: 5 * 1024 * 1024,
};

/** Files that run with the secrets of a repository when a branch is pushed: an agent must not change them. */
export const protectedPaths = /^\.(github|gitea|forgejo)\/(workflows|actions)\//;

/** False only to try the bot on a machine of your own that has no jails: agents then run as you. */
export const isJailed = text("BOT_WITHOUT_JAIL", "") !== "1";

export const agent = text("AGENT", "demo");

/** Where people reach the page of the bot: links in comments. */
export const publicUrl = text("PUBLIC_URL", "").replace(/\/$/, "");

/** What people sign in with. Without BOT_PASSWORD it is made once, and kept in the data directory. */
export function password(): string {
  const given = text("BOT_PASSWORD", "");
  if (given !== "") {
    if (given.length < 12) throw new Error("BOT_PASSWORD must have at least 12 characters");
    return given;
  }
  const file = join(dataDirectory, "password");
  if (!existsSync(file)) {
    mkdirSync(dataDirectory, { recursive: true });
    writeFileSync(file, randomBytes(15).toString("base64url"), { mode: 0o600 });
  }
  return readFileSync(file, "utf8");
}

/** Key of the cookies: another password makes all of them invalid. */
export function cookieKey(): Buffer {
  return createHmac("sha256", password()).update("pull-request-bot cookie 1").digest();
}
