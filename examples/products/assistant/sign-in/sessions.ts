/** Who sends a request: a signed cookie, which only the server can make. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "holdfast";

export interface Session {
  readonly userId: string;
  readonly name: string;
}

const cookieName = "assistant_session";
const lifetimeS = 30 * 24 * 3_600;
let key: Buffer | undefined;

/** SESSION_KEY, or one that is made at the first start and kept beside the data. Another key signs everybody out. */
function sessionKey(): Buffer {
  key ??= readKey();
  return key;
}

function readKey(): Buffer {
  const given = process.env["SESSION_KEY"];
  if (given !== undefined && given.length < 32) throw new Error("SESSION_KEY has fewer than 32 characters");
  if (given !== undefined) return Buffer.from(given);
  const directory = process.env["HOLDFAST_DATA"] ?? ".holdfast";
  const file = join(directory, "session-key");
  mkdirSync(directory, { recursive: true });
  try {
    writeFileSync(file, randomBytes(32), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readFileSync(file);
}

function sign(payload: string): Buffer {
  return createHmac("sha256", sessionKey()).update(payload).digest();
}

/** The header `set-cookie` of somebody who has signed in; without a session, of somebody who has signed out. */
export function sessionCookie(session: Session | undefined, isSecure: boolean): string {
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  if (session === undefined) return `${cookieName}=; Max-Age=0; ${attributes}`;
  const expiresAt = Date.now() + lifetimeS * 1_000;
  const payload = Buffer.from(JSON.stringify({ ...session, expiresAt })).toString("base64url");
  return `${cookieName}=${payload}.${sign(payload).toString("base64url")}; Max-Age=${lifetimeS}; ${attributes}`;
}

/** The session of a request; undefined without one, and for a cookie that this server has not made or that is too old. */
export function sessionOf(request: Request): Session | undefined {
  const cookies = (request.headers.get("cookie") ?? "").split("; ");
  const value = cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  const [payload = "", signature = ""] = value?.split(".") ?? [];
  const given = Buffer.from(signature, "base64url");
  const expected = sign(payload);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const { userId, name, expiresAt } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Session & {
    expiresAt: number;
  };
  return expiresAt > Date.now() ? { userId, name } : undefined;
}

/** For `onAuth` of an actor that belongs to the person whose id its key begins with. */
export function requireOwner(c: {
  readonly req: Request;
  readonly key: readonly string[] | undefined;
}): Session {
  const session = sessionOf(c.req);
  if (session === undefined) throw new UserError("Sign in first", { code: "signed_out" });
  if (c.key?.[0] !== session.userId)
    throw new UserError("This belongs to somebody else", { code: "forbidden" });
  return session;
}
