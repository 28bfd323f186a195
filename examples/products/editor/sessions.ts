/** Who asks: a name in a signed cookie. Replace this file with the sign-in of your own. */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { UserError } from "holdfast";
import { limits } from "./limits.ts";

export interface User {
  readonly id: string;
  readonly name: string;
}

/** What a share link carries: the rights are those that the document keeps for the link. */
export interface ShareToken {
  readonly document: string;
  readonly link: string;
  readonly expiresAt: number;
}

const cookie = "editor_session";
const sessionSeconds = 365 * 24 * 60 * 60;

let secret: string | undefined;

/** Sets the key of all signatures; called once, before the server listens. */
export function signWith(key: string): void {
  secret = key;
}

export function newUser(name: unknown): User {
  const short = typeof name === "string" ? name.trim() : "";
  if (short === "" || short.length > limits.nameCharacters) {
    throw new UserError(`A name has 1 to ${limits.nameCharacters} characters`, { code: "invalid_name" });
  }
  return { id: randomUUID(), name: short };
}

/** The user of a request, or undefined if its cookie is missing, expired or not from this server. */
export function userOf(request: Request): User | undefined {
  const value = new RegExp(`(?:^|; )${cookie}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];
  const session = value === undefined ? undefined : verified("session", value);
  if (!isSession(session) || session.expiresAt < Date.now()) return undefined;
  return { id: session.id, name: session.name };
}

export function requireUser(request: Request): User {
  const user = userOf(request);
  if (user === undefined) throw new UserError("Say your name first", { code: "signed_out" });
  return user;
}

/** The `set-cookie` header that signs a user in, or out. */
export function sessionCookie(user: User | undefined, host: string): string {
  const session = { ...user, expiresAt: Date.now() + sessionSeconds * 1_000 };
  const value = user === undefined ? "" : signed("session", session);
  const age = user === undefined ? 0 : sessionSeconds;
  // Browsers do not send secure cookies to a server without TLS, except on this machine.
  const secure = /^(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(host) ? "" : "; Secure";
  return `${cookie}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

export function shareToken(token: ShareToken): string {
  return signed("share", token);
}

export function readShareToken(text: unknown): ShareToken {
  const token = typeof text === "string" ? verified("share", text) : undefined;
  if (!isShareToken(token)) throw new UserError("This link is damaged", { code: "invalid_link" });
  if (token.expiresAt < Date.now()) throw new UserError("This link has expired", { code: "link_expired" });
  return token;
}

/** The purpose is signed as well, so that a share link is no session. */
function signed(purpose: string, value: object): string {
  const body = Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${body}.${signatureOf(purpose, body)}`;
}

function verified(purpose: string, text: string): unknown {
  const [body = "", signature = ""] = text.split(".");
  const [given, expected] = [Buffer.from(signature), Buffer.from(signatureOf(purpose, body))];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(body, "base64url").toString());
}

function signatureOf(purpose: string, body: string): string {
  if (secret === undefined) throw new Error("signWith has not been called");
  return createHmac("sha256", secret).update(`${purpose}.${body}`).digest("base64url");
}

function isSession(value: unknown): value is User & { expiresAt: number } {
  return isRecord(value) && typeof value["id"] === "string" && typeof value["name"] === "string";
}

function isShareToken(value: unknown): value is ShareToken {
  return isRecord(value) && typeof value["document"] === "string" && typeof value["link"] === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
