/** Live connections of the page, and small helpers of its forms. */
import { createHoldfast } from "holdfast/react";
import type { registry } from "../actors.ts";

export const { useActor } = createHoldfast<typeof registry>(location.origin);

/** Posts JSON. Throws what the server says. */
export async function post<Answer>(path: string, body: unknown, method = "POST"): Promise<Answer> {
  const response = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer as Answer;
  throw new Error((answer as { message?: string }).message ?? "The server has refused this.");
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
