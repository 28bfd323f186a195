import {
  contentText,
  findCwd,
  isObject,
  type JsonObject,
  type OfferedTool,
  objects,
  outputProperties,
  parameterNames,
  type Turn,
  text,
} from "./conversation.ts";
import type { ToolCall } from "./tools.ts";
import { type Encoder, freshId, ReplyEncoder, type TextKind, typedFrame, type Wire } from "./wire.ts";

/** Anthropic Messages: https://platform.claude.com/docs/en/api/messages and its streaming page. */
export const anthropicWire: Wire = {
  parse(body, bodyBytes) {
    const messages = objects(body["messages"]);
    const tools = new Map<string, OfferedTool>();
    for (const tool of objects(body["tools"])) {
      tools.set(text(tool["name"]), { kind: "function", parameters: parameterNames(tool["input_schema"]) });
    }
    const turns = messages.flatMap(messageTurns);
    return {
      model: text(body["model"]),
      stream: body["stream"] === true,
      turns,
      tools,
      cwd: findCwd([contentText(body["system"]), ...turns.map((turn) => turn.text)]),
      outputProperties: outputProperties(
        isObject(body["output_config"]) ? body["output_config"]["format"] : body["output_format"],
      ),
      bodyBytes,
    };
  },
  encode: (conversation, usage) => new AnthropicEncoder(conversation, usage),
  error: (status, message) => ({ type: "error", error: { type: errorType(status), message } }),
};

function messageTurns(message: JsonObject): readonly Turn[] {
  if (message["role"] === "assistant") return [{ role: "assistant", text: contentText(message["content"]) }];
  if (typeof message["content"] === "string") return [{ role: "user", text: message["content"] }];
  return objects(message["content"]).map((part) =>
    part["type"] === "tool_result"
      ? { role: "tool", text: contentText(part["content"]) }
      : { role: "user", text: text(part["text"]) },
  );
}

function errorType(status: number): string {
  const types: { readonly [status: number]: string } = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
  };
  return types[status] ?? "api_error";
}

class AnthropicEncoder extends ReplyEncoder implements Encoder {
  readonly #id = freshId("msg");
  readonly #content: JsonObject[] = [];
  #stopReason = "end_turn";

  start(): string {
    const message = { ...this.#message([], null), usage: this.#usageFields(1) };
    return typedFrame({ type: "message_start", message });
  }

  open(kind: TextKind): string {
    const block =
      kind === "say" ? { type: "text", text: "" } : { type: "thinking", thinking: "", signature: "" };
    return typedFrame({ type: "content_block_start", index: this.#content.length, content_block: block });
  }

  delta(kind: TextKind, piece: string): string {
    const delta =
      kind === "say" ? { type: "text_delta", text: piece } : { type: "thinking_delta", thinking: piece };
    return typedFrame({ type: "content_block_delta", index: this.#content.length, delta });
  }

  close(kind: TextKind, whole: string): string {
    const index = this.#content.length;
    const stop = typedFrame({ type: "content_block_stop", index });
    if (kind === "say") {
      this.#content.push({ type: "text", text: whole });
      return stop;
    }
    const delta = { type: "signature_delta", signature: "bW9jaw==" };
    this.#content.push({ type: "thinking", thinking: whole, signature: delta.signature });
    return typedFrame({ type: "content_block_delta", index, delta }) + stop;
  }

  tool(call: ToolCall): string {
    const index = this.#content.length;
    const block = { type: "tool_use", id: freshId("toolu"), name: call.name };
    const input: unknown = JSON.parse(call.input);
    this.#content.push({ ...block, input });
    this.#stopReason = "tool_use";
    const delta = { type: "input_json_delta", partial_json: call.input };
    return (
      typedFrame({ type: "content_block_start", index, content_block: { ...block, input: {} } }) +
      typedFrame({ type: "content_block_delta", index, delta }) +
      typedFrame({ type: "content_block_stop", index })
    );
  }

  end(): string {
    const delta = { stop_reason: this.#stopReason, stop_sequence: null };
    const usage = { output_tokens: this.usage.outputTokens };
    return typedFrame({ type: "message_delta", delta, usage }) + typedFrame({ type: "message_stop" });
  }

  whole(): JsonObject {
    const usage = this.#usageFields(this.usage.outputTokens);
    return { ...this.#message(this.#content, this.#stopReason), usage };
  }

  #message(content: readonly JsonObject[], stopReason: string | null): JsonObject {
    return {
      id: this.#id,
      type: "message",
      role: "assistant",
      model: this.model,
      content,
      stop_reason: stopReason,
      stop_sequence: null,
    };
  }

  #usageFields(outputTokens: number): JsonObject {
    return {
      input_tokens: this.usage.inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: outputTokens,
    };
  }
}
