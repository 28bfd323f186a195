import type { ActorConn, ActorHandle, AnyActorDefinition, ConnStatus } from "@holdfast/client";
import type { HoldfastError } from "@holdfast/core";
import type { ActorSnapshot } from "../types.ts";

/** A remount, as in React's strict mode or a change of page, finds the connection still there. */
const lingerMs = 250;

/** On a server, and before anything was mounted. */
export const idleSnapshot: ActorSnapshot<AnyActorDefinition> = {
  handle: null,
  connection: null,
  connStatus: "idle",
  error: null,
};

/** One connection for all components that ask for the same actor; it ends a while after the last left. */
export class SharedConnection {
  readonly handle: ActorHandle;
  readonly #onEnd: () => void;
  readonly #listeners = new Set<() => void>();
  #snapshot: ActorSnapshot<AnyActorDefinition>;
  #connection: ActorConn | undefined;
  #ready: Promise<void> = Promise.resolve();
  #users = 0;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(handle: ActorHandle, onEnd: () => void) {
    this.handle = handle;
    this.#onEnd = onEnd;
    this.#snapshot = { ...idleSnapshot, handle };
  }

  get snapshot(): ActorSnapshot<AnyActorDefinition> {
    return this.#snapshot;
  }

  /** Begins to use the connection, which opens it; the returned function ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#users++;
    clearTimeout(this.#ending);
    this.#open();
    return () => {
      this.#listeners.delete(listener);
      this.#users--;
      if (this.#users === 0) this.#ending = setTimeout(() => this.#end(), lingerMs);
    };
  };

  /** Opens the connection unless it is open; settles with the first that opens or is refused. */
  ready(): Promise<void> {
    this.#open();
    return this.#ready;
  }

  /** Opens the connection unless it is open. */
  #open(): void {
    if (this.#connection !== undefined) return;
    const connection = this.handle.connect();
    this.#connection = connection;
    this.#ready = readinessOf(connection);
    // Components read the status; nobody has to wait for it.
    this.#ready.catch(() => undefined);
    void connection.onStatusChange((status: ConnStatus) => {
      const error = status === "connected" ? null : this.#snapshot.error;
      this.#show({ connStatus: status, error });
    });
    void connection.onError((error: HoldfastError) => this.#show({ error }));
    this.#show({ connection, connStatus: connection.connStatus ?? "connecting" });
    // Who suspends is not mounted yet: without a user by then, the connection ends again.
    if (this.#users === 0) this.#ending = setTimeout(() => this.#end(), suspendedMs);
  }

  #show(change: Partial<ActorSnapshot<AnyActorDefinition>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #end(): void {
    if (this.#users > 0) return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#onEnd();
    void Promise.resolve(connection?.dispose()).catch(() => undefined);
  }
}

/**
 * Tests of components put their own objects in the place of connections, which tell of their status and
 * errors, and have no `ready` as a rule.
 */
function readinessOf(connection: ActorConn): Promise<void> {
  const { ready }: { readonly ready?: Promise<void> } = connection;
  return (
    ready ??
    new Promise((resolve, reject) => {
      void connection.onStatusChange((status: ConnStatus) => status === "connected" && resolve());
      void connection.onError(reject);
    })
  );
}

/** For so long a connection without users waits for a suspended component to mount. */
const suspendedMs = 30_000;
