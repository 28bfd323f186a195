import type { AnyRegistry, Client, ConnStatus, SkipReadyWait } from "@holdfast/client";

/** An action as a client has it: without the context, and as a promise. */
export type ActorActionFunction<Args extends unknown[] = unknown[], Response = unknown> = (
  ...args: Args extends [unknown, ...infer Rest] ? Rest : Args
) => Promise<Response>;

/** How one action is called. */
export interface ActorActionOptions extends SkipReadyWait {
  readonly signal?: AbortSignal;
}

/** Ends what it was returned for. */
export type EventUnsubscribe = () => void;

/** Called when a connection opens or is lost. */
export type ConnectionStateCallback = () => void;

/** Called with each new status of a connection. */
export type StatusChangeCallback = (status: ConnStatus) => void;

/** The definitions of a registry by name. */
export type ExtractActorsFromRegistry<R extends AnyRegistry> = NonNullable<R["~actors"]>;

/** What the creation of an actor says. */
export interface CreateRequest {
  readonly name: string;
  readonly key: readonly string[];
  readonly input?: unknown;
  readonly region?: string | undefined;
  readonly poolName?: string | undefined;
}

/** Where an actor runs. */
export interface Region {
  readonly id: string;
  readonly name: string;
}

/** The registry that a client is for. */
export type ExtractRegistryFromClient<C> = C extends Client<infer R extends AnyRegistry> ? R : never;
