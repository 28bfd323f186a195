import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";
import type { EgressUpstream } from "../egress.ts";

/** The registry that the host itself uses. */
export interface HostRegistry {
  readonly url: string;
  /** From the person's own npm configuration, for this registry only. */
  readonly token?: string;
}

/** Where the settings of npm are looked for. */
export interface HostRegistryOptions {
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly homeDir?: string;
}

/**
 * Asks npm for the registry of this host, as its configuration says now.
 * Throws `egress.no_registry` where there is no npm.
 */
export async function hostRegistry(options: HostRegistryOptions = {}): Promise<HostRegistry> {
  const env = options.env ?? process.env;
  const home = options.homeDir ?? homedir();
  let told: string;
  try {
    const { stdout } = await promisify(execFile)("npm", ["config", "get", "registry"], {
      cwd: home,
      env: { ...env, HOME: home },
      timeout: 30_000,
    });
    told = stdout.trim();
  } catch (cause) {
    throw new HoldfastError("egress", "no_registry", "npm could not be asked for its registry", {
      statusCode: 503,
      cause,
    });
  }
  if (!URL.canParse(told)) {
    throw new HoldfastError("egress", "no_registry", "npm knows no registry", { statusCode: 503 });
  }
  const token = await tokenOf(told, env["NPM_CONFIG_USERCONFIG"] ?? join(home, ".npmrc"), env);
  return { url: told, ...(token === undefined ? {} : { token }) };
}

/** npm shows nobody its tokens, so the line is read from the file: `//host/path/:_authToken=...`. */
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

/** What of a registry is about packages though it is beside them: searching, tags, signatures. */
const besidePackages = ["/-/ping", "/-/v1/search", "/-/package", "/-/npm/v1/keys", "/-/npm/v1/attestations"];

/**
 * A registry from which a jail may read packages; publishing and everything else that writes is refused, and
 * so is what it tells of the account that the token is of.
 */
export function npmUpstream(registry: HostRegistry, name = "npm"): EgressUpstream {
  return {
    name,
    baseUrl: registry.url,
    provider: "none",
    kind: "npm",
    allow: ["/", ...besidePackages].map((pathPrefix) => ({ methods: ["GET", "HEAD"], pathPrefix })),
    credential: registry.token === undefined ? { kind: "none" } : { kind: "bearer", value: registry.token },
  };
}

/** Variables that make npm and its kin in a jail use the proxy, at `origin`, as their registry. */
export function npmEnvironment(origin: string, name = "npm"): Readonly<Record<string, string>> {
  return {
    npm_config_registry: `${origin}/${name}/`,
    // Lock files carry addresses of other registries: all of them are asked for here.
    npm_config_replace_registry_host: "always",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
}
