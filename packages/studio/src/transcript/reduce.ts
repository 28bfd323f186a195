/** A session's log reduced to a transcript. */
import type { SessionEvent } from "../contract.ts";
import {
  readAgentCommands,
  readAgentOptions,
  readConfigOptions,
  withChange,
  withMode,
} from "./agent-options.ts";
import { field, isRecord, list, text } from "./read.ts";
import { mergeToolCall } from "./tool-call.ts";
import type { Transcript, TranscriptItem } from "./types.ts";

/** Applies one event. Modifies `items` in place, which is the caller's copy. */
export function reduceEvent(
  transcript: Transcript,
  items: TranscriptItem[],
  event: SessionEvent,
): Transcript {
  const { body, at } = event;
  const id = `e${event.seq}`;
  switch (body.type) {
    case "acp":
      return body.direction === "to-agent"
        ? toAgent(transcript, body.envelope)
        : fromAgent(transcript, items, event, body.envelope);
    case "prompt":
      items.push({
        ...{ type: "prompt", id, at, text: body.text },
        ...(body.attachments === undefined ? {} : { attachments: body.attachments }),
      });
      // A plan is valid only for its turn.
      return endTextItem({ ...transcript, plan: [], running: true });
    case "agent-started": {
      const { reducerState } = transcript;
      const notice = startNotices[body.resumed];
      if (notice !== undefined) {
        items.push({ type: "notice", id, at, level: "info", kind: "agent-started", text: notice });
      }
      return {
        ...transcript,
        plan: [],
        reducerState: { incarnation: reducerState.incarnation + 1, startsNewItem: true },
      };
    }
    case "interrupted":
      items.push({ type: "notice", id, at, level: "warning", kind: "interrupted", text: body.reason });
      endOpenCalls(items, transcript.reducerState.incarnation);
      return endTextItem(transcript);
    case "note":
      items.push({ type: "notice", id, at, level: "warning", kind: "note", text: body.text });
      return endTextItem(transcript);
    case "approval-requested":
      items.push({ type: "approval", id, at, approval: body.approval, state: "waiting" });
      return endTextItem({
        ...transcript,
        pendingApprovals: [...transcript.pendingApprovals, body.approval],
      });
    case "approval-settled":
      settleApproval(items, body);
      return {
        ...transcript,
        pendingApprovals: transcript.pendingApprovals.filter((approval) => approval.id !== body.approvalId),
      };
    case "turn-ended":
      if (body.stopReason !== "end_turn") {
        const notice = stopNotices[body.stopReason] ?? `The turn ended: ${body.stopReason}.`;
        items.push({ type: "notice", id, at, level: "info", kind: "turn-ended", text: notice });
      }
      endOpenCalls(items, transcript.reducerState.incarnation);
      return endTextItem({ ...transcript, running: false });
    case "failed":
      items.push({ type: "failed", id, at, error: body.error });
      endOpenCalls(items, transcript.reducerState.incarnation);
      return endTextItem({ ...transcript, running: false });
    default:
      // Ignore record types of later versions.
      return transcript;
  }
}

const startNotices: Readonly<Record<string, string | undefined>> = {
  native: "A new agent process has resumed the session.",
  transcript: "A new agent process continues from the transcript, because it cannot load the session itself.",
};

const stopNotices: Readonly<Record<string, string | undefined>> = {
  cancelled: "The turn was stopped.",
  max_tokens: "The turn ended because the answer reached the model's length limit.",
  max_turn_requests: "The turn ended because the agent made too many requests to its model.",
  refusal: "The agent refused to continue.",
};

function endTextItem(transcript: Transcript): Transcript {
  return transcript.reducerState.startsNewItem
    ? transcript
    : { ...transcript, reducerState: { ...transcript.reducerState, startsNewItem: true } };
}

function toAgent(transcript: Transcript, envelope: unknown): Transcript {
  if (!isRecord(envelope)) return transcript;
  const { reducerState } = transcript;
  const id = requestId(envelope.id);
  if (envelope.method === "session/load")
    return { ...transcript, reducerState: { ...reducerState, loadRequestId: id } };
  if (envelope.method === "session/new")
    return { ...transcript, reducerState: { ...reducerState, newRequestId: id } };
  const options = withChange(transcript.options, envelope.method, envelope.params);
  return options === transcript.options ? transcript : { ...transcript, options };
}

function fromAgent(
  transcript: Transcript,
  items: TranscriptItem[],
  event: SessionEvent,
  envelope: unknown,
): Transcript {
  if (!isRecord(envelope)) return transcript;
  const { loadRequestId, ...reducerState } = transcript.reducerState;
  if (loadRequestId !== undefined) {
    const isAnswer = envelope.method === undefined && requestId(envelope.id) === loadRequestId;
    return isAnswer ? withOffer({ ...transcript, reducerState }, envelope.result) : transcript;
  }
  if (envelope.method === undefined && requestId(envelope.id) === transcript.reducerState.newRequestId) {
    const { newRequestId: _, ...rest } = reducerState;
    return withOffer({ ...transcript, reducerState: rest }, envelope.result);
  }
  if (envelope.method !== "session/update") return transcript;
  const update = field(field(envelope, "params"), "update");
  return isRecord(update) ? sessionUpdate(transcript, items, event, update) : transcript;
}

