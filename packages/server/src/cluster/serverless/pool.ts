import type { NodeRecord } from "@holdfast/actors";
import { HoldfastError, type Ports, type Timer } from "@holdfast/core";
import type { ClusterSecrets } from "../links/handshake.ts";
import { defaultPool } from "../place.ts";
import { type ServerlessPoolOptions, serverlessDefaults } from "./options.ts";
import { encodeStart, readEvents, type StartEvent, startPath } from "./start-request.ts";

export interface PoolHost {
  /** Id of this node. */
  readonly node: string;
  readonly secrets: ClusterSecrets;
  readonly ports: Pick<Ports, "clock" | "tasks" | "log">;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
}

interface Failure {
  readonly error: HoldfastError;
  readonly attempts: number;
  /** Monotonic time of the next attempt. */
  readonly retryAt: number;
}

/** Pause after a failed start; doubled each time. */
const minRetryMs = 1_000;
const maxRetryMs = 30_000;
/** Pause before a process that is ending is asked again. */
const endingRetryMs = 200;
/** Connections that a request tries: kept ones may have been closed, each at its next use. */
const maxConnections = 3;
/** Time without a sign of life after which a started node counts as gone. */
const maxSilenceMs = 60_000;
/** Characters of a response that an error repeats. */
const maxDetail = 300;

/** Nodes that this one starts with requests to one URL. The response to each lasts as long as its node runs. */
export class ServerlessPool {
  readonly name: string;
  readonly #options: ServerlessPoolOptions;
  readonly #host: PoolHost;
  /** The names of the actors that the program behind the URL has, as it last said. */
  #actors: ReadonlySet<string> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #failure: Failure | undefined;
  /** The started nodes, each with what ends its request. */
  readonly #running = new Map<AbortController, string>();
  #isClosed = false;

  constructor(options: ServerlessPoolOptions, host: PoolHost) {
    this.name = options.name ?? defaultPool;
    this.#options = options;
    this.#host = host;
  }

  get url(): string {
    return this.#options.url;
  }

  get startTimeoutMs(): number {
    return this.#options.startTimeoutMs ?? serverlessDefaults.startTimeoutMs;
  }

  /** Names of its actors, as far as known. */
  get actors(): Iterable<string> {
    return this.#actors ?? [];
  }

