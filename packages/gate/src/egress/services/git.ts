/**
 * Services: ready-made upstreams for git hosts and npm registries, with the environment that points tools in a jail at them.
 */
import { HoldfastError } from "@holdfast/core";
import { checkPath } from "../decisions/upstreams.ts";
import type { EgressAllowRule, EgressCredential, EgressUpstream } from "../egress.ts";
import type { GitTokenMint } from "./git-tokens.ts";

/** A repository that a jail may fetch from, and push to where `push` is set, over HTTP. */
export interface GitRepository {
  /** Below the host's base, without ".git": "acme/app". */
  readonly path: string;
  /** True to allow pushes too. */
  readonly push?: boolean;
  /** Presented for this repository only; none by default. */
  readonly credential?: EgressCredential;
  /** Issues tokens for this repository and session, instead of `credential`. */
  readonly tokens?: GitTokenMint;
}

/** Options of `gitUpstream`. */
export interface GitUpstreamOptions {
  /** The name of the upstream: a-z, 0-9 and "-". */
  readonly name: string;
  /** URL of the git host. Its host and port are pinned, as for every upstream. */
  readonly baseUrl: string;
  readonly repositories: readonly GitRepository[];
  /** True where the content is the operator's own: fetching it does not taint the session. */
  readonly trusted?: boolean;
}

/**
 * An upstream for exactly these repositories of a git host, over git's smart protocol: two paths of a repository to
 * fetch, two more to push, and nothing else of the host.
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
    throw new HoldfastError(
      "egress",
      "invalid_upstream",
      `${path} is not a repository. Write a path such as acme/app, without ".git"`,
      {
        statusCode: 400,
      },
    );
  }
  const services = push === true ? ["git-upload-pack", "git-receive-pack"] : ["git-upload-pack"];
  // Hosts serve a repository under both names.
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
 * Environment variables that route git in a jail through the proxy at `origin` (its address on the jail's loopback), for
 * every URL of these hosts: HTTP, HTTPS and both forms of SSH. Writes no file.
 */
export function gitEnvironment(
  origin: string,
  upstreams: readonly Pick<EgressUpstream, "name" | "baseUrl">[],
): Readonly<Record<string, string>> {
  const settings: [string, string][] = [
    // Nobody in the jail could answer a password prompt.
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
