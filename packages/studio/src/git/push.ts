import { isErrorCode } from "@holdfast/core";
import type { GitCredential } from "../forges/forge.ts";
import { pushRefusalOf } from "../forges/push-refusal.ts";
import type { Git } from "./git.ts";

export interface Push {
  readonly commit: string;
  /** Branch at the forge. It is never forced: a branch with other commits refuses. */
  readonly branch: string;
  readonly credential: GitCredential;
  readonly timeoutMs: number;
}

/** Prints the credential of the environment: it is in no argument, address or file. */
const helper =
  '!f() { test "$1" = get && echo "username=$FORGE_USERNAME" && echo "password=$FORGE_PASSWORD"; }; f';
/** Keeps the commit that was pushed: the next one is made on top of it. */
const pushedRef = "refs/holdfast/pushed";

/**
 * Pushes a commit of the host's clone to a branch of the forge. Repeating it changes nothing. Throws `forge.refused`,
 * `forge.unauthorized`, `forge.forbidden`, `forge.not_found`, `forge.unavailable`.
 */
export async function pushCommit(
  git: Git,
  hostGit: string,
  { commit, branch, credential, timeoutMs }: Push,
): Promise<void> {
  const { cloneUrl, username, password } = credential;
  const { origin, protocol } = new URL(cloneUrl);
  const scheme = protocol === "http:" ? "http" : "https";
  await git.run(["--git-dir", hostGit, "update-ref", pushedRef, commit]);
  const settings = [
    `protocol.${scheme}.allow=always`,
    // Only this server gets the credential, and a redirect is not followed to another.
    `credential.${origin}.helper=${helper}`,
    "http.followRedirects=false",
    // Finds what the forge has: its branches may have moved on from the task's base.
    "push.negotiate=true",
  ].flatMap((setting) => ["-c", setting]);
  const args = ["--git-dir", hostGit, ...settings, "push", "--quiet", "--no-verify"];
  const env = { GIT_ALLOW_PROTOCOL: scheme, FORGE_USERNAME: username, FORGE_PASSWORD: password };
  try {
    const { status, stderr } = await git.status([...args, cloneUrl, `${commit}:refs/heads/${branch}`], {
      env,
      timeoutMs,
    });
    if (status !== 0) throw pushRefusalOf(stderr, branch, password);
  } catch (error) {
    if (!isErrorCode(error, "git", "timed_out")) throw error;
    throw pushRefusalOf(`it took longer than ${timeoutMs / 1_000} s`, branch, password);
  }
}
