import { HoldfastError } from "@holdfast/core";
import { a2aLimits } from "../limits.ts";

/** A task is a turn of an agent; its id names the context too, whose actor has the turn. */
export interface TaskPlace {
  readonly contextId: string;
  readonly turnId: string;
}

export function taskId({ contextId, turnId }: TaskPlace): string {
  return `${turnId}.${Buffer.from(contextId).toString("base64url")}`;
}

/** Undefined for what is no id of a task. */
export function readTaskId(id: string): TaskPlace | undefined {
  const [, turnId, encoded] = /^([0-9a-f-]{36})\.([\w-]+)$/.exec(id) ?? [];
  if (turnId === undefined || encoded === undefined) return undefined;
  const contextId = Buffer.from(encoded, "base64url").toString("utf8");
  return taskId({ contextId, turnId }) === id ? { contextId, turnId } : undefined;
}

/** Throws `a2a.invalid_context`. */
export function checkContextId(contextId: string): void {
  const { maxContextIdBytes } = a2aLimits;
  if (contextId.isWellFormed() && Buffer.byteLength(contextId) <= maxContextIdBytes) return;
  throw new HoldfastError(
    ...(["a2a", "invalid_context"] as const),
    `A contextId has at most ${maxContextIdBytes} bytes`,
    { statusCode: 400 },
  );
}
