import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { anthropicWire } from "./anthropic.ts";
import { chatWire } from "./chat.ts";
import { type Conversation, isObject, type JsonObject } from "./conversation.ts";
import { geminiCall, geminiWire } from "./gemini.ts";
import { nextReply, type Reply, type ReplyPart, splitText } from "./reply.ts";
import { responsesWire } from "./responses.ts";
import { StreamHolds } from "./stream-holds.ts";
import type { Encoder, Wire } from "./wire.ts";

export interface MockModelOptions {
  /** Default: a free port. */
  readonly port?: number;
  /** A request without exactly this key gets 401. A provider without a key here accepts any. */
  readonly apiKeys?: { readonly anthropic?: string; readonly openai?: string; readonly google?: string };
  /** Called with every request once it is answered or its client has disconnected. */
  readonly onRequest?: (request: MockRequest) => void;
}

/** Record of one request and its outcome. */
export interface MockRequest {
  readonly method: string;
  readonly path: string;
  readonly provider: "anthropic" | "openai" | "google" | undefined;
  /** Whether the key was correct; "missing" when there was none. */
  readonly key: "accepted" | "wrong" | "missing" | "unchecked";
  readonly model: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Names of the tools that the client offered. */
  readonly tools: readonly string[];
  /** Text of all user messages, for assertions about what left the jail. */
  readonly prompt: string;
  readonly usage: Reply["usage"] | undefined;
}

