/** The data of a ticket, checks of what people enter, and the summary for the inbox. */
import { UserError } from "holdfast";
import type { Agent } from "./http/sessions.ts";
import type { TicketUpdate } from "./inbox.ts";
import { limits } from "./limits.ts";

export interface Message {
  /** The sender's: a message that is sent again is the same. */
  readonly id: string;
  /** A note is for agents alone. */
  readonly kind: "customer" | "agent" | "note";
  readonly name: string;
  readonly text: string;
  readonly createdAt: number;
  /** A model has drafted it, and an agent approved it. */
  readonly isDrafted?: boolean;
  /** Of an answer to a message that came in by a webhook: whether it has gone out. */
  readonly delivery?: "sending" | "delivered" | "failed";
}

export interface Draft {
  readonly id: string;
  readonly status: "writing" | "ready" | "failed";
  readonly text: string;
}

export interface TicketState {
  customer: { readonly name: string; readonly email: string };
  subject: string;
  source: "page" | "webhook";
  isOpen: boolean;
  assignee: Agent | undefined;
  tags: string[];
  messages: Message[];
  draft: Draft | undefined;
  updatedAt: number;
  revision: number;
}

/** What a customer sees: no notes, drafts or tags. */
export interface CustomerView {
  readonly subject: string;
  readonly isOpen: boolean;
  readonly messages: readonly Message[];
}

export interface Incoming {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly subject: string;
  readonly text: string;
  readonly source: TicketState["source"];
}

/** Throws for text that is empty or too long. */
export function checkedText(text: unknown, maxLength: number, what: string): string {
  const trimmed = typeof text === "string" ? text.trim() : "";
  if (trimmed === "") throw new UserError(`${what} needs some text.`, { code: "empty" });
  if (trimmed.length > maxLength)
    throw new UserError(`${what} has at most ${maxLength} characters.`, { code: "too_long" });
  return trimmed;
}

/** Tags in small letters, each once. */
export function checkedTags(tags: readonly string[]): string[] {
  const all = [...new Set(tags.map((tag) => String(tag).trim().toLowerCase().replace(/\s+/g, "-")))];
  const valid = all.filter((tag) => tag !== "");
  if (valid.length > limits.tags)
    throw new UserError(`A ticket has at most ${limits.tags} tags.`, { code: "full" });
  if (valid.some((tag) => tag.length > limits.tagLength))
    throw new UserError(`A tag has at most ${limits.tagLength} characters.`, { code: "too_long" });
  return valid;
}

const previewLength = 140;
/** The end of a long conversation is what people search for. */
const searchedLength = 40_000;

export function summaryOf(id: string, state: TicketState): TicketUpdate {
  const { customer, subject, assignee, messages, draft } = state;
  const said = messages.filter(({ kind }) => kind !== "note");
  const last = said.at(-1);
  const words = [subject, customer.name, customer.email, ...messages.map(({ text }) => text)].join("\n");
  return {
    ...{ id, revision: state.revision, customer: customer.name, email: customer.email, subject },
    preview: (last?.text ?? "").replace(/\s+/g, " ").slice(0, previewLength),
    isOpen: state.isOpen,
    isWaiting: last?.kind === "customer",
    hasDraft: draft?.status === "ready",
    ...{ assigneeId: assignee?.id ?? null, assignee: assignee?.name ?? null },
    tags: [...state.tags],
    text: words.slice(-searchedLength),
    updatedAt: state.updatedAt,
  };
}
