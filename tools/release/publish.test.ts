import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { Release } from "./prepare.ts";
import { publishRelease } from "./publish.ts";

interface Packument {
  readonly "dist-tags": Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, { readonly gitHead?: string }>>;
}

/** What the registry has, by name. */
const published = new Map<string, Packument>();
const server = createServer(async (request, response) => {
  const name = decodeURIComponent((request.url ?? "/").split("?", 1)[0]?.slice(1) ?? "");
  const answer = (status: number, body: unknown) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.method === "PUT") {
    const packument = JSON.parse(await text(request)) as Packument;
    if (name === "@h/refused") return answer(403, { error: "not yours" });
    published.set(name, packument);
    return answer(201, { ok: true });
  }
  const packument = published.get(name);
  return packument === undefined ? answer(404, { error: "Not found" }) : answer(200, { name, ...packument });
});
const folder = mkdtempSync(join(tmpdir(), "holdfast-publish-"));
let npmOptions: string[] = [];

before(async () => {
  // A CI service would sign: nothing is sent to anybody but this registry.
  for (const name of ["GITHUB_ACTIONS", "GITLAB_CI"]) delete process.env[name];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Provenance is signed by a CI service.
  npmOptions = [
    ...[`--registry=http://${host}`, `--//${host}/:_authToken=test`, `--cache=${join(folder, "cache")}`],
    "--fetch-retries=0",
  ];
  for (const name of ["one", "two", "refused"]) {
    mkdirSync(join(folder, name));
    const manifest = { name: `@h/${name}`, version: "1.2.0", gitHead: "abc" };
    writeFileSync(join(folder, name, "package.json"), JSON.stringify(manifest));
  }
  const folders = ["one", "two", "refused"].map((name) => join(folder, name));
  execFileSync("npm", ["pack", "--pack-destination", folder, ...folders], { stdio: "ignore" });
});

after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

function release(...names: string[]): Release {
  const packages = names.map((name) => ({
    ...{ name: `@h/${name}`, version: "1.2.0", file: `h-${name}-1.2.0.tgz` },
    ...{ sizeBytes: 1, sha256: "" },
  }));
  return { format: 1, version: "1.2.0", commit: "abc", tag: "latest", packages, images: [] };
}

test("a release that failed in the middle goes on where it stopped", async () => {
  const lines: string[] = [];
  const options = { npmOptions, provenance: false, report: (line: string) => lines.push(line) };
  await assert.rejects(publishRelease(folder, release("one", "refused", "two"), options), /403/);
  assert.deepEqual([...published.keys()], ["@h/one"]);
  assert.equal(published.get("@h/one")?.versions["1.2.0"]?.gitHead, "abc");
  assert.deepEqual(published.get("@h/one")?.["dist-tags"], { latest: "1.2.0" });

  await publishRelease(folder, release("one", "two"), options);
  assert.deepEqual(lines, [
    "@h/one 1.2.0: published",
    "@h/one 1.2.0: published already",
    "@h/two 1.2.0: published",
  ]);
});

test("a version that another commit has published is not mixed with this one", async () => {
  const other = { ...release("one"), commit: "def" };
  await assert.rejects(
    publishRelease(folder, other, { npmOptions, provenance: false, report: () => {} }),
    /@h\/one 1\.2\.0 is published already, from abc/,
  );
});

test("a tarball other than the one that was published ends it, and provenance is npm's to make", async () => {
  const options = { npmOptions, provenance: false, report: () => {} };
  cpSync(join(folder, "h-two-1.2.0.tgz"), join(folder, "h-one-1.2.0.tgz"));
  await assert.rejects(
    publishRelease(folder, release("one"), options),
    /@h\/one 1\.2\.0 is published already from this commit, but as another tarball\. Go on in the folder/,
  );
  await assert.rejects(
    publishRelease(folder, release("refused"), { ...options, provenance: true }),
    /provenance/i,
    "only a CI service can sign it",
  );
});
