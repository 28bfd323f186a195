/** What the desktop uses of the package `@httptoolkit/dbus-native`: a client that sends method calls. */
import type { EventEmitter } from "node:events";

export interface DBusMessage {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

export interface DBusClient {
  /** Emits "message", "error" and "end". */
  readonly connection: EventEmitter & { end(): void };
  /** Sends a call. The reply's values follow the error, which is absent for a success. */
  invoke(message: DBusMessage, done: (error: unknown, ...values: unknown[]) => void): void;
}

export interface DBusLibrary {
  /** With `direct`, the client does not greet the bus by itself, where a refusal would end the process. */
  createClient(options: { readonly busAddress: string; readonly direct: true }): DBusClient;
}
