import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { docker } from "../../src/node/docker.ts";

/** A provider at an engine that has no image until it was asked to pull one, which it answers with `progress`. */
async function atEngine(t: TestContext, progress: (response: ServerResponse) => void) {
  const asked: (string | null)[] = [];
  const answer = (response: ServerResponse, status: number, value: object) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  const engine = createServer((request: IncomingMessage, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://engine");
    request.resume();
    if (pathname.endsWith("/images/create")) {
      asked.push(searchParams.get("fromImage"));
      response.writeHead(200, { "content-type": "application/json" });
      progress(response);
    } else if (pathname.endsWith("/containers/create")) {
      if (asked.length === 0) answer(response, 404, { message: "No such image" });
      else answer(response, 201, { Id: "made" });
    } else answer(response, 200, {});
  });
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-pull-")));
  const socketPath = join(directory, "engine.sock");
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  t.after(async () => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });
  return { asked, make: (image?: string) => docker({ socketPath, ...(image && { image }) }).create() };
}

const line = `${JSON.stringify({ status: "Downloading", progress: "x".repeat(1_000) })}\n`;

test("an image is pulled however much the engine tells of it, and under one tag", async (t) => {
  const { asked, make } = await atEngine(t, (response) => response.end(line.repeat(6_000)));
  assert.equal(await make("localhost:5000/sandbox"), "made");
  assert.deepEqual(asked, ["localhost:5000/sandbox:latest"]);
});

test("why an image could not be pulled is told, and a tag or digest stays as it is", async (t) => {
  const failure = { errorDetail: { message: "denied" }, error: "denied: sign in" };
  const { asked, make } = await atEngine(t, (response) => response.end(line + JSON.stringify(failure)));
  for (const image of ["sandbox:1", "sandbox@sha256:00"]) {
    await assert.rejects(make(image), /could not pull sandbox.*: denied: sign in/);
    assert.equal(asked.pop(), image);
  }
});

test("the image that is taken where none is named is built, and not pulled from whoever has its name", async (t) => {
  const { asked, make } = await atEngine(t, (response) => response.end());
  await assert.rejects(make(), (error) => {
    assert.ok(isErrorCode(error, "sandbox", "image_missing"));
    assert.match(
      String(error),
      /holdfast\/sandbox:latest\. Build it from deploy\/image\/sandbox\/Containerfile/,
    );
    return true;
  });
  assert.deepEqual(asked, []);
});

test("the image that is built has the version of the package that is here", () => {
  const at = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const { version }: { version: string } = JSON.parse(at("holdfast/package.json"));
  assert.ok(at("../deploy/image/sandbox/Containerfile").includes(`ARG VERSION=${version}\n`));
});
