import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createGate } from "@holdfast/gate";
import { podmanMissing } from "@holdfast/testing/podman";
import { SandboxAgent } from "../../src/index.ts";
import { docker, podman } from "../../src/node/docker.ts";
import { jail } from "../../src/node/jail.ts";
import { local } from "../../src/node/local.ts";
import { cloudflare } from "../../src/providers/cloudflare.ts";
import { e2b } from "../../src/providers/e2b.ts";
import { type RemoteMachine, remoteProvider } from "../../src/providers/remote.ts";
import { conforms, keepsApart } from "./conformance.ts";
import { EngineEmulator } from "./engine.ts";
import { Machines, serverEntry } from "./machine.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
const machines = new Machines();
after(() => machines.clear());

function directory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-provider-")));
  after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

test("local", async () => {
  const home = directory();
  const binaryPath = join(home, "server");
  const program = `#!/bin/sh\nshift\nexec ${process.execPath} ${serverEntry} "$@" --home "$(mktemp -d ${home}/XXXXXX)"\n`;
  writeFileSync(binaryPath, program);
  chmodSync(binaryPath, 0o755);
  const provider = local({ binaryPath, log: "silent" });
  await conforms(provider);
  await keepsApart(provider);
  const listeners = process.listenerCount("exit");
  const ids = await Promise.all([provider.create(), provider.create()]);
  const meanwhile = process.listenerCount("exit");
  await Promise.all(ids.map((id) => provider.destroy(id)));
  const afterwards = process.listenerCount("exit");
  assert.deepEqual([meanwhile, afterwards], [listeners + 1, listeners], "one for all servers");
  const broken = local({ binaryPath: "/bin/false", log: "silent" });
  await assert.rejects(broken.create(), /did not start/);
});

