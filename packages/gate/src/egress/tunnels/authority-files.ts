import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { EgressAuthority } from "../egress.ts";

/** Where systems keep the authorities that they believe, as one file. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** What this host believes; where it keeps no such file, what Node brings. */
async function systemAuthorities(): Promise<string> {
  const path = systemBundles.find((each) => existsSync(each));
  return path === undefined ? rootCertificates.join("\n") : await readFile(path, "utf8");
}

/** Writes what a jail is shown of its authority, its certificate, into the folder of its way out. */
export async function writeAuthority(directory: string, certificate: string): Promise<EgressAuthority> {
  const authority = {
    certificate,
    certificatePath: join(directory, "authority.pem"),
    bundlePath: join(directory, "authorities.pem"),
  };
  const certificateText = `${certificate.trimEnd()}\n`;
  const system = (await systemAuthorities()).trimEnd();
  for (const [path, text] of [
    [authority.certificatePath, certificateText],
    [authority.bundlePath, `${system}\n${certificateText}`],
  ] as const) {
    await writeFile(path, text, { flag: "wx" });
    // For every user of a jail; of the host nobody else can enter the folder.
    await chmod(path, 0o444);
  }
  return authority;
}

/**
 * Variables by which tools in a jail believe its authority, given where its two files are in there. What a
 * variable names beside the tool's own list is the certificate; what it names in place of that, the bundle.
 */
export function authorityEnvironment({
  certificatePath,
  bundlePath,
}: Pick<EgressAuthority, "certificatePath" | "bundlePath">): Readonly<Record<string, string>> {
  return {
    NODE_EXTRA_CA_CERTS: certificatePath,
    DENO_CERT: certificatePath,
    SSL_CERT_FILE: bundlePath,
    CURL_CA_BUNDLE: bundlePath,
    GIT_SSL_CAINFO: bundlePath,
    REQUESTS_CA_BUNDLE: bundlePath,
    PIP_CERT: bundlePath,
    AWS_CA_BUNDLE: bundlePath,
    CARGO_HTTP_CAINFO: bundlePath,
    npm_config_cafile: bundlePath,
  };
}
