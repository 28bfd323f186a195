import { isRecord, record, text, type UnknownRecord } from "../internal/values.ts";
import type { TranscriptEntry } from "../types.ts";
import { promptText } from "./content.ts";
import { Draft } from "./draft.ts";
import { addressSettled, answerRequest, ask, takePermission, withdrawAll } from "./questions.ts";
import {
  createTranscript,
  type Transcript,
  type TranscriptEvent,
  type TranscriptPermissionRequest,
} from "./state.ts";
import { takeUpdate } from "./updates.ts";

/**
 * Reduces events into a new transcript. Pure: the old one is unchanged. Events come in log order, in pages or one by
 * one; events that were already reduced are ignored. Agents may send anything: unknown messages are skipped, and
 * nothing throws.
 */
export function reduceTranscript(
  transcript: Transcript,
  events: TranscriptEvent | readonly TranscriptEvent[],
): Transcript {
  const draft = new Draft(transcript);
  let changed = false;
  for (const event of isList(events) ? events : [events]) {
    const number = event.sequence ?? event.eventIndex;
    if (number !== undefined && number <= draft.head) continue;
    changed = true;
    draft.memory.counted += 1;
    if (number !== undefined) draft.head = number;
    draft.begin(event.id ?? String(number ?? draft.memory.counted), event.createdAt);
    if (isRecord(event.payload)) takeMessage(draft, event.sender, event.payload);
  }
  return changed ? draft.finish() : transcript;
}

function isList(events: TranscriptEvent | readonly TranscriptEvent[]): events is readonly TranscriptEvent[] {
  return Array.isArray(events);
}

/** The entries of a complete log. */
export function transcriptEntries(events: readonly TranscriptEvent[]): readonly TranscriptEntry[] {
  return reduceTranscript(createTranscript(), events).entries;
}

/**
 * Adds a question as `onPermissionRequest` reports it, so that its entry has the id for `respondPermission`. The
 * agent's request may be earlier or later in the log.
 */
export function reducePermissionRequest(
  transcript: Transcript,
  request: TranscriptPermissionRequest,
): Transcript {
  const there = transcript.entries.some((entry) => entry.permission?.permissionId === request.id);
  if (there) return transcript;
  const draft = new Draft(transcript);
  draft.begin(`permission-${request.id}`, request.createdAt);
  const toolCall = record(request.toolCall);
  // Callers that keep requests in a list pass answered ones, too.
  if (!addressSettled(draft, request.id, text(toolCall.toolCallId), request.createdAt))
    ask(draft, { permissionId: request.id }, toolCall, request.options);
  return draft.finish();
}

function takeMessage(draft: Draft, sender: TranscriptEvent["sender"], payload: UnknownRecord): void {
  const method = text(payload.method);
  if (method === undefined) {
    if (sender === "client") answerRequest(draft, keyOf(payload.id), payload.result);
    else takeAnswer(draft, keyOf(payload.id), payload);
  } else if (sender === "client") takeRequest(draft, method, payload);
  else if (draft.memory.loading !== undefined && method === "session/update") return;
  else takeFromAgent(draft, method, payload);
}

/** A text and a number are different ids. */
function keyOf(id: unknown): string {
  return JSON.stringify(id) ?? "";
}

function takeRequest(draft: Draft, method: string, payload: UnknownRecord): void {
  const { memory } = draft;
  if (method === "session/prompt") {
    const said = promptText(record(payload.params).prompt);
    memory.prompts = [...memory.prompts, keyOf(payload.id)];
    memory.broken = true;
    memory.exitShown = false;
    delete memory.planIndex;
    if (said !== "") draft.add({ kind: "message", role: "user", text: said });
  } else if (method === "session/load") memory.loading = keyOf(payload.id);
  else if (method === "initialize") {
    // A new process: pending requests get no answers, and tool call ids may repeat.
    memory.prompts = [];
    draft.forgetTools();
  }
}

/** A response of the agent, or of the server on its behalf. */
function takeAnswer(draft: Draft, key: string, payload: UnknownRecord): void {
  const { memory } = draft;
  if (memory.loading === key) {
    delete memory.loading;
    return;
  }
  if (!memory.prompts.includes(key)) return;
  memory.prompts = memory.prompts.filter((open) => open !== key);
  memory.broken = true;
  if (memory.prompts.length === 0) withdrawAll(draft);
  if (isRecord(payload.error)) {
    const detail = text(record(payload.error.data).agentStderr) ?? "";
    draft.cutTools();
    if (!memory.exitShown) draft.note(text(payload.error.message) ?? "The turn failed", detail, "error");
    return;
  }
  const stopReason = text(record(payload.result).stopReason);
  if (stopReason === undefined || stopReason === "end_turn") return;
  draft.cutTools();
  draft.note(...stopped(stopReason));
}

function stopped(reason: string): [title: string, detail: string, severity: "info" | "error"] {
  switch (reason) {
    case "cancelled":
      return ["Turn cancelled", "", "info"];
    case "max_tokens":
      return ["The answer reached the maximum length", "", "error"];
    case "max_turn_requests":
      return ["The turn reached the maximum number of requests", "", "error"];
    case "refusal":
      return ["The agent refused to continue", "", "error"];
    default:
      return [`Turn ended: ${reason}`, "", "info"];
  }
}

function takeFromAgent(draft: Draft, method: string, payload: UnknownRecord): void {
  const params = record(payload.params);
  switch (method) {
    case "session/update":
      takeUpdate(draft, record(params.update));
      return;
    case "session/request_permission":
      ask(draft, { rpcId: keyOf(payload.id) }, record(params.toolCall), params.options);
      return;
    case "_session/permission":
      takePermission(draft, params);
      return;
    case "_session/prompt":
      takePrompt(draft, params);
      return;
    case "_session/recovered":
      recovered(draft, params.recovery);
      return;
    case "_session/setting_lost":
      draft.note("A setting was not restored", text(params.message) ?? "", "error");
      return;
    case "_adapter/agent_exited":
      exited(draft, params);
      return;
    case "_adapter/gap":
      draft.note("Part of the agent's output is missing", "", "error");
      return;
    default:
      return;
  }
}

/** The outcome of most prompts follows from its request and response; these two cases have none. */
function takePrompt(draft: Draft, params: UnknownRecord): void {
  const { memory } = draft;
  const detail = text(record(params.error).message) ?? "";
  if (params.status === "running") {
    const id = text(params.id);
    if (id !== undefined) memory.runningId = id;
  } else if (params.status === "failed" && params.id !== memory.runningId) {
    draft.note("A prompt was not delivered to the agent", detail, "error");
  } else if (params.status === "interrupted") {
    memory.prompts = [];
    withdrawAll(draft);
    draft.cutTools();
    draft.note("The turn was interrupted", detail, "error");
  }
}

function recovered(draft: Draft, recovery: unknown): void {
  if (recovery === "replayed")
    draft.note("The agent was restarted with the history of the conversation", "", "info");
  else draft.note("The agent was restarted and remembers the conversation", "", "info");
}

function exited(draft: Draft, params: UnknownRecord): void {
  const busy = draft.memory.prompts.length > 0;
  withdrawAll(draft);
  draft.cutTools();
  draft.forgetTools();
  // An exit between two turns needs no entry: the server restarts the agent for the next prompt.
  if (params.success === true && !busy) return;
  const how =
    typeof params.signal === "string"
      ? `was terminated by ${params.signal}`
      : `exited with code ${String(params.code ?? params.exitCode ?? "unknown")}`;
  draft.note(`The agent ${how}`, text(params.stderr) ?? "", "error");
  draft.memory.exitShown = true;
}
