import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { after, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ClientBase } from "@holdfast/client";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import {
  connectWithCookie,
  createStudio,
  createStudioClient,
  type SessionEvent,
  type Studio,
  type StudioClient,
  type StudioOptions,
  type TaskStatus,
  type TaskView,
} from "../src/index.ts";

/** Skips a test by name if jails are impossible; fails in CI. */
export function needsJail(t: TestContext): boolean {
  if (["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"].some((path) => existsSync(path))) return true;
  if (process.env.CI === "true") throw new Error("bubblewrap is missing, and CI must have it");
  t.skip("needs bubblewrap");
  return false;
}

/** What ends something: a test, or with the hook of node:test its file. */
export interface Owner {
  after(end: () => Promise<unknown>): void;
}

/** A Studio that the cases of a file share: it is opened by the first of them, and ends with the file. */
export function shareStudio(options: () => Partial<StudioOptions> = () => ({})): () => Promise<Studio> {
  let opened: Promise<Studio> | undefined;
  after(async () => (await opened)?.close());
  return () => {
    opened ??= createStudio({
      ...{ dataDirectory: join(temporaryFolder(), "data"), environment: { PATH: process.env.PATH } },
      ...{ vault: { logins: false }, ...options() },
    });
    return opened;
  };
}

export function temporaryFolder(_t?: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-studio-"));
  removeAtExit(path);
  return path;
}

/** The user's own git. */
export function sh(cwd: string, ...args: string[]): string {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  return execFileSync("git", [...identity, ...args], { cwd, env, encoding: "utf8" }).trimEnd();
}

/** Repositories of this process by their files, to copy: git and its starts take much longer than a copy. */
const prepared = new Map<string, string>();

export function makeRepository(
  folder: string,
  files: Readonly<Record<string, string>> = { "README.md": "# Hi\n" },
): string {
  const path = join(folder, "repository");
  const key = JSON.stringify(files);
  const original = prepared.get(key) ?? prepareRepository(temporaryFolder(), files);
  prepared.set(key, original);
  // With its times, which git compares with those in its index.
  cpSync(original, path, { recursive: true, preserveTimestamps: true });
  return path;
}

function prepareRepository(path: string, files: Readonly<Record<string, string>>): string {
  sh(path, "init", "-q", "-b", "main", "--template=");
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  sh(path, "add", "-A");
  sh(path, "commit", "-q", "-m", "first");
  return path;
}

/** Watches the views of a task. */
export class Watch {
  readonly #client: StudioClient;
  readonly id: string;
  readonly #views: TaskView[] = [];
  #changed = Promise.withResolvers<void>();
  #subscription: { close(): Promise<void> } | undefined;

  private constructor(client: StudioClient, id: string) {
    this.#client = client;
    this.id = id;
  }

  static async open(client: StudioClient, id: string): Promise<Watch> {
    const watch = new Watch(client, id);
    watch.#subscription = await client.task(id).on("changed", (view) => watch.#take(view));
    watch.#take(await client.task(id).get());
    return watch;
  }

  get latest(): TaskView {
    const view = this.#views.at(-1);
    if (view === undefined) throw new Error("nothing was seen yet");
    return view;
  }

