import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import { after, before, describe, type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { NatsOptions } from "@holdfast/server";
import { startNats } from "@holdfast/testing/nats";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { createClient } from "holdfast/client";
import { isHoldfastError } from "holdfast/errors";
import type { ClusterRegistry } from "./actors.ts";
import { Authority, type Files } from "./certificates.ts";
import { type ClusterOptions, type InProcessNode, startInProcess } from "./in-process.ts";
import { eventually } from "./nodes.ts";

describe("links over TLS", () => {
  let server: PostgresServer;
  const authority = new Authority();

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  function start(t: TestContext, store: string, node: string, tls: Files, more: ClusterOptions = {}) {
    return startInProcess(t, store, { node, tls, advertise: "https://127.0.0.1:0", ...more });
  }

  /** The address of the node for the others. */
  async function addressOf({ registry }: InProcessNode, id: string): Promise<URL> {
    const status = await (await registry.directory()).cluster?.status();
    return new URL(status?.nodes.find((node) => node.id === id)?.address ?? "");
  }

  async function refuses(node: Promise<unknown>, code: string, message: RegExp): Promise<void> {
    await assert.rejects(node, (error) => {
      assert.ok(isHoldfastError(error), String(error));
      assert.equal(`${error.group}.${error.code}`, code);
      assert.match(error.message, message);
      return true;
    });
  }

  function open(address: URL, options: ConnectionOptions): TLSSocket {
    return connect({
      ...{ host: address.hostname, port: Number(address.port), ALPNProtocols: ["h2"] },
      ...options,
    });
  }

  test("nodes reach each other's actors, and nobody without a certificate is heard", async (t) => {
    const store = server.createDatabase();
    const one = await start(t, store, "one", authority.issue());
    const two = await start(t, store, "two", authority.issue());
    assert.deepEqual([...one.warnings, ...two.warnings], []);
    const { cluster } = await two.registry.directory();
    const { counter } = createClient<ClusterRegistry>(one.url);
    const keys = Array.from({ length: 64 }, (_, at) => `k-${at}`);
    // The newcomer gets its share a little later.
    const away = await eventually("an actor of the second node", () =>
      keys.find((key) => cluster?.isHere({ type: "get", name: "counter", key: [key] }) === true),
    );
    assert.equal(await counter.getOrCreate([away]).add(1), 1);
    const connection = counter.getOrCreate([away]).connect();
    assert.equal(await connection.add(1), 2);
    await connection.dispose();

    const address = await addressOf(one, "one");
    const ca = readFileSync(authority.ca);
    const own = authority.issue();
    const identity = { cert: readFileSync(own.cert), key: readFileSync(own.key) };
    const member = open(address, { ca, ...identity });
    await once(member, "secureConnect");
    assert.equal(member.getProtocol(), "TLSv1.3");
    member.destroy();
    await assert.rejects(once(open(address, { ca, ...identity, maxVersion: "TLSv1.2" }), "secureConnect"));
    const stranger = open(address, { ca });
    const [refusal] = (await once(stranger, "error")) as [Error];
    assert.match(refusal.message, /certificate required/);
    await eventually("the warning", () =>
      one.warnings.some(({ message }) => /without a valid certificate/.test(message)) ? true : undefined,
    );
  });

  test("certificates that cannot work are refused at start, in words", async (t) => {
    const store = server.createDatabase();
    const good = authority.issue();
    const code = "cluster.invalid_certificate";
    const cases: readonly (readonly [Files, RegExp])[] = [
      [authority.issue({ at: "-40 days" }), /has expired on/],
      [authority.issue({ at: "+10 days" }), /is not valid before/],
      [
        authority.issue({ name: "DNS:db.internal" }),
        /not for the advertised host 127.0.0.1, but for DNS:db.internal/,
      ],
      [{ ...good, ca: new Authority().ca }, /is not signed by an authority of/],
      [{ ...good, key: authority.issue().key }, /is not the key of/],
      [{ ...good, key: good.cert }, /has no private key/],
      [{ ...good, cert: good.key }, /has no certificate in PEM format/],
      [{ ...good, cert: "/nowhere/node.pem" }, /cannot be read/],
    ];
    for (const [files, message] of cases) await refuses(start(t, store, "bad", files), code, message);
    await refuses(
      start(t, store, "bad", good, { advertise: "http://127.0.0.1:0" }),
      "cluster.invalid_address",
      /not an address for other nodes with certificates.*https:/,
    );
  });

  test("a node of another authority is refused at start", async (t) => {
    const store = server.createDatabase();
    await start(t, store, "one", authority.issue());
    await refuses(
      start(t, store, "stranger", new Authority().issue()),
      "cluster.certificate_refused",
      /The certificate of the node "one" is refused/,
    );
  });

  test("NATS is reached over TLS with a login, and not without its authority or with a wrong password", async (t) => {
    const store = server.createDatabase();
    const { cert, key } = authority.issue();
    const nats = await startNats({ user: "holdfast", password: "secret", tls: { cert, key } });
    t.after(() => nats.stop());
    const at = (options: Partial<NatsOptions>): ClusterOptions => ({
      wakeups: ["nats"],
      nats: { url: nats.url, required: true, tls: { ca: authority.ca }, ...options },
    });
    const node = await start(t, store, "one", authority.issue(), at({}));
    const { wakeups } = (await (await fetch(`${node.url}/cluster`)).json()) as { readonly wakeups: string[] };
    assert.deepEqual(wakeups, ["nats"]);
    const elsewhere = await startNats({ tls: authority.issue({ name: "IP:10.0.0.9" }) });
    t.after(() => elsewhere.stop());
    const cases: readonly (readonly [Partial<NatsOptions>, RegExp])[] = [
      [{ tls: {} }, /certificate/],
      [{ url: elsewhere.url }, /127\.0\.0\.1 is not in the cert's list: 10\.0\.0\.9/],
      [{ url: nats.url.replace("secret", "guessed") }, /Authorization/i],
    ];
    for (const [options, message] of cases) {
      const refused = start(t, store, "two", authority.issue(), at(options));
      await refuses(refused, "cluster.nats_unavailable", message);
    }
  });

  test("a renewed certificate is used without a restart, and a broken one is not", async (t) => {
    const store = server.createDatabase();
    const files = authority.issue();
    const node = await start(t, store, "one", files);
    const address = await addressOf(node, "one");
    const visitor = authority.issue();
    const shown = async (): Promise<string> => {
      const socket = open(address, {
        ca: readFileSync(authority.ca),
        cert: readFileSync(visitor.cert),
        key: readFileSync(visitor.key),
      });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const fingerprint = (path: string): string => new X509Certificate(readFileSync(path)).fingerprint256;
    assert.equal(await shown(), fingerprint(files.cert));
    const before = fingerprint(files.cert);
    // Without its key: the old pair stays until both are there.
    const renewed = authority.issue();
    copyFileSync(renewed.cert, files.cert);
    await eventually("the warning", () =>
      node.warnings.some(({ message }) => /the one before stays/.test(message)) ? true : undefined,
    );
    assert.equal(await shown(), before);
    copyFileSync(renewed.key, files.key);
    await eventually("the renewed certificate", async () =>
      (await shown()) === fingerprint(renewed.cert) ? true : undefined,
    );
    await start(t, store, "two", authority.issue());
  });
});
