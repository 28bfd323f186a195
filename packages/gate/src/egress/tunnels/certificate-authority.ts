import { KeyObject, randomBytes } from "node:crypto";
import type { Clock } from "@holdfast/core";
import type { EgressLimits } from "../egress-limits.ts";
import { type Key, type MadeCertificate, makeCertificate } from "./certificates.ts";

/** What the proxy shows to a client as one host. */
export interface HostCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM; in memory alone. */
  readonly key: string;
}

export interface CertificateAuthorityOptions {
  /** It speaks for these names and those below them, and for no other. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly limits: Pick<
    EgressLimits,
    "maxCertificates" | "authorityMs" | "certificateMs" | "certificateLeftMs"
  >;
}

interface KeyPair {
  readonly publicKey: Key;
  readonly privateKey: Key;
}

interface Keys {
  /** Its private half cannot be taken out of the process. */
  readonly own: KeyPair;
  /** Of all hosts: who has one of them has them all. */
  readonly host: KeyPair;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" };
/** Clocks of clients may be a little behind. */
const earlierMs = 5 * 60_000;

/**
 * The certificate authority of one jail. Its key is made with it and cannot be taken out of it: it is on no
 * disk, in no jail, and gone with the way out of its jail. No other jail believes it.
 */
export class CertificateAuthority {
  readonly #options: CertificateAuthorityOptions;
  readonly #subject: string;
  readonly #own: MadeCertificate;
  readonly #keys: Keys;
  readonly #hostKey: string;
  /** In order of their last use. */
  readonly #kept = new Map<string, { readonly until: number; readonly made: Promise<HostCertificate> }>();

  private constructor(
    options: CertificateAuthorityOptions,
    subject: string,
    own: MadeCertificate,
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
    // Another name for each, so that no client takes one for another of the same name.
    const subject = `Authority of one jail ${randomBytes(8).toString("hex")}`;
    const certificate = await makeCertificate({
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

  /** A certificate for one host, made when it is first wanted, and anew before it ends. */
  certificateFor(host: string): Promise<HostCertificate> {
    const { clock, limits } = this.#options;
    const known = this.#kept.get(host);
    this.#kept.delete(host);
    if (known !== undefined && clock.now() < known.until) {
      this.#kept.set(host, known);
      return known.made;
    }
    const made = this.#make(host);
    const kept = { until: clock.now() + limits.certificateMs - limits.certificateLeftMs, made };
    this.#kept.set(host, kept);
    made.catch(() => {
      if (this.#kept.get(host) === kept) this.#kept.delete(host);
    });
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > limits.maxCertificates) this.#kept.delete(oldest);
    return made;
  }

  async #make(host: string): Promise<HostCertificate> {
    const { clock, limits } = this.#options;
    const { pem } = await makeCertificate({
      ...{ subject: "Egress proxy", issuer: this.#subject },
      ...{ publicKey: this.#keys.host.publicKey, signingKey: this.#keys.own.privateKey },
      ...validity(clock.now(), limits.certificateMs),
      kind: { name: host, issuerKeyId: this.#own.keyId },
    });
    return { cert: pem, key: this.#hostKey };
  }
}

function validity(now: number, ms: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now - earlierMs), notAfter: new Date(now + ms) };
}
