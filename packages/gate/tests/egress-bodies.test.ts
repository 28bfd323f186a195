/** Bodies that the proxy reads whole, and the paths of repositories: each bound, at and above it. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { AllowedHosts } from "../src/egress/decisions/allowed-hosts.ts";
import { AllowedNetworks } from "../src/egress/decisions/public-address.ts";
import { type CheckedUpstream, checkUpstreams } from "../src/egress/decisions/upstreams.ts";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { BodyReader } from "../src/egress/proxy/request-body.ts";
import { gitUpstream } from "../src/egress/services/git.ts";

const egress = (code: string) => (error: unknown) => isErrorCode(error, "egress", code);

describe("a body that is read whole", () => {
  const reader = () => new BodyReader({ ...egressLimits, maxMeteredBytes: 100, maxHeldBytes: 150 });
  const response = { writeContinue() {} } as ServerResponse;
  const request = (...sizes: number[]) =>
    Object.assign(Readable.from(sizes.map((size) => Buffer.alloc(size))), {
      headers: {},
    }) as unknown as IncomingMessage;

  test("is no larger than it may be, in one piece or in many", async () => {
    const bodies = reader();
    const { body, done } = await bodies.read(request(60, 40), response);
    assert.equal(body.length, 100);
    done();
    await assert.rejects(bodies.read(request(101), response), egress("request_too_large"));
    await assert.rejects(bodies.read(request(60, 41), response), egress("request_too_large"));
  });

  test("waits with the others in bounded memory, which is given back once", async () => {
    const bodies = reader();
    const first = await bodies.read(request(100), response);
    const second = await bodies.read(request(50), response);
    await assert.rejects(bodies.read(request(1), response), egress("too_many_requests"));
    second.done();
    second.done();
    await assert.rejects(bodies.read(request(51), response), egress("too_many_requests"));
    (await bodies.read(request(50), response)).done();
    first.done();
    (await bodies.read(request(100), response)).done();
  });
});

test("a repository is named by a plain path", () => {
  const made = (path: string) =>
    gitUpstream({ name: "git", baseUrl: "https://git.example", repositories: [{ path }] }).allow.length;
  assert.equal(made("acme/app"), 4);
  for (const path of ["acme/app/", "acme/app.git", "acme/../other", "acme//app", "acme/%2e%2e/x", "a b"]) {
    assert.throws(() => made(path), egress("invalid_upstream"), path);
  }
});

test("a host that a jail names must be a listed host name", () => {
  const hosts = new AllowedHosts([{ host: "example.com" }, { host: "*.example.org" }]);
  assert.ok(hosts.upstream("/web/https/example.com/x") && hosts.upstream("/web/https/a.example.org"));
  for (const target of [
    "/web/https/example.org",
    "/web/http/example.com",
    "/web/https/example.com:444",
    "/web/https/10.0.0.1",
    "/web/https/..",
    "/web/ftp/example.com",
  ]) {
    assert.equal(hosts.upstream(target), undefined, target);
  }
  for (const host of [
    "10.0.0.1",
    "127.1",
    "0x7f.1",
    "localhost.",
    "Example.com",
    "*.com",
    "a..b",
    "-a.com",
    "",
  ]) {
    assert.throws(() => new AllowedHosts([{ host }]), egress("invalid_upstream"), host);
  }
});

test("a tunnel is passed on to a listed host without restricting rules only", () => {
  const hosts = new AllowedHosts([{ host: "*.example.org" }, { host: "read.example.com", methods: ["GET"] }]);
  const fault = (host: string, port = 443, pinned: readonly CheckedUpstream[] = []) =>
    hosts.tunnelFault({ host, port }, pinned);
  assert.equal(fault("a.example.org"), undefined);
  for (const host of ["a..example.org", "-.example.org", "a_b.example.org", "10.0.0.1"]) {
    assert.match(fault(host) ?? "", /must name a host/, host);
  }
  assert.match(fault("a.example.org", 22) ?? "", /not an allowed host/);
  assert.match(fault("read.example.com") ?? "", /would hide/);
  const pinned = checkUpstreams([
    {
      name: "model",
      baseUrl: "https://a.example.org",
      provider: "none",
      allow: [],
      credential: { kind: "none" },
    },
  ]);
  assert.match(fault("a.example.org", 443, [...pinned.values()]) ?? "", /as the upstream model/);
});

test("an allowed network matches addresses without a zone, and must be written as a network", () => {
  const allowed = new AllowedNetworks(["10.1.0.0/16", "fe80::/10"]);
  assert.ok(allowed.has("10.1.2.3") && allowed.has("fe80::1"));
  for (const address of ["10.2.0.1", "fe80::1%eth0", "name", ""])
    assert.equal(allowed.has(address), false, address);
  for (const network of ["10.1.0.0", "10.1.0.0/33", "fe80::/129", "name/8", "10.1.0.0/-1", "10.1.0.0/8x"]) {
    assert.throws(() => new AllowedNetworks([network]), egress("invalid_config"), network);
  }
});
