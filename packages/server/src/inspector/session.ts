import type { ActorInspection, ActorInstance, InspectionTopic, OutgoingEvent } from "@holdfast/actors";
import { type ActorTarget, decode, encode, trustedDepth } from "@holdfast/client";
import { decodeValue, HoldfastError, isHoldfastError, toWireError } from "@holdfast/core";
import type { Directory } from "../directory/directory.ts";
import { visibleError } from "../gateway/http/exchange.ts";
import type { InspectorApi } from "./api.ts";
import { queueOf, stateOf, summaryOf, workflowOf } from "./shapes.ts";

/** Version of the frames; sent in `init`. */
const inspectorVersion = 1;
/** Minimum interval between pushes of one session. */
const pushIntervalMs = 100;
const maxRequests = 32;
const shownMessages = 100;

/** Receiver of frames. Neither method may throw. */
export interface InspectorOutput {
  send(frame: string): void;
  close(code: number, reason: string): void;
}

export interface InspectorSessionOptions {
  readonly directory: Directory;
  readonly api: InspectorApi;
  readonly target: ActorTarget;
  readonly rights: "owner" | "actor";
  readonly output: InspectorOutput;
}

/** A client that watches one actor. The session continues while the actor sleeps. See docs/reference/inspector.md. */
export class InspectorSession {
  readonly #options: InspectorSessionOptions;
  readonly #endings: (() => void)[] = [];
  readonly #changed = new Set<InspectionTopic>();
  #instance: ActorInstance | undefined;
  #unwatch: (() => void) | undefined;
  #pushSet = false;
  #running = 0;
  #ended = false;

  constructor(options: InspectorSessionOptions) {
    this.#options = options;
  }

  /** Wakes the actor, and sends `init`. */
  async start(): Promise<void> {
    const { directory, target } = this.#options;
    await directory.inspect(target, async (inspection, instance) => {
      if (this.#ended) return;
      this.#endings.push(
        directory.starts.listen(instance.id, (next) => this.#started(next)),
        directory.logs.listen(instance.id, (record) => this.#send({ type: "log", records: [record] })),
      );
      await this.#attach(inspection, instance);
    });
  }

  /** Handles a frame of the client. */
  frame(text: string): void {
    let id: unknown;
    try {
      const frame = decode("json", text, trustedDepth);
      const { type, method, path, body, ...rest } = (
        typeof frame === "object" && frame !== null ? frame : {}
      ) as Record<string, unknown>;
      id = rest["id"];
      const isRequest =
        type === "request" &&
        typeof id === "number" &&
        typeof method === "string" &&
        typeof path === "string" &&
        path.startsWith("/");
      if (!isRequest) throw new HoldfastError("message", "malformed_frame", "The frame is not a request");
      if (this.#running >= maxRequests) {
        throw new HoldfastError("conn", "too_many_calls", `More than ${maxRequests} concurrent requests`);
      }
      void this.#answer(id as number, method, path, body);
    } catch (error) {
      this.#sendError(error, id);
    }
  }

  /** Called when the client has disconnected. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#unwatch?.();
    for (const ending of this.#endings.splice(0)) ending();
  }

  async #answer(id: number, method: string, path: string, body: unknown): Promise<void> {
    const { api, target, rights } = this.#options;
    const [pathname = "/", query = ""] = path.split("?", 2);
    this.#running++;
    try {
      const request = { method, path: pathname, query: new URLSearchParams(query), body, rights };
      const response = await api.answer(target, request);
      this.#send({ type: "response", id, status: response.status, body: response.body });
    } catch (error) {
      const visible = visibleError(error, this.#options.directory.ports);
      this.#send({ type: "response", id, status: visible.statusCode, body: toWireError(visible) });
    } finally {
      this.#running--;
    }
  }

  #started(instance: ActorInstance): void {
    instance.ready.then(
      () => this.#attach(instance.inspect(), instance).catch((error: unknown) => this.#sendError(error)),
      // The actor did not start: the request that woke it gets the error.
      () => undefined,
    );
  }

  async #attach(inspection: ActorInspection, instance: ActorInstance): Promise<void> {
    if (this.#ended || this.#instance === instance) return;
    this.#unwatch?.();
    this.#instance = instance;
    this.#unwatch = inspection.watch({
      changed: (topics) => this.#note(topics),
      broadcast: (event) => this.#event(event),
    });
    void instance.stopped.then((reason) => {
      if (this.#instance !== instance) return;
      this.#instance = undefined;
      this.#send({ type: "status", status: reason === "destroyed" ? "destroyed" : "sleeping" });
      if (reason === "destroyed") this.#close(1000, "actor.destroyed");
    });
    const { id, key } = instance;
    const name = this.#options.directory.namespaces.bare(instance.name);
    const summary = await summaryOf(inspection, { id, name, key, status: "running" });
    this.#send({ type: "init", version: inspectorVersion, summary });
  }

  #note(topics: ReadonlySet<InspectionTopic>): void {
    for (const topic of topics) this.#changed.add(topic);
    if (this.#pushSet || this.#ended) return;
    this.#pushSet = true;
    this.#options.directory.ports.tasks.after(pushIntervalMs, () => {
      this.#pushSet = false;
      this.#push().catch((error: unknown) => this.#sendError(error));
    });
  }

  async #push(): Promise<void> {
    const instance = this.#instance;
    const topics = [...this.#changed];
    this.#changed.clear();
    if (this.#ended || instance === undefined || instance.status === "stopped") return;
    const inspection = instance.inspect();
    for (const topic of topics) {
      try {
        const frame = await pushed(inspection, topic);
        if (this.#instance === instance) this.#send(frame);
      } catch (error) {
        // Other changes can still be pushed.
        if (this.#instance === instance) this.#sendError(error);
      }
    }
  }

  #event(event: OutgoingEvent): void {
    this.#send({
      type: "event",
      name: event.name,
      args: decodeValue(event.args, { maxDepth: trustedDepth }),
    });
  }

  #sendError(error: unknown, id?: unknown): void {
    const visible = isHoldfastError(error) ? error : visibleError(error, this.#options.directory.ports);
    this.#send({ type: "error", ...(typeof id === "number" ? { id } : {}), ...toWireError(visible) });
  }

  #send(frame: unknown): void {
    if (!this.#ended) this.#options.output.send(String(encode("json", frame)));
  }

  #close(code: number, reason: string): void {
    this.end();
    this.#options.output.close(code, reason);
  }
}

async function pushed(inspection: ActorInspection, topic: InspectionTopic): Promise<unknown> {
  switch (topic) {
    case "state":
      return { type: "state", state: stateOf(inspection).state };
    case "connections":
      return { type: "connections", connections: inspection.connections() };
    case "queue": {
      const { size, messages } = queueOf(inspection, await inspection.queues.list(shownMessages));
      return { type: "queue", queueSize: size, messages };
    }
    case "workflow": {
      const { workflowState, history } = workflowOf(await inspection.workflow.history());
      return { type: "workflow", workflowState, history };
    }
    case "schedules":
      return { type: "schedules", ...(await inspection.schedules.list()) };
    case "kv":
    case "database":
      // Their content is paged: the push only says that it has changed.
      return { type: topic };
  }
}