  /** True if actors with this name run there. Throws `cluster.start_failed` if that cannot be found out. */
  async has(name: string): Promise<boolean> {
    const { metadataMs = serverlessDefaults.metadataMs } = this.#options;
    const isOld = this.#host.monotonic() - this.#readAt >= metadataMs;
    if (this.#actors?.has(name) !== true && isOld) await this.#readMetadata();
    return this.#actors?.has(name) === true;
  }

  /** Asks which actors run there. Throws `cluster.start_failed`. */
  #readMetadata(): Promise<void> {
    this.#reading ??= this.#attempt((signal) => this.#readNow(signal)).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Asks which actors run there, before a call needs it. False if it failed, which holds no later call up. */
  async learn(): Promise<boolean> {
    try {
      await this.#inTime((signal) => this.#readNow(signal));
      return true;
    } catch (error) {
      this.#host.ports.log.info("a serverless pool does not answer yet", {
        pool: this.name,
        reason: reasonOf(error),
      });
      return false;
    }
  }

  /** Starts a node; calls at the same time start one. Resolves when it takes actors. Throws `cluster.start_failed`. */
  start(): Promise<void> {
    this.#starting ??= this.#attempt((signal, controller) => this.#startNow(signal, controller)).finally(
      () => {
        this.#starting = undefined;
      },
    );
    return this.#starting;
  }

  /** A started node that takes actors; ends the requests of those that are gone. */
  runningIn(nodes: readonly NodeRecord[]): string | undefined {
    for (const [controller, id] of this.#running) {
      const node = nodes.find((each) => each.id === id);
      // Frozen past its session, or cut off: the host may take its place back.
      if (node === undefined) controller.abort(new Error("The node has lost its session"));
      else if (!node.draining && node.weight > 0) return id;
    }
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const controller of this.#running.keys()) controller.abort(new Error("This node stops"));
  }

  /** Does not try again at once what has just failed. */
  async #attempt(work: (signal: AbortSignal, controller: AbortController) => Promise<void>): Promise<void> {
    const failed = this.#failure;
    if (failed !== undefined && this.#host.monotonic() < failed.retryAt) throw failed.error;
    try {
      await this.#inTime(work);
      this.#failure = undefined;
    } catch (cause) {
      const attempts = (failed?.attempts ?? 0) + 1;
      const pauseMs = Math.min(maxRetryMs, minRetryMs * 2 ** Math.min(attempts - 1, 10));
      const error = startFailed(this.name, this.#options.url, cause);
      this.#failure = { error, attempts, retryAt: this.#host.monotonic() + pauseMs };
      this.#host.ports.log.warn("a serverless node could not be started", {
        pool: this.name,
        attempts,
        reason: error.message,
      });
      throw error;
    }
  }

  /** Throws the reason of the abort where the work took longer. Work that failed is aborted, too. */
  async #inTime(work: (signal: AbortSignal, controller: AbortController) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const late = this.#host.ports.tasks.after(this.startTimeoutMs, () =>
      controller.abort(new Error(`it did not answer within ${this.startTimeoutMs} ms`)),
    );
    try {
      await work(controller.signal, controller);
    } catch (cause) {
      const reason: unknown = controller.signal.reason ?? cause;
      controller.abort(reason);
      throw reason;
    } finally {
      late.cancel();
    }
  }

  async #readNow(signal: AbortSignal): Promise<void> {
    const response = await this.#fetch("/metadata", { signal });
    const { actorNames } = (await response.json()) as { readonly actorNames?: unknown };
    if (typeof actorNames !== "object" || actorNames === null) {
      throw new Error("it is not where a registry is mounted: /metadata below it names no actors");
    }
    this.#actors = new Set(Object.keys(actorNames));
    this.#readAt = this.#host.monotonic();
  }

  async #startNow(signal: AbortSignal, controller: AbortController): Promise<void> {
    const { node, secrets, ports } = this.#host;
    const { lifespanMs = serverlessDefaults.lifespanMs, graceMs = serverlessDefaults.graceMs } =
      this.#options;
    const request = { node, pool: this.name, lifespanMs, graceMs, issuedAt: ports.clock.now() };
    const { body, headers } = encodeStart(request, secrets);
    const response = await this.#post({ method: "POST", body, headers, signal });
    const events = readEvents(response.body ?? new ReadableStream());
    const first = await events.next();
    if (first.done === true || first.value.event !== "started") {
      throw new Error("its response ended before a node was started");
    }
    const started = first.value.node;
    this.#running.set(controller, started);
    ports.log.info("a serverless node was started", { node: started, pool: this.name });
    void this.#follow(started, events, controller);
    if (this.#isClosed) controller.abort(new Error("This node stops"));
  }

  /** A process that its platform is about to end answers that it does; the next one is asked. */
  async #post(init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    for (;;) {
      try {
        return await this.#fetch(startPath, init);
      } catch (error) {
        if (!(error instanceof Refused) || !error.isEnding || init.signal.aborted) throw error;
        await new Promise<void>((resolve) => this.#host.ports.tasks.after(endingRetryMs, resolve));
      }
    }
  }

  /** Reads the response to its end. */
  async #follow(
    node: string,
    events: AsyncGenerator<StartEvent>,
    controller: AbortController,
  ): Promise<void> {
    const { tasks, log } = this.#host.ports;
    let silence: Timer | undefined;
    const wait = (): void => {
      silence?.cancel();
      silence = tasks.after(maxSilenceMs, () => controller.abort(new Error("The node has fallen silent")));
    };
    try {
      wait();
      for await (const _ of events) wait();
      log.info("a serverless node has ended", { node, pool: this.name });
    } catch (error) {
      log.info("a serverless node was lost", { node, pool: this.name, reason: reasonOf(error) });
    } finally {
      silence?.cancel();
      this.#running.delete(controller);
    }
  }

  async #fetch(path: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    const { url, headers } = this.#options;
    const target = `${url.replace(/\/+$/, "")}${path}`;
    // Its headers are for this URL only.
    const request: RequestInit = { ...init, headers: { ...headers, ...init.headers }, redirect: "error" };
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await fetch(target, request);
        if (response.ok) return response;
        throw new Refused(response.status, (await response.text()).slice(0, 10 * maxDetail));
      } catch (error) {
        if (!wasClosed(error) || attempt === maxConnections || init.signal.aborted) throw error;
      }
    }
  }
}

/** True if the other side closed the connection before it answered, as it may do with one that was kept alive. */
function wasClosed(error: unknown): boolean {
  const { code } = Object(error instanceof Error ? error.cause : undefined) as { readonly code?: unknown };
  return code === "UND_ERR_SOCKET" || code === "ECONNRESET";
}

/** A response with the status of an error. */
class Refused extends Error {
  /** True if the process behind the URL is ending. */
  readonly isEnding: boolean;

  constructor(status: number, text: string) {
    super(`it answered ${status}${detailOf(text)}`);
    this.name = "Refused";
    this.isEnding = status === 503 && text.includes('"shutting_down"');
  }
}

/** What a response says, as text of bounded length. */
function detailOf(text: string): string {
  let detail = text;
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === "string") detail = message;
  } catch {
    // A page of the host.
  }
  return detail === "" ? "" : ` (${detail.slice(0, maxDetail)})`;
}

/** The error of an actor whose node cannot be started. */
export function startFailed(pool: string, url: string, cause: unknown): HoldfastError {
  const message = `No node of the serverless pool "${pool}" could be started at ${url}: ${reasonOf(cause)}`;
  return new HoldfastError("cluster", "start_failed", message, {
    statusCode: 503,
    cause,
    metadata: { pool },
  });
}

/** `fetch` has the reason in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
