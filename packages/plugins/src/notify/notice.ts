import { type PluginContext, ToolError, type ToolInvocationResult } from "@holdfast/gate/plugin";

export const outboxLimits = {
  perMinute: 10,
  perDay: 100,
  /** Newest notices kept per group. Waiting ones are never dropped. */
  perGroup: 1_000,
  attempts: 12,
  firstRetryMs: 1_000,
  /** Longest delay between retries, which double. */
  longestRetryMs: 10 * 60_000,
} as const;

/** Milliseconds before the next attempt, after this many failures. */
export function retryDelayMs(failures: number): number {
  return Math.min(outboxLimits.longestRetryMs, outboxLimits.firstRetryMs * 2 ** failures);
}

export type NoticeState = "kept" | "waiting" | "sent" | "failed";

export interface Notice {
  /** Same for every delivery of the notice, so that receivers can dedupe. */
  readonly id: string;
  readonly group: string;
  readonly session: string;
  readonly title: string;
  readonly text: string;
  readonly urgency: string;
  /** The session contained untrusted content. */
  readonly tainted: boolean;
  readonly at: number;
  readonly state: NoticeState;
  readonly attempts: number;
  /** When its next delivery is due. */
  readonly nextAt: number;
  readonly problem: string | null;
}

type Arguments = Readonly<Record<string, unknown>>;

/** What a call of `notify_send` says. */
export type NoticeText = Pick<Notice, "session" | "title" | "text" | "urgency" | "tainted">;

/** Throws a `ToolError`. */
export function parseNotice(
  args: Arguments,
  caller: Pick<PluginContext, "sessionId" | "tainted">,
): NoticeText {
  const title = toPlainText(args["title"], " ").trim();
  if (title === "") {
    throw new ToolError({ code: "HANDLER_ERROR", message: "The title is empty", field: "title" });
  }
  return {
    ...{ session: caller.sessionId, title, tainted: caller.tainted === true },
    text: toPlainText(args["text"] ?? "", "\n").trim(),
    urgency: String(args["urgency"] ?? "normal"),
  };
}

/**
 * Milliseconds until a group may send again; 0 when it may now. `timeOf(n)` is when it sent its n-th newest notice.
 */
export function waitMs(timeOf: (count: number) => number | undefined, now: number): number {
  const rest = (count: number, windowMs: number) => {
    const at = timeOf(count);
    return at === undefined ? 0 : Math.min(windowMs, at + windowMs - now);
  };
  return Math.max(0, rest(outboxLimits.perMinute, 60_000), rest(outboxLimits.perDay, 24 * 60 * 60_000));
}

export function tooManyNotices(delayMs: number): ToolError {
  return new ToolError({
    code: "TOO_MANY_NOTICES",
    message: "The group has reached its limit of notices for now",
    retriable: true,
    retry_after: Math.ceil(delayMs / 1_000),
  });
}

/** What a call of `notify_list` asks for. */
export function parseList(args: Arguments): { readonly state: string | undefined; readonly limit: number } {
  return {
    state: typeof args["state"] === "string" ? args["state"] : undefined,
    limit: typeof args["limit"] === "number" ? args["limit"] : 20,
  };
}

/** The answer to `notify_list`. Notices of tainted sessions taint the session that reads them. */
export function listResult(notices: readonly Notice[]): ToolInvocationResult {
  return {
    ok: true,
    result: { notices: notices.map(toListItem) },
    ...(notices.some(({ tainted }) => tainted) ? { untrusted: true } : {}),
  };
}

/** The notice as the person's webhook or program gets it. */
export function deliveryBody({ id, group, title, text, urgency, tainted, at }: DeliveredNotice): string {
  return JSON.stringify({ id, group, title, text, urgency, tainted, at: new Date(at).toISOString() });
}

/** What a delivery needs of a notice. */
export type DeliveredNotice = Pick<Notice, "id" | "group" | "title" | "text" | "urgency" | "tainted" | "at">;

/** The notice after a delivery that failed: it is tried again, or given up after the last attempt. */
export function afterFailure(notice: Notice, problem: string, now: number): Notice {
  const attempts = notice.attempts + 1;
  return {
    ...notice,
    attempts,
    state: attempts >= outboxLimits.attempts ? "failed" : "waiting",
    nextAt: now + retryDelayMs(notice.attempts),
    problem: problem.slice(0, 500),
  };
}

/** Strips characters that could disguise a notice, and replaces line breaks by `lineBreak`. */
function toPlainText(value: unknown, lineBreak: string): string {
  return String(value)
    .toWellFormed()
    .replace(/\r\n?|[\n\u0085\u2028\u2029]/g, lineBreak)
    .replace(/[\p{Cf}]|(?!\n)\p{Cc}/gu, "");
}

function toListItem({ id, title, text, urgency, tainted, at, state, attempts, problem }: Notice) {
  return {
    ...{ id, title, text, urgency, tainted, at: new Date(at).toISOString(), state, attempts },
    ...(problem === null ? {} : { problem }),
  };
}