test("the program of a local server may be named by the peer's variable", async (t) => {
  const { HOLDFAST_SANDBOX_BIN: own, SANDBOX_AGENT_BIN: peers } = process.env;
  t.after(() => {
    for (const [name, value] of Object.entries({ HOLDFAST_SANDBOX_BIN: own, SANDBOX_AGENT_BIN: peers })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  delete process.env["HOLDFAST_SANDBOX_BIN"];
  process.env["SANDBOX_AGENT_BIN"] = "/bin/false";
  await assert.rejects(local({ log: "silent" }).create(), /did not start/);
});

test("a local server is not mistaken for another one that listens on its port", async () => {
  const other = createServer((_request, response) => response.end('{"status":"ok"}'));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const provider = local({ port, binaryPath: "/bin/false", log: "silent" });
    await assert.rejects(provider.create(), { code: "server_not_started", message: /EADDRINUSE/ });
  } finally {
    other.close();
  }
});

test("a local server that hangs is waited for once", async () => {
  const home = directory();
  const binaryPath = join(home, "server");
  writeFileSync(binaryPath, `#!/bin/sh\necho started >> ${home}/starts\nexec sleep 1000\n`);
  chmodSync(binaryPath, 0o755);
  const provider = local({ binaryPath, log: "silent", timeoutMs: 1_500 });
  await assert.rejects(provider.create(), {
    code: "server_not_started",
    message: /did not answer within 1500 ms/,
  });
  assert.equal(readFileSync(join(home, "starts"), "utf8"), "started\n");
});

const bubblewrap = (process.env["PATH"] ?? "").split(":").some((path) => existsSync(join(path, "bwrap")));

test("jail", { skip: bubblewrap ? false : "needs bubblewrap" }, async () => {
  const gate = await createGate({ dataDir: directory() });
  try {
    const directories = [join(repository, "packages"), join(repository, "node_modules")];
    const provider = jail({ gate, server: { entry: serverEntry, directories } });
    await conforms(provider);
    await keepsApart(provider);
    assert.deepEqual(gate.jails.driver.unsafe, false);
  } finally {
    await gate.close();
  }
});

// Where a real Podman runs, containers.test.ts has it under the same suite.
for (const make of podmanMissing() === undefined ? [docker] : [docker, podman]) {
  test(`${make.name}, with an emulated engine`, async () => {
    const engine = new EngineEmulator();
    const socketPath = join(directory(), "engine.sock");
    await engine.listen(socketPath);
    try {
      const provider = make({ socketPath, image: "registry.example/sandbox:1", env: ["A=b"] });
      await conforms(provider);
      await keepsApart(provider);
      assert.equal(engine.pulled.length > 0, true);
      for (const body of engine.created) {
        const [bindings] = Object.values(body.HostConfig.PortBindings);
        assert.deepEqual(bindings, [{ HostIp: "127.0.0.1", HostPort: "" }]);
        assert.ok(!body.Cmd.includes("--no-token"));
      }
      const tokens = engine.created.map(({ Env }) => Env.find((line) => line.includes("TOKEN")));
      assert.equal(new Set(tokens).size, tokens.length);
    } finally {
      await engine.close();
    }
  });
}

test("what a container is given by createContainerOptions stays beside what the provider gives it", async () => {
  const engine = new EngineEmulator();
  const socketPath = join(directory(), "engine.sock");
  await engine.listen(socketPath);
  try {
    const preview = [{ HostIp: "127.0.0.1", HostPort: "" }];
    const provider = docker({
      socketPath,
      image: "registry.example/sandbox:1",
      env: ["A=b"],
      binds: ["/a:/a"],
      createContainerOptions: {
        Env: ["C=d"],
        ExposedPorts: { "8080/tcp": {} },
        HostConfig: { Binds: ["/c:/c"], PortBindings: { "8080/tcp": preview } },
      },
    });
    await provider.destroy(await provider.create());
    const [body] = engine.created;
    assert.deepEqual(body?.Env.slice(0, 2), ["C=d", "A=b"]);
    assert.deepEqual(body?.HostConfig.Binds, ["/c:/c", "/a:/a"]);
    const ports = ["2468/tcp", "8080/tcp"];
    assert.deepEqual(Object.keys(body?.ExposedPorts ?? {}).toSorted(), ports);
    assert.deepEqual(Object.keys(body?.HostConfig.PortBindings ?? {}).toSorted(), ports);
    assert.deepEqual(body?.HostConfig.PortBindings["8080/tcp"], preview);
  } finally {
    await engine.close();
  }
});

test("a server whose port is published at another address answers to that", async () => {
  const engine = new EngineEmulator();
  const socketPath = join(directory(), "engine.sock");
  await engine.listen(socketPath);
  try {
    const provider = docker({ socketPath, image: "registry.example/sandbox:1", host: "2001:db8::1" });
    const id = await provider.create();
    const url = new URL((await provider.getUrl?.(id)) ?? "");
    assert.equal(url.hostname, "[2001:db8::1]");
    const token = (await provider.getToken?.(id)) ?? "";
    const client = await SandboxAgent.connect({ baseUrl: `http://127.0.0.1:${url.port}`, token });
    await client.listAgents();
    await client.dispose();
    const asked = request({
      ...{ host: "127.0.0.1", port: url.port, path: "/v1/health" },
      headers: { host: url.host, authorization: `Bearer ${token}` },
    }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, 200);
    await provider.destroy(id);
  } finally {
    await engine.close();
  }
});

test("an engine that is not there is named", async () => {
  const socketPath = join(directory(), "none.sock");
  await assert.rejects(docker({ socketPath }).create(), /No container engine answers on .*none\.sock/);
});

// What a vendor has to do for its own is in ../vendors; here is what all have in common.

test("a machine that cannot be set up, and not be destroyed, is told with what failed first", async () => {
  const machine = {
    sandboxId: "one",
    commands: { run: async () => ({ exitCode: 1, stdout: "", stderr: "there is no npm" }) },
    getHost: () => "one.example",
  };
  const Sandbox = {
    create: async () => machine,
    connect: async () => machine,
    kill: async () => await Promise.reject(new Error("the vendor is away")),
  };
  await assert.rejects(e2b({ sdk: { Sandbox } }).create(), {
    code: "sandbox_left_over",
    message: /there is no npm; and sandbox "e2b\/one" could not be destroyed/,
  });
});

test("cloudflare, with its binding played", async () => {
  const token = "token-of-the-image";
  const start = `HOLDFAST_SANDBOX_TOKEN='${token}' nohup holdfast sandbox server --port 1 > log 2>&1 < /dev/null &`;
  const sdk = {
    async create() {
      const machine = await machines.make();
      await machine.run(start);
      return { sandboxId: machine.id };
    },
    async connect(id: string) {
      const machine = machines.get(id);
      return {
        stop: () => machines.remove(id),
        containerFetch: (input: string | URL | Request, init?: RequestInit) => {
          assert.equal(init?.signal, undefined);
          const { pathname, search } = new URL(input instanceof Request ? input.url : input);
          return fetch(`${machine.url}${pathname}${search}`, init);
        },
      };
    },
  };
  const provider = cloudflare({ sdk, token });
  await conforms(provider);
});

test("a stream by cloudflare's binding, which takes no signal, ends with that of who reads it", async () => {
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(new TextEncoder().encode(": hello")),
    cancel: () => cancelled.resolve(),
  });
  const sdk = { connect: async () => ({ containerFetch: async () => new Response(body) }) };
  const fetch = await cloudflare({ sdk }).getFetch?.("one");
  const abort = new AbortController();
  const answer = await fetch?.("http://sandbox/v1/acp/one", { signal: abort.signal });
  const reader = answer?.body?.getReader();
  assert.equal((await reader?.read())?.done, false);
  const rest = assert.rejects(async () => await reader?.read(), /enough/);
  abort.abort(new Error("enough"));
  await Promise.all([rest, cancelled.promise]);
});

test("where the command is missing it is installed for the user alone, who need not be root", async () => {
  const machine = await machines.make();
  // What npm would fetch is there; what it is asked for is written down.
  const npm = `#!/bin/sh\necho "$@" > npm-arguments; mkdir -p "$HOME/.local/bin"; mv "$HOME/holdfast" "$HOME/.local/bin/"\n`;
  renameSync(join(machine.home, "bin/holdfast"), join(machine.home, "holdfast"));
  writeFileSync(join(machine.home, "bin/npm"), npm, { mode: 0o755 });
  const remote: RemoteMachine = {
    id: machine.id,
    url: async () => machine.url,
    async run(script) {
      // The command of this checkout is in the PATH of its tests.
      const { exitCode, stdout, stderr } = await machine.run(`PATH="$HOME/bin:/usr/bin:/bin"; ${script}`);
      return { exitCode, output: stdout + stderr };
    },
  };
  const provider = remoteProvider(
    {
      name: "own",
      defaultCwd: "/",
      make: async () => remote,
      find: async () => remote,
      destroy: (id) => machines.remove(id),
    },
    {},
  );
  const client = await SandboxAgent.start({ sandbox: provider });
  const asked = readFileSync(join(machine.home, "npm-arguments"), "utf8");
  assert.match(asked, new RegExp(`^install --global --prefix ${machine.home}/.local .*holdfast@`));
  assert.ok((await client.listAgents()).agents.length > 0);
  await client.destroySandbox();
});

test("a vendor's package that is not installed is named", async () => {
  await assert.rejects(e2b().create(), /npm install @e2b\/code-interpreter/);
});
