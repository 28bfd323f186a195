/** Latency that a server adds to an agent's messages, measured with an agent that answers immediately. */
import { wallMs } from "../internal/clock.ts";
import {
  ensure,
  type Figure,
  interleave,
  least,
  median,
  type Outcome,
  quantile,
  type Scenario,
} from "../internal/scenario.ts";
import { ask, EventStream, expectJson } from "./client.ts";
import { type SandboxServer, withServers } from "./servers.ts";

const prompts = 150;
/** Warm-up, so that compilation is not measured. */
const warming = 1_000;
const sessionsEach = 5;
const firstEventMs = 50;
const spoke = /spoke at ([0-9.]+);/;

export const prompt: Scenario = { name: "prompt", run: measurePrompts };
export const firstEvent: Scenario = { name: "first-event", run: measureFirstEvents };

/** Connection to one agent over ACP: an event stream, and requests beside it. */
export class AcpClient {
  readonly sessionId: string;
  readonly #server: SandboxServer;
  readonly #path: string;
  readonly #stream: EventStream;
  readonly #heard: Heard;
  #id = 2;

  private constructor(server: SandboxServer, path: string, stream: EventStream, heard: Heard, id: string) {
    this.#server = server;
    this.#path = path;
    this.#stream = stream;
    this.#heard = heard;
    this.sessionId = id;
  }

  static async open(server: SandboxServer, name: string): Promise<AcpClient> {
    const path = `/v1/acp/${name}`;
    const call = (id: number, method: string, params: unknown) =>
      expectJson(server.port, 200, "POST", `${path}?agent=mock`, { jsonrpc: "2.0", id, method, params });
    await call(1, "initialize", { protocolVersion: 1, clientCapabilities: {} });
    const heard = new Heard();
    const stream = await EventStream.open(server.port, path, (text) => heard.take(text));
    const made = (await call(2, "session/new", { cwd: server.work, mcpServers: [] }))["result"];
    const { sessionId } = made as { sessionId?: string };
    ensure(typeof sessionId === "string", "the agent opened no session");
    return new AcpClient(server, path, stream, heard, sessionId);
  }

