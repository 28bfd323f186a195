/** Tokens in notifications: each answers one approval for one person, once, until it expires. Only hashes are stored. */
import { createHash, randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { NotificationDatabase } from "./schema.ts";

export interface TokenPurpose {
  readonly taskId: string;
  readonly approvalId: string;
  readonly expiresAt: number;
}

/** The text of a token names the actor of its person by its key. */
export async function newAnswerToken(
  db: NotificationDatabase,
  key: readonly string[],
  { taskId, approvalId, expiresAt }: TokenPurpose,
  now: number,
): Promise<string> {
  await db.execute("DELETE FROM answer_token WHERE expires_at <= ?", now);
  const secret = randomBytes(32).toString("base64url");
  await db.execute(
    "INSERT INTO answer_token (hash, task_id, approval_id, expires_at) VALUES (?, ?, ?, ?)",
    ...[hashOf(secret), taskId, approvalId, expiresAt],
  );
  return `${Buffer.from(key.join("\n")).toString("base64url")}.${secret}`;
}

/** The key of the actor of a token, and what that knows it by. Throws `notification.invalid_token`. */
export function readAnswerToken(token: unknown): { readonly key: string[]; readonly hash: string } {
  const found = typeof token === "string" ? /^([\w-]{1,400})\.([\w-]{43})$/.exec(token) : null;
  const key = Buffer.from(found?.[1] ?? "", "base64url").toString("utf8");
  if (found === null || key === "") throw invalidToken();
  return { key: key.split("\n"), hash: hashOf(found[2] ?? "") };
}

/** Uses a token up. Throws `notification.invalid_token`. */
export async function takeAnswerToken(
  db: NotificationDatabase,
  hash: string,
  now: number,
): Promise<{ readonly taskId: string; readonly approvalId: string }> {
  const [row] = await db.execute<{ task_id: string; approval_id: string; expires_at: number }>(
    "DELETE FROM answer_token WHERE hash = ? RETURNING task_id, approval_id, expires_at",
    hash,
  );
  if (row === undefined || row.expires_at <= now) throw invalidToken();
  return { taskId: row.task_id, approvalId: row.approval_id };
}

export function invalidToken(): HoldfastError {
  const message = "This notification was answered or has expired. Open the task to see how it stands.";
  return new HoldfastError("notification", "invalid_token", message, { statusCode: 403 });
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
