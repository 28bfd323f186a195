/** What a document keeps, and the changes of it. */
import { createHash, randomUUID } from "node:crypto";
import { UserError } from "holdfast";
import type { Client } from "holdfast/client";
import { limits } from "./limits.ts";
import {
  type AuditEntry,
  type Comment,
  type DocumentView,
  type Draft,
  isEnded,
  type Message,
  type Reviewer,
  type Row,
  type Status,
  type Version,
  type You,
} from "./review.ts";
import { type Identity, linkToken } from "./sessions.ts";

export interface StoredVersion extends Version {
  /** Hash of the stored file. */
  readonly file: string;
}

export interface DocumentState {
  readonly title: string;
  readonly owner: string;
  readonly remindDays: number;
  status: Status;
  versions: StoredVersion[];
  reviewers: Reviewer[];
  readonly deputy: { readonly id: string; readonly name: string; readonly mail: string } | undefined;
  /** Number of the valid link of each person. */
  links: Record<string, number>;
  comments: Comment[];
  audit: AuditEntry[];
  messages: Message[];
}

/** As much of the context of an action or a step as is needed here. */
export interface DocumentContext {
  readonly key: readonly string[];
  readonly state: DocumentState;
  readonly log: { warn(text: string, fields: object): void };
  broadcast(event: "changed", status: Status): void;
  client(): Pick<Client<never>, "getOrCreate">;
}

export function newState({ title, reviewers, deputy, remindDays }: Draft, owner: string): DocumentState {
  return {
    ...{ title, owner, remindDays, status: "draft", versions: [], comments: [], audit: [], messages: [] },
    links: {},
    reviewers: reviewers.map((each) => ({ ...each, id: randomUUID(), status: "waiting", reminders: 0 })),
    deputy: deputy === undefined ? undefined : { ...deputy, id: randomUUID() },
  };
}

/** Tells pages, and the list of the owner. The message to the list leaves with the change. */
export function changed(c: DocumentContext): void {
  c.broadcast("changed", c.state.status);
  const [ownerId = "", id = ""] = c.key;
  const { title, status, versions, reviewers } = c.state;
  const waitsFor = reviewers.find(({ status: of }) => of === "asked" || of === "overdue")?.name ?? "";
  const row: Row = { id, title, status, waitsFor, version: versions.length, changedAt: Date.now() };
  const sent = c.client().getOrCreate("desk", [ownerId]).send("rows", row);
  sent.catch((error: unknown) => c.log.warn("the list was not told", { cause: String(error) }));
}

export function audit({ state }: DocumentContext, by: string, text: string): void {
  if (state.audit.length >= limits.maxAuditEntries)
    throw new UserError("The audit trail of this document is full", { code: "audit_full" });
  const at = Date.now();
  state.audit.push({ at, by, text, hash: hashOf(state.audit.at(-1)?.hash ?? "", at, by, text) });
}

function hashOf(before: string, at: number, by: string, text: string): string {
  return createHash("sha256")
    .update(JSON.stringify([before, at, by, text]))
    .digest("hex");
}

function isIntact(entries: readonly AuditEntry[]): boolean {
  let before = "";
  return entries.every(({ at, by, text, hash }) => {
    const isNext = hash === hashOf(before, at, by, text);
    before = hash;
    return isNext;
  });
}

export function setReviewer(c: DocumentContext, index: number, change: Partial<Reviewer>): Reviewer {
  const before = c.state.reviewers[index];
  if (before === undefined) throw new Error(`There is no reviewer ${index}`);
  const after = { ...before, ...change };
  c.state.reviewers[index] = after;
  return after;
}

/** A message that the step after this one sends, where there is a way to. */
export function write(
  c: DocumentContext,
  to: { id: string; name: string; mail: string },
  text: string,
): void {
  const { messages } = c.state;
  const { id: personId, name, mail } = to;
  messages.push({ id: randomUUID(), at: Date.now(), to: name, mail, text, personId, isSent: false });
  if (messages.length > limits.maxMessages) messages.shift();
}

/** The secret part of the link of a reviewer or the deputy. */
export function linkOf(c: DocumentContext, personId: string): string {
  const { state, key } = c;
  if (state.deputy?.id !== personId && !state.reviewers.some(({ id }) => id === personId))
    throw new UserError("There is no such person", { code: "no_person" });
  const [ownerId = "", documentId = ""] = key;
  return linkToken({ ownerId, documentId, personId, number: state.links[personId] ?? 0 });
}

/** Who calls. Throws for somebody whose link was replaced. */
export function personOf(c: Pick<DocumentContext, "state">, auth: unknown): You & { index: number } {
  const identity = auth as Identity | undefined;
  const { reviewers, deputy, owner, links } = c.state;
  const turn = reviewers.findIndex(({ status }) => status === "asked" || status === "overdue");
  if (identity?.role === "owner")
    return { id: "owner", name: owner, role: "owner", mayDecide: false, index: -1 };
  const { personId, number } = identity?.link ?? { personId: "", number: -1 };
  const index = reviewers.findIndex(({ id }) => id === personId);
  const found = reviewers[index] ?? (deputy?.id === personId ? deputy : undefined);
  if (found === undefined || (links[personId] ?? 0) !== number)
    throw new UserError("This link is not valid any more. Ask for a new one.", { code: "invalid_link" });
  const isDeputy = found === deputy;
  const mayDecide = isDeputy ? reviewers[turn]?.status === "overdue" : index === turn && turn >= 0;
  const role = isDeputy ? "deputy" : "reviewer";
  return { id: personId, name: found.name, role, mayDecide, index: isDeputy ? turn : index };
}

export function requireRunning({ state }: DocumentContext): void {
  if (isEnded(state.status)) throw new UserError("This review has ended", { code: "ended" });
}

export function viewOf({ state }: DocumentContext, you: You): DocumentView {
  const { title, owner, status, remindDays, versions, reviewers, deputy, comments, messages } = state;
  return {
    ...{ title, owner, status, remindDays, comments, audit: state.audit },
    versions: versions.map(({ file: _file, ...version }) => version),
    // Addresses are the owner's business.
    reviewers: reviewers.map((each) => (you.role === "owner" ? each : { ...each, mail: "" })),
    deputy: deputy?.name,
    isAuditIntact: isIntact(state.audit),
    messages: you.role === "owner" ? messages : [],
  };
}
