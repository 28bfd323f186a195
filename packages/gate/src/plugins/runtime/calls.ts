import {
  type ErrorPayload,
  isToolError,
  type PluginContext,
  type PluginHandler,
  type SessionLookup,
  type SessionRecord,
  type ToolInvocationResult,
} from "./api.ts";
import type { HostMessage, ProcessMessage, Question } from "./messages.ts";
import { currentCall } from "./services.ts";

/** Largest result; the caller's response has the same limit. */
const maxResultBytes = 1024 * 1024;

/**
 * Longest text sent to the gate, which truncates it further after redaction. Truncating too early could split a
 * secret.
 */
const maxTextCharacters = 256 * 1024;

type Invoke = Extract<HostMessage, { type: "invoke" }>;
type CallMessage = Extract<
  HostMessage,
  { type: "invoke" | "cancel" | "event" | "resolve_session" | "verify" | "shutdown" }
>;

/** The exports of a plugin folder. `shutdown` is optional because the peer never required it. */
export type LoadedHandler = Omit<PluginHandler, "shutdown"> & Partial<Pick<PluginHandler, "shutdown">>;

export interface CallPorts {
  readonly send: (message: ProcessMessage) => void;
  readonly ask: (question: Question) => Promise<unknown>;
}

/** Describes a thrown value for the log. It can be of any type, and reading it can throw again. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? (error.stack ?? error.message) : error).slice(
      0,
      maxTextCharacters,
    );
  } catch {
    return "a value that cannot be printed";
  }
}

/** Answer to a call that threw. An object with the brand of a ToolError can still be invalid. */
function thrown(id: number, error: unknown): ProcessMessage {
  try {
    const payload = isToolError(error) ? payloadOf(error.toErrorPayload()) : undefined;
    if (payload !== undefined) return { type: "error", id, error: payload };
  } catch {
    // Then it is no more than anything else that is thrown.
  }
  return forTheLog(id, error);
}

/** An answer without the error's text. */
function forTheLog(id: number, error: unknown): ProcessMessage {
  return { type: "thrown", id, message: textOf(error) };
}

/** Runs the gate's requests on a handler. Each request has exactly one answer, whatever the handler does. */
export class Calls {
  readonly #handler: LoadedHandler;
  readonly #ports: CallPorts;
  readonly #running = new Map<number, AbortController>();

  constructor(handler: LoadedHandler, ports: CallPorts) {
    this.#handler = handler;
    this.#ports = ports;
  }

  receive(message: CallMessage): void {
    switch (message.type) {
      case "cancel":
        this.#running.get(message.id)?.abort();
        return;
      case "invoke":
        void this.#invoke(message);
        return;
      case "event":
        void this.#answer(message.id, async () => {
          await this.#handler.handleEvent?.(message.envelope);
          return undefined;
        });
        return;
      case "resolve_session":
        void this.#answer(message.id, async () => {
          const session = await this.#handler.resolveSession?.(message.envelope, this.#sessions(message.id));
          return session ?? null;
        });
        return;
      case "verify":
        void this.#answer(
          message.id,
          async () => {
            const result = await this.#handler.verify?.();
            return result ?? { ok: true, message: "The plugin has nothing to verify" };
          },
          thrown,
        );
        return;
      case "shutdown":
        void this.#answer(message.id, async () => {
          await this.#handler.shutdown?.();
          return undefined;
        });
        return;
    }
  }

  async #answer(
    id: number,
    run: () => Promise<Extract<ProcessMessage, { type: "done" }>["value"]>,
    failed = forTheLog,
  ): Promise<void> {
    try {
      const value = await currentCall.run({ id }, run);
      this.#ports.send({ type: "done", id, ...(value === undefined ? {} : { value }) });
    } catch (error) {
      this.#ports.send(failed(id, error));
    }
  }

  #sessions(call: number): SessionLookup {
    // The host's answers have the channel's types.
    return {
      latest: async () => (await this.#ports.ask({ what: "sessions.latest", call })) as string | null,
      find: async (criteria) =>
        (await this.#ports.ask({ what: "sessions.find", call, criteria })) as SessionRecord[],
    };
  }

  async #invoke({ id, tool, arguments: args, context }: Invoke): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    const { startedAt: _, ...given } = context;
    const progress: PluginContext["progress"] = (each) => this.#progress(id, each);
    // An addition to the peer's context. Not enumerable, so that code that copies or prints a context sees only data.
    const full: PluginContext = Object.defineProperties(
      { ...given },
      { signal: { value: controller.signal }, progress: { value: progress } },
    );
    try {
      const result = await currentCall.run({ id, context }, () =>
        this.#handler.handleToolInvocation(tool, args, full),
      );
      this.#ports.send(messageFor(id, result));
    } catch (error) {
      this.#ports.send(thrown(id, error));
    } finally {
      this.#running.delete(id);
    }
  }

  #progress(id: number, { progress, total, message }: Parameters<NonNullable<PluginContext["progress"]>>[0]) {
    if (!this.#running.has(id)) return;
    this.#ports.send({
      type: "progress",
      id,
      progress,
      ...(total === undefined ? {} : { total }),
      ...(message === undefined ? {} : { message: String(message).slice(0, maxTextCharacters) }),
    });
  }
}

function messageFor(id: number, result: ToolInvocationResult): ProcessMessage {
  if (result?.ok === true) {
    const bytes = Buffer.byteLength(JSON.stringify(result.result ?? null));
    if (bytes <= maxResultBytes) {
      const untrusted = result.untrusted === true ? { untrusted: true } : {};
      return { type: "result", id, result: result.result ?? null, ...untrusted };
    }
    const message = `Response payload exceeds size limit: ${bytes} bytes > ${maxResultBytes} byte limit`;
    return { type: "error", id, error: { code: "HANDLER_ERROR", message, retriable: false } };
  }
  const error = result?.ok === false ? payloadOf(result.error) : undefined;
  if (error !== undefined) return { type: "error", id, error };
  return {
    type: "thrown",
    id,
    message: "The handler returned neither { ok: true, result } nor { ok: false, error }",
  };
}

/** Fields of an error. An `Error` is copied, since its message would be lost as JSON. */
function payloadOf(value: unknown): ErrorPayload | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const names = ["code", "message", "retriable", "field", "retry_after"];
  const [code, message, retriable, field, retryAfter]: unknown[] = names.map((name) =>
    Reflect.get(value, name),
  );
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  return {
    code,
    message,
    retriable: retriable === true,
    ...(typeof field === "string" ? { field } : {}),
    ...(typeof retryAfter === "number" ? { retry_after: retryAfter } : {}),
  };
}
