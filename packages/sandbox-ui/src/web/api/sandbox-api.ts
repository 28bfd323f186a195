import { type FsEntry, SandboxAgent } from "@holdfast/sandbox-client";
import { type FileRef, fileRefQuery, type SandboxCall, SandboxHttp } from "@holdfast/web-parts/sandbox";
import type { Connection } from "./connection.ts";
import { RequestLog } from "./requests/request-log.ts";
import type { EventPage, NewSession, Permission, Process, Prompt, Session } from "./types.ts";

/**
 * Every request of the screens to a server. `client` is the SDK, for the routes that it supports; the others (sessions
 * of the server, conditional file writes) are here. Errors are those of {@link SandboxHttp}.
 */
export class SandboxApi {
  readonly connection: Connection;
  readonly client: SandboxAgent;
  /** What the page has requested, by either way. */
  readonly requests: RequestLog;
  readonly #http: SandboxHttp;

  private constructor(connection: Connection, client: SandboxAgent, requests: RequestLog) {
    this.#http = new SandboxHttp({ ...connection, fetch: requests.fetch });
    this.connection = connection;
    this.client = client;
    this.requests = requests;
  }

  static async connect(connection: Connection): Promise<SandboxApi> {
    const { baseUrl, headers, token } = connection;
    const requests = new RequestLog(connection);
    const client = await SandboxAgent.connect({
      baseUrl,
      headers: { ...headers },
      skipHealthCheck: true,
      fetch: requests.fetch,
      ...(token === undefined ? {} : { token }),
    });
    return new SandboxApi(connection, client, requests);
  }

  send(path: string, call?: SandboxCall): Promise<Response> {
    return this.#http.send(path, call);
  }

  json<T>(path: string, call?: SandboxCall): Promise<T> {
    return this.#http.json<T>(path, call);
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
      archived?: boolean;
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
