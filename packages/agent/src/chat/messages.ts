/**
 * Messages and stream chunks of a chat, in the shapes of `UIMessage` and `UIMessageChunk` of the Vercel AI SDK 7:
 * those that an agent can produce.
 */

/** A part of a message. */
export type UiPart =
  | { type: "text"; text: string; state?: "streaming" | "done" }
  | { type: "reasoning"; id?: string; text: string; state?: "streaming" | "done" }
  | { type: "file"; mediaType: string; url: string; filename?: string }
  | { type: "source-url"; sourceId: string; url: string; title?: string }
  | { type: "data-plan"; id?: string; data: PlanEntry[] }
  | UiToolPart;

interface UiToolCall {
  type: "dynamic-tool";
  /** The kind of the call: `read`, `edit`, `execute` and so on. */
  toolName: string;
  toolCallId: string;
  title?: string;
  /** Always true: the agent runs its tools itself. */
  providerExecuted?: boolean;
  input: unknown;
}

/** A call of a tool, in each of its states. */
export type UiToolPart = UiToolCall &
  (
    | { state: "input-available" }
    | { state: "approval-requested"; approval: { id: string } }
    | { state: "approval-responded"; approval: { id: string; approved: boolean } }
    | {
        state: "output-available";
        output: unknown;
        preliminary?: boolean;
        approval?: { id: string; approved: true };
      }
    | { state: "output-error"; errorText: string; approval?: { id: string; approved: true } }
    | { state: "output-denied"; approval: { id: string; approved: false } }
  );

/** A step of the agent's plan. */
export interface PlanEntry {
  content: string;
  priority: string;
  status: string;
}

/** What a message says of its turn. */
export interface UiMetadata {
  turn: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** A message of a person or of the agent. */
export interface UiMessage {
  id: string;
  role: "user" | "assistant";
  metadata: UiMetadata;
  parts: UiPart[];
}

/** A chunk of the stream of a turn. */
export type UiChunk =
  | { type: "start"; messageId: string; messageMetadata: UiMetadata }
  | { type: "text-start" | "text-end" | "reasoning-start" | "reasoning-end"; id: string }
  | { type: "text-delta" | "reasoning-delta"; id: string; delta: string }
  | { type: "file"; url: string; mediaType: string }
  | { type: "source-url"; sourceId: string; url: string; title?: string }
  | { type: "data-plan"; id: string; data: PlanEntry[] }
  | {
      type: "tool-input-available";
      toolCallId: string;
      toolName: string;
      input: unknown;
      title?: string;
      dynamic: true;
      providerExecuted: true;
    }
  | { type: "tool-approval-request"; approvalId: string; toolCallId: string }
  | { type: "tool-approval-response"; approvalId: string; approved: boolean }
  | { type: "tool-output-available"; toolCallId: string; output: unknown; preliminary?: boolean }
  | { type: "tool-output-error"; toolCallId: string; errorText: string }
  | { type: "tool-output-denied"; toolCallId: string }
  | { type: "error"; errorText: string }
  | { type: "abort"; reason?: string }
  | { type: "finish"; finishReason: "stop" | "length" | "content-filter" | "error" | "other" };

/** The text of a message, without what its tools say. */
export function textOf(message: UiMessage): string {
  return message.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}
