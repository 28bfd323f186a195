/** Certificates for the nodes of a test, made by OpenSSL. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeAtExit } from "@holdfast/testing/scratch";

export interface Files {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority that signs certificates of nodes. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "holdfast-authority-"));
  #issued = 0;

  constructor() {
    removeAtExit(this.#folder);
    const ca = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    const subject = ["-subj", "/CN=nodes", "-days", "400"];
    this.#openssl(["req", "-x509", ...curve, "-keyout", "ca.key", "-out", "ca.pem", ...subject, ...ca]);
  }

  get ca(): string {
    return join(this.#folder, "ca.pem");
  }

  /** Signs a certificate that is valid for 30 days from now, or from `at`, a time that `faketime` knows. */
  issue({ name = "IP:127.0.0.1", at }: { readonly name?: string; readonly at?: string } = {}): Files {
    const id = `node-${++this.#issued}`;
    const extensions = join(this.#folder, `${id}.ext`);
    writeFileSync(extensions, `subjectAltName=${name}\n`);
    const request = ["-keyout", `${id}.key`, "-out", `${id}.csr`, "-subj", `/CN=${id}`];
    this.#openssl(["req", "-new", ...curve, ...request]);
    const signed = ["-in", `${id}.csr`, "-out", `${id}.pem`, "-extfile", extensions, "-days", "30"];
    const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    this.#openssl(["x509", "-req", ...signed, ...authority], at);
    return { cert: join(this.#folder, `${id}.pem`), key: join(this.#folder, `${id}.key`), ca: this.ca };
  }

  #openssl(args: readonly string[], at?: string): void {
    const options = { cwd: this.#folder, stdio: "pipe" } as const;
    if (at === undefined) execFileSync("openssl", args, options);
    else execFileSync("faketime", [at, "openssl", ...args], options);
  }
}
