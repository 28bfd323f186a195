/** Another sandbox as a folder, with the FUSE of this machine's kernel. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, watch as watchDirectory } from "node:fs";
import * as fs from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@holdfast/client";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { startFauxqs } from "fauxqs";
import { createSandboxFs } from "../src/index.ts";
import { removeOldMounts } from "../src/mount/old-mounts.ts";
import { type Host, runIn, startHost, startSteps } from "./mount-support.ts";
import type { registry } from "./mounting-machines.ts";
import { scratch } from "./support.ts";

const far = scratch();
let server: SandboxServer;
let client: SandboxAgent;
const canMount = process.getuid?.() === 0 && existsSync("/dev/fuse");
const hasGvisor = ["/usr/bin", "/usr/local/bin"].some((folder) => existsSync(join(folder, "runsc")));
const timeout = 20_000;
const onFuse = { timeout, skip: canMount ? false : "needs root and /dev/fuse" };
const [EIO, ECONNABORTED, ESTALE] = ["-5", "-103", "-116"];

before(async () => {
  server = await createSandboxServer({
    listen: { host: "127.0.0.1", port: 0 },
    ...{ home: far, root: far, cwd: far },
  });
  client = await SandboxAgent.connect({ baseUrl: server.url ?? "", token: server.token ?? "" });
});

after(async () => {
  await client.dispose();
  await server.close();
});

describe("a mounted sandbox", { skip: onFuse.skip }, () => {
  const mounts = scratch();
  let host: Host;
  let root: string;

  before(async () => {
    host = await startHost("mounting-program.ts", mounts, [...address(), mounts]);
    root = host.said;
  });
  after(() => host?.kill());

  test("is listed, read, written, renamed and removed by programs", onFuse, async () => {
    await runIn(root, "mkdir -p src/deep; printf hello > src/a.txt");
    assert.equal(readFileSync(join(far, "src/a.txt"), "utf8"), "hello");
    const script = "echo more >> src/a.txt; mv src/a.txt src/deep/b.txt; ls -l src/deep; cat src/deep/b.txt";
    assert.match(await runIn(root, script), /10 .* b\.txt\nhellomore\n$/);
    assert.equal(await runIn(root, "truncate -s 2 src/deep/b.txt; ls src"), "deep\n");
    assert.equal(readFileSync(join(far, "src/deep/b.txt"), "utf8"), "he");
    const refused =
      "rmdir src; cat none; chmod 600 src/deep/b.txt; ln src/deep/b.txt c; stat -f . > /dev/null";
    assert.deepEqual((await runIn(root, refused)).match(/: [^:\n]+$/gm), [
      ": Directory not empty",
      ": No such file or directory",
      ": Operation not permitted",
      ": Operation not permitted",
    ]);
    await runIn(root, "rm -r src");
    assert.equal(existsSync(join(far, "src")), false);
  });

  test("takes a large file as a stream, and reads it at any place", onFuse, async () => {
    const said = await runIn(
      root,
      "head -c 5242897 /dev/urandom > large; sha256sum < large; tail -c 150000 large | sha256sum",
    );
    const bytes = readFileSync(join(far, "large"));
    assert.equal(bytes.length, 5_242_897);
    const sums = [bytes, bytes.subarray(-150_000)].map((part) =>
      createHash("sha256").update(part).digest("hex"),
    );
    assert.deepEqual(said.match(/[0-9a-f]{64}/g), sums);
  });

  test("has links as links, and removes them without what they point to", onFuse, async () => {
    await fs.mkdir(join(far, "kept"));
    await fs.writeFile(join(far, "kept/file"), "kept\n");
    await fs.mkdir(join(far, "tree"));
    await fs.symlink("../kept", join(far, "tree/link"));
    assert.equal(await runIn(root, "readlink tree/link; cat tree/link/file; rm -r tree"), "../kept\nkept\n");
    assert.equal(readFileSync(join(far, "kept/file"), "utf8"), "kept\n");
    assert.match(await runIn(root, "ln -s x new || true"), /not permitted/);
  });

  test("lets programs go on with a file that is renamed or removed while it is open", onFuse, async (t) => {
    const script = "printf kept > open.txt; exec 3< open.txt; rm open.txt; cat <&3; ls open.txt || true";
    assert.match(await runIn(root, script), /^kept.*No such file/);
    const step = startSteps(
      t,
      root,
      `file = fs.openSync(at("draft"), "w"), fs.writeSync(file, "first "), fs.renameSync(at("draft"), at("final"))`,
      `fs.writeSync(file, "second"), fs.closeSync(file)`,
    );
    assert.equal(await step(), "undefined");
    assert.equal(await step(), "undefined");
    assert.equal(readFileSync(join(far, "final"), "utf8"), "first second");
    assert.equal(existsSync(join(far, "draft")), false);
  });

  test("and the other side see each other's writes, as a watch reports them", onFuse, async (t) => {
    const changes = await watch(t, far);
    await runIn(root, "printf 'from the mount' > shared");
    await changes("shared");
    const seen = await client.readFsFile({ path: join(far, "shared") });
    assert.equal(new TextDecoder().decode(seen), "from the mount");
    const read = `(file ??= fs.openSync(at("shared")), fs.readSync(file, buffer, 0, 64, 0))`;
    const content = `((buffer) => buffer.toString("utf8", 0, ${read}))(Buffer.alloc(64))`;
    const step = startSteps(t, root, content, content, `fs.statSync(at("shared")).size`);
    assert.equal(await step(), "from the mount");
    await client.writeFsFile({ path: join(far, "shared") }, "from the other side");
    await changes("shared");
    assert.equal(await step(), "from the other side");
    assert.equal(await step(), "19");
  });

  test("does not overwrite what the other side has changed meanwhile", onFuse, async (t) => {
    await fs.writeFile(join(far, "contended"), "first");
    const step = startSteps(
      t,
      root,
      `file = fs.openSync(at("contended"), "r+"), fs.writeSync(file, "mine ")`,
      "fs.fsyncSync(file)",
      "fs.closeSync(file)",
    );
    assert.equal(await step(), "5");
    await client.writeFsFile({ path: join(far, "contended") }, "theirs");
    assert.equal(await step(), ESTALE);
    assert.equal(await step(), ESTALE);
    assert.equal(await runIn(root, "cat contended"), "theirs");
  });
});

describe("nobody waits without end for a mount", () => {
  test("whose sandbox is silent, or gone", onFuse, async (t) => {
    const silent = await startSilent(t);
    const { said } = await mounted(t, [silent.url, "", "/", scratch(), "200"]);
    assert.match(await runIn(said, "ls || true"), /Input\/output error/);
    silent.close();
    assert.match(await runIn(said, "cat file || true"), /Input\/output error/);
  });

  test("whose host is killed: it is unmounted", onFuse, async (t) => {
    const directory = scratch();
    const silent = await startSilent(t);
    const { said, child } = await mounted(t, [silent.url, "", "/", directory, "60000"]);
    const removed = watchFolder(t, directory);
    const reading = runIn(said, "cat file || true");
    await silent.asked;
    child.kill("SIGKILL");
    assert.match(await reading, /connection abort/i);
    await removed();
    assert.deepEqual(await fs.readdir(directory), []);
  });

  test("whose helper is killed: its host unmounts, or the next one", onFuse, async (t) => {
    const directory = scratch();
    const first = await mounted(t, [...address(), directory]);
    for (const pid of first.helpers()) process.kill(pid, "SIGKILL");
    first.child.kill("SIGTERM");
    assert.deepEqual(await once(first.child, "exit"), [0, null]);
    assert.deepEqual(await fs.readdir(directory), []);

    const second = await mounted(t, [...address(), directory]);
    for (const pid of second.helpers()) process.kill(pid, "SIGKILL");
    second.child.kill("SIGKILL");
    await once(second.child, "exit");
    assert.equal((await fs.readdir(directory)).length, 1);
    await removeOldMounts(directory);
    assert.deepEqual(await fs.readdir(directory), []);
  });

  // It builds the programs of machines first.
  const onMachine = { ...onFuse, timeout: 2 * timeout };
  test("of a machine, which sees the folder and may be kept from writing", onMachine, async (t) => {
    const directory = scratch();
    const mounts = join(directory, "machines/mounts/jail");
    const s3 = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
    t.after(() => s3.stop());
    s3.createBucket("files");
    const host = await startHost("mounting-machines.ts", mounts, [...address(), directory, s3.address]);
    t.after(() => host.kill());
    const actors = createClient<typeof registry>(host.said);
    t.after(() => actors.dispose());
    await fs.writeFile(join(far, "task.txt"), "do it\n");
    const vm = actors.vm.getOrCreate(["one"]);
    const script =
      "cat /sandbox/task.txt; cd /sandbox && echo done > answer.txt; echo no > /readable/answer.txt";
    const { stdout, stderr } = await vm.exec(script);
    assert.equal(stdout, "do it\n");
    assert.match(stderr, /Read-only/);
    assert.equal(readFileSync(join(far, "answer.txt"), "utf8"), "done\n");
    const copied = await vm.exec(
      "mkdir /bucket/in /memory/tree && cp /sandbox/task.txt /bucket/in/task && mv /bucket/in/task /bucket/in/done && " +
        "cp -r /bucket/in /memory/tree && echo more >> /memory/tree/in/done && cat /memory/tree/in/done && ls /bucket/in",
    );
    assert.deepEqual([copied.stdout, copied.stderr], ["do it\nmore\ndone\n", ""]);
    // A machine of another actor has the bucket, and a memory of its own.
    const other = actors.vm.getOrCreate(["two"]);
    const { stdout: found } = await other.exec("cat /bucket/in/done; ls -A /memory");
    assert.equal(found, "do it\n");
    await actors.vm.destroy(["two"]);
    assert.equal(host.helpers().length, 4);
    await actors.vm.destroy(["one"]);
    // The machine has ended, and its mounts with it.
    assert.deepEqual(await fs.readdir(mounts), []);
    // gVisor cannot write a mount, so the machine says so instead of starting.
    await assert.rejects(async () => actors.gvisor.getOrCreate(["one"]).exec("true"), {
      code: hasGvisor ? "no_fuse" : "no_jail",
      message: hasGvisor ? /gVisor cannot write it/ : /runsc/,
    });
  });
});

// Both wait for some seconds.
describe("a host that is stopped", { concurrency: 2 }, () => {
  test("for a short time: requests fail, and then it goes on", onFuse, async (t) => {
    const { said, child } = await mounted(t, [...address(), scratch(), "2000"]);
    await fs.writeFile(join(far, "before"), "before\n");
    assert.equal(await runIn(said, "cat before"), "before\n");
    child.kill("SIGSTOP");
    // The attributes of the root, and the space, are there at once.
    assert.match(await runIn(said, "stat -c %F .; stat -f -c %l ."), /^directory\n255\n$/);
    assert.match(await runIn(said, "cat before || true"), /Input\/output error/);
    child.kill("SIGCONT");
    // Requests fail at once until the host has answered one.
    assert.match(await runIn(said, "until cat before; do :; done"), /before\n$/);
  });

  test("for so long that it takes no requests: the mount ends", onFuse, async (t) => {
    const directory = scratch();
    const { said, child } = await mounted(t, [...address(), directory, "2000"]);
    const step = startSteps(
      t,
      said,
      `file = [1, 2, 3, 4].map((n) => fs.openSync(at("never" + n), "w")), file.map((each) => fs.writeSync(each, "x"))`,
      `Promise.all(file.map((each) => new Promise((resolve) =>
         fs.write(each, Buffer.alloc(1_048_576, "x"), 0, 1_048_576, 0, (error) => resolve(error?.errno)))))`,
    );
    assert.equal(await step(), "1,1,1,1");
    const removed = watchFolder(t, directory);
    child.kill("SIGSTOP");
    // More at once than is passed on to a host that does not read.
    for (const errno of (await step()).split(",")) assert.ok([EIO, ECONNABORTED].includes(errno), errno);
    await removed();
    assert.deepEqual(await fs.readdir(directory), []);
  });
});

test("a host without the device, or without perl, says what to do", { timeout }, async () => {
  const directory = scratch();
  const driver = createSandboxFs({ client, device: join(directory, "fuse") });
  await assert.rejects(driver.mount(join(directory, "mounts")), { code: "no_fuse", message: /hostPath/ });
  assert.deepEqual(await fs.readdir(join(directory, "mounts")), []);
  if (!canMount) return;
  const program = join(import.meta.dirname, "mounting-program.ts");
  const without = promisify(execFile)(process.execPath, [program, ...address(), directory], {
    env: { ...process.env, PATH: directory },
  });
  await assert.rejects(without, /perl, which mounts it, does not start/);
  assert.deepEqual(await fs.readdir(directory), ["mounts"]);
});

/** The other side, as arguments of a host. */
function address(): string[] {
  return [server.url ?? "", server.token ?? "", far];
}

