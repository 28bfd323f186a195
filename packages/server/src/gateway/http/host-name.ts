/** The lower-case name in a Host header, without the port; undefined if it is malformed. */
export function hostName(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase();
}

/** A page of this machine: "http://localhost:5173", "https://127.0.0.1". */
export function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/([^/?#@\\]+)$/.exec(origin);
  const name = match?.[1] === undefined ? undefined : hostName(match[1]);
  return name !== undefined && isLoopback(name);
}

/** True for a Host header that names this machine. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = host === undefined ? undefined : hostName(host);
  return name !== undefined && isLoopback(name);
}

/** True for a name that always means this machine. */
export function isLoopback(name: string): boolean {
  if (name === "localhost" || name.endsWith(".localhost") || name === "[::1]") return true;
  return /^127(?:\.\d{1,3}){3}$/.test(name);
}
