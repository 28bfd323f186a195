import { createHash } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { SshAddress } from "../../forges/ssh-address.ts";
import { runOpenSsh } from "./keys.ts";

/** The keys that a server shows, as lines of a file of known hosts, and the fingerprint of the first for people. */
export interface HostKeys {
  readonly knownHosts: string;
  readonly fingerprint: string;
}

const preferred = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** Asks a server for its keys. Throws `forge.unavailable`. */
export async function scanHostKeys({ host, port }: SshAddress): Promise<HostKeys> {
  const output = await runOpenSsh("ssh-keyscan", ["-T", "10", "-p", String(port), host]).catch(
    (error: unknown) => {
      if (error instanceof HoldfastError) throw error;
      return "";
    },
  );
  const keys = output
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ line, type: line.split(" ")[1] ?? "", blob: line.split(" ")[2] ?? "" }))
    .filter(({ type }) => preferred.includes(type))
    .sort((a, b) => preferred.indexOf(a.type) - preferred.indexOf(b.type));
  const [first] = keys;
  if (first === undefined) {
    const message = `${host} does not answer over SSH at port ${port}. Check the address and the network, and try again.`;
    throw new HoldfastError("forge", "unavailable", message, { statusCode: 503 });
  }
  // The one that was confirmed, and no other.
  return { knownHosts: `${first.line}\n`, fingerprint: fingerprintOf(first.blob) };
}

/** As `ssh` shows it. */
function fingerprintOf(blob: string): string {
  const digest = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}
