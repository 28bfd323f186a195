/** What the components of both pages use: the client of the actors, the routes, words for errors and times. */
import { createHoldfast } from "holdfast/react";
import { useEffect, useState } from "react";
import type { registry } from "../actors.ts";

export const { useActor } = createHoldfast<typeof registry>(location.origin);

/** Asks a route beside the actors. Throws an error whose message is for people. */
export async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(path, init).catch(() => {
    throw new Error("The server cannot be reached. Check your connection and try again.");
  });
  const answer = (await response.json().catch(() => ({}))) as Answer & { message?: string };
  if (response.ok) return answer;
  throw new Error(answer.message ?? "That did not work. Try again.");
}

export function wordsOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : "That did not work. Try again.";
}

/** A random UUID, also on a page without HTTPS. A request that is repeated carries the same one. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** Such as "5 min. ago" or "yesterday". */
export function ago(time: number, now = Date.now()): string {
  const [unit, size] = units.find(([, each]) => Math.abs(time - now) >= each) ?? ["minute", 60_000];
  return now - time < 60_000 ? "now" : relative.format(Math.round((time - now) / size), unit);
}

/** False while the connection is lost for longer than a short reconnection takes. */
export function useIsOnline(isConnected: boolean): boolean {
  const [isOnline, setIsOnline] = useState(true);
  useEffect(() => {
    if (isConnected) {
      setIsOnline(true);
      return;
    }
    const timer = setTimeout(() => setIsOnline(false), 600);
    return () => clearTimeout(timer);
  }, [isConnected]);
  return isOnline;
}
