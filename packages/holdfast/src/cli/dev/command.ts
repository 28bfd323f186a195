/** `holdfast dev`: runs a program, loads it anew when it is saved, and shows its actors. */
import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, join, relative } from "node:path";
import { dataDirectoryOf, jsonLine, parse, portOf, screenOf, UsageError } from "@holdfast/cli";
import { actorInspectorDirectory, type DevStatus } from "@holdfast/inspector-ui";
import { version } from "../studio-commands.ts";
import { findEntry } from "./entry.ts";
import { Front } from "./front.ts";
import { InspectorPages } from "./inspector-pages.ts";
import { mixedVersions } from "./installed-versions.ts";
import { Reloader } from "./reloader.ts";
import { type DevEvent, eventText, lineEvent } from "./report.ts";
import { compilerOf, TypeChecker } from "./type-check.ts";
import { VersionProcess } from "./version-process.ts";
import { Watcher } from "./watcher.ts";

export const devUsage = `holdfast dev [FILE] [options]

  Runs the program FILE (default: src/registry.ts, src/actors.ts, src/server.ts or src/index.ts), and loads it anew
  when it is saved; its actors wake with their state. Prints logs and errors, checks types beside, and serves an
  inspector of the actors. What follows -- is passed to the program.

  -p, --port PORT  port of the program and of the inspector (default: HOLDFAST_PORT or 6420; 0 selects a free one)
  --host HOST      address to listen on (default: HOLDFAST_HOST or 127.0.0.1); the inspector is for this machine
  --with COMMAND   runs a command beside, such as the server of a page: --with vite. It finds the address of the
                   program in VITE_HOLDFAST_URL
  --open           opens the inspector in the browser
  --no-types       does not check types
  --data DIR       data directory of the actors (default: HOLDFAST_DATA or .holdfast)
  --json           what happens, as one JSON object a line, on standard output`;

const options = {
  port: { type: "string", short: "p" },
  host: { type: "string" },
  with: { type: "string" },
  open: { type: "boolean" },
  "no-types": { type: "boolean" },
} as const;

const defaultPort = 6420;

export async function devCommand(args: readonly string[]): Promise<number> {
  const split = args.indexOf("--");
  const own = split === -1 ? args : args.slice(0, split);
  const { values, positionals } = parse(own, options);
  if (values.help === true) {
    console.log(devUsage);
    return 0;
  }
  const [file, unexpected] = positionals;
  if (unexpected !== undefined) throw new UsageError(`"${unexpected}" is one argument too many`);
  if (values.data !== undefined) process.env["HOLDFAST_DATA"] = dataDirectoryOf(values.data);
  const session = new DevSession({
    entry: findEntry(process.cwd(), file),
    args: split === -1 ? [] : args.slice(split + 1),
    port: portOf(values.port ?? (process.env["HOLDFAST_PORT"] || undefined), defaultPort),
    host: values.host ?? (process.env["HOLDFAST_HOST"] || "127.0.0.1"),
    with: values.with,
    open: values.open === true,
    types: values["no-types"] !== true,
    json: values.json === true,
  });
  return session.run();
}

interface DevOptions {
  readonly entry: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly with: string | undefined;
  readonly open: boolean;
  readonly types: boolean;
  readonly json: boolean;
}

/** One run of `holdfast dev`, until a signal ends it. */
class DevSession {
  readonly #options: DevOptions;
  readonly #project = process.cwd();
  readonly #screen = screenOf(process.stdout);
  readonly #pages: InspectorPages;
  readonly #front: Front;
  readonly #watcher: Watcher;
  readonly #reloader: Reloader;
  #url = "";
  #isReady = false;
  #isEnding = false;

