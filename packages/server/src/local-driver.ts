import type { ActorCaller } from "@holdfast/actors";
import {
  type ActorTarget,
  type ClientDriver,
  type ClientFrame,
  type DriverCall,
  type DriverConnection,
  type DriverCreate,
  type DriverListener,
  type PreparedFrame,
  prepareClientFrame,
  trustedDepth,
} from "@holdfast/client";
import { decodeValue, encodeValue, HoldfastError, limits, type Ports } from "@holdfast/core";
import type { Directory } from "./directory.ts";
import type { MessageLimits } from "./limits.ts";
import { LocalConnection } from "./local-connection.ts";
import { outgoingTooLong, Session } from "./session.ts";

/**
 * Reaches actors in this process as a remote client would: values are copied through the codec, limits
 * are the same, and what an actor sends waits for that actor's gate. No socket is involved.
 */
export class LocalDriver implements ClientDriver {
  readonly #directory: () => Promise<Directory>;
  readonly #ports: Ports;
  readonly #limits: MessageLimits;
  readonly #caller: ActorCaller | undefined;

  constructor(
    directory: () => Promise<Directory>,
    ports: Ports,
    messageLimits: MessageLimits,
    caller?: ActorCaller,
  ) {
    this.#limits = messageLimits;
    this.#directory = directory;
    this.#ports = ports;
    this.#caller = caller;
  }

  prepareArgs(args: readonly unknown[]): PreparedFrame {
    const data = encodeValue(args);
    if (data.length > this.#limits.maxIncomingBytes) throw incomingTooLong(this.#limits.maxIncomingBytes);
    return { data, size: data.length };
  }

  async call(call: DriverCall): Promise<unknown> {
    const directory = await this.#leave(call.signal);
    const result = await directory.invoke(call.target, {
      name: call.action,
      args: listOf(copyOf(call.args)),
      idempotencyKey: call.idempotencyKey,
      signal: call.signal,
      params: copy(call.params),
    });
    const { maxOutgoingBytes } = this.#limits;
    if (result.length > maxOutgoingBytes) throw outgoingTooLong(maxOutgoingBytes);
    return decodeValue(result, { maxDepth: trustedDepth });
  }

  async resolve(target: ActorTarget, signal: AbortSignal | undefined): Promise<string> {
    const directory = await this.#leave(signal);
    const { id } = await directory.resolve(
      target.type === "getOrCreate" ? { ...target, input: copyInput(target.input) } : target,
    );
    return id;
  }

  async create(request: DriverCreate): Promise<string> {
    const input = copyInput(request.input);
    const directory = await this.#leave(request.signal);
    return directory.create(request.name, request.key, input, request.idempotencyKey);
  }

  prepare(frame: ClientFrame): PreparedFrame {
    const prepared = prepareClientFrame("cbor", frame);
    if (prepared.size > this.#limits.maxIncomingBytes) throw incomingTooLong(this.#limits.maxIncomingBytes);
    return prepared;
  }

  connect(target: ActorTarget, params: unknown, listener: DriverListener): DriverConnection {
    const copied = copy(params);
    const gate = async (): Promise<void> => this.#caller?.gate();
    return new LocalConnection(this.#ports, listener, gate, async (output) => {
      await gate();
      const directory = await this.#directory();
      const { maxOutgoingBytes } = this.#limits;
      return new Session({ directory, target, params: copied, request: undefined, output, maxOutgoingBytes });
    });
  }

  async dispose(): Promise<void> {}

  /** What an actor sends leaves after the commit that it depends on. */
  async #leave(signal: AbortSignal | undefined): Promise<Directory> {
    await this.#caller?.gate();
    signal?.throwIfAborted();
    return this.#directory();
  }
}

function copyOf(prepared: PreparedFrame): unknown {
  if (typeof prepared.data === "string") throw new TypeError("a local call is always CBOR");
  // Around the arguments: their list.
  return decodeValue(prepared.data, { maxDepth: limits.maxDepth + 1 });
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : decodeValue(encodeValue(value), { maxDepth: trustedDepth });
}

function copyInput(value: unknown): unknown {
  if (value === undefined) return undefined;
  const bytes = encodeValue(value);
  if (bytes.length > limits.maxInputBytes) {
    const message = `An actor's input is longer than ${limits.maxInputBytes} bytes`;
    throw new HoldfastError("message", "incoming_too_long", message);
  }
  return decodeValue(bytes, { maxDepth: trustedDepth });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function incomingTooLong(maxBytes: number): HoldfastError {
  const message = `The message is longer than ${maxBytes} bytes`;
  return new HoldfastError("message", "incoming_too_long", message);
}
