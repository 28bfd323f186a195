/** Who sends a request: signed cookies of people with an account, and of reviewers, who have a signed link instead. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "holdfast";
import { limits } from "./limits.ts";

export interface Session {
  readonly userId: string;
  readonly name: string;
}

/** What a link says. The number of the link is raised when the owner makes a new one. */
export interface Link {
  readonly ownerId: string;
  readonly documentId: string;
  readonly personId: string;
  readonly number: number;
}

/** Who has connected to a document. */
export type Identity =
  | { readonly role: "owner"; readonly name: string }
  | { readonly role: "guest"; readonly link: Link };

const sessionCookie = "review_session";
const sessionMs = 30 * limits.dayMs;
let key: Buffer | undefined;

/** SESSION_KEY, or one that is made at the first start and kept beside the data. Another one ends sessions and links. */
function signingKey(): Buffer {
  key ??= readKey();
  return key;
}

function readKey(): Buffer {
  const given = process.env["SESSION_KEY"];
  if (given !== undefined && given.length < 32) throw new Error("SESSION_KEY has fewer than 32 characters");
  if (given !== undefined) return Buffer.from(given);
  const directory = process.env["HOLDFAST_DATA"] ?? ".holdfast";
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "session-key");
  try {
    writeFileSync(file, randomBytes(32), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  return readFileSync(file);
}

function signatureOf(purpose: string, payload: string): Buffer {
  return createHmac("sha256", signingKey()).update(`${purpose}.${payload}`).digest();
}

function seal(purpose: string, value: object, expiresAt: number): string {
  const payload = Buffer.from(JSON.stringify({ ...value, expiresAt })).toString("base64url");
  return `${payload}.${signatureOf(purpose, payload).toString("base64url")}`;
}

/** Undefined for what this server has not signed for this purpose, and for what is too old. */
function open<Value>(purpose: string, sealed: string): Value | undefined {
  const [payload = "", signature = ""] = sealed.split(".");
  const given = Buffer.from(signature, "base64url");
  const expected = signatureOf(purpose, payload);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const value = JSON.parse(Buffer.from(payload, "base64url").toString()) as Value & { expiresAt: number };
  return value.expiresAt > Date.now() ? value : undefined;
}

/** The secret part of a link: it stands behind the `#`, which browsers send nowhere. */
export function linkToken(link: Link): string {
  return seal("link", link, Date.now() + limits.linkDays * limits.dayMs);
}

export function readLinkToken(token: string): Link {
  const link = open<Link>("link", token);
  if (link !== undefined) return link;
  throw new UserError("This link is not valid any more. Ask for a new one.", { code: "invalid_link" });
}

function cookie(name: string, value: string, ms: number, isSecure: boolean): string {
  const secure = isSecure ? "; Secure" : "";
  return `${name}=${value}; Path=/; Max-Age=${Math.floor(ms / 1000)}; HttpOnly; SameSite=Lax${secure}`;
}

export function cookieOfSession(session: Session | undefined, isSecure: boolean): string {
  if (session === undefined) return cookie(sessionCookie, "", 0, isSecure);
  return cookie(sessionCookie, seal("session", session, Date.now() + sessionMs), sessionMs, isSecure);
}

export function cookieOfLink(link: Link, isSecure: boolean): string {
  const ms = limits.linkDays * limits.dayMs;
  return cookie(`review_${link.documentId}`, seal("guest", link, Date.now() + ms), ms, isSecure);
}

function cookieNamed(request: Request, name: string): string {
  const cookies = (request.headers.get("cookie") ?? "").split("; ");
  return cookies.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

export function sessionOf(request: Request): Session | undefined {
  return open<Session>("session", cookieNamed(request, sessionCookie));
}

interface Asked {
  readonly req: Request;
  readonly key: readonly string[] | undefined;
}

/** For `onAuth` of an actor whose key begins with the id of its owner. */
export function requireOwner({ req, key: of }: Asked): Session {
  const session = sessionOf(req);
  if (session === undefined) throw new UserError("Sign in first", { code: "signed_out" });
  if (of?.[0] !== session.userId) throw new UserError("This belongs to somebody else", { code: "forbidden" });
  return session;
}

/** For `onAuth` of a document, whose key is its owner's id and its own: the owner, or somebody with a link. */
export function requireReader({ req, key: of = [] }: Asked): Identity {
  const [ownerId = "", documentId = ""] = of;
  const session = sessionOf(req);
  if (session?.userId === ownerId) return { role: "owner", name: session.name };
  const link = open<Link>("guest", cookieNamed(req, `review_${documentId}`));
  if (link?.ownerId === ownerId && link.documentId === documentId) return { role: "guest", link };
  throw new UserError("Open the link that you were sent, or sign in", { code: "forbidden" });
}
