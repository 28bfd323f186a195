import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Machine } from "./machine.ts";
import { thisMachine } from "./machine.ts";
import { type Check, MachineChecks } from "./machine-checks.ts";

/** A Linux machine on which all is well, apart from what a test says. */
function machine(differences: Partial<Machine> = {}): Machine {
  return {
    platform: "linux",
    node: "v24.1.0",
    environment: {},
    kernel: "Linux version 6.1.0-44-amd64 (debian-kernel@lists.debian.org) #1 SMP",
    hasProgram: () => true,
    portUse: async () => "free",
    fileSystemOf: async () => 0xef53,
    ...differences,
  };
}

const checks = (differences: Partial<Machine> = {}) => new MachineChecks(machine(differences));
const brief = ({ name, status, fix }: Check) => [name, status, fix?.slice(0, 20)];
const wsl = {
  1: "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com) (gcc version 5.4.0) #1237-Microsoft",
  2: "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f) (gcc (GCC) 11.2.0) #1 SMP",
};

test("a machine on which all is well", async () => {
  const all = await checks().all("/home/ann/.holdfast", 6420);
  assert.deepEqual(
    all.map(({ name, status }) => `${name}: ${status}`),
    ["platform: ok", "node: ok", "git: ok", "port 6420: ok", "data directory: ok"],
  );
  assert.ok(all.every(({ fix }) => fix === undefined));
});

test("each platform has its next step", async () => {
  assert.deepEqual(brief(checks({ kernel: wsl[2] }).platform()), ["platform", "ok", undefined]);
  assert.deepEqual(brief(checks({ kernel: wsl[1] }).platform()), [
    "platform",
    "failed",
    "In PowerShell: wsl -",
  ]);
  const mac = checks({ platform: "darwin", kernel: undefined, hasProgram: () => false });
  assert.deepEqual(brief(mac.platform()), ["platform", "warning", "Install https://gith"]);
  assert.deepEqual(brief(mac.git()), ["git", "failed", "xcode-select --insta"]);
  const windows = checks({ platform: "win32", kernel: undefined });
  assert.deepEqual((await windows.all("C:\\data", 6420)).map(brief), [
    ["platform", "failed", "wsl --install -d Deb"],
    ["node", "ok", undefined],
  ]);
  assert.equal(windows.isSupported, false);
  assert.equal(checks({ platform: "freebsd" }).platform().status, "failed");
});

test("an old Node, a missing git, a port in use", async () => {
  assert.deepEqual(brief(checks({ node: "v22.19.0" }).node()), ["node", "failed", "npm install node@24"]);
  assert.equal(checks({ node: "v100.0.0" }).node().status, "ok");
  assert.deepEqual(brief(checks({ hasProgram: () => false }).git()), [
    "git",
    "failed",
    "sudo apt-get install",
  ]);
  assert.equal((await checks({ portUse: async () => "holdfast" }).port(7000)).status, "ok");
  const other = await checks({ portUse: async () => "other" }).port(7000);
  assert.deepEqual(brief(other), ["port 7000", "warning", "Stop it, or choose a"]);
});

test("proxies: who uses them, and that they are not asked for this machine", () => {
  const proxies = (environment: Machine["environment"]) => checks({ environment }).proxies().map(brief);
  const proxy = "http://proxy.example.com:3128";
  assert.deepEqual(proxies({ HTTPS_PROXY: "" }), []);
  assert.deepEqual(proxies({ https_proxy: proxy }), [["proxy", "warning", "export NODE_USE_ENV_"]]);
  const used = { HTTPS_PROXY: proxy, NODE_USE_ENV_PROXY: "1" };
  const [, here] = checks({ environment: { ...used, NO_PROXY: "intra.example.com, localhost" } }).proxies();
  assert.deepEqual(
    [here?.status, here?.fix],
    ["failed", "export NO_PROXY=intra.example.com,localhost,127.0.0.1"],
  );
  for (const NO_PROXY of ["localhost,127.0.0.1", "*"])
    assert.deepEqual(proxies({ ...used, NO_PROXY }), [["proxy", "ok", undefined]]);
});

test("a data directory that is not on a local disk", async () => {
  const on = (type: number, kernel?: string) =>
    checks({ fileSystemOf: async () => type, ...(kernel === undefined ? {} : { kernel }) }).dataDirectory(
      "/data",
    );
  // CIFS, as a signed number, too.
  for (const type of [0x6969, 0xff534d42, 0xff534d42 | 0, 0x01021997]) {
    assert.deepEqual(brief(await on(type)), ["data directory", "failed", "Name a directory on "]);
  }
  assert.match((await on(0x01021997, wsl[2])).detail, /on a drive of Windows/);
  assert.equal((await on(0x65735546)).status, "warning");
  assert.equal((await checks({ fileSystemOf: async () => undefined }).dataDirectory("/data")).status, "ok");
});

test("this machine answers", async (t) => {
  const here = thisMachine();
  assert.equal(here.platform, process.platform);
  assert.equal(here.hasProgram("node-that-nobody-has"), false);
  assert.equal(
    await here.fileSystemOf("/proc/nobody/has/this"),
    process.platform === "linux" ? 0x9fa0 : undefined,
  );
  let runtime = "holdfast";
  const server = createServer((_request, response) => response.end(JSON.stringify({ runtime })));
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal(await here.portUse(port), "holdfast");
  runtime = "another";
  assert.equal(await here.portUse(port), "other");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await here.portUse(port), "free");
});
