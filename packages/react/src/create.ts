import {
  type ActorConn,
  type AnyActorDefinition,
  type AnyRegistry,
  type Client,
  type ClientConfig,
  createClient,
  type UntypedRegistry,
} from "@holdfast/client";
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { Connections, hashOptions } from "./internal/connections.ts";
import { useLatest } from "./internal/latest.ts";
import { idleSnapshot } from "./internal/shared-connection.ts";
import type {
  ActorsOf,
  HoldfastReact,
  HoldfastReactOptions,
  UseActorOptions,
  UseActorResult,
  UseEvent,
} from "./types.ts";

/** Creates the hooks for a client of the registry at an endpoint; see `createClient` for the options. */
export function createHoldfast<R extends AnyRegistry = UntypedRegistry>(
  config?: string | ClientConfig,
  options?: HoldfastReactOptions,
): HoldfastReact<R> {
  return createHoldfastWithClient<R>(createClient<R>(config), options);
}

/** Creates the hooks for an existing client. */
export function createHoldfastWithClient<R extends AnyRegistry = UntypedRegistry>(
  client: Client<R>,
  { hashFunction = hashOptions }: HoldfastReactOptions = {},
): HoldfastReact<R> {
  const connections = new Connections(client);

  function useActor<Name extends keyof ActorsOf<R> & string>(
    opts: UseActorOptions<Name, ActorsOf<R>[Name]>,
  ): UseActorResult<Name, ActorsOf<R>[Name]> {
    const { enabled = true, suspense = false } = opts;
    const hash = hashFunction(opts);
    if (suspense && enabled && inBrowser) connections.getOrCreate(hash, opts).suspend();
    const latest = useLatest(opts);
    const subscribe = useCallback(
      (listener: () => void) => {
        // The options are a new object at each render, but equal hashes mean equal options.
        if (enabled) return connections.getOrCreate(hash, latest.current).subscribe(listener);
        // Close immediately: enabling it again is a new attempt.
        connections.closeUnused(hash);
        return noop;
      },
      [hash, enabled, latest],
    );
    const snapshot = useSyncExternalStore(
      subscribe,
      () => (enabled ? connections.snapshotOf(hash) : idleSnapshot),
      () => idleSnapshot,
    );
    const { createInRegion, createWithInput, getParams } = opts;
    // biome-ignore lint/correctness/useExhaustiveDependencies: the same object until an option is a new one; the hash stands for those that it is made of.
    const shown = useMemo(
      () => ({ ...opts, enabled }),
      [hash, enabled, suspense, createInRegion, createWithInput, getParams],
    );
    const { connection } = snapshot;
    const useEvent = useMemo(() => eventHook<ActorsOf<R>[Name]>(connection), [connection]);
    return {
      ...(snapshot as UseActorResult<Name, ActorsOf<R>[Name]>),
      isConnected: snapshot.connStatus === "connected",
      opts: shown,
      hash,
      useEvent,
    };
  }

  return { client, useActor };
}

/** A page that is rendered on a server does not connect. */
const inBrowser = "document" in globalThis;

function noop(): void {}

function eventHook<D extends AnyActorDefinition>(connection: ActorConn | null): UseEvent<D> {
  return function useEvent(event, callback) {
    useConnectionEvent(connection, event, callback as (...args: unknown[]) => void);
  };
}

/** Listens while the component is mounted, always with the latest callback. */
export function useConnectionEvent(
  connection: ActorConn | null,
  event: string,
  callback: (...args: unknown[]) => void,
): void {
  const latest = useLatest(callback);
  useEffect(
    () => connection?.on(event, (...args: unknown[]) => latest.current(...args)),
    [connection, event, latest],
  );
}
