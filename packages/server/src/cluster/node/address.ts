import { HoldfastError, type Ports } from "@holdfast/core";
import { type CertificateFiles, Certificates } from "../links/certificates.ts";
import { clusterDefaults } from "./options.ts";

/** The URL of an advertised address. Throws `cluster.invalid_address`. */
export function parseAddress(text: string, isSecure: boolean): URL {
  const protocol = isSecure ? "https:" : "http:";
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.protocol === protocol && url.hostname !== "" && url.pathname === "/") return url;
  }
  const why = isSecure ? " with certificates" : "";
  const message = `"${text}" is not an address for other nodes${why}. Set "advertise" or HOLDFAST_ADVERTISE to a URL such as "${protocol}//10.0.0.5:6421"`;
  throw new HoldfastError("cluster", "invalid_address", message);
}

/** `name` is the host of the advertised address, if there is one. */
export function certificatesOf(
  files: CertificateFiles,
  name: string | undefined,
  { tasks, log }: Ports,
): Certificates {
  const reloadMs = clusterDefaults.certificateReloadMs;
  const host = name === undefined ? undefined : bareHost(name);
  return new Certificates({ files, host, tasks, log, reloadMs });
}

export function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** An address of a loopback or another interface is listened at as it is, a name on all interfaces. */
export function hostToListen(name: string): string {
  const bare = bareHost(name);
  return bare === "localhost" || /^[\d.]+$/.test(bare) || bare.includes(":") ? bare : "0.0.0.0";
}

/** Without the brackets of an IPv6 address. */
function bareHost(name: string): string {
  return name.replace(/^\[|\]$/g, "");
}
