import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIPv6, type LookupFunction } from "node:net";
import { HoldfastError } from "@holdfast/core";
import { isPublicAddress, type PublicResolver } from "@holdfast/gate";

export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the body. */
  readonly text: string;
}

export interface OutgoingHttpOptions {
  /** Decides by the rules of egress which addresses may be dialled. */
  readonly names: Pick<PublicResolver, "addressesOf">;
  readonly timeoutMs: number;
  /** Ends all requests. */
  readonly signal: AbortSignal;
}

const maxAnswerBytes = 2_048;

/**
 * POST to addresses that people enter. They reach hosts on the internet, and private networks that the operator allows
 * in `egress.json`: not this machine or its neighbours. Redirects are not followed.
 */
export class OutgoingHttp {
  readonly #options: OutgoingHttpOptions;

  constructor(options: OutgoingHttpOptions) {
    this.#options = options;
  }

  /** The addresses to dial. Throws `notification.invalid_input`, `egress.address_refused`, `egress.name_not_found`. */
  async addressesOf(url: URL): Promise<readonly string[]> {
    const isHttp = url.protocol === "http:";
    if ((!isHttp && url.protocol !== "https:") || url.username !== "" || url.password !== "")
      throw invalid("The address must begin with https:// and have no user name or password");
    const addresses = await this.#options.names.addressesOf(url.hostname);
    if (isHttp && addresses.some(isPublicAddress))
      throw invalid("The address must begin with https://, since the request crosses the internet");
    return addresses;
  }

  /** Throws as `addressesOf`, and `notification.unreachable`. */
  async post(
    address: string,
    headers: Readonly<Record<string, string | number>>,
    body: string | Buffer,
  ): Promise<OutgoingAnswer> {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined) throw invalid("The address is not a URL");
    const addresses = await this.addressesOf(url);
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      return await this.#send(
        url,
        addresses,
        headers,
        body,
        AbortSignal.any([this.#options.signal, timeout]),
      );
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
      const why = timeout.aborted ? "did not answer in time" : `cannot be reached${code}`;
      throw new HoldfastError("notification", "unreachable", `${url.host} ${why}`, {
        statusCode: 502,
        cause,
      });
    }
  }

  #send(
    url: URL,
    addresses: readonly string[],
    headers: Readonly<Record<string, string | number>>,
    body: string | Buffer,
    signal: AbortSignal,
  ): Promise<OutgoingAnswer> {
    // The name is not resolved again: an answer that changes a moment later (DNS rebinding) changes nothing.
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    const lookup: LookupFunction = (_host, options, done) => {
      const [first = { address: "", family: 0 }] = found;
      if (options.all === true) done(null, found);
      else done(null, first.address, first.family);
    };
    const request = url.protocol === "http:" ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        ...{ method: "POST", agent: false, lookup, signal },
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
      });
      outgoing.once("error", reject);
      outgoing.once("response", (incoming) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const end = () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString("utf8").slice(0, maxAnswerBytes),
          });
        incoming.once("error", reject);
        incoming.once("end", end);
        incoming.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes < maxAnswerBytes) return;
          end();
          incoming.destroy();
        });
      });
      outgoing.end(body);
    });
  }
}

/** Seconds only; receivers that send dates are tried by our own pauses. */
export function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = header === undefined ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("notification", "invalid_input", message, { statusCode: 400 });
}
