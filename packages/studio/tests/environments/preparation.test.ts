/** Environments in real jails: what tasks start from, failures, and preparations that are shared or replaced. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { createStudio, type Studio, type StudioOptions, type TaskView } from "../../src/index.ts";
import {
  logIn,
  makeRepository,
  needsJail,
  readLog,
  sh,
  shareStudio,
  temporaryFolder,
  Watch,
} from "../support.ts";
import {
  commit,
  environmentFile,
  openTerminal,
  prepare,
  requestTerminal,
  untilEnvironment,
} from "./support.ts";

interface Place {
  readonly studio: Studio;
  readonly repository: string;
  readonly data: string;
}

interface OwnStudio extends Partial<StudioOptions> {
  /** For a case that changes the data directory, or looks at all of it. */
  readonly isOwn?: true;
}

const sharedStudio = shareStudio(() => ({ environment: {} }));

/** A repository in a Studio that the cases share, unless it has options. */
async function open(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  own?: OwnStudio,
): Promise<Place> {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  commit(repository, files);
  if (own === undefined) {
    const studio = await sharedStudio();
    return { studio, repository, data: studio.dataDirectory };
  }
  const { isOwn: _, ...options } = own;
  const studio = await createStudio({ dataDirectory: join(folder, "data"), environment: {}, ...options });
  t.after(() => studio.close());
  return { studio, repository, data: studio.dataDirectory };
}

async function runTask(
  t: TestContext,
  { studio, repository }: Place,
  prompt = 'write "x" to x.txt without asking',
) {
  const { id } = await studio.client.organization.createTask({ repository, agent: "demo", prompt });
  const watch = await Watch.open(studio.client, id);
  t.after(() => watch.close());
  return watch.status("idle", "failed");
}

function workspaceOf({ data }: Place, { id }: TaskView): string {
  return join(data, "tasks", id, "workspace");
}

/** Counts its runs in a cache, which survives. */
const counting = `
setup:
  - name: install
    run: |
      echo run >> "$COUNTS/runs"
      mkdir -p packages/deep src
      wc -l < "$COUNTS/runs" > packages/deep/number
      ln -s number packages/deep/link
      echo generated > src/generated.txt
      echo tracked >> README.md
      echo setting > "$HOME/.tool"
      echo "hello from $GREETING"
env:
  GREETING: the environment
caches:
  counts: COUNTS
inputs: [lock.txt]
`;

const files = { [environmentFile]: counting, "lock.txt": "1", "src/main.txt": "main" };

