/**
 * Base of the emulators of forges: repositories with real git over smart HTTP, an API with entity tags, pages and
 * faults on loopback, and webhooks. What is special to GitHub, Gitea and GitLab stands in a folder of its own.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gitHttpBackend } from "../git-server.ts";
import { removeAtExit } from "../scratch.ts";
import { type HostedChange, HostedRepository, type KeptRepository } from "./repository.ts";

export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Takes the place of the answer to one request of the API: the next one, or the next that is `at` "METHOD path?query". */
export type ForgeFault = { readonly at?: RegExp } & ForgeFaultKind;

type ForgeFaultKind =
  | { readonly kind: "answer"; readonly answer: ApiAnswer }
  /** Refuses the credential with 401 and repeats it in the message, as careless proxies do. */
  | { readonly kind: "echo_credential" }
  | { readonly kind: "delay"; readonly ms: number }
  /** Runs something to its end before the request is answered as usual. */
  | { readonly kind: "call"; readonly call: () => void | Promise<void> }
  | { readonly kind: "disconnect" };

export interface ForgeServerOptions {
  readonly api: (request: ApiRequest) => Promise<ApiAnswer>;
  /** Headers of every answer of the API. Called after the answer is known; 304 costs nothing at some forges. */
  readonly headersFor: (request: ApiRequest, status: number) => Readonly<Record<string, string>>;
  /** Whether a password of git may read, or write, a repository. */
  readonly gitAccess: (password: string, fullName: string, write: boolean) => boolean;
  readonly onChange: (repository: HostedRepository, change: HostedChange) => void;
  readonly now: () => number;
  /** Words for a push to a protected branch, with `%s` for the branch. */
  readonly protectedWords: string;
  /** Where the repositories stay after the end. Default: a temporary folder. */
  readonly root?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

/** Serves the API of a forge and git on one loopback port. */
export class ForgeServer {
  readonly url: string;
  readonly repositories = new Map<string, HostedRepository>();
  /** "METHOD path?query STATUS" of each request to the API. */
  readonly requests: string[] = [];
  readonly faults: ForgeFault[] = [];
  readonly #options: ForgeServerOptions;
  readonly #root: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(options: ForgeServerOptions, root: string, server: ReturnType<typeof createServer>) {
    this.#options = options;
    this.#root = root;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(options: ForgeServerOptions): Promise<ForgeServer> {
    const { port = 0 } = options;
    const root = options.root ?? mkdtempSync(join(tmpdir(), "holdfast-forge-"));
    if (options.root === undefined) removeAtExit(root);
    else mkdirSync(root, { recursive: true, mode: 0o700 });
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const forge = new ForgeServer(options, root, server);
    server.on("request", (request, response) => {
      forge.#handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
    });
    return forge;
  }

  /** Creates a repository with one commit of `files` on `main`. `fullName` is "owner/name". */
  async addRepository(
    fullName: string,
    files: Readonly<Record<string, string>> = { "README.md": `# ${fullName}\n` },
    author?: string,
  ): Promise<HostedRepository> {
    const { now, onChange, protectedWords } = this.#options;
    const path = this.#pathOf(fullName);
    const id = this.repositories.size + 1;
    const repository = await HostedRepository.create({
      ...{ id, fullName, path, files, now, onChange, protectedWords },
      ...(author === undefined ? {} : { author }),
    });
    this.repositories.set(fullName.toLowerCase(), repository);
    return repository;
  }

  /** Opens a repository of an earlier server with the same root. */
  async restoreRepository(kept: KeptRepository): Promise<HostedRepository> {
    const { now, onChange } = this.#options;
    const path = this.#pathOf(kept.fullName);
    const repository = await HostedRepository.restore({ path, now, onChange }, kept);
    this.repositories.set(kept.fullName.toLowerCase(), repository);
    return repository;
  }

