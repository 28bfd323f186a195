import { createPrivateKey, X509Certificate } from "node:crypto";
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { isIP } from "node:net";
import { dirname } from "node:path";
import { HoldfastError, type Logger, type Tasks, type Timer } from "@holdfast/core";

/** Files in PEM format, with which nodes prove to each other who they are. */
export interface CertificateFiles {
  /** Certificate of this node, followed by those between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities that sign those of nodes, and nothing else. */
  readonly ca: string;
}

export interface CertificatesOptions {
  readonly files: CertificateFiles;
  /** Host of the advertised address, for which the certificate has to be; undefined for a node that does not listen. */
  readonly host: string | undefined;
  readonly tasks: Tasks;
  readonly log: Logger;
  readonly reloadMs: number;
}

interface Content {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of this node. They are read again when their files change, so that they are renewed as it runs. */
export class Certificates {
  readonly #options: CertificatesOptions;
  #content: Content;
  #refused: string | undefined;
  #watchers: readonly FSWatcher[] = [];
  #timer: Timer | undefined;
  #changed: (() => void) | undefined;

  /** Throws `cluster.invalid_certificate`. */
  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#content = this.#read();
  }

  /** Options of both sides of a connection: both show a certificate, and refuse one that is not of the authority. */
  get tls() {
    return { ...this.#content, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true } as const;
  }

  /** Watches the files; `changed` is called when they have been replaced by valid ones. */
  start(changed: () => void): void {
    this.#changed = changed;
    const { cert, key, ca } = this.#options.files;
    // Directories: the files themselves are often replaced.
    const folders = new Set([cert, key, ca].map((path) => dirname(path)));
    this.#watchers = [...folders].map((folder) => {
      const watcher = watch(folder, { persistent: false }, () => this.refresh());
      // A directory that goes away: the timer notices when the files are there again.
      watcher.on("error", () => undefined);
      return watcher;
    });
    this.#arm();
  }

  /** Reads the files again. Those that cannot be used are not taken over. */
  refresh(): void {
    try {
      const content = this.#read();
      this.#refused = undefined;
      const { cert, key, ca } = this.#content;
      if (content.cert === cert && content.key === key && content.ca === ca) return;
      this.#content = content;
      this.#options.log.info("the certificate of the node was renewed");
      this.#changed?.();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // Certificate and key are replaced one after the other.
      if (reason === this.#refused) return;
      this.#refused = reason;
      this.#options.log.warn("the new certificate of the node cannot be used; the one before stays", {
        reason,
      });
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    this.#changed = undefined;
  }

  /** Not every file system reports changes. */
  #arm(): void {
    this.#timer = this.#options.tasks.after(this.#options.reloadMs, () => {
      this.refresh();
      this.#arm();
    });
  }

  #read(): Content {
    const { files, host } = this.#options;
    const content = { cert: readText(files.cert), key: readText(files.key), ca: readText(files.ca) };
    const [own, ...between] = parse(content.cert);
    const authorities = parse(content.ca);
    if (own === undefined) throw invalid(files.cert, "has no certificate in PEM format");
    if (authorities.length === 0) throw invalid(files.ca, "has no certificate in PEM format");
    const now = Date.now();
    if (own.validToDate.getTime() <= now) throw invalid(files.cert, `has expired on ${own.validTo}`);
    if (own.validFromDate.getTime() > now) {
      throw invalid(files.cert, `is not valid before ${own.validFrom}; check the clock of this machine`);
    }
    if (
      ![...between, ...authorities].some((issuer) => own.checkIssued(issuer) && own.verify(issuer.publicKey))
    ) {
      throw invalid(files.cert, `is not signed by an authority of ${files.ca}`);
    }
    if (host !== undefined && !isFor(own, host)) {
      throw invalid(
        files.cert,
        `is not for the advertised host ${host}, but for ${own.subjectAltName ?? "none"}`,
      );
    }
    if (!own.checkPrivateKey(parseKey(files.key, content.key))) {
      throw invalid(files.key, `is not the key of ${files.cert}`);
    }
    return content;
  }
}

function isFor(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** The error of a certificate that TLS refuses, on either side of a link; undefined for other failures. */
export function certificateRefused(node: string, failure: unknown): HoldfastError | undefined {
  if (!(failure instanceof Error) || !("code" in failure)) return undefined;
  if (!/CERT|SIGNATURE|^UNABLE_TO_|^ERR_TLS_|^ERR_SSL_/.test(String(failure.code))) return undefined;
  const message = `The certificate of the node "${node}" is refused, or it refuses that of this one (${failure.message}). Have one authority sign the certificates of all nodes, and renew those that have expired`;
  return new HoldfastError("cluster", "certificate_refused", message, { cause: failure, metadata: { node } });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(path, `cannot be read (${cause instanceof Error ? cause.message : String(cause)})`);
  }
}

function parse(pem: string): readonly X509Certificate[] {
  return (pem.match(certificatePattern) ?? []).map((text) => new X509Certificate(text));
}

function parseKey(path: string, pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw invalid(path, "has no private key in PEM format without a passphrase");
  }
}

function invalid(path: string, reason: string): HoldfastError {
  const message = `The file ${path} ${reason}. Correct HOLDFAST_CLUSTER_TLS_CERT, HOLDFAST_CLUSTER_TLS_KEY and HOLDFAST_CLUSTER_TLS_CA`;
  return new HoldfastError("cluster", "invalid_certificate", message, { metadata: { path } });
}
