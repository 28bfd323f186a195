import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Repositories served by the real `git http-backend` on loopback. */
export interface GitServer {
  readonly url: string;
  /** Method, path and whether the password was correct, per request. */
  readonly requests: readonly string[];
  /** Runs git in the bare repository at `path` and returns its output. */
  git(path: string, ...args: readonly string[]): string;
  close(): Promise<void>;
}

export interface GitServerOptions {
  /** Password required of any user, or a function that checks it for a path with its query. */
  readonly password: string | ((given: string, path: string) => boolean);
  /** Paths without ".git". Each repository has one commit on "main" with README.md. */
  readonly repositories: readonly string[];
}

/** Environment in which git reads no configuration of this machine. */
export const gitEnvironment = {
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Test",
  GIT_AUTHOR_EMAIL: "test@example.com",
  GIT_COMMITTER_NAME: "Test",
  GIT_COMMITTER_EMAIL: "test@example.com",
};

/** Starts git's own HTTP server on loopback, with repositories of one commit each, protected by `password`. */
export async function startGitServer({ password, repositories }: GitServerOptions): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), "holdfast-git-server-"));
  const git = (path: string, ...args: readonly string[]) =>
    execFileSync("git", args, {
      cwd: join(root, `${path}.git`),
      env: gitEnvironment,
      encoding: "utf8",
    }).trim();
  for (const path of repositories) {
    mkdirSync(join(root, `${path}.git`), { recursive: true });
    git(path, "init", "--quiet", "--bare", "--initial-branch=main");
    git(path, "config", "http.receivepack", "true");
    const readme = execFileSync("git", ["hash-object", "-w", "--stdin"], {
      ...{ cwd: join(root, `${path}.git`), env: gitEnvironment, input: `# ${path}\n`, encoding: "utf8" },
    }).trim();
    const tree = execFileSync("git", ["mktree"], {
      ...{ cwd: join(root, `${path}.git`), env: gitEnvironment, encoding: "utf8" },
      input: `100644 blob ${readme}\tREADME.md\n`,
    }).trim();
    git(path, "update-ref", "refs/heads/main", git(path, "commit-tree", "-m", "first", tree));
  }
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { authorization = "" } = request.headers;
    const given = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString("utf8");
    const presentedPassword = given.slice(given.indexOf(":") + 1);
    const isAuthorized =
      typeof password === "string"
        ? presentedPassword === password
        : password(presentedPassword, request.url ?? "");
    requests.push(`${request.method} ${request.url} ${isAuthorized}`);
    if (isAuthorized) gitHttpBackend(root, request, response);
    else response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    git,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/**
 * Handles one request with git's CGI program, for the bare repositories below `root`. The response ends after
 * `beforeEnd`, so a client of git that has finished sees what it does.
 */
export function gitHttpBackend(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  beforeEnd: () => Promise<void> = async () => {},
): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://base");
  const child = spawn("git", ["http-backend"], {
    env: {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REMOTE_USER: "person",
      REQUEST_METHOD: request.method ?? "GET",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  // EPIPE: git may respond before it has read the complete request.
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on("data", (chunk: Buffer) => {
    if (response.headersSent) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const headers = Object.fromEntries(
      head
        .toString("latin1", 0, end)
        .split("\r\n")
        .map((line) => [
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line.slice(line.indexOf(":") + 1).trim(),
        ]),
    );
    const { status = "200", ...rest } = headers;
    response.writeHead(Number.parseInt(status, 10), rest);
    response.write(head.subarray(end + 4));
  });
  child.once("close", () => {
    // A failure of the test double ends the connection, which fails the client.
    beforeEnd().then(
      () => response.end(),
      (error: Error) => response.destroy(error),
    );
  });
}
