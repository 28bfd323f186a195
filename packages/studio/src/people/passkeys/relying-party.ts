import { isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";

/** For which site a passkey is. */
export interface RelyingParty {
  readonly id: string;
  /** Where its pages are, without a slash at the end. */
  readonly origin: string;
}

/**
 * The site of a request: the address where people open the Studio, or, if that is an address of numbers, which passkeys
 * cannot have, `localhost` where the person has opened it so. Throws `people.passkeys_unavailable`.
 */
export function relyingPartyOf(origin: string, host: string | undefined): RelyingParty {
  const { hostname, protocol, port } = new URL(origin);
  const isName = isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
  if (isName && (protocol === "https:" || hostname === "localhost")) return { id: hostname, origin };
  const local = `localhost${port === "" ? "" : `:${port}`}`;
  if (!isName && protocol === "http:" && host === local)
    return { id: "localhost", origin: `http://${local}` };
  const message = isName
    ? "Passkeys need HTTPS. Put a proxy with a certificate in front, and start with --origin https://..."
    : `Passkeys need a name instead of an IP address. On this machine, open http://${local}; for others, start with --origin https://...`;
  throw new HoldfastError("people", "passkeys_unavailable", message, { statusCode: 409 });
}
