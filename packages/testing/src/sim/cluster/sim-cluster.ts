import type { ActorInstance } from "@holdfast/actors";
import type { ActorTarget, ClientDriver, DriverCall, DriverConnection } from "@holdfast/client";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import {
  alarmPollMs,
  type ClusterMember,
  type DirectoryCluster,
  LinkLost,
  type LocalDriver,
  Misdirected,
  type Wakeups,
} from "@holdfast/server";
import type { PlantedBug } from "../planted-bugs.ts";
import type { Codec, LinkedProcess, SimLinks } from "./links.ts";

export interface SimClusterOptions {
  readonly node: string;
  readonly member: ClusterMember;
  readonly links: SimLinks;
  readonly wakeups: Wakeups;
  readonly plant: PlantedBug | undefined;
  readonly local: () => LocalDriver;
  /** Called when actors have lost what was in memory only. */
  disrupted(why: string): void;
  /** Called when the node may answer for an actor. */
  answers(): void;
}

/** A node's cluster with simulated links: the membership and the placement are the real ones. */
export class SimCluster implements DirectoryCluster {
  readonly #options: SimClusterOptions;
  readonly #member: ClusterMember;
  #attempts = 0;
  /** Instances as the membership sees them, for the planted bug that does not wait for their sleep. */
  readonly #wrapped = new WeakMap<ActorInstance, ActorInstance>();
  /** For the planted bug that answers for whatever is in memory. */
  readonly #awake = new Set<ActorInstance>();

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.#member = options.member;
  }

  /** Joins. Throws `cluster.node_exists`, and errors of the store. */
  start(): Promise<void> {
    return this.#member.start();
  }

  locate(target: ActorTarget): ReturnType<ClusterMember["locate"]> {
    if (this.#answersFor(target)) return undefined;
    if (this.#options.plant !== "stale-map") return this.#member.locate(target);
    const name = JSON.stringify(target);
    const first = this.#options.links.foundFirst.get(name) ?? this.#member.locate(target);
    if (first !== undefined && !(first instanceof Promise)) this.#options.links.foundFirst.set(name, first);
    return first;
  }

  isHere(target: ActorTarget): boolean {
    return this.#answersFor(target) || this.#member.isHere(target);
  }

  takes(...address: Parameters<ClusterMember["takes"]>): boolean {
    return this.#member.takes(...address);
  }

  forget(target: ActorTarget): void {
    this.#member.forget(target);
  }

  admits(...record: Parameters<ClusterMember["admits"]>): ReturnType<ClusterMember["admits"]> {
    return this.#member.admits(...record);
  }

  reach<T>(reading: Promise<T>): Promise<T> {
    return this.#member.reach(reading);
  }

  relocate(...move: Parameters<ClusterMember["relocate"]>): Promise<void> {
    return this.#member.relocate(...move);
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

  get dueFilter(): ClusterMember["dueFilter"] {
    return this.#member.dueFilter;
  }

  get alarmPollMs(): number {
    return alarmPollMs(this.#options.wakeups);
  }

  tellDue(...due: Parameters<ClusterMember["tellDue"]>): void {
    this.#member.tellDue(...due);
  }

  mayAnswer(instance: ActorInstance): boolean {
    if (this.#options.plant === "answer-without-lease" || this.#member.mayAnswer(this.#seen(instance))) {
      this.#options.answers();
      return true;
    }
    this.#options.disrupted(`${this.#options.node} has no lease`);
    return false;
  }

  started(instance: ActorInstance): void {
    this.#awake.add(instance);
    if (this.#options.plant !== "skip-vacate") this.#member.started(this.#seen(instance));
  }

  /** The instance as the membership sees it. */
  #seen(instance: ActorInstance): ActorInstance {
    const { plant } = this.#options;
    if (plant !== "handover-before-sleep" && plant !== "answer-without-lease") return instance;
    const known = this.#wrapped.get(instance);
    if (known !== undefined) return known;
    const { id, name, key, place } = instance;
    const isHasty = plant === "handover-before-sleep";
    const sleep = async (): ReturnType<ActorInstance["sleep"]> => {
      const stopped = instance.sleep();
      return isHasty ? "slept" : stopped;
    };
    const disown = (error: HoldfastError): void => {
      if (isHasty) instance.disown(error);
      else void sleep();
    };
    const wrapped = { id, name, key, place, sleep, disown } as ActorInstance;
    this.#wrapped.set(instance, wrapped);
    return wrapped;
  }

  stopped(instance: ActorInstance): void {
    this.#awake.delete(instance);
    this.#member.stopped(this.#seen(instance));
  }

  metrics(): string {
    return "";
  }

  status(): ReturnType<ClusterMember["status"]> {
    return this.#member.status();
  }

  /** The simulated clients list no actors. */
  askOthers(): ReturnType<DirectoryCluster["askOthers"]> {
    return Promise.resolve({ answers: [], unanswered: [] });
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

  accepts(target: ActorTarget, revision: number): boolean | Promise<boolean> {
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

  #answersFor(target: ActorTarget): boolean {
    if (this.#options.plant !== "answer-without-lease") return false;
    return [...this.#awake].some(({ id, name, key }) =>
      target.type === "id"
        ? id === target.id
        : name === target.name && JSON.stringify(key) === JSON.stringify(target.key),
    );
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
    if (this.#options.links.foundFirst.size > 0) return this.#forwardToFirst(target, label, send);
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

  /** For the planted bug that never looks again. */
  async #forwardToFirst<T>(
    target: ActorTarget,
    label: string,
    send: (driver: LocalDriver) => Promise<T>,
  ): Promise<T> {
    const { node, links } = this.#options;
    const first = await this.locate(target);
    try {
      return await links.exchange(node, first?.id ?? node, label, async ({ member, driver }) => {
        if (await member.accepts(target, this.#member.revision)) return send(driver);
        throw new HoldfastError("actor", "moved", "Another node serves this actor now");
      });
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      throw new HoldfastError("client", "network_error", "The node is unreachable");
    }
  }
}
