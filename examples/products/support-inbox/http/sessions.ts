/** Who sends a request: an agent has a signed cookie, a customer a signed token of one ticket. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AuthContext, UserError } from "holdfast";

export interface Agent {
  readonly id: string;
  readonly name: string;
}

/** The result of `onAuth`: `c.conn.auth` of an action. Calls of the server itself have none. */
export type Identity = { readonly role: "agent"; readonly agent: Agent } | { readonly role: "customer" };

const cookieName = "inbox_session";
const lifetimeS = 14 * 24 * 3_600;
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

/** Signs text for one purpose: a token of a customer is no session of an agent. */
function signed(purpose: string, payload: string): string {
  const signature = createHmac("sha256", sessionKey()).update(`${purpose}\n${payload}`).digest("base64url");
  return `${payload}.${signature}`;
}

function verified(purpose: string, value: string): string | undefined {
  const payload = value.slice(0, Math.max(0, value.lastIndexOf(".")));
  const [given, expected] = [Buffer.from(value), Buffer.from(signed(purpose, payload))];
  return given.length === expected.length && timingSafeEqual(given, expected) ? payload : undefined;
}

/** The header `set-cookie` of an agent who has signed in; without one, of somebody who has signed out. */
export function agentCookie(agent: Agent | undefined, isSecure: boolean): string {
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  if (agent === undefined) return `${cookieName}=; Max-Age=0; ${attributes}`;
  const content = JSON.stringify({ ...agent, expiresAt: Date.now() + lifetimeS * 1_000 });
  const value = signed("agent", Buffer.from(content).toString("base64url"));
  return `${cookieName}=${value}; Max-Age=${lifetimeS}; ${attributes}`;
}

/** The agent of a request; undefined without a cookie, and for one that this server has not made or that is too old. */
export function agentOf(request: Request): Agent | undefined {
  const cookies = (request.headers.get("cookie") ?? "").split("; ");
  const value = cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  const payload = value === undefined ? undefined : verified("agent", value);
  if (payload === undefined) return undefined;
  const { id, name, expiresAt } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Agent & {
    expiresAt: number;
  };
  return expiresAt > Date.now() ? { id, name } : undefined;
}

/** The token with which a customer reads and writes one ticket. */
export function customerToken(ticketId: string): string {
  return signed("customer", ticketId);
}

export function ticketOfToken(token: unknown): string | undefined {
  return typeof token === "string" && token.length < 200 ? verified("customer", token) : undefined;
}

/** `onAuth` of what is for agents alone. */
export function requireAgent(c: { readonly req: Request }): Identity {
  const agent = agentOf(c.req);
  if (agent === undefined) throw new UserError("Sign in first", { code: "signed_out" });
  return { role: "agent", agent };
}

/** `onAuth` of a ticket: its customer and all agents. */
export function requireReader(c: AuthContext<unknown>): Identity {
  const { params } = c;
  const token = typeof params === "object" && params !== null && "token" in params ? params.token : undefined;
  if (token === undefined) return requireAgent(c);
  const ticketId = ticketOfToken(token);
  if (ticketId !== undefined && c.key?.length === 1 && c.key[0] === ticketId) return { role: "customer" };
  throw new UserError("This conversation belongs to somebody else", { code: "forbidden" });
}
