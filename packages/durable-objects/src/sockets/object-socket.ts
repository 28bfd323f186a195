import type { ConnectionMemory, OutgoingEvent } from "@holdfast/actors";
import {
  closeReason,
  decodeClientMessage,
  type Encoding,
  joinFrames,
  type Liveness,
  type PreparedFrame,
  prepareChunk,
  prepareEvent,
  prepareResult,
  prepareServerFrame,
  protocolVersion,
  type ResumeInfo,
} from "@holdfast/client";
import { HoldfastError, type WireError } from "@holdfast/core";
import type { Session, SessionOutput } from "@holdfast/server/embedded";
import type { WorkerSocket } from "../platform.ts";
import type { Attachment, Attachments } from "./attachment.ts";

export interface ObjectSocketOptions {
  readonly socket: WorkerSocket;
  readonly encoding: Encoding;
  readonly maxIncomingBytes: number;
  readonly attachments: Attachments;
  /** Gives the socket to the platform, which keeps it from then on. Undefined for one that it has. */
  readonly hibernate?: () => void;
}

/** One WebSocket of a client, which the platform keeps while the object is out of memory. */
export class ObjectSocket implements SessionOutput {
  readonly encoding: Encoding;
  readonly #options: ObjectSocketOptions;
  readonly #socket: WorkerSocket;
  #session: Session | undefined;
  #outgoing: PreparedFrame[] = [];
  #attachment: Attachment | undefined;
  /** The name of the actor, for the attachment. */
  #name = "";
  #liveness: Liveness | undefined;
  #isClosed = false;
  /** False until the connection is accepted or refused: then what the client sends waits. */
  #isAccepted: boolean;

  constructor(options: ObjectSocketOptions) {
    this.#isAccepted = options.hibernate === undefined;
    this.#options = options;
    this.#socket = options.socket;
    this.encoding = options.encoding;
  }

  attach(session: Session, name: string, liveness: Liveness | undefined): void {
    this.#session = session;
    this.#name = name;
    this.#liveness = liveness;
    if (this.#isClosed) session.end();
  }

  /** Continues the connection of a socket that outlived the object's memory. */
  restore(session: Session, attachment: Attachment): void {
    this.#session = session;
    this.#attachment = attachment;
    this.#name = attachment.name;
  }

  message(data: string | ArrayBuffer): void {
    const session = this.#session;
    // Nothing comes before the session has accepted the socket.
    if (this.#isClosed || session === undefined) return;
    try {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
      const maxBytes = this.#options.maxIncomingBytes;
      if (bytes.length > maxBytes) {
        const message = `The message is longer than ${maxBytes} bytes`;
        throw new HoldfastError("message", "incoming_too_long", message);
      }
      if ((typeof data === "string") === (this.encoding === "cbor")) {
        const message = `A message in ${this.encoding} is ${typeof data === "string" ? "text" : "binary"}`;
        throw new HoldfastError("message", "malformed_frame", message);
      }
      for (const frame of decodeClientMessage(this.encoding, bytes)) session.frame(frame);
    } catch (error) {
      session.fail(error);
    }
  }

  /** The client has closed, or was cut off. */
  closed(code: number, reason: string): void {
    this.#ended();
    // Answers the close where the platform does not.
    attempt(() => this.#socket.close(isSendable(code) ? code : 1000, closeReason(reason)));
    if (code === 1000 || code === 1001) this.#session?.end();
    else this.#session?.lose();
  }

  // SessionOutput

  init(actorId: string, connId: string, resume: ResumeInfo): void {
    this.#isAccepted = true;
    this.#options.hibernate?.();
    const { token } = resume;
    const { encoding } = this;
    this.#attachment = { name: this.#name, encoding, actorId, connId, token, count: undefined, memory: {} };
    this.#remember(this.#attachment);
    this.#push({
      ...({ type: "init", version: protocolVersion, actorId, connId, resume } as const),
      ...(this.#liveness === undefined ? {} : { liveness: this.#liveness }),
    });
  }

  slept(memory: ConnectionMemory, count: number): void {
    if (this.#attachment !== undefined) this.#remember({ ...this.#attachment, memory, count });
  }

  woke(): void {
    // From now on the count grows, and the records of the actor are newer.
    if (this.#attachment !== undefined) this.#remember({ ...this.#attachment, memory: {}, count: undefined });
  }

  result(id: number, value: Uint8Array): void {
    this.#send(prepareResult(this.encoding, id, value));
  }

  error(id: number | undefined, error: WireError): void {
    this.#push({ type: "error", id, error });
  }

  stream(id: number): void {
    this.#push({ type: "stream", id });
  }

  chunk(id: number, value: Uint8Array): void {
    this.#send(prepareChunk(this.encoding, id, value));
  }

  event(event: OutgoingEvent): void {
    this.#send(prepareEvent(this.encoding, event.name, event.args));
  }

  pong(): void {
    this.#push({ type: "pong" });
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    // A refused one is not given to the platform, which ends the connection to its client late.
    if (!this.#isAccepted) this.#socket.accept();
    this.#isAccepted = true;
    this.#flush();
    this.#ended();
    attempt(() => this.#socket.close(code, closeReason(reason)));
  }

  #ended(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#attachment !== undefined) this.#options.attachments.forget(this.#attachment.connId);
  }

  #remember(attachment: Attachment): void {
    if (!this.#isClosed) this.#options.attachments.write(this.#socket, attachment);
  }

  #push(frame: Parameters<typeof prepareServerFrame>[1]): void {
    this.#send(prepareServerFrame(this.encoding, frame));
  }

  /** What is sent in one go is one message. */
  #send(frame: PreparedFrame): void {
    if (this.#isClosed) return;
    if (this.#outgoing.push(frame) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (!this.#isAccepted) return;
    const frames = this.#outgoing.splice(0);
    if (frames.length === 0 || this.#isClosed) return;
    attempt(() => this.#socket.send(joinFrames(frames)));
  }
}

/** The platform reports a socket that has ended in the meantime by its close event. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof Error)) throw error;
  }
}

function isSendable(code: number): boolean {
  return code === 1000 || (code >= 3000 && code < 5000);
}
