/** The server's own routes, and the client of its actors. */
import { createClient } from "holdfast/client";
import type { registry } from "../actors.ts";
import type { User } from "../sessions.ts";

export const client = createClient<typeof registry>(location.origin);

interface Answers {
  readonly "GET /api/session": { readonly user: User | null };
  readonly "POST /api/session": { readonly user: User };
  readonly "DELETE /api/session": object;
  readonly "POST /api/play": { readonly room: string };
}

/** Calls a route of the server. Throws an error whose message is for people. */
export async function ask<Route extends keyof Answers>(route: Route, body?: object): Promise<Answers[Route]> {
  const [method = "GET", path = "/"] = route.split(" ");
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(path, init).catch(() => {
    throw new Error("The server cannot be reached. Try again in a moment.");
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message ?? "The server has failed. Try again in a moment.");
  return answer;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
