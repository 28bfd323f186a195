import type { ResumePoint } from "@holdfast/client";

/**
 * Parses `{token}.{received}`: the connection that a client wants to resume, and the number of events it has received.
 */
export function resumePointOf(text: string): ResumePoint | undefined {
  const parts = /^([0-9a-f-]{1,64})\.(\d{1,15})$/.exec(text);
  return parts === null ? undefined : { token: parts[1] ?? "", received: Number(parts[2]) };
}
