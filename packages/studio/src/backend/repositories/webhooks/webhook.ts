/** The webhook of a repository: its setup, the deliveries that were refused, and what "check now" says about it. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { studioLimits } from "../../../limits.ts";
import { type RepositoryConnections, secretPrefix } from "../../../remotes/connections.ts";
import type {
  ConnectionCheck,
  RepositorySource,
  WebhookFailure,
  WebhookSetup,
  WebhookView,
} from "../contract.ts";
import type { RepositoryState } from "../state.ts";

/** Incremented when the forges have to send more than before. 2: reviews of GitHub, and issues. */
const webhookVersion = 2;
/** Stands for the version of a webhook that is older, and that the credential may not change. */
const refused = 0;

/** Undefined for a repository without webhooks. */
export function webhookOf(state: RepositoryState): WebhookView | undefined {
  const { id, source, webhookSecret, webhookDeliveredAt, webhookFailures = [] } = state;
  if (source.kind !== "forge") return undefined;
  return {
    isSetUp: (webhookSecret ?? source.webhookSecret) !== undefined,
    path: `/forges/${id}`,
    ...(webhookDeliveredAt === undefined ? {} : { deliveredAt: webhookDeliveredAt }),
    failures: webhookFailures.map((failure) => ({ ...failure })),
  };
}

/** Keeps a refused delivery. Equal ones in a row are counted, so that a flood of them is one row. */
export function keepFailure(
  state: RepositoryState,
  { code, message }: Pick<WebhookFailure, "code" | "message">,
  at: number,
): void {
  const known = (state.webhookFailures ?? []).map((failure) => ({ ...failure }));
  const [newest, ...older] = known;
  if (newest?.code === code && newest.message === message) {
    state.webhookFailures = [{ ...newest, at, count: newest.count + 1 }, ...older];
    return;
  }
  const kept = [{ at, count: 1, code, message }, ...known];
  state.webhookFailures = kept.slice(0, studioLimits.maxWebhookFailures);
}

/**
 * Makes a new secret and sets up the webhook at the forge. Where the credential may not, a person has to: the address and
 * the secret are returned then. Throws `repository.no_webhooks`, `.invalid_webhook_url`.
 */
export async function setUpWebhook(
  connections: Pick<RepositoryConnections, "newWebhookSecret" | "ensureWebhook">,
  { state }: { readonly state: RepositoryState },
  studioUrl: unknown,
): Promise<WebhookSetup> {
  const { id, source } = state;
  if (source.kind !== "forge") {
    const message =
      "Only repositories of GitHub, GitLab and Gitea have webhooks. Others are compared by a timer.";
    throw new HoldfastError("repository", "no_webhooks", message, { statusCode: 409 });
  }
  state.studioUrl = requireStudioUrl(studioUrl);
  const url = `${state.studioUrl}/forges/${id}`;
  const name = `${secretPrefix(id)}webhook`;
  const attempt = async (form: "signing" | "plain"): Promise<WebhookSetup> => {
    const secret = await connections.newWebhookSecret(name, form);
    state.webhookSecret = name;
    state.webhookFailures = [];
    state.webhookVersion = webhookVersion;
    try {
      await connections.ensureWebhook(source, url, name);
      return { isSetUp: true, url };
    } catch (error) {
      if (!isHoldfastError(error) || error.group !== "forge") throw error;
      if (form === "signing" && isUnsigned(error)) return await attempt("plain");
      return { isSetUp: false, url, secret, reason: error.message };
    }
  };
  return attempt("signing");
}

/**
 * Tells the forge to send what an earlier version did not ask for; the secret stays. A credential that may not is not tried
 * again: a person sets up the webhook anew, and "check now" says so.
 */
export async function renewWebhook(
  connections: Pick<RepositoryConnections, "ensureWebhook">,
  {
    state,
    log,
  }: {
    readonly state: RepositoryState;
    readonly log: { warn(message: string, fields: Readonly<Record<string, unknown>>): void };
  },
): Promise<void> {
  const { id, source, webhookSecret, studioUrl, webhookVersion: version = 1 } = state;
  if (source.kind !== "forge" || webhookSecret === undefined || studioUrl === undefined) return;
  if (version === webhookVersion || version === refused) return;
  try {
    await connections.ensureWebhook(source, `${studioUrl}/forges/${id}`, webhookSecret);
    state.webhookVersion = webhookVersion;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (["unauthorized", "forbidden", "not_found", "refused"].includes(error.code))
      state.webhookVersion = refused;
    log.warn("a webhook could not be renewed", { repository: id, error });
  }
}

/** A GitLab from before webhooks were signed. */
function isUnsigned({ metadata }: HoldfastError): boolean {
  return (
    typeof metadata === "object" &&
    metadata !== null &&
    "reason" in metadata &&
    metadata.reason === "unsigned"
  );
}

function requireStudioUrl(given: unknown): string {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && given === url.origin)
    return url.origin;
  const message =
    "The address of the Studio must be one that the forge reaches, without a path: https://studio.example.com";
  throw new HoldfastError("repository", "invalid_webhook_url", message, { statusCode: 400 });
}

/** The checks of a connection: those of its server, its copy on this machine, and its webhook. */
export async function checkConnection(
  state: RepositoryState,
  check: (source: RepositorySource) => Promise<readonly ConnectionCheck[]>,
): Promise<readonly ConnectionCheck[]> {
  const { mirror } = state;
  const webhook = webhookOf(state);
  const found = await check(state.source);
  return [
    ...found,
    ...(mirror === undefined ? [] : [mirrorCheck(mirror)]),
    ...(webhook === undefined ? [] : [webhookCheck(webhook, state.webhookVersion === refused)]),
  ];
}

function mirrorCheck({ status, error, fetchedAt }: NonNullable<RepositoryState["mirror"]>): ConnectionCheck {
  const about = { id: "mirror", name: "Copy on this machine" } as const;
  if (status === "fetching") return { ...about, status: "ok", detail: "Is being fetched." };
  if (status === "failed")
    return {
      ...{ ...about, status: "failed", detail: error?.message ?? "The fetch failed." },
      next: "Sync the repository to fetch again.",
    };
  return { ...about, status: "ok", detail: `Fetched at ${new Date(fetchedAt ?? 0).toISOString()}.` };
}

function webhookCheck({ isSetUp, deliveredAt, failures }: WebhookView, isOld: boolean): ConnectionCheck {
  const about = { id: "webhook", name: "Webhook" } as const;
  const minutes = studioLimits.repositoryReconcileMs / 60_000;
  const [failure] = failures;
  if (!isSetUp) {
    const detail = `Is not set up: changes are found by the comparison every ${minutes} minutes.`;
    return { ...about, status: "warning", detail, next: "Set up the webhook, to see changes at once." };
  }
  if (failure !== undefined && failure.at > (deliveredAt ?? 0))
    return {
      ...{ ...about, status: "failed", detail: `The newest delivery was refused: ${failure.message}` },
      next: "Set up the webhook again, or paste the secret at the forge.",
    };
  if (isOld) {
    const detail = "Was set up by an earlier version: the forge sends no reviews or issues.";
    return { ...about, status: "warning", detail, next: "Set up the webhook again." };
  }
  if (deliveredAt === undefined) {
    const detail = "Is set up. Nothing has arrived yet.";
    const next = "Push a commit. If nothing arrives, check that the forge reaches the Studio's address.";
    return { ...about, status: "warning", detail, next };
  }
  return {
    ...about,
    status: "ok",
    detail: `The newest delivery arrived at ${new Date(deliveredAt).toISOString()}.`,
  };
}
