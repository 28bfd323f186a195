/** What all components use: the client of the actors, the routes for signing in, words for errors and times. */
import { createHoldfast } from "holdfast/react";
import type { registry } from "../actors.ts";
import type { SessionInfo } from "../sign-in/routes.ts";
import type { Session } from "../sign-in/sessions.ts";

export const { client, useActor } = createHoldfast<typeof registry>(location.origin);

/** Asks a route beside the actors. Throws an error whose message is for people. */
async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(path, init).catch(() => {
    throw new Error("The server cannot be reached. Check your connection and try again.");
  });
  const answer = (await response.json().catch(() => ({}))) as Answer & { message?: string };
  if (response.ok) return answer;
  throw new Error(answer.message ?? "That did not work. Try again.");
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly code?: string;
}

export const session = {
  load: () => ask<SessionInfo>("GET", "/session"),
  signIn: (credentials: Credentials) => ask<{ user: Session }>("POST", "/session", credentials),
  signUp: (credentials: Credentials) => ask<{ user: Session }>("POST", "/accounts", credentials),
  signOut: () => ask<object>("DELETE", "/session"),
};

export function wordsOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : "That did not work. Try again.";
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** Such as "in 5 minutes" or "yesterday". */
export function fromNow(time: number, now = Date.now()): string {
  const [unit, size] = units.find(([, each]) => Math.abs(time - now) >= each) ?? ["minute", 60_000];
  return relative.format(Math.round((time - now) / size), unit);
}
