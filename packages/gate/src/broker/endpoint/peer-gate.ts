import { Router } from "zeromq";
import { endpointLimits } from "../broker-limits.ts";
import type { PeerRefused, PeerRule } from "./channel.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import { peerOf, refusePeer } from "./peer-check.ts";

interface Asked {
  readonly handler: Buffer;
  readonly request: Buffer;
  readonly socket: PeerRefused["socket"];
  readonly address: string;
  readonly until: number;
}

/**
 * Answers libzmq's authentication request (ZAP, RFC 27) for every new connection: allows processes of the jail only.
 * Requests wait until the jail has started.
 */
export class PeerGate {
  readonly #zap = new Router({ linger: 0 });
  readonly #onRefused: (refused: PeerRefused) => void;
  /** Undefined until the jail starts. */
  #rule: PeerRule | undefined;
  #waiting: Asked[] = [];
  readonly #replies: Buffer[][] = [];
  #replying = false;
  readonly places = { request: new ConnectionSlots(), events: new ConnectionSlots() };

  constructor(onRefused: (refused: PeerRefused) => void) {
    this.#onRefused = onRefused;
  }

  async open(): Promise<void> {
    await this.#zap.bind("inproc://zeromq.zap.01");
    void this.#serve();
    setInterval(() => this.#giveUp(), 1_000);
  }

  setRule(rule: PeerRule): void {
    this.#rule = rule;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const asked of waiting) this.#decide(asked);
  }

  async #serve(): Promise<void> {
    // Delimiter, version, request id, domain, address, identity, mechanism.
    for await (const [handler, , , request, domain, address] of this.#zap) {
      if (!handler || !request || !domain || !address) throw new Error("a malformed ZAP request");
      const socket = domain.toString() === "events" ? "events" : "request";
      const until = performance.now() + endpointLimits.peerWaitMs;
      const asked = { handler, request, socket, address: address.toString("latin1"), until } as const;
      if (this.#rule !== undefined) this.#decide(asked);
      else if (this.#waiting.length < endpointLimits.maxConnections) this.#waiting.push(asked);
      else this.#refuse(asked, "too_many_connections");
    }
  }

  #decide(asked: Asked): void {
    const reason = refusePeer(peerOf(asked.address), this.#rule ?? null);
    if (reason !== undefined) return this.#refuse(asked, reason);
    if (!this.places[asked.socket].take()) return this.#refuse(asked, "too_many_connections");
    this.#reply(asked, "200", "OK");
  }

  #giveUp(): void {
    const now = performance.now();
    const late = this.#waiting.filter((each) => each.until <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => each.until > now);
    for (const asked of late) this.#refuse(asked, "jail_not_running");
  }

  #refuse(asked: Asked, reason: PeerRefused["reason"]): void {
    const { uid = -1, pid = -1 } = peerOf(asked.address) ?? {};
    this.#onRefused({ socket: asked.socket, uid, pid, reason });
    // A ZeroMQ client treats 400 as final and reconnects after 300: a slot may be free soon.
    this.#reply(asked, reason === "too_many_connections" ? "300" : "400", "refused");
  }

  #reply({ handler, request }: Asked, status: string, text: string): void {
    const texts = ["", "1.0"].map((each) => Buffer.from(each));
    const rest = [status, text, "jail", ""].map((each) => Buffer.from(each));
    this.#replies.push([handler, ...texts, request, ...rest]);
    if (!this.#replying) void this.#sendReplies();
  }

  async #sendReplies(): Promise<void> {
    this.#replying = true;
    for (let reply = this.#replies.shift(); reply; reply = this.#replies.shift()) await this.#zap.send(reply);
    this.#replying = false;
  }
}
