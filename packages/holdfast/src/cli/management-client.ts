/** The `holdfast` command, its actor commands, and the loader of the Studio's commands. */
import { askControl, endLogin, exchangeTicket, type OwnerLink } from "@holdfast/cli";
import { decode, encode } from "@holdfast/client";
import { defaultNamespace, encodeKey, HoldfastError, isNamespace, qualifiedName } from "@holdfast/core";

/** Client of the management API, as the command line uses it. */
export interface ManagementClient {
  readonly url: string;
  /** Sends a request and decodes the response with the codec. Throws the server's error. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Sends a request and returns the response, for files. Throws the server's error. */
  fetch(method: string, path: string, body?: NonNullable<RequestInit["body"]>): Promise<Response>;
  /** Ends the login of this client, if it has one. */
  close?(): Promise<void>;
}

export interface ServerOptions {
  /** `--url`, then HOLDFAST_ENDPOINT; without them the Studio on the data directory. */
  readonly url?: string | undefined;
  /** `--token`, then HOLDFAST_INSPECTOR_TOKEN. */
  readonly token?: string | undefined;
  readonly dataDirectory: string;
}

/**
 * Connects to the server at `url`, or to the one that runs on the data directory, with the owner's rights. Undefined
 * if no URL is given and no server runs.
 */
export async function findServer(options: ServerOptions): Promise<ManagementClient | undefined> {
  const url = options.url ?? variable("HOLDFAST_ENDPOINT");
  const token = options.token ?? variable("HOLDFAST_INSPECTOR_TOKEN");
  const bearer: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  if (url !== undefined) return clientOf(url, bearer);
  const link = await askControl<OwnerLink>(options.dataDirectory, "/url");
  if (link === undefined) return undefined;
  const cookie = await exchangeTicket(link.url, link.ticket);
  return { ...clientOf(link.url, { cookie }), close: () => endLogin(link.url, cookie) };
}

/** A client for the actors of a namespace: `--namespace`, then HOLDFAST_NAMESPACE. Throws `client.invalid_config`. */
export function inNamespace(client: ManagementClient, given: string | undefined): ManagementClient {
  const namespace = given ?? variable("HOLDFAST_NAMESPACE") ?? defaultNamespace;
  if (namespace === defaultNamespace) return client;
  if (!isNamespace(namespace)) {
    throw new HoldfastError("client", "invalid_config", `"${namespace}" is not the name of a namespace`);
  }
  const collection = /^\/actors(?:\/(?:count|names|import))?(?=\?|$)/;
  const named = (path: string): string => {
    const [whole] = collection.exec(path) ?? [];
    if (whole === undefined) return path.replace(/^\/actors\//, `/actors/${qualifiedName(namespace, "")}`);
    const query = new URLSearchParams(path.slice(whole.length + 1));
    query.set("namespace", namespace);
    return `${whole}?${query}`;
  };
  const { url, close } = client;
  return {
    url,
    ask: (method, path, body) => client.ask(method, named(path), body),
    fetch: (method, path, body) => client.fetch(method, named(path), body),
    ...(close === undefined ? {} : { close: () => close() }),
  };
}

function clientOf(url: string, headers: Readonly<Record<string, string>>): ManagementClient {
  const base = baseOf(url);
  const send = async (method: string, path: string, init: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(base + path, { ...init, method, headers: { ...headers, ...init.headers } });
    } catch (cause) {
      const message = `No server answers at ${base}. Start it, or name another one with --url`;
      throw new HoldfastError("client", "network_error", message, { cause });
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  };
  return {
    url: base,
    fetch: (method, path, body) =>
      send(method, path, body === undefined ? {} : ({ body, duplex: "half" } as RequestInit)),
    async ask(method, path, body) {
      const type = {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      };
      const init = body === undefined ? {} : { body: encode("json", body) as string };
      const text = await (await send(method, path, { ...init, headers: type })).text();
      return text === "" ? undefined : decode("json", text, 1_010);
    },
  };
}

function baseOf(url: string): string {
  try {
    const { origin, pathname, protocol } = new URL(url);
    if (protocol === "http:" || protocol === "https:") return origin + pathname.replace(/\/+$/, "");
  } catch {
    // Said below, as for every other text that is no such URL.
  }
  throw new HoldfastError("client", "invalid_endpoint", `"${url}" is not the URL of a server`);
}

async function errorOf(response: Response): Promise<HoldfastError> {
  const body: unknown = await response.json().catch(() => undefined);
  const { group, code, detail, metadata } = (body ?? {}) as Record<string, unknown>;
  if (typeof group === "string" && typeof code === "string") {
    const message = typeof detail === "string" ? detail : `The server answered ${response.status}`;
    const more = metadata === undefined ? {} : { metadata };
    return new HoldfastError(group, code, message, { statusCode: response.status, ...more });
  }
  const message = `The server at this address is not a Holdfast server (HTTP status ${response.status})`;
  return new HoldfastError("message", "malformed_error", message, { statusCode: response.status });
}

/**
 * Parses an address `name/actor`. The second part is an id, `@` and an encoded key, or the components of a key
 * separated by slashes.
 */
export function actorPathOf(address: string): string | undefined {
  const slash = address.indexOf("/");
  if (slash <= 0) return undefined;
  const name = address.slice(0, slash);
  const rest = address.slice(slash + 1);
  return `/actors/${encodeURIComponent(name)}/${actorSegment(rest)}`;
}

/** The address of an actor on the command line: the shortest form that {@link actorPathOf} accepts. */
export function addressOf(name: string, key: readonly string[]): string {
  const text = key.join("/");
  const encoded = `@${encodeKey(key)}`;
  return `${name}/${actorSegment(text) === encoded ? text : encoded}`;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Returns the id that an address contains. */
export function idOf(address: string): string | undefined {
  const rest = address.slice(address.indexOf("/") + 1);
  return uuid.test(rest) ? rest : undefined;
}

function actorSegment(text: string): string {
  if (uuid.test(text) || text.startsWith("@")) return text;
  return `@${encodeKey(text === "" ? [] : text.split("/"))}`;
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