describe("a prepared environment", () => {
  test("is made once, and each task starts from a copy of its own", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, files);
    const first = await runTask(t, place);
    assert.equal(first.status, "idle", JSON.stringify(first.error));
    writeFileSync(join(workspaceOf(place, first), "packages/deep/number"), "changed by the first task\n");
    commit(place.repository, { "src/other.txt": "not an input" });
    const second = await runTask(t, place);
    const workspace = workspaceOf(place, second);
    assert.equal(readFileSync(join(workspace, "packages/deep/number"), "utf8").trim(), "1");
    assert.equal(readFileSync(join(workspace, "packages/deep/link"), "utf8").trim(), "1");
    assert.equal(readFileSync(join(workspace, "src/generated.txt"), "utf8"), "generated\n");
    assert.equal(readFileSync(join(workspace, "src/other.txt"), "utf8"), "not an input");
    assert.equal(readFileSync(join(place.data, "tasks", second.id, "home", ".tool"), "utf8"), "setting\n");
    const { files: changed } = await place.studio.client.task(second.id).diff();
    assert.deepEqual(
      changed.map(({ path }) => path),
      ["x.txt"],
      "what the setup made is no change of the task, and tracked files are those of the commit",
    );
    const found = await place.studio.client.organization.environment(place.repository);
    assert.equal(found.isPrepared, true);
    assert.equal(found.latest?.status, "ready");
    assert.match(found.latest?.steps[0]?.output ?? "", /hello from the environment/);
  });

  test("is prepared again when an input changes, and caches survive that", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, files);
    const before = await prepare(place.studio.client, place.repository);
    assert.equal(before.status, "ready", JSON.stringify(before.error));
    commit(place.repository, { "lock.txt": "2" });
    const found = await place.studio.client.organization.environment(place.repository);
    assert.notEqual(found.id, before.id);
    assert.equal(found.isPrepared, false);
    const task = await runTask(t, place);
    const number = readFileSync(join(workspaceOf(place, task), "packages/deep/number"), "utf8");
    assert.equal(number.trim(), "2");
    const log = await readLog(place.studio.client, task.sessionId);
    assert.ok(log.some(({ body }) => body.type === "note" && body.text.includes("install")));
  });

  test("“prepare again” makes a new one from the same inputs", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, files);
    await prepare(place.studio.client, place.repository);
    const same = await prepare(place.studio.client, place.repository);
    const again = await prepare(place.studio.client, place.repository, { again: true });
    assert.equal(again.id, same.id);
    assert.ok(again.startedAt > same.startedAt);
    const task = await runTask(t, place);
    const number = readFileSync(join(workspaceOf(place, task), "packages/deep/number"), "utf8");
    assert.equal(number.trim(), "2");
  });

  test("spares the second task the time of the steps", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, { [environmentFile]: "setup: [{name: wait, run: sleep 8}]" });
    const times: number[] = [];
    for (let task = 0; task < 2; task++) {
      const view = await runTask(t, place);
      const log = await readLog(place.studio.client, view.sessionId);
      const firstToken = log.find(({ body }) => body.type === "acp" && body.direction === "from-agent");
      times.push((firstToken?.at ?? Number.NaN) - view.createdAt);
    }
    const [first = 0, second = 0] = times;
    assert.ok(first >= 1.5 * second, `${first} ms, then ${second} ms`);
  });

  test("sets the variables of the agent too", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, {
      [environmentFile]: "env: {GREETING: hello}\nsetup: [{name: nothing, run: 'true'}]\n",
    });
    const task = await runTask(t, place, 'run `echo "$GREETING" > seen.txt` without asking');
    assert.equal(task.status, "idle", JSON.stringify(task.error));
    assert.equal(readFileSync(join(workspaceOf(place, task), "seen.txt"), "utf8"), "hello\n");
  });

  test("runs its services beside the agent, and notes one that ends", async (t) => {
    if (!needsJail(t)) return;
    const server = `const { createServer } = require('node:http'); createServer((_, res) => res.end(process.env.GREETING)).listen(4321)`;
    const place = await open(t, {
      "server.cjs": server,
      [environmentFile]: [
        "env: {GREETING: hello}",
        "services:",
        "  - {name: web, run: node server.cjs}",
        "  - {name: broken, run: 'echo no such database; exit 3'}",
      ].join("\n"),
    });
    assert.deepEqual((await place.studio.client.organization.environment(place.repository)).services, [
      "web",
      "broken",
    ]);
    const get =
      "until node -e 'fetch(`http://127.0.0.1:4321`).then(r => r.text()).then(console.log)' > seen.txt; do :; done";
    const task = await runTask(t, place, `run \`${get.replaceAll("`", '"')}\` without asking`);
    assert.equal(task.status, "idle", JSON.stringify(task.error));
    assert.equal(readFileSync(join(workspaceOf(place, task), "seen.txt"), "utf8"), "hello\n");
    const log = await readLog(place.studio.client, task.sessionId);
    const notes = log.flatMap(({ body }) => (body.type === "note" ? [body.text] : []));
    assert.deepEqual(notes, ["The service broken has ended with exit code 3. no such database"]);
  });

  test("keeps the newest three of a repository", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, files, { isOwn: true });
    for (const lock of ["2", "3", "4", "5"]) {
      commit(place.repository, { "lock.txt": lock });
      assert.equal((await prepare(place.studio.client, place.repository)).status, "ready");
    }
    const newest = await place.studio.client.organization.environment(place.repository);
    assert.equal(newest.isPrepared, true);
    await place.studio.close();
    const kept = readdirSync(join(place.data, "environments")).filter((name) =>
      existsSync(join(place.data, "environments", name, "snapshot")),
    );
    assert.equal(kept.length, 3);
  });
});

