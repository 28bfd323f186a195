/** A forge on this machine, to try the bot without an account elsewhere: one repository, with git over HTTP. In memory, without passwords. */
import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { type LocalIssue, type LocalPull, page } from "./page.ts";

export interface LocalForgeOptions {
  /** Where the repository is; what is there is deleted. */
  readonly directory: string;
  readonly port?: number;
  readonly files: Readonly<Record<string, string>>;
  readonly issues: readonly { readonly title: string; readonly body: string }[];
  /** Where events are sent, and the secret that signs them. */
  readonly webhook?: { readonly url: string; readonly secret: string };
}

const name = "corner/shop";
const host = "127.0.0.1";

export class LocalForge {
  readonly issues: LocalIssue[];
  readonly pulls: LocalPull[] = [];
  readonly #options: LocalForgeOptions;
  readonly #server: Server;

  private constructor(options: LocalForgeOptions) {
    this.#options = options;
    this.issues = options.issues.map((issue, at) => ({
      ...issue,
      number: at + 1,
      comments: [],
      isLabelled: false,
    }));
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  static async start(options: LocalForgeOptions): Promise<LocalForge> {
    const forge = new LocalForge(options);
    rmSync(options.directory, { recursive: true, force: true });
    mkdirSync(forge.#repository, { recursive: true });
    await git(forge.#repository, ["init", "--quiet", "--bare", "--initial-branch=main"]);
    await git(forge.#repository, ["config", "http.receivepack", "true"]);
    await git(forge.#repository, ["fast-import", "--quiet"], firstCommit(options.files));
    await once(forge.#server.listen(options.port ?? 0, host), "listening");
    return forge;
  }

  get url(): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  get #repository(): string {
    return join(this.#options.directory, `${name}.git`);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    if (url.pathname.startsWith(`/${name}.git/`)) return await this.#git(request, url, response);
    const route = `${request.method} ${url.pathname.replace(`/api/v1/repos/${name}`, "/api")}`;
    const answer = await this.#answer(route, request);
    if (typeof answer === "string") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(answer);
      return;
    }
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { message: "Not Found" }));
  }

  /** An object is sent as JSON, a string as a page. */
  async #answer(route: string, request: IncomingMessage): Promise<object | string | undefined> {
    const issue = this.issues[Number(/\/(?:issues|label)\/(\d+)/.exec(route)?.[1]) - 1];
    if (route === "GET /") return page(this.issues, this.pulls);
    if (/^POST \/label\/\d+$/.test(route) && issue !== undefined) {
      issue.isLabelled = true;
      await this.#report(issue);
      return page(this.issues, this.pulls);
    }
    if (route === "GET /api") return { default_branch: "main" };
    if (/^GET \/api\/collaborators\//.test(route)) return { permission: "write" };
    if (/^GET \/api\/issues\/\d+$/.test(route)) return issue;
    if (/^GET \/api\/issues\/\d+\/comments$/.test(route)) return issue?.comments;
    if (route === "GET /api/pulls") return this.pulls.map((pull) => this.#shapeOf(pull));
    const body = request.method === "POST" ? (JSON.parse(await text(request)) as Record<string, string>) : {};
    if (/^POST \/api\/issues\/\d+\/comments$/.test(route)) {
      issue?.comments.push({ body: body["body"] ?? "" });
      return issue?.comments.at(-1);
    }
    if (route !== "POST /api/pulls") return undefined;
    const { title = "", head = "", body: words = "" } = body;
    const diff = await git(this.#repository, ["diff", `main...${head}`]);
    const number = this.issues.length + this.pulls.length + 1;
    const pull: LocalPull = { number, title, body: words, head, diff };
    this.pulls.push(pull);
    return this.#shapeOf(pull);
  }

  #shapeOf({ number, title, head }: LocalPull): object {
    return { number, title, head: { ref: head }, html_url: `${this.url}/#pull-${number}` };
  }

  /** Sends the event of a label, as GitHub does. */
  async #report({ number }: LocalIssue): Promise<void> {
    const { webhook } = this.#options;
    if (webhook === undefined) return;
    const body = JSON.stringify({
      ...{ action: "labeled", label: { name: "bot" }, issue: { number } },
      ...{ repository: { full_name: name }, sender: { login: "you" } },
    });
    const signature = createHmac("sha256", webhook.secret).update(body).digest("hex");
    const headers = {
      ...{
        "content-type": "application/json",
        "x-github-event": "issues",
        "x-github-delivery": randomUUID(),
      },
      "x-hub-signature-256": `sha256=${signature}`,
    };
    const response = await fetch(webhook.url, { method: "POST", body, headers });
    if (!response.ok) throw new Error(`The bot answered ${response.status}: ${await response.text()}`);
  }

  /** `git http-backend` is a CGI program, RFC 3875: header lines, an empty line, the body. */
  async #git(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const { "content-type": type, "content-encoding": encoding, "git-protocol": protocol } = request.headers;
    const child = spawn("git", ["http-backend"], {
      env: {
        ...{ PATH: process.env["PATH"], GIT_PROJECT_ROOT: this.#options.directory, GIT_HTTP_EXPORT_ALL: "1" },
        ...{ REQUEST_METHOD: request.method, PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1) },
        ...{ CONTENT_TYPE: type ?? "", HTTP_CONTENT_ENCODING: encoding ?? "", REMOTE_USER: "bot" },
        GIT_PROTOCOL: String(protocol ?? ""),
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    // The program may end before it has read everything.
    child.stdin.on("error", () => {});
    request.pipe(child.stdin);
    const output = await buffer(child.stdout);
    const end = output.indexOf("\r\n\r\n");
    const lines = output.toString("latin1", 0, end).split("\r\n");
    const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
    const status = Number(
      headers.find(([header]) => header.toLowerCase() === "status")?.[1].slice(0, 3) ?? 200,
    );
    response.writeHead(
      status,
      Object.fromEntries(headers.filter(([header]) => header.toLowerCase() !== "status")),
    );
    response.end(output.subarray(end + 4));
  }
}

/** For `git fast-import`. */
function firstCommit(files: Readonly<Record<string, string>>): string {
  const data = (content: string) => `data ${Buffer.byteLength(content)}\n${content}\n`;
  const contents = Object.entries(files).map(
    ([path, content]) => `M 100644 inline ${path}\n${data(content)}`,
  );
  return `commit refs/heads/main\ncommitter You <you@example.com> 1700000000 +0000\n${data("Begin")}${contents.join("")}`;
}

async function git(directory: string, args: readonly string[], input = ""): Promise<string> {
  const child = spawn("git", args, { cwd: directory, stdio: ["pipe", "pipe", "inherit"] });
  // Git may end before it has read its input; its exit code says why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}`);
  return output;
}
