import { decode, encode, trustedDepth } from "@holdfast/client";
import {
  decodeInspectorRequest,
  encodeInspectorMessage,
  type InspectorMessage,
  type InspectorRequest,
  type PushedTopic,
} from "./codec/inspector.ts";

const topics: ReadonlySet<string> = new Set<PushedTopic>([
  ...(["connections", "queue", "state", "workflow", "schedules"] as const),
]);

type Fields = Readonly<Record<string, unknown>>;

/** Frames of our own inspector for an inspector of `rivetkit`, and its requests for ours. One for each WebSocket. */
export class RivetInspectorWire {
  /** Requests without their answers yet; the session has few at a time, and answers each. */
  readonly #waiting = new Map<number, InspectorRequest>();
  #last = 0;

  /** A frame of our own for the client; undefined if it has no counterpart: logs, events, sleep. */
  outgoing(text: string): Uint8Array | undefined {
    const message = this.#translate(decode("json", text, trustedDepth) as Fields);
    return message && encodeInspectorMessage(message);
  }

  /** A request of the client as one of our own. Throws errors of the frame. */
  incoming(bytes: Uint8Array): string {
    const request = decodeInspectorRequest(bytes);
    this.#last += 1;
    this.#waiting.set(this.#last, request);
    return String(encode("json", { type: "request", id: this.#last, ...ownRequest(request) }));
  }

  #translate(frame: Fields): InspectorMessage | undefined {
    const { type } = frame;
    if (type === "init") return { tag: "init", summary: frame["summary"] as Fields };
    if (type === "error") {
      // A request that was refused has no other answer.
      this.#waiting.delete(Number(frame["id"]));
      return { tag: "error", message: String(frame["message"]) };
    }
    if (type === "response") return this.#answer(frame);
    if (!isTopic(type)) return undefined;
    // A workflow that has not begun has no history to show.
    if (type === "workflow" && (frame["history"] ?? null) === null) return undefined;
    return { tag: "pushed", topic: type, frame };
  }

  #answer({ id, status, body }: Fields): InspectorMessage | undefined {
    const request = this.#waiting.get(Number(id));
    this.#waiting.delete(Number(id));
    const fields = body as Fields;
    if (request === undefined) return undefined;
    if (Number(status) >= 400) return { tag: "error", message: String(fields["message"]) };
    return request.tag === "patchState" ? undefined : { tag: "answer", request, body: fields };
  }
}

function isTopic(type: unknown): type is PushedTopic {
  return typeof type === "string" && topics.has(type);
}

/** See docs/reference/inspector.md. */
function ownRequest(request: InspectorRequest): {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
} {
  const part = encodeURIComponent;
  const limited = (limit: number, most: number): number => Math.min(Math.max(limit, 1), most);
  switch (request.tag) {
    case "patchState":
      return { method: "PATCH", path: "/state", body: { state: request.state } };
    case "action": {
      const args = Array.isArray(request.args) ? (request.args as unknown[]) : [request.args];
      return { method: "POST", path: `/action/${part(request.name)}`, body: { args } };
    }
    case "state":
      return { method: "GET", path: "/state" };
    case "connections":
      return { method: "GET", path: "/connections" };
    case "rpcs":
      return { method: "GET", path: "/rpcs" };
    case "traces":
      return { method: "GET", path: "/traces?limit=1" };
    case "queue":
      return { method: "GET", path: `/queue?limit=${limited(request.limit, 200)}` };
    case "workflow":
      return { method: "GET", path: "/workflow-history" };
    case "replay": {
      const body = request.entryId === undefined ? {} : { entryId: request.entryId };
      return { method: "POST", path: "/workflow/replay", body };
    }
    case "schema":
      return { method: "GET", path: "/database/schema" };
    case "rows": {
      const page = `limit=${limited(request.limit, 500)}&offset=${request.offset}`;
      return { method: "GET", path: `/database/rows?table=${part(request.table)}&${page}` };
    }
    case "schedules":
      return { method: "GET", path: "/schedules" };
    case "scheduleHistory": {
      const limit = limited(request.limit, 1_000);
      return { method: "GET", path: `/schedules/${part(request.schedule)}/history?limit=${limit}` };
    }
    case "deleteSchedule":
      return { method: "DELETE", path: `/schedules/${part(request.schedule)}` };
  }
}
