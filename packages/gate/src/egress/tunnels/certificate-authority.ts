import { KeyObject, randomBytes } from "node:crypto";
import type { Clock } from "@holdfast/core";
import type { EgressLimits } from "../egress-limits.ts";
import { type IssuedCertificate, issueCertificate, type WebCryptoKey } from "./certificates.ts";

/** The certificate that the proxy presents as one host. */
export interface HostCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM; kept in memory only. */
  readonly key: string;
}

export interface CertificateAuthorityOptions {
  /** It signs for these names and those below them only. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly limits: Pick<
    EgressLimits,
    "maxCertificates" | "authorityMs" | "certificateMs" | "certificateLeftMs"
  >;
}

interface KeyPair {
  readonly publicKey: WebCryptoKey;
  readonly privateKey: WebCryptoKey;
}

interface Keys {
  /** Its private key cannot be exported. */
  readonly own: KeyPair;
  /** One key pair for all hosts: an attacker who could read one key from the process could read them all. */
  readonly host: KeyPair;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
/** The clock of a client may be a little behind. */
const clockSkewMs = 5 * 60_000;

/**
 * The certificate authority of one jail. Its key is generated with it and cannot be exported: it is on no disk and in
 * no jail, and it ends with the egress of its jail. No other jail trusts it.
 */
export class CertificateAuthority {
  readonly #options: CertificateAuthorityOptions;
  readonly #subject: string;
  readonly #own: IssuedCertificate;
  readonly #keys: Keys;
  readonly #hostKey: string;
  /** Least recently used first. */
  readonly #cache = new Map<string, { readonly until: number; readonly made: Promise<HostCertificate> }>();

  private constructor(
    options: CertificateAuthorityOptions,
    subject: string,
    own: IssuedCertificate,
    keys: Keys,
  ) {
    this.#options = options;
    this.#subject = subject;
    this.#own = own;
    this.#keys = keys;
    const key = KeyObject.from(keys.host.privateKey);
    this.#hostKey = key.export({ type: "pkcs8", format: "pem" }).toString();
  }

  static async create(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
    const { names, clock, limits } = options;
    const [own, host] = await Promise.all([
      crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]),
      crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]),
    ]);
    // Unique, so that no client confuses two authorities.
    const subject = `Authority of one jail ${randomBytes(8).toString("hex")}`;
    const certificate = await issueCertificate({
      ...{ subject, issuer: subject, publicKey: own.publicKey, signingKey: own.privateKey },
      ...validity(clock.now(), limits.authorityMs),
      kind: { names },
    });
    return new CertificateAuthority(options, subject, certificate, { own, host });
  }

  /** PEM. */
  get certificate(): string {
    return this.#own.pem;
  }

  /** The certificate for one host: issued on first use, and again before it expires. */
  certificateFor(host: string): Promise<HostCertificate> {
    const { clock, limits } = this.#options;
    const cached = this.#cache.get(host);
    this.#cache.delete(host);
    if (cached !== undefined && clock.now() < cached.until) {
      this.#cache.set(host, cached);
      return cached.made;
    }
    const made = this.#issue(host);
    const entry = { until: clock.now() + limits.certificateMs - limits.certificateLeftMs, made };
    this.#cache.set(host, entry);
    made.catch(() => {
      if (this.#cache.get(host) === entry) this.#cache.delete(host);
    });
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined && this.#cache.size > limits.maxCertificates) this.#cache.delete(oldest);
    return made;
  }

  async #issue(host: string): Promise<HostCertificate> {
    const { clock, limits } = this.#options;
    const { pem } = await issueCertificate({
      ...{ subject: "Egress proxy", issuer: this.#subject },
      ...{ publicKey: this.#keys.host.publicKey, signingKey: this.#keys.own.privateKey },
      ...validity(clock.now(), limits.certificateMs),
      kind: { name: host, issuerKeyId: this.#own.keyId },
    });
    // With the authority's own: browsers are told to trust its key, and look for it in what they are shown.
    return { cert: `${pem.trimEnd()}\n${this.#own.pem}`, key: this.#hostKey };
  }
}

function validity(now: number, ms: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + ms) };
}
