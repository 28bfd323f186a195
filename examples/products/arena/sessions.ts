/** Who asks: a name in a signed cookie. Replace this file with the sign-in of your own. */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { UserError } from "holdfast";
import { limits } from "./limits.ts";

export interface User {
  readonly id: string;
  readonly name: string;
}

const cookie = "arena_session";
const sessionSeconds = 365 * 24 * 60 * 60;

let secret: string | undefined;

/** Sets the key of all signatures; called once, before the server listens. */
export function signWith(key: string): void {
  secret = key;
}

export function newUser(name: unknown): User {
  const short = typeof name === "string" ? name.trim() : "";
  if (short !== "" && short.length <= limits.nameCharacters) return { id: randomUUID(), name: short };
  throw new UserError(`A name has 1 to ${limits.nameCharacters} characters`, { code: "invalid_name" });
}

/** The user of a request, or undefined if its cookie is missing, expired or not from this server. */
export function userOf(request: Request): User | undefined {
  const value = new RegExp(`(?:^|; )${cookie}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];
  const [body = "", signature = ""] = value?.split(".") ?? [];
  const [given, expected] = [Buffer.from(signature), Buffer.from(signatureOf(body))];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const { id, name, expiresAt } = JSON.parse(Buffer.from(body, "base64url").toString());
  return expiresAt < Date.now() ? undefined : { id, name };
}

export function requireUser(request: Request): User {
  const user = userOf(request);
  if (user !== undefined) return user;
  throw new UserError("Say your name first", { code: "signed_out" });
}

/** The `set-cookie` header that signs a user in, or out. */
export function sessionCookie(user: User | undefined, host: string): string {
  const expiresAt = Date.now() + sessionSeconds * 1_000;
  const body = Buffer.from(JSON.stringify({ ...user, expiresAt })).toString("base64url");
  const value = user === undefined ? "" : `${body}.${signatureOf(body)}`;
  const age = user === undefined ? 0 : sessionSeconds;
  // Browsers do not send secure cookies to a server without TLS, except on this machine.
  const secure = /^(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(host) ? "" : "; Secure";
  return `${cookie}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

function signatureOf(body: string): string {
  if (secret === undefined) throw new Error("signWith has not been called");
  return createHmac("sha256", secret).update(body).digest("base64url");
}
