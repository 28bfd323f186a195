import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { withFolder } from "./keys.ts";

/** How git reaches a server over SSH. */
export interface SshAccess {
  readonly privateKey: string;
  readonly publicKey: string;
  /** The key of the server that a person has confirmed, as a line of known hosts. */
  readonly knownHosts: string;
  readonly fingerprint: string;
  /** Folder of the host for the files of one run. */
  readonly directory: string;
}

/** Runs git with the key of a repository, which is in a file of the host only as long as git runs. */
export function withSsh<Result>(
  { privateKey, knownHosts, directory }: SshAccess,
  run: (env: Readonly<Record<string, string>>) => Promise<Result>,
): Promise<Result> {
  return withFolder(directory, async (folder) => {
    const [key, known] = [join(folder, "key"), join(folder, "known_hosts")];
    await writeFile(key, privateKey, { mode: 0o600 });
    await writeFile(known, knownHosts, { mode: 0o600 });
    const options = {
      IdentityFile: path(key),
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
      UserKnownHostsFile: path(known),
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "yes",
      UpdateHostKeys: "no",
      HostKeyAlgorithms: algorithmsOf(knownHosts),
      BatchMode: "yes",
      ConnectTimeout: "20",
      ServerAliveInterval: "15",
      ServerAliveCountMax: "4",
      ClearAllForwardings: "yes",
    };
    const args = Object.entries(options).map(([name, value]) => `-o ${name}=${quoted(value)}`);
    return run({ GIT_SSH_COMMAND: `ssh -F /dev/null ${args.join(" ")}`, GIT_SSH_VARIANT: "ssh" });
  });
}

/** Only what the confirmed key can sign: the server would be asked for another one otherwise. */
function algorithmsOf(knownHosts: string): string {
  const type = knownHosts.split(" ")[1] ?? "";
  return type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type;
}

/** A path as OpenSSH reads it: one word, with nothing to be filled in. */
function path(file: string): string {
  return `"${file.replaceAll("%", "%%").replaceAll(/["\\]/g, "\\$&")}"`;
}

/** One word of the shell by which git starts the command. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** The error of git's output over SSH, if it is about SSH. */
export function sshFailure(host: string, { publicKey, fingerprint }: SshAccess, output: string) {
  if (/host key verification failed|host identification has changed/i.test(output)) {
    const message = `The key of ${host} is not the one that was confirmed (${fingerprint}). The server has a new key, or somebody stands in between: ask its operator. Then remove the repository, and connect it again.`;
    return new HoldfastError("forge", "host_key_changed", message, { statusCode: 502 });
  }
  if (/permission denied|too many authentication failures/i.test(output)) {
    const message = `${host} does not accept the key of this repository. Add it there as a deploy key, with write access to push: ${publicKey}`;
    return new HoldfastError("forge", "unauthorized", message, { statusCode: 401 });
  }
  return undefined;
}
