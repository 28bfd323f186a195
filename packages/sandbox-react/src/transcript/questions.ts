import { asList, asRecord, asText, formatValue, isRecord, type UnknownRecord } from "../internal/values.ts";
import type { PermissionOption, PermissionState } from "../types.ts";
import { formatChanges, parseToolContent } from "./content.ts";
import type { Draft } from "./draft.ts";
import type { OpenQuestion } from "./state.ts";

/** Origin of a question: the agent's own request, or the server's record of it, which accepts the answer. */
type Source = { readonly rpcId: string } | { readonly permissionId: string };

/** Adds a question. The agent's request and the server's record of it may arrive in either order. */
export function addQuestion(
  draft: Draft,
  source: Source,
  toolCall: UnknownRecord,
  options: unknown,
  expiresAt?: number,
): number {
  const toolCallId = asText(toolCall.toolCallId);
  const { memory } = draft;
  const hasPermissionId = "permissionId" in source;
  const existing = memory.openQuestions.find(
    (open) =>
      open.toolCallId === toolCallId && (hasPermissionId ? !open.hasPermissionId : open.rpcId === undefined),
  );
  const index =
    existing?.index ??
    addQuestionEntry(draft, hasPermissionId ? source.permissionId : source.rpcId, toolCall, options);
  const permission = draft.at(index)?.permission;
  if (permission !== undefined && hasPermissionId) {
    const more = expiresAt === undefined ? {} : { expiresAt };
    draft.update(index, { permission: { ...permission, permissionId: source.permissionId, ...more } });
  }
  const rpcId = "rpcId" in source ? source.rpcId : existing?.rpcId;
  const open: OpenQuestion = {
    index,
    hasPermissionId: hasPermissionId || existing?.hasPermissionId === true,
    ...(toolCallId === undefined ? {} : { toolCallId }),
    ...(rpcId === undefined ? {} : { rpcId }),
  };
  memory.openQuestions = [...memory.openQuestions.filter((other) => other !== existing), open];
  return index;
}

function addQuestionEntry(
  draft: Draft,
  permissionId: string,
  toolCall: UnknownRecord,
  options: unknown,
): number {
  const { output, changes } = parseToolContent(toolCall.content);
  const description = [formatChanges(changes), output, formatValue(toolCall.rawInput)].find(
    (part) => part !== "",
  );
  draft.memory.isMessageComplete = true;
  return draft.add({
    kind: "permission",
    ...(typeof toolCall.kind === "string" ? { toolKind: toolCall.kind } : {}),
    ...(changes.length === 0 ? {} : { toolChanges: changes }),
    permission: {
      permissionId,
      title: asText(toolCall.title) ?? "The agent asks for permission",
      ...(description === undefined ? {} : { description }),
      options: asList(options).flatMap(parseOption),
      resolved: false,
      state: "pending",
    },
  });
}

function parseOption(value: unknown): PermissionOption[] {
  if (!isRecord(value) || typeof value.optionId !== "string") return [];
  const { optionId } = value;
  return [{ optionId, name: asText(value.name) ?? "", kind: asText(value.kind) ?? "" }];
}

/** Records a client's answer. Returns false if no such question is open. */
export function recordAnswer(draft: Draft, rpcId: string, result: unknown): boolean {
  const open = draft.memory.openQuestions.find((candidate) => candidate.rpcId === rpcId);
  if (open === undefined) return false;
  const optionId = asText(asRecord(asRecord(result).outcome).optionId);
  settle(draft, open.index, optionId === undefined ? "cancelled" : "answered", optionId);
  return true;
}

/** Records the server's report about a question. */
export function recordPermission(draft: Draft, permission: UnknownRecord): void {
  const id = asText(permission.id);
  const state = parseState(permission.state);
  if (id === undefined || state === undefined) return;
  const existing = draft.memory.openQuestions.find(
    ({ index }) => draft.at(index)?.permission?.permissionId === id,
  );
  const expiresAt = typeof permission.expiresAt === "number" ? permission.expiresAt : undefined;
  const index =
    existing?.index ??
    addQuestion(draft, { permissionId: id }, asRecord(permission.toolCall), permission.options, expiresAt);
  if (state !== "pending") settle(draft, index, state, asText(permission.optionId));
}

function parseState(value: unknown): PermissionState | undefined {
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
export function assignPermissionId(
  draft: Draft,
  permissionId: string,
  toolCallId: string | undefined,
  askedAt: number,
): boolean {
  const { memory } = draft;
  const newest = [...memory.settledQuestions, ...memory.openQuestions]
    .filter((open) => open.toolCallId === toolCallId && !open.hasPermissionId)
    .filter((open) => Date.parse(draft.at(open.index)?.time ?? "") <= askedAt)
    .reduce<OpenQuestion | undefined>(
      (one, other) => (one && one.index > other.index ? one : other),
      undefined,
    );
  const permission = newest && draft.at(newest.index)?.permission;
  if (permission === undefined || newest === undefined || !memory.settledQuestions.includes(newest))
    return false;
  draft.update(newest.index, { permission: { ...permission, permissionId } });
  memory.settledQuestions = memory.settledQuestions.filter((open) => open !== newest);
  return true;
}

function settle(draft: Draft, index: number, state: PermissionState, optionId: string | undefined): void {
  const permission = draft.at(index)?.permission;
  if (permission === undefined) return;
  const chosen = optionId === undefined ? {} : { selectedOptionId: optionId };
  draft.update(index, { permission: { ...permission, resolved: true, state, ...chosen } });
  const { openQuestions, settledQuestions } = draft.memory;
  const unaddressed = openQuestions.filter((open) => open.index === index && !open.hasPermissionId);
  if (unaddressed.length > 0) draft.memory.settledQuestions = [...settledQuestions, ...unaddressed];
  draft.memory.openQuestions = openQuestions.filter((open) => open.index !== index);
}

/** Closes all questions: the turn or the agent has ended. */
export function cancelOpenQuestions(draft: Draft): void {
  for (const { index } of draft.memory.openQuestions) settle(draft, index, "cancelled", undefined);
}
