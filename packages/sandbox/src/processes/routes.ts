import type { HoldfastError, Logger } from "@holdfast/core";
import type { Paths } from "../fs/paths/paths.ts";
import {
  type Exchange,
  parseJson,
  readText,
  requireJsonContent,
  sendEmpty,
  sendJson,
} from "../http/exchange.ts";
import { Heartbeat } from "../http/heartbeat.ts";
import { invalid, problem } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import type { SocketExchange } from "../http/sockets.ts";
import type { Spawner } from "../internal/spawn/spawner.ts";
import type { SandboxLimits } from "../limits.ts";
import type { Managed } from "./managed.ts";
import { sendLogs } from "./output/logs.ts";
import { serveTerminal } from "./output/terminal-socket.ts";
import { countQuery, parseClose, parseCreate, parseInput, parseRun, parseSize } from "./requests.ts";
import { type RunOutcome, runCommand } from "./run.ts";
import { RunSemaphore } from "./run-semaphore.ts";
import { parseSettings } from "./settings.ts";
import type { ProcessOwner } from "./spec.ts";
import { serveTunnel } from "./supervision/port-tunnel.ts";
import { type ListeningPort, listeningPorts } from "./supervision/ports.ts";
import type { Previews } from "./supervision/preview.ts";
import type { ProcessTable } from "./table.ts";

/** Dependencies of the process routes. */
export interface ProcessContext {
  readonly table: ProcessTable;
  readonly previews: Previews;
  readonly spawner: Spawner;
  readonly paths: Paths;
  readonly limits: SandboxLimits;
  readonly cwd: string;
  /** Returns the environment of a process that starts now. */
  readonly env: () => Readonly<Record<string, string>>;
  /** Whether working directories must be inside the root. */
  readonly confined: boolean;
  readonly log: Logger;
}

const terminalType = "xterm-256color";
const stopWaitMs = 2_000;
const killWaitMs = 1_000;

/** Routes `/v1/processes` and `/v1/ports`. */
export class ProcessRoutes {
  readonly #context: ProcessContext;
  readonly #slots: RunSemaphore;

  constructor(context: ProcessContext) {
    this.#context = context;
    this.#slots = new RunSemaphore(context.limits.maxConcurrentRuns, context.limits.maxWaitingRuns);
  }

