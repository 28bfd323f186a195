import { agentLimits } from "../limits.ts";
import { asRecord, isRecord, type JsonRecord, textField } from "./json.ts";
import type { PlanEntry, UiChunk, UiMetadata } from "./messages.ts";

type Emit = (chunk: UiChunk) => void;

/** How a turn ended, as the stream says it. */
export type TurnEnding =
  | { readonly kind: "completed"; readonly stopReason: string }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly message: string };

const finishReasons: Readonly<Record<string, "stop" | "length" | "content-filter">> = {
  end_turn: "stop",
  max_tokens: "length",
  max_turn_requests: "length",
  refusal: "content-filter",
};

/**
 * Writes the updates of an agent (ACP) as chunks of a UI message stream. The same updates give the same chunks, so
 * that the stream of an interrupted turn is made again from its log.
 */
export class ChunkWriter {
  readonly #emit: Emit;
  #open: { readonly type: "text" | "reasoning"; readonly id: string } | undefined;
  #streamed = 0;
  /** Calls without an output yet, with the input that was shown last. */
  readonly #running = new Map<string, { readonly shown: string; isWaiting: boolean }>();
  /** Calls that a person has refused. */
  readonly #refused = new Set<string>();
  readonly #approvals = new Map<string, string>();
  readonly #names = new Map<string, { toolName: string; title: string | undefined; input: unknown }>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  start(messageId: string, metadata: UiMetadata): void {
    this.#emit({ type: "start", messageId, messageMetadata: metadata });
  }

  /** Takes the `update` of a `session/update`. Kinds that a chat does not show are left out. */
  update(update: JsonRecord): void {
    switch (update.sessionUpdate) {
      case "agent_message_chunk":
        this.#content("text", asRecord(update.content));
        return;
      case "agent_thought_chunk":
        this.#content("reasoning", asRecord(update.content));
        return;
      case "plan":
        this.#emit({ type: "data-plan", id: "plan", data: planEntries(update.entries) });
        return;
      case "tool_call":
      case "tool_call_update":
        this.#toolCall(update);
        return;
      default:
        return;
    }
  }

  /** A question of permission; the call may not have been reported yet. */
  requestApproval(approvalId: string, toolCall: JsonRecord): void {
    const toolCallId = textField(toolCall, "toolCallId") ?? approvalId;
    this.#show(toolCallId, toolCall);
    this.#approvals.set(approvalId, toolCallId);
    const running = this.#running.get(toolCallId);
    if (running) running.isWaiting = true;
    this.#emit({ type: "tool-approval-request", approvalId, toolCallId });
  }

  answerApproval(approvalId: string, approved: boolean): void {
    const toolCallId = this.#approvals.get(approvalId);
    if (toolCallId === undefined) return;
    this.#approvals.delete(approvalId);
    if (!approved) this.#refused.add(toolCallId);
    this.#emit({ type: "tool-approval-response", approvalId, approved });
  }

  end(ending: TurnEnding): void {
    this.#close();
    const why = ending.kind === "completed" ? "The turn has ended" : "The turn was interrupted";
    for (const toolCallId of [...this.#running.keys()]) this.#fail(toolCallId, why);
    if (ending.kind === "failed") this.#emit({ type: "error", errorText: ending.message });
    else if (ending.kind === "cancelled") this.#emit({ type: "abort", reason: "cancelled" });
    const finishReason =
      ending.kind === "completed"
        ? (finishReasons[ending.stopReason] ?? "other")
        : ending.kind === "failed"
          ? "error"
          : "other";
    this.#emit({ type: "finish", finishReason });
  }

  #content(type: "text" | "reasoning", content: JsonRecord): void {
    const [data, mediaType, uri] = ["data", "mimeType", "uri"].map((name) => textField(content, name));
    if (content.type === "text") this.#stream(type, textField(content, "text") ?? "");
    else if (data !== undefined && mediaType !== undefined) {
      this.#close();
      this.#emit({ type: "file", url: `data:${mediaType};base64,${data}`, mediaType });
    } else if (uri !== undefined) {
      this.#close();
      const title = textField(content, "title") ?? textField(content, "name");
      this.#emit({ type: "source-url", sourceId: uri, url: uri, ...(title === undefined ? {} : { title }) });
    }
  }

  #stream(type: "text" | "reasoning", delta: string): void {
    if (this.#open?.type !== type) {
      this.#close();
      this.#streamed += 1;
      this.#open = { type, id: String(this.#streamed) };
      this.#emit({ type: `${type}-start`, id: this.#open.id });
    }
    this.#emit({ type: `${type}-delta`, id: this.#open.id, delta });
  }

  #close(): void {
    if (this.#open) this.#emit({ type: `${this.#open.type}-end`, id: this.#open.id });
    this.#open = undefined;
  }

  #toolCall(update: JsonRecord): void {
    const toolCallId = textField(update, "toolCallId");
    if (toolCallId === undefined) return;
    this.#show(toolCallId, update);
    const output = outputOf(update);
    if (update.status === "completed") {
      this.#running.delete(toolCallId);
      this.#emit({ type: "tool-output-available", toolCallId, output });
    } else if (update.status === "failed") {
      this.#fail(toolCallId, outputText(update) || "The call failed");
    } else if (update.status === "in_progress" && output !== null) {
      this.#emit({ type: "tool-output-available", toolCallId, output, preliminary: true });
    }
  }

  /** Shows a call, anew when its name or input has changed. */
  #show(toolCallId: string, update: JsonRecord): void {
    const before = this.#names.get(toolCallId);
    const named = {
      toolName: textField(update, "kind") ?? before?.toolName ?? "other",
      title: textField(update, "title") ?? before?.title,
      input: inputOf(update) ?? before?.input ?? {},
    };
    const shown = JSON.stringify(named);
    if (before !== undefined && JSON.stringify(before) === shown) return;
    this.#names.set(toolCallId, named);
    const running = this.#running.get(toolCallId);
    // What waits for an answer, or has its output, keeps that state.
    if (before !== undefined && running?.isWaiting !== false) return;
    this.#close();
    this.#running.set(toolCallId, { shown, isWaiting: false });
    const { toolName, title, input } = named;
    this.#emit({
      ...{ type: "tool-input-available", toolCallId, toolName, input },
      ...(title === undefined ? {} : { title }),
      ...{ dynamic: true, providerExecuted: true },
    });
  }

  #fail(toolCallId: string, errorText: string): void {
    this.#running.delete(toolCallId);
    if (this.#refused.has(toolCallId)) this.#emit({ type: "tool-output-denied", toolCallId });
    else this.#emit({ type: "tool-output-error", toolCallId, errorText });
  }
}

