import { isHoldfastError } from "@holdfast/core";
import { chunksOf, type Http, isRecord, mayPass, parseAnswer } from "../../internal/http.ts";
import { readEvents } from "../../internal/sse.ts";
import { clientLimits } from "../../limits.ts";
import type * as remote from "./remote-types.ts";

/**
 * Sessions stored by the server, created by any client or in the inspector. They continue without a connected client.
 * Every failure is a `HoldfastError`.
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

  /** Opens a session in a new agent process. If the id exists, returns that session. */
  async create(request: remote.NewRemoteSession): Promise<remote.RemoteSession> {
    return await this.#json("POST", "/v1/sessions", request);
  }

  /** Archives the session: a mark by which lists leave it out. It can be used as before. Idempotent. */
  async archive(id: string): Promise<remote.RemoteSession> {
    return await this.#json("PATCH", path(id), { archived: true });
  }

  /** Removes the mark of {@link archive}. Idempotent. */
  async unarchive(id: string): Promise<remote.RemoteSession> {
    return await this.#json("PATCH", path(id), { archived: false });
  }

  /** Ends the agent and removes the log; unknown ids are fine. */
  async delete(id: string): Promise<void> {
    const response = await (await this.#ready()).send({ method: "DELETE", path: path(id) });
    await response.body?.cancel();
  }

  /**
   * Sends a prompt (text or content blocks), once per id. Resolves when its turn has ended, or with `wait: false` when
   * it is stored.
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

  /** Forks the session, with its history or the part up to a sequence number. */
  async fork(
    id: string,
    request: { readonly title?: string; readonly cwd?: string; readonly sequence?: number } = {},
  ): Promise<{ readonly session: remote.RemoteSession; readonly fork: "forked" | "replayed" }> {
    return await this.#json("POST", path(id, "fork"), request);
  }

  /** Pending permissions of a session, or of all sessions without an id. */
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

  /** Answers a permission. The first answer counts; repeating the same one succeeds. */
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
   * Streams the log after `after`, then new entries, in order; gaps are reported. A connection that breaks or is
   * silent for 60 s is reopened after the last entry. Ends when the session is deleted or `signal` aborts, and throws
   * when the server is unreachable for 30 s.
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

  /** Casts the answer to the route's type without validation. */
  async #json<T>(
    method: "GET" | "POST" | "PATCH",
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

/** A function, because the compiler assumes that a signal read once does not change. */
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
  // Fields of an entry other than its number are not validated.
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
