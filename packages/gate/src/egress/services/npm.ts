import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";
import type { EgressUpstream } from "../egress.ts";

/** The npm registry that the host uses. */
export interface HostRegistry {
  readonly url: string;
  /** From the user's npm configuration, for this registry only. */
  readonly token?: string;
}

/** Where npm's settings are read from. */
export interface HostRegistryOptions {
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly homeDir?: string;
}

/**
 * Reads the registry of this host from npm's configuration. Throws `egress.no_registry` where npm is missing or has none.
 */
export async function hostRegistry(options: HostRegistryOptions = {}): Promise<HostRegistry> {
  const env = options.env ?? process.env;
  const home = options.homeDir ?? homedir();
  let url: string;
  try {
    const { stdout } = await promisify(execFile)("npm", ["config", "get", "registry"], {
      cwd: home,
      env: { ...env, HOME: home },
      timeout: 30_000,
    });
    url = stdout.trim();
  } catch (cause) {
    throw new HoldfastError(
      "egress",
      "no_registry",
      "npm did not say which registry it uses. Install npm, or configure the upstream yourself",
      {
        statusCode: 503,
        cause,
      },
    );
  }
  if (!URL.canParse(url)) {
    throw new HoldfastError(
      "egress",
      "no_registry",
      "The registry in npm's configuration is not a URL. Set it with: npm config set registry URL",
      { statusCode: 503 },
    );
  }
  const token = await tokenOf(url, env["NPM_CONFIG_USERCONFIG"] ?? join(home, ".npmrc"), env);
  return { url, ...(token === undefined ? {} : { token }) };
}

/** npm does not print tokens, so this reads the line of the file: `//host/path/:_authToken=...`. */
async function tokenOf(
  registry: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const content = await readFile(file, "utf8").catch(() => "");
  const { host, pathname } = new URL(registry);
  const key = `//${host}${pathname.replace(/\/?$/, "/")}:_authToken`;
  for (const line of content.split("\n")) {
    const at = line.indexOf("=");
    if (at < 0 || line.slice(0, at).trim() !== key) continue;
    const value = line.slice(at + 1).trim();
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? "") || undefined;
  }
  return undefined;
}

/** Paths of a registry, besides packages, that a jail may read: search, tags, signatures. */
const metadataPaths = ["/-/ping", "/-/v1/search", "/-/package", "/-/npm/v1/keys", "/-/npm/v1/attestations"];

/**
 * A registry from which a jail may read packages. Publishing and other writes are refused, and so is reading the data of
 * the account that the token belongs to.
 */
export function npmUpstream(registry: HostRegistry, name = "npm"): EgressUpstream {
  return {
    name,
    baseUrl: registry.url,
    provider: "none",
    kind: "npm",
    allow: ["/", ...metadataPaths].map((pathPrefix) => ({ methods: ["GET", "HEAD"], pathPrefix })),
    credential: registry.token === undefined ? { kind: "none" } : { kind: "bearer", value: registry.token },
  };
}

/** Environment variables that make npm, pnpm and yarn in a jail use the proxy at `origin` as their registry. */
export function npmEnvironment(origin: string, name = "npm"): Readonly<Record<string, string>> {
  return {
    npm_config_registry: `${origin}/${name}/`,
    // Lock files have URLs of other registries; those packages are fetched here too.
    npm_config_replace_registry_host: "always",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
}
