/** The part of Next.js's configuration that `withHoldfast` reads and writes. */
export interface NextConfig {
  serverExternalPackages?: string[];
}

/** Packages that run in Node.js itself, with sockets, SQLite and worker threads, and cannot be bundled. */
const runtimePackages: readonly string[] = [
  "@holdfast/actors",
  "@holdfast/client",
  "@holdfast/core",
  "@holdfast/server",
  "@holdfast/store-sqlite",
];

/**
 * Completes a Next.js configuration: keeps the runtime out of the server's bundle. `holdfast` itself must stay
 * inside it, because `holdfast/react` uses the React that Next.js bundles.
 */
export function withHoldfast<Config extends NextConfig>(config: Config): Config {
  const external = (config.serverExternalPackages ?? []).filter((name) => name !== "holdfast");
  return { ...config, serverExternalPackages: [...new Set([...external, ...runtimePackages])] };
}
