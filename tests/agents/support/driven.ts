import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSandboxServer,
  type ModelEndpoint,
  type ModelWire,
  type SandboxServer,
} from "@holdfast/sandbox";
import { type AcpConnection, type Envelope, SandboxClient } from "@holdfast/sandbox-client";
import { type MockModel, startMockModel } from "@holdfast/testing/mock-model";
import { installedAgents } from "./installed.ts";

/** A sandbox server with one real agent and a scripted model, as somebody runs them without a jail. */
export class Driven {
  readonly directory: string;
  readonly model: MockModel;
  readonly client: SandboxClient;
  readonly url: string;
  readonly token: string;
  readonly #server: SandboxServer;
  readonly #connections: AcpConnection[] = [];

  private constructor(directory: string, model: MockModel, server: SandboxServer, client: SandboxClient) {
    this.directory = directory;
    this.model = model;
    this.#server = server;
    this.client = client;
    this.url = server.url ?? "";
    this.token = server.token ?? "";
  }

  static async start(...agents: readonly string[]): Promise<Driven> {
    const agentsDirectory = await installedAgents(...agents);
    const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-driven-")));
    const model = await startMockModel();
    const [home, work] = [join(directory, "home"), join(directory, "work")];
    await Promise.all([home, work].map((path) => mkdir(path)));
    await writeFile(join(work, "README.md"), "# Sample\n");
    const endpoint = (path: string, name?: string): ModelEndpoint => ({
      baseUrl: `${model.url}${path}`,
      apiKey: "placeholder",
      ...(name === undefined ? {} : { model: name }),
    });
    const models: Partial<Record<ModelWire, ModelEndpoint>> = {
      anthropic: endpoint(""),
      "openai-responses": endpoint("/v1"),
      "openai-chat": endpoint("/v1", "mock"),
      gemini: endpoint(""),
    };
    const listen = { host: "127.0.0.1", port: 0 };
    const server = await createSandboxServer({ listen, home, cwd: work, agentsDirectory, models });
    const { url = "", token = "" } = server;
    const client = await SandboxClient.connect({ baseUrl: url, token });
    return new Driven(directory, model, server, client);
  }

  get work(): string {
    return join(this.directory, "work");
  }

  /** Sets a configuration of the working directory. */
  async configure(kind: "mcp" | "skills", name: string, value: unknown): Promise<void> {
    const query = new URLSearchParams({
      directory: this.work,
      [kind === "mcp" ? "mcpName" : "skillName"]: name,
    });
    const response = await fetch(`${this.url}/v1/config/${kind}?${query}`, {
      method: "PUT",
      body: JSON.stringify(value),
      headers: { "content-type": "application/json", authorization: `Bearer ${this.token}` },
    });
    if (response.status !== 204) throw new Error(await response.text());
  }

  /** A new session; every permission that the agent asks for is given. */
  async session(agent: string): Promise<DrivenSession> {
    const seen: Envelope[] = [];
    const acp = this.client.acp(`${agent}-1`, {
      agent,
      onEnvelope(envelope) {
        seen.push(envelope);
        const { message, direction } = envelope;
        if (direction !== "from-agent" || message.method !== "session/request_permission") return;
        const { options } = message.params as { options: { optionId: string; kind: string }[] };
        const optionId = options.find((option) => option.kind === "allow_once")?.optionId ?? "";
        void acp.respond(message.id ?? null, { result: { outcome: { outcome: "selected", optionId } } });
      },
    });
    this.#connections.push(acp);
    await acp.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
    const created = (await acp.request("session/new", { cwd: this.work, mcpServers: [] })) as {
      sessionId: string;
    };
    const { sessionId } = created;
    return {
      seen,
      async prompt(text) {
        const prompt = [{ type: "text", text }];
        const answer = (await acp.request("session/prompt", { sessionId, prompt })) as { stopReason: string };
        return answer.stopReason;
      },
    };
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.detach();
    await this.#server.close();
    await this.model.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface DrivenSession {
  readonly seen: readonly Envelope[];
  /** Resolves to the reason why the turn ended. */
  prompt(text: string): Promise<string>;
}
