/**
 * The host's git with the servers of repositories, and mirrors of them on this machine. Credentials come from the vault, and
 * reach git through its environment alone: never an address, an argument, a configuration, a log or a jail.
 */
import { HoldfastError } from "@holdfast/core";
import { pushRefusalOf } from "../forges/push-refusal.ts";
import { addressProblem } from "../forges/repository-address.ts";
import { readSshAddress } from "../forges/ssh-address.ts";
import type { Git, GitResult, GitRunOptions } from "../git/git.ts";

import { type SshAccess, sshFailure, withSsh } from "./ssh/command.ts";

/** A repository at a server. */
export interface Remote {
  /** HTTPS address, or HTTP of this machine, without a user; or an address over SSH. */
  readonly url: string;
  readonly username: string;
  /** Undefined for a repository that everyone can read. */
  readonly password: string | undefined;
  /** Set for an address over SSH, which has no password. */
  readonly ssh?: SshAccess;
}

/** What a server has: the branch that it shows first, and all branches. */
export interface RemoteBranches {
  readonly defaultBranch: string;
  readonly branches: readonly { readonly name: string; readonly commit: string }[];
}

const helper =
  '!f() { test "$1" = get || exit 0; printf "username=%s\\npassword=%s\\n" "$GIT_REMOTE_USER" "$GIT_REMOTE_PASSWORD"; }; f';

/** Seconds after which a transfer that has stopped ends. */
const stalledSeconds = 60;
const listTimeoutMs = 30_000;

/** Runs git with the one transport and the credential of a remote. */
export async function runWithRemote(
  git: Git,
  { url, username, password, ssh }: Remote,
  args: readonly string[],
  options: GitRunOptions = {},
): Promise<GitResult> {
  // A forge names the address itself: it must not be a file of this machine.
  const problem = addressProblem(url);
  if (problem !== undefined)
    throw new HoldfastError("repository", "invalid_address", problem, { statusCode: 400 });
  if (readSshAddress(url) !== undefined) {
    if (ssh === undefined) throw new TypeError("an address over SSH needs a key");
    return withSsh(ssh, (env) =>
      git.status(args, {
        ...options,
        env: { ...options.env, ...env, GIT_ALLOW_PROTOCOL: "ssh" },
        endsChildren: true,
      }),
    );
  }
  const { origin, protocol } = new URL(url);
  const settings = [
    // A redirect could carry the credential to another server.
    "http.followRedirects=false",
    "http.lowSpeedLimit=1",
    `http.lowSpeedTime=${stalledSeconds}`,
    ...(password === undefined ? [] : [`credential.${origin}.helper=${helper}`]),
  ].flatMap((setting) => ["-c", setting]);
  const env = {
    ...options.env,
    GIT_ALLOW_PROTOCOL: protocol.slice(0, -1),
    ...(password === undefined ? {} : { GIT_REMOTE_USER: username, GIT_REMOTE_PASSWORD: password }),
  };
  return git.status([...settings, ...args], { ...options, env, endsChildren: true });
}

/** Asks a server for its branches. Throws `forge.*`, `repository.empty`. */
export async function listRemote(git: Git, remote: Remote, signal?: AbortSignal): Promise<RemoteBranches> {
  const args = ["ls-remote", "--symref", "--", remote.url, "HEAD", "refs/heads/*"];
  const options = { timeoutMs: listTimeoutMs, ...(signal === undefined ? {} : { signal }) };
  const result = await runWithRemote(git, remote, args, options).catch((error: unknown) => {
    throw error instanceof HoldfastError && error.code === "timed_out"
      ? unreachable(remote, "did not answer")
      : error;
  });
  if (result.status !== 0) throw remoteFailure(remote, result.stderr);
  let head: string | undefined;
  const branches: { name: string; commit: string }[] = [];
  for (const line of result.stdout.toString("utf8").split("\n")) {
    const [left = "", right = ""] = line.split("\t");
    if (left.startsWith("ref: refs/heads/") && right === "HEAD") head = left.slice("ref: refs/heads/".length);
    else if (right.startsWith("refs/heads/"))
      branches.push({ name: right.slice("refs/heads/".length), commit: left });
  }
  const [first] = branches;
  if (first === undefined) {
    const message = `${remote.url} has no commit yet. Push a first commit, then try again.`;
    throw new HoldfastError("repository", "empty", message, { statusCode: 400 });
  }
  return {
    defaultBranch: branches.some(({ name }) => name === head) ? (head ?? first.name) : first.name,
    branches,
  };
}

