import type { ResumePoint } from "@holdfast/client";

/** Reads `{token}.{received}`: the connection that a client was cut off from, and how far it had come. */
export function resumePointOf(text: string): ResumePoint | undefined {
  const parts = /^([0-9a-f-]{1,64})\.(\d{1,15})$/.exec(text);
  return parts === null ? undefined : { token: parts[1] ?? "", received: Number(parts[2]) };
}
