import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../../limits.ts";

/** What is known about a request that a forge did not answer with 2xx. */
export interface FailedRequest {
  /** Method, host and path. */
  readonly about: string;
  readonly status: number;
  readonly text: string;
  readonly retryAt: number | undefined;
  /** Removed from the forge's words. */
  readonly secret: string;
}

const maxWordsLength = 300;
const minuteMs = 60_000;

/**
 * When a refused request may be repeated, in milliseconds since the epoch; undefined when its rate was not limited. It is at
 * most {@link studioLimits.maxForgeRateWaitMs} ahead, whatever the forge's clock says.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export function rateLimitOf({ status, headers }: Response, now: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const at = retryTimeOf(headers, now) ?? (status === 429 ? now + minuteMs : undefined);
  return at === undefined ? undefined : Math.min(Math.max(at, now), now + studioLimits.maxForgeRateWaitMs);
}

function retryTimeOf(headers: Headers, now: number): number | undefined {
  const after = headers.get("retry-after");
  const seconds = Number(after);
  if (after !== null && Number.isFinite(seconds)) return now + seconds * 1000;
  const date = after === null ? Number.NaN : Date.parse(after);
  if (Number.isFinite(date)) return date;
  // GitHub, then GitLab.
  for (const prefix of ["x-ratelimit", "ratelimit"]) {
    const reset = Number(headers.get(`${prefix}-reset`));
    if (headers.get(`${prefix}-remaining`) === "0" && reset > 0) return reset * 1000;
  }
  return undefined;
}

/** The typed error of a request that was refused, with the next step. */
export function failureOf({ about, status, text, retryAt, secret }: FailedRequest): HoldfastError {
  const said = wordsOf(text, secret);
  const words = said === "" ? "" : ` (${said})`;
  if (retryAt !== undefined) {
    const at = new Date(retryAt).toISOString();
    const message = `The forge's rate limit is used up. Ask again after ${at}.`;
    return new HoldfastError("forge", "rate_limited", message, { statusCode: 429, metadata: { retryAt } });
  }
  if (status === 401) {
    const message = `The forge does not accept the credential${words}. It has expired or was revoked: connect again.`;
    return new HoldfastError("forge", "unauthorized", message, { statusCode: 401 });
  }
  if (status === 403) {
    const message = `The credential may not do this${words}. Give it the permission at the forge: ${about}.`;
    return new HoldfastError("forge", "forbidden", message, { statusCode: 403 });
  }
  if (status === 404 || status === 410 || (status >= 300 && status < 400)) {
    const message = `${about} does not exist, was renamed, or is hidden from this credential${words}. Check its name and the access of the credential.`;
    return new HoldfastError("forge", "not_found", message, { statusCode: 404 });
  }
  if (status >= 500) {
    const message = `The forge failed with ${status}: ${about}${words}. Try again later.`;
    return new HoldfastError("forge", "unavailable", message, { statusCode: 503, metadata: { status } });
  }
  const message = `The forge refused ${about}: ${said === "" ? status : said}. Change what it names, and try again.`;
  return new HoldfastError("forge", "refused", message, { statusCode: 409, metadata: { status } });
}

/** Message of an error answer, with the messages of its details. */
function wordsOf(text: string, secret: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return "";
  }
  if (typeof body !== "object" || body === null) return "";
  // GitLab has texts or lists in `message`, or a text in `error`.
  const { message, errors, error } = body as { message?: unknown; errors?: unknown; error?: unknown };
  const details = (Array.isArray(errors) ? errors : []).map((each: unknown) => {
    if (typeof each !== "object" || each === null) return String(each);
    const detail = each as { message?: unknown; field?: unknown; code?: unknown };
    return typeof detail.message === "string" ? detail.message : `${detail.field ?? ""} ${detail.code ?? ""}`;
  });
  const texts = [message, error].flat().filter((each) => typeof each === "string");
  const words = [...texts, ...details].join("; ");
  const cleaned = secret === "" ? words : words.replaceAll(secret, "***");
  return cleaned.replace(/\s+/g, " ").trim().slice(0, maxWordsLength);
}
