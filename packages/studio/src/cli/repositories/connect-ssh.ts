import { readFile } from "node:fs/promises";
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import type { StudioClient } from "@holdfast/studio";
import { commandHint } from "../../command-hint.ts";
import { readSshAddress } from "../../forges/ssh-address.ts";

interface SshOptions {
  readonly "key-file"?: string;
  readonly "ssh-key"?: string;
  readonly fingerprint?: string;
}

/** Connects a repository over SSH in two steps; undefined for another address. */
export function sshConnection(
  address: string,
  options: SshOptions,
): ((client: StudioClient, json: boolean, data: string) => Promise<number>) | undefined {
  if (readSshAddress(address) === undefined) return undefined;
  const { "key-file": keyFile, "ssh-key": id, fingerprint } = options;
  if ((id === undefined) !== (fingerprint === undefined))
    throw new UsageError("--ssh-key and --fingerprint go together");
  return async (client, json, data) => {
    if (id !== undefined && fingerprint !== undefined) {
      const added = await client.organization.addRepository({ url: address, ssh: { id, fingerprint } });
      console.log(json ? jsonLine(added) : `Connected ${harmless(added.name)}.`);
      return 0;
    }
    const privateKey = keyFile === undefined ? undefined : await readFile(keyFile, "utf8");
    const begun = await client.organization.beginSsh({
      url: address,
      ...(privateKey === undefined ? {} : { privateKey }),
    });
    if (json) {
      console.log(jsonLine(begun));
      return 0;
    }
    const next = commandHint(
      `repositories connect ${address} --ssh-key ${begun.id} --fingerprint ${begun.fingerprint}`,
      data,
    );
    console.log(
      `Add this key at ${harmless(begun.host)} as a deploy key, with write access to push:\n\n${harmless(begun.publicKey)}\n\n` +
        `${harmless(begun.host)} shows the key ${begun.fingerprint}. If that is what its operator says, run:\n\n${next}`,
    );
    return 0;
  };
}
