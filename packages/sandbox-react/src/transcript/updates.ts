import { isRecord, list, record, shown, text, type UnknownRecord } from "../internal/values.ts";
import type { TranscriptEntry } from "../types.ts";
import { blockText, changesText, toolContent } from "./content.ts";
import type { Draft } from "./draft.ts";

/** Reduces one `session/update` of an agent. Unknown updates are skipped. */
export function takeUpdate(draft: Draft, update: UnknownRecord): void {
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      speak(draft, "message", "assistant", update);
      return;
    case "user_message_chunk":
      // During a turn it echoes a prompt that is already shown.
      if (draft.memory.prompts.length === 0) speak(draft, "message", "user", update);
      return;
    case "agent_thought_chunk":
      speak(draft, "reasoning", undefined, update);
      return;
    case "tool_call":
    case "tool_call_update":
      takeTool(draft, update);
      return;
    case "plan":
      takePlan(draft, list(update.entries));
      return;
    case "current_mode_update":
      draft.modeId = text(update.currentModeId) ?? draft.modeId;
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
function speak(
  draft: Draft,
  kind: "message" | "reasoning",
  role: "user" | "assistant" | undefined,
  update: UnknownRecord,
): void {
  const piece = blockText(update.content);
  if (piece === "") return;
  const { memory } = draft;
  const index = draft.length - 1;
  const last = draft.at(index);
  const messageId = text(update.messageId);
  const another = messageId !== undefined && memory.messageId !== undefined && messageId !== memory.messageId;
  const joins = !memory.broken && !another && last?.kind === kind && last.role === role;
  if (joins && kind === "message") draft.change(index, { text: `${last.text ?? ""}${piece}` });
  else if (joins) draft.change(index, { reasoning: { text: `${last.reasoning?.text ?? ""}${piece}` } });
  else if (kind === "message") draft.add({ kind, text: piece, ...(role === undefined ? {} : { role }) });
  else draft.add({ kind, reasoning: { text: piece } });
  memory.broken = false;
  if (messageId === undefined) delete memory.messageId;
  else memory.messageId = messageId;
}

/** A tool call starts or changes; each update contains only the differences. */
function takeTool(draft: Draft, update: UnknownRecord): void {
  const toolCallId = text(update.toolCallId);
  if (toolCallId === undefined) return;
  const index = draft.toolIndex(toolCallId);
  const known = index === undefined ? undefined : draft.at(index);
  const changes = toolFields(update, known);
  draft.memory.broken = true;
  if (index === undefined) {
    const fields = { toolName: toolCallId, toolStatus: "pending", ...changes };
    draft.openTool(toolCallId, draft.add({ kind: "tool", ...fields }));
  } else draft.change(index, changes);
}

/** The fields of a tool entry that an update, or a question about the call, contains. */
function toolFields(update: UnknownRecord, known: TranscriptEntry | undefined): Partial<TranscriptEntry> {
  const title = text(update.title);
  const status = text(update.status);
  const kind = text(update.kind);
  const input = shown(update.rawInput);
  const { output, changes } = toolContent(update.content);
  const said = output || shown(update.rawOutput) || (known?.toolOutput ?? "") || changesText(changes);
  return {
    ...(title === undefined || title === "" ? {} : { toolName: title }),
    ...(status === undefined ? {} : { toolStatus: status }),
    ...(kind === undefined ? {} : { toolKind: kind }),
    ...(input === "" ? {} : { toolInput: input }),
    ...(said === "" ? {} : { toolOutput: said }),
    ...(changes.length === 0 ? {} : { toolChanges: changes }),
  };
}

const marks: Readonly<Record<string, string | undefined>> = { completed: "x", in_progress: "~" };

/** One entry per turn, which is updated with the plan. */
function takePlan(draft: Draft, entries: readonly unknown[]): void {
  draft.plan = entries.filter(isRecord).map((entry) => ({
    content: text(entry.content) ?? "",
    status: text(entry.status) ?? "pending",
  }));
  const detail = draft.plan.map(({ content, status }) => `[${marks[status] ?? " "}] ${content}`).join("\n");
  const meta = { title: "Plan", detail, severity: "info" as const };
  const index = draft.memory.planIndex;
  if (index !== undefined && record(draft.at(index)?.meta).title === "Plan") draft.change(index, { meta });
  else {
    draft.memory.broken = true;
    draft.memory.planIndex = draft.add({ kind: "meta", meta });
  }
}
