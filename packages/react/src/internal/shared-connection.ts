/** Shared connections and render helpers behind the hooks. */
import type { ActorConn, ActorHandle, AnyActorDefinition, ConnStatus } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { ActorSnapshot } from "../types.ts";

/** Delay before a connection without users closes: a remount, as in React's strict mode or a page change, reuses it. */
const lingerMs = 250;
/** How long a connection without users waits for a suspended component to mount. */
const suspendedMs = 30_000;
/** How long the error of a refusal is kept for a component that suspended and renders again. */
const refusedMs = 1_000;

/** The state on a server, before mounting, and while it is disabled. */
export const idleSnapshot: ActorSnapshot<AnyActorDefinition> = {
  handle: null,
  connection: null,
  connStatus: "idle",
  error: null,
};

/** The outcome of the first connection, for suspended components. */
type Readiness =
  | { readonly state: "pending"; readonly settled: Promise<void> }
  | { readonly state: "open" }
  | { readonly state: "refused"; readonly error: unknown };

/** One connection for all components with the same options; closes some time after the last one has unmounted. */
export class SharedConnection {
  readonly #createHandle: () => ActorHandle;
  readonly #onClose: () => void;
  readonly #listeners = new Set<() => void>();
  #snapshot: ActorSnapshot<AnyActorDefinition> = idleSnapshot;
  #connection: ActorConn | undefined;
  #readiness: Readiness = { state: "open" };
  #users = 0;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(handle: () => ActorHandle, onClose: () => void) {
    this.#createHandle = handle;
    this.#onClose = onClose;
  }

  get snapshot(): ActorSnapshot<AnyActorDefinition> {
    return this.#snapshot;
  }

  /** Uses the connection, opening it if necessary; the returned function releases it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#users++;
    clearTimeout(this.#closeTimer);
    this.#open();
    return () => {
      this.#listeners.delete(listener);
      this.#users--;
      if (this.#users > 0) return;
      // A refused or closed connection is not reused.
      const { connStatus } = this.#snapshot;
      if (connStatus === "connected" || connStatus === "connecting") this.#closeAfter(lingerMs);
      else this.#close();
    };
  };

  /**
   * Suspends a component until the connection is open, opening it if necessary: throws a promise, or the error if it
   * was refused. (`use` does the same, but only in React 19.)
   */
  suspend(): void {
    this.#open();
    const readiness = this.#readiness;
    if (readiness.state === "pending") throw readiness.settled;
    if (readiness.state === "refused") throw readiness.error;
  }

  /** Closes the connection immediately if it has no users. */
  closeIfUnused(): void {
    if (this.#users === 0) this.#close();
  }

  #open(): void {
    if (this.#connection !== undefined || this.#readiness.state === "refused") return;
    try {
      this.#attach(this.#createHandle());
    } catch (error) {
      // An invalid name or a disposed client counts as a refusal by the actor.
      this.#fail(error);
      this.#update({ connStatus: "disconnected", error: toHoldfastError(error) });
    }
  }

  #attach(handle: ActorHandle): void {
    const connection = handle.connect();
    this.#connection = connection;
    const onOpen = () => {
      this.#readiness = { state: "open" };
    };
    const onRefused = (error: unknown) => {
      if (this.#connection === connection) this.#fail(error);
    };
    const settled = waitUntilReady(connection).then(onOpen, onRefused);
    this.#readiness = { state: "pending", settled };
    void connection.onStatusChange((status: ConnStatus) => {
      const error = status === "connected" ? null : this.#snapshot.error;
      this.#update({ connStatus: status, error });
    });
    void connection.onError((error: HoldfastError) => this.#update({ error }));
    this.#update({ handle, connection, connStatus: connection.connStatus ?? "connecting", error: null });
    // A suspended component subscribes after it has mounted. If none does, the connection closes again.
    if (this.#users === 0) this.#closeAfter(suspendedMs);
  }

  #fail(error: unknown): void {
    this.#readiness = { state: "refused", error };
    // Kept briefly for suspended components; a later render may connect again.
    if (this.#users === 0) this.#closeAfter(refusedMs);
  }

  #update(change: Partial<ActorSnapshot<AnyActorDefinition>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #closeAfter(ms: number): void {
    clearTimeout(this.#closeTimer);
    this.#closeTimer = setTimeout(() => this.closeIfUnused(), ms);
  }

  #close(): void {
    clearTimeout(this.#closeTimer);
    this.#onClose();
    const connection = this.#connection;
    this.#connection = undefined;
    void Promise.resolve(connection?.dispose()).catch(() => undefined);
  }
}

/** Component tests use fake connections, which report status and errors and usually have no `ready`. */
function waitUntilReady(connection: ActorConn): Promise<void> {
  const { ready }: { readonly ready?: Promise<void> } = connection;
  return (
    ready ??
    new Promise((resolve, reject) => {
      void connection.onStatusChange((status: ConnStatus) => status === "connected" && resolve());
      void connection.onError(reject);
    })
  );
}

function toHoldfastError(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new HoldfastError("client", "connect_failed", message, { cause: thrown });
}
