import { Publisher, Router } from "zeromq";
import { brokerLimits, endpointLimits } from "../broker-limits.ts";
import {
  type EndpointProblem,
  frameKinds,
  type PeerRefused,
  type PeerRule,
  packJson,
  packRouted,
  type Routed,
} from "./channel.ts";
import { PeerGate } from "./peer-gate.ts";

export interface GuardedSocketsOptions {
  readonly requestAddress: string;
  readonly eventsAddress: string;
  /** Resolves when the next frame can be sent. */
  readonly send: (frame: Buffer) => Promise<void>;
  /** Ends all connections, when the sockets buffer more than they may. */
  readonly restart: (why: EndpointProblem) => void;
}

const empty = Buffer.alloc(0);

const guards = {
  linger: 0,
  zapEnforceDomain: true,
  handshakeInterval: endpointLimits.handshakeMs,
  heartbeatInterval: endpointLimits.heartbeatMs,
  heartbeatTimeout: endpointLimits.heartbeatTimeoutMs,
  heartbeatTimeToLive: 0,
  maxMessageSize: brokerLimits.maxReceiveBytes,
  sendHighWaterMark: endpointLimits.sendQueue,
  sendTimeout: 0,
} as const;

interface Held {
  readonly routed: Routed;
  readonly until: number;
}

/** ROUTER and PUB sockets of one jail. Checks every peer, and limits what each can make the process buffer. */
export class GuardedSockets {
  readonly #options: GuardedSocketsOptions;
  readonly #requests = new Router({
    ...guards,
    zapDomain: "request",
    mandatory: true,
    receiveHighWaterMark: endpointLimits.receiveQueue,
  });
  readonly #events = new Publisher({ ...guards, zapDomain: "events" });
  readonly #gate: PeerGate;
  readonly #pace = new Pace(endpointLimits.framesPerSecond, endpointLimits.bytesPerSecond);
  #answers: Routed[] = [];
  #answering = false;
  #published: [Buffer, Buffer][] = [];
  #publishing = false;
  /** Answers for disconnected peers, oldest first. */
  #held: Held[] = [];

  constructor(options: GuardedSocketsOptions) {
    this.#options = options;
    this.#gate = new PeerGate((refused) => this.#report(frameKinds.refused, refused));
  }

  async open(): Promise<void> {
    await this.#gate.open();
    await this.#guard(this.#requests, "request", this.#options.requestAddress);
    await this.#guard(this.#events, "events", this.#options.eventsAddress);
    void this.#receive();
  }

  setRule(rule: PeerRule): void {
    this.#gate.setRule(rule);
  }

  answer(routed: Routed): void {
    this.#answers.push(routed);
    if (!this.#answering) void this.#sendAnswers();
  }

  publish(topic: Buffer, bytes: Buffer): void {
    this.#published.push([topic, bytes]);
    if (!this.#publishing) void this.#sendEvents();
  }

  #report(kind: typeof frameKinds.refused | typeof frameKinds.problem, value: PeerRefused | EndpointProblem) {
    void this.#options.send(packJson(kind, value));
  }

  /** Binds the socket and counts its connections: libzmq has no limit, and aborts when descriptors run out. */
  async #guard(socket: Router | Publisher, name: PeerRefused["socket"], address: string): Promise<void> {
    let [connected, failing] = [0, 0];
    const places = this.#gate.places[name];
    socket.events.on("accept", () => {
      connected += 1;
      // Unbinding would end the connections without reporting each end, which would leave the counts wrong.
      if (connected > endpointLimits.maxAccepted) {
        this.#options.restart({ problem: "too_many_connections", detail: name });
      }
    });
    socket.events.on("handshake", () => places.hold());
    // A failed handshake is reported twice: as a failure, and as the end of the connection.
    for (const kind of ["auth", "protocol", "other"] as const) {
      socket.events.on(`handshake:error:${kind}`, () => {
        failing += 1;
      });
    }
    socket.events.on("disconnect", () => {
      connected = Math.max(connected - 1, 0);
      if (failing > 0) failing -= 1;
      else places.free();
    });
    await socket.bind(address);
  }

  async #receive(): Promise<void> {
    for await (const frames of this.#requests) {
      const [id = empty, ...rest] = frames;
      const flags = rest.length > 1 && rest[0]?.length === 0 ? 1 : 0;
      const whole = rest.length === 1 + flags;
      // A message with other parts is answered like an unreadable one.
      const bytes = whole ? (rest[flags] ?? empty) : empty;
      if (this.#held.length > 0) this.#releaseHeld(id);
      await this.#pace.take(bytes.length);
      await this.#options.send(packRouted(frameKinds.request, whole ? flags : 1, id, bytes));
    }
  }

  async #sendAnswers(): Promise<void> {
    this.#answering = true;
    while (this.#answers.length > 0) {
      const batch = this.#answers;
      this.#answers = [];
      for (const routed of batch)
        await this.#sendAnswer(routed, performance.now() + endpointLimits.heldAnswerMs);
    }
    this.#answering = false;
  }

  async #sendAnswer(routed: Routed, until: number): Promise<void> {
    const { flags, id, bytes } = routed;
    try {
      await this.#requests.send(flags === 1 ? [id, empty, bytes] : [id, bytes]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EHOSTUNREACH") this.#hold({ routed, until });
      else this.#report(frameKinds.problem, { problem: "slow_reader", detail: `${bytes.length} bytes` });
    }
  }

  /** A peer that chose its routing id can reconnect with it; one generated by libzmq is never reused. */
  #hold(held: Held): void {
    if (held.routed.id[0] === 0) return;
    const now = performance.now();
    this.#held = this.#held.filter((each) => each.until > now);
    if (now >= held.until || this.#held.length >= endpointLimits.maxHeldAnswers) {
      this.#report(frameKinds.problem, {
        problem: "answer_undelivered",
        detail: "its connection was closed",
      });
    } else this.#held.push(held);
  }

  #releaseHeld(id: Buffer): void {
    const mine = this.#held.filter((each) => each.routed.id.equals(id));
    if (mine.length === 0) return;
    this.#held = this.#held.filter((each) => !mine.includes(each));
    for (const { routed } of mine) this.answer(routed);
  }

  async #sendEvents(): Promise<void> {
    this.#publishing = true;
    while (this.#published.length > 0) {
      const batch = this.#published;
      this.#published = [];
      for (const frames of batch) await this.#events.send(frames);
    }
    this.#publishing = false;
  }
}

/** Limits the rate of frames and bytes; the burst is one second's worth. */
class Pace {
  readonly #frames: number;
  readonly #bytes: number;
  #framesLeft: number;
  #bytesLeft: number;
  #at = performance.now();

  constructor(framesPerSecond: number, bytesPerSecond: number) {
    this.#frames = this.#framesLeft = framesPerSecond;
    this.#bytes = this.#bytesLeft = bytesPerSecond;
  }

  async take(bytes: number): Promise<void> {
    this.#framesLeft -= 1;
    this.#bytesLeft -= bytes;
    if (this.#framesLeft >= 0 && this.#bytesLeft >= 0) return;
    const now = performance.now();
    const seconds = (now - this.#at) / 1_000;
    this.#at = now;
    this.#framesLeft = Math.min(this.#framesLeft + seconds * this.#frames, this.#frames);
    this.#bytesLeft = Math.min(this.#bytesLeft + seconds * this.#bytes, this.#bytes);
    const owed = Math.max(-this.#framesLeft / this.#frames, -this.#bytesLeft / this.#bytes);
    if (owed > 0) await new Promise((resolve) => setTimeout(resolve, Math.max(owed * 1_000, 5)));
  }
}
