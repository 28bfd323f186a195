import { HoldfastError } from "@holdfast/core";
import { type FsEntry, type ProblemDetails, SandboxAgent, SandboxAgentError } from "@holdfast/sandbox-client";
import type { Connection } from "./connection.ts";
import { type FileRef, fileRefQuery } from "./file-ref.ts";
import type { EventPage, NewSession, Permission, Process, Prompt, Session } from "./types.ts";

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: object;
  /** Sent unchanged. */
  readonly body?: Blob | string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/**
 * Every request of the screens to a server. `client` is the SDK, for the routes that it supports; the others (sessions
 * of the server, conditional file writes) are here. Errors are {@link SandboxAgentError}, or `sandbox.unreachable` if
 * there was no response.
 */
export class SandboxApi {
  readonly client: SandboxAgent;
  readonly #connection: Connection;

  private constructor(connection: Connection, client: SandboxAgent) {
    this.#connection = connection;
    this.client = client;
  }

  static async connect(connection: Connection): Promise<SandboxApi> {
    const { baseUrl, headers, token } = connection;
    const client = await SandboxAgent.connect({
      baseUrl,
      headers: { ...headers },
      skipHealthCheck: true,
      ...(token === undefined ? {} : { token }),
    });
    return new SandboxApi(connection, client);
  }

  async send(path: string, call: Call = {}): Promise<Response> {
    const { baseUrl, headers, token } = this.#connection;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    let response: Response;
    try {
      response = await fetch(`${baseUrl}${path}${query.size > 0 ? `?${query}` : ""}`, {
        method: call.method ?? "GET",
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(call.json === undefined ? {} : { "content-type": "application/json" }),
          ...call.headers,
        },
        cache: "no-store",
        ...(body === undefined ? {} : { body }),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (cause) {
      if (call.signal?.aborted) throw cause;
      throw new HoldfastError("sandbox", "unreachable", "The sandbox server does not answer", {
        statusCode: 503,
        cause,
      });
    }
    if (!response.ok) throw await failure(response);
    return response;
  }

  /** The response, typed as its route documents. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.send(path, call);
    return (await response.json()) as T;
  }

  async listSessions(signal: AbortSignal): Promise<{ sessions: readonly Session[]; durable: boolean }> {
    return await this.json("/v1/sessions", { signal });
  }

  /** A stream of `created`, `updated` and `deleted` events of all sessions, after one `ready`. */
  async followSessions(signal: AbortSignal): Promise<Response> {
    return await this.send("/v1/sessions", { headers: { accept: "text/event-stream" }, signal });
  }

  async getSession(id: string, signal: AbortSignal): Promise<Session> {
    return await this.json(session(id), { signal });
  }

  async createSession(request: NewSession): Promise<Session> {
    return await this.json("/v1/sessions", { method: "POST", json: request });
  }

  async changeSession(
    id: string,
    change: {
      title?: string;
      mode?: string;
      model?: string;
      thoughtLevel?: string;
      config?: Readonly<Record<string, string>>;
    },
  ): Promise<Session> {
    return await this.json(session(id), { method: "PATCH", json: change });
  }

  async deleteSession(id: string): Promise<void> {
    await this.send(session(id), { method: "DELETE" });
  }

  async closeSession(id: string): Promise<Session> {
    return await this.json(`${session(id)}/close`, { method: "POST" });
  }

  async forkSession(id: string): Promise<{ session: Session; fork: string }> {
    return await this.json(`${session(id)}/fork`, { method: "POST", json: {} });
  }

  /** Repeating a prompt with the same `promptId` has no effect. */
  async prompt(id: string, promptId: string, prompt: string): Promise<Prompt> {
    return await this.json(`${session(id)}/prompt`, { method: "POST", json: { id: promptId, prompt } });
  }

  async cancel(id: string): Promise<void> {
    await this.send(`${session(id)}/cancel`, { method: "POST" });
  }

  async events(id: string, after: number, limit: number, signal: AbortSignal): Promise<EventPage> {
    return await this.json(`${session(id)}/events`, {
      query: { after, limit },
      headers: { accept: "application/json" },
      signal,
    });
  }

  async followEvents(id: string, after: number, signal: AbortSignal): Promise<Response> {
    return await this.send(`${session(id)}/events`, {
      query: { after },
      headers: { accept: "text/event-stream" },
      signal,
    });
  }

  /** For one session, or all. */
  async listPermissions(sessionId: string | undefined, signal: AbortSignal): Promise<readonly Permission[]> {
    const path = sessionId === undefined ? "/v1/permissions" : `${session(sessionId)}/permissions`;
    return (await this.json<{ permissions: readonly Permission[] }>(path, { signal })).permissions;
  }

  async answer(
    permission: Pick<Permission, "id" | "sessionId">,
    answer: { optionId: string } | { cancel: true },
  ): Promise<Permission> {
    const path = `${session(permission.sessionId)}/permissions/${encodeURIComponent(permission.id)}`;
    return await this.json(path, { method: "POST", json: answer });
  }

  async listProcesses(signal: AbortSignal): Promise<readonly Process[]> {
    return (await this.json<{ processes: readonly Process[] }>("/v1/processes", { signal })).processes;
  }

  async listEntries(
    directory: FileRef,
    signal: AbortSignal,
  ): Promise<readonly (FsEntry & { pathBase64?: string })[]> {
    return await this.json("/v1/fs/entries", { query: fileRefQuery(directory), signal });
  }

  async makeDirectory(fileRef: FileRef): Promise<void> {
    await this.send("/v1/fs/mkdir", { method: "POST", query: fileRefQuery(fileRef) });
  }
}

function session(id: string): string {
  return `/v1/sessions/${encodeURIComponent(id)}`;
}

async function failure(response: Response): Promise<SandboxAgentError> {
  const text = await response.clone().text();
  return new SandboxAgentError(response.status, readProblem(text), response, text);
}

function readProblem(text: string): ProblemDetails | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isProblem = typeof value === "object" && value !== null && "type" in value && "title" in value;
    return isProblem ? (value as ProblemDetails) : undefined;
  } catch {
    return undefined;
  }
}
