import type { ActorInstance } from "@holdfast/actors";
import type { ActorTarget, ClientDriver, DriverCall, DriverConnection } from "@holdfast/client";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { type ClusterMember, type DirectoryCluster, type LocalDriver, Misdirected } from "@holdfast/server";
import type { PlantedBug } from "../planted-bugs.ts";
import type { Codec, LinkedProcess, SimLinks } from "./links.ts";

export interface SimClusterOptions {
  readonly node: string;
  readonly member: ClusterMember;
  readonly links: SimLinks;
  readonly plant: PlantedBug | undefined;
  readonly local: () => LocalDriver;
}

/** A node's cluster with simulated links: the membership and the placement are the real ones. */
export class SimCluster implements DirectoryCluster {
  readonly #options: SimClusterOptions;
  readonly #member: ClusterMember;
  #attempts = 0;

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#member = options.member;
  }

  /** Joins. Throws `cluster.node_exists`, and errors of the store. */
  start(): Promise<void> {
    return this.#member.start();
  }

  locate(target: ActorTarget): ReturnType<ClusterMember["locate"]> {
    return this.#member.locate(target);
  }

  isHere(target: ActorTarget): boolean {
    return this.#member.isHere(target);
  }

  holds(...address: Parameters<ClusterMember["holds"]>): boolean {
    return this.#options.plant === "answer-without-lease" || this.#member.holds(...address);
  }

  takes(...address: Parameters<ClusterMember["takes"]>): boolean {
    return this.#member.takes(...address);
  }

  newId(...address: Parameters<ClusterMember["newId"]>): string {
    return this.#member.newId(...address);
  }

  get isReady(): boolean {
    return this.#member.isReady;
  }

  get revision(): number {
    return this.#member.revision;
  }

  mayAnswer(instance: ActorInstance): boolean {
    return this.#options.plant === "answer-without-lease" || this.#member.mayAnswer(instance);
  }

  started(instance: ActorInstance): void {
    if (this.#options.plant !== "skip-vacate") this.#member.started(instance);
  }

  stopped(instance: ActorInstance): void {
    this.#member.stopped(instance);
  }

  status(): ReturnType<ClusterMember["status"]> {
    return this.#member.status();
  }

  requestDrain(id: string): Promise<void> {
    return this.#member.requestDrain(id);
  }

  drain(): Promise<void> {
    return this.#member.drain(30_000);
  }

  stop(): Promise<void> {
    return this.#member.stop();
  }

  accepts(target: ActorTarget, revision: number): Promise<boolean> {
    return this.#member.accepts(target, revision);
  }

  forward(): Promise<boolean> {
    throw new Error("The simulated network carries no HTTP");
  }

  forwardSocket(): Promise<boolean> {
    throw new Error("The simulated network carries no HTTP");
  }

  remoteDriver(): ClientDriver {
    const codec: Codec = this.#options.local();
    return {
      keepsOrder: false,
      prepareSend: (content) => codec.prepareSend(content),
      prepareArgs: (args) => codec.prepareArgs(args),
      prepare: (frame) => codec.prepare(frame),
      gatewayUrl: () => {
        throw new Error("The simulated network has no URLs");
      },
      call: (call) =>
        this.#forward(call.target, `call ${call.action}`, call.signal, (driver) =>
          driver.call(this.#keyed(call)),
        ),
      send: (send) =>
        this.#options.plant === "drop-delivery" && !send.waits
          ? Promise.resolve({ status: "completed" })
          : this.#forward(send.target, `send ${send.queue}`, send.signal, (driver) => driver.send(send)),
      resolve: (target, signal) =>
        this.#forward(target, "resolve", signal, (driver) => driver.resolve(target, signal)),
      create: (request) =>
        this.#forward(
          { type: "get", name: request.name, key: request.key },
          "create",
          request.signal,
          (driver) => driver.create(request),
        ),
      reload: (target, signal) =>
        this.#forward(target, "reload", signal, (driver) => driver.reload(target, signal)),
      manage: (request, signal) => {
        if (request.type !== "destroy") throw new Error("Only single actors are managed at other nodes");
        const target = { type: "get", name: request.name, key: request.key } as const;
        return this.#forward(target, "destroy", signal, (driver) => driver.manage(request, signal));
      },
      fetch: (request) =>
        this.#forward(request.target, "fetch", request.signal, (driver) => driver.fetch(request)),
      webSocket: () => {
        throw new Error("The simulated network carries no raw WebSockets");
      },
      connect: (target, params, listener, resume, events): DriverConnection => {
        const there = this.owner(target);
        if (there === undefined)
          throw new HoldfastError("client", "network_error", "The node is unreachable");
        return there.driver.connect(target, params, listener, resume, events);
      },
      dispose: async () => undefined,
    };
  }

  #keyed(call: DriverCall): DriverCall {
    if (this.#options.plant !== "forward-twice") return call;
    return { ...call, idempotencyKey: `${call.idempotencyKey}-${this.#attempts++}` };
  }

  /** The process that serves the target, if it is known and reachable now. */
  owner(target: ActorTarget): LinkedProcess | undefined {
    const { node, links } = this.#options;
    const located = this.#member.locate(target);
    if (located instanceof Promise) {
      located.catch(() => undefined);
      return undefined;
    }
    return links.reachable(node, located?.id ?? node);
  }

  async #forward<T>(
    target: ActorTarget,
    label: string,
    signal: AbortSignal | undefined,
    send: (driver: LocalDriver) => Promise<T>,
  ): Promise<T> {
    const { node, links } = this.#options;
    const { revision } = this.#member;
    const answer = await this.#member.follow(target, true, signal, (to) =>
      links.exchange(node, to.id, label, async ({ member, driver }) => {
        if (!(await member.accepts(target, revision))) return new Misdirected(member.revision);
        try {
          return { value: await send(driver) };
        } catch (error) {
          if (isErrorCode(error, "actor", "moved")) return new Misdirected(member.revision);
          throw error;
        }
      }),
    );
    if (answer === undefined) throw new HoldfastError("actor", "moved", "The actor is here by now");
    return answer.value;
  }
}