  /** Milliseconds that the prompt took, and that its update was in transit. */
  async prompt(): Promise<{ readonly turnMs: number; readonly eventMs: number }> {
    this.#id += 1;
    const arrived = this.#heard.next();
    const params = { sessionId: this.sessionId, prompt: [{ type: "text", text: "speak" }] };
    const startedAt = performance.now();
    const body = { jsonrpc: "2.0", id: this.#id, method: "session/prompt", params };
    const answer = await expectJson(this.#server.port, 200, "POST", this.#path, body);
    const turnMs = performance.now() - startedAt;
    const { stopReason } = (answer["result"] ?? {}) as { stopReason?: string };
    ensure(stopReason === "end_turn", `the prompt answered ${JSON.stringify(answer)}`);
    return { turnMs, eventMs: await arrived };
  }

  /**
   * Kills the agent, for both servers alike. The peer leaves an agent running and answers this request only when the
   * agent has exited; otherwise each session would leave a process and an open request, until no connection is left.
   */
  async close(): Promise<void> {
    this.#stream.close();
    const deleted = ask(this.#server.port, "DELETE", this.#path);
    endAgent(Number.parseInt(this.sessionId, 10));
    const { status, text } = await deleted;
    ensure(status === 204, `the end of an agent answered ${status}: ${text}`);
  }
}

/** The agent puts its process id into the ids of its sessions. */
function endAgent(pid: number): void {
  ensure(pid > 0, "the agent did not report its process id");
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // The server has stopped the agent already, as it should.
    ensure(error instanceof Error && "code" in error && error.code === "ESRCH", String(error));
  }
}

/** Finds in a stream when the agent sent its message, and compares that with the time of arrival. */
class Heard {
  #rest = "";
  #waiting: ((eventMs: number) => void) | undefined;

  next(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  take(text: string): void {
    const at = wallMs();
    this.#rest += text;
    const found = spoke.exec(this.#rest);
    if (found === null) return;
    this.#rest = this.#rest.slice(found.index + found[0].length);
    this.#waiting?.(at - Number(found[1]));
    this.#waiting = undefined;
  }
}

async function measurePrompts(): Promise<Outcome> {
  return await withServers(async (servers, notes) => {
    const clients = new Map<string, AcpClient>();
    for (const [key, server] of servers) clients.set(key, await AcpClient.open(server, "bench"));
    const round = async (client: AcpClient): Promise<number[]> => {
      const times: number[] = [];
      for (let at = 0; at < prompts; at++) times.push((await client.prompt()).turnMs);
      return times;
    };
    for (const client of clients.values()) {
      for (let at = 0; at < warming; at++) await client.prompt();
    }
    const samples = await interleave(
      Object.fromEntries([...clients].map(([key, client]) => [key, () => round(client)])),
    );
    const figures = Object.entries(samples).map(([key, rounds]) => timesOf(key, rounds));
    const best = (key: string): number => figures.find(({ name }) => name === key)?.value ?? Number.NaN;
    for (const client of clients.values()) await client.close();
    const floors = servers.has("peer")
      ? [
          {
            name: "prompt round trip",
            value: best("ours"),
            limit: best("peer"),
            unit: "ms",
            better: "less",
          } as const,
        ]
      : [];
    return { figures, floors, samples, notes };
  });
}

async function measureFirstEvents(): Promise<Outcome> {
  return await withServers(async (servers, notes) => {
    let count = 0;
    const overAcp = async (server: SandboxServer): Promise<number[]> => {
      const times: number[] = [];
      for (let at = 0; at < sessionsEach; at++) {
        count += 1;
        const client = await AcpClient.open(server, `first-${count}`);
        times.push((await client.prompt()).eventMs);
        await client.close();
      }
      return times;
    };
    const ours = servers.get("ours");
    ensure(ours !== undefined, "there is no server of ours");
    const targets: Record<string, () => Promise<number[]>> = { "ours, sessions": () => overSessions(ours) };
    for (const [key, server] of servers) targets[key] = () => overAcp(server);
    const samples = await interleave(targets);
    const figures = Object.entries(samples).map(([key, rounds]) => timesOf(key, rounds));
    const floors = figures
      .filter(({ name }) => name.startsWith("ours"))
      .map(({ name }) => {
        const worst = quantile((samples[name] ?? []).flat(), 0.95);
        return {
          name: `first event, 95 of 100 (${name})`,
          value: worst,
          limit: firstEventMs,
          unit: "ms",
          better: "less",
        } as const;
      });
    return { figures, floors, samples, notes };
  });
}

/** Measures the first events of new sessions that the server manages. */
async function overSessions({ port }: SandboxServer): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < sessionsEach; at++) {
    const { id } = await expectJson(port, 201, "POST", "/v1/sessions", { agent: "mock" });
    const heard = new Heard();
    const stream = await EventStream.open(port, `/v1/sessions/${id}/events`, (text) => heard.take(text));
    const arrived = heard.next();
    const path = `/v1/sessions/${id}/prompt?wait=true`;
    const settled = await expectJson(port, 200, "POST", path, { prompt: "speak" });
    ensure(settled["stopReason"] === "end_turn", `the prompt settled as ${JSON.stringify(settled)}`);
    times.push(await arrived);
    stream.close();
    await expectJson(port, 200, "POST", `/v1/sessions/${id}/close`, {});
  }
  return times;
}

function timesOf(name: string, rounds: readonly number[][]): Figure {
  const value = least(rounds.map((times) => median(times)));
  const detail = `p95 ${least(rounds.map((times) => quantile(times, 0.95))).toFixed(2)} ms`;
  return { name, value, unit: "ms", detail };
}
