import { HoldfastError } from "@holdfast/core";
import { checkPath } from "../decisions/upstreams.ts";
import type { EgressAllowRule, EgressCredential, EgressUpstream } from "../egress.ts";
import type { GitTokenMint } from "./git-tokens.ts";

/** A repository that a jail may use over HTTP, and how far. */
export interface GitRepository {
  /** Below the host's base, without ".git": "acme/app". */
  readonly path: string;
  /** True to allow pushes too. */
  readonly push?: boolean;
  /** Presented for this repository only; without it, none is. */
  readonly credential?: EgressCredential;
  /** Makes a token for this repository alone, of this session, in place of a credential. */
  readonly tokens?: GitTokenMint;
}

/** What `gitUpstream` takes. */
export interface GitUpstreamOptions {
  /** The name of the upstream: a-z, 0-9 and "-". */
  readonly name: string;
  /** Address of the git host. Pinned, as every upstream's. */
  readonly baseUrl: string;
  readonly repositories: readonly GitRepository[];
  /** What is in them is the operator's own: fetching it does not taint the session. */
  readonly trusted?: boolean;
}

/**
 * A git host of which a jail sees exactly these repositories, by git's smart protocol: fetching is two
 * paths of a repository, pushing two others, and nothing else of the host can be asked for.
 * Throws `egress.invalid_upstream`.
 */
export function gitUpstream({ name, baseUrl, repositories, trusted }: GitUpstreamOptions): EgressUpstream {
  return {
    name,
    baseUrl,
    provider: "none",
    allow: repositories.flatMap(rulesOf),
    ...(trusted === true ? {} : { outside: true }),
    credential: { kind: "none" },
  };
}

function rulesOf({ path, push, credential: fixed, tokens }: GitRepository): EgressAllowRule[] {
  const plain = `/${path}`;
  if (checkPath(plain) !== undefined || path.endsWith("/") || path.endsWith(".git")) {
    throw new HoldfastError("egress", "invalid_upstream", `Not the path of a repository: ${path}`, {
      statusCode: 400,
    });
  }
  const services = push === true ? ["git-upload-pack", "git-receive-pack"] : ["git-upload-pack"];
  // Hosts know a repository by both names.
  return [plain, `${plain}.git`].flatMap((repository) =>
    services.flatMap((service): EgressAllowRule[] => {
      const access = service === "git-receive-pack" ? "write" : "read";
      const credential: EgressCredential | undefined =
        tokens === undefined ? fixed : { kind: "git-token", mint: tokens, repository: path, access };
      const common = { exact: true, ...(credential === undefined ? {} : { credential }) };
      return [
        { methods: ["GET"], pathPrefix: `${repository}/info/refs`, query: { service }, ...common },
        { methods: ["POST"], pathPrefix: `${repository}/${service}`, ...common },
      ];
    }),
  );
}

/**
 * Variables that make git in a jail go through the proxy, at `origin` (its address on the jail's
 * loopback), for every address of these hosts: HTTPS, and the two forms of SSH. No file is written.
 */
export function gitEnvironment(
  origin: string,
  upstreams: readonly Pick<EgressUpstream, "name" | "baseUrl">[],
): Readonly<Record<string, string>> {
  const settings: [string, string][] = [
    // Nothing in the jail could answer a question for a password.
    ["credential.helper", ""],
    ...upstreams.flatMap(({ name, baseUrl }): [string, string][] => {
      const base = new URL(baseUrl);
      const path = base.pathname.replace(/^\/+|\/+$/g, "");
      const below = path === "" ? "" : `${path}/`;
      return [
        `https://${base.host}/${below}`,
        `http://${base.host}/${below}`,
        `ssh://git@${base.hostname}/${below}`,
        `git@${base.hostname}:${below}`,
      ].map((there) => [`url.${origin}/${name}/.insteadOf`, there]);
    }),
  ];
  const variables: Record<string, string> = {
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_COUNT: String(settings.length),
  };
  settings.forEach(([key, value], index) => {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return variables;
}
