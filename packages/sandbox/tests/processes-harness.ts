import assert from "node:assert/strict";
import type { Sandbox } from "./harness.ts";
import { field } from "./harness.ts";

/** Client of a sandbox's process routes that sends bare requests. */
export interface ProcessApi {
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  create(body: object): Promise<string>;
  info(id: string): Promise<unknown>;
  /** Returns the complete retained output as text. */
  output(id: string, query?: string): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export function processApi({ url, fetch }: Pick<Sandbox, "url" | "fetch">): ProcessApi {
  const request: ProcessApi["request"] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    request,
    async create(body) {
      const answer = await request("POST", "/processes", body);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return String(field(answer.body, "id"));
    },
    async info(id) {
      const answer = await request("GET", `/processes/${id}`);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body;
    },
    async output(id, query = "") {
      const { body } = await request("GET", `/processes/${id}/logs${query}`);
      return entriesOf(body)
        .map((entry) => Buffer.from(String(field(entry, "data")), "base64").toString())
        .join("");
    },
  };
}

export function entriesOf(body: unknown): unknown[] {
  const entries = field(body, "entries");
  assert.ok(Array.isArray(entries));
  return entries;
}

/** One event of a `text/event-stream`. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** Reads events until `enough` holds or the stream ends. */
export async function readEvents(
  { url, fetch }: Pick<Sandbox, "url" | "fetch">,
  path: string,
  enough: (events: readonly StreamEvent[]) => boolean = () => false,
  headers: Record<string, string> = {},
): Promise<StreamEvent[]> {
  const stop = new AbortController();
  const response = await fetch(`${url}/v1${path}`, { headers, signal: stop.signal });
  assert.equal(response.status, 200);
  const events: StreamEvent[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const line = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const data = line("data");
      if (data === undefined) continue;
      events.push({ event: line("event") ?? "message", id: line("id"), data: JSON.parse(data) });
    }
    if (enough(events)) {
      stop.abort();
      break;
    }
  }
  return events;
}
