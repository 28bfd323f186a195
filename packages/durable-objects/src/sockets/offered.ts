import {
  decodeEarlyEvents,
  decodeParams,
  type Encoding,
  encodingPrefix,
  eventsPrefix,
  header,
  paramsPrefix,
  type ResumePoint,
  resumePrefix,
  tokenPrefix,
} from "@holdfast/client";
import { resumePointOf } from "@holdfast/server/embedded";

/** What a client says in the subprotocols that it offers, because browsers cannot send headers with a WebSocket. */
export class Offered {
  readonly protocols: readonly string[];
  readonly #headers: Headers;

  constructor(headers: Headers) {
    this.#headers = headers;
    const offered = headers.get("sec-websocket-protocol");
    this.protocols = offered === null ? [] : offered.split(",").map((protocol) => protocol.trim());
  }

  get encoding(): Encoding {
    return this.protocols.includes(`${encodingPrefix}json`) ? "json" : "cbor";
  }

  /** Throws `message.malformed_*`. */
  get params(): unknown {
    const encoded = this.#after(paramsPrefix);
    return encoded === undefined ? undefined : decodeParams(this.encoding, encoded);
  }

  get events(): readonly string[] {
    const asked = this.#after(eventsPrefix);
    return asked === undefined ? [] : decodeEarlyEvents(asked);
  }

  /** The connection that the client wants to resume, if any. */
  get resume(): ResumePoint | undefined {
    const text = this.#after(resumePrefix);
    return text === undefined ? undefined : resumePointOf(text);
  }

  get token(): string | undefined {
    const offered = this.#after(tokenPrefix);
    const known = this.#headers.get(header.token);
    if (known !== null || offered === undefined) return known ?? undefined;
    const binary = atob(offered.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
  }

  #after(prefix: string): string | undefined {
    return this.protocols.find((each) => each.startsWith(prefix))?.slice(prefix.length);
  }
}