describe("a preparation", () => {
  test("is shared by two tasks at once", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, files);
    const tasks = await Promise.all([runTask(t, place), runTask(t, place)]);
    for (const task of tasks) {
      assert.equal(task.status, "idle", JSON.stringify(task.error));
      const number = readFileSync(join(workspaceOf(place, task), "packages/deep/number"), "utf8");
      assert.equal(number.trim(), "1");
    }
  });

  test("of other inputs waits for the one before it, and both stay", async (t) => {
    if (!needsJail(t)) return;
    const waiting = `
setup:
  - name: install
    run: |
      test ! -e "$SHARED/busy" || { echo "two at once"; exit 9; }
      touch "$SHARED/busy"
      echo started
      while test "$(cat lock.txt)" = 1 && ! test -e "$SHARED/go"; do sleep 0.05; done
      rm "$SHARED/busy"
caches: {shared: SHARED}
inputs: [lock.txt]
`;
    const place = await open(t, { [environmentFile]: waiting, "lock.txt": "1" }, { isOwn: true });
    const { client } = place.studio;
    const { id: first = "" } = await client.organization.prepareEnvironment(place.repository);
    await untilEnvironment(client, first, ({ steps }) => steps[0]?.output.includes("started") === true);
    commit(place.repository, { "lock.txt": "2" });
    const { id: second = "" } = await client.organization.prepareEnvironment(place.repository);
    assert.notEqual(first, second);
    assert.equal((await client.environment(second).get()).steps[0]?.state, "waiting");
    const [caches = ""] = readdirSync(join(place.data, "environments", "caches"));
    writeFileSync(join(place.data, "environments", "caches", caches, "shared", "go"), "");
    for (const id of [first, second]) {
      const view = await untilEnvironment(client, id, ({ status }) => status !== "preparing");
      assert.equal(view.status, "ready", JSON.stringify(view.error));
    }
  });

  test("names the step that failed, with its last output; the next prompt tries again", async (t) => {
    if (!needsJail(t)) return;
    const failing = `
setup:
  - name: first
    run: echo fine
  - name: second one
    run: echo "the reason is here" >&2; exit 3
`;
    const place = await open(t, { [environmentFile]: failing });
    const task = await runTask(t, place);
    assert.equal(task.status, "failed");
    assert.equal(task.error?.code, "step_failed");
    assert.match(task.error?.message ?? "", /“second one” .*exit code 3.*\n?.*the reason is here/s);
    const { latest } = await place.studio.client.organization.environment(place.repository);
    assert.deepEqual(
      latest?.steps.map(({ state }) => state),
      ["done", "failed"],
    );
    assert.equal(task.error?.environment, latest?.id);
    await place.studio.client.task(task.id).prompt("try again");
    const watch = await Watch.open(place.studio.client, task.id);
    t.after(() => watch.close());
    const { revision } = watch.latest;
    await watch.until((view) => view.revision > revision && view.status === "failed", "a second failure");
    const again = await place.studio.client.environment(latest?.id ?? "").get();
    assert.ok(again.startedAt > (latest?.startedAt ?? 0));
  });

  test("keeps the files of a step that failed for terminals, until it is prepared again", async (t) => {
    if (!needsJail(t)) return;
    const failing = `
setup:
  - name: install
    run: echo half > made.txt; echo run >> "$SHARED/runs"; test -e fixed.txt
env: {GREETING: hello}
caches: {shared: SHARED}
`;
    const { studio, repository } = await open(t, { [environmentFile]: failing });
    const { id, error } = await prepare(studio.client, repository);
    assert.equal(error?.code, "step_failed");
    const cookie = await logIn(studio.url, await studio.issueTicket());
    const first = await openTerminal(t, studio.url, cookie, id);
    first.send('touch fixed.txt; sh -c "$HOLDFAST_STEP" && echo "$(cat made.txt) works, $GREETING"');
    await first.shown("half works, hello");
    first.send('echo "$(wc -l < "$SHARED/runs") runs"');
    await first.shown("2 runs");

    assert.equal((await prepare(studio.client, repository, { again: true })).error?.code, "step_failed");
    await first.closed;
    const second = await openTerminal(t, studio.url, cookie, id);
    second.send('test -e fixed.txt || echo "$(cat made.txt), as it failed"');
    await second.shown("half, as it failed");

    commit(repository, { "fixed.txt": "" });
    assert.equal((await prepare(studio.client, repository)).status, "ready");
    await second.closed;
    const gone = await requestTerminal(studio.url, cookie, id);
    assert.deepEqual([gone.status, ((await gone.json()) as { code: string }).code], [410, "not_kept"]);
  });

  test("ends a step at its time limit", async (t) => {
    if (!needsJail(t)) return;
    const hanging = "setup: [{name: hang, run: 'echo waiting; sleep 100000', timeoutMinutes: 0.02}]";
    const place = await open(t, { [environmentFile]: hanging });
    const view = await prepare(place.studio.client, place.repository);
    assert.equal(view.error?.code, "step_timed_out");
    assert.equal(view.steps[0]?.state, "failed");
  });

  test("ends when a person stops it, and the task that waits for it ends its turn when it is stopped", async (t) => {
    if (!needsJail(t)) return;
    const hanging = "setup: [{name: hang, run: 'echo waiting; sleep 100000'}]";
    const place = await open(t, { [environmentFile]: hanging });
    const { client } = place.studio;
    const { repository } = place;
    const task = await client.organization.createTask({ repository, agent: "demo", prompt: "hello" });
    const watch = await Watch.open(client, task.id);
    t.after(() => watch.close());
    const { id = "" } = await client.organization.environment(repository);
    const begun = () =>
      client.organization.environment(repository).then(({ latest }) => latest !== undefined);
    while (!(await begun())) await new Promise((resolve) => setImmediate(resolve));
    await untilEnvironment(client, id, ({ steps }) => steps[0]?.output.includes("waiting") === true);
    await client.task(task.id).stop();
    await watch.status("stopped");
    assert.equal((await client.environment(id).get()).status, "preparing");
    await client.environment(id).stop();
    const view = await client.environment(id).get();
    assert.equal(view.error?.code, "stopped");
  });

  test("says when the disk is full", async (t) => {
    if (!needsJail(t)) return;
    const large = "setup: [{name: fill, run: 'head -c 64M /dev/zero > large; sync; sleep 100000'}]";
    const place = await open(t, { [environmentFile]: large }, { limits: { jailDiskBytes: 8 * 1024 * 1024 } });
    const view = await prepare(place.studio.client, place.repository);
    assert.equal(view.error?.code, "disk_full", JSON.stringify(view.error));
    assert.match(view.error?.message ?? "", /“fill”/);
  });
});

