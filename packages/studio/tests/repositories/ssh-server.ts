import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { makeRepository, sh, temporaryFolder } from "../support.ts";

const sshd = "/usr/sbin/sshd";

/** Why there can be no server; false where there can. */
export const needsSshd = !existsSync(sshd) && "needs openssh-server";

/** A port that nothing uses now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** A real sshd on loopback, with a bare repository. */
export class SshServer {
  readonly #folder: string;
  readonly port: number;
  readonly repository: string;
  #process: ReturnType<typeof spawn> | undefined;

  private constructor(folder: string, port: number, repository: string) {
    this.#folder = folder;
    this.port = port;
    this.repository = repository;
  }

  static async start(t: TestContext): Promise<SshServer> {
    const folder = temporaryFolder(t);
    const bare = join(folder, "app.git");
    sh("/", "clone", "-q", "--bare", makeRepository(folder), bare);
    const server = new SshServer(folder, await freePort(), bare);
    t.after(() => server.stop());
    await server.restart();
    return server;
  }

  get url(): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${this.repository}`;
  }

  /** Of the server's key, as its operator reads it. */
  get fingerprint(): string {
    const [, fingerprint = ""] = execFileSync("ssh-keygen", ["-lf", join(this.#folder, "host.pub")], {
      encoding: "utf8",
    }).split(" ");
    return fingerprint;
  }

  /** With a new key of the server. */
  async restart(): Promise<void> {
    await this.stop();
    const file = (name: string) => join(this.#folder, name);
    execFileSync("rm", ["-f", file("host"), file("host.pub")]);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("host")]);
    if (!existsSync(file("authorized"))) writeFileSync(file("authorized"), "");
    const config = [
      ...[`ListenAddress 127.0.0.1`, `Port ${this.port}`, `HostKey ${file("host")}`, "UsePAM no"],
      ...[`AuthorizedKeysFile ${file("authorized")}`, `PidFile ${file("pid")}`, "StrictModes no"],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes"],
    ];
    writeFileSync(file("config"), `${config.join("\n")}\n`);
    // Where sshd of Debian separates privileges.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    const child = spawn(sshd, ["-D", "-e", "-f", file("config")], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    for await (const chunk of child.stderr) if (/Server listening/.test(String(chunk))) break;
    child.stderr.resume();
  }

  allow(publicKey: string): void {
    writeFileSync(join(this.#folder, "authorized"), `${publicKey}\n`);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill();
    await once(child, "exit");
  }
}
