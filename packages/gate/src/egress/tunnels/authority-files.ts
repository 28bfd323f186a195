import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { EgressAuthority } from "../egress.ts";

/** Where systems keep their trusted certificate authorities in one file. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The certificate authorities that this host trusts; where it keeps no such file, those of Node. */
async function systemAuthorities(): Promise<string> {
  const path = systemBundles.find((each) => existsSync(each));
  return path === undefined ? rootCertificates.join("\n") : await readFile(path, "utf8");
}

/** Writes the certificate of a jail's authority, alone and behind those of the host, for mounting into the jail. */
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
    // Readable for every user of the jail; on the host, the folder keeps others out.
    await chmod(path, 0o444);
  }
  return authority;
}

/**
 * Variables that make tools in a jail trust its authority, for the paths of its two files in the jail. A variable that
 * adds to the tool's own list names the certificate; one that replaces the list names the bundle.
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
