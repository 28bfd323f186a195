import { HoldfastError } from "@holdfast/core";
import { safeValidateUIMessages, type UIMessage } from "ai";
import { invalidMessage, invalidRequest } from "../errors.ts";
import { chatLimits } from "../limits.ts";

/** What a client sends to have an answer: the request of the AI SDK's transports. */
export interface ChatRequest {
  readonly trigger: "submit-message" | "regenerate-message";
  readonly messageId: string | undefined;
  /** The last message of the conversation; undefined to make an answer again. */
  readonly message: UIMessage | undefined;
}

/** Throws `chat.request_too_large`, `chat.invalid_request`. */
export async function readBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  let size = 0;
  const chunks: Uint8Array[] = [];
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > chatLimits.maxRequestBytes) {
      const message = `A request of a chat has at most ${chatLimits.maxRequestBytes} bytes`;
      throw new HoldfastError("chat", "request_too_large", message, { statusCode: 413 });
    }
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  } catch {
    // The error below says what is wrong.
  }
  throw invalidRequest("its body is no JSON object");
}

/** Throws `chat.invalid_request`, `chat.invalid_message`. */
export async function readRequest(body: Readonly<Record<string, unknown>>): Promise<ChatRequest> {
  const { trigger = "submit-message", messageId } = body;
  if (trigger !== "submit-message" && trigger !== "regenerate-message")
    throw invalidRequest('its trigger is neither "submit-message" nor "regenerate-message"');
  if (messageId !== undefined && typeof messageId !== "string") throw invalidRequest("messageId is no text");
  const messages = Array.isArray(body.messages) ? (body.messages as unknown[]) : [body.message];
  const named = messages.find((message) => idOf(message) === messageId && roleOf(message) === "assistant");
  const given = named ?? messages.at(-1);
  if (trigger === "regenerate-message") return { trigger, messageId, message: undefined };
  return { trigger, messageId, message: await readMessage(given) };
}

/** Checks a message of a client. Throws `chat.invalid_message`. */
export async function readMessage(given: unknown): Promise<UIMessage> {
  if (typeof given !== "object" || given === null) throw invalidRequest("it has no message");
  if (Buffer.byteLength(JSON.stringify(given)) > chatLimits.maxMessageBytes)
    throw invalidMessage(`it is larger than ${chatLimits.maxMessageBytes} bytes`);
  const result = await safeValidateUIMessages({ messages: [given] });
  const message = result.success ? result.data[0] : undefined;
  if (message === undefined) throw invalidMessage("it is no message of the AI SDK");
  if (message.id.length === 0 || message.id.length > 200)
    throw invalidMessage("its id has 1 to 200 characters");
  if (message.role === "assistant") return message;
  if (message.role !== "user") throw invalidMessage("it is not of the user");
  for (const part of message.parts) {
    if (part.type === "text" || part.type.startsWith("data-")) continue;
    if (part.type !== "file") throw invalidMessage(`a part "${part.type}" is none of a user`);
    // Of other addresses the server would fetch whatever a client names.
    if (!part.url.startsWith("data:")) throw invalidMessage("a file is not a data URL");
  }
  if (!message.parts.some((part) => part.type !== "text" || part.text.trim() !== ""))
    throw invalidMessage("it is empty");
  return message;
}

function idOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "id" in message ? message.id : undefined;
}

function roleOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "role" in message ? message.role : undefined;
}
