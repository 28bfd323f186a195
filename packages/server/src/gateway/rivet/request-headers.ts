import { encodeParams, header } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import type { RivetAddress } from "./address.ts";
import type { Asker } from "./inner-exchange.ts";
import type { InnerHeaders } from "./inner-requests.ts";

const originalUrl = "x-rivet-internal-original-request-url";

/** The headers of this wire under our own names. Throws `message.malformed_params`, `message.params_too_long`. */
export function ownHeaders(asker: Asker, address?: RivetAddress): InnerHeaders {
  const params = asker.header("x-rivet-conn-params");
  const skips = address?.skipReadyWait === true || isTrue(asker.header("x-rivet-skip-ready-wait"));
  // Requests for no address are those of the management API, whose token is a bearer's.
  const token =
    address === undefined
      ? bearer(asker.header("authorization"))
      : (address.token ?? asker.header("x-rivet-token"));
  const original = asker.header(originalUrl);
  return {
    ...(params === undefined ? {} : { [header.params]: ownParams(params), [header.encoding]: "cbor" }),
    ...(skips ? { [header.skipReadyWait]: "true" } : {}),
    ...(token === undefined ? {} : { [header.token]: token }),
    ...(original !== undefined && URL.canParse(original)
      ? { [header.requestOrigin]: new URL(original).origin, [originalUrl]: undefined }
      : {}),
  };
}

/** Parameters in our own encoding. Throws `message.malformed_params`, `message.params_too_long`. */
export function ownParams(text: string): string {
  let params: unknown;
  try {
    params = JSON.parse(text);
  } catch {
    throw new HoldfastError("message", "malformed_params", "Connection parameters are not JSON");
  }
  return encodeParams("cbor", params);
}

function isTrue(text: string | undefined): boolean {
  return text === "1" || text === "true";
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer (.+)$/i.exec(authorization ?? "")?.[1];
}
