import { isRecord } from "../http/problem.ts";
import { isNestedDeeper, maxNesting } from "../internal/json-nesting.ts";

/** The parts of a JSON-RPC message that the server reads; the text itself is passed on verbatim. */
export interface Message {
  readonly raw: string;
  readonly kind: "request" | "notification" | "response";
  readonly method?: string;
  /** Map key of the id, equal for equal ids; absent without an id. */
  readonly key?: string;
  /** The id as JSON text, for a request or response. */
  readonly idText?: string;
  /** The agent's session id: `params.sessionId` if it is a string. */
  readonly sessionId?: string;
}

/** A request with its id, which its answer must repeat. */
export type RequestMessage = Message & { readonly key: string; readonly idText: string };

/** Returns `message` as a request; undefined if it is of another kind. */
export function asRequest(message: Message): RequestMessage | undefined {
  const { kind, key, idText } = message;
  if (kind !== "request" || key === undefined || idText === undefined) return undefined;
  return { ...message, key, idText };
}

/**
 * Parses a JSON-RPC message; undefined when `raw` is not a JSON object. Throws SyntaxError for invalid JSON
 * and for more than {@link maxNesting} levels.
 */
export function readMessage(raw: string): Message | undefined {
  if (isNestedDeeper(raw, maxNesting)) throw new SyntaxError(`nested deeper than ${maxNesting} levels`);
  const value: unknown = JSON.parse(raw);
  if (!isRecord(value)) return undefined;
  const method = typeof value.method === "string" ? value.method : undefined;
  const sessionId = isRecord(value.params) ? value.params.sessionId : undefined;
  const fields = {
    ...(method === undefined ? {} : { method }),
    ...(typeof sessionId === "string" ? { sessionId } : {}),
  };
  if (!Object.hasOwn(value, "id")) return { raw, kind: "notification", ...fields };
  const idText = readIdText(raw, value.id);
  const kind = method === undefined && !isWrongRequest(value) ? "response" : "request";
  return { raw, kind, key: idKey(value.id, idText), idText, ...fields };
}

/**
 * True for an invalid request: its `method` is not a string (JSON-RPC 2.0, section 4). The receiver has to
 * refuse it, even with a `result` beside it. A response with `method: null`, from a writer that emits all
 * members, stays a response.
 */
export function isWrongRequest(value: Readonly<Record<string, unknown>>): boolean {
  const has = (name: string) => Object.hasOwn(value, name);
  if (!has("method") || typeof value.method === "string") return false;
  return value.method !== null || !(has("result") || has("error"));
}

/** Returns `raw` with its id replaced by the JSON text `idText`. Everything else stays unchanged. */
export function withId(raw: string, idText: string): string {
  const span = findMemberSpan(raw, "id");
  return span ? raw.slice(0, span.start) + idText + raw.slice(span.end) : raw;
}

/** Adds `agentStderr` to the data of an error response, unless its data is not an object. */
export function withStderr(raw: string, stderr: string): string {
  if (stderr === "") return raw;
  const value: unknown = JSON.parse(raw);
  if (!isRecord(value) || !isRecord(value.error)) return raw;
  const data = value.error.data;
  if (data !== undefined && !isRecord(data)) return raw;
  const error = { ...value.error, data: { ...data, agentStderr: stderr } };
  const span = findMemberSpan(raw, "error");
  return span ? raw.slice(0, span.start) + JSON.stringify(error) + raw.slice(span.end) : raw;
}

/** Numbers beyond 2^53 keep their digits only in the text. */
function readIdText(raw: string, id: unknown): string {
  if (typeof id === "number" && !Number.isSafeInteger(id)) {
    const span = findMemberSpan(raw, "id");
    if (span) return raw.slice(span.start, span.end);
  }
  return JSON.stringify(id);
}

function idKey(id: unknown, idText: string): string {
  return typeof id === "string" ? `s${id}` : `v${idText}`;
}

/**
 * The span of the value of a top-level member in a valid JSON object. Of duplicates, the last one counts, as in
 * JSON.parse.
 */
function findMemberSpan(text: string, name: string): { start: number; end: number } | undefined {
  let span: { start: number; end: number } | undefined;
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    if (key === name) span = { start, end };
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return span;
}

function skipSpace(text: string, at: number): number {
  let index = at;
  while (index < text.length && " \t\r\n".includes(text.charAt(index))) index += 1;
  return index;
}

function skipString(text: string, at: number): number {
  let index = at + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index + 1;
}

function skipValue(text: string, at: number): number {
  let index = at;
  let depth = 0;
  for (; index < text.length; ) {
    const char = text.charAt(index);
    if (char === '"') {
      index = skipString(text, index);
      if (depth === 0) return index;
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") {
      if (depth === 0) return index;
      depth -= 1;
      if (depth === 0) return index + 1;
    } else if (depth === 0 && ", \t\r\n".includes(char)) return index;
    index += 1;
  }
  return index;
}
