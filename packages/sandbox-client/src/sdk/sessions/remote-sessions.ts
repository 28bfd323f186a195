import { isHoldfastError } from "@holdfast/core";
import { chunksOf, type Http, isRecord, mayPass, parseAnswer } from "../../internal/http.ts";
import { readEvents } from "../../internal/sse.ts";
import { clientLimits } from "../../limits.ts";
import type * as remote from "./remote-types.ts";

/**
 * The sessions that the server itself keeps, whoever made them: this client, another one, a person at
 * the inspector. They go on while nobody is connected. Every failure is a `HoldfastError`.
 */
export class RemoteSessions {
  readonly #ready: () => Promise<Http>;

  constructor(ready: () => Promise<Http>) {
    this.#ready = ready;
  }

  /** One page, the newest first; all of them without a limit and a cursor. */
  async list(query: remote.RemoteSessionsQuery = {}): Promise<remote.RemoteSessionPage> {
    return await this.#json("GET", "/v1/sessions", undefined, { ...query });
  }

  /** All of them, page after page. */
  async *each(query: Omit<remote.RemoteSessionsQuery, "cursor"> = {}): AsyncGenerator<remote.RemoteSession> {
    let cursor: string | undefined;
    do {
      const page = await this.list({ limit: 100, ...query, ...(cursor === undefined ? {} : { cursor }) });
      yield* page.sessions;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  async get(id: string): Promise<remote.RemoteSession> {
    return await this.#json("GET", path(id));
  }

  /** Opens a session in an agent of its own; one with this id that is there is answered as it stands. */
  async create(request: remote.NewRemoteSession): Promise<remote.RemoteSession> {
    return await this.#json("POST", "/v1/sessions", request);
  }

  /** Ends the agent and removes the log; unknown ids are fine. */
  async delete(id: string): Promise<void> {
    const response = await (await this.#ready()).send({ method: "DELETE", path: path(id) });
    await response.body?.cancel();
  }

  /**
   * Accepts a prompt, once for each id; resolves when its turn has ended, or with `wait: false` when
   * it is kept. A text or content blocks.
   */
  async prompt(
    id: string,
    prompt: string | readonly object[],
    options: { readonly id?: string; readonly wait?: boolean } = {},
  ): Promise<remote.RemotePrompt> {
    const body = { prompt, ...(options.id === undefined ? {} : { id: options.id }) };
    return await this.#json("POST", path(id, "prompt"), body, { wait: options.wait !== false });
  }

  /** Cancels the turn and what waits behind it; resolves when it has ended. */
  async cancel(id: string): Promise<remote.RemoteCancel> {
    return await this.#json("POST", path(id, "cancel"), {});
  }

  /** Opens another session with the past of this one, or the part of it up to a sequence. */
  async fork(
    id: string,
    request: { readonly title?: string; readonly cwd?: string; readonly sequence?: number } = {},
  ): Promise<{ readonly session: remote.RemoteSession; readonly fork: "forked" | "replayed" }> {
    return await this.#json("POST", path(id, "fork"), request);
  }

  /** What the agent has asked for; of all sessions without an id. */
  async permissions(
    id?: string,
    query: { readonly state?: remote.RemotePermission["state"] } = {},
  ): Promise<readonly remote.RemotePermission[]> {
    const where = id === undefined ? "/v1/permissions" : path(id, "permissions");
    const { permissions } = await this.#json<{ readonly permissions: readonly remote.RemotePermission[] }>(
      "GET",
      where,
      undefined,
      { ...query },
    );
    return permissions;
  }

  /** Answers the agent; whoever is first is heard, and the same answer again is fine. */
  async answer(
    id: string,
    permissionId: string,
    answer: remote.RemoteAnswer,
  ): Promise<remote.RemotePermission> {
    return await this.#json("POST", path(id, "permissions", permissionId), answer);
  }

  /** A page of the log behind `after`. */
  async events(
    id: string,
    query: { readonly after?: number; readonly limit?: number } = {},
  ): Promise<remote.RemoteEventPage> {
    return await this.#json("GET", path(id, "events"), undefined, { ...query });
  }

  /**
   * The log behind `after`, then what comes, in order and without gaps that are not told. A connection that
   * breaks, or is silent for 60 s, is opened again behind the last entry. It ends when the session is deleted
   * or `signal` aborts, and throws when the server cannot be reached for 30 s.
   */
  async *follow(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<remote.RemoteItem> {
    const { signal } = options;
    let after = options.after ?? 0;
    let wasOpen = false;
    let lostAt: number | undefined;
    while (!isAborted(signal)) {
      try {
        const response = await this.#open(id, after, signal);
        wasOpen = true;
        lostAt = undefined;
        const chunks = chunksOf(response, clientLimits.streamSilenceMs);
        for await (const event of readEvents(chunks, clientLimits.maxMessageBytes, () => {})) {
          if (event.event === "end") {
            // A server that closes keeps the session for the next one.
            if (isClosing(event.data)) break;
            return;
          }
          const item = itemOf(event.event, event.data);
          if (!item) continue;
          after = item.type === "gap" ? item.to : item.event.sequence;
          yield item;
        }
      } catch (error) {
        if (isAborted(signal)) return;
        const isGone = isHoldfastError(error) && error.code === "session_not_found";
        if (isGone && wasOpen) return;
        lostAt ??= Date.now();
        if (!wasOpen || !mayPass(error) || Date.now() - lostAt > clientLimits.reconnectForMs) throw error;
      }
      await pause(retryMs, signal);
    }
  }

  async #open(id: string, after: number, signal: AbortSignal | undefined): Promise<Response> {
    const http = await this.#ready();
    return await http.send({
      method: "GET",
      path: path(id, "events"),
      query: { after },
      headers: { accept: "text/event-stream" },
      signal,
      answerWithinMs: clientLimits.streamSilenceMs,
    });
  }

  /** The answer as the type that the route promises: its shape is the server's word. */
  async #json<T>(
    method: "GET" | "POST",
    where: string,
    body?: object,
    query?: Readonly<Record<string, string | number | boolean | undefined>>,
  ): Promise<T> {
    const http = await this.#ready();
    const headers = { "content-type": "application/json" };
    const content = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    return (await http.json({ method, path: where, ...(query ? { query } : {}), ...content })) as T;
  }
}

const retryMs = 250;

/** A function, because the compiler takes a signal that was looked at once for one that never changes. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function path(id: string, ...more: readonly string[]): string {
  return ["/v1/sessions", ...[id, ...more].map(encodeURIComponent)].join("/");
}

function itemOf(type: string, data: string): remote.RemoteItem | undefined {
  const value = parseAnswer(data);
  if (!isRecord(value)) return undefined;
  const { from, to, sequence } = value;
  if (type === "gap" && typeof from === "number" && typeof to === "number") return { type, from, to };
  if (type !== "message" || typeof sequence !== "number") return undefined;
  // What an entry holds beside its number is the server's word, as with any typed client of HTTP.
  return { type: "event", event: value as unknown as remote.RemoteEvent };
}

function isClosing(data: string): boolean {
  const value = parseAnswer(data);
  return isRecord(value) && value.reason === "closing";
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
