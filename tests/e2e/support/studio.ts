import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@holdfast/testing/free-port";

const command = fileURLToPath(new URL("../../../packages/holdfast/bin/holdfast.js", import.meta.url));
const run = promisify(execFile);

interface Started {
  readonly url: string;
  readonly link: string;
}

export interface StudioProcessOptions {
  /** How a person gives it model keys. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Further arguments of `holdfast start`. */
  readonly args?: readonly string[];
  /** Texts of files in its data directory, by their names. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The real server, started by the real command, as a process that can be killed at any moment. */
export class StudioProcess {
  readonly directory: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #started: Started | undefined;
  readonly #port: number;
  /** The link that the start printed, as long as it is unused and far from its end, which is after five minutes. */
  #firstLink: { readonly link: string; readonly until: number } | undefined;
  #log = "";

  private constructor(directory: string, port: number, options: StudioProcessOptions) {
    this.directory = directory;
    this.#port = port;
    this.#environment = { ...baseEnvironment(), ...options.environment };
    this.#args = options.args ?? [];
  }

  /** A server on a data directory of its own. */
  static async create(options: StudioProcessOptions = {}): Promise<StudioProcess> {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-e2e-"));
    const studio = new StudioProcess(directory, await freePort(), options);
    try {
      await studio.#write(options.files ?? {});
      await studio.start();
    } catch (error) {
      await studio.dispose();
      throw error;
    }
    return studio;
  }

  async #write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(this.#data, { recursive: true, mode: 0o700 });
      await writeFile(join(this.#data, name), text);
    }
  }

  get url(): string {
    if (this.#started === undefined) throw new Error("The server does not run");
    return this.#started.url;
  }

  /** Starts the server on the port that it had before. */
  async start(): Promise<void> {
    const child = spawn(
      process.execPath,
      [command, "start", "--json", "--port", String(this.#port), "--data", this.#data, ...this.#args],
      { cwd: this.directory, stdio: ["ignore", "pipe", "pipe"], env: this.#environment },
    );
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
    const lines = createInterface({ input: child.stdout });
    const line = await Promise.race([
      once(lines, "line").then(([text]) => String(text)),
      once(child, "exit").then(([code]) => {
        throw new Error(`The server ended with ${code} before it was ready:\n${this.#log}`);
      }),
    ]);
    this.#started = JSON.parse(line) as Started;
    this.#firstLink = { link: this.#started.link, until: Date.now() + 120_000 };
  }

  /** A link that signs a browser in. It works once. */
  async link(): Promise<string> {
    const first = this.#firstLink;
    this.#firstLink = undefined;
    if (first !== undefined && Date.now() < first.until) return first.link;
    return (JSON.parse(await this.holdfast("url", "--json")) as Started).link;
  }

  /** Runs the `holdfast` command on this data directory; throws when it does not end with 0. */
  async holdfast(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [command, ...args, "--data", this.#data], {
      cwd: this.directory,
      env: this.#environment,
    });
    return stdout;
  }

  /** As a power cut or the out-of-memory killer would: no handler runs. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async dispose(): Promise<void> {
    await this.#end("SIGTERM");
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The end of what the server logged, for the message of a failing test. */
  get log(): string {
    return this.#log;
  }

  /** Installs an agent as a person does: npm reads its registry and certificates from the environment. */
  async installAgent(agent: string): Promise<void> {
    await run(process.execPath, [command, "agents", "install", agent, "--data", this.#data], {
      cwd: this.directory,
      timeout: 120_000,
    });
  }

  get #data(): string {
    return join(this.directory, "data");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
}

/** Nothing of the machine's own settings or keys reaches the server under test. */
function baseEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, USER, LANG, TMPDIR, HOLDFAST_JAIL_PROOF_FILE } = process.env;
  return { PATH, HOME, USER, LANG, TMPDIR, HOLDFAST_JAIL_PROOF_FILE };
}