/**
 * Pushes a commit as a new branch, and returns its name: that of an earlier attempt, or with a number when it is taken. Throws
 * `forge.*`, `apply.too_many_branches`.
 */
export async function pushBranch(
  git: Git,
  remote: Remote,
  { hostGit, commit, branch }: { readonly hostGit: string; readonly commit: string; readonly branch: string },
): Promise<string> {
  const { branches } = await listRemote(git, remote);
  const taken = new Map(branches.map((each) => [each.name, each.commit]));
  for (let n = 1; n <= 1_000; n++) {
    const name = n === 1 ? branch : `${branch}-${n}`;
    if (taken.get(name) === commit) return name;
    if (taken.has(name)) continue;
    // The empty lease: the branch must not exist.
    const args = ["--git-dir", hostGit, "push", "--quiet", `--force-with-lease=refs/heads/${name}:`];
    const result = await runWithRemote(git, remote, [
      ...args,
      "--",
      remote.url,
      `${commit}:refs/heads/${name}`,
    ]);
    if (result.status === 0) return name;
    const ofSsh = remote.ssh && sshFailure(hostOf(remote.url), remote.ssh, result.stderr);
    throw ofSsh ?? pushRefusalOf(result.stderr, name, remote.password ?? "");
  }
  const message = `The branch names that begin with ${branch} are all taken. Choose another name.`;
  throw new HoldfastError("apply", "too_many_branches", message, { statusCode: 409 });
}

/** The error of git's failure to read from a server, with the next step. */
export function remoteFailure(remote: Remote, output: string): HoldfastError {
  const { password } = remote;
  const cleaned = password === undefined ? output : output.replaceAll(password, "***");
  const said = cleaned.replace(/\s+/g, " ").trim().slice(-300);
  const host = hostOf(remote.url);
  const ofSsh = remote.ssh === undefined ? undefined : sshFailure(host, remote.ssh, output);
  if (ofSsh !== undefined) return ofSsh;
  const error = (code: string, statusCode: number, message: string) =>
    new HoldfastError("forge", code, message, { statusCode });
  if (/authentication failed|could not read (username|password)|returned error: 401/i.test(output)) {
    const message =
      password === undefined
        ? `${host} asks for a credential. Connect with a token that may read this repository.`
        : `${host} does not accept the token. It is wrong, has expired or was revoked: connect again with a new one.`;
    return error("unauthorized", 401, message);
  }
  if (/returned error: 403/.test(output))
    return error("forbidden", 403, `The token may not read ${remote.url}. Give it access to the repository.`);
  if (/returned error: 30\d|redirect/i.test(output))
    return error(
      "not_found",
      404,
      `${remote.url} has moved. Open it in a browser, and connect its new address.`,
    );
  if (
    /not found|does not appear to be a git repository|not valid: is this a git repository|returned error: 404/i.test(
      output,
    )
  )
    return error(
      "not_found",
      404,
      `There is no git repository at ${remote.url}, or the token cannot see it. Check the address.`,
    );
  if (/certificate|SSL|TLS/i.test(output))
    return error(
      "unavailable",
      503,
      `The certificate of ${host} is not valid for this machine (${said}). Add its authority to the machine's certificates.`,
    );
  return unreachable(remote, `cannot be reached (${said})`);
}

function unreachable({ url }: Remote, why: string): HoldfastError {
  const message = `${hostOf(url)} ${why}. Check the address and the network, and try again.`;
  return new HoldfastError("forge", "unavailable", message, { statusCode: 503 });
}

function hostOf(url: string): string {
  return readSshAddress(url)?.host ?? new URL(url).host;
}
