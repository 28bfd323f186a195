import type { Body, HttpRequest } from "../internal/http.ts";
import { parseAnswer, readBytes, readText } from "../internal/http.ts";
import { clientLimits } from "../limits.ts";
import { SandboxAgentError } from "./errors.ts";
import { followLogs, type ProcessLogListener, type ProcessLogSubscription } from "./process-logs.ts";
import { part, RouteCaller } from "./route-caller.ts";
import type * as wire from "./wire.ts";

/** The plain routes of a sandbox server: one method each. Every failure is a {@link SandboxAgentError}. */
export abstract class SandboxRoutes extends RouteCaller {
  async listAgents(options: wire.AgentQueryOptions = {}): Promise<wire.AgentListResponse> {
    return await this.json("GET", "/v1/agents", { query: agentQuery(options) });
  }

  async getAgent(agent: string, options: wire.AgentQueryOptions = {}): Promise<wire.AgentInfo> {
    return await this.json("GET", `/v1/agents/${part(agent)}`, { query: agentQuery(options) });
  }

  /** Installs the agent's packages on the server. There is no timeout. */
  async installAgent(
    agent: string,
    request: wire.AgentInstallRequest = {},
  ): Promise<wire.AgentInstallResponse> {
    return await this.json("POST", `/v1/agents/${part(agent)}/install`, { body: request });
  }

  async listAcpServers(): Promise<wire.AcpServerListResponse> {
    return await this.json("GET", "/v1/acp");
  }

  async listFsEntries(query: wire.FsEntriesQuery = {}): Promise<wire.FsEntry[]> {
    return await this.json("GET", "/v1/fs/entries", { query: { ...query } });
  }

  /** The whole file, at most 64 MiB; {@link streamFsFile} has no bound. */
  async readFsFile(query: wire.FsPathQuery): Promise<Uint8Array> {
    const response = await this.send("GET", "/v1/fs/file", { query: { ...query } });
    return await readBytes(response, clientLimits.maxReadBytes);
  }

  /** The file as a stream. Cancel it, or read it to its end. */
  async streamFsFile(query: wire.FsPathQuery): Promise<ReadableStream<Uint8Array>> {
    const response = await this.send("GET", "/v1/fs/file", { query: { ...query } });
    return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
  }

  /** A part of the file; fewer bytes, or none, at its end. */
  async readFsRange(query: wire.FsPathQuery, range: wire.FsRange): Promise<Uint8Array> {
    const { offset, length, ifMatch } = range;
    const headers = {
      range: `bytes=${offset}-${offset + length - 1}`,
      ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
    };
    try {
      const response = await this.send("GET", "/v1/fs/file", { query: { ...query }, headers });
      const bytes = await readBytes(response, clientLimits.maxReadBytes);
      // A server without ranges answers with the whole file.
      return response.status === 206 ? bytes : bytes.subarray(offset, offset + length);
    } catch (error) {
      if (error instanceof SandboxAgentError && error.status === 416) return new Uint8Array(0);
      throw error;
    }
  }

  /** Replaces the file. A condition that does not hold is `sandbox.precondition_failed`. */
  async writeFsFile(
    query: wire.FsPathQuery,
    body: Body,
    condition: wire.FsWriteCondition = {},
  ): Promise<wire.FsWriteResponse> {
    const headers = {
      "content-type": "application/octet-stream",
      ...(condition.ifMatch === undefined ? {} : { "if-match": condition.ifMatch }),
      ...(condition.ifNoneMatch === undefined ? {} : { "if-none-match": condition.ifNoneMatch }),
    };
    const response = await this.send("PUT", "/v1/fs/file", { query: { ...query }, headers, raw: body });
    const etag = response.headers.get("etag");
    const text = await readText(response, clientLimits.maxMessageBytes);
    return { ...(parseAnswer(text) as wire.FsWriteResponse), ...(etag === null ? {} : { etag }) };
  }

  async deleteFsEntry(query: wire.FsDeleteQuery): Promise<wire.FsActionResponse> {
    return await this.json("DELETE", "/v1/fs/entry", { query: { ...query } });
  }

  async mkdirFs(query: wire.FsPathQuery): Promise<wire.FsActionResponse> {
    return await this.json("POST", "/v1/fs/mkdir", { query: { ...query } });
  }

  async moveFs(request: wire.FsMoveRequest): Promise<wire.FsMoveResponse> {
    return await this.json("POST", "/v1/fs/move", { body: request });
  }

  async statFs(query: wire.FsStatQuery): Promise<wire.FsStat> {
    return await this.json("GET", "/v1/fs/stat", { query: { ...query } });
  }

