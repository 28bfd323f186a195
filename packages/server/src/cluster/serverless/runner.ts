import { HoldfastError, type Ports, type Timer } from "@holdfast/core";
import type { Directory } from "../../directory/directory.ts";
import { problemResponse } from "../../gateway/http/problem-response.ts";
import { localPath } from "../../gateway/route.ts";
import { ClusterSecrets } from "../links/handshake.ts";
import type { ClusterOptions } from "../node/options.ts";
import { defaultPool } from "../place.ts";
import { type ServerlessOptions, serverlessDefaults } from "./options.ts";
import type { ServerlessNode } from "./serverless-node.ts";
import { readStart, type StartRequest, startPath } from "./start-request.ts";
import { StartStream } from "./start-stream.ts";

/** The registry of the process. */
export interface RunnerHost {
  readonly ports: Ports;
  /** Opens the store and joins, unless that has happened. Throws what these throw. */
  open(): Promise<Directory>;
  /** The node of the open store. */
  readonly node: ServerlessNode | undefined;
  /** Hands over all actors, leaves and closes the store. {@link open} opens it again. */
  suspend(): Promise<void>;
  /** The body of `GET /metadata`. */
  metadata(): Promise<Response>;
  /** The body of `GET /health`. */
  health(): Promise<Response>;
}

/**
 * A process behind scale-to-zero HTTP. It joins the cluster with its first request, without a share of the actors: a
 * host may freeze it as soon as it has answered. While a start request is open, which keeps it alive, it takes actors.
 * When the last of these ends, or nothing has happened for a while, it hands over its actors and leaves; the next
 * request begins anew.
 */
export class ServerlessRunner {
  readonly #options: ServerlessOptions;
  readonly #cluster: Pick<ClusterOptions, "weight" | "pools">;
  readonly #secrets: ClusterSecrets;
  readonly #host: RunnerHost;
  readonly #streams = new Set<StartStream>();
  /** Requests without a response. */
  #requests = 0;
  #directory: Directory | undefined;
  #idle: Timer | undefined;
  #leaving: Promise<void> | undefined;

  /** Throws `cluster.invalid_secret`. */
  constructor(cluster: ClusterOptions, options: ServerlessOptions, host: RunnerHost) {
    this.#cluster = cluster;
    this.#options = options;
    this.#secrets = new ClusterSecrets(cluster.secret);
    this.#host = host;
  }

  /** Answers a request; `serve` answers those for actors. */
  async handle(request: Request, serve: () => Promise<Response>): Promise<Response> {
    const path = localPath(new URL(request.url).pathname, "anywhere");
    // Neither opens the store: hosts and other nodes ask often.
    if (request.method === "GET" && path === "/metadata") return this.#host.metadata();
    if (request.method === "GET" && path === "/health") return this.#host.health();
    this.#requests++;
    this.#idle?.cancel();
    try {
      const isStart = request.method === "POST" && path === startPath;
      return await (isStart ? this.#start(request) : serve());
    } catch (error) {
      return problemResponse(error, this.#host.ports);
    } finally {
      this.#requests--;
      this.#watch();
    }
  }

  /** The store is open, and this process a node. */
  opened(directory: Directory): void {
    this.#directory = directory;
    this.#watch();
  }

  /** Tells the nodes that keep this one alive that it ends. */
  stopping(): void {
    this.#idle?.cancel();
    for (const stream of this.#streams) stream.stopping();
  }

  /** This node has left. */
  left(): void {
    this.#directory = undefined;
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  async #start(request: Request): Promise<Response> {
    const { ports } = this.#host;
    const start = await readStart(request, this.#secrets, ports.clock.now());
    this.#checkPool(start.pool);
    // One that has begun to leave lets go of all that it has first.
    await this.#leaving;
    await this.#host.open();
    const { node } = this.#host;
    if (node === undefined) throw new Error("A serverless process is a node");
    await node.reweigh(this.#cluster.weight ?? 1);
    ports.log.info("this node was started", { node: node.id, by: start.node });
    return this.#hold(start, node.id, request.signal).response;
  }

  #hold({ lifespanMs, graceMs }: StartRequest, node: string, gone: AbortSignal): StartStream {
    const { pingMs = serverlessDefaults.pingMs } = this.#options;
    const stream = new StartStream({
      ...{ tasks: this.#host.ports.tasks, node, pingMs, gone },
      lifetimeMs: Math.max(0, lifespanMs - graceMs),
      ended: () => {
        const isLast = this.#streams.size === 1 && this.#streams.has(stream);
        // The response has to last until the node has left.
        if (isLast) return void this.#leave("its request has ended");
        this.#streams.delete(stream);
        stream.end();
      },
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Throws `cluster.wrong_pool`. */
  #checkPool(pool: string): void {
    const { pools = [] } = this.#cluster;
    if (pool === defaultPool || pools.includes(pool)) return;
    const message = `This process is not of the pool "${pool}", which the node that starts it expects. Set HOLDFAST_POOLS to it here`;
    throw new HoldfastError("cluster", "wrong_pool", message, { statusCode: 409, metadata: { pool } });
  }

  /** Leaves when nothing has happened for a while. */
  #watch(): void {
    this.#idle?.cancel();
    if (this.#requests > 0 || this.#directory === undefined || this.#leaving !== undefined) return;
    const { idleMs = serverlessDefaults.idleMs } = this.#options;
    this.#idle = this.#host.ports.tasks.after(idleMs, () => {
      if (this.#isBusy()) this.#watch();
      else void this.#leave("it is idle");
    });
  }

  #isBusy(): boolean {
    const directory = this.#directory;
    if (directory === undefined) return false;
    return directory.size > 0 || directory.hibernating.size > 0 || this.#host.node?.isForwarding === true;
  }

  #leave(reason: string): Promise<void> {
    this.#leaving ??= this.#leaveNow(reason).finally(() => {
      this.#leaving = undefined;
    });
    return this.#leaving;
  }

  async #leaveNow(reason: string): Promise<void> {
    const { log } = this.#host.ports;
    this.stopping();
    log.info("this node leaves the cluster", { reason });
    try {
      await this.#host.suspend();
    } catch (error) {
      log.error("this node could not leave as it should; its session will expire", { error });
    } finally {
      this.left();
    }
  }
}

/** The error of a serverless process that is to listen. */
export function notListening(): HoldfastError {
  const message =
    'A serverless process does not listen itself: mount the registry in what its host serves, with "toNextHandler", "toHonoHandler" or "registry.serve()".';
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
