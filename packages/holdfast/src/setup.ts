import { join, resolve } from "node:path";
import type { ActorStore } from "@holdfast/actors";
import { createLogger, type LogLevel, type Ports, systemPorts } from "@holdfast/core";
import { createRegistry, type Definitions, type GatewayOptions, type Registry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { writeLine } from "./internal/stderr-log.ts";

export interface SetupOptions<Actors extends Definitions> {
  /** The actors by name: `{ counter, chatRoom }`. */
  readonly use: Actors;
  /** Where actors are kept: ".holdfast" below the working directory, or HOLDFAST_DATA. */
  readonly dataDirectory?: string;
  /** Instead of SQLite in `dataDirectory`. */
  readonly store?: () => ActorStore | Promise<ActorStore>;
  /** Host names beside the loopback ones; see the reference of the server. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may call. */
  readonly origins?: readonly string[];
  /** Bytes of an action's arguments or a message: 65,536. */
  readonly maxIncomingMessageSize?: number;
  /** Bytes of a result or an event: 1,048,576. */
  readonly maxOutgoingMessageSize?: number;
  readonly logging?: { readonly level?: LogLevel };
  readonly ports?: Ports;
}

/**
 * Makes a registry of actors, kept in SQLite. Nothing is opened before the first request or
 * `registry.start()`; a second process on the same data directory gets `store.locked`.
 */
export function setup<const Actors extends Definitions>(options: SetupOptions<Actors>): Registry<Actors> {
  const ports = options.ports ?? systemPorts(createLogger(options.logging?.level ?? "warn", writeLine));
  const directory = resolve(options.dataDirectory ?? process.env["HOLDFAST_DATA"] ?? ".holdfast");
  return createRegistry({
    use: options.use,
    ports,
    store: options.store ?? (() => openSqliteStore({ path: join(directory, "actors"), ports })),
    gateway: gatewayOptions(options),
  });
}

function gatewayOptions(options: SetupOptions<Definitions>): GatewayOptions {
  const { hosts, origins, maxIncomingMessageSize, maxOutgoingMessageSize } = options;
  return {
    ...(hosts === undefined ? {} : { hosts }),
    ...(origins === undefined ? {} : { origins }),
    ...(maxIncomingMessageSize === undefined ? {} : { maxIncomingMessageBytes: maxIncomingMessageSize }),
    ...(maxOutgoingMessageSize === undefined ? {} : { maxOutgoingMessageBytes: maxOutgoingMessageSize }),
  };
}