async function mounted(t: TestContext, args: readonly string[]): Promise<Host> {
  const host = await startHost("mounting-program.ts", args[3] ?? "", args);
  t.after(() => host.kill());
  return host;
}

/** A server that takes connections and says nothing. */
async function startSilent(t: TestContext) {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const asked = once(silent, "connection");
  const open = new Set<{ destroy(): void }>();
  silent.on("connection", (socket) => open.add(socket));
  const close = () => {
    silent.close();
    for (const socket of open) socket.destroy();
  };
  t.after(close);
  const { port } = silent.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, close };
}

/** Watches a folder from now on; the function resolves when something in it has changed. */
function watchFolder(t: TestContext, directory: string): () => Promise<unknown> {
  const watcher = watchDirectory(directory);
  t.after(() => watcher.close());
  const changed = once(watcher, "change");
  return () => changed;
}

/** Resolves with each change of that name, in order. */
async function watch(t: TestContext, path: string) {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const response = await fetch(`${server.url}/v1/fs/watch?path=${encodeURIComponent(path)}`, {
    headers: { authorization: `Bearer ${server.token}` },
    signal: stop.signal,
  });
  assert.ok(response.body);
  const chunks = response.body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = "";
  const until = async (found: (text: string) => boolean) => {
    while (!found(text)) text += (await chunks.next()).value ?? "";
    text = "";
  };
  await until((seen) => seen.includes("event: ready"));
  return (name: string) => until((seen) => seen.includes(`/${name}"`));
}
