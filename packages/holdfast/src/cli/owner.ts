import { HoldfastError, type Logger } from "@holdfast/core";
import {
  connectWithCookie,
  createStudio,
  type Studio,
  type StudioClient,
  studioClientOver,
} from "@holdfast/studio";
import { askControl } from "./control.ts";
import { prepareDataDirectory } from "./data-directory.ts";

/** The owner's access to a Studio, wherever it runs. */
export interface OwnerAccess {
  readonly client: StudioClient;
  /** The server that was already running, or one in this process. */
  readonly mode: "attached" | "embedded";
  close(): Promise<void>;
}

export interface OwnerOptions {
  readonly dataDirectory: string;
  readonly unsafeNoJail: boolean;
  readonly log: Logger;
}

/** Attaches to the server that owns the data directory; starts one in this process when there is none. */
export async function openAsOwner(options: OwnerOptions): Promise<OwnerAccess> {
  const running = await attach(options.dataDirectory);
  if (running !== undefined) return running;
  await prepareDataDirectory(options.dataDirectory);
  const studio: Studio = await createStudio({
    dataDirectory: options.dataDirectory,
    unsafeNoJail: options.unsafeNoJail,
    log: options.log,
  });
  return { client: studio.client, mode: "embedded", close: () => studio.close() };
}

/** Undefined when no server runs on this data directory. */
export async function attach(dataDirectory: string): Promise<OwnerAccess | undefined> {
  const link = await askControl<{ url: string; ticket: string }>(dataDirectory, "/url");
  if (link === undefined) return undefined;
  const cookie = await exchangeTicket(link.url, link.ticket);
  const client = connectWithCookie(link.url, cookie);
  return { client: studioClientOver(client), mode: "attached", close: () => client.dispose() };
}

/** Exchanges a one-time ticket for a cookie. Throws `auth.unauthorized`. */
export async function exchangeTicket(url: string, ticket: string): Promise<string> {
  const response = await fetch(`${url}/auth/exchange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
  });
  const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
  if (!response.ok || cookie === undefined) {
    throw new HoldfastError("auth", "unauthorized", "The running server did not accept its own ticket");
  }
  return cookie;
}
