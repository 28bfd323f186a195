/** How the page reaches its server: the token and further headers from its address. */
export interface Connection {
  /** The base URL of `/v1/`, without a trailing slash. */
  readonly baseUrl: string;
  /** The path of the app itself: `/ui`, or below the prefix of a proxy. */
  readonly basePath: string;
  /** Path of the Studio task that owns this sandbox. If set, only processes and files are shown. */
  readonly taskPath?: string;
  readonly token?: string;
  readonly headers: Readonly<Record<string, string>>;
}

const storageKey = "holdfast.sandbox";

interface Stored {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Reads `token` and `headers` (JSON) from the query or the fragment of the address, as `buildInspectorUrl` writes
 * them, removes them from the address and its history, and stores them for this tab only, so that they survive a
 * reload.
 */
export function readConnection(
  location: Pick<Location, "origin" | "pathname" | "search" | "hash">,
  history: Pick<History, "replaceState">,
  storage: Pick<Storage, "getItem" | "setItem"> | undefined,
): Connection {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  const parameters = readParameters(query, fragment);
  if (parameters !== undefined) {
    for (const name of ["token", "headers"]) {
      query.delete(name);
      fragment.delete(name);
    }
    const rest = `${query.size > 0 ? `?${query}` : ""}${fragment.size > 0 ? `#${fragment}` : ""}`;
    history.replaceState(null, "", `${location.pathname}${rest}`);
    store(storage, parameters);
  }
  const { token, headers = {} } = parameters ?? restore(storage);
  const [basePath = "/ui", prefix = ""] = /^(.*?)\/ui(?=\/|$)/.exec(location.pathname) ?? [];
  const taskPath = /^(\/tasks\/[\w-]+)\/sandbox$/.exec(prefix)?.[1];
  return {
    baseUrl: `${location.origin}${prefix}`,
    basePath,
    headers,
    ...(taskPath === undefined ? {} : { taskPath }),
    ...(token === undefined ? {} : { token }),
  };
}

/** The same connection with a token that the user typed, stored for this tab. */
export function withToken(
  connection: Connection,
  token: string,
  storage: Pick<Storage, "getItem" | "setItem"> | undefined,
): Connection {
  store(storage, { token, headers: connection.headers });
  return { ...connection, token };
}

function readParameters(query: URLSearchParams, fragment: URLSearchParams): Stored | undefined {
  const token = fragment.get("token") ?? query.get("token");
  const headers = fragment.get("headers") ?? query.get("headers");
  if (token === null && headers === null) return undefined;
  return {
    ...(token === null || token === "" ? {} : { token }),
    ...(headers === null ? {} : { headers: readHeaders(headers) }),
  };
}

/** Header names and values of a JSON object; ignores everything else in it. */
function readHeaders(text: string): Record<string, string> {
  const value = parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(entry[0]),
    ),
  );
}

function store(storage: Pick<Storage, "setItem"> | undefined, value: Stored): void {
  try {
    storage?.setItem(storageKey, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden, so the token lasts only as long as the page.
  }
}

function restore(storage: Pick<Storage, "getItem"> | undefined): Stored {
  const value = parse(storage?.getItem(storageKey) ?? "");
  if (typeof value !== "object" || value === null) return {};
  const token = "token" in value && typeof value.token === "string" ? value.token : undefined;
  const headers = "headers" in value ? readHeaders(JSON.stringify(value.headers)) : {};
  return { headers, ...(token === undefined ? {} : { token }) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