  #pathOf(fullName: string): string {
    return join(this.#root, `${fullName}.git`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#options.root === undefined)
      await rm(this.#root, { recursive: true, force: true, maxRetries: 3 });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const git = /^\/(.+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname);
    if (git !== null) return this.#git(git[1] ?? "", url, request, response);
    const { method = "GET", headers } = request;
    const asked: ApiRequest = { method, url, headers, body: await text(request) };
    const line = `${method} ${url.pathname}${url.search}`;
    const next = this.faults.findIndex(({ at }) => at === undefined || at.test(line));
    const [fault] = next < 0 ? [] : this.faults.splice(next, 1);
    if (fault?.kind === "disconnect") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === "call") await fault.call();
    const answer = fault === undefined ? undefined : answerOf(fault, asked);
    this.#send(asked, answer ?? (await this.#options.api(asked)), response);
  }

  #send(asked: ApiRequest, answer: ApiAnswer, response: ServerResponse): void {
    const isText = typeof answer.body === "string";
    const body = isText ? String(answer.body) : answer.body === undefined ? "" : JSON.stringify(answer.body);
    const tag = `W/"${createHash("sha256").update(body).digest("hex")}"`;
    const isKnown = asked.method === "GET" && answer.status === 200 && asked.headers["if-none-match"] === tag;
    const status = isKnown ? 304 : answer.status;
    this.requests.push(`${asked.method} ${asked.url.pathname}${asked.url.search} ${status}`);
    response.writeHead(status, {
      "content-type": isText ? "text/html; charset=utf-8" : "application/json; charset=utf-8",
      ...(asked.method === "GET" && answer.status === 200 ? { etag: tag } : {}),
      ...this.#options.headersFor(asked, status),
      ...answer.headers,
    });
    response.end(isKnown ? undefined : body);
  }

  async #git(fullName: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const repository = this.repositories.get(fullName.toLowerCase());
    const write = `${url.pathname}${url.search}`.includes("git-receive-pack");
    const given = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /i, ""), "base64");
    const password = given.toString("utf8").replace(/^[^:]*:/, "");
    const isAllowed =
      this.#options.gitAccess(password, fullName, write) ||
      this.#mayEditFork(repository, (base) => this.#options.gitAccess(password, base, true));
    if (password === "" || !isAllowed) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    if (repository === undefined) {
      response.writeHead(404).end();
      return;
    }
    const isPush = url.pathname.endsWith("git-receive-pack");
    gitHttpBackend(this.#root, request, response, async () => {
      if (!isPush) return;
      await repository.afterPush();
      for (const each of this.repositories.values()) await each.moveForkHeads();
    });
  }

  /** True for a fork with an open pull request that allows edits of those who may write its base. */
  #mayEditFork(fork: HostedRepository | undefined, mayWrite: (fullName: string) => boolean): boolean {
    return [...this.repositories.values()].some(({ fullName, pullRequests }) =>
      [...pullRequests.values()].some(
        ({ headRepository, state, maintainersMayEdit }) =>
          headRepository !== undefined &&
          headRepository === fork &&
          state === "open" &&
          maintainersMayEdit &&
          mayWrite(fullName),
      ),
    );
  }
}

function answerOf(fault: ForgeFault, { headers }: ApiRequest): ApiAnswer | undefined {
  switch (fault.kind) {
    case "answer":
      return fault.answer;
    case "echo_credential": {
      const { authorization, "private-token": token } = headers;
      return { status: 401, body: { message: `Bad credentials: ${authorization ?? token}` } };
    }
    case "call":
    case "delay":
    case "disconnect":
      return undefined;
  }
}

/** Cuts page `page` of `per_page` out of a list, with the Link header of RFC 8288. */
export function pageOf<Item>(
  url: URL,
  list: readonly Item[],
  size: number,
): { readonly items: readonly Item[]; readonly headers: Readonly<Record<string, string>> } {
  const page = Number(url.searchParams.get("page") ?? 1);
  const last = Math.max(1, Math.ceil(list.length / size));
  const link = (rel: string, to: number) => {
    const target = new URL(url);
    target.searchParams.set("page", String(to));
    return `<${target.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link("prev", page - 1), link("first", 1)] : []),
    ...(page < last ? [link("next", page + 1), link("last", last)] : []),
  ];
  return {
    items: list.slice((page - 1) * size, page * size),
    headers: links.length === 0 ? {} : { link: links.join(", ") },
  };
}
