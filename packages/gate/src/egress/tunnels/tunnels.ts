import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type HoldfastError, isHoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";
import type { AllowedDestinations } from "../decisions/decide-by-address.ts";
import type { PublicResolver } from "../decisions/public-address.ts";
import type { EgressDecision } from "../egress.ts";
import type { EgressLimits } from "../egress-limits.ts";
import { framingFault } from "../proxy/http-headers.ts";
import { refusal, writeRawRefusal } from "../proxy/refusals.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { terminateTls } from "./tls-termination.ts";
import { dial, join, parseAuthority, readHello, type TunnelTarget } from "./tunnel-connection.ts";
import { decideTunnel } from "./tunnel-decision.ts";

export interface TunnelsOptions {
  readonly jailId: string;
  readonly session: string;
  readonly destinations: AllowedDestinations;
  readonly audit: Audit;
  readonly names: PublicResolver;
  readonly limits: EgressLimits;
  readonly signal: AbortSignal;
  /** Without it, no tunnel ends here. */
  readonly authority?: CertificateAuthority;
  /** Told before an answer that others wrote can arrive. */
  readonly onOutside: (reason: string) => Promise<void>;
  readonly report: (about: Omit<EgressDecision, "at" | "jailId" | "session">, record?: boolean) => void;
  /** Given what is inside of a tunnel that ends here. */
  readonly onInside: (secure: TLSSocket) => void;
}

/** The tunnels (CONNECT) of one jail. */
export class Tunnels {
  readonly #options: TunnelsOptions;
  /** Where the tunnels lead that end here. */
  readonly #inside = new WeakMap<object, TunnelTarget>();
  #handshakes = 0;

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  /** Where the tunnel leads that a connection is inside of; undefined where it is in none. */
  placeOf(socket: object): TunnelTarget | undefined {
    return this.#inside.get(socket);
  }

  /** Answers a request for a tunnel, of which `first` came with it. Never rejects. */
  async open(request: IncomingMessage, socket: Socket, first: Buffer): Promise<void> {
    const { destinations, authority } = this.#options;
    socket.on("error", () => socket.destroy());
    const place = framingFault(request) === undefined ? parseAuthority(request.url ?? "") : undefined;
    if (place === undefined) return this.#refuse(socket, "", "CONNECT names a host and a port");
    const path = `${place.host}:${place.port}`;
    if (this.#inside.has(socket)) return this.#refuse(socket, path, "No tunnel leads out of another");
    const way = decideTunnel(place, destinations, authority);
    if (way.way === "refuse") return this.#refuse(socket, path, way.why);
    let established = false;
    const establish = () => {
      established = true;
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    };
    try {
      if (way.way === "pass") await this.#pass(place, socket, first, establish);
      else await this.#intercept(way.authority, place, socket, first, establish);
    } catch (error) {
      const typed = isHoldfastError(error) ? error : refusal("internal_error", 500, "The tunnel has failed");
      this.#deny(path, typed);
      if (established) socket.destroy();
      else writeRawRefusal(socket, typed);
    }
  }

  #refuse(socket: Socket, path: string, why: string): void {
    const error = refusal("connect_refused", 405, why);
    this.#deny(path, error);
    writeRawRefusal(socket, error);
  }

  #deny(path: string, { group, code }: HoldfastError): void {
    this.#options.report({ method: "CONNECT", path, decision: "deny", rule: `${group}.${code}` });
  }

  /** TLS to a host that has no finer rule than its name: checked, put on record, then passed unread. */
  async #pass(place: TunnelTarget, socket: Socket, first: Buffer, establish: () => void): Promise<void> {
    const { audit, jailId, session, names, limits, destinations, signal, onOutside } = this.#options;
    const addresses = await names.addressesOf(place.host);
    establish();
    const hello = await readHello(socket, first, place.host, limits.headersTimeoutMs);
    const request = await this.#record(place, {});
    if (destinations.hosts.outside(place)) await onOutside(`egress to ${place.host}:${place.port}`);
    const outer = await dial(addresses, place, signal);
    outer.write(hello);
    const bytes = await join(socket, outer, limits.upstreamIdleMs);
    await audit.note({ type: "egress.tunnel_closed", jailId, session, data: { request, ...bytes } });
  }

  /** TLS ends here. Nothing is dialled: each request inside is decided about, put on record and sent by itself. */
  async #intercept(
    authority: CertificateAuthority,
    place: TunnelTarget,
    socket: Socket,
    first: Buffer,
    establish: () => void,
  ): Promise<void> {
    const { limits, onInside } = this.#options;
    if (this.#handshakes >= limits.maxHandshakes)
      throw refusal("too_many_tunnels", 429, "Too many tunnels are being opened at once; try again");
    this.#handshakes += 1;
    try {
      const certificate = await authority.certificateFor(place.host);
      establish();
      const hello = await readHello(socket, first, place.host, limits.headersTimeoutMs);
      socket.unshift(hello);
      await this.#record(place, { intercepted: true });
      await terminateTls(socket, certificate, limits.handshakeMs, (secure) => {
        this.#inside.set(secure, place);
        onInside(secure);
      });
    } finally {
      this.#handshakes -= 1;
    }
  }

  /** Puts a tunnel on record before it is one, and gives the number of the record. */
  async #record({ host, port }: TunnelTarget, more: Readonly<Record<string, unknown>>): Promise<number> {
    const { audit, jailId, session, report } = this.#options;
    const path = `${host}:${port}`;
    const data = { host: path, method: "CONNECT", ...more };
    const { seq } = await audit.append({ type: "egress.tunnel", jailId, session, data });
    report({ method: "CONNECT", path, decision: "allow", rule: `CONNECT ${path}` }, false);
    return seq;
  }
}
