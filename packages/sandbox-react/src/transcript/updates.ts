import { asList, asRecord, asText, formatValue, isRecord, type UnknownRecord } from "../internal/values.ts";
import type { TranscriptEntry } from "../types.ts";
import { blockText, formatChanges, parseToolContent } from "./content.ts";
import type { Draft } from "./draft.ts";

/** Reduces one `session/update` of an agent. Unknown updates are skipped. */
export function applyUpdate(draft: Draft, update: UnknownRecord): void {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      appendChunk(draft, "message", "assistant", update);
      return;
    case "user_message_chunk":
      // During a turn it echoes a prompt that is already shown.
      if (draft.memory.prompts.length === 0) appendChunk(draft, "message", "user", update);
      return;
    case "agent_thought_chunk":
      appendChunk(draft, "reasoning", undefined, update);
      return;
    case "tool_call":
    case "tool_call_update":
      applyToolUpdate(draft, update);
      return;
    case "plan":
      applyPlan(draft, asList(update.entries));
      return;
    case "current_mode_update":
      draft.modeId = asText(update.currentModeId) ?? draft.modeId;
      return;
    case "session_info_update":
      if (typeof update.title === "string") draft.title = update.title;
      return;
    case "usage_update":
      if (typeof update.used === "number" && typeof update.size === "number")
        draft.context = { used: update.used, size: update.size };
      return;
    default:
      return;
  }
}

/** A chunk of a message or thought: appended to the current one, or starting a new one. */
function appendChunk(
  draft: Draft,
  kind: "message" | "reasoning",
  role: "user" | "assistant" | undefined,
  update: UnknownRecord,
): void {
  const chunk = blockText(update.content);
  if (chunk === "") return;
  const { memory } = draft;
  const index = draft.length - 1;
  const last = draft.at(index);
  const messageId = asText(update.messageId);
  const isOtherMessage =
    messageId !== undefined && memory.messageId !== undefined && messageId !== memory.messageId;
  const continues = !memory.isMessageComplete && !isOtherMessage && last?.kind === kind && last.role === role;
  if (continues && kind === "message") draft.update(index, { text: `${last.text ?? ""}${chunk}` });
  else if (continues) draft.update(index, { reasoning: { text: `${last.reasoning?.text ?? ""}${chunk}` } });
  else if (kind === "message") draft.add({ kind, text: chunk, ...(role === undefined ? {} : { role }) });
  else draft.add({ kind, reasoning: { text: chunk } });
  memory.isMessageComplete = false;
  if (messageId === undefined) delete memory.messageId;
  else memory.messageId = messageId;
}

/** A tool call starts or changes; each update contains only the differences. */
function applyToolUpdate(draft: Draft, update: UnknownRecord): void {
  const toolCallId = asText(update.toolCallId);
  if (toolCallId === undefined) return;
  const index = draft.toolIndex(toolCallId);
  const previous = index === undefined ? undefined : draft.at(index);
  const changes = toolFields(update, previous);
  draft.memory.isMessageComplete = true;
  if (index === undefined) {
    const fields = { toolName: toolCallId, toolStatus: "pending", ...changes };
    draft.trackTool(toolCallId, draft.add({ kind: "tool", ...fields }));
  } else draft.update(index, changes);
}

/** The fields of a tool entry that an update, or a question about the call, contains. */
function toolFields(update: UnknownRecord, previous: TranscriptEntry | undefined): Partial<TranscriptEntry> {
  const title = asText(update.title);
  const status = asText(update.status);
  const kind = asText(update.kind);
  const input = formatValue(update.rawInput);
  const { output, changes } = parseToolContent(update.content);
  const toolOutput =
    output || formatValue(update.rawOutput) || (previous?.toolOutput ?? "") || formatChanges(changes);
  return {
    ...(title === undefined || title === "" ? {} : { toolName: title }),
    ...(status === undefined ? {} : { toolStatus: status }),
    ...(kind === undefined ? {} : { toolKind: kind }),
    ...(input === "" ? {} : { toolInput: input }),
    ...(toolOutput === "" ? {} : { toolOutput: toolOutput }),
    ...(changes.length === 0 ? {} : { toolChanges: changes }),
  };
}

const checkmarks: Readonly<Record<string, string | undefined>> = { completed: "x", in_progress: "~" };

/** One entry per turn, which is updated with the plan. */
function applyPlan(draft: Draft, entries: readonly unknown[]): void {
  draft.plan = entries.filter(isRecord).map((entry) => ({
    content: asText(entry.content) ?? "",
    status: asText(entry.status) ?? "pending",
  }));
  const detail = draft.plan
    .map(({ content, status }) => `[${checkmarks[status] ?? " "}] ${content}`)
    .join("\n");
  const meta = { title: "Plan", detail, severity: "info" as const };
  const index = draft.memory.planIndex;
  if (index !== undefined && asRecord(draft.at(index)?.meta).title === "Plan") draft.update(index, { meta });
  else {
    draft.memory.isMessageComplete = true;
    draft.memory.planIndex = draft.add({ kind: "meta", meta });
  }
}
