/**
 * Tunnels: CONNECT requests, which are passed on unread or intercepted with the certificate authority of the jail.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type HoldfastError, isHoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";
import type { HostPort } from "../decisions/allowed-hosts.ts";
import type { AllowedDestinations } from "../decisions/decide-by-address.ts";
import type { PublicResolver } from "../decisions/public-address.ts";
import type { EgressDecision } from "../egress.ts";
import type { EgressLimits } from "../egress-limits.ts";
import { framingFault } from "../proxy/http-headers.ts";
import { refusal, writeRawRefusal } from "../proxy/refusals.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { terminateTls } from "./tls-termination.ts";
import { dial, parseAuthority, pipeBothWays, readHello } from "./tunnel-connection.ts";
import { decideTunnel } from "./tunnel-decision.ts";

export interface TunnelsOptions {
  readonly jailId: string;
  readonly session: string;
  readonly destinations: AllowedDestinations;
  readonly audit: Audit;
  readonly names: PublicResolver;
  readonly limits: EgressLimits;
  readonly signal: AbortSignal;
  /** Without it, no tunnel is intercepted. */
  readonly authority?: CertificateAuthority;
  /** Called before untrusted content can arrive. */
  readonly onOutside: (reason: string) => Promise<void>;
  readonly report: (about: Omit<EgressDecision, "at" | "jailId" | "session">, record?: boolean) => void;
  /** Receives the decrypted connection of an intercepted tunnel. */
  readonly onInside: (secure: TLSSocket) => void;
}

/**
 * Opens the tunnels (CONNECT) of one jail. A tunnel to a host without restricting rules is passed on unread once its
 * TLS names that host; any other is refused, or intercepted where the jail has a certificate authority.
 */
export class Tunnels {
  readonly #options: TunnelsOptions;
  /** The targets of intercepted tunnels, by their decrypted connections. */
  readonly #inside = new WeakMap<object, HostPort>();
  #handshakes = 0;

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  /** The target of the tunnel that a connection is inside of; undefined outside of tunnels. */
  targetOf(socket: object): HostPort | undefined {
    return this.#inside.get(socket);
  }

  /** Answers a CONNECT request; `first` are the bytes that came behind it. Never rejects. */
  async open(request: IncomingMessage, socket: Socket, first: Buffer): Promise<void> {
    const { destinations, authority } = this.#options;
    socket.on("error", () => socket.destroy());
    const target = framingFault(request) === undefined ? parseAuthority(request.url ?? "") : undefined;
    if (target === undefined) return this.#refuse(socket, "", "CONNECT must name a host and a port");
    const path = `${target.host}:${target.port}`;
    if (this.#inside.has(socket))
      return this.#refuse(socket, path, "A tunnel cannot be opened inside another");
    const decision = decideTunnel(target, destinations, authority);
    if (decision.action === "refuse") return this.#refuse(socket, path, decision.reason);
    let established = false;
    const establish = () => {
      established = true;
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    };
    try {
      if (decision.action === "pass") await this.#pass(target, socket, first, establish);
      else await this.#intercept(decision.authority, target, socket, first, establish);
    } catch (error) {
      const typed = isHoldfastError(error) ? error : refusal("internal_error", 500, "The tunnel failed");
      this.#deny(path, typed);
      if (established) socket.destroy();
      else writeRawRefusal(socket, typed);
    }
  }

  #refuse(socket: Socket, path: string, reason: string): void {
    const error = refusal("connect_refused", 405, reason);
    this.#deny(path, error);
    writeRawRefusal(socket, error);
  }

  #deny(path: string, { group, code }: HoldfastError): void {
    this.#options.report({ method: "CONNECT", path, decision: "deny", rule: `${group}.${code}` });
  }

  /** Checks and records the tunnel, then copies its bytes unread. */
  async #pass(target: HostPort, socket: Socket, first: Buffer, establish: () => void): Promise<void> {
    const { audit, jailId, session, names, limits, destinations, signal, onOutside } = this.#options;
    const addresses = await names.addressesOf(target.host);
    establish();
    const hello = await readHello(socket, first, target.host, limits.headersTimeoutMs);
    const request = await this.#record(target, {});
    if (destinations.hosts.outside(target)) await onOutside(`egress to ${target.host}:${target.port}`);
    const outer = await dial(addresses, target, signal);
    outer.write(hello);
    const bytes = await pipeBothWays(socket, outer, limits.upstreamIdleMs);
    await audit.note({ type: "egress.tunnel_closed", jailId, session, data: { request, ...bytes } });
  }

  /** Terminates TLS here. Nothing is dialled: each request inside is decided about, recorded and sent by itself. */
  async #intercept(
    authority: CertificateAuthority,
    target: HostPort,
    socket: Socket,
    first: Buffer,
    establish: () => void,
  ): Promise<void> {
    const { limits, onInside } = this.#options;
    if (this.#handshakes >= limits.maxHandshakes)
      throw refusal("too_many_tunnels", 429, "Too many tunnels are being opened. Try again in a moment");
    this.#handshakes += 1;
    try {
      const certificate = await authority.certificateFor(target.host);
      establish();
      const hello = await readHello(socket, first, target.host, limits.headersTimeoutMs);
      socket.unshift(hello);
      await this.#record(target, { intercepted: true });
      await terminateTls(socket, certificate, limits.handshakeMs, (secure) => {
        this.#inside.set(secure, target);
        onInside(secure);
      });
    } finally {
      this.#handshakes -= 1;
    }
  }

  /** Records a tunnel before it is opened; gives the number of the record. */
  async #record({ host, port }: HostPort, more: Readonly<Record<string, unknown>>): Promise<number> {
    const { audit, jailId, session, report } = this.#options;
    const path = `${host}:${port}`;
    const data = { host: path, method: "CONNECT", ...more };
    const { seq } = await audit.append({ type: "egress.tunnel", jailId, session, data });
    report({ method: "CONNECT", path, decision: "allow", rule: `CONNECT ${path}` }, false);
    return seq;
  }
}
