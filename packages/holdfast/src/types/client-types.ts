import type { AnyRegistry, Client, ConnStatus, SkipReadyWait } from "@holdfast/client";

/** An action as a client sees it: without the context, returning a promise. */
export type ActorActionFunction<Args extends unknown[] = unknown[], Response = unknown> = (
  ...args: Args extends [unknown, ...infer Rest] ? Rest : Args
) => Promise<Response>;

/** Options of one call of an action. */
export interface ActorActionOptions extends SkipReadyWait {
  readonly signal?: AbortSignal;
}

/** Removes the listener that it was returned for. */
export type EventUnsubscribe = () => void;

/** Called when a connection opens or is lost. */
export type ConnectionStateCallback = () => void;

/** Called with each new status of a connection. */
export type StatusChangeCallback = (status: ConnStatus) => void;

/** The definitions of a registry by name. */
export type ExtractActorsFromRegistry<R extends AnyRegistry> = NonNullable<R["~actors"]>;

/** Options for the creation of an actor. */
export interface CreateRequest {
  readonly name: string;
  readonly key: readonly string[];
  readonly input?: unknown;
  readonly region?: string | undefined;
  readonly poolName?: string | undefined;
}

/** The region an actor runs in. */
export interface Region {
  readonly id: string;
  readonly name: string;
}

/** The registry that a client calls. */
export type ExtractRegistryFromClient<C> = C extends Client<infer R extends AnyRegistry> ? R : never;
