import type {
  ConnectionMemory,
  ConnectionSink,
  RawSocketCall,
  RawSocketHost,
  RawSocketKeeper,
} from "@holdfast/actors";
import { type ActorTarget, isRetryable } from "@holdfast/client";
import type { HoldfastError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { visibleError } from "../gateway/http/exchange.ts";

/** The transport of a raw WebSocket, as its session uses it. */
export interface RawWire {
  /** Reads nothing until `resume`, because the actor has to be woken first. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

/** Prefix of the path that `onWebSocket` sees; that of `onRequest` has none. */
export const socketPrefix = "/websocket";

/** One raw WebSocket between a client and an actor, across sleeps of the actor. */
export class RawSession implements RawSocketKeeper {
  readonly #directory: Directory;
  readonly #target: ActorTarget;
  readonly #wire: RawWire;
  #host: RawSocketHost | undefined;
  /** Holds the connection while the actor sleeps. */
  #held: { readonly actorId: string; readonly connId: string } | undefined;
  #waiting: (string | Uint8Array)[] = [];
  #waking = false;
  #ended: { readonly code: number; readonly reason: string; readonly wasClean: boolean } | undefined;

  constructor(directory: Directory, target: ActorTarget, wire: RawWire) {
    this.#directory = directory;
    this.#target = target;
    this.#wire = wire;
  }

  /** Passes the socket to the actor. Throws the error of a refusal. */
  async open(call: Omit<RawSocketCall, "keeper">): Promise<void> {
    this.attach(await this.#directory.openWebSocket(this.#target, { ...call, keeper: this }));
  }

  received(data: string | Uint8Array): void {
    if (this.#ended !== undefined) return;
    if (this.#waiting.length === 0 && this.#host?.received(data) === true) return;
    this.#waiting.push(typeof data === "string" ? data : new Uint8Array(data));
    this.#wire.pause();
    void this.#wake();
  }

  /** Called when the socket has closed. Idempotent. */
  closed(code: number, reason: string, wasClean: boolean): void {
    if (this.#ended !== undefined) return;
    this.#ended = { code, reason, wasClean };
    this.#waiting = [];
    if (this.#host !== undefined) this.#host.closed(code, reason, wasClean);
    // Its record is left: `onDisconnect` runs when the actor wakes.
    else if (this.#held !== undefined)
      this.#directory.hibernating.drop(this.#held.actorId, this.#held.connId);
  }

  hold(actorId: string, connId: string, sink: ConnectionSink, memory: ConnectionMemory): void {
    this.#host = undefined;
    if (this.#ended !== undefined) return;
    this.#held = { actorId, connId };
    this.#directory.hibernating.hold(actorId, connId, {
      ...{ sink, memory },
      isLost: () => false,
      moved: () => this.#wire.close(1012, "actor.moved"),
    });
    if (this.#waiting.length > 0) void this.#wake();
  }

  attach(host: RawSocketHost): void {
    this.#host = host;
    this.#held = undefined;
    this.#waking = false;
    if (this.#ended !== undefined) {
      host.closed(this.#ended.code, this.#ended.reason, this.#ended.wasClean);
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const data of waiting) this.received(data);
    if (this.#waiting.length === 0) this.#wire.resume();
  }

  async #wake(): Promise<void> {
    if (this.#waking || this.#held === undefined) return;
    this.#waking = true;
    const { actorId } = this.#held;
    try {
      await this.#directory.wake({ type: "id", name: this.#target.name, id: actorId });
    } catch (error) {
      const visible: HoldfastError = visibleError(error, this.#directory.ports);
      this.#wire.close(isRetryable(visible) ? 1012 : 1011, `${visible.group}.${visible.code}`);
    }
  }
}