  /** Unpacks a tar archive. */
  async uploadFsBatch(body: Body, query: wire.FsUploadBatchQuery = {}): Promise<wire.FsUploadBatchResponse> {
    const headers = { "content-type": "application/x-tar" };
    return await this.json("POST", "/v1/fs/upload-batch", { query: { ...query }, headers, raw: body });
  }

  /** Searches the lines, or with `glob` alone the names, of all files below a directory. */
  async searchFs(query: wire.FsSearchQuery): Promise<wire.FsSearchResponse> {
    return await this.json("GET", "/v1/fs/search", { query: { ...query } });
  }

  /** What differs between two directories, or two files. */
  async diffFs(query: wire.FsDiffQuery): Promise<wire.FsDiffResponse> {
    return await this.json("GET", "/v1/fs/diff", { query: { ...query } });
  }

  async getMcpConfig(query: wire.McpConfigQuery): Promise<wire.McpServerConfig> {
    return await this.json("GET", "/v1/config/mcp", { query: { ...query } });
  }

  async setMcpConfig(query: wire.McpConfigQuery, config: wire.McpServerConfig): Promise<void> {
    await this.none("PUT", "/v1/config/mcp", { query: { ...query }, body: config });
  }

  async deleteMcpConfig(query: wire.McpConfigQuery): Promise<void> {
    await this.none("DELETE", "/v1/config/mcp", { query: { ...query } });
  }

  async getSkillsConfig(query: wire.SkillsConfigQuery): Promise<wire.SkillsConfig> {
    return await this.json("GET", "/v1/config/skills", { query: { ...query } });
  }

  async setSkillsConfig(query: wire.SkillsConfigQuery, config: wire.SkillsConfig): Promise<void> {
    await this.none("PUT", "/v1/config/skills", { query: { ...query }, body: config });
  }

  async deleteSkillsConfig(query: wire.SkillsConfigQuery): Promise<void> {
    await this.none("DELETE", "/v1/config/skills", { query: { ...query } });
  }

  async getProcessConfig(): Promise<wire.ProcessConfig> {
    return await this.json("GET", "/v1/processes/config");
  }

  async setProcessConfig(config: wire.ProcessConfig): Promise<wire.ProcessConfig> {
    return await this.json("POST", "/v1/processes/config", { body: config });
  }

  async createProcess(request: wire.ProcessCreateRequest): Promise<wire.ProcessInfo> {
    return await this.json("POST", "/v1/processes", { body: request });
  }

  /** Runs a command to its end. */
  async runProcess(request: wire.ProcessRunRequest): Promise<wire.ProcessRunResponse> {
    return await this.json("POST", "/v1/processes/run", { body: request });
  }

  async listProcesses(query: wire.ProcessListQuery = {}): Promise<wire.ProcessListResponse> {
    return await this.json("GET", "/v1/processes", { query: { ...query } });
  }

  async getProcess(id: string): Promise<wire.ProcessInfo> {
    return await this.json("GET", `/v1/processes/${part(id)}`);
  }

  async stopProcess(id: string, query: wire.ProcessSignalQuery = {}): Promise<wire.ProcessInfo> {
    return await this.json("POST", `/v1/processes/${part(id)}/stop`, { query: { ...query } });
  }

  async killProcess(id: string, query: wire.ProcessSignalQuery = {}): Promise<wire.ProcessInfo> {
    return await this.json("POST", `/v1/processes/${part(id)}/kill`, { query: { ...query } });
  }

  async deleteProcess(id: string): Promise<void> {
    await this.none("DELETE", `/v1/processes/${part(id)}`);
  }

  async getProcessLogs(
    id: string,
    query: wire.ProcessLogFollowQuery = {},
  ): Promise<wire.ProcessLogsResponse> {
    return await this.json("GET", `/v1/processes/${part(id)}/logs`, { query: { ...query } });
  }

  /** Calls `listener` with the retained output, then with new output. */
  async followProcessLogs(
    id: string,
    listener: ProcessLogListener,
    query: wire.ProcessLogFollowQuery = {},
  ): Promise<ProcessLogSubscription> {
    return await followLogs(await this.ready(), id, query, listener);
  }

  async sendProcessInput(id: string, request: wire.ProcessInputRequest): Promise<wire.ProcessInputResponse> {
    return await this.json("POST", `/v1/processes/${part(id)}/input`, { body: request });
  }

  async resizeProcessTerminal(
    id: string,
    request: wire.ProcessTerminalResizeRequest,
  ): Promise<wire.ProcessTerminalResizeResponse> {
    return await this.json("POST", `/v1/processes/${part(id)}/terminal/resize`, { body: request });
  }
}

function agentQuery(options: wire.AgentQueryOptions): NonNullable<HttpRequest["query"]> {
  return { config: options.config, no_cache: options.noCache };
}
