/** The certificates of a jail's own authority: for which names, for how long, and believed by whom. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { type AddressInfo, createConnection } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer, rootCertificates, connect as tlsConnect } from "node:tls";
import { authorityEnvironment } from "@holdfast/gate";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { writeAuthority } from "../src/egress/tunnels/authority-files.ts";
import { CertificateAuthority, type HostCertificate } from "../src/egress/tunnels/certificate-authority.ts";
import { missing, temporaryDirectory } from "./support.ts";
import { newAuthority } from "./tls-support.ts";

const hour = 3_600_000;

/** "ok", or why a client that believes `ca` alone takes no server of this certificate for `name`. */
async function believed(t: TestContext, certificate: HostCertificate, ca: string, name: string) {
  const server = createServer({ ...certificate }, (socket) => socket.end());
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const socket = createConnection((server.address() as AddressInfo).port, "127.0.0.1");
  const secure = tlsConnect({ socket, ca, servername: name });
  try {
    await once(secure, "secureConnect");
    return "ok";
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Node has no code of its own for each thing that can be wrong with a chain.
    return code === "UNSPECIFIED" ? message : code;
  } finally {
    secure.destroy();
  }
}

test("a certificate is for one host, for servers only and short-lived, and its authority signs nothing else", async () => {
  const authority = await newAuthority(["good.example"]);
  const own = new X509Certificate(authority.certificate);
  const made = await authority.certificateFor("api.good.example");
  const certificate = new X509Certificate(made.cert);
  assert.deepEqual([own.ca, certificate.ca], [true, false]);
  assert.ok(certificate.checkIssued(own) && certificate.verify(own.publicKey));
  assert.deepEqual([own.keyUsage, certificate.keyUsage], [["1.3.6.1.5.5.7.3.1"], ["1.3.6.1.5.5.7.3.1"]]);
  assert.equal(certificate.subjectAltName, "DNS:api.good.example");
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.notEqual(
    own.publicKey.export({ type: "spki", format: "pem" }),
    certificate.publicKey.export({ type: "spki", format: "pem" }),
  );
  const lasts = ({ validToDate }: X509Certificate) => (validToDate.getTime() - Date.now()) / hour;
  assert.ok(lasts(certificate) > 23 && lasts(certificate) <= 24, String(lasts(certificate)));
  assert.ok(lasts(own) <= 365 * 24 && certificate.validFromDate.getTime() <= Date.now());
  const other = new X509Certificate((await authority.certificateFor("good.example")).cert);
  assert.notEqual(other.serialNumber, certificate.serialNumber);
});

test("an authority is trusted for its names only, and only by clients that were given it", async (t) => {
  const [one, two] = await Promise.all([newAuthority(["good.example"]), newAuthority(["good.example"])]);
  const good = await one.certificateFor("good.example");
  assert.equal(await believed(t, good, one.certificate, "good.example"), "ok");
  const below = await one.certificateFor("api.good.example");
  assert.equal(await believed(t, below, one.certificate, "api.good.example"), "ok");
  assert.notEqual(await believed(t, good, two.certificate, "good.example"), "ok", "another jail's");
  assert.equal(await believed(t, good, one.certificate, "api.good.example"), "ERR_TLS_CERT_ALTNAME_INVALID");
  for (const name of ["evil.example", "notgood.example", "example"]) {
    const stray = await one.certificateFor(name);
    assert.equal(await believed(t, stray, one.certificate, name), "permitted subtree violation", name);
  }
  const subjects = [one, two].map(({ certificate }) => new X509Certificate(certificate).subject);
  assert.notEqual(subjects[0], subjects[1]);
});

test("an authority excludes IP addresses and cannot sign another authority", {
  skip: missing("openssl"),
}, async () => {
  const { certificate } = await newAuthority(["good.example", "docs.example"]);
  const told = execFileSync("openssl", ["x509", "-noout", "-text"], { input: certificate, encoding: "utf8" });
  const flat = told.replace(/\s+/g, " ");
  assert.match(flat, /Name Constraints: critical Permitted: DNS:good\.example DNS:docs\.example/);
  assert.match(flat, /Excluded: IP:0\.0\.0\.0\/0\.0\.0\.0 IP:(?:0:){7}0\/(?:0:){7}0/);
  assert.match(flat, /Basic Constraints: critical CA:TRUE, pathlen:0/);
  assert.match(flat, /X509v3 Key Usage: critical Certificate Sign /);
});

test("certificates are cached until shortly before they expire, up to a limit", async () => {
  let now = Date.now();
  const authority = await CertificateAuthority.create({
    names: ["example"],
    clock: { now: () => now },
    limits: { ...egressLimits, maxCertificates: 2 },
  });
  const of = async (host: string) => (await authority.certificateFor(host)).cert;
  const [a, b] = [await of("a.example"), await of("b.example")];
  now += 23 * hour - 1;
  assert.equal(await of("a.example"), a);
  await of("c.example");
  assert.equal(await of("a.example"), a, "what was used last stays");
  assert.notEqual(await of("b.example"), b, "what was not used for longest goes");
  now += 1;
  await of("b.example");
  const anew = await of("a.example");
  assert.notEqual(anew, a);
  assert.ok(new X509Certificate(anew).validToDate.getTime() > now + 23 * hour);
});

test("of an authority nothing but its certificate is written down", async (t) => {
  const directory = temporaryDirectory(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const authority = await newAuthority(["good.example"]);
  const shown = await writeAuthority(directory, authority.certificate);
  assert.deepEqual(readdirSync(directory).sort(), ["authorities.pem", "authority.pem"]);
  for (const path of [shown.certificatePath, shown.bundlePath]) {
    assert.equal(statSync(path).mode & 0o777, 0o444, path);
    assert.doesNotMatch(readFileSync(path, "utf8"), /PRIVATE/);
  }
  assert.equal(readFileSync(shown.certificatePath, "utf8").trim(), authority.certificate.trim());
  const bundle = readFileSync(shown.bundlePath, "utf8");
  const all = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const last = new X509Certificate(all.at(-1) ?? "");
  assert.equal(last.fingerprint256, new X509Certificate(authority.certificate).fingerprint256);
  assert.ok(all.length > 50 && all.length > rootCertificates.length / 3, `${all.length} authorities`);
});

test("variables name the certificate for tools that add it, and the bundle for tools that replace their list", () => {
  const { NODE_EXTRA_CA_CERTS, DENO_CERT, ...lists } = authorityEnvironment({
    certificatePath: "/one",
    bundlePath: "/all",
  });
  assert.deepEqual([NODE_EXTRA_CA_CERTS, DENO_CERT], ["/one", "/one"]);
  assert.deepEqual(new Set(Object.values(lists)), new Set(["/all"]));
  for (const name of [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "REQUESTS_CA_BUNDLE",
    "npm_config_cafile",
  ])
    assert.ok(name in lists, name);
});