/** Takes the options from the answer that opened a session. */
function withOffer(transcript: Transcript, result: unknown): Transcript {
  return isRecord(result) ? { ...transcript, options: readAgentOptions(result) } : transcript;
}

function requestId(id: unknown): string {
  return JSON.stringify(id ?? null);
}

function sessionUpdate(
  transcript: Transcript,
  items: TranscriptItem[],
  event: SessionEvent,
  update: Readonly<Record<string, unknown>>,
): Transcript {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      return appendText(transcript, items, event, "message", blockText(update.content));
    case "agent_thought_chunk":
      return appendText(transcript, items, event, "thought", blockText(update.content));
    case "tool_call":
    case "tool_call_update":
      mergeToolCall(items, transcript.reducerState.incarnation, event, update);
      return endTextItem(transcript);
    case "plan":
      return { ...transcript, plan: readPlan(update.entries) };
    case "usage_update":
      return typeof update.used === "number" && typeof update.size === "number"
        ? { ...transcript, context: { used: update.used, size: update.size } }
        : transcript;
    case "session_info_update":
      return typeof update.title === "string"
        ? { ...transcript, title: text(update.title, 200) }
        : transcript;
    case "available_commands_update":
      return { ...transcript, commands: readAgentCommands(update.availableCommands) };
    case "config_option_update":
      return { ...transcript, options: mergeOptions(transcript.options, update.configOptions) };
    case "current_mode_update":
      items.push({
        type: "notice",
        id: `e${event.seq}`,
        at: event.at,
        level: "info",
        kind: "mode",
        text: `Mode: ${text(update.currentModeId, 100)}`,
      });
      return endTextItem({ ...transcript, options: withMode(transcript.options, update.currentModeId) });
    default:
      return transcript;
  }
}

/** The older models and modes stay beside config options of other categories. */
function mergeOptions(known: Transcript["options"], configOptions: unknown): Transcript["options"] {
  const options = readConfigOptions(configOptions);
  if (options.length === 0) return known;
  const isReplaced = (option: Transcript["options"][number]) =>
    options.some(({ id, category }) => id === option.id || category === option.category);
  return [...options, ...known.filter((option) => !isReplaced(option))];
}

function blockText(block: unknown): string {
  if (!isRecord(block)) return "";
  if (block.type === "text") return text(block.text);
  if (block.type === "resource_link") return `[${text(block.name, 200)}](${text(block.uri, 2_000)})`;
  return typeof block.type === "string" ? `[${block.type}]` : "";
}

function appendText(
  transcript: Transcript,
  items: TranscriptItem[],
  event: SessionEvent,
  type: "message" | "thought",
  addition: string,
): Transcript {
  if (addition === "") return transcript;
  const last = items.at(-1);
  if (!transcript.reducerState.startsNewItem && last?.type === type) {
    items[items.length - 1] = { ...last, text: last.text + addition };
  } else {
    items.push({ type, id: `e${event.seq}`, at: event.at, text: addition });
  }
  return transcript.reducerState.startsNewItem
    ? { ...transcript, reducerState: { ...transcript.reducerState, startsNewItem: false } }
    : transcript;
}

function readPlan(entries: unknown): Transcript["plan"] {
  return list(entries)
    .slice(0, 200)
    .filter(isRecord)
    .map((entry) => ({
      content: text(entry.content, 2_000),
      priority: oneOf(entry.priority, ["high", "medium", "low"] as const, "medium"),
      status: oneOf(entry.status, ["pending", "in_progress", "completed"] as const, "pending"),
    }));
}

function oneOf<Value extends string>(value: unknown, values: readonly Value[], fallback: Value): Value {
  return values.find((candidate) => candidate === value) ?? fallback;
}

function settleApproval(
  items: TranscriptItem[],
  settled: { readonly approvalId: string; readonly outcome: ApprovalOutcome; readonly optionId?: string },
): void {
  const index = items.findLastIndex(
    (item) => item.type === "approval" && item.approval.id === settled.approvalId,
  );
  const item = items[index];
  if (item?.type !== "approval") return;
  items[index] = {
    ...item,
    state: settled.outcome,
    ...(settled.optionId === undefined ? {} : { optionId: settled.optionId }),
  };
}

type ApprovalOutcome = "allowed" | "denied" | "expired" | "cancelled";

/** Marks unfinished tool calls as ended; otherwise they would appear to be running forever. */
function endOpenCalls(items: TranscriptItem[], incarnation: number): void {
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (item === undefined || item.type === "prompt") return;
    if (item.type !== "tool" || !item.id.startsWith(`t${incarnation}:`)) continue;
    if (item.status === "pending" || item.status === "in_progress") items[i] = { ...item, status: "failed" };
  }
}
