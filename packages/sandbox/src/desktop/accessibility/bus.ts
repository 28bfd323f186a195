/** The accessibility tree: what the programs of the desktop tell about their windows, over D-Bus (AT-SPI 2). */
import { runtimeFailed } from "../errors.ts";
import { dbus } from "./library.ts";
import type { DBusClient } from "./protocol.ts";

/** The bus itself, as a destination of calls. */
const daemon = "org.freedesktop.DBus";

/** Type of a message that is a signal. */
const signalType = 4;

/** A connection to a message bus. */
export class Bus {
  readonly #client: DBusClient;
  readonly #pending = new Set<(error: Error) => void>();
  #open = true;

  private constructor(client: DBusClient) {
    this.#client = client;
    const onClosed = () => {
      this.#open = false;
      for (const reject of this.#pending) reject(connectionLost());
      this.#pending.clear();
    };
    client.connection.on("error", onClosed);
    client.connection.on("end", onClosed);
  }

  /** Connects to `address`, such as "unix:path=/tmp/bus". */
  static async connect(address: string): Promise<Bus> {
    const bus = new Bus(dbus.createClient({ busAddress: address, direct: true }));
    await bus.call({ name: daemon, path: "/org/freedesktop/DBus" }, daemon, "Hello");
    return bus;
  }

  /** Calls a method; resolves with the values of its reply. Rejects with the error of the other side. */
  async call(
    { name, path }: ObjectReference,
    of: string,
    member: string,
    signature?: string,
    body?: readonly unknown[],
  ): Promise<readonly unknown[]> {
    if (!this.#open) throw connectionLost();
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
    this.#pending.add(reject);
    const args = signature === undefined || body === undefined ? {} : { signature, body };
    this.#client.invoke({ destination: name, path, interface: of, member, ...args }, (error, ...values) => {
      this.#pending.delete(reject);
      if (error) reject(error instanceof Error ? error : new Error(`${member} failed: ${String(error)}`));
      else resolve(values);
    });
    return await promise;
  }

  /** Has the bus deliver the signals that `rule` matches. */
  async receiveSignals(rule: string): Promise<void> {
    await this.call({ name: daemon, path: "/org/freedesktop/DBus" }, daemon, "AddMatch", "s", [rule]);
  }

  /** Calls `listener` for every signal that the bus delivers, as long as the connection is open. */
  onSignal(listener: () => void): void {
    this.#client.connection.on("message", ({ type }: { readonly type: number }) => {
      if (type === signalType) listener();
    });
  }

  /** Ends the connection; calls without an answer are rejected. */
  close(): void {
    if (!this.#open) return;
    this.#client.connection.end();
    this.#client.connection.emit("end");
  }
}

/** An object of a program: the name of its connection to the bus, and its path. */
export interface ObjectReference {
  readonly name: string;
  readonly path: string;
}

function connectionLost(): Error {
  return runtimeFailed("the connection to the accessibility bus was lost");
}