function planEntries(entries: unknown): PlanEntry[] {
  if (!Array.isArray(entries)) return [];
  return entries.map(asRecord).map((entry) => ({
    content: textField(entry, "content") ?? "",
    priority: textField(entry, "priority") ?? "medium",
    status: textField(entry, "status") ?? "pending",
  }));
}

/** The input of a call, with the changes that an agent shows before it makes them. */
function inputOf({ rawInput, content, status }: JsonRecord): unknown {
  if (rawInput === undefined && !Array.isArray(content)) return undefined;
  const isProposed = status === "pending" && Array.isArray(content);
  const changes = isProposed ? content.filter((block: unknown) => asRecord(block).type === "diff") : [];
  if (changes.length === 0) return rawInput;
  const input = isRecord(rawInput) ? rawInput : {};
  const size = JSON.stringify(changes).length;
  return size > agentLimits.maxToolOutputBytes ? input : { ...input, changes };
}

/** What a call has put out so far: its content and its raw output, null for neither. */
function outputOf({ content, rawOutput }: JsonRecord): unknown {
  if (!Array.isArray(content) && rawOutput === undefined) return null;
  const output = { content: Array.isArray(content) ? content : [], rawOutput: rawOutput ?? null };
  const size = JSON.stringify(output).length;
  if (size <= agentLimits.maxToolOutputBytes) return output;
  const text = outputText({ content, rawOutput }).slice(0, agentLimits.maxToolOutputBytes);
  return { content: [{ type: "content", content: { type: "text", text } }], rawOutput: null, cut: true };
}

function outputText({ content, rawOutput }: JsonRecord): string {
  const texts = (Array.isArray(content) ? content : []).flatMap((block: unknown) => {
    const { content: inner, path, newText } = asRecord(block);
    const text = textField(asRecord(inner), "text");
    if (text !== undefined) return [text];
    return typeof path === "string" ? [`${path}\n${typeof newText === "string" ? newText : ""}`] : [];
  });
  if (texts.length > 0) return texts.join("\n");
  return rawOutput === undefined ? "" : JSON.stringify(rawOutput);
}
