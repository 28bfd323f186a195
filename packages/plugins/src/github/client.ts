/** GitHub plugin: issues and pull requests. */
import { ToolError } from "@holdfast/gate/plugin";

export interface GitHubResponse<Body> {
  readonly body: Body;
  /** Number of the next page, if any. */
  readonly nextPage?: number;
}

const maxResponseBytes = 8 * 1024 * 1024;
const timeoutMs = 20_000;

export function refused(message: string, field?: string, code = "HANDLER_ERROR"): ToolError {
  return new ToolError({ code, message, field });
}

/** Client of GitHub's REST API (2022-11-28) through the gate's egress proxy, which adds the token. */
export class GitHub {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  /** Types follow the API's OpenAPI description. */
  async get<Body>(
    path: string,
    query: Readonly<Record<string, string | number | undefined>>,
    signal?: AbortSignal,
  ): Promise<GitHubResponse<Body>> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) parameters.set(name, String(value));
    const text = parameters.size === 0 ? "" : `?${parameters}`;
    return this.#request<Body>("GET", `${path}${text}`, undefined, signal);
  }

  async post<Body>(
    path: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<Body> {
    return (await this.#request<Body>("POST", path, JSON.stringify(body), signal)).body;
  }

  async #request<Body>(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GitHubResponse<Body>> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#base}${path}`, {
        method,
        redirect: "manual",
        headers: {
          accept: "application/vnd.github+json",
          "x-github-api-version": "2022-11-28",
          "user-agent": "holdfast",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
      });
      text = await readBounded(response);
    } catch (error) {
      if (error instanceof ToolError) throw error;
      // A write may have been executed: only reads are safe to retry.
      if (method === "POST") {
        throw refused(
          "GitHub did not respond. The request may have been executed: check before you repeat it",
          undefined,
          "GITHUB_UNCERTAIN",
        );
      }
      throw new ToolError({ code: "GITHUB_UNAVAILABLE", message: "GitHub did not respond", retriable: true });
    }
    if (method === "POST" && response.status >= 500) {
      // A server error may follow an executed request.
      throw refused(
        `GitHub answered ${response.status}. The request may have been executed: check before you repeat it`,
        undefined,
        "GITHUB_UNCERTAIN",
      );
    }
    if (response.status < 200 || response.status > 299) throw failure(response, text);
    const nextPage = nextPageOf(response.headers.get("link"));
    // Types follow the API's description.
    return { body: parseJson(text) as Body, ...(nextPage === undefined ? {} : { nextPage }) };
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxResponseBytes) throw refused("GitHub's response is too large. Ask for a smaller page");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ToolError({
      code: "GITHUB_UNAVAILABLE",
      message: "GitHub's response is not JSON",
      retriable: true,
    });
  }
}

function nextPageOf(link: string | null): number | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? "")?.[1];
  if (next === undefined || !URL.canParse(next, "http://base")) return undefined;
  const page = Number(new URL(next, "http://base").searchParams.get("page"));
  return Number.isSafeInteger(page) && page > 0 ? page : undefined;
}

function failure(response: Response, text: string): ToolError {
  const { status, headers } = response;
  let message = "";
  let details = "";
  try {
    const body: unknown = JSON.parse(text);
    const error: unknown = Reflect.get(Object(body), "error");
    const messageText: unknown =
      Reflect.get(Object(body), "message") ?? Reflect.get(Object(error), "message");
    if (typeof messageText === "string") message = messageText.slice(0, 500);
    const errors: unknown = Reflect.get(Object(body), "errors");
    if (Array.isArray(errors)) details = ` ${JSON.stringify(errors).slice(0, 500)}`;
  } catch {
    // The status says enough.
  }
  const said = message === "" ? "" : `: ${message}${details}`;
  const isRateLimited = headers.get("x-ratelimit-remaining") === "0";
  const after = headers.get("retry-after");
  if (status === 429 || (status === 403 && (isRateLimited || after !== null))) {
    const reset = Number(headers.get("x-ratelimit-reset"));
    const untilReset = Number.isFinite(reset) && reset > 0 ? Math.ceil(reset - Date.now() / 1_000) : 60;
    const seconds = after !== null && /^\d+$/.test(after) ? Number(after) : untilReset;
    return new ToolError({
      code: "GITHUB_RATE_LIMITED",
      message: "GitHub's rate limit is exhausted",
      retriable: true,
      retry_after: Math.max(1, Math.min(3_600, seconds)),
    });
  }
  if (status === 401) return refused("GitHub refused the token", undefined, "GITHUB_LOGIN_FAILED");
  if (status === 404) return refused("Not found, or the token has no access to it", undefined, "NOT_FOUND");
  if (status >= 500) {
    return new ToolError({
      code: "GITHUB_UNAVAILABLE",
      message: `GitHub answered ${status}`,
      retriable: true,
    });
  }
  if (status >= 300 && status < 400) return refused("It has moved. Use its new name", "repository", "MOVED");
  return refused(`GitHub refused the request (${status})${said}`, undefined, "GITHUB_REFUSED");
}
