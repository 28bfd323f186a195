import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MailServer, mailServerProblem, startMailServer } from "@holdfast/testing/mail-server";
import { type MockModel, startMockModel } from "@holdfast/testing/mock-model";
import { Host } from "./host.ts";
import { installedAgents } from "./installed.ts";
import { Repository } from "./repository.ts";
import { Secret } from "./secrets.ts";

/** One model, one data directory and the Studio on it; every key is a canary. */
export class World {
  readonly directory: string;
  readonly model: MockModel;
  /** The person's model key: it may be in requests to the model and nowhere else. */
  readonly key: string;
  readonly secret: Secret;
  /** The person's mail, where this machine has servers for one. */
  readonly mail: MailServer | undefined;
  readonly #agentsDirectory: string;
  #host: Host | undefined;
  /** What earlier hosts printed. */
  #outputs: string[] = [];

  private constructor(
    directory: string,
    model: MockModel,
    key: string,
    agentsDirectory: string,
    mail: MailServer | undefined,
  ) {
    this.mail = mail;
    this.directory = directory;
    this.model = model;
    this.key = key;
    this.secret = new Secret(key);
    this.#agentsDirectory = agentsDirectory;
  }

  /** With `mail`, the person also has a mailbox, as an operator would give it to the product. */
  static async create(agent: string, { mail = false } = {}): Promise<World> {
    const agentsDirectory = await installedAgents(agent);
    const key = `sk-canary-${randomBytes(24).toString("hex")}`;
    const model = await startMockModel({ apiKeys: { anthropic: key, openai: key, google: key } });
    const directory = await mkdtemp(join(tmpdir(), `holdfast-${agent}-`));
    const server = mail && mailServerProblem() === undefined ? await startMailServer() : undefined;
    const world = new World(directory, model, key, agentsDirectory, server);
    try {
      if (server !== undefined) await world.#giveMail(server);
      await world.startHost();
    } catch (error) {
      await world.destroy();
      throw error;
    }
    return world;
  }

  async #giveMail({ imap, smtp, address, certificate, password }: MailServer): Promise<void> {
    const credentials = join(this.dataDirectory, "credentials", "plugins", "mail");
    await mkdir(credentials, { recursive: true, mode: 0o700 });
    await writeFile(join(credentials, "IMAP_PASSWORD"), password, { mode: 0o600 });
    const config = { address, ca: certificate, smtp_security: "starttls" };
    const settings = { version: 1, plugins: { mail: { connections: { imap, smtp }, config } } };
    await writeFile(join(this.dataDirectory, "plugins.json"), JSON.stringify(settings));
  }

  get dataDirectory(): string {
    return join(this.directory, "data");
  }

  get host(): Host {
    if (this.#host === undefined) throw new Error("the host is not running");
    return this.#host;
  }

  /** All that hosts have printed so far. */
  get output(): string {
    return [...this.#outputs, this.#host?.output ?? ""].join("\n");
  }

  async startHost(): Promise<Host> {
    this.#host = await Host.start({
      dataDirectory: this.dataDirectory,
      agentsDirectory: this.#agentsDirectory,
      environment: {
        PATH: process.env["PATH"],
        ANTHROPIC_API_KEY: this.key,
        HOLDFAST_ANTHROPIC_BASE_URL: this.model.url,
        OPENAI_API_KEY: this.key,
        HOLDFAST_OPENAI_BASE_URL: `${this.model.url}/v1`,
        GEMINI_API_KEY: this.key,
        HOLDFAST_GOOGLE_BASE_URL: this.model.url,
      },
    });
    return this.#host;
  }

  async killHost(): Promise<void> {
    await this.host.kill();
    this.#outputs.push(this.host.output);
    this.#host = undefined;
  }

  async repository(name: string): Promise<Repository> {
    return await Repository.create(join(this.directory, "repositories", name));
  }

  async destroy(): Promise<void> {
    await this.#host?.close().catch(() => this.#host?.kill());
    await this.model.close();
    await this.mail?.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