export interface MockModel {
  /** `http://127.0.0.1:PORT`, without a path. */
  readonly url: string;
  readonly port: number;
  /** All requests so far, oldest first. */
  readonly requests: readonly MockRequest[];
  /** Resolves when a stream waits at the step `{ hold: name }`. */
  held(name: string, signal?: AbortSignal): Promise<void>;
  /** Releases every stream that waits at `name`, now or later. */
  release(name: string): void;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Starts a mock language model on loopback, which plays the script in its prompt. */
export async function startMockModel(options: MockModelOptions = {}): Promise<MockModel> {
  const requests: MockRequest[] = [];
  const holds = new StreamHolds();
  const counts = new Map<string, number>();
  const server: Server = createServer((request, response) => {
    handle(request, response, { options, holds, counts }).then(
      (record) => {
        requests.push(record);
        options.onRequest?.(record);
      },
      // Reached only when a client disconnects while its body is read.
      () => response.destroy(),
    );
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the mock model has no TCP address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    held: (name, signal) => holds.held(name, signal),
    release: (name) => holds.release(name),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Context {
  readonly options: MockModelOptions;
  readonly holds: StreamHolds;
  /** Failures so far of replies that fail "the first N times". */
  readonly counts: Map<string, number>;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<MockRequest> {
  const path = new URL(request.url ?? "/", "http://mock").pathname;
  const body = await readBody(request);
  const provider = providerOf(path, request);
  const key = checkKey(request, provider, context.options.apiKeys);
  const wire = wireOf(path, provider);
  const seen = { method: request.method ?? "", path, provider, key, headers: request.headers };
  const none = { model: "", tools: [], prompt: "", usage: undefined };
  const refuse = (status: number, message: string): MockRequest => {
    sendJson(response, status, (wire ?? responsesWire).error(status, message));
    return { ...seen, ...none, status };
  };
  if (key === "wrong" || key === "missing") return refuse(401, "invalid x-api-key or bearer token");
  if (request.method === "GET" && path.endsWith("/models")) {
    sendJson(response, 200, modelList(provider));
    return { ...seen, ...none, status: 200 };
  }
  if (request.method !== "POST" || wire === undefined)
    return refuse(404, `no route ${request.method} ${path}`);
  const parsed = parseJson(body);
  if (parsed === undefined) return refuse(400, "the body is not a JSON object");
  const conversation = wire.parse(parsed, body.length, path);
  const facts = {
    model: conversation.model,
    tools: [...conversation.tools.keys()],
    prompt: conversation.turns.map((turn) => turn.text).join("\n"),
  };
  if (path.endsWith("/count_tokens")) {
    sendJson(response, 200, { input_tokens: Math.ceil(body.length / 4) });
    return { ...seen, ...facts, status: 200, usage: undefined };
  }
  if (path.endsWith(":countTokens")) {
    sendJson(response, 200, { totalTokens: Math.ceil(body.length / 4) });
    return { ...seen, ...facts, status: 200, usage: undefined };
  }
  const reply = nextReply(conversation);
  const failure = reply.parts.find(
    (part) => part.type === "fail" && isFailureDue(part.times, `fail:${reply.position}`, context),
  );
  if (failure?.type === "fail")
    return { ...refuse(failure.status, `scripted failure ${failure.status}`), ...facts };
  await play(reply, conversation, wire, response, context);
  return { ...seen, ...facts, status: 200, usage: reply.usage };
}

async function play(
  reply: Reply,
  conversation: Conversation,
  wire: Wire,
  response: ServerResponse,
  context: Context,
): Promise<void> {
  const encoder = wire.encode(conversation, reply.usage);
  const write = (frames: string): void => {
    if (conversation.stream && frames !== "") response.write(frames);
  };
  if (conversation.stream) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  }
  write(encoder.start());
  for (const part of reply.parts) {
    const proceed = await playPart(part, reply, encoder, write, response, context);
    if (!proceed) return;
  }
  const end = encoder.end();
  if (conversation.stream) response.end(end);
  else sendJson(response, 200, encoder.whole());
}

/** Writes one part. False when the stream is over: aborted by the script, or closed by the client. */
async function playPart(
  part: ReplyPart,
  reply: Reply,
  encoder: Encoder,
  write: (frames: string) => void,
  response: ServerResponse,
  context: Context,
): Promise<boolean> {
  switch (part.type) {
    case "think":
    case "say":
      write(encoder.open(part.type));
      for (const piece of splitText(part.text, part.type === "say" ? part.pieces : 2)) {
        write(encoder.delta(part.type, piece));
        if (part.type === "say" && part.delayMs > 0) await delay(part.delayMs);
        if (response.destroyed) return false;
      }
      write(encoder.close(part.type, part.text));
      return true;
    case "tool":
      write(encoder.tool(part.call));
      return true;
    case "hold":
      await context.holds.wait(part.name, response);
      return !response.destroyed;
    case "cut":
      if (!isFailureDue(part.times, `cut:${reply.position}`, context)) return true;
      // An immediate destroy would drop buffered bytes.
      response.write(": cut\n\n", () => response.destroy());
      return false;
    case "fail":
      return true;
  }
}

function isFailureDue(times: number, position: string, { counts }: Context): boolean {
  const count = counts.get(position) ?? 0;
  if (count >= times) return false;
  counts.set(position, count + 1);
  return true;
}

function providerOf(path: string, request: IncomingMessage): MockRequest["provider"] {
  if (path.endsWith("/messages") || path.endsWith("/messages/count_tokens")) return "anthropic";
  if (path.endsWith("/responses") || path.endsWith("/chat/completions")) return "openai";
  if (geminiCall(path) !== undefined) return "google";
  if (!path.endsWith("/models")) return undefined;
  if (path === "/v1beta/models") return "google";
  return request.headers["anthropic-version"] === undefined ? "openai" : "anthropic";
}

function wireOf(path: string, provider: MockRequest["provider"]): Wire | undefined {
  if (provider === "anthropic") return anthropicWire;
  if (provider === "google") return geminiWire;
  if (path.endsWith("/responses")) return responsesWire;
  return path.endsWith("/chat/completions") ? chatWire : undefined;
}

function checkKey(
  request: IncomingMessage,
  provider: MockRequest["provider"],
  keys: MockModelOptions["apiKeys"],
): MockRequest["key"] {
  const expected = provider === undefined ? undefined : keys?.[provider];
  if (expected === undefined) return "unchecked";
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const header = request.headers[provider === "google" ? "x-goog-api-key" : "x-api-key"];
  const presented = [bearer, typeof header === "string" ? header : undefined].filter(
    (key) => key !== undefined,
  );
  if (presented.length === 0) return "missing";
  return presented.every((key) => key === expected) ? "accepted" : "wrong";
}

function modelList(provider: MockRequest["provider"]): JsonObject {
  if (provider === "anthropic") {
    const data = [
      { type: "model", id: "claude-mock", display_name: "Mock", created_at: "2026-01-01T00:00:00Z" },
    ];
    return { data, has_more: false, first_id: "claude-mock", last_id: "claude-mock" };
  }
  if (provider === "google") {
    const supportedGenerationMethods = ["generateContent", "countTokens"];
    return {
      models: [{ name: "models/gemini-mock", displayName: "Mock", supportedGenerationMethods }],
    };
  }
  return {
    object: "list",
    data: [{ id: "mock", object: "model", created: 0, owned_by: "mock" }],
    models: [],
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new Error("the request body is too large");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