  constructor(devOptions: DevOptions) {
    this.#options = devOptions;
    const status: DevStatus = {
      entry: relative(this.#project, devOptions.entry),
      version: undefined,
      isReloading: true,
      problem: undefined,
      types: undefined,
    };
    this.#pages = new InspectorPages(actorInspectorDirectory(), status);
    this.#front = new Front(this.#pages.serve);
    this.#watcher = new Watcher((paths) => {
      this.#report({ type: "changed", files: paths.map((path) => relative(this.#project, path)) });
      this.#reloader.reload();
    });
    this.#reloader = new Reloader(() => this.#spawn(), {
      starting: () => {
        if (this.#pages.status.version === undefined) this.#front.hold();
        this.#pages.update({ isReloading: true });
      },
      handover: () => this.#front.hold(),
      serving: ({ port, actors }, number, tookMs) => {
        this.#front.forward(port);
        this.#pages.update({ version: number, isReloading: false, problem: undefined });
        this.#ready();
        this.#report({ type: "serving", version: number, actors, ms: Math.round(tookMs) });
      },
      failed: (problem, isServed) => {
        if (!isServed) this.#front.refuse();
        this.#pages.update({
          isReloading: false,
          problem,
          ...(isServed ? {} : { version: undefined }),
        });
        this.#ready();
        this.#report({ type: "failed", problem, isServed });
      },
    });
  }

  /** Resolves when a signal has ended it. */
  async run(): Promise<number> {
    const { port, host, types } = this.#options;
    const ending = signal();
    const bound = await this.#front.listen(port, host);
    this.#url = `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
    this.#reloader.start();
    const mixed = mixedVersions(this.#project, version());
    if (mixed !== undefined) this.#report({ type: "warning", message: mixed });
    const beside = this.#options.with === undefined ? undefined : runBeside(this.#options.with, this.#url);
    beside?.on("exit", (code) => {
      if (!this.#isEnding)
        this.#report({ type: "warning", message: `"${this.#options.with}" has ended with ${code}` });
    });
    if (types) void this.#firstVersion.promise.then(() => this.#checkTypes());
    await ending;
    this.#isEnding = true;
    beside?.kill();
    this.#watcher.close();
    this.#types?.close();
    await this.#reloader.close();
    await this.#front.close();
    return 0;
  }

  readonly #firstVersion = Promise.withResolvers<void>();
  #types: TypeChecker | undefined;

  /** After the start, which it would slow down. */
  #checkTypes(): void {
    const compiler = compilerOf(this.#project);
    if (compiler === undefined || this.#isEnding) return;
    this.#types = new TypeChecker(this.#project, compiler, (problems) => {
      this.#pages.update({ types: problems });
      this.#report({ type: "types", problems });
    });
    this.#types.check();
  }

  #spawn(): VersionProcess {
    const { entry, args } = this.#options;
    const color = this.#screen.color ? { FORCE_COLOR: "1" } : {};
    return new VersionProcess({
      entry,
      args,
      publicUrl: this.#url,
      env: { NODE_ENV: "development", HOLDFAST_LOG_LEVEL: "info", ...color, ...process.env },
      onLine: (stream, line) => this.#report(lineEvent(stream, line)),
      onLoaded: (files) => this.#watcher.add(files),
    });
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    const inspector = this.#pages.isBuilt ? `${this.#url}/inspector` : undefined;
    this.#report({ type: "ready", url: this.#url, inspector, ms: Math.round(performance.now()) });
    if (this.#options.open && inspector !== undefined) openInBrowser(inspector);
    this.#firstVersion.resolve();
  }

  #report(event: DevEvent): void {
    if (this.#options.json) this.#screen.write(`${jsonLine(event)}\n`);
    else if (event.type === "output" && event.stream === "stderr") process.stderr.write(`${event.line}\n`);
    else this.#screen.write(`${eventText(event, this.#screen, new Date())}\n`);
  }
}

/** Resolves at the first signal that asks to end; the second one ends the process. */
function signal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => resolve());
  });
}

/** A command with the programs of the project, as in a script of package.json. */
function runBeside(command: string, url: string): ChildProcess {
  const path = [join(process.cwd(), "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  return spawn(command, {
    shell: true,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: path, VITE_HOLDFAST_URL: url },
  });
}

/** A machine without a browser is no failure: the address is printed as well. */
function openInBrowser(url: string): void {
  const [program, ...args] =
    process.platform === "darwin"
      ? ["open"]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", ""]
        : ["xdg-open"];
  const child = spawn(program ?? "xdg-open", [...args, url], { detached: true, stdio: "ignore" });
  child.on("error", () => undefined);
  child.unref();
}