  routes(): readonly Route[] {
    const one = "/v1/processes/:id";
    return [
      {
        path: "/v1/processes",
        methods: { GET: (exchange) => this.#list(exchange), POST: (exchange) => this.#create(exchange) },
      },
      {
        path: "/v1/processes/config",
        methods: {
          GET: ({ response }) => sendJson(response, this.#context.table.settings),
          POST: (exchange) => this.#configure(exchange),
        },
      },
      { path: "/v1/processes/run", methods: { POST: (exchange) => this.#run(exchange) } },
      {
        path: one,
        methods: {
          GET: (exchange) => sendJson(exchange.response, this.#find(exchange).info()),
          DELETE: (exchange) => this.#remove(exchange),
        },
      },
      { path: `${one}/stop`, methods: { POST: (exchange) => this.#signal(exchange, "stop", stopWaitMs) } },
      { path: `${one}/kill`, methods: { POST: (exchange) => this.#signal(exchange, "kill", killWaitMs) } },
      {
        path: `${one}/logs`,
        methods: {
          GET: (exchange) => sendLogs(exchange, () => this.#find(exchange), this.#context.limits.heartbeatMs),
        },
      },
      { path: `${one}/input`, methods: { POST: (exchange) => this.#input(exchange) } },
      { path: `${one}/ports`, methods: { GET: (exchange) => this.#ports(exchange, [this.#find(exchange)]) } },
      { path: `${one}/terminal/resize`, methods: { POST: (exchange) => this.#resize(exchange) } },
      { path: `${one}/terminal/ws`, methods: {}, socket: (exchange) => this.#terminal(exchange) },
      {
        path: "/v1/ports",
        methods: {
          GET: async ({ response }) => sendJson(response, { ports: await this.#allPorts() }),
        },
      },
      { path: "/v1/ports/:port/tunnel", methods: {}, socket: (exchange) => this.#tunnel(exchange) },
      { path: "/v1/ports/:port/preview", methods: { POST: (exchange) => this.#preview(exchange) } },
    ];
  }

  #find({ params }: { readonly params: Readonly<Record<string, string>> }): Managed {
    return this.#context.table.get(params.id ?? "");
  }

  #list({ query, response }: Exchange): void {
    const owner = query.get("owner");
    if (owner !== null && !isOwner(owner)) throw invalid("owner must be user, desktop or system");
    const processes = this.#context.table.list(owner ?? undefined);
    sendJson(response, { processes: processes.map((process) => process.info()) });
  }

  async #configure(exchange: Exchange): Promise<void> {
    this.#context.table.configure(parseSettings(await this.#body(exchange)));
    sendJson(exchange.response, this.#context.table.settings);
  }

  async #create(exchange: Exchange): Promise<void> {
    const spec = parseCreate(await this.#body(exchange));
    const request = {
      program: spec.command,
      args: spec.args,
      cwd: await this.#cwd(spec.cwd),
      // The server may inherit a TERM of its own terminal, which does not describe this one.
      env: { ...this.#context.env(), ...(spec.tty ? { TERM: terminalType } : {}), ...spec.env },
    };
    const process = await this.#context.table.create(spec, "user", request).catch(throwSpawnError);
    sendJson(exchange.response, process.info());
  }

  async #run(exchange: Exchange): Promise<void> {
    const body = parseRun(await this.#body(exchange));
    const { spawner, env, table, limits } = this.#context;
    const { settings } = table;
    const cwd = await this.#cwd(body.cwd);
    const request = {
      program: body.command,
      args: body.args,
      cwd,
      env: { ...env(), TERM: terminalType, ...body.env },
    };
    const heartbeat = new Heartbeat(exchange.response, limits.heartbeatMs);
    let failure: HoldfastError | undefined;
    try {
      // Start before the queue, because waiting for a slot can take long as well.
      heartbeat.startAfter();
      const outcome = await this.#slots.use(exchange.signal, () =>
        runCommand(spawner, request, {
          timeoutMs: Math.min(body.timeoutMs || settings.defaultRunTimeoutMs, settings.maxRunTimeoutMs),
          maxOutputBytes: Math.min(body.maxOutputBytes ?? settings.maxOutputBytes, settings.maxOutputBytes),
          signal: exchange.signal,
        }).catch((error: unknown) => {
          failure = toSpawnError(error);
          throw failure ?? error;
        }),
      );
      if (!exchange.response.destroyed) heartbeat.end(JSON.stringify(outcome));
    } catch (error) {
      if (failure === undefined || !exchange.response.headersSent) throw error;
      heartbeat.end(JSON.stringify(failedStartOutcome(failure)));
    } finally {
      heartbeat.stop();
    }
  }

  async #remove(exchange: Exchange): Promise<void> {
    await this.#context.table.remove(this.#find(exchange).id);
    sendEmpty(exchange.response, 204);
  }

  /** Sends the signal, waits for the exit or the timeout, and responds with the state of the process. */
  async #signal(exchange: Exchange, signal: "stop" | "kill", defaultWaitMs: number): Promise<void> {
    const waitMs = Math.min(
      countQuery(exchange.query, "waitMs") ?? defaultWaitMs,
      this.#context.table.settings.maxRunTimeoutMs,
    );
    const process = this.#find(exchange);
    process[signal]();
    const heartbeat = new Heartbeat(exchange.response, this.#context.limits.heartbeatMs);
    heartbeat.startAfter();
    const deadline = performance.now() + waitMs;
    while (!process.ended && performance.now() < deadline && !exchange.signal.aborted) {
      await process.changed.wait(deadline - performance.now(), exchange.signal);
    }
    heartbeat.end(JSON.stringify(process.info()));
  }

  async #input(exchange: Exchange): Promise<void> {
    const body = await this.#body(exchange);
    const bytes = parseInput(body, "base64");
    const close = parseClose(body);
    const { maxInputBytesPerRequest } = this.#context.table.settings;
    if (bytes.length > maxInputBytesPerRequest) {
      throw invalid(`input exceeds ${maxInputBytesPerRequest} bytes`, 413);
    }
    const managed = this.#find(exchange);
    if (bytes.length > 0 || !close) managed.write(bytes);
    if (close) managed.closeInput();
    sendJson(exchange.response, { bytesWritten: bytes.length });
  }

  async #resize(exchange: Exchange): Promise<void> {
    const size = parseSize(await this.#body(exchange));
    requireTerminal(this.#find(exchange)).resize(size);
    sendJson(exchange.response, size);
  }

  async #terminal(exchange: SocketExchange): Promise<void> {
    await serveTerminal(exchange, requireTerminal(this.#find(exchange)), {
      maxInputBytes: this.#context.table.settings.maxInputBytesPerRequest,
    });
  }

  async #ports({ response }: Exchange, processes: readonly Managed[]): Promise<void> {
    sendJson(response, { ports: await listeningPorts(processes) });
  }

  async #allPorts(): Promise<ListeningPort[]> {
    const { table, spawner } = this.#context;
    return listeningPorts(table.list(), spawner.descendants());
  }

  async #tunnel(exchange: SocketExchange): Promise<void> {
    await serveTunnel(exchange, await this.#listener(exchange.params.port));
  }

  async #preview({ params, response }: Exchange): Promise<void> {
    const { port, address } = await this.#listener(params.port);
    sendJson(response, await this.#context.previews.open(port, address));
  }

  async #listener(port: string | undefined): Promise<ListeningPort> {
    const listener = (await this.#allPorts()).find((listening) => String(listening.port) === port);
    if (listener) return listener;
    const details = { id: String(port), resource: "port" };
    throw problem("not_found", 404, `no process of this server listens on port ${port}`, { details });
  }

  async #body(exchange: Exchange): Promise<unknown> {
    requireJsonContent(exchange);
    return parseJson(await readText(exchange, this.#context.limits.maxJsonBytes));
  }

  /**
   * Resolves a working directory. The root does not confine processes; checking their directory only prevents
   * mistakes.
   */
  async #cwd(cwd: string | undefined): Promise<string> {
    if (cwd === undefined) return this.#context.cwd;
    if (cwd === "") return throwSpawnError(Object.assign(new Error("chdir"), { code: "ENOENT", path: cwd }));
    const { confined, cwd: base, paths } = this.#context;
    if (!confined) {
      const isHome = cwd === "~" || cwd.startsWith("~/");
      const path = isHome ? paths.home + cwd.slice(1) : cwd;
      return path.startsWith("/") ? path : `${base}/${path}`;
    }
    const resolved = await paths.walk(cwd, { follow: true });
    await resolved.close();
    return resolved.display;
  }
}

function isOwner(text: string): text is ProcessOwner {
  return text === "user" || text === "desktop" || text === "system";
}

function requireTerminal(process: Managed): Managed {
  if (!process.tty) throw problem("conflict", 409, "the process has no terminal");
  return process;
}

/** Reports a failed start as a shell does, once the status has been sent and cannot report it. */
function failedStartOutcome({ message }: HoldfastError): RunOutcome {
  const truncated = { stdoutTruncated: false, stderrTruncated: false };
  return { exitCode: 127, timedOut: false, stdout: "", stderr: `${message}\n`, ...truncated, durationMs: 0 };
}

/** Throws a system error as `stream_error`, and any other error unchanged. */
function throwSpawnError(error: unknown): never {
  throw toSpawnError(error) ?? error;
}

/** Converts a system error of a failed start to `stream_error`. Returns undefined for any other error. */
function toSpawnError(error: unknown): HoldfastError | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("errno" in error || "path" in error)) {
    return undefined;
  }
  const text = `failed to spawn process: ${String(error.code)}`;
  return problem("stream_error", 502, text, { details: { message: text } });
}
