/** The queue of a task's prompts: what people do with those whose turn has not begun. */
import { HoldfastError } from "@holdfast/core";
import type { QueuedPrompt } from "../../contract/prompts.ts";
import type { PromptRow } from "./prompt-row.ts";

interface Prompts {
  prompts: PromptRow[];
}

/** The queued prompts, in order. The first open prompt is the one in progress and not among them. */
export function waitingPrompts({ prompts }: Prompts): PromptRow[] {
  const [, ...waiting] = prompts.filter(({ state }) => state === "sent" || state === "queued");
  return waiting;
}

/** A queued prompt and the session in whose queue it is. Throws `task.prompt_not_queued`. */
export function requireQueued<Session extends Prompts>(
  sessions: readonly Session[],
  id: unknown,
): { readonly session: Session; readonly row: PromptRow } {
  for (const session of sessions) {
    const row = waitingPrompts(session).find((each) => each.id === id);
    if (row !== undefined) return { session, row };
  }
  const message = "This prompt is not in the queue any more: the agent works on it, or it was removed.";
  throw new HoldfastError("task", "prompt_not_queued", message, { statusCode: 409 });
}

export function toQueuedPrompt({ id, text, attachments }: PromptRow): QueuedPrompt {
  return {
    ...{ id, text },
    ...(attachments === undefined ? {} : { attachments: attachments.map((each) => ({ ...each })) }),
  };
}

export function replaceText(sessions: readonly Prompts[], id: string, text: string): void {
  change(requireQueued(sessions, id).session, id, { text });
}

/** A group learns of its prompt that it was cancelled. */
export function cancelQueued(sessions: readonly Prompts[], id: string): void {
  change(requireQueued(sessions, id).session, id, { state: "cancelled" });
}

/** Moves a prompt to a place among the queued ones of its session. A place beyond the end is the last one. */
export function moveQueued(sessions: readonly Prompts[], id: string, to: number): void {
  const { session, row } = requireQueued(sessions, id);
  const others = waitingPrompts(session).filter((each) => each.id !== id);
  const order = [...others.slice(0, to), row, ...others.slice(to)];
  const ids = new Set(order.map((each) => each.id));
  // The rows of the queue keep their places in the list; only their order changes.
  session.prompts = session.prompts.map((each) => copy(ids.has(each.id) ? (order.shift() ?? each) : each));
}

function change(session: Prompts, id: string, to: Partial<PromptRow>): void {
  session.prompts = session.prompts.map((row) => copy(row.id === id ? { ...row, ...to } : row));
}

/** A row may be a part of the state that is assigned to another place. */
function copy(row: PromptRow): PromptRow {
  return JSON.parse(JSON.stringify(row)) as PromptRow;
}