describe("a repository", () => {
  test("without an environment works as before", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, { "a.txt": "a" });
    const found = await place.studio.client.organization.environment(place.repository);
    assert.deepEqual(found, { repository: place.repository });
    await assert.rejects(place.studio.client.organization.prepareEnvironment(place.repository), (error) =>
      isErrorCode(error, "environment", "none"),
    );
    assert.equal((await runTask(t, place)).status, "idle");
  });

  test("with an invalid file is told line and key, and so is its task", async (t) => {
    if (!needsJail(t)) return;
    const place = await open(t, { [environmentFile]: "setup:\n  - name: a\n    run: true\n" });
    const found = await place.studio.client.organization.environment(place.repository);
    assert.match(found.problem?.message ?? "", /environment\.yaml, line 3, setup\[0\]\.run/);
    const task = await runTask(t, place);
    assert.equal(task.error?.code, "invalid_file");
  });

  test("with a devcontainer.json gets its command, and its tasks start even if that fails", async (t) => {
    if (!needsJail(t)) return;
    const devcontainer = '{ // comment\n "image": "x", "postCreateCommand": "echo out; exit 4", }';
    const place = await open(t, { ".devcontainer/devcontainer.json": devcontainer });
    const found = await place.studio.client.organization.environment(place.repository);
    assert.deepEqual(found.notSupported, ["image"]);
    const task = await runTask(t, place);
    assert.equal(task.status, "idle", JSON.stringify(task.error));
    const log = await readLog(place.studio.client, task.sessionId);
    assert.ok(log.some(({ body }) => body.type === "note" && body.text.includes("exit code 4")));
    assert.equal(sh(place.repository, "status", "--porcelain"), "");
  });

  test("cannot reach a host that the operator did not allow", async (t) => {
    if (!needsJail(t)) return;
    const file = "network: [evil.example.com]\nsetup: [{name: a, run: 'true'}]";
    const place = await open(t, { [environmentFile]: file }, { isOwn: true });
    const view = await prepare(place.studio.client, place.repository);
    assert.equal(view.error?.code, "host_not_allowed");
    writeFileSync(join(place.data, "environments.json"), '{"hosts": ["evil.example.com"]}');
    const allowed = await prepare(place.studio.client, place.repository);
    assert.equal(allowed.status, "ready", JSON.stringify(allowed.error));
  });
});
