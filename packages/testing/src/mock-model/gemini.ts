import {
  contentText,
  findCwd,
  isObject,
  type JsonObject,
  type OfferedTool,
  objects,
  parameterNames,
  type Turn,
  text,
} from "./conversation.ts";
import type { ToolCall } from "./tools.ts";
import { type Encoder, freshId, ReplyEncoder, type TextKind, type Wire } from "./wire.ts";

/** Parses a Gemini path: `/v1beta/models/MODEL:METHOD`. */
export function geminiCall(path: string): { readonly model: string; readonly method: string } | undefined {
  const [, model, method] =
    /^\/v1(?:beta|alpha)?\/models\/([^/:]+):(generateContent|streamGenerateContent|countTokens)$/.exec(
      path,
    ) ?? [];
  return model === undefined || method === undefined ? undefined : { model, method };
}

/** Gemini generateContent: https://ai.google.dev/api/generate-content, streamed with `alt=sse`. */
export const geminiWire: Wire = {
  parse(body, bodyBytes, path) {
    const call = geminiCall(path);
    const tools = new Map<string, OfferedTool>();
    for (const tool of objects(body["tools"])) {
      for (const { name, parametersJsonSchema, parameters } of objects(tool["functionDeclarations"])) {
        tools.set(text(name), {
          kind: "function",
          parameters: parameterNames(parametersJsonSchema ?? parameters),
        });
      }
    }
    const turns = objects(body["contents"]).flatMap(contentTurns);
    const instruction = isObject(body["systemInstruction"]) ? body["systemInstruction"]["parts"] : undefined;
    return {
      model: call?.model ?? "",
      stream: call?.method === "streamGenerateContent",
      turns,
      tools,
      cwd: findCwd([contentText(instruction), ...turns.map((turn) => turn.text)]),
      outputProperties: schemaNames(body["generationConfig"]),
      bodyBytes,
    };
  },
  encode: (conversation, usage) => new GeminiEncoder(conversation, usage),
  error: (status, message) => ({ error: { code: status, message, status: statusName(status) } }),
};

/** Makes each tool result a turn of its own, like the other providers. */
function contentTurns(content: JsonObject): readonly Turn[] {
  if (content["role"] === "model") return [{ role: "assistant", text: contentText(content["parts"]) }];
  return objects(content["parts"]).map((part) =>
    isObject(part["functionResponse"])
      ? { role: "tool", text: JSON.stringify(part["functionResponse"]["response"]) }
      : { role: "user", text: text(part["text"]) },
  );
}

function schemaNames(config: unknown): readonly string[] | undefined {
  if (!isObject(config) || config["responseMimeType"] !== "application/json") return undefined;
  return parameterNames(config["responseJsonSchema"] ?? config["responseSchema"]);
}

/** Names of google.rpc.Code by HTTP status. */
function statusName(status: number): string {
  const names: { readonly [status: number]: string } = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
  };
  return names[status] ?? "INTERNAL";
}

class GeminiEncoder extends ReplyEncoder implements Encoder {
  readonly #id = freshId("response");
  readonly #parts: JsonObject[] = [];

  start(): string {
    return "";
  }

  open(): string {
    return "";
  }

  delta(kind: TextKind, piece: string): string {
    return this.#frame([textPart(kind, piece)]);
  }

  close(kind: TextKind, whole: string): string {
    this.#parts.push(textPart(kind, whole));
    return "";
  }

  tool(call: ToolCall): string {
    const args: unknown = JSON.parse(call.input);
    const part = { functionCall: { id: freshId("call"), name: call.name, args } };
    this.#parts.push(part);
    return this.#frame([part]);
  }

  end(): string {
    return this.#frame([{ text: "" }], "STOP");
  }

  whole(): JsonObject {
    return this.#answer(this.#parts, "STOP");
  }

  #frame(parts: readonly JsonObject[], finishReason?: string): string {
    return `data: ${JSON.stringify(this.#answer(parts, finishReason))}\n\n`;
  }

  /** Every part of a stream repeats the usage so far. */
  #answer(parts: readonly JsonObject[], finishReason?: string): JsonObject {
    const { inputTokens, outputTokens } = this.usage;
    const candidate = { content: { role: "model", parts }, index: 0 };
    return {
      candidates: [finishReason === undefined ? candidate : { ...candidate, finishReason }],
      usageMetadata: {
        promptTokenCount: inputTokens,
        candidatesTokenCount: outputTokens,
        totalTokenCount: inputTokens + outputTokens,
      },
      modelVersion: this.model,
      responseId: this.#id,
    };
  }
}

function textPart(kind: TextKind, piece: string): JsonObject {
  return kind === "say" ? { text: piece } : { text: piece, thought: true };
}
