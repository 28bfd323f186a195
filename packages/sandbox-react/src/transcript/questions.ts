import { isRecord, list, record, shown, text, type UnknownRecord } from "../internal/values.ts";
import type { PermissionOption, PermissionState } from "../types.ts";
import { changesText, toolContent } from "./content.ts";
import type { Draft } from "./draft.ts";
import type { OpenAsk } from "./state.ts";

/** Origin of a question: the agent's own request, or the server's record of it, which accepts the answer. */
type Source = { readonly rpcId: string } | { readonly permissionId: string };

/** Adds a question. The agent's request and the server's record of it may arrive in either order. */
export function ask(
  draft: Draft,
  source: Source,
  toolCall: UnknownRecord,
  options: unknown,
  expiresAt?: number,
): number {
  const toolCallId = text(toolCall.toolCallId);
  const { memory } = draft;
  const addressed = "permissionId" in source;
  const known = memory.asks.find(
    (open) => open.toolCallId === toolCallId && (addressed ? !open.addressed : open.rpcId === undefined),
  );
  const index =
    known?.index ?? addQuestion(draft, addressed ? source.permissionId : source.rpcId, toolCall, options);
  const permission = draft.at(index)?.permission;
  if (permission !== undefined && addressed) {
    const more = expiresAt === undefined ? {} : { expiresAt };
    draft.change(index, { permission: { ...permission, permissionId: source.permissionId, ...more } });
  }
  const rpcId = "rpcId" in source ? source.rpcId : known?.rpcId;
  const open: OpenAsk = {
    index,
    addressed: addressed || known?.addressed === true,
    ...(toolCallId === undefined ? {} : { toolCallId }),
    ...(rpcId === undefined ? {} : { rpcId }),
  };
  memory.asks = [...memory.asks.filter((other) => other !== known), open];
  return index;
}

function addQuestion(draft: Draft, permissionId: string, toolCall: UnknownRecord, options: unknown): number {
  const { output, changes } = toolContent(toolCall.content);
  const description = [changesText(changes), output, shown(toolCall.rawInput)].find((said) => said !== "");
  draft.memory.broken = true;
  return draft.add({
    kind: "permission",
    ...(typeof toolCall.kind === "string" ? { toolKind: toolCall.kind } : {}),
    ...(changes.length === 0 ? {} : { toolChanges: changes }),
    permission: {
      permissionId,
      title: text(toolCall.title) ?? "The agent asks for permission",
      ...(description === undefined ? {} : { description }),
      options: list(options).flatMap(optionOf),
      resolved: false,
      state: "pending",
    },
  });
}

function optionOf(value: unknown): PermissionOption[] {
  if (!isRecord(value) || typeof value.optionId !== "string") return [];
  const { optionId } = value;
  return [{ optionId, name: text(value.name) ?? "", kind: text(value.kind) ?? "" }];
}

/** Records a client's answer. Returns false if no such question is open. */
export function answerRequest(draft: Draft, rpcId: string, result: unknown): boolean {
  const open = draft.memory.asks.find((candidate) => candidate.rpcId === rpcId);
  if (open === undefined) return false;
  const optionId = text(record(record(result).outcome).optionId);
  settle(draft, open.index, optionId === undefined ? "cancelled" : "answered", optionId);
  return true;
}

/** Records the server's report about a question. */
export function takePermission(draft: Draft, permission: UnknownRecord): void {
  const id = text(permission.id);
  const state = stateOf(permission.state);
  if (id === undefined || state === undefined) return;
  const asked = draft.memory.asks.find(({ index }) => draft.at(index)?.permission?.permissionId === id);
  const expiresAt = typeof permission.expiresAt === "number" ? permission.expiresAt : undefined;
  const index =
    asked?.index ??
    ask(draft, { permissionId: id }, record(permission.toolCall), permission.options, expiresAt);
  if (state !== "pending") settle(draft, index, state, text(permission.optionId));
}

function stateOf(value: unknown): PermissionState | undefined {
  switch (value) {
    case "pending":
    case "answered":
    case "expired":
    case "cancelled":
      return value;
    default:
      return undefined;
  }
}

/**
 * Assigns the server's id to an answered question: the newest one of its tool call at that time. Returns false if that
 * one is still open, or if there is none.
 */
export function addressSettled(
  draft: Draft,
  permissionId: string,
  toolCallId: string | undefined,
  askedAt: number,
): boolean {
  const { memory } = draft;
  const newest = [...memory.settled, ...memory.asks]
    .filter((open) => open.toolCallId === toolCallId && !open.addressed)
    .filter((open) => Date.parse(draft.at(open.index)?.time ?? "") <= askedAt)
    .reduce<OpenAsk | undefined>((one, other) => (one && one.index > other.index ? one : other), undefined);
  const permission = newest && draft.at(newest.index)?.permission;
  if (permission === undefined || newest === undefined || !memory.settled.includes(newest)) return false;
  draft.change(newest.index, { permission: { ...permission, permissionId } });
  memory.settled = memory.settled.filter((open) => open !== newest);
  return true;
}

function settle(draft: Draft, index: number, state: PermissionState, optionId: string | undefined): void {
  const permission = draft.at(index)?.permission;
  if (permission === undefined) return;
  const chosen = optionId === undefined ? {} : { selectedOptionId: optionId };
  draft.change(index, { permission: { ...permission, resolved: true, state, ...chosen } });
  const { asks, settled } = draft.memory;
  const unaddressed = asks.filter((open) => open.index === index && !open.addressed);
  if (unaddressed.length > 0) draft.memory.settled = [...settled, ...unaddressed];
  draft.memory.asks = asks.filter((open) => open.index !== index);
}

/** Closes all questions: the turn or the agent has ended. */
export function withdrawAll(draft: Draft): void {
  for (const { index } of draft.memory.asks) settle(draft, index, "cancelled", undefined);
}
