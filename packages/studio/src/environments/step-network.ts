import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import {
  type EgressHost,
  type EgressUpstream,
  hostRegistry,
  npmEnvironment,
  npmUpstream,
} from "@holdfast/gate";
import { localOrganization } from "../access/organization-ids.ts";
import type { NetworkHost, NetworkRule } from "./environment.ts";

/** What the steps of one preparation may reach, in the terms of the gate. */
export interface StepNetwork {
  readonly upstreams: readonly EgressUpstream[];
  readonly hosts: readonly EgressHost[];
  /** Variables of the steps. `{origin}` stands for the address of the forwarder in the jail. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The operator's file with further hosts, in the data directory: `{"hosts": ["packages.example.com"]}`. */
export const allowedHostsFile = "environments.json";

/**
 * Checks the rules of a repository against what the operator allows. A repository's word alone opens only `npm`: some
 * registries fetch from addresses that the request names, and so would carry the repository anywhere. Throws
 * `environment.host_not_allowed`, `.secret_not_allowed`, `.invalid_hosts_file`, `egress.no_registry`.
 */
export async function stepNetwork(
  rules: readonly NetworkRule[],
  dataDirectory: string,
  organization: string,
): Promise<StepNetwork | undefined> {
  if (rules.length === 0) return undefined;
  const hosts = rules.filter((rule) => rule !== "npm");
  const allowed = await readAllowedHosts(join(dataDirectory, allowedHostsFile));
  for (const rule of hosts) {
    requireAllowed(rule, allowed);
    requireSecret(rule, organization);
  }
  const npm = hosts.length < rules.length ? [npmUpstream(await hostRegistry())] : [];
  return {
    upstreams: npm,
    hosts: hosts.map(egressHost),
    variables: npm.length === 0 ? {} : npmEnvironment("{origin}"),
  };
}

function egressHost({ host, methods, path, secret }: NetworkHost): EgressHost {
  return {
    host,
    methods,
    ...(path === undefined ? {} : { pathPrefix: path }),
    ...(secret === undefined ? {} : { credential: { kind: "secret", ...secret } }),
  };
}

function requireAllowed({ host, methods, secret }: NetworkHost, allowed: readonly string[]): void {
  if (allowed.includes(host)) return;
  const reads = methods.every((method) => method === "GET" || method === "HEAD");
  const wish =
    reads && secret === undefined
      ? host
      : `${host} with ${secret === undefined ? methods.join(", ") : "a secret"}`;
  const message = `The environment asks for ${wish}, which only you can allow. If you trust it, add "${host}" to "hosts" in ${allowedHostsFile} of the data directory, and prepare again.`;
  throw new HoldfastError("environment", "host_not_allowed", message, {
    statusCode: 403,
    metadata: { host },
  });
}

/** The secrets are those of the machine, for its first organization alone. */
function requireSecret({ host, secret }: NetworkHost, organization: string): void {
  if (secret === undefined || organization === localOrganization) return;
  const message = `The environment asks for a secret of this machine for ${host}. Only the first organization of a server can use its secrets. Remove the secret from the environment.`;
  throw new HoldfastError("environment", "secret_not_allowed", message, {
    statusCode: 403,
    metadata: { host },
  });
}

async function readAllowedHosts(path: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  try {
    const { hosts } = JSON.parse(text) as { readonly hosts: readonly unknown[] };
    if (hosts.every((host) => typeof host === "string")) return hosts;
  } catch {
    // Reported below, as any other content.
  }
  const message = `${path} is not of the form {"hosts": ["packages.example.com"]}. Correct it.`;
  throw new HoldfastError("environment", "invalid_hosts_file", message, { statusCode: 409 });
}
