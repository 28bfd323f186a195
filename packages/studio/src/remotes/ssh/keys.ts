/** SSH of the host's git: keys of repositories, keys of servers, and the command that git runs with them. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";

const execute = promisify(execFile);
const timeoutMs = 20_000;

export interface SshKey {
  /** As OpenSSH writes it. */
  readonly privateKey: string;
  /** One line: the type, the key, a comment. */
  readonly publicKey: string;
}

/** Runs a program of OpenSSH. Throws `repository.ssh_missing` if it is not installed. */
export async function runOpenSsh(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { timeout: timeoutMs, env: { PATH: process.env.PATH } });
    return stdout;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    const message = "Addresses over SSH need OpenSSH. Run: sudo apt-get install --yes openssh-client";
    throw new HoldfastError("repository", "ssh_missing", message, { statusCode: 409 });
  }
}

/** Makes a key, or reads the public half of the one that is given. Throws `repository.invalid_key`. */
export async function sshKey(directory: string, given: string | undefined): Promise<SshKey> {
  return withFolder(directory, async (folder) => {
    const file = join(folder, "key");
    if (given === undefined) {
      await runOpenSsh("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "holdfast", "-f", file]);
      const publicKey = (await readFile(`${file}.pub`, "utf8")).trim();
      return { privateKey: await readFile(file, "utf8"), publicKey };
    }
    const privateKey = `${given.replaceAll("\r\n", "\n").trim()}\n`;
    await writeFile(file, privateKey, { mode: 0o600 });
    try {
      return { privateKey, publicKey: (await runOpenSsh("ssh-keygen", ["-y", "-P", "", "-f", file])).trim() };
    } catch (error) {
      if (error instanceof HoldfastError) throw error;
      const message =
        "This is no private key of SSH without a passphrase. Paste the whole file, or let the Studio make one.";
      // Without the cause, which may quote the key.
      throw new HoldfastError("repository", "invalid_key", message, { statusCode: 400 });
    }
  });
}

/** A folder that only this process reads, for as long as `work` runs. */
export async function withFolder<Result>(
  directory: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(directory, "ssh-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
