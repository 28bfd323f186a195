import { decodeJson } from "@holdfast/core";
import { maxValueDepth } from "../../request.ts";
import { actorPath } from "./actors.ts";
import type {
  ActorAddress,
  Connection,
  DeadSchedule,
  InspectedActor,
  LogRecord,
  QueueMessage,
  Schedule,
  SeenEvent,
  WorkflowHistory,
} from "./types.ts";

/** `offline` reconnects by itself; `ended` does not: the actor was destroyed, or this browser may not watch it. */
export type LiveStatus = "connecting" | "running" | "sleeping" | "offline" | "ended";

/** A change, as the server reports it. */
export type LiveChange =
  | { readonly type: "init"; readonly summary: InspectedActor }
  | { readonly type: "state"; readonly state: unknown }
  | { readonly type: "connections"; readonly connections: readonly Connection[] }
  | { readonly type: "queue"; readonly queueSize: number; readonly messages: readonly QueueMessage[] }
  | {
      readonly type: "workflow";
      readonly workflowState: string | null;
      readonly history: WorkflowHistory | null;
    }
  | {
      readonly type: "schedules";
      readonly schedules: readonly Schedule[];
      readonly deadLetters: readonly DeadSchedule[];
    }
  | { readonly type: "kv" | "database" };

type Frame =
  | LiveChange
  | { readonly type: "log"; readonly records: readonly LogRecord[] }
  | { readonly type: "event"; readonly name: string; readonly args: readonly unknown[] }
  | { readonly type: "status"; readonly status: "sleeping" | "destroyed" }
  | { readonly type: "response" | "error" };

export interface LiveSnapshot {
  readonly status: LiveStatus;
  /** Why it ended: `group.code`. */
  readonly reason: string | undefined;
  readonly logs: readonly LogRecord[];
  readonly events: readonly SeenEvent[];
}

/** Maximum number of records and events that are kept; older ones are dropped. */
const maxKept = 500;
/** Streamed records are rendered together at this interval: rendering each one would block the page. */
const renderIntervalMs = 100;
const firstRetryMs = 300;
const maxRetryMs = 5_000;

/** Watches one actor over a WebSocket while there are subscribers, and reconnects by itself. */
export class LiveFeed {
  readonly #url: string;
  readonly #onChange: (change: LiveChange) => void;
  readonly #listeners = new Set<() => void>();
  #snapshot: LiveSnapshot = { status: "connecting", reason: undefined, logs: [], events: [] };
  #socket: WebSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renderTimer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #seq = 0;

  constructor(address: ActorAddress, onChange: (change: LiveChange) => void) {
    this.#url = `${location.origin.replace(/^http/, "ws")}${actorPath(address)}/inspector/connect`;
    this.#onChange = onChange;
  }

  readonly snapshot = (): LiveSnapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Starts to watch; the returned function stops that. */
  start(): () => void {
    this.#open();
    return () => {
      clearTimeout(this.#retry);
      clearTimeout(this.#renderTimer);
      this.#renderTimer = undefined;
      const socket = this.#socket;
      this.#socket = undefined;
      socket?.close();
    };
  }

  clearEvents(): void {
    this.#set({ events: [] });
  }

  #open(): void {
    const socket = new WebSocket(this.#url, "holdfast.inspector.v1");
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket && typeof data === "string") {
        this.#onFrame(decodeJson(data, maxValueDepth) as Frame);
      }
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      const final = isFinal(code, reason);
      this.#set({ status: final ? "ended" : "offline", reason: final ? reason : undefined });
      if (final) return;
      const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures);
      this.#failures += 1;
      this.#retry = setTimeout(() => this.#open(), delayMs);
    });
  }

  #onFrame(frame: Frame): void {
    switch (frame.type) {
      case "init":
        this.#failures = 0;
        this.#set({ status: "running" });
        return this.#onChange(frame);
      case "status":
        return this.#set(
          frame.status === "destroyed"
            ? { status: "ended", reason: "actor.destroyed" }
            : { status: "sleeping" },
        );
      case "log":
        return this.#stream({ logs: [...this.#snapshot.logs, ...frame.records].slice(-maxKept) });
      case "event": {
        this.#seq += 1;
        const seen = { seq: this.#seq, at: Date.now(), name: frame.name, args: frame.args };
        return this.#stream({ events: [...this.#snapshot.events, seen].slice(-maxKept) });
      }
      case "response":
      case "error":
        // Requests go over HTTP; data that a push could not deliver is requested there, too.
        return;
      default:
        this.#onChange(frame);
    }
  }

  #set(change: Partial<LiveSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.#notify();
  }

  /** {@link #set} for data that may arrive thousands of times per second. */
  #stream(change: Partial<LiveSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    this.#renderTimer ??= setTimeout(() => {
      this.#renderTimer = undefined;
      this.#notify();
    }, renderIntervalMs);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A refusal, or the end of the actor. Errors about the server itself, such as its shutdown, are temporary. */
export function isFinal(code: number, reason: string): boolean {
  if (reason === "actor.destroyed") return true;
  return code === 1008 && !/^(gateway|store|conn)\./.test(reason);
}
