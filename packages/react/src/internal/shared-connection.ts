import type { ActorConn, ActorHandle, AnyActorDefinition, ConnStatus } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { ActorSnapshot } from "../types.ts";

/** A remount, as in React's strict mode or a change of page, finds the connection still there. */
const lingerMs = 250;
/** For so long a connection without users waits for a suspended component to mount. */
const suspendedMs = 30_000;
/** For so long a component that suspended, rendered once more, is told why it was refused. */
const refusedMs = 1_000;

/** On a server, before anything was mounted, and while it is not enabled. */
export const idleSnapshot: ActorSnapshot<AnyActorDefinition> = {
  handle: null,
  connection: null,
  connStatus: "idle",
  error: null,
};

/** How the first connection of those that suspend came out. */
type Readiness =
  | { readonly state: "pending"; readonly settled: Promise<void> }
  | { readonly state: "open" }
  | { readonly state: "refused"; readonly error: unknown };

/** One connection for all components that ask for the same actor; it ends a while after the last left. */
export class SharedConnection {
  readonly #handle: () => ActorHandle;
  readonly #onEnd: () => void;
  readonly #listeners = new Set<() => void>();
  #snapshot: ActorSnapshot<AnyActorDefinition> = idleSnapshot;
  #connection: ActorConn | undefined;
  #readiness: Readiness = { state: "open" };
  #users = 0;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(handle: () => ActorHandle, onEnd: () => void) {
    this.#handle = handle;
    this.#onEnd = onEnd;
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
      if (this.#users > 0) return;
      // One that was refused, or cut off, is not what a component that comes back should find.
      const { connStatus } = this.#snapshot;
      if (connStatus === "connected" || connStatus === "connecting") this.#endAfter(lingerMs);
      else this.#end();
    };
  };

  /**
   * Opens the connection unless it is open, and throws what suspends a component: a promise until the first
   * one is open, the error when that was refused. (`use` of React 19 would say the same, to React 19 only.)
   */
  suspend(): void {
    this.#open();
    const readiness = this.#readiness;
    if (readiness.state === "pending") throw readiness.settled;
    if (readiness.state === "refused") throw readiness.error;
  }

  /** Ends it now if nobody uses it. */
  endUnused(): void {
    if (this.#users === 0) this.#end();
  }

  #open(): void {
    if (this.#connection !== undefined || this.#readiness.state === "refused") return;
    try {
      this.#follow(this.#handle());
    } catch (error) {
      // As a refusal by the actor: a name that there cannot be, a client that was disposed of.
      this.#refused(error);
      this.#show({ connStatus: "disconnected", error: holdfastErrorOf(error) });
    }
  }

  #follow(handle: ActorHandle): void {
    const connection = handle.connect();
    this.#connection = connection;
    const opened = () => {
      this.#readiness = { state: "open" };
    };
    const refused = (error: unknown) => {
      if (this.#connection === connection) this.#refused(error);
    };
    const settled = readinessOf(connection).then(opened, refused);
    this.#readiness = { state: "pending", settled };
    void connection.onStatusChange((status: ConnStatus) => {
      const error = status === "connected" ? null : this.#snapshot.error;
      this.#show({ connStatus: status, error });
    });
    void connection.onError((error: HoldfastError) => this.#show({ error }));
    this.#show({ handle, connection, connStatus: connection.connStatus ?? "connecting", error: null });
    // Who suspends is not mounted yet: without a user by then, the connection ends again.
    if (this.#users === 0) this.#endAfter(suspendedMs);
  }

  #refused(error: unknown): void {
    this.#readiness = { state: "refused", error };
    // Who suspended throws it now; what is rendered after that may try again.
    if (this.#users === 0) this.#endAfter(refusedMs);
  }

  #show(change: Partial<ActorSnapshot<AnyActorDefinition>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #endAfter(ms: number): void {
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.endUnused(), ms);
  }

  #end(): void {
    clearTimeout(this.#ending);
    this.#onEnd();
    const connection = this.#connection;
    this.#connection = undefined;
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

function holdfastErrorOf(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new HoldfastError("client", "connect_failed", message, { cause: thrown });
}
