import { type ProcessInfo, SandboxAgent } from "@holdfast/sandbox-client";
import {
  download,
  type FileRef,
  fileRefQuery,
  readText,
  SandboxHttp,
  type TextFile,
  type UnreadableFile,
} from "@holdfast/web-parts/sandbox";
import { createContext, useContext } from "react";
import type { PreviewView } from "../../contract/previews.ts";
import type { FileSource, Matches, TreeEntry } from "./files/source/file-source.ts";

/** Where the sandbox has the files of the task. */
export const workspaceRoot = "/workspace";

/** Most matches of a search that are shown. */
export const maxMatches = 200;

export interface Port {
  readonly port: number;
  readonly address: string;
  readonly pid: number;
  /** Absent for what the agent has started. */
  readonly processId?: string;
  readonly command?: string;
}

/** The sandbox of one task: requests go through the Studio's own routes, with the cookie of this browser. */
export class TaskSandbox implements FileSource {
  readonly taskId: string;
  readonly scope: string;
  readonly http: SandboxHttp;
  readonly #task: SandboxHttp;
  readonly #baseUrl: string;
  #client: Promise<SandboxAgent> | undefined;

  constructor(origin: string, taskId: string) {
    this.taskId = taskId;
    this.scope = taskId;
    this.#baseUrl = `${origin}/tasks/${encodeURIComponent(taskId)}/sandbox`;
    this.#task = new SandboxHttp({ baseUrl: `${origin}/tasks/${encodeURIComponent(taskId)}` });
    this.http = new SandboxHttp({ baseUrl: this.#baseUrl });
  }

  /** For terminals. */
  client(): Promise<SandboxAgent> {
    this.#client ??= SandboxAgent.connect({ baseUrl: this.#baseUrl, skipHealthCheck: true });
    return this.#client;
  }

  /** URL of a file's bytes. The server answers as if it were no page, whatever the file claims to be. */
  async imageUrl(fileRef: FileRef, version: string): Promise<string> {
    return `${this.#baseUrl}/v1/fs/file?${new URLSearchParams({ ...fileRefQuery(fileRef), version })}`;
  }

  read(fileRef: FileRef, signal: AbortSignal): Promise<TextFile | UnreadableFile> {
    return readText(this.http, fileRef, signal);
  }

  download(fileRef: FileRef, name: string): Promise<void> {
    return download(this.http, fileRef, name, false);
  }

  entries(directory: FileRef, signal: AbortSignal): Promise<readonly TreeEntry[]> {
    const query = { ...fileRefQuery(directory), markIgnored: true };
    return this.http.json("/v1/fs/entries", { query, signal });
  }

  search(where: "names" | "contents", text: string, signal: AbortSignal): Promise<Matches> {
    const wanted = where === "names" ? { name: text } : { pattern: text, ignoreCase: true };
    const query = { path: workspaceRoot, ...wanted, skipIgnored: true, limit: maxMatches };
    return this.http.json("/v1/fs/search", { query, signal });
  }

  async processes(signal: AbortSignal): Promise<readonly ProcessInfo[]> {
    const { processes } = await this.http.json<{ readonly processes: readonly ProcessInfo[] }>(
      "/v1/processes",
      { query: { owner: "user" }, signal },
    );
    return processes;
  }

  async ports(signal: AbortSignal): Promise<readonly Port[]> {
    return (await this.http.json<{ readonly ports: readonly Port[] }>("/v1/ports", { signal })).ports;
  }

  /** Asks for access to a port, or extends it. */
  openPreview(port: number): Promise<PreviewView> {
    return this.#task.json(`/previews/${port}`, { method: "POST", json: {} });
  }

  openTerminal(): Promise<ProcessInfo> {
    const args = ["-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"];
    const json = { command: "/bin/sh", args, cwd: workspaceRoot, tty: true };
    return this.http.json("/v1/processes", { method: "POST", json });
  }

  async stop(processId: string): Promise<void> {
    await this.http.send(`${processPath(processId)}/stop`, { method: "POST" });
  }

  /** Ends a process at once, and forgets it. */
  async remove({ id, status }: Pick<ProcessInfo, "id" | "status">): Promise<void> {
    if (status === "running") await this.http.send(`${processPath(id)}/kill`, { method: "POST" });
    await this.http.send(processPath(id), { method: "DELETE" });
  }
}

function processPath(id: string): string {
  return `/v1/processes/${encodeURIComponent(id)}`;
}

const Context = createContext<TaskSandbox | undefined>(undefined);
export const TaskSandboxProvider = Context.Provider;

export function useTaskSandbox(): TaskSandbox {
  const sandbox = useContext(Context);
  if (sandbox === undefined) throw new Error("useTaskSandbox must be used inside a TaskSandboxProvider");
  return sandbox;
}
