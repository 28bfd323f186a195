/** `c.client()` in an object: calls of an actor to itself stay here, others go to the objects of their actors. */
import type { ActorCaller } from "@holdfast/actors";
import {
  type ActorTarget,
  type Client,
  type ClientDriver,
  createClientWithDriver,
  createNetworkDriver,
} from "@holdfast/client";
import { isErrorCode, type Ports } from "@holdfast/core";
import {
  ClusterDriver,
  type Directory,
  LocalDriver,
  type MessageLimits,
  parseRoute,
  routeNotFound,
} from "@holdfast/server/embedded";
import type { Objects } from "../objects.ts";
import type { ObjectStub } from "../platform.ts";
import { stubSocket } from "../sockets/stub-socket.ts";
import { internalHeader } from "./internal-header.ts";

/** The actors outside of an object. */
export interface Outside {
  readonly objects: Objects;
  readonly ports: Ports;
  readonly messageLimits: MessageLimits;
  isHere(target: ActorTarget): boolean;
}

/** The base of all URLs of these calls; it never reaches a name server. */
const base = "http://actor";

export function clientOf(directory: Directory, caller: ActorCaller, outside: Outside): Client {
  const { ports, messageLimits, isHere } = outside;
  const local = new LocalDriver(async () => directory, ports, messageLimits, caller);
  let remote: ClientDriver | undefined;
  const driver = new ClusterDriver({
    ...{ local, caller },
    placement: { locate: (target) => (isHere(target) ? undefined : { id: "object", address: base }) },
    remote: () => {
      remote ??= driverOf(outside, () => caller.gate());
      return remote;
    },
  });
  const reportError = (error: unknown): void =>
    ports.log.error("connection callback failed", { actorId: caller.actorId, error });
  const reportSendFailure = (error: unknown): void => {
    // The message is stored, and is sent after the next start.
    if (isErrorCode(error, "queue", "delivery_pending")) return;
    ports.log.error("unawaited send failed", { actorId: caller.actorId, error });
  };
  return createClientWithDriver(driver, { ...ports, reportError, reportSendFailure });
}

/** Calls other objects over the protocol of clients. What raw sockets send waits for `gate`. */
export function driverOf({ objects, messageLimits }: Outside, gate?: () => Promise<void>): ClientDriver {
  const stubFor = (url: string): ObjectStub => objects.stubOf(targetOf(url));
  return createNetworkDriver({
    endpoint: base,
    disableMetadataLookup: true,
    maxMessageBytes: messageLimits.maxIncomingBytes,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      request.headers.set(internalHeader, "1");
      return stubFor(request.url).fetch(request);
    },
    WebSocket: stubSocket(stubFor, gate) as unknown as typeof WebSocket,
  });
}

function targetOf(url: string): ActorTarget {
  const { pathname, search } = new URL(url);
  const route = parseRoute(`${pathname}${search}`);
  if ("target" in route) return route.target;
  throw routeNotFound();
}