  /**
   * Resolves with the first view that satisfies `is`, starting with the latest. Skips none that arrive in quick
   * succession.
   */
  async until(is: (view: TaskView) => boolean, what: string, deadlineMs = 120_000): Promise<TaskView> {
    const deadline = Date.now() + deadlineMs;
    for (let next = Math.max(0, this.#views.length - 1); ; ) {
      for (; next < this.#views.length; next++) {
        const view = this.#views[next];
        if (view !== undefined && is(view)) return view;
      }
      const late = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
      const timeout = new Promise<never>((_resolve, reject) => {
        late.addEventListener("abort", () => {
          reject(new Error(`${what} did not happen; last: ${JSON.stringify(this.latest)}`));
        });
      });
      await Promise.race([this.#changed.promise, timeout]);
    }
  }

  status(...wanted: TaskStatus[]): Promise<TaskView> {
    return this.until((view) => wanted.includes(view.status), wanted.join(" or "));
  }

  /** Answers the first question with the first option of this kind. */
  async answer(kind: "allow_once" | "reject_once"): Promise<void> {
    const view = await this.until((each) => each.approvals.length > 0, "a question");
    const approval = view.approvals[0];
    const option = approval?.options.find((each) => each.kind === kind);
    if (approval === undefined || option === undefined) throw new Error(`no option ${kind}`);
    await this.#client.task(this.id).answer(approval.id, option.id);
  }

  async close(): Promise<void> {
    await this.#subscription?.close();
  }

  #take(view: TaskView): void {
    if (this.#views.length > 0 && view.revision < this.latest.revision) return;
    this.#views.push(view);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/** Reads the complete log page by page; throws if a sequence number is missing. */
export async function readLog(client: StudioClient, sessionId: string, limit = 200): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for (;;) {
    const page = await client.session(sessionId).events({ after: events.length, limit });
    for (const event of page.events) {
      if (event.seq !== events.length + 1) throw new Error(`gap: ${event.seq} after ${events.length}`);
      events.push(event);
    }
    if (events.length >= page.head) return events;
  }
}

/** Waits until the log has an event that satisfies `is`, driven by `appended` events. */
export async function untilEvent(
  client: StudioClient,
  sessionId: string,
  is: (event: SessionEvent) => boolean,
): Promise<void> {
  const found = Promise.withResolvers<void>();
  const watch = await client.session(sessionId).on("appended", (events) => {
    if (events.some(is)) found.resolve();
  });
  const timer = setTimeout(() => found.reject(new Error("the event did not come")), 120_000);
  try {
    if ((await readLog(client, sessionId)).some(is)) return;
    await found.promise;
  } finally {
    clearTimeout(timer);
    await watch.close();
  }
}

export function mentions(event: SessionEvent, text: string): boolean {
  return (
    event.body.type === "acp" &&
    event.body.direction === "from-agent" &&
    JSON.stringify(event.body.envelope).includes(text)
  );
}

/** Environment of a {@link ServerProcess} that runs no task, and so proves no jail. */
export const withoutTasks = { HOLDFAST_TEST_RUN_TASKS: "0" };

/** A server in its own process, which tests can kill. */
export class ServerProcess {
  readonly url: string;
  readonly client: StudioClient;
  readonly cookie: string;
  readonly #base: ClientBase;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  /** What it prints after its address. */
  readonly lines: Interface;

  private constructor(
    url: string,
    cookie: string,
    child: ChildProcess,
    exited: Promise<unknown>,
    lines: Interface,
  ) {
    this.url = url;
    this.cookie = cookie;
    this.#child = child;
    this.#exited = exited;
    this.lines = lines;
    this.#base = connectWithCookie(url, cookie);
    this.client = createStudioClient(this.#base);
  }

  static async start(
    t: TestContext,
    dataDirectory: string,
    cookie?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const entry = fileURLToPath(new URL("./fixtures/server.ts", import.meta.url));
    const child = spawn(process.execPath, [...ownImports, entry, dataDirectory], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    t.after(() => child.kill("SIGKILL"));
    const lines = createInterface({ input: child.stdout });
    const exited = new Promise<number | string | null>((resolve) => {
      child.once("exit", (code, signal) => resolve(code ?? signal));
    });
    const line = await Promise.race([
      new Promise<string>((resolve) => lines.once("line", resolve)),
      exited.then((how) => Promise.reject(new Error(`the server ended: ${how}`))),
    ]);
    const { url, ticket } = JSON.parse(line) as { url: string; ticket: string };
    return new ServerProcess(url, cookie ?? (await logIn(url, ticket)), child, exited, lines);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends SIGKILL; resolves when the process has exited. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
    await this.#base.dispose();
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
    await this.#base.dispose();
  }
}

export async function logIn(url: string, ticket: string): Promise<string> {
  const response = await fetch(`${url}/auth/exchange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
  });
  if (!response.ok) throw new Error(`the ticket was refused: ${response.status}`);
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}
