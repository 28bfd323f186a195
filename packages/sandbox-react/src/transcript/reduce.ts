import { asRecord, asText, isRecord, type UnknownRecord } from "../internal/values.ts";
import type { TranscriptEntry } from "../types.ts";
import { promptText } from "./content.ts";
import { Draft } from "./draft.ts";
import {
  addQuestion,
  assignPermissionId,
  cancelOpenQuestions,
  recordAnswer,
  recordPermission,
} from "./questions.ts";
import {
  createTranscript,
  type Transcript,
  type TranscriptEvent,
  type TranscriptPermissionRequest,
} from "./state.ts";
import { applyUpdate } from "./updates.ts";

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
    const sequence = event.sequence ?? event.eventIndex;
    if (sequence !== undefined && sequence <= draft.head) continue;
    changed = true;
    draft.memory.unnumberedEvents += 1;
    if (sequence !== undefined) draft.head = sequence;
    draft.beginEvent(event.id ?? String(sequence ?? draft.memory.unnumberedEvents), event.createdAt);
    if (isRecord(event.payload)) reduceMessage(draft, event.sender, event.payload);
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
  const isKnown = transcript.entries.some((entry) => entry.permission?.permissionId === request.id);
  if (isKnown) return transcript;
  const draft = new Draft(transcript);
  draft.beginEvent(`permission-${request.id}`, request.createdAt);
  const toolCall = asRecord(request.toolCall);
  // Callers that keep requests in a list pass answered ones, too.
  if (!assignPermissionId(draft, request.id, asText(toolCall.toolCallId), request.createdAt))
    addQuestion(draft, { permissionId: request.id }, toolCall, request.options);
  return draft.finish();
}

function reduceMessage(draft: Draft, sender: TranscriptEvent["sender"], payload: UnknownRecord): void {
  const method = asText(payload.method);
  if (method === undefined) {
    if (sender === "client") recordAnswer(draft, idKey(payload.id), payload.result);
    else reduceResponse(draft, idKey(payload.id), payload);
  } else if (sender === "client") reduceRequest(draft, method, payload);
  else if (draft.memory.loading !== undefined && method === "session/update") return;
  else reduceAgentMessage(draft, method, payload);
}

/** A text and a number are different ids. */
function idKey(id: unknown): string {
  return JSON.stringify(id) ?? "";
}

function reduceRequest(draft: Draft, method: string, payload: UnknownRecord): void {
  const { memory } = draft;
  if (method === "session/prompt") {
    const prompt = promptText(asRecord(payload.params).prompt);
    memory.prompts = [...memory.prompts, idKey(payload.id)];
    memory.isMessageComplete = true;
    memory.exitShown = false;
    delete memory.planIndex;
    if (prompt !== "") draft.add({ kind: "message", role: "user", text: prompt });
  } else if (method === "session/load") memory.loading = idKey(payload.id);
  else if (method === "initialize") {
    // A new process: pending requests get no answers, and tool call ids may repeat.
    memory.prompts = [];
    draft.forgetTools();
  }
}

/** A response of the agent, or of the server on its behalf. */
function reduceResponse(draft: Draft, key: string, payload: UnknownRecord): void {
  const { memory } = draft;
  if (memory.loading === key) {
    delete memory.loading;
    return;
  }
  if (!memory.prompts.includes(key)) return;
  memory.prompts = memory.prompts.filter((open) => open !== key);
  memory.isMessageComplete = true;
  if (memory.prompts.length === 0) cancelOpenQuestions(draft);
  if (isRecord(payload.error)) {
    const detail = asText(asRecord(payload.error.data).agentStderr) ?? "";
    draft.cancelRunningTools();
    if (!memory.exitShown) draft.addNote(asText(payload.error.message) ?? "The turn failed", detail, "error");
    return;
  }
  const stopReason = asText(asRecord(payload.result).stopReason);
  if (stopReason === undefined || stopReason === "end_turn") return;
  draft.cancelRunningTools();
  draft.addNote(...describeStop(stopReason));
}

function describeStop(reason: string): [title: string, detail: string, severity: "info" | "error"] {
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

function reduceAgentMessage(draft: Draft, method: string, payload: UnknownRecord): void {
  const params = asRecord(payload.params);
  switch (method) {
    case "session/update":
      applyUpdate(draft, asRecord(params.update));
      return;
    case "session/request_permission":
      addQuestion(draft, { rpcId: idKey(payload.id) }, asRecord(params.toolCall), params.options);
      return;
    case "_session/permission":
      recordPermission(draft, params);
      return;
    case "_session/prompt":
      reducePromptStatus(draft, params);
      return;
    case "_session/recovered":
      addRecoveryNote(draft, params.recovery);
      return;
    case "_session/setting_lost":
      draft.addNote("A setting was not restored", asText(params.message) ?? "", "error");
      return;
    case "_adapter/agent_exited":
      reduceExit(draft, params);
      return;
    case "_adapter/gap":
      draft.addNote("Part of the agent's output is missing", "", "error");
      return;
    default:
      return;
  }
}

/** The outcome of most prompts follows from its request and response; these two cases have none. */
function reducePromptStatus(draft: Draft, params: UnknownRecord): void {
  const { memory } = draft;
  const detail = asText(asRecord(params.error).message) ?? "";
  if (params.status === "running") {
    const id = asText(params.id);
    if (id !== undefined) memory.runningId = id;
  } else if (params.status === "failed" && params.id !== memory.runningId) {
    draft.addNote("A prompt was not delivered to the agent", detail, "error");
  } else if (params.status === "interrupted") {
    memory.prompts = [];
    cancelOpenQuestions(draft);
    draft.cancelRunningTools();
    draft.addNote("The turn was interrupted", detail, "error");
  }
}

function addRecoveryNote(draft: Draft, recovery: unknown): void {
  if (recovery === "replayed")
    draft.addNote("The agent was restarted with the history of the conversation", "", "info");
  else draft.addNote("The agent was restarted and remembers the conversation", "", "info");
}

function reduceExit(draft: Draft, params: UnknownRecord): void {
  const wasRunning = draft.memory.prompts.length > 0;
  cancelOpenQuestions(draft);
  draft.cancelRunningTools();
  draft.forgetTools();
  // An exit between two turns needs no entry: the server restarts the agent for the next prompt.
  if (params.success === true && !wasRunning) return;
  const how =
    typeof params.signal === "string"
      ? `was terminated by ${params.signal}`
      : `exited with code ${String(params.code ?? params.exitCode ?? "unknown")}`;
  draft.addNote(`The agent ${how}`, asText(params.stderr) ?? "", "error");
  draft.memory.exitShown = true;
}
